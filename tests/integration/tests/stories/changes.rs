//! Changes: planned, approved by their type, made in their window, ended with an outcome.

use chassis::authorisation::Role;
use contracts::desk::v1::{ResolutionCode, TicketKind, TicketState, WaitingReason};
use contracts::timestamp;
use contracts::triage::v1::{ChangeOutcome, ChangeType, Decision, ListChangesRequest};
use integration::agent::{Agent, refusal};
use integration::fulfilment::Worker;
use integration::{Story, at, client_file, post, register};
use jiff::SignedDuration;

/// Cem and Dan approve, Eve in an emergency; nothing is changed over the weekend.
fn with_changes() -> String {
    let changes = "changes:\n  approvers: [cem@acme.example, dan@acme.example]\n  emergency_approvers: \
                   [eve@acme.example]\n  templates:\n    - { template: restart, name: Restart, plan: Restart it, \
                   back_out_plan: Start the old one }\n  freezes:\n    - { name: The weekend, from: 2026-11-21, until: \
                   2026-11-22 }\n";
    client_file("acme", "ACME").replace("contract:\n", &format!("{changes}contract:\n"))
}

async fn register_changes(story: &Story, count: usize) -> anyhow::Result<()> {
    for n in 0..count {
        let mut change = post("acme", &format!("r-{n}"), "Replace the switch");
        if let Some(matter) = &mut change.matter {
            matter.kind = TicketKind::Change.into();
        }
        register(&story.admin()?, change).await?;
    }
    story.settle().await
}

#[tokio::test]
async fn a_normal_change_is_approved_before_its_window_and_made_within_it() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&with_changes()).await?;
    register_changes(&story, 2).await?;
    register(&story.admin()?, post("acme", "incident", "It is down")).await?;
    story.settle().await?;
    let mut ada = Worker::new(&story, "ada@operator.example", Role::Agent)?;
    let mut cem = Worker::new(&story, "cem@acme.example", Role::ClientManager)?;
    let mut dan = Worker::new(&story, "dan@acme.example", Role::ClientManager)?;
    let window = ("2026-11-16T10:00:00Z", "2026-11-16T12:00:00Z");
    let incident = ada.plan("ACME-1003", ChangeType::Normal, window.0, window.1).await;
    assert_eq!(refusal(incident)?, "NOT_A_CHANGE");
    assert_eq!(refusal(ada.start("ACME-1001").await)?, "NO_CHANGE");

    let planned = ada.plan("ACME-1001", ChangeType::Normal, window.0, window.1).await?;
    assert_eq!((planned.state(), planned.waiting_reason()), (TicketState::Waiting, WaitingReason::Approval));
    assert!(planned.change.clone().unwrap_or_default().warnings.is_empty());
    cem.decide("ACME-1001", Decision::Approved).await?;
    story.advance(SignedDuration::from_hours(2)).await?;
    assert_eq!(refusal(ada.start("ACME-1001").await)?, "NOT_APPROVED");
    assert_eq!(dan.decide("ACME-1001", Decision::Approved).await?.state(), TicketState::Queued);
    let begun = ada.start("ACME-1001").await?;
    assert_eq!(begun.change.clone().unwrap_or_default().started_at, Some(timestamp(at(window.0))));
    let mut agent = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let early = agent.resolve("ACME-1001", ResolutionCode::Solved, "done").await;
    assert_eq!(refusal(early)?, "CHANGE_UNDER_WAY");

    // Another one in the same hours, and over the weekend: told, not forbidden.
    let beside = ada.plan("ACME-1002", ChangeType::Standard, window.0, "2026-11-21T00:00:00Z").await?;
    let warnings = beside.change.clone().unwrap_or_default().warnings;
    assert_eq!(
        warnings,
        ["the window falls into the freeze period `The weekend`", "the window touches that of ACME-1001"]
    );
    let ended = ada.end_change("ACME-1001", ChangeOutcome::RolledBack).await?;
    assert_eq!(ended.change.clone().unwrap_or_default().outcome(), ChangeOutcome::RolledBack);
    assert_eq!(refusal(ada.end_change("ACME-1001", ChangeOutcome::Successful).await)?, "CHANGE_OVER");
    agent.resolve("ACME-1001", ResolutionCode::Solved, "done").await?;
    let anew = ada.plan("ACME-1002", ChangeType::Standard, "2026-11-16T11:00:00Z", "2026-11-16T12:00:00Z").await?;
    assert!(anew.change.unwrap_or_default().warnings.is_empty(), "what is over is in nobody's way");

    let request = |from: &str, until: &str| ListChangesRequest {
        client_ids: vec![],
        from: Some(timestamp(at(from))),
        until: Some(timestamp(at(until))),
    };
    let today = ada.fulfilment.list_changes(request("2026-11-16T00:00:00Z", "2026-11-17T00:00:00Z")).await?;
    let references: Vec<String> = today.into_inner().tickets.into_iter().map(|ticket| ticket.reference).collect();
    assert_eq!(references, ["ACME-1001", "ACME-1002"], "by the begin of their windows");
    let later = ada.fulfilment.list_changes(request("2026-11-16T12:00:00Z", "2026-11-17T00:00:00Z")).await?;
    assert!(later.into_inner().tickets.is_empty());
    story.end().await
}

#[tokio::test]
async fn an_emergency_change_goes_ahead_and_its_approval_stays_owed() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&with_changes()).await?;
    register_changes(&story, 2).await?;
    let mut ada = Worker::new(&story, "ada@operator.example", Role::Agent)?;
    let mut eve = Worker::new(&story, "eve@acme.example", Role::ClientManager)?;
    let mut agent = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let planned = ada.plan("ACME-1001", ChangeType::Emergency, "2026-11-16T08:00:00Z", "2026-11-16T09:00:00Z").await?;
    assert_eq!(planned.state(), TicketState::Queued, "it does not wait");
    let begun = ada.start("ACME-1001").await?;
    let owed = begun.change.clone().unwrap_or_default().approval_owed_until_at;
    assert_eq!(owed, Some(timestamp(at("2026-11-17T08:00:00Z"))), "within a day");
    ada.end_change("ACME-1001", ChangeOutcome::Successful).await?;
    agent.resolve("ACME-1001", ResolutionCode::Solved, "done").await?;
    assert_eq!(eve.waiting().await?, ["ACME-1001"], "it is owed though the ticket is resolved");
    let approved = eve.decide("ACME-1001", Decision::Approved).await?;
    assert_eq!(approved.change.clone().unwrap_or_default().approval_owed_until_at, None);
    assert!(eve.waiting().await?.is_empty());

    let late = ada.plan("ACME-1002", ChangeType::Standard, "2026-11-16T06:00:00Z", "2026-11-16T08:00:00Z").await;
    assert_eq!(refusal(late)?, "WINDOW_IS_PAST");
    ada.plan("ACME-1002", ChangeType::Standard, "2026-11-16T09:00:00Z", "2026-11-16T10:00:00Z").await?;
    assert_eq!(refusal(ada.start("ACME-1002").await)?, "OUTSIDE_WINDOW");
    assert_eq!(refusal(ada.end_change("ACME-1002", ChangeOutcome::Failed).await)?, "CHANGE_NOT_STARTED");
    story.end().await
}
