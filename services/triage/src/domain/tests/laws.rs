//! What holds for every history and every command.

use proptest::prelude::*;

use super::*;
use crate::domain::relation::{Fact, Other};
use crate::domain::workspace::Step as Kept;

fn elsewhere() -> Other {
    Other { ticket_id: Uuid::from_u128(7), reference: "ACME-7".to_owned() }
}

fn any_event() -> impl Strategy<Value = Event> {
    let reason = prop::sample::select(WaitingReason::ALL);
    prop_oneof![
        prop::sample::select(Priority::ALL).prop_map(|priority| Event::Triaged {
            classification: Classification { priority, ..classification() },
            placement: None,
        }),
        Just(Event::Triaged {
            classification: classification(),
            placement: Some(Placement { queue: "front".to_owned(), tier: 1, rule: String::new() }),
        }),
        "[ab]".prop_map(|owner| Event::Claimed { owner }),
        Just(Event::Released),
        "[qr]".prop_map(|queue| handed_over(&queue, 2)),
        "[ab]".prop_map(|owner| Event::Assigned { owner, way: AssignmentWay::Manual, reason: String::new() }),
        "[ab]".prop_map(|owner| Event::ClaimLapsed { owner, reason: LapseReason::ShiftEnd, summary: String::new() }),
        Just(Event::CallbackPromised { due_at: at(99), reason: String::new() }),
        Just(Event::CalledBack { note: String::new() }),
        "[abc]".prop_map(|agent| Event::SwarmInvited { agent, note: String::new() }),
        "[abc]".prop_map(|agent| Event::SwarmJoined { agent, kind: SwarmKind::Local }),
        "[abc]".prop_map(|agent| Event::SwarmLeft { agent }),
        Just(Event::Unknown),
        "[ab]".prop_map(|agent| Event::Workspace(Kept::WatcherAdded { agent })),
        ("[ab]", "[ab]")
            .prop_map(|(add, remove)| { Event::Workspace(Kept::Tagged { added: vec![add], removed: vec![remove] }) }),
        Just(Event::Tied(Fact::Merged { into: elsewhere(), note: String::new() })),
        (0..25_u64, prop::option::of("[ab]")).prop_map(|(merge_revision, owner)| {
            Event::Tied(Fact::Unmerged { merge_revision, into: elsewhere(), owner, reason: String::new() })
        }),
        reason.prop_map(waiting),
        any::<bool>().prop_map(|by_reply| Event::Resumed { by_reply }),
        Just(resolved(ResolutionCode::Solved)),
        Just(Event::Reopened { reason: String::new() }),
        any::<bool>().prop_map(|confirmed| Event::Closed { confirmed }),
        Just(Event::Cancelled { reason: CancellationReason::Spam, duplicate_of: String::new(), note: String::new() }),
    ]
}

fn any_history() -> impl Strategy<Value = Vec<Happened>> {
    prop::collection::vec((any_event(), 0..20_i64), 0..25).prop_map(|events| {
        let numbered = events.into_iter().zip(1..);
        numbered.map(|((event, minutes), revision)| happened(revision, minutes, event)).collect()
    })
}

fn any_command() -> impl Strategy<Value = Command> {
    let text = String::new;
    let level = prop::option::of(prop::sample::select(Level::ALL));
    let code = prop::sample::select(ResolutionCode::ALL);
    prop_oneof![
        (level, "[a-z]{0,8}").prop_map(|(impact, category)| Command::Triage(Reclassification {
            sets: Sent { impact, category, ..Sent::default() },
            override_by: None,
        })),
        Just(Command::Claim),
        Just(Command::Release),
        "[ab]".prop_map(|owner| Command::Assign { owner, reason: String::new() }),
        Just(Command::Return { reason: text(), note: text() }),
        Just(Command::CallBack { note: text() }),
        Just(Command::JoinSwarm),
        "[ab]".prop_map(|agent| Command::InviteToSwarm { agent, note: String::new() }),
        Just(Command::LeaveSwarm),
        Just(Command::HandOver { queue: "service-desk".to_owned(), reason: text(), note: text() }),
        prop::sample::select(WaitingReason::ALL).prop_map(|reason| Command::Wait { reason, note: String::new() }),
        Just(Command::Resume),
        (code, "a?", "b?").prop_map(|(code, article_id, approver)| Command::Resolve {
            code,
            article_id,
            no_article_reason: String::new(),
            note: String::new(),
            approver,
        }),
        Just(Command::Confirm),
        Just(Command::Reopen { reason: text() }),
        Just(Command::Close),
        Just(Command::Cancel {
            reason: CancellationReason::Spam,
            duplicate_of: text(),
            duplicate_is_known: false,
            note: text()
        }),
    ]
}

