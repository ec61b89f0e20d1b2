//! What happens by itself when nobody answers, and what those make of it who write again.

use std::time::Duration;

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::{Channel, ResolutionCode, TicketState, Visibility, WaitingReason};
use contracts::intake::v1::{AddMessageRequest, RegisteredTicket};
use contracts::triage::v1::{HistoryEntry, ListHistoryRequest};
use integration::agent::Agent;
use integration::processes::wait_until;
use integration::{Story, client_file, observe, post, register};
use jiff::SignedDuration;
use prost::Message;

const PATIENCE: Duration = Duration::from_secs(60);
const KARI: &str = "kari@acme.example";

/// A desk whose client wants things to happen by themselves, in office hours.
async fn begin() -> anyhow::Result<(Story, Agent)> {
    let story = Story::begin().await?;
    let wishes = "waiting: { remind_after: [2d, 5d], close_after: 10d, calendar: office }\n\
                  closing: { grace: 5d, calendar: office }\n";
    story.apply(&format!("{}{wishes}", client_file("acme", "ACME"))).await?;
    let ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    Ok((story, ada))
}

async fn ticket(story: &Story, ada: &mut Agent, name: &str) -> anyhow::Result<String> {
    let mut request = post("acme", name, "Cannot print");
    if let Some(matter) = &mut request.matter {
        KARI.clone_into(&mut matter.requester_email);
    }
    let reference = register(&story.admin()?, request).await?.reference;
    story.settle().await?;
    ada.claim(&reference).await?;
    Ok(reference)
}

async fn history(story: &Story, ticket: &str) -> anyhow::Result<Vec<HistoryEntry>> {
    let request = ListHistoryRequest { ticket: ticket.to_owned(), page_size: 1_000, page_token: String::new() };
    Ok(story.admin()?.triage()?.list_history(request).await?.into_inner().entries)
}

async fn facts(story: &Story, ticket: &str) -> anyhow::Result<Vec<String>> {
    Ok(history(story, ticket).await?.into_iter().map(|entry| entry.fact).collect())
}

/// Waits until the last facts are these.
async fn until(story: &Story, ticket: &str, last: &[&str]) -> anyhow::Result<()> {
    let mut told = Vec::new();
    let ended = wait_until("the ticket goes on", PATIENCE, async || {
        told = facts(story, ticket).await?;
        Ok(told.ends_with(&last.iter().map(|fact| (*fact).to_owned()).collect::<Vec<_>>()))
    });
    ended.await.with_context(|| format!("{last:?} is not the end of {told:?}"))
}

async fn write(story: &Story, name: &str, ticket: &str, body: &str) -> anyhow::Result<()> {
    let request = AddMessageRequest {
        request_id: name.to_owned(),
        ticket: ticket.to_owned(),
        visibility: Visibility::Public.into(),
        channel: Channel::Email.into(),
        body: body.to_owned(),
        requester_email: KARI.to_owned(),
    };
    story.as_one("mail", &[(Role::Service, "acme")])?.intake()?.add_message(request).await?;
    story.settle().await
}

async fn days(story: &Story, days: i64) -> anyhow::Result<()> {
    story.advance(SignedDuration::from_hours(24 * days)).await
}

