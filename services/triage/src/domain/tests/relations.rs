//! What binds tickets together, decided without any store.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::recurrence::{Incident, Policy, sort};
use crate::domain::relation::decide::{self, Around as Seen, Command as Bind, MOST_NAMED, MOST_NAMING, Neighbour};
use crate::domain::relation::{Fact, News, Other};

#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Bound(decide::Rejection),
    Usual(Rejection),
}

impl From<decide::Rejection> for Refused {
    fn from(rejection: decide::Rejection) -> Self {
        Self::Bound(rejection)
    }
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self::Usual(rejection)
    }
}

fn other(number: u128) -> Other {
    Other { ticket_id: Uuid::from_u128(number), reference: format!("ACME-{number}") }
}

fn merged(into: u128) -> Event {
    Event::Tied(Fact::Merged { into: other(into), note: String::new() })
}

fn ticket(number: u128, work: Work) -> Ticket {
    let mut matter = arrival().matter;
    matter.reference = format!("ACME-{number}");
    Ticket { client_id: ClientId::new("acme").unwrap(), ticket_id: Uuid::from_u128(number), matter, work }
}

fn neighbour(number: u128, work: Work) -> Neighbour {
    Neighbour { ticket: ticket(number, work), is_linked: false, is_below: false, has_parent: false, names: 0 }
}

fn decided(own: &Ticket, command: &Bind, others: &[Neighbour], model: &SupportModel) -> Result<Vec<Event>, Refused> {
    let seen = Seen { model, at: at(60), others, has_parent: false, names: 0, naming: 0 };
    decide::decide(own, command, &seen).map(|events| events.into_iter().map(|(_, event)| event).collect())
}

/// A ticket that was merged in minute 90 and is not any more in minute 91.
fn there_and_back(work: Work, model: &SupportModel) -> Work {
    let gone = evolve(work, &happened(90, 90, merged(7)));
    assert_eq!(gone.state, State::Cancelled);
    let back = decided(&ticket(42, gone.clone()), &Bind::Unmerge { reason: String::new() }, &[], model).unwrap();
    back.into_iter().zip(91..).fold(gone, |work, (event, n)| evolve(work, &happened(n, n as i64, event)))
}

fn open_work() -> impl Strategy<Value = Work> {
    let event = prop_oneof![
        "[ab]".prop_map(|owner| Event::Claimed { owner }),
        Just(Event::Released),
        "[qr]".prop_map(|queue| handed_over(&queue, 2)),
        prop::sample::select(WaitingReason::ALL).prop_map(waiting),
        Just(Event::Resumed { by_reply: false }),
        Just(Event::CallbackPromised { due_at: at(99), reason: String::new() }),
        Just(Event::Tied(Fact::StatusPushed(News { number: 1, text: String::new(), next_update_due_at: None }))),
    ];
    prop::collection::vec(event, 0..12).prop_map(|events| after(&events))
}

proptest! {
    #[test]
    fn an_undone_merge_restores_everything(work in open_work()) {
        let mut back = there_and_back(work.clone(), &SupportModel::default());
        // Only that something happened stays, and how long it was handled until the merge.
        (back.revision, back.changed_at, back.handling) = (work.revision, work.changed_at, work.handling);
        prop_assert_eq!(back, work);
    }
}

#[test]
fn an_owner_who_is_gone_leaves_an_unmerged_ticket_to_its_queue() {
    let claimed = || after(&[Event::Claimed { owner: "ada".to_owned() }]);
    let there = manned(vec![on_shift("ada", "first", &[], WEEK, "00:00-24:00")]);
    assert_eq!(there_and_back(claimed(), &there).owner.as_deref(), Some("ada"));
    let gone = manned(vec![on_shift("bo", "first", &[], WEEK, "00:00-24:00")]);
    let back = there_and_back(claimed(), &gone);
    assert_eq!((back.owner, back.state), (None, State::Queued));
    let waits = there_and_back(done(claimed(), vec![waiting(WaitingReason::Parts)]), &gone);
    assert_eq!((waits.owner, waits.state), (None, State::Waiting), "its wait goes on");
}

