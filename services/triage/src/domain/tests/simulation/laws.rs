//! The laws of a desk, each reckoned anew from what is kept and not as the decisions reckon it.

use super::super::super::closing::Step as Closing;
use super::super::super::fulfilment::words::{ApprovalState, ChangeType, TaskState};
use super::super::super::fulfilment::{Errand, Step};
use super::super::super::relation::Fact;
use super::super::laws::is_possible;
use super::super::*;
use super::desk::{Desk, Line, id_at};

/// What has to happen now and then, or the simulation says nothing of it.
pub const WORDS: [&str; 42] = [
    "refused",
    "imported",
    "replied",
    "stranded",
    "lapsed",
    "inherited",
    "given",
    "triaged",
    "claimed",
    "assigned",
    "released",
    "handed over",
    "returned",
    "call promised",
    "called back",
    "swarm invited",
    "swarm joined",
    "swarm left",
    "waiting",
    "resumed",
    "resumed by reply",
    "resolved",
    "reopened",
    "closed",
    "cancelled",
    "merged",
    "unmerged",
    "linked",
    "unlinked",
    "major",
    "status",
    "delivered",
    "recurred",
    "monitored",
    "reminded",
    "asked",
    "thanked",
    "came late",
    "vendor",
    "approved",
    "task done",
    "change started",
];

/// A word for what happened.
fn word(event: &Event) -> &'static str {
    match event {
        Event::Triaged { .. } => "triaged",
        Event::Claimed { .. } => "claimed",
        Event::Released => "released",
        Event::HandedOver { insufficient_information: true, .. } => "returned",
        Event::HandedOver { .. } => "handed over",
        Event::Assigned { .. } => "assigned",
        Event::ClaimLapsed { .. } => "claim lapsed",
        Event::CallbackPromised { .. } => "call promised",
        Event::CalledBack { .. } => "called back",
        Event::SwarmInvited { .. } => "swarm invited",
        Event::SwarmJoined { .. } => "swarm joined",
        Event::SwarmLeft { .. } => "swarm left",
        Event::Monitored(_) => "monitored",
        Event::Waiting { .. } => "waiting",
        Event::Resumed { by_reply: true } => "resumed by reply",
        Event::Resumed { .. } => "resumed",
        Event::Resolved { .. } => "resolved",
        Event::Reopened { .. } => "reopened",
        Event::Closed { .. } => "closed",
        Event::Cancelled { .. } => "cancelled",
        Event::Noted { .. } => "noted",
        Event::Unknown => "unknown",
        Event::Tied(Fact::Merged { .. }) => "merged",
        Event::Tied(Fact::Unmerged { .. }) => "unmerged",
        Event::Tied(Fact::Linked { .. }) => "linked",
        Event::Tied(Fact::Unlinked { .. }) => "unlinked",
        Event::Tied(Fact::MajorDeclared { .. }) => "major",
        Event::Tied(Fact::StatusPushed(_)) => "status",
        Event::Tied(Fact::StatusDelivered { .. }) => "delivered",
        Event::Tied(Fact::Recurred { .. }) => "recurred",
        Event::Tied(_) => "tied",
        Event::Workspace(_) => "kept",
        Event::Overdue(_) => "overdue",
        Event::Run(_) => "run",
        Event::Closing(Closing::Reminded { .. }) => "reminded",
        Event::Closing(Closing::ConfirmationAsked { .. }) => "asked",
        Event::Closing(Closing::Thanked) => "thanked",
        Event::Closing(Closing::CameLate { .. }) => "came late",
        Event::Fulfilment(Step::VendorCaseOpened { .. }) => "vendor",
        Event::Fulfilment(Step::ApprovalDecided { .. }) => "approved",
        Event::Fulfilment(Step::TaskCompleted { .. }) => "task done",
        Event::Fulfilment(Step::ChangeStarted) => "change started",
        Event::Fulfilment(_) => "fulfilment",
    }
}

