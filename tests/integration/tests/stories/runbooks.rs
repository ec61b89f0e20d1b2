//! Runbooks: scripts behind a client's firewall, with real processes, a real nats-server and credentials of their own.

mod credentials;
mod silence;

use std::fs;

use async_nats::HeaderMap;
use chassis::authorisation::Role;
use contracts::triage::v1::{
    CancelRunRequest, Decision, Event, GetRunRequest, ListHistoryRequest, ListRunbooksRequest, ListRunsRequest, Run,
    RunOutcome, RunState, RunnerJob, WatchRunRequest, event::Fact,
};
use contracts::{ClientId, duration, runners, timestamp};
use integration::agent::{reason_of, refusal, refused};
use integration::fulfilment::Worker;
use integration::site::{Site, begin, start_of, until, until_written};
use integration::{Story, client_file, post, register};
use jiff::SignedDuration;
use prost::Message;
use skranke::clients::Clients;
use tonic::Code;

const ADA: &str = "ada@operator.example";
const BOSS: &str = "boss@acme.example";

const RUNBOOKS: &str = "runbooks:
  - runbook: tell
    title: Tell what it gets
    purpose: shows how values arrive
    runner: site-a
    parameters:
      - { parameter: text, type: text, max_length: 500 }
      - { parameter: count, type: number, min: 1, max: 5, optional: true }
      - { parameter: mode, type: choice, values: [soft, hard], optional: true }
      - { parameter: force, type: boolean, optional: true }
      - { parameter: host, type: device, optional: true }
      - { parameter: user, type: text, pattern: \"[a-z]+\", optional: true }
  - { runbook: json, title: The same as JSON, runner: site-a, parameters: [{ parameter: text, type: text }, { parameter: count, type: number, min: 1, max: 5 }] }
  - { runbook: variables, title: The same as variables, runner: site-a, parameters: [{ parameter: text, type: text }] }
  - { runbook: careful, title: Needs a word, runner: site-a, approvers: [boss@acme.example, ada@operator.example], any_suffices: true }
  - { runbook: loud, title: Writes much, runner: site-a, output_limit: 2048 }
  - { runbook: slow, title: Takes long, runner: site-a, time_limit: 1s }
  - { runbook: long, title: Takes longer, runner: site-a }
  - { runbook: wrong, title: Fails, runner: site-a }
  - { runbook: forgotten, title: Is on no list, runner: site-a }
  - { runbook: elsewhere, title: Is for another, runner: site-b }
";

/// Acme with all that, and a ticket.
pub(super) async fn with_runbooks(story: &Story) -> anyhow::Result<Clients> {
    story.apply(&client_file("acme", "ACME").replace("contract:\n", &format!("{RUNBOOKS}contract:\n"))).await?;
    register(&story.admin()?, post("acme", "r-1", "The printer does nothing")).await?;
    story.settle().await?;
    story.as_one(ADA, &[(Role::Agent, "acme")])
}

/// The names of the facts on a ticket, in their order.
pub(super) async fn facts(clients: &Clients, ticket: &str) -> anyhow::Result<Vec<String>> {
    let request = ListHistoryRequest { ticket: ticket.to_owned(), page_size: 1_000, page_token: String::new() };
    let answer = clients.triage()?.list_history(request).await?.into_inner();
    Ok(answer.entries.into_iter().map(|entry| entry.fact).collect())
}

async fn ended(clients: &Clients, run: &Run) -> anyhow::Result<(Run, String)> {
    until(clients, &run.run_id, RunState::Ended).await
}

fn is_alive(pid: &str) -> bool {
    // A dead process whose parent is gone may still have its entry for a moment, without a command line.
    fs::read(format!("/proc/{}/cmdline", pid.trim())).is_ok_and(|line| !line.is_empty())
}

#[tokio::test]
async fn a_run_writes_on_its_ticket_and_values_arrive_as_they_are() -> anyhow::Result<()> {
    let story = Story::begin_now().await?;
    let ada = with_runbooks(&story).await?;
    let mut site = Site::enrol(&story, "acme", "site-a").await?;
    let any = "parameters: { text: \"(?s).*\", count: \"[0-9]+\", mode: soft|hard, force: \"true|false\", host: \"[a-z0-9.-]+\", user: \"[a-z]*\" }";
    site.script("tell", "for one in \"$@\"; do printf '<%s>' \"$one\"; done; /usr/bin/env; pwd >&2", any)?;
    site.script("json", "cat", &format!("{any}\npass: stdin"))?;
    site.script("variables", "printf '<%s>' \"$SKRANKE_TEXT\"", &format!("{any}\npass: environment"))?;
    site.script("wrong", "echo it is no use >&2; exit 3", "")?;
    site.start()?;

    let hostile = "; rm -rf / #\n$(id) `id` ' \" \\ -- ${HOME} %s é\t*";
    let given = [("text", hostile), ("count", "3"), ("mode", "hard"), ("force", "true"), ("host", "print-01.acme")];
    let run = begin(&ada, "run-1", "ACME-1001", "tell", &given).await?;
    assert_eq!(begin(&ada, "run-1", "ACME-1001", "tell", &given).await?.run_id, run.run_id, "the same request");
    let (over, written) = ended(&ada, &run).await?;
    assert_eq!((over.outcome(), over.exit_code), (RunOutcome::Succeeded, Some(0)), "{}", site.log()?);
    let expected = format!("<--text={hostile}><--count=3><--mode=hard><--force=true><--host=print-01.acme>");
    // What it says on its two ways has no order between them.
    assert!(written.contains(&expected), "{written}");
    assert!(!written.contains("A_SECRET_OF_THE_MACHINE") && !written.contains("HOME="), "{written}");
    assert!(written.contains(&format!("/work/{}", run.run_id)), "a folder of its own: {written}");
    let kept = ada.runbooks()?.get_run(GetRunRequest { run_id: run.run_id.clone() }).await?.into_inner();
    let kept: Vec<u8> = kept.output.into_iter().flat_map(|piece| piece.chunk).collect();
    assert_eq!(String::from_utf8(kept)?, written);
    let known = facts(&ada, "ACME-1001").await?;
    assert_eq!(known[known.len() - 3..], ["runbook_requested", "runbook_started", "runbook_ended"]);

    let run = begin(&ada, "run-2", "ACME-1001", "json", &[("text", hostile), ("count", "3")]).await?;
    let read: serde_json::Value = serde_json::from_str(&ended(&ada, &run).await?.1)?;
    assert_eq!(read, serde_json::json!({ "text": hostile, "count": 3 }));
    let run = begin(&ada, "run-3", "ACME-1001", "variables", &[("text", hostile)]).await?;
    assert_eq!(ended(&ada, &run).await?.1, format!("<{hostile}>"));
    let run = begin(&ada, "run-4", "ACME-1001", "wrong", &[]).await?;
    let (over, written) = ended(&ada, &run).await?;
    assert_eq!((over.outcome(), over.exit_code), (RunOutcome::Failed, Some(3)));
    assert_eq!(written, "it is no use\n");
    let run = begin(&ada, "run-5", "ACME-1001", "forgotten", &[]).await?;
    let over = ended(&ada, &run).await?.0;
    assert_eq!(over.outcome(), RunOutcome::Refused);
    assert!(over.reason.contains("own list"), "{}", over.reason);
    assert!(!site.log()?.contains("rm -rf"), "values are secret: {}", site.log()?);

    what_is_wrong_is_refused(&ada).await?;
    others_see_nothing(&story, &run).await?;
    its_runner_was_seen(&ada).await?;
    assert!(site.stop().await?, "{}", site.log()?);
    story.end().await
}

async fn what_is_wrong_is_refused(ada: &Clients) -> anyhow::Result<()> {
    let bad: &[&[(&str, &str)]] = &[
        &[],
        &[("text", "a\0b")],
        &[("text", "a"), ("other", "b")],
        &[("text", "a"), ("text", "b")],
        &[("text", &"a".repeat(501))],
        &[("text", "a"), ("count", "6")],
        &[("text", "a"), ("count", "+3")],
        &[("text", "a"), ("mode", "Soft")],
        &[("text", "a"), ("force", "yes")],
        &[("text", "a"), ("host", "a b")],
        &[("text", "a"), ("user", "kari\n")],
    ];
    for given in bad {
        let status = refused(begin(ada, "bad", "ACME-1001", "tell", given).await)?;
        assert_eq!(status.code(), Code::InvalidArgument, "{given:?}: {status:?}");
    }
    assert_eq!(refusal(begin(ada, "bad", "ACME-1001", "format", &[]).await)?, "UNKNOWN_RUNBOOK");
    assert_eq!(refused(begin(ada, "bad", "ACME-9999", "wrong", &[]).await)?.code(), Code::NotFound);
    let stale = contracts::triage::v1::StartRunbookRequest {
        expected_revision: 1,
        ..start_of("bad", "ACME-1001", "wrong", &[])
    };
    assert_eq!(refused(ada.runbooks()?.start_runbook(stale).await)?.code(), Code::Aborted);
    let reused = refused(begin(ada, "run-1", "ACME-1001", "wrong", &[]).await)?;
    assert_eq!(reason_of(&reused), "IDEMPOTENCY_KEY_REUSED");
    Ok(())
}

/// What is acme's does not exist for globex.
async fn others_see_nothing(story: &Story, run: &Run) -> anyhow::Result<()> {
    let globex = story.as_one("eve@globex.example", &[(Role::Agent, "globex")])?;
    let run_id = || run.run_id.clone();
    let (get, watch) = (GetRunRequest { run_id: run_id() }, WatchRunRequest { run_id: run_id(), after_sequence: 0 });
    let cancel = CancelRunRequest { request_id: "c".to_owned(), run_id: run_id(), reason: String::new() };
    assert_eq!(refused(globex.runbooks()?.get_run(get).await)?.code(), Code::NotFound);
    assert_eq!(refused(globex.runbooks()?.watch_run(watch).await)?.code(), Code::NotFound);
    assert_eq!(refused(globex.runbooks()?.cancel_run(cancel).await)?.code(), Code::NotFound);
    assert_eq!(refused(begin(&globex, "x", "ACME-1001", "wrong", &[]).await)?.code(), Code::NotFound);
    let list = |ticket: &str, client_ids: Vec<String>| ListRunsRequest {
        ticket: ticket.to_owned(),
        client_ids,
        ..ListRunsRequest::default()
    };
    let named = list("", vec!["acme".to_owned()]);
    assert_eq!(refused(globex.runbooks()?.list_runs(named).await)?.code(), Code::NotFound);
    assert_eq!(refused(globex.runbooks()?.list_runs(list("ACME-1001", vec![])).await)?.code(), Code::NotFound);
    assert!(globex.runbooks()?.list_runs(list("", vec![])).await?.into_inner().runs.is_empty());
    let runbooks = ListRunbooksRequest { client_id: "acme".to_owned() };
    assert_eq!(refused(globex.runbooks()?.list_runbooks(runbooks).await)?.code(), Code::NotFound);
    Ok(())
}

async fn its_runner_was_seen(ada: &Clients) -> anyhow::Result<()> {
    let answer =
        ada.runbooks()?.list_runbooks(ListRunbooksRequest { client_id: "acme".to_owned() }).await?.into_inner();
    let seen: Vec<(&str, bool)> = answer.runners.iter().map(|it| (it.runner.as_str(), it.seen_at.is_some())).collect();
    assert_eq!(seen, [("site-a", true), ("site-b", false)]);
    assert_eq!(answer.runners[0].runbooks, ["tell", "json", "variables", "wrong"]);
    let page = ListRunsRequest { ticket: "ACME-1001".to_owned(), page_size: 2, ..ListRunsRequest::default() };
    let first = ada.runbooks()?.list_runs(page.clone()).await?.into_inner();
    let rest = ListRunsRequest { page_token: first.next_page_token.clone(), page_size: 10, ..page };
    let rest = ada.runbooks()?.list_runs(rest).await?.into_inner();
    let all: Vec<&str> = first.runs.iter().chain(&rest.runs).map(|run| run.runbook.as_str()).collect();
    assert_eq!(all, ["forgotten", "wrong", "variables", "json", "tell"]);
    Ok(())
}

#[tokio::test]
async fn whoever_has_to_agree_is_asked_before_anything_runs() -> anyhow::Result<()> {
    let story = Story::begin_now().await?;
    let ada = with_runbooks(&story).await?;
    let mut site = Site::enrol(&story, "acme", "site-a").await?;
    let mark = site.file("ran");
    site.script("careful", &format!("echo ran >> {}", mark.display()), "")?;
    site.start()?;
    let mut boss = Worker::new(&story, BOSS, Role::ClientManager)?;
    let mut own = Worker::new(&story, ADA, Role::Agent)?;

    let run = begin(&ada, "run-1", "ACME-1001", "careful", &[]).await?;
    assert_eq!((run.state(), run.approval), (RunState::Waiting, 1));
    assert_eq!(
        refusal(own.decide("ACME-1001", Decision::Approved).await)?,
        "NOT_ASKED",
        "nobody approves of their own wish"
    );
    assert_eq!(boss.waiting().await?, ["ACME-1001"]);
    boss.decide("ACME-1001", Decision::Rejected).await?;
    let over = ended(&ada, &run).await?.0;
    assert_eq!(over.outcome(), RunOutcome::NotApproved);
    assert!(!mark.exists(), "it ran without approval");

    let run = begin(&ada, "run-2", "ACME-1001", "careful", &[]).await?;
    assert!(!mark.exists(), "it ran before it was approved");
    boss.decide("ACME-1001", Decision::Approved).await?;
    assert_eq!(ended(&ada, &run).await?.0.outcome(), RunOutcome::Succeeded, "{}", site.log()?);
    assert_eq!(fs::read_to_string(&mark)?, "ran\n");
    let known = facts(&ada, "ACME-1001").await?;
    let of_runs: Vec<&str> =
        known.iter().map(String::as_str).filter(|it| it.contains("runbook") || it.contains("appro")).collect();
    let asked = ["runbook_requested", "approval_requested", "approval_decided"];
    let ends =
        [&asked[..], &["runbook_refused"], &asked, &["runbook_approved", "runbook_started", "runbook_ended"]].concat();
    assert_eq!(of_runs, ends);

    // Cancelled while somebody thinks about it.
    let run = begin(&ada, "run-3", "ACME-1001", "careful", &[]).await?;
    let cancel =
        CancelRunRequest { request_id: "c-1".to_owned(), run_id: run.run_id.clone(), reason: "no need".to_owned() };
    let over = ada.runbooks()?.cancel_run(cancel).await?.into_inner().run.unwrap_or_default();
    assert_eq!((over.state(), over.outcome()), (RunState::Ended, RunOutcome::Cancelled));
    boss.decide("ACME-1001", Decision::Approved).await?;
    story.settle().await?;
    assert_eq!(fs::read_to_string(&mark)?, "ran\n");
    assert!(site.stop().await?);
    story.end().await
}

#[tokio::test]
async fn a_run_has_limits_and_can_be_cancelled() -> anyhow::Result<()> {
    let story = Story::begin_now().await?;
    let ada = with_runbooks(&story).await?;
    let mut site = Site::enrol(&story, "acme", "site-a").await?;
    site.script("loud", "echo begin; i=0; while [ $i -lt 3000 ]; do echo 0123456789; i=$((i+1)); done; echo end", "")?;
    site.script("slow", "sleep 600 & echo $!; wait", "")?;
    site.script("long", "trap '' TERM; sleep 600 & echo $!; wait; wait", "")?;
    site.start()?;

    let run = begin(&ada, "run-1", "ACME-1001", "loud", &[]).await?;
    let (over, written) = ended(&ada, &run).await?;
    assert!(over.is_truncated && over.output_bytes == 3_000 * 11 + 10, "{over:?}");
    assert_eq!(written.len(), 2_048);
    let stream = story.desk.bus.jetstream.get_stream("TRIAGE").await?;
    story.settle().await?;
    let told = stream.get_last_raw_message_by_subject("skranke.triage.v1.runbook_ended.acme").await?;
    let Some(Fact::RunbookEnded(told)) = Event::decode(told.payload)?.fact else { anyhow::bail!("another fact") };
    assert!(told.is_truncated && told.head.starts_with("begin\n0123") && told.tail.ends_with("789\nend\n"), "{told:?}");

    let run = begin(&ada, "run-2", "ACME-1001", "slow", &[]).await?;
    let (over, pid) = ended(&ada, &run).await?;
    assert_eq!(over.outcome(), RunOutcome::TimedOut, "{over:?}");
    assert!(!is_alive(&pid), "{pid} outlives its run");

    // What does not listen is killed, with all that it began.
    let run = begin(&ada, "run-3", "ACME-1001", "long", &[]).await?;
    let pid = until_written(&ada, &run.run_id, "\n").await?;
    assert!(is_alive(&pid));
    let cancel =
        CancelRunRequest { request_id: "c-1".to_owned(), run_id: run.run_id.clone(), reason: "enough".to_owned() };
    let asked = ada.runbooks()?.cancel_run(cancel.clone()).await?.into_inner().run.unwrap_or_default();
    assert_eq!((asked.state(), asked.cancel_asked_by.as_str()), (RunState::Running, ADA));
    let over = ended(&ada, &run).await?.0;
    assert_eq!(over.outcome(), RunOutcome::Cancelled, "{over:?}");
    assert!(!is_alive(&pid), "{pid} outlives its run");
    assert!(ada.runbooks()?.cancel_run(cancel).await.is_ok(), "a repeated request");
    let again = CancelRunRequest { request_id: "c-2".to_owned(), run_id: run.run_id.clone(), reason: String::new() };
    assert!(ada.runbooks()?.cancel_run(again).await.is_ok(), "cancelled is cancelled");
    let run = ada.runbooks()?.list_runs(ListRunsRequest::default()).await?.into_inner().runs.pop().unwrap_or_default();
    let late = CancelRunRequest { request_id: "c-3".to_owned(), run_id: run.run_id, reason: String::new() };
    assert_eq!(refusal(ada.runbooks()?.cancel_run(late).await)?, "RUN_OVER");

    // A stop ends what runs, and says so.
    let run = begin(&ada, "run-4", "ACME-1001", "long", &[]).await?;
    let pid = until_written(&ada, &run.run_id, "\n").await?;
    assert!(site.stop().await?, "{}", site.log()?);
    let over = ended(&ada, &run).await?.0;
    assert_eq!((over.outcome(), over.reason.as_str()), (RunOutcome::Cancelled, "its runner was stopped"));
    assert!(!is_alive(&pid), "{pid} outlives its runner");
    story.end().await
}

#[tokio::test]
async fn a_killed_runner_says_that_it_does_not_know_and_runs_nothing_twice() -> anyhow::Result<()> {
    let story = Story::begin_now().await?;
    let ada = with_runbooks(&story).await?;
    let mut site = Site::enrol(&story, "acme", "site-a").await?;
    let mark = site.file("ran");
    site.script("long", &format!("echo ran >> {}; echo $$; sleep 600", mark.display()), "")?;
    site.start()?;
    let run = begin(&ada, "run-1", "ACME-1001", "long", &[]).await?;
    let pid = until_written(&ada, &run.run_id, "\n").await?;
    site.kill().await?;
    assert!(is_alive(&pid), "the script is an orphan now");
    site.start()?;
    let (over, written) = ended(&ada, &run).await?;
    assert_eq!(over.outcome(), RunOutcome::Unknown, "{over:?}");
    assert!(over.reason.contains("not run again"), "{}", over.reason);
    assert_eq!(written, pid, "what it had written is kept");
    assert!(!is_alive(&pid), "the orphan {pid} goes on");

    // The same job once more, as after a lost stream; then another, which comes after it.
    let client_id = ClientId::new("acme")?;
    let job = RunnerJob {
        run_id: run.run_id.clone(),
        client_id: "acme".to_owned(),
        runner: "site-a".to_owned(),
        runbook: "long".to_owned(),
        parameters: Vec::new(),
        time_limit: Some(duration(SignedDuration::from_secs(60))),
        output_limit: 1_000,
        expires_at: Some(timestamp(story.clock.now() + SignedDuration::from_secs(600))),
        cancel: false,
    };
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", "once more");
    let subject = runners::job_subject(&client_id, "site-a");
    story.desk.bus.jetstream.publish_with_headers(subject, headers, job.encode_to_vec().into()).await?.await?;
    let next = begin(&ada, "run-2", "ACME-1001", "forgotten", &[]).await?;
    ended(&ada, &next).await?;
    assert_eq!(fs::read_to_string(&mark)?, "ran\n", "it was run twice");
    assert!(site.stop().await?);
    story.end().await
}
