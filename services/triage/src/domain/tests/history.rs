//! What others tell: imported history and replies, in any order.

use super::*;

fn fact(key: &str, minutes: i64, fact: Imported) -> HistoricFact {
    HistoricFact { fact_key: key.to_owned(), occurred_at: at(minutes), actor: agent("old system"), fact }
}

fn priority(priority: Priority) -> Imported {
    Imported::Prioritised { impact: None, urgency: None, priority: Some(priority) }
}

fn import(case: &mut Case, facts: &[HistoricFact]) {
    case.import(&arrival(), facts, &SupportModel::default(), at(1_000), "import");
}

fn reply(minutes: i64, is_new: bool) -> Reply {
    let actor = Actor { kind: ActorKind::Requester, actor_id: "kari@acme.example".to_owned() };
    Reply { event_id: Uuid::from_u128(900 + minutes as u128), written_at: at(minutes), actor, is_new, written: None }
}

fn work(case: &Case) -> Work {
    case.ticket().unwrap().work
}

#[test]
fn an_imported_ticket_begins_at_its_registration_with_its_first_priority() {
    let mut case = unknown();
    import(&mut case, &[fact("b", 20, priority(Priority::P2)), fact("a", 5, priority(Priority::P4))]);
    let first = &case.fresh()[0];
    assert_eq!((first.occurred_at, first.recorded_at, first.revision), (at(0), at(1_000), 1));
    let Event::Triaged { classification, placement: Some(_) } = &first.event else { panic!("{first:?}") };
    assert_eq!((classification.priority, classification.priority_rule.as_str()), (Priority::P4, "imported"));
    assert_eq!(classification.model_version, 0);
    assert_eq!(case.fresh().len(), 3);
    assert_eq!(work(&case).classification.priority, Priority::P2);
}

#[test]
fn without_a_priority_the_matrix_gives_the_first_one() {
    let mut case = unknown();
    let sent = Sent { impact: Some(Level::High), urgency: Some(Level::High), ..Sent::default() };
    case.import(&Arrival { sent, ..arrival() }, &[], &SupportModel::default(), at(9), "");
    let it = work(&case).classification;
    assert_eq!((it.priority, it.model_version), (Priority::P1, 0));
    assert_eq!(it.priority_rule, "impact high × urgency high (default matrix)");
}

#[test]
fn a_longer_import_appends_only_what_is_new() {
    let facts = [
        fact("1", 5, priority(Priority::P3)),
        fact("2", 10, Imported::HandedOver("second line".to_owned())),
        fact("3", 30, Imported::Resolved(ResolutionCode::Solved)),
        fact("4", 40, Imported::Closed),
    ];
    let mut case = unknown();
    import(&mut case, &facts[..3]);
    let ticket = case.ticket().unwrap();
    assert_eq!(ticket.work.state, State::Resolved);
    let ids: Vec<Uuid> = case.fresh().iter().map(|happened| happened.event_id).collect();
    let mut case = Case::known(ticket, case.fresh().to_vec());
    import(&mut case, &facts[..3]);
    assert!(case.fresh().is_empty(), "a repeat changes nothing");
    import(&mut case, &facts);
    assert_eq!(case.fresh().len(), 1);
    assert_eq!((work(&case).state, work(&case).closed_at), (State::Closed, Some(at(40))));
    let mut at_once = unknown();
    import(&mut at_once, &facts);
    let ids_at_once: Vec<Uuid> = at_once.fresh().iter().map(|happened| happened.event_id).collect();
    assert_eq!(ids_at_once[..4], ids, "ids are made from the ticket and the fact's key");
}

#[test]
fn a_hand_over_says_where_the_ticket_came_from_and_keeps_unknown_queues() {
    let mut case = unknown();
    import(
        &mut case,
        &[
            fact("2", 20, Imported::HandedOver("Group 70".to_owned())),
            fact("1", 10, Imported::HandedOver("Group 24".to_owned())),
        ],
    );
    let moves: Vec<_> = case
        .fresh()
        .iter()
        .filter_map(|happened| match &happened.event {
            Event::HandedOver { from_queue, queue, tier, .. } => Some((from_queue.as_str(), queue.as_str(), *tier)),
            _ => None,
        })
        .collect();
    assert_eq!(moves, [("service-desk", "Group 24", 1), ("Group 24", "Group 70", 1)]);
    assert_eq!((work(&case).placement.queue.as_str(), work(&case).hand_overs), ("Group 70", 2));
}

