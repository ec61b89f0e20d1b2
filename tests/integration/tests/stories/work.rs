//! The work on tickets, command by command, as callers see it.

mod lists;
mod rules;
mod together;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::{CancellationReason, ResolutionCode, TicketState, WaitingReason};
use contracts::timestamp;
use contracts::triage::v1::{
    ClaimTicketRequest, CloseTicketRequest, HistoryEntry, ListHistoryRequest, ResolveTicketRequest,
    WatchTicketsRequest, WatchTicketsResponse,
};
use integration::agent::{Agent, reason_of, refusal, refused};
use integration::{Story, post, register};
use tonic::Code;

/// How long a watcher may have to wait for what has been committed.
const NEWS_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_ticket_goes_through_its_life_and_every_change_is_told_once() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let senders = story.as_one("monitoring", &[(Role::Service, "acme"), (Role::Service, "globex")])?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let mut bo = Agent::new(&story, "bo@operator.example", &["acme"])?;
    let mut stranger = Agent::new(&story, "eve@operator.example", &["globex"])?;
    let mut watched = ada.triage.watch_tickets(WatchTicketsRequest::default()).await?.into_inner();

    for (client, name) in [("acme", "a-1"), ("acme", "a-2"), ("globex", "g-1")] {
        register(&senders, post(client, name, "Cannot log in")).await?;
    }
    story.settle().await?;
    stranger.claim("GLOBEX-1001").await?;
    hand_over_and_wait(&story, &mut ada, &mut bo).await?;
    resolve_and_reopen(&story, &mut ada, &mut bo).await?;
    end(&mut ada, &mut bo).await?;
    cancel(&mut ada).await?;
    assert_eq!(refused(stranger.claim("ACME-1001").await)?.code(), Code::NotFound);

    let history = whole_history(&mut ada, "ACME-1001", 1_000).await?;
    assert_eq!(whole_history(&mut ada, "ACME-1001", 3).await?, history, "pages show the same");
    let facts: Vec<&str> = history.iter().map(|entry| entry.fact.as_str()).collect();
    assert_eq!(
        facts,
        [
            "ticket_triaged",
            "ticket_claimed",
            "ticket_handed_over",
            "ticket_claimed",
            "ticket_waiting",
            "ticket_resumed",
            "ticket_waiting",
            "ticket_resumed",
            "ticket_resolved",
            "ticket_reopened",
            "ticket_resolved",
            "ticket_closed",
        ]
    );
    let revisions: Vec<u64> = history.iter().map(|entry| entry.revision).collect();
    assert_eq!(revisions, (1..=12).collect::<Vec<u64>>());
    assert_eq!(story.ticket("ACME-1001").await?.revision, 12);

    let mut seen: BTreeMap<String, Vec<HistoryEntry>> = BTreeMap::new();
    for _ in 0..14 {
        let WatchTicketsResponse { ticket, entry } = tokio::time::timeout(NEWS_WITHIN, watched.message())
            .await?
            .context("a change is missing")?
            .context("ended")?;
        seen.entry(ticket.unwrap_or_default().reference).or_default().extend(entry);
    }
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["ACME-1001", "ACME-1002"], "a watcher sees its own client's only");
    assert_eq!(seen["ACME-1001"], history);
    assert_eq!(seen["ACME-1002"], whole_history(&mut ada, "ACME-1002", 0).await?);
    drop(watched);
    story.end().await
}

