//! From noon to four.

use anyhow::Context;
use contracts::desk::v1::{ResolutionCode, TicketKind, TicketState, WaitingReason};
use contracts::intake::v1::{AlertAction, CatalogueRequest};
use contracts::timestamp;
use contracts::triage::v1::{ChangeOutcome, ChangeType, Decision, EndMajorIncidentRequest, VendorCaseStatus};
use integration::agent::refusal;
use integration::at;

use super::morning::{ROOMS, resolution, switches_say};
use super::people::{CLIENTS, Day, file, mail};

/// Minutes until an instant.
pub(super) fn until(day: &Day<'_>, instant: &str) -> i64 {
    at(instant).duration_since(day.story.clock.now()).as_mins()
}

pub(super) async fn two_fall_ill_at_noon(day: &mut Day<'_>) -> anyhow::Result<()> {
    let minutes = until(day, "2026-11-16T10:50:00Z");
    day.minutes(minutes, "it is ten to twelve").await?;
    let print = day.of("Cannot print")?;
    assert_eq!(day.story.ticket(&print).await?.owner, mail("ada"));
    for (client, _) in CLIENTS {
        day.story.apply(&file(client, &["ada", "eve"], true)).await?;
    }
    // The roster is followed by itself: who falls away while it is not, falls away when it is.
    day.laws.nothing_is_due().await?;
    day.minutes(15, "two are away since noon").await?;
    let back = day.becomes("Cannot print", "is back with its queue", |ticket| ticket.owner.is_empty()).await?;
    assert_eq!((back.state(), back.queue.as_str()), (TicketState::Queued, "service-desk"));
    let lapse = day.history("Cannot print").await?.into_iter().rfind(|entry| entry.fact == "claim_lapsed");
    let lapse = lapse.context("the claim has lapsed")?;
    assert_eq!(lapse.occurred_at, Some(timestamp(at("2026-11-16T11:00:00Z"))), "at noon");
    assert!(lapse.summary.ends_with("ada@operator.example is absent"), "{}", lapse.summary);
    // Her swarm goes on without Eve.
    day.becomes("Everything is slow", "goes on", |ticket| ticket.owner == mail("sven")).await?;
    day.laws.hold("their work is back").await?;
    let dag = day.agent("dag")?;
    dag.claim(&print).await?;
    dag.answers(&print).await?;
    day.laws.hold("the late shift takes over").await
}

pub(super) async fn a_team_is_given_up(day: &mut Day<'_>) -> anyhow::Result<()> {
    let badge = day.of("The badge opens nothing")?;
    assert_eq!(day.story.ticket(&badge).await?.queue, "field");
    day.story.apply(&file("globex", &["ada", "eve"], false)).await?;
    day.becomes("The badge opens nothing", "has a queue that is there", |ticket| ticket.queue == "service-desk")
        .await?;
    day.laws.hold("the field team is given up").await?;
    let cas = day.agent("cas")?;
    cas.claim(&badge).await?;
    cas.resolve(&badge, ResolutionCode::Solved, "a new badge").await?;
    day.laws.hold("the badge works").await
}