/// Whether the same command once more, at once, by the same person, has nothing to do.
pub fn is_repeatable(command: &Command) -> bool {
    let numbered = |errand: &Errand| match errand {
        Errand::OpenVendorCase { .. } | Errand::CloseVendorCase { .. } | Errand::RequestApproval { .. } => false,
        Errand::ReplaceApprover { .. } | Errand::AddTask { .. } | Errand::PlanChange(_) => false,
        Errand::DecideApproval { approval, .. } => *approval > 0,
        _ => true,
    };
    match command {
        // What was returned may be returned further.
        Command::Return { .. } => false,
        Command::Fulfilment(errand) => numbered(errand),
        _ => true,
    }
}

/// Whether `above` has `below` as a child of a child.
pub fn is_above(desk: &Desk, above: usize, below: usize) -> bool {
    let mut at = Some(below);
    for _ in 0..=desk.lines.len() {
        match at {
            None => return false,
            Some(one) if one == above => return true,
            Some(one) => {
                let parent = |link: &&(usize, RelationKind, usize)| link.0 == one && link.1 == RelationKind::ChildOf;
                at = desk.links.iter().find(parent).map(|link| link.2);
            }
        }
    }
    panic!("{below} is below itself")
}

/// What holds for a ticket after whatever happened to it.
pub fn touched(desk: &mut Desk, at: usize, from: usize, before: Option<&Work>) {
    history(&mut desk.lines[at], from);
    let line = &desk.lines[at];
    let ticket = line.ticket.as_ref().unwrap();
    let work = &ticket.work;
    let anew = fold(ticket.matter.registered_at, &line.history);
    assert_eq!(*work, anew, "the history read anew makes another ticket");
    consistent(work);
    if line.facts.is_empty() {
        swarmed(work);
    }
    placed(desk, at, before);
    answered(line);
    let fresh: Vec<Happened> = line.history[from..].to_vec();
    for happened in &fresh {
        desk.see(word(&happened.event));
        taken(desk, at, &happened.event);
        merged(desk, at, from, happened, before);
    }
    bound(desk, at);
}

/// Nothing is rewritten: numbers without a gap, ids that are there once.
fn history(line: &mut Line, from: usize) {
    for (happened, number) in line.history[from..].iter().zip(from as u64 + 1..) {
        assert_eq!(happened.revision, number, "the history has a gap");
        assert!(line.ids.insert(happened.event_id), "{:?} is there twice", happened.event);
    }
    for key in &line.told_facts {
        let fact = line.facts.iter().find(|fact| fact.fact_key == *key).unwrap();
        let nothing = Imported::Prioritised { impact: None, urgency: None, priority: None };
        let ticket_id = line.ticket.as_ref().unwrap().ticket_id;
        let event_id = Uuid::new_v5(&ticket_id, format!("fact/{key}").as_bytes());
        assert!(fact.fact == nothing || line.ids.contains(&event_id), "{fact:?} is lost");
    }
}

/// State, wait, owner and resolution say the same.
fn consistent(work: &Work) {
    assert!(is_possible(work), "{work:?} cannot be kept");
    assert!(work.state != State::Registered, "it is not placed");
    let is_open = work.state.is_open();
    assert!(is_open || work.callback.is_none(), "a call is promised on what is over");
    assert!(!is_open || work.closed_at.is_none(), "it is open, and was closed at {:?}", work.closed_at);
    assert!(!is_open || work.resolution.is_none(), "it is open, and resolved by {:?}", work.resolution);
    assert!(work.ties.merged.is_none() || !is_open, "it is merged, and open");
    assert_eq!(work.handling.since_at.is_some(), work.state == State::InProgress, "handled while nobody works on it");
    let vendors: Vec<&String> =
        work.fulfilment.vendor_cases.iter().filter(|case| case.closed_at.is_none()).map(|case| &case.vendor).collect();
    assert!(
        vendors.iter().collect::<std::collections::BTreeSet<_>>().len() == vendors.len(),
        "two cases of one vendor"
    );
}

/// An owner helps in their own swarm. History that is learned late may make another the owner of then.
fn swarmed(work: &Work) {
    if let Some(swarm) = &work.swarm
        && let Some(owner) = &work.owner
    {
        assert!(swarm.members.iter().any(|member| member.agent == *owner), "the owner is not in the swarm");
    }
}