#[tokio::test]
async fn who_does_not_answer_is_reminded_twice_and_then_the_ticket_ends_whoever_restarts() -> anyhow::Result<()> {
    let (mut story, mut ada) = begin().await?;
    let reference = ticket(&story, &mut ada, "silent").await?;
    ada.wait(&reference, WaitingReason::Requester).await?;
    let before = ["ticket_triaged", "ticket_claimed", "ticket_waiting"];
    // Monday at nine: two service days later it is Wednesday.
    days(&story, 2).await?;
    until(&story, &reference, &["ticket_waiting", "requester_reminded"]).await?;
    let triage = local::service("triage").context("triage")?;
    story.desk.restart_service(triage).await?;
    days(&story, 4).await?;
    assert_eq!(facts(&story, &reference).await?.len(), before.len() + 1, "on Sunday nobody is reminded");
    days(&story, 1).await?;
    until(&story, &reference, &["requester_reminded", "requester_reminded"]).await?;
    let second = history(&story, &reference).await?.pop().context("an entry")?;
    assert_eq!(
        second.summary,
        "the requester was reminded (2 of 2); without an answer it ends at 2026-11-30 08:00 UTC"
    );
    // Days late: what was due then happened then, each once.
    days(&story, 10).await?;
    let ends = ["requester_reminded", "ticket_resolved", "confirmation_asked"];
    until(&story, &reference, &ends).await?;
    let resolved = story.ticket(&reference).await?;
    assert_eq!(resolved.state(), TicketState::Resolved);
    assert_eq!(resolved.resolution_code(), ResolutionCode::NoAnswer);
    days(&story, 7).await?;
    until(&story, &reference, &["confirmation_asked", "ticket_closed"]).await?;
    let told = history(&story, &reference).await?;
    let at = |fact: &str| told.iter().find(|entry| entry.fact == fact).and_then(|entry| entry.occurred_at);
    assert_eq!(at("ticket_resolved"), Some(contracts::timestamp("2026-11-30T08:00:00Z".parse()?)));
    assert_eq!(at("ticket_closed"), Some(contracts::timestamp("2026-12-07T08:00:00Z".parse()?)));
    days(&story, 30).await?;
    assert_eq!(history(&story, &reference).await?, told, "nothing happens twice");
    story.end().await
}

#[tokio::test]
async fn an_answer_ends_the_reminders_and_thanks_do_not_reopen_but_anything_else_does() -> anyhow::Result<()> {
    let (story, mut ada) = begin().await?;
    let reference = ticket(&story, &mut ada, "kind").await?;
    ada.wait(&reference, WaitingReason::Requester).await?;
    write(&story, "m-1", &reference, "It is the printer on the second floor.").await?;
    days(&story, 5).await?;
    // Nobody waits for an answer any more: no reminder, but the work takes longer than the front tier may.
    until(&story, &reference, &["ticket_resumed", "time_box_overrun"]).await?;
    ada.resolve(&reference, ResolutionCode::Solved, "").await?;
    until(&story, &reference, &["time_box_overrun", "ticket_resolved", "confirmation_asked"]).await?;
    write(&story, "m-2", &reference, "Tusen takk for hjelpen!\n\nMvh\nKari Nordmann").await?;
    assert_eq!(story.ticket(&reference).await?.state(), TicketState::Resolved);
    write(&story, "m-3", &reference, "Takk, men det virker fortsatt ikke").await?;
    let reopened = story.ticket(&reference).await?;
    assert_eq!((reopened.state(), reopened.owner.as_str()), (TicketState::InProgress, "ada@operator.example"));
    assert!(
        facts(&story, &reference).await?.ends_with(&["requester_thanked".to_owned(), "ticket_reopened".to_owned()])
    );
    days(&story, 14).await?;
    assert_eq!(story.ticket(&reference).await?.state(), TicketState::InProgress, "what is reopened is not closed");

    ada.resolve(&reference, ResolutionCode::Solved, "").await?;
    until(&story, &reference, &["ticket_resolved", "confirmation_asked"]).await?;
    days(&story, 8).await?;
    until(&story, &reference, &["ticket_closed"]).await?;
    write(&story, "m-4", &reference, "Thanks!").await?;
    assert_eq!(story.ticket(&reference).await?.state(), TicketState::Closed);
    write(&story, "m-5", &reference, "Now it prints everything in red.").await?;
    until(&story, &reference, &["ticket_closed", "contact_came_late"]).await?;
    wait_until("a ticket follows", PATIENCE, async || Ok(story.ticket("ACME-1002").await.is_ok())).await?;
    let next = story.ticket("ACME-1002").await?;
    assert_eq!((next.subject.as_str(), next.state()), ("Re: Cannot print", TicketState::Queued));
    let mut store = observe::superuser(&story.desk, "intake").await?;
    let body: Vec<u8> =
        sqlx::query_scalar("SELECT body FROM ticket WHERE client_id = 'acme' AND reference = 'ACME-1002'")
            .fetch_one(&mut store)
            .await?;
    let next = RegisteredTicket::decode(body.as_slice())?;
    let matter = next.matter.context("a matter")?;
    assert_eq!((next.follow_up_of.as_str(), matter.requester_email.as_str()), (reference.as_str(), KARI));
    assert_eq!(matter.description, "Now it prints everything in red.");
    assert_eq!(story.ticket(&reference).await?.state(), TicketState::Closed);
    story.end().await
}