#[test]
fn an_unmerged_ticket_whose_queue_is_gone_lies_in_the_default_one() {
    let model = SupportModel { version: 2, ..manned(Vec::new()) };
    let back = there_and_back(done(after(&[]), vec![handed_over("vanished", 2)]), &model);
    assert_eq!((back.placement.queue.as_str(), back.state), ("service-desk", State::Queued));
}

#[test]
fn a_reply_ends_a_wait_that_a_merge_has_put_aside() {
    let gone = done(after(&[waiting(WaitingReason::Requester)]), vec![merged(7)]);
    assert_eq!(gone.kept_waiting().map(|waiting| waiting.reason), Some(WaitingReason::Requester));
    let woken = done(gone, vec![Event::Resumed { by_reply: true }]);
    assert_eq!((woken.state, woken.kept_waiting()), (State::Cancelled, None), "it is merged all the same");
    let revision = woken.ties.merged.as_ref().map(|merged| merged.revision).unwrap();
    let undone = Fact::Unmerged { merge_revision: revision, into: other(7), owner: None, reason: String::new() };
    assert_eq!(done(woken.clone(), vec![Event::Tied(undone.clone())]).state, State::Queued);
    let Fact::Unmerged { into, owner, reason, .. } = undone else { panic!() };
    let another = Fact::Unmerged { merge_revision: revision + 1, into, owner, reason };
    assert_eq!(done(woken, vec![Event::Tied(another)]).state, State::Cancelled, "another merge's undoing");
}

#[test]
fn what_was_merged_before_triage_saw_it_is_in_progress_when_it_comes_back_to_somebody() {
    let aside = done(Work::registered(at(0)), vec![merged(7)]);
    let merge_revision = aside.ties.merged.as_ref().map(|merged| merged.revision).unwrap();
    let owner = Some("ada".to_owned());
    let undone = Fact::Unmerged { merge_revision, into: other(7), owner, reason: String::new() };
    let triaged = Event::Triaged { classification: classification(), placement: None };
    let back = done(aside, vec![Event::Tied(undone), triaged]);
    assert_eq!((back.owner.as_deref(), back.state), (Some("ada"), State::InProgress));
}

#[test]
fn only_open_tickets_are_merged_and_only_into_what_is_not_over() {
    let merge = Bind::Merge { note: String::new() };
    let model = SupportModel::default();
    let open = || after(&[]);
    let closed = || done(open(), vec![resolved(ResolutionCode::Solved), Event::Closed { confirmed: true }]);
    let into = |work: Work| vec![neighbour(7, work)];
    assert_eq!(decided(&ticket(42, open()), &merge, &into(open()), &model).unwrap(), [merged(7)]);
    let twice = ticket(42, done(open(), vec![merged(7)]));
    assert_eq!(decided(&twice, &merge, &into(open()), &model), Ok(vec![]));
    let elsewhere = vec![neighbour(8, open())];
    assert_eq!(decided(&twice, &merge, &elsewhere, &model), Err(decide::Rejection::AlreadyMerged.into()));
    assert_eq!(decided(&ticket(42, closed()), &merge, &into(open()), &model), Err(Rejection::TicketClosed.into()));
    let over = decided(&ticket(42, open()), &merge, &into(closed()), &model);
    assert_eq!(over, Err(decide::Rejection::TargetIsOver.into()));
    let own = decided(&ticket(7, open()), &merge, &into(open()), &model);
    assert_eq!(own, Err(decide::Rejection::SameTicket.into()));
}

#[test]
fn relations_have_a_limit_on_either_side() {
    let model = SupportModel::default();
    let own = ticket(42, after(&[]));
    let others = [neighbour(7, after(&[]))];
    let link = Bind::Link { kind: RelationKind::RelatedTo, note: String::new() };
    let with = |names, naming| {
        let seen = Seen { model: &model, at: at(60), others: &others, has_parent: false, names, naming };
        decide::decide::<Refused>(&own, &link, &seen).map(|events| events.len())
    };
    assert_eq!(with(MOST_NAMED - 1, MOST_NAMING - 1), Ok(1));
    assert_eq!(with(MOST_NAMED, 0), Err(decide::Rejection::TooManyRelations.into()));
    assert_eq!(with(0, MOST_NAMING), Err(decide::Rejection::TooManyRelations.into()));
}

