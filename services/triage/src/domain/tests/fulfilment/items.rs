//! The catalogue.

use super::super::super::fulfilment::form::{MAX_BYTES, MAX_DEPTH, MAX_PARTS};
use super::super::super::fulfilment::item::{ApprovalRule, Item, TaskTemplate};
use super::super::super::fulfilment::{Asked, Form};
use super::*;

const FORM: &str = r#"{"type": "object", "required": ["model"], "additionalProperties": false, "properties": {
    "model": {"enum": ["13", "15"], "description": "the size in inches"},
    "price": {"type": "integer", "minimum": 1},
    "cost_centre": {"type": "string", "pattern": "^[0-9]{4}$"}}}"#;

fn laptop() -> Item {
    Item {
        item: "laptop".to_owned(),
        name: "New laptop".to_owned(),
        category: "hardware".to_owned(),
        subcategory: String::new(),
        queue: "network".to_owned(),
        form: Some(Form::read(FORM).unwrap()),
        approval: None,
        tasks: vec![
            TaskTemplate { title: "Order".to_owned(), queue: String::new(), after: vec![] },
            TaskTemplate { title: "Set up".to_owned(), queue: "network".to_owned(), after: vec![1] },
        ],
        impact: Some(Level::Low),
        urgency: None,
    }
}

fn with(item: Item) -> SupportModel {
    let mut model = super::model();
    model.version = 3;
    model.fulfilment.items.insert(item.item.clone(), item);
    model
}

fn requested(model: &SupportModel, item: &str, answers: &str) -> Work {
    let asked = Some(Asked { item: item.to_owned(), answers_json: answers.to_owned() });
    let mut case = unknown();
    case.register(&Arrival { asked, ..arrival() }, model, at(0), "cause");
    let once = case.ticket().unwrap();
    case.register(&arrival(), model, at(5), "cause");
    assert_eq!(case.ticket().unwrap(), once, "twice changes nothing");
    once.work
}

