//! What machines say: counted, folded, held until it is sure, and a sign of life that stops.

mod merges;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::{Priority, ResolutionCode, TicketState};
use contracts::duration;
use contracts::intake::v1::post_alerts_response::Outcome;
use contracts::intake::v1::{
    Alert, AlertAction, AlertEffect, AlertSeverity, AlertState, KeptAlert, ListAlertsRequest, PostAlertRequest,
    PostAlertResponse, PostAlertsRequest, PutHeartbeatRequest,
};
use contracts::triage::v1::{ClaimTicketRequest, ListHistoryRequest, ResolveTicketRequest, Ticket};
use integration::agent::refused as refused_of;
use integration::processes::{free_addresses, get, wait_until};
use integration::{Launch, ServiceProcess, Story};
use jiff::SignedDuration;
use rand::SeedableRng;
use rand::rngs::StdRng;
use skranke::clients::Clients;
use tonic::Code;

/// How long something may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the watch may take once its time has come.
const SOON: Duration = Duration::from_secs(20);

fn says(action: AlertAction, key: &str, summary: &str) -> PostAlertRequest {
    PostAlertRequest {
        request_id: String::new(),
        client_id: "acme".to_owned(),
        alert: Some(Alert {
            action: action.into(),
            dedup_key: key.to_owned(),
            source: "zabbix".to_owned(),
            severity: AlertSeverity::Critical.into(),
            summary: summary.to_owned(),
            ..Alert::default()
        }),
    }
}

async fn post(clients: &Clients, request: PostAlertRequest) -> anyhow::Result<PostAlertResponse> {
    Ok(clients.alerts()?.post_alert(request).await?.into_inner())
}

async fn listed(clients: &Clients, ticket: &str) -> anyhow::Result<Vec<KeptAlert>> {
    let mut request = ListAlertsRequest {
        client_id: "acme".to_owned(),
        ticket: ticket.to_owned(),
        page_size: 1_000,
        ..Default::default()
    };
    let mut alerts = Vec::new();
    loop {
        let page = clients.alerts()?.list_alerts(request.clone()).await?.into_inner();
        alerts.extend(page.alerts);
        if page.next_page_token.is_empty() {
            return Ok(alerts);
        }
        request.page_token = page.next_page_token;
    }
}

async fn history(story: &Story, ticket: &str) -> anyhow::Result<Vec<String>> {
    let request = ListHistoryRequest { ticket: ticket.to_owned(), page_size: 1_000, ..Default::default() };
    let answer = story.admin()?.triage()?.list_history(request).await?.into_inner();
    Ok(answer.entries.into_iter().map(|entry| entry.summary).collect())
}

/// Waits until a ticket is as it should be: the watch works by itself.
async fn until(story: &Story, ticket: &str, is_so: impl Fn(&Ticket) -> bool) -> anyhow::Result<Ticket> {
    let mut found = Ticket::default();
    wait_until(&format!("{ticket} is as it should be"), SOON, async || {
        story.settle().await?;
        let Ok(seen) = story.ticket(ticket).await else { return Ok(false) };
        found = seen;
        Ok(is_so(&found))
    })
    .await
    .with_context(|| format!("{ticket} as it was last: {found:?}"))?;
    Ok(found)
}

