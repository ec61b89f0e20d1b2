use chassis::Clock;
use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::near::{Due, MOST};
use super::{Near, PER_SHARD, is_cut};
use crate::store::TicketKey;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn due(second: i64, client: &str, ticket: u128) -> Due {
    (at(second), (ClientId::new(client).expect("well-formed"), Uuid::from_u128(ticket)))
}

fn taken(near: &Near, now: i64, most: usize) -> Vec<u128> {
    near.take(at(now), most, |_| true).into_iter().map(|(_, (_, ticket_id))| ticket_id.as_u128()).collect()
}

fn near(all: impl IntoIterator<Item = Due>) -> Near {
    let near = Near::default();
    near.add(all);
    near
}

#[test]
fn clients_take_turns_each_with_its_oldest_first() {
    let near = near([due(5, "acme", 1), due(1, "acme", 2), due(3, "bravo", 3), due(4, "bravo", 4), due(2, "acme", 5)]);
    assert_eq!(taken(&near, 5, 100), [2, 3, 5, 4, 1]);
    assert_eq!((near.len(), near.first_at()), (0, None));
}

#[test]
fn a_client_that_had_the_last_turn_is_not_the_first_again() {
    let thousand = (0..1_000).map(|ticket| due(1, "acme", ticket));
    let near = near(thousand.chain([due(2, "bravo", 5_000), due(3, "cesar", 6_000)]));
    assert_eq!(taken(&near, 5, 1), [0]);
    // Bravo's and Cesar's are younger than all of Acme's.
    assert_eq!(taken(&near, 5, 1), [5_000]);
    assert_eq!(taken(&near, 5, 3), [1, 6_000, 2]);
}

#[test]
fn what_is_taken_is_no_more_than_was_asked_for_and_each_ticket_once() {
    let near = near((0..10).flat_map(|ticket| [due(1, "acme", ticket), due(2, "acme", ticket)]));
    assert_eq!(taken(&near, 5, 10), (0..10).collect::<Vec<u128>>());
    let foreign = near.take(at(5), 10, |(_, ticket_id): &TicketKey| ticket_id.as_u128() > 100);
    assert_eq!((foreign.len(), near.len()), (0, 0), "what does not fire here is forgotten");
}

#[test]
fn memory_takes_in_the_near_future_only_and_gives_out_what_is_due() {
    let near = Near::default();
    let clock = Clock::manual(at(100));
    let armed = |(at, key): Due| (key, Some(at));
    near.arm(&clock, vec![armed(due(101, "acme", 1)), armed(due(500, "acme", 2)), (due(0, "acme", 3).1, None)]);
    assert_eq!(near.first_at(), Some(at(101)));
    assert!(near.take(clock.now(), 10, |_| true).is_empty());
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(near.take(clock.now(), 10, |_| true).len(), 1);
    assert_eq!(near.first_at(), None);
}

#[test]
fn what_is_near_is_so_by_the_databases_clock() {
    let clock = Clock::manual(at(10_000));
    let armed = |second| vec![(due(second, "acme", 1).1, Some(at(second)))];
    for (ahead_by, near_at, far_at) in [(3_600, 13_601, 13_604), (-3_600, 6_401, 6_404)] {
        let near = Near::default();
        near.goes_by(SignedDuration::from_secs(ahead_by));
        near.arm(&clock, armed(far_at));
        assert_eq!(near.first_at(), None, "{ahead_by}");
        near.arm(&clock, armed(near_at));
        assert_eq!(near.first_at(), Some(at(near_at)), "{ahead_by}");
    }
}

#[test]
fn memory_never_holds_more_than_its_most() {
    let near = near((0..MOST as u128 + 10).map(|ticket| due(1, "acme", ticket)));
    assert_eq!(near.len(), MOST);
    assert_eq!(taken(&near, 1, 3), [0, 1, 2]);
    near.add([due(2, "acme", 1 << 80), due(2, "acme", 1 << 80)]);
    assert_eq!(near.len(), MOST - 2, "there is room again, and the same is the same");
}

#[test]
fn a_shard_of_which_all_was_asked_for_that_may_be_read_has_more() {
    let of_one_shard = |count: i64| (0..count).map(|number| due(1, "acme", (number as u128) << 6)).collect::<Vec<_>>();
    assert!(is_cut(&of_one_shard(PER_SHARD)));
    assert!(!is_cut(&of_one_shard(PER_SHARD - 1)));
    assert!(!is_cut(&(0..PER_SHARD).map(|number| due(1, "acme", number as u128)).collect::<Vec<_>>()));
}