/// Claimed, handed over, claimed by another, waiting for the requester, resumed by the reply, waiting for a vendor.
async fn hand_over_and_wait(story: &Story, ada: &mut Agent, bo: &mut Agent) -> anyhow::Result<()> {
    let ticket = "ACME-1001";
    assert_eq!(refusal(ada.close(ticket).await)?, "NOT_RESOLVED");
    assert_eq!(refusal(ada.confirm(ticket).await)?, "NOT_RESOLVED");
    let claimed = ada.claim(ticket).await?;
    assert_eq!((claimed.state(), claimed.owner.as_str()), (TicketState::InProgress, "ada@operator.example"));
    assert_eq!(refusal(bo.claim(ticket).await)?, "ALREADY_CLAIMED");
    assert_eq!(ada.claim(ticket).await?.revision, claimed.revision, "what is so already is no change");
    assert_eq!(refusal(ada.hand_over(ticket, "no-such-queue").await)?, "UNKNOWN_QUEUE");
    assert_eq!(refusal(ada.hand_over(ticket, "service-desk").await)?, "SAME_QUEUE");

    let handed_over = ada.hand_over(ticket, "network").await?;
    assert_eq!((handed_over.state(), handed_over.owner.as_str()), (TicketState::Queued, ""));
    assert_eq!((handed_over.queue.as_str(), handed_over.tier, handed_over.hand_overs), ("network", 2, 1));
    assert_eq!(handed_over.queue_rule, "handed over by ada@operator.example");

    bo.claim(ticket).await?;
    let waits = bo.wait(ticket, WaitingReason::Requester).await?;
    assert_eq!((waits.state(), waits.waiting_reason()), (TicketState::Waiting, WaitingReason::Requester));
    assert_eq!(refusal(bo.wait(ticket, WaitingReason::Vendor).await)?, "ALREADY_WAITING");
    bo.answers(ticket).await?;
    story.settle().await?;
    assert_eq!(story.ticket(ticket).await?.state(), TicketState::Waiting, "the desk's own words end no wait");
    ada.hears(ticket, "ola@acme.example").await?;
    story.settle().await?;
    let resumed = story.ticket(ticket).await?;
    assert_eq!((resumed.state(), resumed.owner.as_str()), (TicketState::InProgress, "bo@operator.example"));
    let last = whole_history(ada, ticket, 0).await?.pop().unwrap_or_default();
    assert_eq!(
        (last.fact.as_str(), last.actor.unwrap_or_default().actor_id.as_str()),
        ("ticket_resumed", "ola@acme.example")
    );

    bo.wait(ticket, WaitingReason::Vendor).await?;
    ada.hears(ticket, "ola@acme.example").await?;
    story.settle().await?;
    assert_eq!(story.ticket(ticket).await?.state(), TicketState::Waiting, "a reply ends no wait for a vendor");
    assert_eq!(bo.resume(ticket).await?.state(), TicketState::InProgress);
    Ok(())
}

async fn resolve_and_reopen(story: &Story, ada: &mut Agent, bo: &mut Agent) -> anyhow::Result<()> {
    let ticket = "ACME-1001";
    let mut request = ResolveTicketRequest {
        request_id: bo.request_id(),
        ticket: ticket.to_owned(),
        code: ResolutionCode::NotEconomical.into(),
        ..Default::default()
    };
    let before = story.ticket(ticket).await?;
    assert_eq!(reason_of(&refused(bo.triage.resolve_ticket(request.clone()).await)?), "RESOLUTION_NEEDS_ARTICLE");
    request.no_article_reason = "an old laptop".to_owned();
    assert_eq!(reason_of(&refused(bo.triage.resolve_ticket(request.clone()).await)?), "APPROVER_REQUIRED");
    request.article_id = "0192d3a0-0000-7000-8000-000000000000".to_owned();
    assert_eq!(refused(bo.triage.resolve_ticket(request.clone()).await)?.code(), Code::InvalidArgument);
    assert_eq!(story.ticket(ticket).await?, before, "what was refused has changed nothing");

    // The refused ones left no trace of their request_id either.
    (request.article_id, request.approver) = (String::new(), "boss@acme.example".to_owned());
    let resolved = bo.triage.resolve_ticket(request).await?.into_inner().ticket.unwrap_or_default();
    assert_eq!((resolved.state(), resolved.resolution_code()), (TicketState::Resolved, ResolutionCode::NotEconomical));
    assert_eq!(resolved.resolved_at, Some(timestamp(story.clock.now())));
    assert_eq!(refusal(ada.claim(ticket).await)?, "TICKET_RESOLVED");
    assert_eq!(refusal(ada.wait(ticket, WaitingReason::Parts).await)?, "TICKET_RESOLVED");
    ada.hears(ticket, "ola@acme.example").await?;
    story.settle().await?;
    assert_eq!(story.ticket(ticket).await?.state(), TicketState::Resolved, "thanks do not reopen");

    let reopened = ada.reopen(ticket).await?;
    assert_eq!((reopened.state(), reopened.reopenings, reopened.resolved_at), (TicketState::InProgress, 1, None));
    Ok(())
}

