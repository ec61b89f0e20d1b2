//! From half past seven to noon.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::{Channel, Level, Priority, ResolutionCode, TicketState, WaitingReason};
use contracts::intake::v1::post_alerts_response::Outcome;
use contracts::intake::v1::{
    Alert, AlertAction, AlertSeverity, Matter, PostAlertRequest, PostAlertsRequest, RegisterTicketRequest, Solved,
};
use contracts::sla_timer::v1::{Clock, ListClocksRequest, Metric};
use contracts::timestamp;
use contracts::triage::v1::{AttachTicketsRequest, DeclareMajorIncidentRequest, PushStatusRequest, SwarmKind};
use integration::register;
use jiff::SignedDuration;

use super::people::{Day, mail};

/// Alerts of the storm.
pub(super) const ALERTS: usize = 5_000;
/// Who has no mail.
pub(super) const ROOMS: usize = 40;

pub(super) async fn the_night_has_left_work(day: &mut Day<'_>) -> anyhow::Result<()> {
    for (client, subject) in [
        ("acme", "vpn drops at home"),
        ("acme", "vpn asks twice"),
        ("acme", "vpn is slow"),
        ("globex", "No sound in room 5"),
        ("globex", "The badge opens nothing"),
        ("initech", "Cannot print"),
        ("initech", "Printing does not work"),
    ] {
        day.post(client, subject, |_| {}).await?;
    }
    day.laws.hold("the night").await?;
    let ticket = day.story.ticket(&day.of("vpn drops at home")?).await?;
    assert_eq!((ticket.queue.as_str(), ticket.owner.as_str()), ("network", ""), "nobody is there yet");
    Ok(())
}

pub(super) async fn the_early_shift_comes(day: &mut Day<'_>) -> anyhow::Result<()> {
    day.minutes(40, "the early shift has come").await?;
    for (subject, owner) in [("vpn drops at home", "nils"), ("vpn asks twice", "nora")] {
        day.becomes(subject, "is given in turn", |ticket| ticket.owner == mail(owner)).await?;
    }
    assert_eq!(day.story.ticket(&day.of("vpn is slow")?).await?.owner, "", "each has one already");
    day.laws.hold("work is given in turn").await
}

pub(super) async fn calls_and_forms_come_in(day: &mut Day<'_>) -> anyhow::Result<()> {
    let solved = Solved {
        code: ResolutionCode::UserGuidance.into(),
        no_article_reason: "shown on the phone".to_owned(),
        ..Solved::default()
    };
    let subject = "Where is the printer?";
    let call = RegisterTicketRequest {
        request_id: "call".to_owned(),
        client_id: "acme".to_owned(),
        matter: Some(Matter {
            subject: subject.to_owned(),
            channel: Channel::Phone.into(),
            requester_email: "ola@acme.example".to_owned(),
            ..Matter::default()
        }),
        solved: Some(solved),
        attachment_ids: Vec::new(),
    };
    let ada = day.story.as_one(&mail("ada"), &[(Role::Agent, "acme")])?;
    let reference = register(&ada, call).await?.reference;
    day.acknowledged("acme", subject, &reference);
    day.post("globex", "A phishing mail", |matter| {
        matter.channel = Channel::Portal.into();
        (matter.impact, matter.urgency) = (Level::High.into(), 0);
    })
    .await?;
    day.post("initech", "Certificate ends soon", |matter| matter.channel = Channel::Api.into()).await?;
    day.laws.hold("calls and forms").await?;
    assert_eq!(day.story.ticket(&reference).await?.state(), TicketState::Closed, "solved on the phone");
    let phishing = day.story.ticket(&day.of("A phishing mail")?).await?.classification.unwrap_or_default();
    assert_eq!((phishing.category.as_str(), phishing.priority()), ("service", Priority::P1));
    Ok(())
}

pub(super) async fn the_first_line_works(day: &mut Day<'_>) -> anyhow::Result<()> {
    let (print, sound, badge) =
        (day.of("Cannot print")?, day.of("No sound in room 5")?, day.of("The badge opens nothing")?);
    day.minutes(20, "twenty minutes later").await?;
    let ada = day.agent("ada")?;
    ada.claim(&print).await?;
    ada.answers(&print).await?;
    ada.wait(&print, WaitingReason::Requester).await?;
    let bo = day.agent("bo")?;
    bo.claim(&sound).await?;
    bo.wait(&sound, WaitingReason::Parts).await?;
    let cas = day.agent("cas")?;
    cas.claim(&badge).await?;
    cas.answers(&badge).await?;
    cas.hand_over(&badge, "field").await?;
    let drops = day.of("vpn drops at home")?;
    // Tier 2 speaks through the front.
    day.agent("ada")?.answers(&drops).await?;
    let nils = day.agent("nils")?;
    nils.resolve(&drops, ResolutionCode::Solved, "a new certificate").await?;
    day.becomes("vpn is slow", "is given to who is free", |ticket| ticket.owner == mail("nils")).await?;
    day.laws.hold("the first line works").await?;
    day.minutes(15, "the requester thinks").await?;
    day.agent("ada")?.hears(&print, "kari@initech.example").await?;
    day.laws.hold("the requester has answered").await?;
    let print = day.story.ticket(&print).await?;
    assert_eq!((print.state(), print.owner), (TicketState::InProgress, mail("ada")), "a reply ends the wait");
    Ok(())
}

