//! Runbooks: what they take, who is asked, what becomes of an approval.

use super::*;
use crate::domain::fulfilment::words::{ApprovalMode, Decision};
use crate::domain::fulfilment::{Refusal as NotFulfilled, Step};
use crate::domain::runbook::run::approved;
use crate::domain::runbook::{
    Fact, Outcome, Parameter, ParameterKind, Refusal, Runbook, Takes, Value, Verdict, pattern, start,
};

const RUN: Uuid = Uuid::from_u128(7);

fn parameter(word: &str, takes: Takes) -> Parameter {
    Parameter { parameter: word.to_owned(), optional: word != "text", takes }
}

fn runbook(approvers: &[&str]) -> Runbook {
    let choice = Takes::Choice(vec!["soft".to_owned(), "hard".to_owned()]);
    Runbook {
        runbook: "restart".to_owned(),
        title: "Restart it".to_owned(),
        parameters: vec![
            parameter("text", Takes::Text { pattern: String::new(), max_length: 10 }),
            parameter("user", Takes::Text { pattern: "[a-z]+|root".to_owned(), max_length: 10 }),
            parameter("count", Takes::Number { min: -1, max: 5 }),
            parameter("mode", choice),
            parameter("force", Takes::Boolean),
            parameter("host", Takes::Device),
        ],
        runner: "site-a".to_owned(),
        approvers: approvers.iter().map(|it| (*it).to_owned()).collect(),
        any_suffices: true,
        time_limit: SignedDuration::from_secs(60),
        output_limit: 1_000,
    }
}