/// Never without a queue: one of the model's, unless another system or an older model knew it by another name, and then
/// only until the watch comes round.
fn placed(desk: &Desk, at: usize, before: Option<&Work>) {
    let work = desk.work(at);
    assert!(!work.placement.queue.is_empty(), "it has no queue");
    let stays = before.is_some_and(|before| before.placement.queue == work.placement.queue);
    let is_foreign = !desk.lines[at].facts.is_empty();
    let is_known = desk.model.queues.contains_key(&work.placement.queue);
    assert!(is_known || stays || is_foreign, "the model has no queue {}", work.placement.queue);
}

/// No wait for the requester outlasts their answer.
fn answered(line: &Line) {
    let work = &line.ticket.as_ref().unwrap().work;
    if let Some(wait) = work.kept_waiting().filter(|wait| wait.reason == WaitingReason::Requester) {
        let answer = line.replies.iter().find(|reply| reply.written_at > wait.since_at);
        assert!(answer.is_none(), "it waits since {} for {answer:?}", wait.since_at);
    }
}

/// Whoever takes work, or is given it, has not too much of it. What they had already comes back all the same.
fn taken(desk: &Desk, at: usize, event: &Event) {
    let owner = match event {
        Event::Claimed { owner } => owner,
        Event::Assigned { owner, way, .. } if *way != AssignmentWay::Swarm => owner,
        _ => return,
    };
    let work = desk.work(at);
    let queue = &work.placement.queue;
    let limit = desk.model.queues.get(queue).map_or(0, |queue| queue.work_limit);
    let is_theirs = |work: &Work| {
        let is_same = work.owner.as_ref() == Some(owner) && work.placement.queue == *queue;
        is_same && work.state == State::InProgress
    };
    let count = desk.lines.iter().filter(|it| it.ticket.as_ref().is_some_and(|it| is_theirs(&it.work))).count();
    // A wait that is taken over is not in progress.
    let is_in_progress = work.state == State::InProgress;
    assert!(limit == 0 || !is_in_progress || count as u32 <= limit, "{owner} has {count} of {queue}, limit {limit}");
}

/// An undone merge gives everything back: only that something happened stays, and how long it was handled by then.
fn merged(desk: &mut Desk, at: usize, from: usize, happened: &Happened, before: Option<&Work>) {
    match &happened.event {
        Event::Tied(Fact::Merged { .. }) => desk.lines[at].before_merge = before.map(|before| (before.clone(), from)),
        Event::Tied(Fact::Unmerged { owner, .. }) => {
            let Some((mut was, length)) = desk.lines[at].before_merge.take() else { return };
            let is_alone = length + 1 == from && desk.lines[at].history.len() == from + 1;
            if !is_alone {
                return;
            }
            desk.see("restored");
            let work = desk.work(at).clone();
            assert!(owner.is_none() || *owner == was.owner, "it came back to somebody else");
            was.owner.clone_from(owner);
            if owner.is_none() && was.state == State::InProgress {
                was.state = State::Queued;
            }
            (was.revision, was.changed_at, was.handling) = (work.revision, work.changed_at, work.handling);
            assert_eq!(was, work, "an undone merge changes something");
        }
        _ => {}
    }
}

/// One parent, no circles, and each news once.
fn bound(desk: &Desk, at: usize) {
    let parents = desk.links.iter().filter(|link| link.0 == at && link.1 == RelationKind::ChildOf);
    assert!(parents.count() <= 1, "{at} has two parents");
    assert!(!is_above(desk, usize::MAX, at), "circles end with a panic");
    let mut told = std::collections::BTreeSet::new();
    for happened in &desk.lines[at].history {
        if let Event::Tied(Fact::StatusDelivered { parent, news }) = &happened.event {
            assert!(told.insert((parent.ticket_id, news.number)), "news {} came twice", news.number);
        }
    }
}

