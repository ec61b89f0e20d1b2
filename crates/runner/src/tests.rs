//! What the runner decides by itself.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use contracts::triage::v1::{RunOutcome, RunParameter, RunbookParameterKind, RunnerJob};
use contracts::{duration, timestamp};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::config::{Config, Pass, Script, hash};
use crate::journal::Journal;
use crate::judge::{judge, order, time_limit};
use crate::process::as_json;
use crate::tell;

const NOW: &str = "2026-11-22T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("an instant")
}

fn program(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("script.sh");
    std::fs::write(&path, "#!/bin/sh\necho hello\n").expect("a script");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    path
}

fn config(folder: &Path) -> Config {
    let parameters = BTreeMap::from([("host".to_owned(), "[a-z0-9.-]+".to_owned())]);
    let file = serde_json::json!({
        "client": "acme",
        "runner": "site-a",
        "nats": { "url": "nats://127.0.0.1:4222" },
        "folder": folder,
        "scripts": [{
            "runbook": "restart",
            "program": program(folder),
            "parameters": parameters,
            "time_limit_seconds": 60,
        }],
    });
    serde_json::from_value(file).expect("a configuration")
}

fn job() -> RunnerJob {
    let host = RunParameter {
        parameter: "host".to_owned(),
        value: "printer-1".to_owned(),
        kind: RunbookParameterKind::Device.into(),
    };
    RunnerJob {
        run_id: Uuid::nil().to_string(),
        client_id: "acme".to_owned(),
        runner: "site-a".to_owned(),
        runbook: "restart".to_owned(),
        parameters: vec![host],
        time_limit: Some(duration(SignedDuration::from_secs(300))),
        output_limit: 1_000,
        expires_at: Some(timestamp(now() + SignedDuration::from_secs(1))),
        cancel: false,
    }
}

#[test]
fn a_runner_does_what_was_sent_to_it_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    assert!(order(job(), &config).is_some());
    for (client_id, runner) in [("globex", "site-a"), ("acme", "site-b"), ("", "")] {
        let job = RunnerJob { client_id: client_id.to_owned(), runner: runner.to_owned(), ..job() };
        assert!(order(job, &config).is_none(), "{client_id} {runner}");
    }
}

#[test]
fn a_job_is_judged_by_the_runners_own_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let judged = |job: RunnerJob| judge(&order(job, &config).expect("its own"), &config, now()).map(drop);
    assert_eq!(judged(job()), Ok(()));
    let late = RunnerJob { expires_at: Some(timestamp(now())), ..job() };
    assert!(judged(late).expect_err("late").contains("too late"));
    assert!(judged(RunnerJob { expires_at: None, ..job() }).is_err());
    assert!(judged(RunnerJob { runbook: "format".to_owned(), ..job() }).expect_err("unknown").contains("own list"));
    for value in ["printer 1", "printer-1\n", "$(id)", "; rm -rf /", "a\0b", "", &"a".repeat(20_000)] {
        let mut job = job();
        job.parameters[0].value = value.to_owned();
        let refused = judged(job).expect_err("a bad value");
        assert!(value.is_empty() || !refused.contains(value), "a value is repeated: {refused}");
    }
    let mut other = job();
    other.parameters[0].parameter = "LD_PRELOAD".to_owned();
    assert!(judged(other).expect_err("another parameter").contains("does not let the parameter"));
}

#[test]
fn a_program_that_is_not_what_was_pinned_is_not_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(folder.path());
    let path = config.scripts[0].program.clone();
    config.scripts[0].sha256 = Some(hash(&path).expect("its hash").to_uppercase());
    config.check().expect("it is what was pinned");
    let order = order(job(), &config).expect("its own");
    std::fs::write(&path, "#!/bin/sh\necho changed\n").expect("another script");
    assert!(judge(&order, &config, now()).expect_err("changed").contains("not what was pinned"));
    config.scripts[0].sha256 = None;
    assert!(judge(&order, &config, now()).is_ok());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o757)).expect("its mode");
    assert!(judge(&order, &config, now()).expect_err("open to all").contains("everybody may write"));
    std::fs::remove_file(&path).expect("it was there");
    assert!(judge(&order, &config, now()).expect_err("gone").contains("cannot be found"));
}

#[test]
fn the_shorter_time_limit_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let order = order(job(), &config).expect("its own");
    assert_eq!(time_limit(&order, &config.scripts[0]), Duration::from_secs(60));
    let longer = Script { time_limit_seconds: Some(900), ..config.scripts[0].clone() };
    assert_eq!(time_limit(&order, &longer), Duration::from_secs(300));
}

