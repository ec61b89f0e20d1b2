use proptest::prelude::*;

use super::*;

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn what_was_read_is_written_as_it_was() {
    assert_eq!(written(&read(SAMPLED).unwrap()), SAMPLED);
    assert!(says_sampled(SAMPLED));
    assert!(!says_sampled(&SAMPLED.replace("-01", "-00")));
}

#[test]
fn a_later_version_is_read_as_far_as_it_is_known() {
    let later = SAMPLED.replacen("00", "01", 1) + "-more";
    assert_eq!(written(&read(&later).unwrap()), SAMPLED);
}

#[test]
fn what_the_standard_forbids_is_no_context() {
    for text in [
        "",
        "00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
    ] {
        assert!(read(text).is_none(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_does_harm(text in "\\PC{0,80}") {
        if let Some(context) = read(&text) {
            prop_assert!(context.is_valid() && context.is_remote());
        }
    }
}
