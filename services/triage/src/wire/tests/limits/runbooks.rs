//! Runbooks of a model.

use contracts::duration;
use contracts::triage::v1 as proto;
use contracts::triage::v1::runbook_parameter::Type;
use jiff::SignedDuration;

use super::{good, long, refuses};
use crate::wire::model::runbook::{MAX_CHOICES, MAX_OUTPUT, MAX_PARAMETERS, MAX_PATTERN, MAX_RUNBOOKS};
use crate::wire::model::{check, compiled};

fn runbook(word: &str) -> proto::Runbook {
    proto::Runbook {
        runbook: word.to_owned(),
        title: "Restart it".to_owned(),
        runner: "site-a".to_owned(),
        ..proto::Runbook::default()
    }
}

fn parameter(word: &str, takes: Type) -> proto::RunbookParameter {
    proto::RunbookParameter { parameter: word.to_owned(), r#type: Some(takes), ..proto::RunbookParameter::default() }
}

fn text(pattern: &str, max_length: i32) -> Type {
    Type::Text(proto::TextParameter { pattern: pattern.to_owned(), max_length })
}

fn choice(values: &[&str]) -> Type {
    Type::Choice(proto::ChoiceParameter { values: values.iter().map(ToString::to_string).collect() })
}

#[test]
fn what_a_model_says_of_runbooks_is_compiled() {
    let mut model = good();
    model.runbooks = (0..MAX_RUNBOOKS).map(|n| runbook(&format!("r{n}"))).collect();
    let values: Vec<String> = (0..MAX_CHOICES).map(|n| n.to_string()).collect();
    let choice = Type::Choice(proto::ChoiceParameter { values });
    let first = &mut model.runbooks[0];
    first.parameters = (0..MAX_PARAMETERS).map(|n| parameter(&format!("p{n}"), choice.clone())).collect();
    first.time_limit = Some(duration(SignedDuration::from_hours(4)));
    first.output_limit = MAX_OUTPUT;
    model.runbooks[1].parameters = vec![parameter("text", text(&"a".repeat(MAX_PATTERN), 4_000))];
    assert_eq!(check::checked(&model).map(|id| id.to_string()), Ok(model.client_id.clone()));
    let known = compiled(&model).runbooks;
    assert_eq!((known.len(), known["r0"].parameters.len()), (MAX_RUNBOOKS, MAX_PARAMETERS));
    assert_eq!((known["r0"].time_limit, known["r0"].output_limit), (SignedDuration::from_hours(4), MAX_OUTPUT));
    assert_eq!((known["r1"].time_limit, known["r1"].output_limit), (SignedDuration::from_mins(5), 256 * 1024));
}

#[test]
fn runbooks_have_limits() {
    refuses("runbooks must have at most 200", |model| {
        model.runbooks = (0..=MAX_RUNBOOKS).map(|n| runbook(&format!("r{n}"))).collect();
    });
    refuses("runbooks[1] names `a` a second time", |model| model.runbooks = vec![runbook("a"), runbook("a")]);
    let wrong = |says: &str, spoil: fn(&mut proto::Runbook)| {
        refuses(says, |model| {
            let mut one = runbook("restart");
            spoil(&mut one);
            model.runbooks = vec![one];
        });
    };
    wrong("runbooks[0].runbook must be 1 to 61", |it| it.runbook = "Restart".to_owned());
    wrong("runbooks[0].runbook must be 1 to 61", |it| it.runbook = "r".repeat(62));
    wrong("runbooks[0].runner must be 1 to 31", |it| it.runner = "r".repeat(32));
    wrong("runbooks[0].runner must be 1 to 31", |it| it.runner = "a.b".to_owned());
    wrong("runbooks[0].runner must be 1 to 31", |it| it.runner = "*".to_owned());
    wrong("runbooks[0].title must not be empty", |it| it.title = String::new());
    wrong("runbooks[0].title must have at most 200", |it| it.title = long(201));
    wrong("runbooks[0].purpose must have at most 1000", |it| it.purpose = long(1_001));
    wrong("runbooks[0].approvers must have at most 20", |it| {
        it.approvers = (0..21).map(|n| format!("p{n}")).collect();
    });
    wrong("runbooks[0].time_limit must be 1 second to 4 hours", |it| {
        it.time_limit = Some(duration(SignedDuration::from_secs(4 * 3600 + 1)));
    });
    wrong("runbooks[0].time_limit must be 1 second to 4 hours", |it| {
        it.time_limit = Some(duration(SignedDuration::from_millis(999)));
    });
    wrong("runbooks[0].output_limit must be 1024", |it| it.output_limit = 1_023);
    wrong("runbooks[0].output_limit must be 1024", |it| it.output_limit = MAX_OUTPUT + 1);
    wrong("runbooks[0].parameters must have at most 20", |it| {
        it.parameters = (0..=MAX_PARAMETERS).map(|n| parameter(&format!("p{n}"), text("", 0))).collect();
    });
}

#[test]
fn parameters_of_runbooks_have_limits() {
    let wrong = |says: &str, spoilt: fn() -> proto::RunbookParameter| {
        refuses(&format!("runbooks[0].parameters[0]{says}"), |model| {
            model.runbooks = vec![proto::Runbook { parameters: vec![spoilt()], ..runbook("restart") }];
        });
    };
    wrong(".parameter must be 1 to 31", || parameter("LD_PRELOAD", text("", 0)));
    wrong(".parameter must be 1 to 31", || parameter(&"p".repeat(32), text("", 0)));
    wrong(".type must be set", || proto::RunbookParameter { r#type: None, ..parameter("p", text("", 0)) });
    wrong(".text.pattern must have at most 500", || parameter("p", text(&"a".repeat(MAX_PATTERN + 1), 0)));
    wrong(".text.pattern is no regular expression", || parameter("p", text("(", 0)));
    wrong(".text.pattern is too large", || parameter("p", text("(?:a{1000}){1000}", 0)));
    wrong(".text.max_length must be 1 to 4000", || parameter("p", text("", 4_001)));
    wrong(".text.max_length must be 1 to 4000", || parameter("p", text("", -1)));
    wrong(".number must have a min", || parameter("p", Type::Number(proto::NumberParameter { min: 2, max: 1 })));
    wrong(".choice.values must have at least one", || parameter("p", choice(&[])));
    wrong(".choice.values[0] must be 1 to 200", || parameter("p", choice(&[" a"])));
    wrong(".choice.values[1] is there already", || parameter("p", choice(&["a", "a"])));
    wrong(".choice.values must have at most 100", || {
        let values = (0..=MAX_CHOICES).map(|n| n.to_string()).collect();
        parameter("p", Type::Choice(proto::ChoiceParameter { values }))
    });
}