#[test]
fn what_began_after_the_fix_is_told_on_its_problem() {
    let problem = |work: Work| {
        let mut problem = ticket(7, work);
        problem.work.classification.kind = Kind::Problem;
        Neighbour { ticket: problem, ..neighbour(7, after(&[])) }
    };
    let mut late = ticket(42, after(&[]));
    late.matter.registered_at = at(500);
    let link = Bind::Link { kind: RelationKind::InstanceOf, note: String::new() };
    let model = SupportModel::default();
    let fixed = done(after(&[]), vec![resolved(ResolutionCode::Solved)]);
    let tells = |own: &Ticket, work: Work| {
        let events = decided(own, &link, &[problem(work)], &model).unwrap();
        events.iter().filter(|event| matches!(event, Event::Tied(Fact::Recurred { .. }))).count()
    };
    assert_eq!(tells(&late, fixed.clone()), 1);
    assert_eq!(tells(&late, after(&[])), 0, "it is not fixed yet");
    assert_eq!(tells(&ticket(42, after(&[])), fixed), 0, "it began before");
}

fn incident(number: u128, text: &str) -> Incident {
    let terms: Vec<&str> = text.split(' ').chain(["requester=kari"]).collect();
    Incident::new(Uuid::from_u128(number), at(i64::try_from(number).unwrap()), &terms.join("\n"))
}

const THREE: Policy = Policy { after: 3, within: SignedDuration::from_hours(1) };

#[test]
fn incidents_that_say_the_same_are_one_problem_and_others_are_none() {
    let all = [
        incident(1, "vpn drops at noon"),
        incident(2, "printer jams again today"),
        incident(3, "vpn drops at lunch"),
        incident(4, "vpn drops at noon"),
        incident(5, "printer out of toner"),
    ];
    let sorted = sort(&[], &all, THREE);
    let found: Vec<Vec<u128>> =
        sorted.found.iter().map(|one| one.incidents.iter().map(|id| id.as_u128()).collect()).collect();
    assert_eq!(found, [vec![1, 3, 4]]);
    assert_eq!(sort(&[], &all[..3], THREE).found, [], "two are not three");
    assert_eq!(sort(&[], &all, Policy { after: 0, ..THREE }).found, [], "never");
    let mut reversed = all.to_vec();
    reversed.reverse();
    assert_eq!(sort(&[], &reversed, THREE), sorted, "whatever their order");
}

#[test]
fn incidents_of_a_known_problem_join_it() {
    let all = [incident(1, "vpn drops at noon"), incident(2, "vpn drops at noon"), incident(3, "vpn drops at lunch")];
    let known: BTreeSet<String> = all[0].words.clone();
    let sorted = sort(&[known], &all, THREE);
    assert_eq!((sorted.found.len(), sorted.joined.get(&0).map(Vec::len)), (0, Some(3)));
}

#[test]
fn the_requester_alone_makes_no_problem() {
    let all: Vec<Incident> = (1..9)
        .map(|n| incident(n, ["mail", "door", "phone", "screen", "mouse", "paper", "light", "chair"][n as usize - 1]))
        .collect();
    assert_eq!(sort(&[], &all, THREE), Default::default());
}

#[test]
fn what_another_system_tells_late_of_a_merged_ticket_leaves_it_merged() {
    for late in [Event::Reopened { reason: String::new() }, resolved(ResolutionCode::Solved)] {
        let gone = evolve(after(&[]), &happened(90, 90, merged(7)));
        let told = evolve(gone.clone(), &happened(91, 91, late));
        assert_eq!((told.state, &told.resolution, &told.ties), (State::Cancelled, &None, &gone.ties));
    }
}