/// Posts for every switch of globex; which ticket each was told of, by dedup_key.
pub(super) async fn switches_say(day: &Day<'_>, action: AlertAction) -> anyhow::Result<BTreeMap<String, String>> {
    let posts: Vec<PostAlertsRequest> = (0..ALERTS)
        .map(|number| {
            let alert = Alert {
                action: action.into(),
                dedup_key: format!("switch-{number}/link"),
                source: "zabbix".to_owned(),
                severity: AlertSeverity::Warning.into(),
                summary: format!("Link of switch {number} is down"),
                fingerprint: "link-down".to_owned(),
                ..Alert::default()
            };
            let (request_id, client_id) = (String::new(), "globex".to_owned());
            PostAlertsRequest { alert: Some(PostAlertRequest { request_id, client_id, alert: Some(alert) }) }
        })
        .collect();
    let mut answers = day.gate("globex")?.alerts()?.post_alerts(tokio_stream::iter(posts)).await?.into_inner();
    let mut told = BTreeMap::new();
    while let Some(answer) = answers.message().await? {
        match answer.outcome {
            Some(Outcome::Accepted(taken)) => told.insert(answer.dedup_key, taken.reference),
            other => anyhow::bail!("{} was not taken: {other:?}", answer.dedup_key),
        };
    }
    Ok(told)
}

pub(super) async fn a_storm_breaks(day: &mut Day<'_>) -> anyhow::Result<()> {
    let told = switches_say(day, AlertAction::Trigger).await?;
    assert_eq!(told.len(), ALERTS);
    let mut known = BTreeSet::new();
    for number in 0..ALERTS {
        let reference = told.get(&format!("switch-{number}/link")).context("each is answered")?;
        day.laws.alerted("globex", &format!("switch-{number}/link"));
        if known.insert(reference) {
            day.acknowledged("globex", &format!("Link of switch {number} is down"), reference);
        }
    }
    assert_eq!(known.len(), 11, "ten of their own, and one for the storm: {known:?}");
    day.laws.hold("a storm of alerts").await?;
    let parent = day.story.ticket(&day.of("Link of switch 10 is down")?).await?;
    assert_eq!(parent.subject, "Storm: Link of switch 10 is down");
    Ok(())
}

pub(super) async fn mail_is_down(day: &mut Day<'_>) -> anyhow::Result<()> {
    let mut references = Vec::new();
    for room in 0..ROOMS {
        references.push(day.post("acme", &format!("No mail in room {room}"), |_| {}).await?);
    }
    day.laws.hold("nobody has mail").await?;
    let parent = references.remove(0);
    day.agent("cas")?.claim(&parent).await?;
    let declare = DeclareMajorIncidentRequest {
        request_id: "declare".to_owned(),
        ticket: parent.clone(),
        services: vec!["mail".to_owned()],
        affected_users: 400,
        ..Default::default()
    };
    day.binder.relations.declare_major_incident(declare).await?;
    day.laws.hold("a major incident is declared").await?;
    let attach = AttachTicketsRequest {
        request_id: "attach".to_owned(),
        ticket: parent.clone(),
        child_tickets: references,
        ..Default::default()
    };
    day.binder.relations.attach_tickets(attach).await?;
    day.laws.hold("the children are attached").await?;
    let status = PushStatusRequest {
        request_id: "status".to_owned(),
        ticket: parent,
        text: "A disk is being replaced.".to_owned(),
        next_update_due_at: Some(timestamp(day.story.clock.now() + SignedDuration::from_mins(30))),
        ..Default::default()
    };
    day.binder.relations.push_status(status).await?;
    for room in 1..ROOMS {
        day.becomes(&format!("No mail in room {room}"), "is told", |ticket| ticket.status_news.is_some()).await?;
    }
    day.laws.hold("everybody is told").await?;
    day.minutes(40, "the promised news are late").await
}

pub(super) async fn everything_is_slow(day: &mut Day<'_>) -> anyhow::Result<()> {
    let slow = day.post("initech", "Everything is slow", |matter| matter.urgency = Level::High.into()).await?;
    day.story.settle().await?;
    day.agent("eve")?.claim(&slow).await?;
    day.agent("eve")?.invite(&slow, &mail("sven")).await?;
    let swarm = day.agent("sven")?.join(&slow).await?.swarm.context("a swarm")?;
    assert_eq!((swarm.kind(), swarm.members.len()), (SwarmKind::Severe, 2));
    day.agent("eve")?.answers(&slow).await?;
    day.minutes(30, "a swarm works on it").await
}

/// The promise to resolve a ticket.
pub(super) async fn resolution(day: &Day<'_>, reference: &str) -> anyhow::Result<Clock> {
    let request = ListClocksRequest { ticket: reference.to_owned() };
    let clocks = day.admin.sla_timer()?.list_clocks(request).await?.into_inner().clocks;
    clocks.into_iter().find(|clock| clock.metric() == Metric::Resolution).context("a promise")
}

pub(super) async fn two_are_one_and_two_again(day: &mut Day<'_>) -> anyhow::Result<()> {
    let (merged, stays) = (day.of("Printing does not work")?, day.of("Cannot print")?);
    day.agent("bo")?.claim(&merged).await?;
    day.story.settle().await?;
    let before = resolution(day, &merged).await?;
    day.binder.merge(&merged, &stays).await?;
    day.laws.hold("two are merged").await?;
    day.minutes(30, "they are one for a while").await?;
    let back = day.binder.unmerge(&merged).await?;
    assert_eq!((back.state(), back.owner), (TicketState::InProgress, mail("bo")));
    day.laws.hold("the merge is undone").await?;
    let after = resolution(day, &merged).await?;
    assert_eq!((after.due_at, after.state()), (before.due_at, before.state()), "as if it had never been");
    Ok(())
}