#[test]
fn a_file_that_cannot_be_is_refused_with_advice() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = config(folder.path());
    good.check().expect("a good file");
    let wrong = |change: &dyn Fn(&mut Config), says: &str| {
        let mut config = good.clone();
        change(&mut config);
        let said = format!("{:#}", config.check().expect_err(says));
        assert!(said.contains(says), "{said}");
    };
    wrong(&|it| it.runner = "Site A".to_owned(), "`runner`");
    wrong(&|it| it.folder = "here".into(), "absolute");
    wrong(&|it| it.at_once = 0, "`at_once`");
    wrong(&|it| it.at_once = 17, "`at_once`");
    wrong(&|it| it.nats.url = "nats://me:secret@nats".to_owned(), "password_file");
    wrong(&|it| it.nats.key = Some("key".into()), "go together");
    wrong(&|it| it.scripts[0].program = "script.sh".into(), "absolute");
    wrong(&|it| it.scripts[0].sha256 = Some("abc".to_owned()), "sha256");
    wrong(&|it| drop(it.scripts[0].parameters.insert("a".to_owned(), "(".to_owned())), "pattern");
    wrong(&|it| drop(it.scripts[0].parameters.insert("a".to_owned(), "a)|(b".to_owned())), "pattern");
    wrong(&|it| drop(it.scripts[0].parameters.insert("A B".to_owned(), String::new())), "a-z");
    wrong(&|it| drop(it.scripts[0].environment.insert("A=B".to_owned(), String::new())), "variable");
    wrong(&|it| it.scripts.push(it.scripts[0].clone()), "already");
}

#[test]
fn values_on_standard_input_are_what_they_are() {
    let value = |parameter: &str, value: &str, kind: RunbookParameterKind| RunParameter {
        parameter: parameter.to_owned(),
        value: value.to_owned(),
        kind: kind.into(),
    };
    let json = as_json(&[
        value("text", "\"; rm -rf / #\n$(id)", RunbookParameterKind::Text),
        value("number", "42", RunbookParameterKind::Number),
        value("boolean", "true", RunbookParameterKind::Boolean),
    ]);
    assert_eq!(json, serde_json::json!({"text": "\"; rm -rf / #\n$(id)", "number": 42, "boolean": true}));
}

#[test]
fn what_has_begun_once_never_begins_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let run_id = Uuid::from_u128(7);
    let started = tell::started(run_id, now());
    let journal = Journal::open(folder.path()).expect("a journal");
    assert!(Journal::open(folder.path()).is_err(), "two runners in one folder");
    let mut entry = journal.begin(run_id, &started).expect("it is written").expect("it is new");
    assert!(journal.begin(run_id, &started).expect("it is read").is_none());
    entry.add(&tell::output(run_id, 1, false, b"half".to_vec())).expect("it is written");
    drop((entry, journal));

    // As after a crash, in the middle of a message.
    let path = folder.path().join("journal").join(format!("{run_id}.run"));
    let mut bytes = std::fs::read(&path).expect("the file");
    bytes.extend([200, 1, 2, 3]);
    std::fs::write(&path, bytes).expect("the file");
    let journal = Journal::open(folder.path()).expect("a journal");
    let left = journal.left().expect("what is left");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].told.len(), 2);
    assert!(left[0].is_interrupted());
    assert!(journal.knows(run_id) && journal.begin(run_id, &started).expect("it is read").is_none());

    let ended = tell::ended(run_id, tell::silent(RunOutcome::Unknown, "broken"));
    journal.again(&left[0]).expect("the file").add(&ended).expect("it is written");
    let left = journal.left().expect("what is left");
    assert!(left[0].told.len() == 3 && !left[0].is_interrupted(), "what was cut off spoils what follows");
    journal.told(run_id).expect("a mark");
    assert!(journal.left().expect("what is left").is_empty());
    assert!(journal.knows(run_id) && journal.begin(run_id, &started).expect("it is read").is_none());
    let now = chassis::Clock::System.now();
    journal.sweep(now).expect("swept");
    assert!(journal.knows(run_id));
    journal.sweep(now + SignedDuration::from_hours(30 * 24)).expect("swept");
    assert!(!journal.knows(run_id));
}

#[test]
fn a_script_takes_options_where_its_entry_says_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(config(folder.path()).scripts[0].pass, Pass::Options);
}
