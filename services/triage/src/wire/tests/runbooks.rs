//! Runs of runbooks: round trips, and what runners say.

use contracts::triage::v1 as proto;
use contracts::triage::v1::runner_told::News as Said;
use prost::Message;
use uuid::Uuid;

use crate::domain::runbook::{Fact, Outcome, ParameterKind, RunState, Value, Verdict};
use crate::domain::{Event, Word};
use crate::wire::runbook::heard::{MAX_CHUNK, MAX_SHOWN, News, told};

const SUBJECT: &str = "skranke.run.acme.site-a.told";

/// Everything that happens to runs.
pub fn events() -> Vec<Event> {
    let (run_id, text) = (Uuid::from_u128(7), || "x".to_owned());
    let value = |kind: &ParameterKind| Value { parameter: text(), value: "1".to_owned(), kind: *kind };
    let ended = |outcome: &Outcome| {
        let verdict = Verdict {
            exit_code: Some(-1),
            head: text(),
            tail: text(),
            output_bytes: 3,
            is_truncated: true,
            ran_for: jiff::SignedDuration::from_millis(1_500),
            ..Verdict::of(*outcome, "x")
        };
        Event::Run(Fact::Ended { run_id, runbook: text(), verdict: Box::new(verdict) })
    };
    let requested = Fact::Requested {
        run_id,
        runbook: text(),
        title: text(),
        runner: text(),
        parameters: ParameterKind::ALL.iter().map(value).collect(),
        approval: 2,
    };
    let mut events: Vec<Event> = Outcome::ALL.iter().map(ended).collect();
    events.extend(
        [
            requested,
            Fact::Approved { run_id, runbook: text() },
            Fact::Refused { run_id, runbook: text(), reason: text() },
            Fact::Started { run_id, runbook: text(), runner: text() },
            Fact::CancelAsked { run_id, runbook: text(), reason: text() },
        ]
        .map(Event::Run),
    );
    events
}

fn says(news: Said) -> proto::RunnerTold {
    let id = || Uuid::from_u128(1).to_string();
    proto::RunnerTold { told_id: id(), run_id: id(), news: Some(news) }
}

fn ended(outcome: i32) -> proto::RunnerTold {
    says(Said::Ended(proto::RunnerEnded { outcome, ..proto::RunnerEnded::default() }))
}

fn piece(sequence: u32, length: usize) -> proto::RunnerTold {
    says(Said::Output(proto::RunOutput { sequence, is_error: false, chunk: vec![b'x'; length] }))
}

#[test]
fn what_a_runner_says_is_its_own_and_bounded() {
    let read = |said: &proto::RunnerTold| told(SUBJECT, &said.encode_to_vec());
    let known = read(&piece(1, MAX_CHUNK)).expect("a piece");
    assert_eq!((known.client_id.as_str(), known.runner.as_str()), ("acme", "site-a"));
    for wrong in [piece(1, MAX_CHUNK + 1), piece(0, 1), piece(u32::MAX, 1), ended(0), ended(99)] {
        assert!(read(&wrong).is_err(), "{:?}", wrong.news.map(|news| news.encoded_len()));
    }
    // What only triage can know, no runner says.
    for outcome in [Outcome::Lost, Outcome::Expired, Outcome::NotApproved] {
        assert!(read(&ended(outcome.number())).is_err(), "{outcome}");
    }
    for spoilt in [
        proto::RunnerTold { told_id: "x".to_owned(), ..piece(1, 1) },
        proto::RunnerTold { run_id: "x".to_owned(), ..piece(1, 1) },
        proto::RunnerTold { news: None, ..piece(1, 1) },
    ] {
        assert!(read(&spoilt).is_err(), "{spoilt:?}");
    }
    for subject in
        ["skranke.run.acme.told", "skranke.run.ACME.a.told", "skranke.run.acme.a.b.told", "skranke.run.acme..told"]
    {
        assert!(told(subject, &piece(1, 1).encode_to_vec()).is_err(), "{subject}");
    }
}

#[test]
fn what_goes_to_a_ticket_can_be_kept() {
    let mut head = vec![b'a'; MAX_SHOWN + 10];
    head[1] = 0;
    head[2] = 0xff;
    let said = says(Said::Ended(proto::RunnerEnded {
        outcome: Outcome::Failed.number(),
        head,
        output_bytes: -1,
        reason: format!("\0{}", "é".repeat(5_000)),
        ..proto::RunnerEnded::default()
    }));
    let News::Ended(_, verdict) = told(SUBJECT, &said.encode_to_vec()).expect("an end").news else { panic!("an end") };
    assert!(!verdict.head.contains('\0') && verdict.head.starts_with("a\u{fffd}a"));
    assert!(verdict.head.len() <= MAX_SHOWN + 3 && verdict.output_bytes == 0);
    assert_eq!(verdict.reason.chars().count(), 1_000);
}

#[test]
fn a_job_is_never_taken_for_a_runners_word() {
    let job = proto::RunnerJob {
        run_id: Uuid::from_u128(1).to_string(),
        client_id: "acme".to_owned(),
        runner: "site-a".to_owned(),
        runbook: "restart".to_owned(),
        output_limit: 7,
        cancel: true,
        ..proto::RunnerJob::default()
    };
    assert!(told(SUBJECT, &job.encode_to_vec()).is_err());
    let said = proto::RunnerJob::decode(piece(1, 10).encode_to_vec().as_slice()).expect("unknown fields");
    assert_eq!(said, proto::RunnerJob::default());
}

#[test]
fn words_of_runs_have_the_numbers_of_the_protos() {
    super::numbers_agree::<RunState>("RunState");
    super::numbers_agree::<Outcome>("RunOutcome");
    super::numbers_agree::<ParameterKind>("RunbookParameterKind");
}
