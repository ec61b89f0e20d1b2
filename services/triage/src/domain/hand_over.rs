//! Hand-over: up, down, skipping tiers, and back.

use jiff::Timestamp;

use super::decide::{Around, Rejection};
use super::event::Event;
use super::ticket::Work;

/// A ticket that waits goes on waiting in its new queue: what it waits for has not come.
pub(super) fn to(
    work: &Work,
    queue: &str,
    reason: &str,
    note: &str,
    around: &Around<'_>,
) -> Result<Vec<Event>, Rejection> {
    if !around.model.queues.contains_key(queue) {
        return Err(Rejection::UnknownQueue);
    }
    if work.placement.queue == queue {
        return if work.owner.is_none() { Ok(vec![]) } else { Err(Rejection::SameQueue) };
    }
    let swarms = around.model.queues.get(&work.placement.queue).is_some_and(|from| from.is_swarm);
    if swarms && work.owner.is_some() && !around.is_lead {
        return Err(Rejection::SwarmKeepsOwner);
    }
    Ok(moved(work, queue, reason, note, false, around))
}

/// Back to where it came from, else to the front: too little is known.
pub(super) fn back(work: &Work, reason: &str, note: &str, around: &Around<'_>) -> Result<Vec<Event>, Rejection> {
    let model = around.model;
    let is_before = |queue: &&String| model.queues.get(*queue).is_some_and(|it| it.tier < work.placement.tier);
    let is_front = |queue: &&String| model.is_front(model.tier_of(queue));
    let came_from = Some(&work.came_from).filter(is_before);
    let queue = came_from.or_else(|| Some(&model.default_queue).filter(is_front).filter(is_before));
    match queue {
        Some(queue) => Ok(moved(work, queue, reason, note, true, around)),
        // It was returned, and lies there.
        None if work.returns > 0 && work.owner.is_none() => Ok(vec![]),
        None => Err(Rejection::NothingToReturnTo),
    }
}

/// The hand-over, and the promise to call if nobody is there to receive it. Where no position does the queue's work,
/// nobody knows who is there, and nothing is promised.
fn moved(
    work: &Work,
    queue: &str,
    reason: &str,
    note: &str,
    insufficient_information: bool,
    around: &Around<'_>,
) -> Vec<Event> {
    let Around { model, at, loads, has_requester, .. } = around;
    let warm = !model.available(queue, *at, loads).is_empty();
    let mut events = vec![Event::HandedOver {
        from_queue: work.placement.queue.clone(),
        from_tier: work.placement.tier,
        queue: queue.to_owned(),
        tier: model.tier_of(queue),
        reason: reason.to_owned(),
        note: note.to_owned(),
        insufficient_information,
        warm,
    }];
    let is_owed = !warm && !insufficient_information && *has_requester && work.callback.is_none();
    if is_owed && model.is_manned(queue) {
        let reason = format!("nobody of {queue} was free to take over");
        events.push(Event::CallbackPromised { due_at: due_at(queue, around), reason });
    }
    events
}

/// So long after somebody of the queue is there next.
fn due_at(queue: &str, around: &Around<'_>) -> Timestamp {
    let from = around.model.manned_at(queue, around.at);
    let within = around.model.queues.get(queue).map(|queue| queue.call_back_within).unwrap_or_default();
    from.saturating_add(within).unwrap_or(from)
}
