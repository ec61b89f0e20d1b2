//! What passes its time: answers to approvals, time-boxes. And whoever is asked, a requester as well.

use std::time::Duration;

use chassis::authorisation::Role;
use contracts::desk::v1::TicketState;
use contracts::timestamp;
use contracts::triage::v1::{
    AnswerApprovalRequest, ApprovalState, AskedApproval, Decision, ListAskedApprovalsRequest, ListHistoryRequest,
    RequestApprovalRequest,
};
use integration::agent::{Agent, refusal};
use integration::fulfilment::Worker;
use integration::processes::wait_until;
use integration::{Answer, Story, client_file, observe, post, register};
use jiff::SignedDuration;

const PATIENCE: Duration = Duration::from_secs(60);
const KARI: &str = "kari@acme.example";
const MARI: &str = "mari@acme.example";

async fn facts(story: &Story, ticket: &str) -> anyhow::Result<Vec<String>> {
    let request = ListHistoryRequest { ticket: ticket.to_owned(), page_size: 1_000, page_token: String::new() };
    let entries = story.admin()?.triage()?.list_history(request).await?.into_inner().entries;
    Ok(entries.into_iter().map(|entry| entry.fact).collect())
}

/// How often something was told of a ticket.
async fn told(story: &Story, ticket: &str, fact: &str) -> anyhow::Result<usize> {
    Ok(facts(story, ticket).await?.iter().filter(|told| *told == fact).count())
}

async fn until_told(story: &Story, ticket: &str, fact: &str, times: usize) -> anyhow::Result<()> {
    wait_until(fact, PATIENCE, async || Ok(told(story, ticket, fact).await? == times)).await
}

async fn asked(worker: &mut Worker) -> Answer<Vec<AskedApproval>> {
    Ok(worker.fulfilment.list_asked_approvals(ListAskedApprovalsRequest::default()).await?.into_inner().approvals)
}

fn answer(request_id: &str, ticket: &str, approval: i32) -> AnswerApprovalRequest {
    AnswerApprovalRequest {
        request_id: request_id.to_owned(),
        ticket: ticket.to_owned(),
        approval,
        decision: Decision::Approved.into(),
        reason: String::new(),
    }
}

#[tokio::test]
async fn an_approval_that_nobody_answers_is_overdue_once_and_a_requester_answers_it() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&client_file("acme", "ACME")).await?;
    let mut request = post("acme", "r-1", "Access to the ledger");
    if let Some(matter) = &mut request.matter {
        KARI.clone_into(&mut matter.requester_email);
    }
    register(&story.admin()?, request).await?;
    register(&story.admin()?, post("acme", "r-2", "Another one")).await?;
    story.settle().await?;
    let mut ada = Worker::new(&story, "ada@operator.example", Role::Agent)?;
    let mut mari = Worker::new(&story, "Mari@acme.example", Role::Requester)?;
    let mut kari = Worker::new(&story, KARI, Role::Requester)?;
    let question = RequestApprovalRequest {
        request_id: "ask".to_owned(),
        ticket: "ACME-1001".to_owned(),
        approvers: vec![MARI.to_owned(), "nils@acme.example".to_owned()],
        question: "May Kari see the ledger?".to_owned(),
        due_at: Some(timestamp(story.clock.now() + SignedDuration::from_mins(90))),
        ..Default::default()
    };
    let own =
        RequestApprovalRequest { request_id: "own".to_owned(), approvers: vec![KARI.to_owned()], ..question.clone() };
    assert_eq!(refusal(ada.fulfilment.request_approval(own).await)?, "OWN_REQUEST");
    let due_at = question.due_at;
    ada.fulfilment.request_approval(question).await?;

    story.advance(SignedDuration::from_mins(89)).await?;
    assert_eq!(told(&story, "ACME-1001", "approval_overdue").await?, 0, "a minute is left");
    story.advance(SignedDuration::from_mins(1)).await?;
    until_told(&story, "ACME-1001", "approval_overdue", 1).await?;
    story.advance(SignedDuration::from_hours(3)).await?;
    let ticket = story.ticket("ACME-1001").await?;
    assert_eq!(told(&story, "ACME-1001", "approval_overdue").await?, 1, "once");
    assert_eq!(
        (ticket.state(), ticket.approvals[0].state()),
        (TicketState::Waiting, ApprovalState::Pending),
        "no answer is no no"
    );
    assert_eq!(ticket.approvals[0].overdue_at, due_at, "since its true time");

    // Those who are asked see their question, and nothing else of the desk.
    let waiting = asked(&mut mari).await?;
    assert_eq!(waiting.len(), 1);
    assert_eq!(
        (waiting[0].reference.as_str(), waiting[0].question.as_str()),
        ("ACME-1001", "May Kari see the ledger?")
    );
    assert_eq!(waiting[0].overdue_at, due_at);
    assert!(asked(&mut kari).await?.is_empty());
    assert_eq!(refusal(mari.waiting().await)?, "PERMISSION_DENIED");
    assert_eq!(refusal(mari.decide("ACME-1001", Decision::Approved).await)?, "PERMISSION_DENIED");
    assert_eq!(refusal(kari.fulfilment.answer_approval(answer("k", "ACME-1001", 0)).await)?, "NOT_FOUND");
    for (ticket, number) in [("ACME-1002", 0), ("ACME-1001", 7), ("GLOBEX-1001", 1)] {
        let foreign = mari.fulfilment.answer_approval(answer("m", ticket, number)).await;
        assert_eq!(refusal(foreign)?, "NOT_FOUND", "{ticket} {number}");
    }
    for _ in 0..2 {
        let done = mari.fulfilment.answer_approval(answer("mari-1", "ACME-1001", 0)).await?.into_inner();
        let approval = done.approval.unwrap_or_default();
        assert_eq!((approval.decision(), approval.state()), (Decision::Approved, ApprovalState::Pending));
    }
    assert!(asked(&mut mari).await?.is_empty());
    let mut nils = Worker::new(&story, "nils@acme.example", Role::Requester)?;
    nils.fulfilment.answer_approval(answer("nils-1", "ACME-1001", 1)).await?;
    let ticket = story.ticket("ACME-1001").await?;
    assert_eq!((ticket.state(), ticket.approvals[0].state()), (TicketState::Queued, ApprovalState::Approved));
    story.end().await
}