#[tokio::test]
async fn an_alert_is_counted_held_off_and_resolved_unless_somebody_took_over() -> anyhow::Result<()> {
    use AlertAction::{Acknowledge, Resolve, Trigger};
    let story = Story::begin().await?;
    let zabbix = story.as_one("zabbix", &[(Role::Service, "acme")])?;
    let ada = story.as_one("ada@operator.example", &[(Role::Agent, "acme")])?;

    let first = post(&zabbix, says(Trigger, "db1/disk", "Disk of db1 is full")).await?;
    assert_eq!((first.effect(), first.reference.as_str()), (AlertEffect::Registered, "ACME-1001"));
    for _ in 0..9 {
        let again = post(&zabbix, says(Trigger, "db1/disk", "Disk of db1 is full")).await?;
        assert_eq!((again.effect(), again.reference.as_str()), (AlertEffect::Counted, "ACME-1001"));
    }
    let known = post(&zabbix, says(Acknowledge, "db1/disk", "")).await?;
    assert_eq!((known.effect(), known.state(), known.posts), (AlertEffect::Acknowledged, AlertState::Acknowledged, 10));
    // With a request_id, the same post counts once.
    let once = PostAlertRequest { request_id: "once".to_owned(), ..says(Trigger, "db1/disk", "Disk of db1 is full") };
    let (one, two) = (post(&zabbix, once.clone()).await?, post(&zabbix, once.clone()).await?);
    assert_eq!((one.posts, two.posts, one.repeated_request, two.repeated_request), (11, 11, false, true));
    let other = PostAlertRequest { request_id: "once".to_owned(), ..says(Resolve, "db1/disk", "") };
    let refused = refused_of(zabbix.alerts()?.post_alert(other).await)?;
    assert_eq!(refused.code(), Code::AlreadyExists);

    let over = post(&zabbix, says(Resolve, "db1/disk", "")).await?;
    assert_eq!((over.effect(), over.state()), (AlertEffect::Recovering, AlertState::Recovering));
    let nothing = post(&zabbix, says(Resolve, "db2/disk", "")).await?;
    assert_eq!((nothing.effect(), nothing.reference.as_str()), (AlertEffect::Nothing, ""));
    story.settle().await?;
    assert_eq!(story.ticket("ACME-1001").await?.state(), TicketState::Queued, "the hold-off runs");
    // It comes back within the hold-off, and goes again.
    story.advance(SignedDuration::from_mins(4)).await?;
    assert_eq!(post(&zabbix, says(Trigger, "db1/disk", "Disk of db1 is full")).await?.effect(), AlertEffect::Returned);
    story.advance(SignedDuration::from_mins(4)).await?;
    post(&zabbix, says(Resolve, "db1/disk", "")).await?;
    story.advance(SignedDuration::from_mins(4)).await?;
    assert_eq!(story.ticket("ACME-1001").await?.state(), TicketState::Queued, "a minute too early");
    story.advance(SignedDuration::from_mins(1)).await?;
    let resolved = until(&story, "ACME-1001", |ticket| ticket.state() == TicketState::Resolved).await?;
    assert_eq!(resolved.resolution_code(), ResolutionCode::Solved);
    assert_eq!(resolved.classification.unwrap_or_default().priority(), Priority::P1);
    let told = history(&story, "ACME-1001").await?;
    let counts: Vec<&String> = told.iter().filter(|line| line.contains("times by now")).collect();
    assert!((3..=5).contains(&counts.len()), "told at doublings, not per post: {told:#?}");
    assert!(told.iter().any(|line| line.contains("resolved by monitoring")), "{told:#?}");

    taken_over(&story, &zabbix, &ada).await?;
    story.end().await
}

/// The next one is another ticket; a person takes that over, and monitoring only tells.
async fn taken_over(story: &Story, zabbix: &Clients, ada: &Clients) -> anyhow::Result<()> {
    use AlertAction::{Resolve, Trigger};
    let next = post(zabbix, says(Trigger, "db1/disk", "Disk of db1 is full")).await?;
    assert_eq!((next.effect(), next.reference.as_str()), (AlertEffect::Registered, "ACME-1002"));
    story.settle().await?;
    let (ticket, expected_revision) = ("ACME-1002".to_owned(), 0);
    let claim = ClaimTicketRequest { request_id: "c".to_owned(), ticket: ticket.clone(), expected_revision };
    ada.triage()?.claim_ticket(claim).await?;
    post(zabbix, says(Resolve, "db1/disk", "")).await?;
    story.advance(SignedDuration::from_mins(6)).await?;
    let told = until_told(story, "ACME-1002", "all of it is over").await?;
    assert!(!told.iter().any(|line| line.contains("resolved")), "{told:#?}");
    assert_eq!(story.ticket("ACME-1002").await?.state(), TicketState::InProgress);
    // While that is open, the same key is about it.
    let back = post(zabbix, says(Trigger, "db1/disk", "Disk of db1 is full")).await?;
    assert_eq!((back.effect(), back.reference.as_str()), (AlertEffect::Returned, "ACME-1002"));
    let resolve = ResolveTicketRequest {
        request_id: "r".to_owned(),
        ticket,
        code: ResolutionCode::Solved.into(),
        no_article_reason: "one of a kind".to_owned(),
        ..Default::default()
    };
    ada.triage()?.resolve_ticket(resolve).await?;
    story.settle().await?;
    let third = post(zabbix, says(Trigger, "db1/disk", "Disk of db1 is full")).await?;
    assert_eq!((third.effect(), third.reference.as_str()), (AlertEffect::Registered, "ACME-1003"));
    Ok(())
}