#[test]
fn a_request_brings_its_kind_queue_and_tasks_with_it() {
    let work = requested(&with(laptop()), "laptop", r#"{"model": "13"}"#);
    let known = &work.classification;
    assert_eq!((known.kind, known.category.as_str()), (Kind::ServiceRequest, "hardware"));
    assert_eq!((known.impact, known.urgency), (Level::Low, Level::Medium));
    assert_eq!((work.placement.queue.as_str(), work.placement.tier), ("network", 2));
    assert_eq!(work.placement.rule, "catalogue item `laptop`");
    let tasks: Vec<_> =
        work.fulfilment.tasks.iter().map(|it| (it.number, it.title.as_str(), it.after.clone())).collect();
    assert_eq!(tasks, [(1, "Order", vec![]), (2, "Set up", vec![1])]);
    let asked = work.fulfilment.requested.unwrap();
    assert_eq!((asked.name.as_str(), asked.model_version, asked.faults.len()), ("New laptop", 3, 0));
    assert_eq!(work.state, State::Queued, "nobody has to agree");
}

#[test]
fn a_request_waits_for_its_approval_where_the_items_rule_holds() {
    let rule = |when| ApprovalRule {
        approvers: vec!["cem".to_owned()],
        mode: ApprovalMode::Any,
        when,
        within: Some(SignedDuration::from_hours(8)),
    };
    let sales = Condition::Compare(Field::Department, Test::Is("sales".to_owned()));
    let model = with(Item { approval: Some(rule(Some(sales))), ..laptop() });
    let work = requested(&model, "laptop", r#"{"model": "13"}"#);
    assert_eq!(work.waiting.map(|it| it.reason), Some(WaitingReason::Approval));
    assert_eq!(work.fulfilment.approvals[0].due_at, Some(at(8 * 60)));
    let approved = does(&work, says(0, Decision::Approved), "cem", &model).unwrap();
    assert_eq!(approved.state, State::Queued);

    let others = Condition::Compare(Field::Department, Test::Is("board".to_owned()));
    let model = with(Item { approval: Some(rule(Some(others))), ..laptop() });
    assert!(requested(&model, "laptop", "").fulfilment.approvals.is_empty());
    // Whoever wants it does not approve of it, whatever the item says.
    let own = ApprovalRule { approvers: vec!["kari@acme.example".to_owned()], ..rule(None) };
    let model = with(Item { approval: Some(own), ..laptop() });
    let work = requested(&model, "laptop", "");
    assert_eq!(refused(does(&work, says(1, Decision::Approved), "kari@acme.example", &model)), Refusal::OwnRequest);
}

#[test]
fn wrong_answers_are_told_with_their_place_and_refuse_nothing_that_is_registered() {
    let model = with(laptop());
    let answers = r#"{"price": "much", "cost_centre": "12", "colour": "red"}"#;
    let work = requested(&model, "laptop", answers);
    let faults = work.fulfilment.requested.unwrap().faults;
    let mut places: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["", "", "/cost_centre", "/price"], "{faults:#?}");
    assert!(faults.iter().all(|fault| !fault.wrong.is_empty() && !fault.advice.is_empty()));
    let size = laptop().faults(r#"{"model": "14"}"#);
    assert_eq!((size[0].path.as_str(), size[0].advice.as_str()), ("/model", "the size in inches"));
    let unknown = requested(&model, "yacht", "{}");
    assert_eq!(unknown.fulfilment.requested.unwrap().faults.len(), 1);
    assert_eq!(unknown.classification.kind, Kind::Incident, "as if nothing had been asked for");
}

#[test]
fn hostile_answers_are_faults_like_others() {
    let deep = format!(r#"{{"model": {}1{}}}"#, "[".repeat(60), "]".repeat(60));
    let long = format!(r#"{{"model": "{}"}}"#, "x".repeat(MAX_BYTES));
    let unreadable = "[".repeat(10_000);
    for answers in ["[]", "null", "{", "\"x\"", &deep, &long, &unreadable] {
        let faults = laptop().faults(answers);
        assert_eq!(faults.len(), 1, "{:.60}: {faults:?}", answers);
        assert!(faults[0].wrong.len() < 1_000);
    }
    let many: String = (0..1_000).map(|n| format!(r#""f{n}": 1,"#)).collect();
    assert!(laptop().faults(&format!(r#"{{{many} "model": "13"}}"#)).len() <= 50);
}

#[test]
fn a_form_is_a_schema_that_points_nowhere_and_has_an_end() {
    let nested = |levels: usize| {
        let inner = r#"{"type": "object", "properties": {"a": "#.repeat(levels);
        format!("{inner}true{}", "}}".repeat(levels))
    };
    assert!(Form::read(&nested(MAX_DEPTH - 1)).is_ok());
    let many = |count: usize| {
        let fields: Vec<String> = (0..count).map(|n| format!(r#""f{n}": true"#)).collect();
        format!(r#"{{"type": "object", "properties": {{{}}}}}"#, fields.join(","))
    };
    assert!(Form::read(&many(MAX_PARTS - 2)).is_ok());
    let wrong = [
        ("{".to_owned(), "is no JSON"),
        ("[]".to_owned(), "must be a JSON schema of type object"),
        (r#"{"type": "string"}"#.to_owned(), "must be a JSON schema of type object"),
        (r##"{"type": "object", "$ref": "#"}"##.to_owned(), "uses `$ref` at `/$ref`"),
        (
            r#"{"type": "object", "properties": {"a": {"$ref": "http://example.org/x"}}}"#.to_owned(),
            "uses `$ref` at `/properties/a/$ref`",
        ),
        (r#"{"type": "object", "$id": "http://example.org"}"#.to_owned(), "uses `$id`"),
        (r#"{"type": "object", "properties": {"a": {"minLength": -1}}}"#.to_owned(), "is no JSON schema at"),
        (r#"{"type": "object", "properties": {"a": {"pattern": "("}}}"#.to_owned(), "is no JSON schema at"),
        (r#"{"type": "object", "properties": {"a": {"pattern": "((a{1000}){1000}){1000}"}}}"#.to_owned(), "is no JSON"),
        (r#"{"type": "object", "properties": {"a": {"pattern": "(?=x)"}}}"#.to_owned(), "is no JSON schema at"),
        (nested(MAX_DEPTH + 1), "is nested more than"),
        (many(MAX_PARTS + 1), "has more than"),
        (format!(r#"{{"type": "object", "title": "{}"}}"#, "x".repeat(MAX_BYTES)), "has 3"),
    ];
    for (form, expected) in wrong {
        let said = Form::read(&form).expect_err(&form);
        assert!(said.starts_with(expected), "{:.80}: {said}", form);
    }
}

#[test]
fn a_pattern_that_would_take_for_ever_takes_no_time() {
    let form = Form::read(r#"{"type": "object", "properties": {"a": {"pattern": "^(a+)+$"}}}"#).unwrap();
    let answers = format!(r#"{{"a": "{}!"}}"#, "a".repeat(30_000));
    assert_eq!(form.faults(&answers).len(), 1);
}