/// What a command may do, besides what it leaves behind.
pub fn allowed(desk: &Desk, at: usize, events: &[Event], by: &Actor, is_lead: bool) {
    let known = &desk.work(at).fulfilment;
    for event in events {
        match event {
            Event::Assigned { owner, .. } => {
                assert!(is_lead || *owner == by.actor_id, "only leads decide for others");
            }
            Event::Resolved { .. } => {
                assert!(known.tasks.iter().all(|task| task.state != TaskState::Open), "tasks are left");
            }
            Event::Fulfilment(Step::ApprovalDecided { number, .. }) => {
                let approval = known.approvals.iter().find(|approval| approval.number == *number).unwrap();
                let is_own =
                    approval.asked_by == by.actor_id || by.actor_id.eq_ignore_ascii_case(&approval.requester_email);
                let is_asked = approval.approvers.iter().any(|it| it.approver.eq_ignore_ascii_case(&by.actor_id));
                assert!(is_asked && !is_own, "{} was not asked", by.actor_id);
                assert_eq!(approval.state, ApprovalState::Pending);
            }
            Event::Fulfilment(Step::TaskCompleted { number, .. }) => {
                let task = known.tasks.iter().find(|task| task.number == *number).unwrap();
                let is_left = |one: &u32| known.tasks.iter().any(|it| it.number == *one && it.state == TaskState::Open);
                assert!(!task.after.iter().any(is_left), "task {number} comes after others");
            }
            Event::Fulfilment(Step::ChangeStarted) => {
                let change = known.change.as_ref().unwrap();
                let approved = known.approvals.iter().find(|it| it.number == change.approval).map(|it| it.state);
                let is_in_window = change.window_from_at <= desk.now && desk.now < change.window_until_at;
                assert!(is_in_window, "outside of its window");
                assert!(change.kind != ChangeType::Normal || approved == Some(ApprovalState::Approved), "not approved");
            }
            _ => {}
        }
    }
}

/// What is written on what is over: thanks bring nothing back, and what is closed stays closed.
pub fn written(before: Option<&Work>, reply: &Reply, after: Option<&Work>) {
    let (Some(before), Some(after)) = (before, after) else { return };
    let is_back = !before.state.is_open() && after.state.is_open();
    let is_thanks = reply.written.as_ref().is_some_and(|written| written.is_thanks);
    assert!(!is_back || before.state == State::Resolved && !is_thanks, "{reply:?} brings it back");
}

/// What happens by itself: nothing ends before its time.
pub fn due(desk: &Desk, at: usize, events: &[Event]) {
    let work = desk.work(at);
    for event in events {
        match event {
            Event::Closed { .. } => {
                let grace = desk.model.closing.grace.expect("closed by itself without a grace time");
                let grace = SignedDuration::from_hours(24 * i64::from(grace.days)) + grace.open_for;
                let resolved_at = work.resolution.as_ref().expect("closed by itself, and not resolved").resolved_at;
                assert!(desk.now >= resolved_at + grace, "closed in grace");
            }
            Event::Resolved { .. } => {
                assert_eq!(work.waiting.map(|it| it.reason), Some(WaitingReason::Requester), "resolved by itself");
            }
            _ => {}
        }
    }
}

/// After a round nothing open lies in a queue that is no more, no claim outlasts its end, and nobody's work is kept by
/// nobody.
pub fn after_a_round(desk: &Desk) {
    for (at, line) in desk.lines.iter().enumerate() {
        let Some(ticket) = &line.ticket else { continue };
        let work = &ticket.work;
        if !work.state.is_open() {
            continue;
        }
        let queue = &work.placement.queue;
        assert!(desk.model.queues.contains_key(queue), "{at} lies in {queue}, which is no more");
        if let Some(owner) = &work.owner {
            let claim = line.claim.as_ref().unwrap_or_else(|| panic!("{at} has an owner and no claim"));
            assert_eq!(claim.owner, *owner, "{at} is claimed by somebody else");
            assert!(claim.lapses_at.is_none_or(|lapses_at| lapses_at > desk.now), "{at} is kept by who is gone");
        }
    }
}

/// At the end: everything that came is there, and its history makes what it is.
pub fn whole(desk: &mut Desk) {
    for (at, line) in desk.lines.iter().enumerate() {
        if let Some(ticket) = &line.ticket {
            assert_eq!(ticket.ticket_id, id_at(at));
            assert_eq!(line.history.len() as u64, ticket.work.revision, "{at} has lost something");
            assert_eq!(line.ids.len(), line.history.len());
        }
    }
}