async fn until_told(story: &Story, ticket: &str, what: &str) -> anyhow::Result<Vec<String>> {
    let mut told = Vec::new();
    wait_until(&format!("it is told that {what}"), SOON, async || {
        story.settle().await?;
        told = history(story, ticket).await?;
        Ok(told.iter().any(|line| line.contains(what)))
    })
    .await?;
    Ok(told)
}

#[tokio::test]
async fn a_sign_of_life_that_stops_is_an_incident_and_its_return_ends_it() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let backup = story.as_one("backup", &[(Role::Service, "acme")])?;
    let beat = PutHeartbeatRequest {
        client_id: "acme".to_owned(),
        name: "nightly backup".to_owned(),
        every_for: Some(duration(SignedDuration::from_mins(10))),
        grace_for: Some(duration(SignedDuration::from_mins(2))),
        ..Default::default()
    };
    backup.alerts()?.put_heartbeat(beat.clone()).await?;
    story.advance(SignedDuration::from_mins(11)).await?;
    backup.alerts()?.put_heartbeat(beat.clone()).await?;
    story.advance(SignedDuration::from_mins(11)).await?;
    assert!(listed(&backup, "").await?.is_empty(), "it beats");
    story.advance(SignedDuration::from_mins(1)).await?;
    let silent = until(&story, "ACME-1001", |ticket| ticket.state() == TicketState::Queued).await?;
    assert_eq!(silent.subject, "No sign of life from nightly backup");
    backup.alerts()?.put_heartbeat(beat.clone()).await?;
    story.advance(SignedDuration::from_mins(6)).await?;
    until(&story, "ACME-1001", |ticket| ticket.state() == TicketState::Resolved).await?;
    // It is expected no longer: its silence is nobody's.
    backup.alerts()?.put_heartbeat(PutHeartbeatRequest { ends: true, ..beat }).await?;
    story.advance(SignedDuration::from_hours(2)).await?;
    assert_eq!(listed(&backup, "").await?.len(), 1);
    story.end().await
}