fn given(values: &[(&str, &str)]) -> Vec<(String, String)> {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn values_are_taken_as_they_are_or_not_at_all() {
    let runbook = runbook(&[]);
    let filled = |values: &[(&str, &str)]| runbook.filled(&given(values));
    let hostile = "; $(id)\n'";
    let taken = filled(&[("host", "a.b"), ("text", hostile)]).expect("both are fine");
    let words: Vec<(&str, &str)> = taken.iter().map(|it| (it.parameter.as_str(), it.value.as_str())).collect();
    assert_eq!(words, [("text", hostile), ("host", "a.b")], "in the order of the runbook");
    assert_eq!(taken[1].kind, ParameterKind::Device);
    for good in [("count", "-1"), ("count", "5"), ("mode", "hard"), ("force", "false"), ("user", "kari"), ("text", "")]
    {
        let values = if good.0 == "text" { vec![good] } else { vec![("text", "a"), good] };
        assert!(filled(&values).is_ok(), "{good:?}");
    }
    let bad = [
        ("text", "12345678901"),
        ("text", "a\0"),
        ("user", "Kari"),
        ("user", "kari\n"),
        ("user", "1 root"),
        ("count", "6"),
        ("count", "-2"),
        ("count", "1.0"),
        ("count", "+1"),
        ("count", " 1"),
        ("count", "99999999999999999999"),
        ("mode", "HARD"),
        ("force", "1"),
        ("host", ""),
        ("host", "-a"),
        ("host", "a b"),
        ("host", "a..b"),
        ("host", "a/b"),
        ("other", "a"),
    ];
    for (name, value) in bad {
        let values = if name == "text" { vec![(name, value)] } else { vec![("text", "a"), (name, value)] };
        let wrong = filled(&values).expect_err(value);
        assert!(wrong.len() == 1 && wrong[0].0 == name, "{wrong:?}");
    }
    let wrong = filled(&[("mode", "x"), ("mode", "x"), ("other", "y")]).expect_err("four things");
    assert_eq!(wrong.len(), 4, "everything is told at once: {wrong:?}");
}

#[test]
fn a_pattern_is_for_the_whole_text_and_of_a_bearable_size() {
    assert!(pattern("a|b").expect("a pattern").is_match("b"));
    assert!(!pattern("a|b").expect("a pattern").is_match("ab"));
    assert!(!pattern("a").expect("a pattern").is_match("a\n"));
    for wrong in ["(", "a)|(b", "[z-a]"] {
        assert_eq!(pattern(wrong).expect_err(wrong), "is no regular expression");
    }
    assert_eq!(pattern("(?:a{1000}){1000}").expect_err("it grows"), "is too large a pattern");
}

fn begun(runbook: &Runbook, by: &str) -> Result<Vec<Event>, Refusal> {
    start(&work(), "kari@acme.example", runbook, Vec::new(), RUN, &agent(by))
}

/// Placed and waiting for somebody.
fn work() -> Work {
    after(&[])
}

#[test]
fn whoever_starts_a_runbook_is_not_asked_about_it() {
    let events = begun(&runbook(&[]), "ada").expect("nobody has to agree");
    assert!(matches!(&events[..], [Event::Run(Fact::Requested { approval: 0, .. })]), "{events:?}");
    let events = begun(&runbook(&["ADA", "boss", "Kari@acme.example"]), "ada").expect("the boss is asked");
    let [
        Event::Run(Fact::Requested { approval: 1, .. }),
        Event::Fulfilment(Step::ApprovalRequested { approvers, mode, .. }),
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((approvers.as_slice(), *mode), (&["boss".to_owned()][..], ApprovalMode::Any));
    let nobody = begun(&runbook(&["ada"]), "ada").expect_err("nobody is left");
    assert_eq!(nobody, Refusal::Rejected(Rejection::Fulfilment(NotFulfilled::ApproversNeeded)));
}

#[test]
fn nothing_is_run_for_a_ticket_that_is_over() {
    for (state, reason) in
        [(State::Resolved, "TICKET_RESOLVED"), (State::Closed, "TICKET_CLOSED"), (State::Cancelled, "TICKET_CANCELLED")]
    {
        let work = Work { state, ..work() };
        let refused = start(&work, "", &runbook(&[]), Vec::new(), RUN, &agent("ada")).expect_err(reason);
        assert_eq!(refused.reason(), reason);
    }
}

#[test]
fn a_run_goes_on_with_its_approval_or_ends() {
    let mut known = work();
    for (revision, event) in (2..).zip(begun(&runbook(&["boss"]), "ada").expect("the boss is asked")) {
        known = evolve(known, &happened(revision, 1, event));
    }
    assert_eq!(approved(&known, 1, RUN, "restart"), None);
    let decided = |decision| {
        let step = Step::ApprovalDecided { number: 1, approver: "boss".to_owned(), decision, reason: String::new() };
        let known = evolve(known.clone(), &happened(4, 2, Event::Fulfilment(step)));
        approved(&known, 1, RUN, "restart")
    };
    assert!(matches!(decided(Decision::Approved), Some(Fact::Approved { .. })));
    assert!(matches!(decided(Decision::Rejected), Some(Fact::Refused { .. })));
    let over = Work { state: State::Closed, ..known.clone() };
    assert!(matches!(approved(&over, 1, RUN, "restart"), Some(Fact::Refused { .. })));
    assert!(matches!(approved(&known, 2, RUN, "restart"), Some(Fact::Refused { .. })));
}

#[test]
fn a_run_is_told_in_one_line() {
    let value = Value { parameter: "text".to_owned(), value: "a\nb".to_owned(), kind: ParameterKind::Text };
    let requested = Fact::Requested {
        run_id: RUN,
        runbook: "restart".to_owned(),
        title: "Restart it".to_owned(),
        runner: "site-a".to_owned(),
        parameters: vec![value],
        approval: 1,
    };
    let line = |fact: Fact| told::line(&Event::Run(fact));
    assert_eq!(line(requested), "runbook restart on site-a with text=a b; waits for approval 1");
    let verdict = Verdict {
        exit_code: Some(3),
        output_bytes: 300,
        is_truncated: true,
        ..Verdict::of(Outcome::Failed, "no\nuse")
    };
    let ended = Fact::Ended { run_id: RUN, runbook: "restart".to_owned(), verdict: Box::new(verdict) };
    assert_eq!(line(ended), "runbook restart failed, exit code 3, 300 bytes of output (cut): no use");
}