/// What the store's CHECKs demand.
pub(super) fn is_possible(work: &Work) -> bool {
    let ended_well = match work.state {
        State::Resolved => work.resolution.is_some(),
        State::Closed => work.closed_at.is_some(),
        State::Queued => work.owner.is_none(),
        _ => true,
    };
    ended_well && (work.state == State::Waiting) == work.waiting.is_some()
}

proptest! {
    #[test]
    fn the_order_of_arrival_makes_no_difference(history in any_history(), seed in any::<u64>()) {
        let mut shuffled = history.clone();
        let length = shuffled.len().max(1);
        for at in 0..shuffled.len() {
            shuffled.swap(at, (seed as usize).wrapping_mul(at + 7) % length);
        }
        prop_assert_eq!(fold(at(0), &shuffled), fold(at(0), &history));
    }

    #[test]
    fn every_history_makes_a_ticket_that_can_be_kept(history in any_history()) {
        let mut work = Work::registered(at(0));
        for happened in &history {
            work = evolve(work, happened);
            prop_assert!(is_possible(&work), "{work:?} after {happened:?}");
        }
    }

    #[test]
    fn what_is_decided_is_seen_when_the_history_is_read_again(
        history in any_history(),
        commands in prop::collection::vec(any_command(), 0..12),
    ) {
        let mut history = history;
        let mut work = fold(at(0), &history);
        for command in commands {
            for event in decide(&work, &command, &agent("a"), &SupportModel::default()).unwrap_or_default() {
                let mut next = happened(work.revision + 1, 0, event);
                next.occurred_at = work.changed_at;
                work = evolve(work, &next);
                history.push(next);
            }
            prop_assert!(is_possible(&work));
            prop_assert_eq!(&fold(at(0), &history), &work);
        }
    }

    #[test]
    fn an_import_in_any_two_parts_gives_the_same_ticket(
        facts in prop::collection::vec((0..7_usize, 0..40_i64), 1..12),
        parts in any::<u16>(),
    ) {
        let facts: Vec<HistoricFact> = facts.into_iter().enumerate().map(|(at_index, (which, minutes))| HistoricFact {
            fact_key: at_index.to_string(),
            // No two in one instant: then the order in which they are learned decides, and rightly so.
            occurred_at: at(minutes * 100 + at_index as i64),
            actor: agent("old"),
            fact: match which {
                0 => Imported::HandedOver(format!("q{at_index}")),
                1 => Imported::Prioritised { impact: None, urgency: None, priority: Some(Priority::ALL[at_index % 5]) },
                2 => Imported::WaitBegan(WaitingReason::Requester),
                3 => Imported::Resumed,
                4 => Imported::Resolved(ResolutionCode::Solved),
                5 => Imported::Reopened,
                _ => Imported::Closed,
            },
        }).collect();
        let import = |case: &mut Case, facts: &[HistoricFact]| {
            case.import(&arrival(), facts, &SupportModel::default(), at(9_999), "");
        };
        let mut at_once = unknown();
        import(&mut at_once, &facts);
        let mut in_parts = unknown();
        let first: Vec<HistoricFact> =
            facts.iter().enumerate().filter(|(i, _)| parts >> i & 1 == 1).map(|(_, fact)| fact.clone()).collect();
        import(&mut in_parts, &first);
        import(&mut in_parts, &facts);
        let known = |case: &Case| {
            let work = case.ticket().unwrap().work;
            let priority = (work.classification.priority, work.classification.impact);
            (work.state, priority, work.placement.queue, work.resolution, work.closed_at, work.reopenings)
        };
        prop_assert_eq!(known(&at_once), known(&in_parts));
    }
}
