use std::collections::BTreeMap;

use super::*;

fn form() -> Form {
    let field = |name: &str, takes, required| Field { name: name.to_owned(), takes, required };
    Form {
        fields: vec![
            field("serial", FieldType::Text, true),
            field("floor", FieldType::Number, true),
            field("colour", FieldType::Choice(vec!["black".to_owned()]), false),
        ],
        strict: true,
    }
}

fn brought(fields: &BTreeMap<String, String>) -> Brought<'_> {
    Brought { by_machine: false, is_described: true, has_category: true, is_known: true, fields }
}

fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn completeness_is_the_share_of_what_should_be_known() {
    let (none, half, all) = (fields(&[]), fields(&[("serial", "X1")]), fields(&[("serial", "X1"), ("floor", "4")]));
    assert_eq!(completeness(&brought(&all), Some(&form())), 100);
    assert_eq!(completeness(&brought(&half), Some(&form())), 80);
    assert_eq!(completeness(&brought(&none), None), 100);
    assert_eq!(completeness(&Brought { is_known: false, ..brought(&none) }, None), 67);
    assert_eq!(completeness(&Brought { is_described: false, ..brought(&none) }, Some(&form())), 40);
    // A value that does not fit is none.
    assert_eq!(completeness(&brought(&fields(&[("serial", " "), ("floor", "top")])), Some(&form())), 60);
}

#[test]
fn a_strict_form_refuses_people_and_never_machines() {
    let wrong = fields(&[("floor", "top"), ("colour", "green"), ("odd", "x")]);
    let names = |complaints: Vec<(String, String)>| complaints.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(form().complaints(&brought(&wrong))), ["serial", "floor", "colour", "odd"]);
    assert!(form().complaints(&Brought { by_machine: true, ..brought(&wrong) }).is_empty());
    assert!(Form { strict: false, ..form() }.complaints(&brought(&wrong)).is_empty());
    assert!(form().complaints(&brought(&fields(&[("serial", "X1"), ("floor", "-2.5")]))).is_empty());
}

#[test]
fn each_type_of_field_takes_its_own() {
    let choice = FieldType::Choice(vec!["black".to_owned()]);
    for (takes, good, bad) in [
        (FieldType::Number, "12.5", "1,5"),
        (FieldType::Number, "-1", "NaN"),
        (FieldType::Date, "2026-11-30", "2026-13-01"),
        (FieldType::Date, "2028-02-29", "30.11.2026"),
        (FieldType::Boolean, "true", "yes"),
        (choice, "black", "Black"),
    ] {
        assert_eq!(fault(&takes, good), None, "{takes:?}");
        assert!(fault(&takes, bad).is_some(), "{takes:?} {bad}");
    }
}