async fn end(ada: &mut Agent, bo: &mut Agent) -> anyhow::Result<()> {
    let ticket = "ACME-1001";
    bo.resolve(ticket, ResolutionCode::Workaround, "Use the browser.").await?;
    let closed = ada.confirm(ticket).await?;
    assert_eq!((closed.state(), closed.resolution_note.as_str()), (TicketState::Closed, "Use the browser."));
    for reason in [
        refusal(ada.reopen(ticket).await)?,
        refusal(ada.claim(ticket).await)?,
        refusal(ada.resume(ticket).await)?,
        refusal(ada.hand_over(ticket, "service-desk").await)?,
        refusal(ada.cancel(ticket, CancellationReason::Withdrawn, "").await)?,
    ] {
        assert_eq!(reason, "TICKET_CLOSED");
    }
    assert_eq!(ada.close(ticket).await?, closed, "closing what is closed is no change");
    Ok(())
}

async fn cancel(ada: &mut Agent) -> anyhow::Result<()> {
    let ticket = "ACME-1002";
    for stranger in ["ACME-9999", "GLOBEX-1001", ticket] {
        let reason = refusal(ada.cancel(ticket, CancellationReason::Duplicate, stranger).await)?;
        assert_eq!(reason, "UNKNOWN_DUPLICATE", "{stranger}");
    }
    let cancelled = ada.cancel(ticket, CancellationReason::Duplicate, "ACME-1001").await?;
    assert_eq!((cancelled.state(), cancelled.revision), (TicketState::Cancelled, 2));
    assert_eq!(refusal(ada.reopen(ticket).await)?, "TICKET_CANCELLED");
    assert_eq!(refusal(ada.resolve(ticket, ResolutionCode::Solved, "").await)?, "TICKET_CANCELLED");
    Ok(())
}

async fn whole_history(agent: &mut Agent, ticket: &str, page_size: i32) -> anyhow::Result<Vec<HistoryEntry>> {
    let mut entries = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListHistoryRequest { ticket: ticket.to_owned(), page_size, page_token };
        let page = agent.triage.list_history(request).await?.into_inner();
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(entries);
        }
    }
}

#[tokio::test]
async fn a_command_counts_once_and_only_on_what_its_caller_saw() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let sender = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let mut bo = Agent::new(&story, "bo@operator.example", &["acme"])?;
    for name in ["a-1", "a-2"] {
        register(&sender, post("acme", name, "No sound")).await?;
    }
    story.settle().await?;
    let (request_id, ticket) = ("the-same".to_owned(), "ACME-1001".to_owned());
    let claim = ClaimTicketRequest { request_id: request_id.clone(), ticket: ticket.clone(), expected_revision: 1 };

    let claimed = ada.triage.claim_ticket(claim.clone()).await?.into_inner().ticket.unwrap_or_default();
    assert_eq!((claimed.owner.as_str(), claimed.revision), ("ada@operator.example", 2));
    let waits = ada.wait(&ticket, WaitingReason::Parts).await?;
    let again = ada.triage.claim_ticket(claim.clone()).await?.into_inner().ticket.unwrap_or_default();
    assert_eq!(again, waits, "a repeat changes nothing, whatever revision it names, and shows the ticket as it is now");

    let close = CloseTicketRequest { request_id: request_id.clone(), ticket: ticket.clone(), expected_revision: 0 };
    let reused = refused(ada.triage.close_ticket(close).await)?;
    assert_eq!((reused.code(), reason_of(&reused)), (Code::AlreadyExists, "IDEMPOTENCY_KEY_REUSED".to_owned()));
    let elsewhere = ClaimTicketRequest { ticket: "ACME-1002".to_owned(), ..claim.clone() };
    let reused = refused(ada.triage.claim_ticket(elsewhere).await)?;
    assert_eq!(reason_of(&reused), "IDEMPOTENCY_KEY_REUSED");
    // Another caller's request_ids are its own: this one is judged, and refused for its owner.
    let others = bo.triage.claim_ticket(ClaimTicketRequest { expected_revision: 0, ..claim.clone() }).await;
    assert_eq!(refusal(others)?, "ALREADY_CLAIMED");

    let stale = ClaimTicketRequest { request_id: "stale".to_owned(), expected_revision: 2, ..claim };
    let changed = refused(ada.triage.claim_ticket(stale.clone()).await)?;
    assert_eq!((changed.code(), reason_of(&changed)), (Code::Aborted, "CHANGED_MEANWHILE".to_owned()));
    assert_eq!(story.ticket(&ticket).await?, waits);
    // An aborted request has not counted: looked at again, it may use its id.
    ada.triage.claim_ticket(ClaimTicketRequest { expected_revision: 3, ..stale }).await?;
    story.end().await
}
