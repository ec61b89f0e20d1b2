use super::*;
use crate::domain::neighbours::{Proposal, Target, UNIT, lesson, terms_of, terms_of_ticket, with_learned};

/// What these entries teach, all by one agent after the registration.
fn taught(by: &Actor, events: &[Event]) -> Option<[String; 4]> {
    let mut case = unknown();
    case.register(&arrival(), &SupportModel::default(), at(0), "");
    let mut ticket = case.ticket().unwrap();
    let mut entries = Vec::new();
    for event in events {
        let revision = ticket.work.revision + 1;
        let entry = Happened { actor: by.clone(), ..happened(revision, revision as i64, event.clone()) };
        ticket.work = evolve(ticket.work, &entry);
        entries.push(entry);
    }
    lesson(&ticket, &entries).map(|ended_as| ended_as.0)
}

fn words(values: [&str; 4]) -> Option<[String; 4]> {
    Some(values.map(str::to_owned))
}

#[test]
fn a_ticket_teaches_what_agents_decided_of_it_and_no_more() {
    let ada = agent("ada");
    assert_eq!(taught(&ada, &[handed_over("network", 2)]), words(["", "", "network", ""]));
    let classified = Classification {
        category: "hardware".to_owned(),
        subcategory: "printer".to_owned(),
        priority: Priority::P2,
        ..classification()
    };
    let triaged = Event::Triaged { classification: classified, placement: None };
    let both = format!("hardware{UNIT}printer");
    assert_eq!(taught(&ada, std::slice::from_ref(&triaged)), words(["hardware", &both, "", "P2"]));
    let ended = [triaged, handed_over("network", 2), resolved(ResolutionCode::Solved)];
    assert_eq!(taught(&ada, &ended), words(["hardware", &both, "network", "P2"]));
    assert_eq!(taught(&ada, &[Event::Claimed { owner: "ada".to_owned() }]), None);
    assert_eq!(taught(&Actor::desk(), &[handed_over("network", 2)]), None, "the desk itself decided it");
    let withdrawn =
        Event::Cancelled { reason: CancellationReason::Spam, duplicate_of: String::new(), note: String::new() };
    assert_eq!(taught(&ada, &[handed_over("network", 2), withdrawn]), None);
    let Event::HandedOver { from_queue, from_tier, queue, tier, reason, note, warm, .. } = handed_over("desk", 1)
    else {
        panic!("another event");
    };
    let insufficient_information = true;
    let returned =
        Event::HandedOver { from_queue, from_tier, queue, tier, reason, note, warm, insufficient_information };
    assert_eq!(taught(&ada, &[returned]), None, "it only went back to be asked about");
}

#[test]
fn what_is_known_at_registration_is_what_a_ticket_is_known_by() {
    let mut sent = arrival();
    sent.sent.category = "Software".to_owned();
    let terms = terms_of(&sent);
    for term in ["category=software", "site=oslo", "requester=kari@acme.example", "category=software&site=oslo", "mail"]
    {
        assert!(terms.iter().any(|known| known == term), "{term} in {terms:?}");
    }
    let mut case = unknown();
    case.register(&arrival(), &SupportModel::default(), at(0), "");
    let later = terms_of_ticket(&case.ticket().unwrap());
    assert!(later.iter().all(|term| terms.contains(term)), "{later:?}");
}

fn proposal(target: Target, value: &str, confidence: f64) -> Proposal {
    let value = value.to_owned();
    let named = vec!["ACME-7".to_owned()];
    Proposal { target, value, confidence, share: confidence, agreeing: 8, similar: 10, named }
}

#[test]
fn what_was_learned_is_the_last_rule_and_needs_confidence() {
    let mut model = SupportModel::default();
    model.queues.insert("network".to_owned(), model.queues[&model.default_queue].clone());
    let said = [
        proposal(Target::Category, "hardware", 0.9),
        proposal(Target::Subcategory, &format!("hardware{UNIT}printer"), 0.9),
        proposal(Target::Queue, "network", 0.9),
        proposal(Target::Priority, "P1", 0.99),
    ];
    let judged = |model: &SupportModel, category: &str| {
        let mut arrival = arrival();
        arrival.sent.category = category.to_owned();
        let mut case = unknown();
        case.register(&arrival, model, at(0), "");
        case.ticket().unwrap().work
    };
    let learned = with_learned(&model, &said, 0.9).unwrap();
    let work = judged(&learned, "");
    assert_eq!(
        (work.classification.category.as_str(), work.classification.subcategory.as_str()),
        ("hardware", "printer")
    );
    assert_eq!(work.placement.queue, "network");
    assert_eq!(work.placement.rule, "learned: 8 of 10 similar tickets (ACME-7, …)");
    assert_eq!(work.classification.priority, Priority::P3, "never learned");
    assert_eq!(judged(&learned, "software").classification.category, "software", "the sender said so");
    assert_eq!(with_learned(&model, &said, 0.91), None);
    let unknown = [proposal(Target::Category, "gone", 0.99), proposal(Target::Queue, "gone", 0.99)];
    assert_eq!(with_learned(&model, &unknown, 0.5), None, "the model no longer has them");
    let mut manned = manned(vec![on_shift("ada", "first", &[], WEEK, "00:00-24:00")]);
    manned.queues.insert("board".to_owned(), Queue { confidential: true, ..Queue::of_tier(2) });
    let learned = with_learned(&manned, &said, 0.9).unwrap();
    assert_eq!(
        judged(&learned, "").placement.rule,
        "learned: 8 of 10 similar tickets",
        "whoever sees it, none is named"
    );
    let rule = RoutingRule { rule: "all to the desk".to_owned(), when: None, queue: model.default_queue.clone() };
    model.routing.push(rule);
    let ruled = with_learned(&model, &said, 0.9).unwrap();
    assert_eq!(judged(&ruled, "").placement.rule, "all to the desk");
}
