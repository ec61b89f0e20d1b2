use super::*;

fn time_with(text: &str) -> Duration {
    let mut headers = http::HeaderMap::new();
    headers.insert("grpc-timeout", text.parse().unwrap());
    time_for(&headers)
}

#[test]
fn a_caller_is_answered_just_before_its_deadline() {
    for (text, patience) in [("2S", 2_000), ("1500m", 1_500), ("20000u", 20), ("5000000n", 5)] {
        assert_eq!(time_with(text), Duration::from_millis(patience) - BEFORE_DEADLINE, "{text}");
    }
    assert_eq!(time_with("500u"), Duration::ZERO);
}

#[test]
fn no_caller_gets_more_than_the_deadline_of_the_desk() {
    assert_eq!(time_for(&http::HeaderMap::new()), DEADLINE);
    for text in ["99999999H", "10M", "31S"] {
        assert_eq!(time_with(text), DEADLINE, "{text}");
    }
}

#[test]
fn what_is_no_deadline_is_taken_for_none() {
    for text in ["", "S", "5", "5x", "-5S", "+5S", "999999999S", "5 S", "5\u{fc}"] {
        assert_eq!(time_with(text), DEADLINE, "{text}");
    }
}
