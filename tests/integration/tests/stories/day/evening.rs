//! From four in the afternoon, and the days after.

use contracts::desk::v1::{ResolutionCode, TicketState, Visibility, WaitingReason};
use contracts::intake::v1::AddMessageRequest;
use contracts::timestamp;
use integration::at;
use integration::processes::wait_until;

use super::PATIENCE;
use super::afternoon::until;
use super::people::{Day, mail};

pub(super) async fn the_early_shift_goes(day: &mut Day<'_>) -> anyhow::Result<()> {
    let minutes = until(day, "2026-11-16T15:10:00Z");
    day.minutes(minutes, "the early shift has gone").await?;
    for subject in ["No sound in room 5", "vpn is slow", "Printing does not work"] {
        let back = day.becomes(subject, "is back with its queue", |ticket| ticket.owner.is_empty()).await?;
        assert_ne!(back.state(), TicketState::InProgress, "{subject}");
    }
    // A wait goes on without its owner.
    let sound = day.story.ticket(&day.of("No sound in room 5")?).await?;
    assert_eq!(sound.waiting_reason(), WaitingReason::Parts);
    assert_eq!(day.story.ticket(&day.of("Cannot print")?).await?.owner, mail("dag"), "Dag is still there");
    Ok(())
}

pub(super) async fn the_lights_go_out(day: &mut Day<'_>) -> anyhow::Result<()> {
    let (print, soon) = (day.of("Cannot print")?, day.of("Certificate ends soon")?);
    let dag = day.agent("dag")?;
    dag.wait(&print, WaitingReason::Requester).await?;
    dag.claim(&soon).await?;
    // Nobody of the network is there: a call is promised for tomorrow.
    let cold = dag.hand_over(&soon, "network").await?;
    assert_eq!(cold.callback_due_at, Some(timestamp(at("2026-11-17T07:30:00Z"))));
    day.laws.hold("a call is promised").await?;
    let minutes = until(day, "2026-11-16T19:30:00Z");
    day.minutes(minutes, "everybody has gone").await?;
    let roster = contracts::triage::v1::ListTicketsRequest { page_size: 1_000, ..Default::default() };
    let all = day.admin.triage()?.list_tickets(roster).await?.into_inner().tickets;
    let is_open =
        |state: TicketState| matches!(state, TicketState::Queued | TicketState::InProgress | TicketState::Waiting);
    let owned: Vec<_> = all.iter().filter(|one| is_open(one.state()) && !one.owner.is_empty()).collect();
    assert!(owned.is_empty(), "posts outlive people: {owned:?}");
    Ok(())
}

async fn kari_writes(day: &Day<'_>, name: &str, ticket: &str, body: &str) -> anyhow::Result<()> {
    let request = AddMessageRequest {
        request_id: name.to_owned(),
        ticket: ticket.to_owned(),
        visibility: Visibility::Public.into(),
        body: body.to_owned(),
        requester_email: "kari@acme.example".to_owned(),
        ..Default::default()
    };
    day.gate("acme")?.intake()?.add_message(request).await?;
    day.story.settle().await
}

pub(super) async fn the_next_days_go_by(day: &mut Day<'_>) -> anyhow::Result<()> {
    let minutes = until(day, "2026-11-17T07:10:00Z");
    day.minutes(minutes, "the next morning").await?;
    let soon = day.becomes("Certificate ends soon", "is given", |ticket| !ticket.owner.is_empty()).await?;
    assert_eq!(soon.callback_due_at, Some(timestamp(at("2026-11-17T07:30:00Z"))));
    // Tier 2 speaks through the front.
    day.agent("bo")?.call_back(&soon.reference).await?;
    day.laws.hold("she was called").await?;
    // What was resolved yesterday comes back within its grace, and not for thanks.
    let (fire, room) = (day.of("The printer is on fire")?, day.of("No mail in room 3")?);
    kari_writes(day, "thanks", &room, "Tusen takk!").await?;
    kari_writes(day, "again", &fire, "It burns again.").await?;
    assert_eq!(day.story.ticket(&room).await?.state(), TicketState::Resolved);
    assert_ne!(day.story.ticket(&fire).await?.state(), TicketState::Resolved);
    day.laws.hold("it burns again").await?;
    let bo = day.agent("bo")?;
    bo.claim(&fire).await?;
    bo.resolve(&fire, ResolutionCode::Workaround, "water").await?;
    for (until_at, step) in [
        ("2026-11-18T16:00:00Z", "two days later"),
        ("2026-11-23T16:00:00Z", "a week later"),
        ("2026-11-30T16:00:00Z", "two weeks later"),
        ("2026-12-08T16:00:00Z", "three weeks later"),
    ] {
        let minutes = until(day, until_at);
        day.minutes(minutes, step).await?;
    }
    for subject in ["No mail in room 3", "The printer is on fire", "Cannot print"] {
        day.becomes(subject, "is closed", |ticket| ticket.state() == TicketState::Closed).await?;
    }
    let print = day.history("Cannot print").await?;
    let reminded = print.iter().filter(|entry| entry.fact == "requester_reminded").count();
    assert_eq!(reminded, 2, "{print:?}");
    let print = day.story.ticket(&day.of("Cannot print")?).await?;
    assert_eq!(print.resolution_code(), ResolutionCode::NoAnswer);
    // Whoever writes then gets a ticket that follows.
    day.laws.expected("acme", "Re: The printer is on fire");
    kari_writes(day, "late", &fire, "And now it smokes.").await?;
    let before = day.history("The printer is on fire").await?;
    assert!(before.iter().any(|entry| entry.fact == "contact_came_late"), "{before:?}");
    let list = contracts::triage::v1::TicketFilter { subject_contains: "Re: ".to_owned(), ..Default::default() };
    let list = contracts::triage::v1::ListTicketsRequest { filter: Some(list), ..Default::default() };
    wait_until("a ticket follows", PATIENCE, async || {
        let found = day.admin.triage()?.list_tickets(list.clone()).await?.into_inner().tickets;
        Ok(found.len() == 1)
    })
    .await?;
    day.laws.hold("late contact").await
}