/// A storm over two replicas: one ticket for it, few besides, nothing lost, every alert findable.
#[tokio::test]
async fn a_storm_over_two_replicas_has_one_parent() -> anyhow::Result<()> {
    const ALERTS: usize = 5_000;
    let story = Story::begin_now().await?;
    let [grpc, http] = free_addresses(&mut StdRng::seed_from_u64(61))?;
    let service = local::SERVICES.into_iter().find(|one| one.name() == "intake").context("there is intake")?;
    let mut second = ServiceProcess::launch(Launch::of(&story.desk, service, grpc, http)?)?;
    wait_until("the second replica is ready", PATIENCE, async || {
        Ok(get(http, "/readyz").await.is_ok_and(|(status, _)| status == 200))
    })
    .await?;
    let own = story.as_one("zabbix", &[(Role::Service, "acme")])?;
    let endpoints = BTreeMap::from([("intake".to_owned(), format!("http://{grpc}"))]);
    let other = Clients::new(endpoints, &story.token("zabbix", &[(Role::Service, "acme")])?)?;
    // Each is posted to both at the same time: under racing writers a key has one ticket.
    let posts = || {
        (0..ALERTS).map(|number| {
            let mut alert = says(AlertAction::Trigger, &format!("switch-{number}/link"), "Link is down");
            if let Some(alert) = &mut alert.alert {
                alert.labels = BTreeMap::from([
                    ("alertname".to_owned(), "LinkDown".to_owned()),
                    ("instance".to_owned(), format!("switch-{number}")),
                ]);
            }
            PostAlertsRequest { alert: Some(alert) }
        })
    };
    let (here, there) = tokio::join!(flood(&own, posts()), flood(&other, posts()));
    let (here, there) = (here?, there?);
    assert_eq!((here.len(), there.len()), (ALERTS, ALERTS));
    for (key, ticket) in &here {
        assert_eq!(there.get(key), Some(ticket), "{key} has one ticket");
    }
    let tickets: BTreeSet<&String> = here.values().collect();
    assert_eq!(tickets.len(), 11, "ten of their own, and one for the storm: {tickets:?}");
    let mut count: BTreeMap<&String, usize> = BTreeMap::new();
    for ticket in here.values() {
        *count.entry(ticket).or_default() += 1;
    }
    let (parent, folded) = count.into_iter().max_by_key(|(_, count)| *count).context("there are tickets")?;
    assert_eq!(folded, ALERTS - 10);
    story.settle().await?;
    let ticket = story.ticket(parent).await?;
    assert_eq!(ticket.subject, "Storm: Link is down");
    let alerts = listed(&own, parent).await?;
    let keys: BTreeSet<String> =
        alerts.iter().filter_map(|one| one.alert.as_ref().map(|alert| alert.dedup_key.clone())).collect();
    assert_eq!(keys.len(), ALERTS - 10, "every alert is findable");
    assert_eq!(alerts.iter().map(|one| one.posts).sum::<u64>(), 2 * (ALERTS as u64 - 10), "nothing is lost");
    let told = history(&story, parent).await?;
    assert!(told.len() < 40, "counts are told as they double: {}", told.len());
    every_post_counts(&own, &other).await?;
    second.ask_to_stop()?;
    assert!(second.ended().await?, "the second replica stopped by itself");
    story.end().await
}

/// Posts on one stream: key → reference.
/// One key, again and again at both replicas.
async fn every_post_counts(own: &Clients, other: &Clients) -> anyhow::Result<()> {
    const POSTS: usize = 300;
    const KEY: &str = "core/link";
    let again =
        || (0..POSTS).map(|_| PostAlertsRequest { alert: Some(says(AlertAction::Trigger, KEY, "The core is down")) });
    let (here, there) = tokio::join!(flood(own, again()), flood(other, again()));
    let ticket = here?.remove(KEY).context("it has a ticket")?;
    assert_eq!(there?.get(KEY), Some(&ticket));
    let alerts = listed(own, &ticket).await?;
    let of_key = alerts.iter().filter(|one| one.alert.as_ref().is_some_and(|alert| alert.dedup_key == KEY));
    assert_eq!(of_key.map(|one| one.posts).sum::<u64>(), 2 * POSTS as u64, "every post counts");
    Ok(())
}

async fn flood(
    clients: &Clients,
    posts: impl Iterator<Item = PostAlertsRequest>,
) -> anyhow::Result<BTreeMap<String, String>> {
    let posts: Vec<PostAlertsRequest> = posts.collect();
    let mut answers = clients.alerts()?.post_alerts(tokio_stream::iter(posts)).await?.into_inner();
    let mut tickets = BTreeMap::new();
    while let Some(answer) = answers.message().await? {
        match answer.outcome {
            Some(Outcome::Accepted(taken)) => tickets.insert(answer.dedup_key, taken.reference),
            other => anyhow::bail!("{} was not taken: {other:?}", answer.dedup_key),
        };
    }
    Ok(tickets)
}
