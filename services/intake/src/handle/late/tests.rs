use super::*;

#[test]
fn a_subject_comes_again_only_once_and_stays_within_its_limit() {
    assert_eq!(again("Printer"), "Re: Printer");
    assert_eq!(again("RE: Printer"), "RE: Printer");
    assert_eq!(again(&"x".repeat(limits::SUBJECT)).chars().count(), limits::SUBJECT);
}