#[test]
fn facts_that_make_no_sense_are_kept_and_change_what_they_can() {
    let mut case = unknown();
    import(&mut case, &[fact("1", 10, Imported::Closed), fact("2", 20, Imported::WaitBegan(WaitingReason::Vendor))]);
    assert_eq!(case.fresh().len(), 3);
    let work = work(&case);
    assert_eq!((work.state, work.waiting, work.closed_at), (State::Closed, None, Some(at(10))));
}

#[test]
fn an_earlier_fact_that_comes_later_takes_its_place_in_time() {
    let mut case = unknown();
    import(&mut case, &[fact("late", 50, priority(Priority::P1))]);
    import(&mut case, &[fact("late", 50, priority(Priority::P1)), fact("early", 5, priority(Priority::P5))]);
    assert_eq!(work(&case).classification.priority, Priority::P1);
    let until = |minutes| {
        let known: Vec<Happened> =
            case.fresh().iter().filter(|happened| happened.occurred_at <= at(minutes)).cloned().collect();
        fold(at(0), &known).classification.priority
    };
    assert_eq!((until(1), until(6)), (Priority::P5, Priority::P5), "as if it had been known from the beginning");
    let length = case.fresh().len();
    import(&mut case, &[fact("early", 5, priority(Priority::P5))]);
    assert_eq!(case.fresh().len(), length, "and it is corrected once");
}

#[test]
fn a_ticket_that_is_registered_twice_is_registered_once() {
    let mut case = unknown();
    case.register(&arrival(), &SupportModel::default(), at(0), "");
    case.register(&arrival(), &SupportModel::default(), at(0), "");
    assert_eq!(case.fresh().len(), 1);
}

#[test]
fn a_reply_ends_the_wait_for_the_requester_and_no_other() {
    for (reason, expected) in [(WaitingReason::Requester, State::Queued), (WaitingReason::Vendor, State::Waiting)] {
        let mut case = unknown();
        import(&mut case, &[fact("1", 10, Imported::WaitBegan(reason))]);
        case.answer(&[reply(12, true)], at(1_000));
        assert_eq!(work(&case).state, expected);
    }
}

#[test]
fn a_message_before_the_wait_is_no_reply_to_it() {
    let mut case = unknown();
    import(&mut case, &[fact("1", 10, Imported::WaitBegan(WaitingReason::Requester))]);
    case.answer(&[reply(9, true)], at(1_000));
    assert_eq!(work(&case).state, State::Waiting);
    case.answer(&[reply(10, false)], at(1_000));
    assert_eq!(work(&case).state, State::Waiting, "it was there when the wait began");
    case.answer(&[reply(10, true)], at(1_000));
    assert_eq!(work(&case).state, State::Queued, "it comes after the wait in the same instant");
}

#[test]
fn a_reply_that_came_before_the_ticket_ends_its_wait_all_the_same() {
    let mut case = unknown();
    case.answer(&[reply(12, true)], at(1_000));
    assert!(case.fresh().is_empty());
    import(&mut case, &[fact("1", 10, Imported::WaitBegan(WaitingReason::Requester))]);
    case.answer(&[reply(12, false)], at(1_000));
    let last = case.fresh().last().unwrap();
    assert_eq!((last.occurred_at, &last.event), (at(12), &Event::Resumed { by_reply: true }));
    let length = case.fresh().len();
    case.answer(&[reply(12, false)], at(1_000));
    assert_eq!(case.fresh().len(), length);
}

#[test]
fn a_late_reply_ends_a_wait_that_is_over_at_its_true_time() {
    let mut case = unknown();
    import(
        &mut case,
        &[fact("1", 10, Imported::WaitBegan(WaitingReason::Requester)), fact("2", 30, Imported::Resumed)],
    );
    case.answer(&[reply(12, true), reply(20, true)], at(1_000));
    let last = case.fresh().last().unwrap();
    assert_eq!((last.occurred_at, &last.event), (at(12), &Event::Resumed { by_reply: true }));
    assert_eq!(work(&case).state, State::Queued);
}

#[test]
fn a_message_on_a_resolved_ticket_changes_nothing() {
    let mut case = unknown();
    import(&mut case, &[fact("1", 10, Imported::Resolved(ResolutionCode::Solved))]);
    let length = case.fresh().len();
    case.answer(&[reply(12, true)], at(1_000));
    assert_eq!((work(&case).state, case.fresh().len()), (State::Resolved, length));
}
