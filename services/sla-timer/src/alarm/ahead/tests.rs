use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Ahead, BATCH, KEPT_FOR, LEAD, MOST};
use crate::alarm::near::Due;
use crate::handle::Looked;
use crate::store::Ticket;

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn due(at: i64, ticket: u128) -> Due {
    (second(at), (ClientId::new("acme").expect("well-formed"), Uuid::from_u128(ticket)))
}

fn seen((at, (client_id, ticket_id)): Due) -> Looked {
    Looked::unmoved(Ticket {
        client_id,
        ticket_id,
        reference: String::new(),
        is_registered: true,
        contract_version: None,
        revision: 0,
        next_at: Some(at),
        is_settled: None,
        changes: 0,
    })
}

fn next(ahead: &mut Ahead, now: Timestamp) -> Vec<u128> {
    ahead.next(now).into_iter().map(|(_, ticket_id)| ticket_id.as_u128()).collect()
}

#[test]
fn what_is_due_soonest_is_seen_first_and_what_is_nearly_due_not_any_more() {
    let mut ahead = Ahead::default();
    ahead.want(&[due(9, 1), due(7, 2), due(8, 3), due(6, 4)], second(5));
    let nearly_seven = second(7) - LEAD;
    assert_eq!(next(&mut ahead, nearly_seven), [3, 1]);
    assert!(next(&mut ahead, nearly_seven).is_empty());
}

#[test]
fn what_was_seen_is_not_wanted_again_unless_it_waits_for_another_instant() {
    let mut ahead = Ahead::default();
    ahead.add(vec![seen(due(7, 1)), seen(due(7, 2))]);
    ahead.want(&[due(7, 1), due(8, 2)], second(5));
    assert_eq!(next(&mut ahead, second(5)), [2]);
}

#[test]
fn what_was_seen_is_given_out_once_and_forgotten_when_nobody_fetched_it() {
    let mut ahead = Ahead::default();
    ahead.add(vec![seen(due(7, 1)), seen(due(7, 2))]);
    assert_eq!(ahead.take(&[due(7, 1), due(7, 3)]).len(), 1);
    assert_eq!(ahead.take(&[due(7, 1)]).len(), 0);
    ahead.want(&[], second(7) + KEPT_FOR);
    assert_eq!(ahead.seen.len(), 1);
    ahead.want(&[], second(7) + KEPT_FOR + SignedDuration::from_millis(1));
    assert_eq!(ahead.seen.len(), 0);
}

#[test]
fn no_more_is_seen_at_once_or_kept_than_there_is_room_for() {
    let mut ahead = Ahead::default();
    let many: Vec<Due> = (0..=MOST as u128).map(|ticket| due(9, ticket)).collect();
    ahead.want(&many, second(5));
    assert_eq!(next(&mut ahead, second(5)).len(), BATCH);
    ahead.add(many.iter().take(MOST - 1).cloned().map(seen).collect());
    assert_eq!(next(&mut ahead, second(5)).len(), 1, "there is room for one more");
    ahead.add(vec![seen(due(9, MOST as u128))]);
    assert!(next(&mut ahead, second(5)).is_empty());
}