#[tokio::test]
async fn a_time_box_that_runs_out_is_told_once_per_entry_and_triggers_rules() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let rules = "automation:\n  - rule: slow\n    on: [time_box_overrun]\n    do: [{ tag: { add: [slow] } }]\n";
    story.apply(&format!("{}{rules}", client_file("acme", "ACME"))).await?;
    register(&story.admin()?, post("acme", "r-1", "No sound")).await?;
    story.settle().await?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    ada.claim("ACME-1001").await?;
    let claimed_at = story.clock.now();
    story.advance(SignedDuration::from_mins(14)).await?;
    assert_eq!(told(&story, "ACME-1001", "time_box_overrun").await?, 0);
    story.advance(SignedDuration::from_mins(2)).await?;
    until_told(&story, "ACME-1001", "time_box_overrun", 1).await?;
    wait_until("the rule has tagged it", PATIENCE, async || Ok(story.ticket("ACME-1001").await?.tags == ["slow"]))
        .await?;
    let ticket = story.ticket("ACME-1001").await?;
    assert_eq!(ticket.time_box_overrun_at, Some(timestamp(claimed_at + SignedDuration::from_mins(15))));
    story.advance(SignedDuration::from_mins(30)).await?;
    assert_eq!(told(&story, "ACME-1001", "time_box_overrun").await?, 1, "once per entry");

    // Tier 2 has no time-box; back in the front it begins anew.
    ada.hand_over("ACME-1001", "network").await?;
    assert_eq!(story.ticket("ACME-1001").await?.time_box_overrun_at, None);
    ada.hand_over("ACME-1001", "service-desk").await?;
    ada.claim("ACME-1001").await?;
    story.advance(SignedDuration::from_mins(16)).await?;
    until_told(&story, "ACME-1001", "time_box_overrun", 2).await?;

    // What rules did is kept for a while, what became of posts as well; the facts themselves stay.
    const EFFECTS: &str = "SELECT count(*) FROM rule_effect";
    const RECEIPTS: &str = "SELECT count(*) FROM receipt";
    wait_until("the rule was looked at twice", PATIENCE, async || {
        Ok(observe::number(&story.desk, "triage", EFFECTS).await? == 2)
    })
    .await?;
    story.advance(SignedDuration::from_hours(24 * 399)).await?;
    assert_eq!(observe::number(&story.desk, "triage", EFFECTS).await?, 2);
    assert!(observe::number(&story.desk, "intake", RECEIPTS).await? > 0);
    story.advance(SignedDuration::from_hours(48)).await?;
    wait_until("what is old was deleted", PATIENCE, async || {
        let effects = observe::number(&story.desk, "triage", EFFECTS).await?;
        Ok(effects + observe::number(&story.desk, "intake", RECEIPTS).await? == 0)
    })
    .await?;
    assert_eq!(told(&story, "ACME-1001", "time_box_overrun").await?, 2);
    story.end().await
}