pub(super) async fn a_laptop_is_asked_for(day: &mut Day<'_>) -> anyhow::Result<()> {
    let (item, answers_json) = ("laptop".to_owned(), r#"{"model": "13"}"#.to_owned());
    let laptop = day
        .post("acme", "A laptop for the new one", |matter| {
            (matter.impact, matter.urgency) = (0, 0);
            matter.catalogue_request = Some(CatalogueRequest { item, answers_json });
        })
        .await?;
    day.laws.hold("a laptop is asked for").await?;
    let asked = day.story.ticket(&laptop).await?;
    assert_eq!((asked.waiting_reason(), asked.tasks.len()), (WaitingReason::Approval, 2));
    day.minutes(20, "the approver is at lunch").await?;
    day.cem.decide(&laptop, Decision::Approved).await?;
    day.laws.hold("it is approved").await?;
    day.agent("bo")?.claim(&laptop).await?;
    day.bo.finish(&laptop, 1).await?;
    assert_eq!(refusal(day.agent("bo")?.resolve(&laptop, ResolutionCode::Solved, "").await)?, "OPEN_TASKS");
    day.bo.finish(&laptop, 2).await?;
    day.agent("bo")?.resolve(&laptop, ResolutionCode::Solved, "there it is").await?;
    day.laws.hold("the laptop is there").await
}

pub(super) async fn a_vendor_is_asked(day: &mut Day<'_>) -> anyhow::Result<()> {
    let fire = day.post("acme", "The printer is on fire", |_| {}).await?;
    day.story.settle().await?;
    day.agent("bo")?.claim(&fire).await?;
    day.bo.open(&fire, "printco", true).await?;
    day.laws.hold("a vendor is asked").await?;
    let paused = resolution(day, &fire).await?;
    day.minutes(25, "the vendor works").await?;
    day.bo.update(&fire, "printco", "P-77", VendorCaseStatus::InProgress).await?;
    assert_eq!(resolution(day, &fire).await?.elapsed_for, paused.elapsed_for, "the desk's time stands still");
    day.bo.end_case(&fire, "printco").await?;
    day.laws.hold("the vendor has come").await?;
    day.agent("bo")?.resolve(&fire, ResolutionCode::Solved, "a new one").await?;
    day.laws.hold("the fire is out").await
}

pub(super) async fn a_switch_is_replaced(day: &mut Day<'_>) -> anyhow::Result<()> {
    let change = day.post("acme", "Replace the switch", |matter| matter.kind = TicketKind::Change.into()).await?;
    day.story.settle().await?;
    day.bo.plan(&change, ChangeType::Normal, "2026-11-16T13:00:00Z", "2026-11-16T14:00:00Z").await?;
    day.laws.hold("a change is planned").await?;
    day.cem.decide(&change, Decision::Approved).await?;
    let minutes = until(day, "2026-11-16T13:05:00Z");
    day.minutes(minutes, "its window is open").await?;
    day.bo.start(&change).await?;
    day.laws.hold("the change is under way").await?;
    day.bo.end_change(&change, ChangeOutcome::Successful).await?;
    day.agent("bo")?.resolve(&change, ResolutionCode::Solved, "it blinks").await?;
    day.laws.hold("the change is made").await
}

pub(super) async fn the_storm_is_over(day: &mut Day<'_>) -> anyhow::Result<()> {
    // One of its tickets is somebody's by now: monitoring leaves that alone.
    let own = day.of("Link of switch 3 is down")?;
    day.agent("dag")?.claim(&own).await?;
    switches_say(day, AlertAction::Resolve).await?;
    day.laws.hold("all links are up").await?;
    day.minutes(6, "the hold-off is over").await?;
    for number in [0, 9, 10] {
        let subject = format!("Link of switch {number} is down");
        day.becomes(&subject, "is resolved", |ticket| ticket.state() == TicketState::Resolved).await?;
    }
    day.laws.hold("the storm is over").await?;
    assert_eq!(day.story.ticket(&own).await?.state(), TicketState::InProgress);
    Ok(())
}

pub(super) async fn mail_is_back(day: &mut Day<'_>) -> anyhow::Result<()> {
    let parent = day.of("No mail in room 0")?;
    let own = day.of("No mail in room 7")?;
    let bo = day.agent("bo")?;
    bo.claim(&own).await?;
    bo.answers(&own).await?;
    bo.resolve(&own, ResolutionCode::UserGuidance, "by phone").await?;
    let end = EndMajorIncidentRequest { request_id: "end".to_owned(), ticket: parent.clone(), ..Default::default() };
    day.binder.relations.end_major_incident(end).await?;
    day.laws.hold("nobody is hit any more").await?;
    day.agent("cas")?.resolve(&parent, ResolutionCode::Workaround, "another disk").await?;
    for room in 1..ROOMS {
        let subject = format!("No mail in room {room}");
        day.becomes(&subject, "is resolved", |ticket| ticket.state() == TicketState::Resolved).await?;
    }
    day.laws.hold("the major incident is resolved").await?;
    assert_eq!(day.story.ticket(&own).await?.resolution_code(), ResolutionCode::UserGuidance, "as it was before");
    Ok(())
}
