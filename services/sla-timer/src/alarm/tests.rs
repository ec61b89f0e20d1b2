use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use chassis::Clock;

use super::{BATCH, Near, fair_batches};

fn due(second: i64, client: &str, ticket: u128) -> (Timestamp, (ClientId, Uuid)) {
    let at = Timestamp::from_second(second).expect("in range");
    (at, (ClientId::new(client).expect("well-formed"), Uuid::from_u128(ticket)))
}

#[test]
fn clients_take_turns_each_with_its_oldest_first() {
    let all = [due(5, "acme", 1), due(1, "acme", 2), due(3, "bravo", 3), due(4, "bravo", 4), due(2, "acme", 5)];
    let batches = fair_batches(all.into_iter().collect());
    let order: Vec<u128> = batches.concat().iter().map(|(_, ticket_id)| ticket_id.as_u128()).collect();
    assert_eq!(order, [2, 3, 5, 4, 1]);
}

#[test]
fn a_batch_is_never_above_its_size_and_no_ticket_is_in_two() {
    let many = (0..=BATCH as u128).flat_map(|ticket| [due(1, "acme", ticket), due(2, "acme", ticket)]);
    let batches = fair_batches(many.collect());
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [BATCH, 1]);
}

#[test]
fn memory_takes_in_the_near_future_only_and_gives_out_what_is_due() {
    let near = Near::default();
    let clock = Clock::manual(Timestamp::from_second(100).expect("in range"));
    let armed = |(at, key): (Timestamp, (ClientId, Uuid))| (key, Some(at));
    near.arm(&clock, vec![armed(due(101, "acme", 1)), armed(due(500, "acme", 2)), (due(0, "acme", 3).1, None)]);
    assert_eq!(near.first_at(), Timestamp::from_second(101).ok());
    assert!(near.take(clock.now()).is_empty());
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(near.take(clock.now()).len(), 1);
    assert_eq!(near.first_at(), None);
}
