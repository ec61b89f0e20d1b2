//! What is refused, one past each limit.

mod automation;
mod fulfilment;
mod roster;
mod runbooks;

use contracts::triage::v1 as proto;
use contracts::triage::v1::condition::Form;

use crate::store::ticket::Name;
use crate::wire::model::check;
use crate::wire::request::{self, Commands};
use crate::wire::{Check, model};

fn wrong(asked: &impl Commands) -> String {
    let violations = asked.asked().unwrap_err();
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn long(most: usize) -> String {
    "å".repeat(most + 1)
}

fn head() -> (String, String) {
    ("r1".to_owned(), "acme-7".to_owned())
}

#[test]
fn a_request_names_its_ticket_and_itself() {
    let (request_id, ticket) = head();
    let claim = proto::ClaimTicketRequest { request_id, ticket, expected_revision: 4 };
    let asked = claim.asked().unwrap();
    assert_eq!((asked.ticket, asked.expected_revision), (Name::Reference("ACME-7".to_owned()), 4));
    let nothing = wrong(&proto::ClaimTicketRequest::default());
    assert!(nothing.contains("request_id must not be empty") && nothing.contains("ticket must not be empty"));
    let much = proto::ClaimTicketRequest {
        request_id: long(request::MAX_REQUEST_ID),
        ticket: long(request::MAX_TICKET),
        expected_revision: 0,
    };
    let much = wrong(&much);
    assert!(much.contains("request_id must have at most 36") && much.contains("ticket must have at most 50"), "{much}");
    let nul = proto::ClaimTicketRequest { request_id: "a\0".to_owned(), ..claim };
    assert!(wrong(&nul).contains("NUL"));
}

#[test]
fn texts_of_commands_have_limits() {
    let (request_id, ticket) = head();
    let over = proto::HandOverTicketRequest {
        request_id: request_id.clone(),
        ticket: ticket.clone(),
        queue: long(request::MAX_NAME),
        reason: long(request::MAX_REASON),
        note: long(request::MAX_NOTE),
        ..Default::default()
    };
    let text = wrong(&over);
    for field in ["queue", "reason", "note"] {
        assert!(text.contains(&format!("{field} must have at most")), "{text}");
    }
    let empty = proto::HandOverTicketRequest { request_id, ticket, ..Default::default() };
    let text = wrong(&empty);
    assert!(text.contains("queue must not be empty") && text.contains("reason must not be empty"), "{text}");
}

#[test]
fn words_must_be_known_and_needed_ones_set() {
    let (request_id, ticket) = head();
    let wait = proto::WaitTicketRequest { request_id, ticket, ..Default::default() };
    assert!(wrong(&wait).contains("reason must be set"));
    assert!(wrong(&proto::WaitTicketRequest { reason: 7, ..wait }).contains("reason is no value known here"));
}

#[test]
fn an_override_needs_its_reason_and_a_reason_its_override() {
    let (request_id, ticket) = head();
    let triage = proto::TriageTicketRequest { request_id, ticket, ..Default::default() };
    assert!(triage.asked().is_ok());
    let without = proto::TriageTicketRequest { priority: 1, ..triage.clone() };
    assert!(wrong(&without).contains("override_reason must say why"));
    let alone = proto::TriageTicketRequest { override_reason: "so".to_owned(), ..triage };
    assert!(wrong(&alone).contains("override_reason goes only with a priority"));
}

#[test]
fn a_resolution_names_an_article_or_why_there_is_none() {
    let (request_id, ticket) = head();
    let both = proto::ResolveTicketRequest {
        request_id,
        ticket,
        code: 1,
        article_id: "a".to_owned(),
        no_article_reason: "b".to_owned(),
        ..Default::default()
    };
    assert!(wrong(&both).contains("no_article_reason must be empty"));
}

#[test]
fn a_duplicate_names_the_ticket_that_stays() {
    let (request_id, ticket) = head();
    let cancel = proto::CancelTicketRequest { request_id, ticket, reason: 2, ..Default::default() };
    assert!(wrong(&cancel).contains("duplicate_of must name"));
    let spam = proto::CancelTicketRequest { reason: 3, duplicate_of: "ACME-1".to_owned(), ..cancel };
    assert!(wrong(&spam).contains("duplicate_of goes only with"));
}

#[test]
fn filters_have_limits() {
    let filter = proto::TicketFilter {
        client_ids: vec!["acme".to_owned(); request::MAX_FILTERED + 1],
        states: vec![1; request::MAX_FILTERED + 1],
        priorities: vec![9],
        queues: vec![String::new()],
        subject_contains: long(request::MAX_NAME),
        registered_from: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        ..Default::default()
    };
    let mut check = Check::default();
    let _filter = request::filter(Some(&filter), &mut check);
    let _order = request::order(9, &mut check);
    let text = format!("{:?}", check.done().unwrap_err());
    for field in ["client_ids", "states", "priorities", "queues", "subject_contains", "registered_from", "order"] {
        assert!(text.contains(field), "{field} in {text}");
    }
}

/// A model with nothing wrong.
fn good() -> proto::SupportModel {
    let levels = [1, 2, 3];
    let cells = levels.iter().flat_map(|impact| levels.map(|urgency| (*impact, urgency)));
    proto::SupportModel {
        client_id: "acme".to_owned(),
        version: 0,
        tiers: vec![proto::Tier { tier: 1, name: "Desk".to_owned(), kind: 2, ..Default::default() }],
        queues: vec![proto::Queue { queue: "desk".to_owned(), tier: 1, ..Default::default() }],
        positions: vec![proto::Position {
            position: "early".to_owned(),
            name: "Early shift".to_owned(),
            queues: vec!["desk".to_owned()],
        }],
        agents: vec![proto::AgentProfile {
            agent: "ada@operator.example".to_owned(),
            shifts: vec![proto::Shift {
                position: "early".to_owned(),
                weekly: days(&["08:00-16:00"]),
                ..Default::default()
            }],
            ..Default::default()
        }],
        roster_time_zone: "Europe/Oslo".to_owned(),
        default_queue: "desk".to_owned(),
        categories: vec![proto::Category {
            category: "software".to_owned(),
            subcategories: vec!["office".to_owned()],
            time_box_for: None,
        }],
        matrix: cells.map(|(impact, urgency)| proto::MatrixCell { impact, urgency, priority: 1 }).collect(),
        classification: vec![proto::ClassificationRule {
            rule: "mail".to_owned(),
            when: Some(compare(1, 5, &["mail"])),
            category: "software".to_owned(),
            subcategory: "office".to_owned(),
            ..Default::default()
        }],
        routing: vec![proto::RoutingRule {
            rule: "urgent".to_owned(),
            when: Some(compare(11, 1, &["P1"])),
            queue: "desk".to_owned(),
            mode: 0,
        }],
        ..proto::SupportModel::default()
    }
}

/// Mondays with these hours.
fn days(hours: &[&str]) -> Vec<proto::DayHours> {
    vec![proto::DayHours { day: "mon".to_owned(), hours: hours.iter().map(ToString::to_string).collect() }]
}

fn compare(field: i32, operator: i32, values: &[&str]) -> proto::Condition {
    let values = values.iter().map(ToString::to_string).collect();
    proto::Condition { form: Some(Form::Compare(proto::Comparison { field, operator, values })) }
}

fn not(inner: proto::Condition) -> proto::Condition {
    proto::Condition { form: Some(Form::Not(Box::new(inner))) }
}

fn all(conditions: Vec<proto::Condition>) -> proto::Condition {
    proto::Condition { form: Some(Form::All(proto::ConditionList { conditions })) }
}

/// The good model, spoilt: it must be refused with this text in one of the violations.
fn refuses(expected: &str, spoil: impl FnOnce(&mut proto::SupportModel)) {
    let mut model = good();
    spoil(&mut model);
    let violations = check::checked(&model).unwrap_err();
    let text = violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    assert!(text.contains(expected), "expected `{expected}` in: {text}");
}

#[test]
fn a_good_model_is_applied_as_it_says() {
    assert_eq!(check::checked(&good()).unwrap().as_str(), "acme");
    let compiled = model::compiled(&good());
    assert_eq!(compiled.queues["desk"].tier, 1);
    assert_eq!((compiled.positions.len(), compiled.agents.len()), (1, 1));
    assert_eq!((compiled.classification.len(), compiled.routing.len()), (1, 1));
}

#[test]
fn what_a_model_names_must_be_there() {
    refuses("client_id", |model| model.client_id = "A".to_owned());
    refuses("default_queue must be one of", |model| model.default_queue = "x".to_owned());
    refuses("queues[0].tier must be one of", |model| model.queues[0].tier = 2);
    refuses("queues[0].queue must be 1 to 61", |model| model.queues[0].queue = "a".repeat(62));
    refuses("a second time", |model| model.queues.push(model.queues[0].clone()));
    refuses("tiers[0].kind", |model| model.tiers[0].kind = 0);
    refuses("tiers[0].tier must be 0 to 9", |model| model.tiers[0].tier = 10);
    refuses("must have a cell of impact low and urgency low", |model| model.matrix.truncate(8));
    refuses("is a second cell", |model| model.matrix[1] = model.matrix[0]);
    refuses("categories must name at least one", |model| model.categories.clear());
    refuses("classification[0].category must be", |model| model.classification[0].category = "x".to_owned());
    refuses("classification[0].subcategory must be", |model| model.classification[0].subcategory = "x".to_owned());
    refuses("sets nothing", |model| {
        model.classification[0].category.clear();
        model.classification[0].subcategory.clear();
    });
    refuses("learning.apply_from must be from 0.5 to 1", |model| {
        model.learning = Some(proto::Learning { apply_from: 0.49 });
    });
    refuses("learning.apply_from", |model| model.learning = Some(proto::Learning { apply_from: f64::NAN }));
    refuses("routing[0].queue must be one of", |model| model.routing[0].queue = "x".to_owned());
    refuses("routing[0].rule must not be empty", |model| model.routing[0].rule.clear());
}

#[test]
fn conditions_must_make_sense() {
    let when = |expected: &str, condition: proto::Condition| {
        refuses(expected, |model| model.classification[0].when = Some(condition));
    };
    when("must not be the priority", compare(11, 1, &["P1"]));
    when("must be IS or IN for kind", compare(5, 3, &["incident"]));
    when("`accident` is no value of kind", compare(5, 1, &["accident"]));
    when("`yes` is no value of requester_vip", compare(8, 1, &["yes"]));
    when("several go with IN", compare(1, 1, &["a", "b"]));
    when("values must name at least one", compare(1, 2, &[]));
    when("values must not be empty", compare(1, 1, &[" "]));
    when("operator must be set", compare(1, 0, &["a"]));
    when("field must be set", compare(0, 1, &["a"]));
    when("must say all, any, not or compare", proto::Condition { form: None });
}

#[test]
fn a_model_has_limits() {
    let compared = || compare(1, 1, &["a"]);
    let deep = |levels: usize| (1..levels).fold(compared(), |inner, _| not(inner));
    let mut model = good();
    model.routing[0].when = Some(deep(check::MAX_DEPTH));
    model.classification[0].when = Some(all(vec![compared(); check::MAX_NODES - 1]));
    assert!(check::checked(&model).is_ok());
    refuses("levels deep", |model| model.routing[0].when = Some(deep(check::MAX_DEPTH + 1)));
    refuses("at most 100 parts", |model| model.routing[0].when = Some(all(vec![compared(); check::MAX_NODES])));
    let values = vec!["a"; check::MAX_VALUES + 1];
    refuses("values must have at most 200", |model| model.routing[0].when = Some(compare(1, 2, &values)));
    let value = long(check::MAX_VALUE);
    refuses("values must have at most 500", |model| model.routing[0].when = Some(compare(1, 1, &[&value])));
    refuses("tiers must have", |model| model.tiers = vec![model.tiers[0].clone(); check::MAX_TIERS + 1]);
    refuses("queues must have", |model| model.queues = vec![model.queues[0].clone(); check::MAX_QUEUES + 1]);
    refuses("skills must have", |model| model.queues[0].skills = vec!["a".to_owned(); check::MAX_SKILLS + 1]);
    refuses("categories must have", |model| {
        model.categories = vec![model.categories[0].clone(); check::MAX_CATEGORIES + 1];
    });
    refuses("subcategories must have", |model| {
        model.categories[0].subcategories = vec!["a".to_owned(); check::MAX_SUBCATEGORIES + 1];
    });
    refuses("classification must have", |model| {
        model.classification = vec![model.classification[0].clone(); check::MAX_RULES + 1];
    });
    refuses("routing must have", |model| model.routing = vec![model.routing[0].clone(); check::MAX_RULES + 1]);
    refuses("rule must have at most 200", |model| model.routing[0].rule = long(check::MAX_NAME));
}
