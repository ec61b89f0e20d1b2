//! Every state × every command.

use super::*;

fn claimed() -> Event {
    Event::Claimed { owner: "ada".to_owned() }
}

fn work_in(state: State) -> Work {
    let cancelled =
        Event::Cancelled { reason: CancellationReason::Spam, duplicate_of: String::new(), note: String::new() };
    let work = match state {
        State::Registered => Work::registered(at(0)),
        State::Queued => after(&[]),
        State::InProgress => after(&[claimed()]),
        State::Waiting => after(&[claimed(), waiting(WaitingReason::Requester)]),
        State::Resolved => after(&[claimed(), resolved(ResolutionCode::Solved)]),
        State::Closed => after(&[resolved(ResolutionCode::Solved), Event::Closed { confirmed: true }]),
        State::Cancelled => after(&[cancelled]),
    };
    assert_eq!(work.state, state);
    work
}

fn model() -> SupportModel {
    let mut model = SupportModel::default();
    model.queues.insert("network".to_owned(), Queue::of_tier(2));
    model
}

fn commands() -> Vec<(&'static str, Command)> {
    let text = String::new;
    let anew = Sent { impact: Some(Level::High), ..Sent::default() };
    vec![
        ("triage", Command::Triage(Reclassification { sets: anew, override_by: None })),
        ("claim", Command::Claim),
        ("release", Command::Release),
        ("hand_over", Command::HandOver { queue: "network".to_owned(), reason: text(), note: text() }),
        ("wait", Command::Wait { reason: WaitingReason::Requester, note: text() }),
        ("resume", Command::Resume),
        (
            "resolve",
            Command::Resolve {
                code: ResolutionCode::Workaround,
                article_id: "a1".to_owned(),
                no_article_reason: text(),
                note: text(),
                approver: text(),
            },
        ),
        ("confirm", Command::Confirm),
        ("reopen", Command::Reopen { reason: text() }),
        ("close", Command::Close),
        (
            "cancel",
            Command::Cancel {
                reason: CancellationReason::Withdrawn,
                duplicate_of: text(),
                duplicate_is_known: false,
                note: text(),
            },
        ),
        ("assign", Command::Assign { owner: "ada".to_owned(), reason: text() }),
        ("return", Command::Return { reason: text(), note: text() }),
        ("call_back", Command::CallBack { note: text() }),
        ("join_swarm", Command::JoinSwarm),
        ("invite_to_swarm", Command::InviteToSwarm { agent: "bob".to_owned(), note: text() }),
        ("leave_swarm", Command::LeaveSwarm),
    ]
}

/// By state in the order of its words, by command in the order above: the state that follows, `=` for nothing to do,
/// or the reason of the refusal. Ada asks, who owns what is owned.
const TABLE: [[&str; 17]; 7] = [
    ["NOT_TRIAGED"; 17],
    [
        "queued",
        "in_progress",
        "=",
        "queued",
        "waiting",
        "=",
        "resolved",
        "NOT_RESOLVED",
        "=",
        "NOT_RESOLVED",
        "cancelled",
        "in_progress",
        "NOTHING_TO_RETURN_TO",
        "=",
        "NOT_SWARMING",
        "NOT_SWARMING",
        "=",
    ],
    [
        "in_progress",
        "=",
        "queued",
        "queued",
        "waiting",
        "=",
        "resolved",
        "NOT_RESOLVED",
        "=",
        "NOT_RESOLVED",
        "cancelled",
        "=",
        "NOTHING_TO_RETURN_TO",
        "=",
        "NOT_SWARMING",
        "NOT_SWARMING",
        "=",
    ],
    [
        "waiting",
        "=",
        "waiting",
        "waiting",
        "=",
        "in_progress",
        "resolved",
        "NOT_RESOLVED",
        "=",
        "NOT_RESOLVED",
        "cancelled",
        "=",
        "NOTHING_TO_RETURN_TO",
        "=",
        "NOT_SWARMING",
        "NOT_SWARMING",
        "=",
    ],
    [
        "TICKET_RESOLVED",
        "TICKET_RESOLVED",
        "TICKET_RESOLVED",
        "TICKET_RESOLVED",
        "TICKET_RESOLVED",
        "TICKET_RESOLVED",
        "TICKET_RESOLVED",
        "closed",
        "in_progress",
        "closed",
        "TICKET_RESOLVED",
        "TICKET_RESOLVED",
        "TICKET_RESOLVED",
        "TICKET_RESOLVED",
        "TICKET_RESOLVED",
        "TICKET_RESOLVED",
        "TICKET_RESOLVED",
    ],
    [
        "TICKET_CLOSED",
        "TICKET_CLOSED",
        "TICKET_CLOSED",
        "TICKET_CLOSED",
        "TICKET_CLOSED",
        "TICKET_CLOSED",
        "TICKET_CLOSED",
        "=",
        "TICKET_CLOSED",
        "=",
        "TICKET_CLOSED",
        "TICKET_CLOSED",
        "TICKET_CLOSED",
        "TICKET_CLOSED",
        "TICKET_CLOSED",
        "TICKET_CLOSED",
        "TICKET_CLOSED",
    ],
    [
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
        "=",
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
        "TICKET_CANCELLED",
    ],
];

