use jiff::Timestamp;
use uuid::Uuid;

use super::{Looked, still_true};
use crate::store::Ticket;

fn ticket(ticket: u128) -> Ticket {
    Ticket {
        client_id: contracts::ClientId::new("acme").expect("well-formed"),
        ticket_id: Uuid::from_u128(ticket),
        reference: "ACME-1001".to_owned(),
        is_registered: true,
        contract_version: Some(1),
        revision: 3,
        next_at: Some(Timestamp::UNIX_EPOCH),
        is_settled: Some(false),
        changes: 5,
    }
}

#[test]
fn what_was_seen_ahead_holds_only_while_the_ticket_is_what_it_was() {
    let ahead = || (1..=5).map(|id| Looked::unmoved(ticket(id))).collect();
    let learnt = Ticket { changes: 6, ..ticket(2) };
    let edited = Ticket { next_at: None, ..ticket(3) };
    let told = Ticket { revision: 4, ..ticket(4) };
    let (looked, mut anew) =
        still_true(ahead(), vec![ticket(1), learnt.clone(), edited.clone(), told.clone(), ticket(6)]);
    assert_eq!(looked.iter().map(Looked::key).collect::<Vec<_>>(), [ticket(1).key()], "the fifth is not due here");
    anew.sort_by_key(|ticket| ticket.ticket_id);
    assert_eq!(anew, [learnt, edited, told, ticket(6)]);
}
