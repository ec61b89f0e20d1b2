//! What monitoring tells, and what was solved while it was registered.

use super::*;
use crate::domain::monitored::{Monitored, Note, Solved};
use crate::domain::relation::{Fact, Other};

fn told(note: Note, revision: u64) -> Monitored {
    Monitored {
        note,
        revision,
        dedup_key: "db1/disk".to_owned(),
        alerts: 1,
        posts: 1,
        summary: "Disk full".to_owned(),
        clears_at: None,
        storm: None,
    }
}

fn registered() -> Case {
    let mut case = unknown();
    case.register(&arrival(), &SupportModel::default(), at(0), "");
    case
}

fn state(case: &Case) -> State {
    case.ticket().unwrap().work.state
}

fn tell(case: &mut Case, note: Note, revision: u64, minute: i64) {
    let event_id = Uuid::from_u128(u128::from(revision));
    case.monitor(&told(note, revision), event_id, &Actor::desk(), at(minute), at(minute));
}

#[test]
fn monitoring_resolves_what_nobody_took_over_and_takes_it_back() {
    let mut case = registered();
    tell(&mut case, Note::Recovering, 2, 1);
    assert_eq!(state(&case), State::Queued);
    tell(&mut case, Note::Cleared, 3, 6);
    let work = case.ticket().unwrap().work;
    assert_eq!((work.state, work.resolution.unwrap().code), (State::Resolved, ResolutionCode::Solved));
    tell(&mut case, Note::Returned, 4, 7);
    let work = case.ticket().unwrap().work;
    assert_eq!((work.state, work.owner, work.reopenings), (State::Queued, None, 1));
}

#[test]
fn monitoring_leaves_alone_what_a_person_has_taken() {
    let mut case = registered();
    let mut ticket = case.ticket().unwrap();
    ticket.work.owner = Some("ada".to_owned());
    ticket.work.state = State::InProgress;
    assert_eq!(told(Note::Cleared, 3).consequences(&ticket.work, &[]), []);
    ticket.work.owner = None;
    ticket.work.state = State::Waiting;
    assert_eq!(told(Note::Cleared, 3).consequences(&ticket.work, &[]), []);
    // What a person resolved is not for monitoring to reopen.
    ticket.work.state = State::Resolved;
    assert_eq!(told(Note::Returned, 3).consequences(&ticket.work, &[]), []);
    tell(&mut case, Note::Counted, 2, 1);
    assert_eq!(case.fresh().len(), 2, "told, and nothing else");
}

#[test]
fn the_first_tickets_of_a_storm_become_its_children_unless_they_have_a_parent() {
    let storm = Other { ticket_id: Uuid::from_u128(7), reference: "ACME-7".to_owned() };
    let of_storm = |revision| Monitored { storm: Some(storm.clone()), ..told(Note::OfStorm, revision) };
    let told = |case: &mut Case, revision: u64| {
        let (event_id, at) = (Uuid::from_u128(u128::from(revision)), at(1));
        case.monitor(&of_storm(revision), event_id, &Actor::desk(), at, at);
        case.fresh().iter().filter(|one| matches!(&one.event, Event::Tied(Fact::Linked { .. }))).count()
    };
    let mut case = registered();
    assert_eq!(told(&mut case, 2), 1);
    let is_child = |one: &Happened| matches!(&one.event, Event::Tied(Fact::Linked { kind: RelationKind::ChildOf, other, .. }) if *other == storm);
    assert!(case.fresh().iter().any(is_child));
    assert_eq!(told(&mut case, 2), 1, "twice changes nothing");
    assert_eq!(told(&mut case, 3), 1, "one parent");
    let mut over = registered();
    tell(&mut over, Note::Cleared, 2, 1);
    assert_eq!(told(&mut over, 3), 0, "what is over joins nothing");
}

#[test]
fn what_monitoring_tells_late_or_twice_changes_nothing() {
    let mut case = registered();
    tell(&mut case, Note::Returned, 5, 8);
    // An older end, heard afterwards: the alert is back since.
    tell(&mut case, Note::Cleared, 4, 6);
    assert_eq!(state(&case), State::Queued);
    tell(&mut case, Note::Cleared, 6, 9);
    let once = case.clone();
    tell(&mut case, Note::Cleared, 6, 9);
    assert_eq!(case.fresh(), once.fresh());
    assert_eq!(state(&case), State::Resolved);
    let lines: Vec<String> = [Note::Counted, Note::Flapping, Note::Cleared].map(|note| told(note, 1).line()).into();
    assert!(lines.iter().all(|line| line.starts_with("monitoring: ")), "{lines:?}");
}

#[test]
fn what_was_solved_while_it_was_registered_is_closed_by_who_solved_it() {
    let by = Actor { kind: ActorKind::Agent, actor_id: "ada".to_owned() };
    let solved = Solved {
        by: by.clone(),
        code: ResolutionCode::UserGuidance,
        article_id: String::new(),
        no_article_reason: "shown".to_owned(),
        note: String::new(),
        approver: String::new(),
    };
    let mut case = unknown();
    let arrival = Arrival { solved: Some(solved), ..arrival() };
    case.register(&arrival, &SupportModel::default(), at(3), "");
    let work = case.ticket().unwrap().work;
    assert_eq!((work.state, work.closed_at), (State::Closed, Some(at(0))));
    assert!(case.fresh().iter().skip(1).all(|happened| happened.actor == by));
    let once = case.fresh().to_vec();
    case.register(&arrival, &SupportModel::default(), at(4), "");
    assert_eq!(case.fresh(), once);
}