#[test]
fn every_command_has_its_answer_in_every_state() {
    for (state, row) in State::ALL.iter().zip(TABLE) {
        for ((name, command), expected) in commands().iter().zip(row) {
            let work = work_in(*state);
            let outcome = match decide(&work, command, &agent("ada"), &model()) {
                Err(rejection) => rejection.reason(),
                Ok(events) if events.is_empty() => "=",
                Ok(events) => {
                    let next = events.into_iter().fold(work, |work, event| {
                        let revision = work.revision + 1;
                        evolve(work, &happened(revision, 60, event))
                    });
                    next.state.word()
                }
            };
            assert_eq!(outcome, expected, "{name} on a ticket that is {state}");
        }
    }
}

#[test]
fn every_command_given_twice_does_something_once() {
    for state in State::ALL {
        for (name, command) in commands() {
            let mut work = work_in(*state);
            let Ok(events) = decide(&work, &command, &agent("ada"), &model()) else { continue };
            for event in events {
                let revision = work.revision + 1;
                work = evolve(work, &happened(revision, 60, event));
            }
            let again = decide(&work, &command, &agent("ada"), &model());
            assert_eq!(again, Ok(vec![]), "{name} again on a ticket that was {state}");
        }
    }
}

#[test]
fn a_claimed_ticket_is_not_taken_from_its_owner() {
    let work = after(&[claimed()]);
    assert_eq!(decide(&work, &Command::Claim, &agent("bob"), &model()), Err(Rejection::AlreadyClaimed));
    let released = after(&[claimed(), Event::Released]);
    assert_eq!((released.state, &released.owner), (State::Queued, &None));
    let events = decide(&released, &Command::Claim, &agent("bob"), &model()).unwrap();
    assert_eq!(events, [Event::Claimed { owner: "bob".to_owned() }]);
}

#[test]
fn resolving_needs_knowledge_and_giving_up_needs_an_approver() {
    let resolve = |code, no_article_reason: &str, approver: &str| {
        let command = Command::Resolve {
            code,
            article_id: String::new(),
            no_article_reason: no_article_reason.to_owned(),
            note: String::new(),
            approver: approver.to_owned(),
        };
        decide(&after(&[]), &command, &agent("ada"), &model()).map(|events| events.len())
    };
    assert_eq!(resolve(ResolutionCode::Solved, "", ""), Err(Rejection::ResolutionNeedsArticle));
    assert_eq!(resolve(ResolutionCode::Solved, "one of a kind", ""), Ok(1));
    for code in [ResolutionCode::NotEconomical, ResolutionCode::NotRepairable] {
        assert_eq!(resolve(code, "scrap", ""), Err(Rejection::ApproverRequired));
        assert_eq!(resolve(code, "scrap", "lea"), Ok(1));
        assert_eq!(resolve(code, "scrap", "ada"), Err(Rejection::ApproverIsResolver), "nobody approves of their own");
    }
}

