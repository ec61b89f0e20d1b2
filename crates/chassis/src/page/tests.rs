use contracts::triage::v1::{ListTicketsRequest, TicketFilter};

use super::*;

fn question(client: &str) -> ListTicketsRequest {
    let filter = TicketFilter { client_ids: vec![client.to_owned()], ..Default::default() };
    ListTicketsRequest { filter: Some(filter), ..Default::default() }
}

#[test]
fn a_page_token_works_for_its_own_question_only() {
    let token = PageToken::encode(&question("acme"), &("P2", 7));
    assert_eq!(PageToken::decode::<(String, i32)>(&token, &question("acme")), Ok(Some(("P2".to_owned(), 7))));
    assert!(PageToken::decode::<(String, i32)>(&token, &question("globex")).is_err());
    assert_eq!(PageToken::decode::<(String, i32)>("", &question("acme")), Ok(None));
}

#[test]
fn a_tampered_page_token_is_refused() {
    let token = PageToken::encode(&question("acme"), &("P2", 7));
    for hostile in ["x", "....", "ÅÅÅÅ", &token[..5], &token[1..], &format!("{token}AAAA"), &"A".repeat(100_000)] {
        assert!(PageToken::decode::<(String, i32)>(hostile, &question("acme")).is_err(), "{hostile:.20}");
    }
}

#[test]
fn a_key_that_no_store_has_is_refused() {
    let token = PageToken::encode(&question("acme"), &"a\0b");
    assert!(PageToken::decode::<String>(&token, &question("acme")).is_err());
}

#[test]
fn page_sizes_are_bounded() {
    assert_eq!(page_size(0, 50, 1_000), Ok(50));
    assert_eq!(page_size(1_001, 50, 1_000), Ok(1_000));
    assert_eq!(page_size(i32::MAX, 50, 1_000), Ok(1_000));
    assert!(page_size(-1, 50, 1_000).is_err());
}