#[test]
fn a_hand_over_clears_the_owner_and_names_who_did_it() {
    let command = Command::HandOver { queue: "network".to_owned(), reason: "wifi".to_owned(), note: String::new() };
    let mut work = after(&[claimed()]);
    let events = decide(&work, &command, &agent("ada"), &model()).unwrap();
    work = evolve(work.clone(), &happened(3, 60, events[0].clone()));
    assert_eq!((work.placement.queue.as_str(), work.placement.tier, work.owner), ("network", 2, None));
    assert_eq!(work.placement.rule, "handed over by ada");
    let elsewhere = Command::HandOver { queue: "nowhere".to_owned(), reason: String::new(), note: String::new() };
    assert_eq!(decide(&after(&[]), &elsewhere, &agent("ada"), &model()), Err(Rejection::UnknownQueue));
    let here = Command::HandOver { queue: "service-desk".to_owned(), reason: String::new(), note: String::new() };
    assert_eq!(decide(&after(&[claimed()]), &here, &agent("ada"), &model()), Err(Rejection::SameQueue));
}

#[test]
fn a_wait_that_is_handed_over_or_released_ends_in_the_queue() {
    let work = after(&[claimed(), waiting(WaitingReason::Vendor), Event::Released]);
    assert_eq!((work.state, &work.owner), (State::Waiting, &None));
    let other = Command::Wait { reason: WaitingReason::Parts, note: String::new() };
    assert_eq!(decide(&work, &other, &agent("ada"), &model()), Err(Rejection::AlreadyWaiting));
    let resumed = evolve(work, &happened(9, 60, Event::Resumed { by_reply: false }));
    assert_eq!(resumed.state, State::Queued);
}

#[test]
fn a_duplicate_names_another_ticket() {
    let cancel = |duplicate_is_known| Command::Cancel {
        reason: CancellationReason::Duplicate,
        duplicate_of: "ACME-7".to_owned(),
        duplicate_is_known,
        note: String::new(),
    };
    assert_eq!(decide(&after(&[]), &cancel(false), &agent("ada"), &model()), Err(Rejection::UnknownDuplicate));
    assert!(decide(&after(&[]), &cancel(true), &agent("ada"), &model()).is_ok());
}

fn triaged(work: &Work, anew: Reclassification) -> Result<Classification, Rejection> {
    let events = decide(work, &Command::Triage(anew), &agent("ada"), &model())?;
    let [Event::Triaged { classification, placement: None }] = events.as_slice() else { panic!("{events:?}") };
    Ok(classification.clone())
}

#[test]
fn an_override_gives_its_reason_and_ends_when_the_matrix_is_asked_again() {
    let overridden =
        Reclassification { sets: Sent::default(), override_by: Some((Priority::P1, "the board meets".to_owned())) };
    let classification = triaged(&after(&[]), overridden).unwrap();
    assert_eq!(classification.priority, Priority::P1);
    assert_eq!(classification.priority_rule, "override by ada: the board meets");
    let work = after(&[Event::Triaged { classification, placement: None }]);
    let kind = Sent { kind: Some(Kind::Question), ..Sent::default() };
    let stays = triaged(&work, Reclassification { sets: kind, override_by: None }).unwrap();
    assert_eq!((stays.kind, stays.priority), (Kind::Question, Priority::P1));
    let urgency = Sent { urgency: Some(Level::Medium), ..Sent::default() };
    let ends = triaged(&work, Reclassification { sets: urgency, override_by: None }).unwrap();
    assert_eq!(
        (ends.priority, ends.priority_rule.as_str()),
        (Priority::P3, "impact medium × urgency medium (default matrix)")
    );
}

#[test]
fn a_category_is_one_of_the_clients() {
    let set = |category: &str, subcategory: &str| Reclassification {
        sets: Sent { category: category.to_owned(), subcategory: subcategory.to_owned(), ..Sent::default() },
        override_by: None,
    };
    let mut model = model();
    model.categories[0].subcategories = vec!["laptop".to_owned()];
    let decided = |anew| decide(&after(&[]), &Command::Triage(anew), &agent("ada"), &model).map(|events| events.len());
    assert_eq!(decided(set("garden", "")), Err(Rejection::UnknownCategory));
    assert_eq!(decided(set("hardware", "hedge")), Err(Rejection::UnknownSubcategory));
    assert_eq!(decided(set("Hardware", "Laptop")), Ok(1));
    assert_eq!(decided(set("service", "")), Ok(0), "it is that already");
}
