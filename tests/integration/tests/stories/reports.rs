//! What happened: figures that are exact for any past instant, each with its tickets, and that can be made anew.

mod impact;
mod late;

use std::collections::BTreeMap;

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::{CancellationReason, ResolutionCode, WaitingReason};
use contracts::intake::v1::{ImportTicketsRequest, Matter};
use contracts::reporting::v1::reporting_service_client::ReportingServiceClient;
use contracts::reporting::v1::{
    ClientBacklog, ClientKpis, Count, GetBacklogRequest, GetKpisRequest, Kpi, ListKpiTicketsRequest, Period,
    RebuildReportRequest, RebuildReportResponse,
};
use contracts::timestamp;
use integration::agent::{Agent, refused};
use integration::{Story, at, post, register};
use jiff::{SignedDuration, Timestamp};
use skranke::clients::Wire;
use tonic::Code;

type Reporting = ReportingServiceClient<Wire>;

fn period(from: &str, until: &str) -> Option<Period> {
    Some(Period { from: Some(timestamp(at(from))), until: Some(timestamp(at(until))) })
}

/// The story's own month.
fn november() -> Option<Period> {
    period("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
}

async fn kpis(reporting: &mut Reporting, period: Option<Period>, time_zone: &str) -> anyhow::Result<ClientKpis> {
    let request = GetKpisRequest {
        client_ids: vec!["acme".to_owned()],
        period,
        time_zone: time_zone.to_owned(),
        ..Default::default()
    };
    reporting.get_kpis(request).await?.into_inner().clients.pop().context("acme has figures")
}

async fn backlog(reporting: &mut Reporting, instant: Timestamp) -> anyhow::Result<ClientBacklog> {
    let request =
        GetBacklogRequest { client_ids: vec!["acme".to_owned()], at: Some(timestamp(instant)), ..Default::default() };
    let answer = reporting.get_backlog(request).await?.into_inner();
    anyhow::ensure!(answer.at == Some(timestamp(instant)), "it is told for another instant");
    answer.clients.into_iter().next().context("acme has a backlog")
}

/// The references behind a figure, read in pages of two.
async fn behind(reporting: &mut Reporting, kpi: Kpi, period: Option<Period>) -> anyhow::Result<Vec<String>> {
    let mut references = Vec::new();
    let mut page_token = String::new();
    loop {
        let client_id = "acme".to_owned();
        let request = ListKpiTicketsRequest {
            client_id,
            kpi: kpi.into(),
            period,
            page_size: 2,
            page_token,
            ..Default::default()
        };
        let page = reporting.list_kpi_tickets(request).await?.into_inner();
        references.extend(page.tickets.into_iter().map(|ticket| ticket.reference));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            references.sort_unstable();
            return Ok(references);
        }
    }
}

async fn rebuild(reporting: &mut Reporting) -> anyhow::Result<RebuildReportResponse> {
    let request = RebuildReportRequest { client_ids: vec!["acme".to_owned()] };
    let mut told = reporting.rebuild_report(request).await?.into_inner();
    let mut last = None;
    while let Some(progress) = told.message().await? {
        last = Some(progress);
    }
    let last = last.context("at least one progress is told")?;
    anyhow::ensure!(last.tickets_done == last.tickets_total, "it ends before its end: {last:?}");
    Ok(last)
}

fn counts(of: &[Count]) -> BTreeMap<&str, u64> {
    of.iter().map(|count| (count.name.as_str(), count.tickets)).collect()
}

/// What the desk does in the story, hour by hour; returns the tickets that are open after each hour.
async fn a_day_at_the_desk(story: &Story) -> anyhow::Result<Vec<(Timestamp, Vec<&'static str>)>> {
    let sender = story.as_one("monitoring", &[(Role::Service, "acme"), (Role::Service, "globex")])?;
    let mut ada = Agent::new(story, "ada@operator.example", &["acme", "globex"])?;
    let mut open = vec![(story.clock.now() - SignedDuration::from_secs(1), vec![])];
    for hour in 0..7 {
        let left = match hour {
            0 => {
                for name in ["a-1", "a-2", "a-3"] {
                    register(&sender, post("acme", name, "Cannot log in")).await?;
                }
                register(&sender, post("globex", "g-1", "Cannot log in")).await?;
                story.settle().await?;
                vec!["ACME-1001", "ACME-1002", "ACME-1003"]
            }
            1 => {
                ada.resolve("ACME-1001", ResolutionCode::Solved, "").await?;
                ada.wait("ACME-1003", WaitingReason::Vendor).await?;
                vec!["ACME-1002", "ACME-1003"]
            }
            2 => {
                ada.cancel("ACME-1002", CancellationReason::Spam, "").await?;
                ada.resolve("GLOBEX-1001", ResolutionCode::Solved, "").await?;
                vec!["ACME-1003"]
            }
            3 => {
                ada.reopen("ACME-1001").await?;
                ada.resume("ACME-1003").await?;
                ada.wait("ACME-1003", WaitingReason::Requester).await?;
                vec!["ACME-1001", "ACME-1003"]
            }
            4 => {
                register(&sender, post("acme", "a-4", "No sound")).await?;
                story.settle().await?;
                vec!["ACME-1001", "ACME-1003", "ACME-1004"]
            }
            5 => {
                ada.resolve("ACME-1001", ResolutionCode::Workaround, "").await?;
                ada.resolve("ACME-1004", ResolutionCode::Solved, "").await?;
                ada.close("ACME-1004").await?;
                vec!["ACME-1003"]
            }
            _ => {
                ada.confirm("ACME-1001").await?;
                vec!["ACME-1003"]
            }
        };
        story.settle().await?;
        open.push((story.clock.now(), left));
        story.advance(SignedDuration::from_hours(1)).await?;
    }
    Ok(open)
}

#[tokio::test]
async fn every_figure_is_exact_has_its_tickets_and_can_be_made_anew() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let open = a_day_at_the_desk(&story).await?;
    let mut reporting = story.admin()?.reporting()?;

    for (instant, references) in &open {
        let told = backlog(&mut reporting, *instant).await?;
        assert_eq!(told.open, references.len() as u64, "at {instant}");
        assert_eq!(told.by_age.iter().map(|count| count.tickets).sum::<u64>(), told.open);
        assert_eq!(counts(&told.by_priority).values().sum::<u64>(), told.open);
        // The same as a figure of a period that ends there, and as its tickets.
        let until =
            Some(Period { from: Some(timestamp(at("2026-11-01T00:00:00Z"))), until: Some(timestamp(*instant)) });
        assert_eq!(kpis(&mut reporting, until, "").await?.backlog, told.open);
        assert_eq!(behind(&mut reporting, Kpi::Backlog, until).await?, *references, "at {instant}");
    }
    let later = backlog(&mut reporting, story.clock.now()).await?;
    assert_eq!(later.open, 1);

    let told = kpis(&mut reporting, november(), "Europe/Oslo").await?;
    assert_eq!((told.registered, told.resolved, told.closed, told.cancelled), (4, 2, 2, 1), "{told:?}");
    assert_eq!((told.reopened, told.resolvings, told.reopenings, told.backlog), (1, 3, 1, 1), "{told:?}");
    assert_eq!(counts(&told.by_priority), BTreeMap::from([("P2", 4)]));
    assert_eq!(counts(&told.by_channel), BTreeMap::from([("api", 4)]));
    assert_eq!(counts(&told.by_waiting), BTreeMap::from([("requester", 1), ("vendor", 1)]));
    let time = told.time_to_resolve.unwrap_or_default();
    let hours = |of: Option<prost_types::Duration>| of.map_or(0.0, |of| of.seconds as f64 / 3_600.0);
    assert_eq!((hours(time.mean_for), hours(time.median_for), hours(time.p90_for)), (3.0, 3.0, 4.6), "5 h and 1 h");
    // 1001 and 1004 ended in time; 1002 was cancelled, which is no end; 1003 is late, and still running.
    let attained: Vec<(u64, u64)> = told.attainments.iter().map(|one| (one.met, one.ended)).collect();
    assert_eq!(attained, [(2, 2), (0, 0), (2, 2)], "{told:?}");
    let half = period("2026-11-16T12:30:00Z", "2026-11-16T13:00:01Z");
    assert_eq!(behind(&mut reporting, Kpi::Resolved, half).await?, ["ACME-1001", "ACME-1004"]);

    for (kpi, figure, references) in [
        (Kpi::Registered, told.registered, vec!["ACME-1001", "ACME-1002", "ACME-1003", "ACME-1004"]),
        (Kpi::Resolved, told.resolved, vec!["ACME-1001", "ACME-1004"]),
        (Kpi::Closed, told.closed, vec!["ACME-1001", "ACME-1004"]),
        (Kpi::Cancelled, told.cancelled, vec!["ACME-1002"]),
        (Kpi::Reopened, told.reopened, vec!["ACME-1001"]),
        (Kpi::Backlog, told.backlog, vec!["ACME-1003"]),
        (Kpi::Breached, told.breached, vec![]),
    ] {
        let rows = behind(&mut reporting, kpi, november()).await?;
        assert_eq!(
            (rows.len() as u64, rows),
            (figure, references.iter().map(|one| (*one).to_owned()).collect()),
            "{kpi:?}"
        );
    }
    made_anew(&story, &mut reporting).await?;
    a_manager_sees_the_own_figures(&story).await?;
    story.end().await
}

/// Rebuilding finds nothing to do, and repairs what hands have damaged.
async fn made_anew(story: &Story, reporting: &mut Reporting) -> anyhow::Result<()> {
    let right = kpis(reporting, november(), "Europe/Oslo").await?;
    let untouched = rebuild(reporting).await?;
    assert_eq!((untouched.tickets_total, untouched.tickets_differed), (4, 0));
    assert!(untouched.facts >= 20, "{untouched:?}");

    let mut store = story.store("reporting").await?;
    for damage in [
        "UPDATE ticket_figures SET resolved_at = NULL, closed_at = NULL, priority = 5 WHERE reference = 'ACME-1001'",
        "DELETE FROM open_interval WHERE (client_id, ticket_id) IN
             (SELECT client_id, ticket_id FROM ticket_figures WHERE reference = 'ACME-1003')",
        "DELETE FROM clock_figures WHERE (client_id, ticket_id) IN
             (SELECT client_id, ticket_id FROM ticket_figures WHERE reference = 'ACME-1004')",
        "INSERT INTO clock_figures SELECT client_id, ticket_id, 'made-up', 1, 1, 4, true, 1, now(), '2026-11-16T09:00:00Z'
             FROM ticket_figures WHERE reference = 'ACME-1004'",
        "UPDATE ticket_figures SET subject = 'Not this' WHERE reference = 'GLOBEX-1001'",
    ] {
        let done = sqlx::query(damage).execute(&mut store).await?;
        anyhow::ensure!(done.rows_affected() > 0, "nothing was damaged by {damage}");
    }
    let wrong = kpis(reporting, november(), "Europe/Oslo").await?;
    assert_eq!((wrong.resolved, wrong.backlog, wrong.breached), (1, 0, 1), "the damage shows");
    assert_eq!(rebuild(reporting).await?.tickets_differed, 3);
    assert_eq!(kpis(reporting, november(), "Europe/Oslo").await?, right);
    assert_eq!(rebuild(reporting).await?.tickets_differed, 0);
    let other: String = sqlx::query_scalar("SELECT subject FROM ticket_figures WHERE reference = 'GLOBEX-1001'")
        .fetch_one(&mut store)
        .await?;
    assert_eq!(other, "Not this", "who was not named was not touched");
    let everybody = RebuildReportRequest::default();
    let mut told = reporting.rebuild_report(everybody).await?.into_inner();
    let mut last = RebuildReportResponse::default();
    while let Some(progress) = told.message().await? {
        last = progress;
    }
    assert_eq!((last.tickets_done, last.tickets_differed), (5, 1));
    Ok(())
}

async fn a_manager_sees_the_own_figures(story: &Story) -> anyhow::Result<()> {
    let mut manager = story.as_one("may@globex.example", &[(Role::ClientManager, "globex")])?.reporting()?;
    let request = GetKpisRequest { period: november(), ..GetKpisRequest::default() };
    let told = manager.get_kpis(request.clone()).await?.into_inner().clients;
    let figures: Vec<(&str, u64, u64)> =
        told.iter().map(|one| (one.client_id.as_str(), one.registered, one.resolved)).collect();
    assert_eq!(figures, [("globex", 1, 1)]);
    assert!(told[0].definitions.contains_key("registered") && told[0].definitions.contains_key("backlog"));
    let named = GetKpisRequest { client_ids: vec!["acme".to_owned()], ..request };
    assert_eq!(refused(manager.get_kpis(named).await)?.code(), Code::NotFound);
    assert_eq!(refused(manager.rebuild_report(RebuildReportRequest::default()).await)?.code(), Code::PermissionDenied);
    Ok(())
}

#[tokio::test]
async fn months_begin_at_the_clients_midnight_and_costs_are_shared_by_their_tickets() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let instants = [
        // In Oslo September, October before and after the clocks go back, November (still October in UTC).
        "2026-09-30T21:59:59.999999Z",
        "2026-09-30T22:00:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-31T22:59:59Z",
        "2026-10-31T23:00:00Z",
        "2026-11-01T00:00:00Z",
        "2026-11-15T12:00:00Z",
    ];
    let requests: Vec<ImportTicketsRequest> = instants
        .iter()
        .map(|instant| ImportTicketsRequest {
            client_id: "acme".to_owned(),
            registered_at: Some(timestamp(at(instant))),
            matter: Some(Matter {
                source: "other-desk".to_owned(),
                external_ref: (*instant).to_owned(),
                ..post("acme", "", "Cannot log in").matter.unwrap_or_default()
            }),
            facts: Vec::new(),
        })
        .collect();
    let mut answers = story.admin()?.intake()?.import_tickets(futures::stream::iter(requests)).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        anyhow::ensure!(answer.refused.is_none(), "{answer:?}");
    }
    story.settle().await?;

    let mut reporting = story.admin()?.reporting()?;
    let year = period("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let oslo = kpis(&mut reporting, year, "Europe/Oslo").await?;
    assert_eq!(counts(&oslo.by_month), BTreeMap::from([("2026-09", 1), ("2026-10", 3), ("2026-11", 3)]));
    let utc = kpis(&mut reporting, year, "").await?;
    assert_eq!(counts(&utc.by_month), BTreeMap::from([("2026-09", 2), ("2026-10", 3), ("2026-11", 2)]));
    // 12,345.50 NOK in November.
    assert_eq!((oslo.cost_per_ticket_cents, oslo.currency.as_str()), (Some(411_517), "NOK"));
    assert_eq!(utc.cost_per_ticket_cents, Some(617_275));
    let october = period("2026-10-05T00:00:00Z", "2026-10-06T00:00:00Z");
    assert_eq!(kpis(&mut reporting, october, "Europe/Oslo").await?.cost_per_ticket_cents, None);
    let request = GetKpisRequest { period: year, time_zone: "Europe/Atlantis".to_owned(), ..Default::default() };
    assert_eq!(refused(reporting.get_kpis(request).await)?.code(), Code::InvalidArgument);

    // Before anything was registered there was no backlog; then it grew ticket by ticket.
    for (before, instant) in instants.iter().enumerate() {
        let instant = at(instant);
        let just_before = instant - SignedDuration::from_micros(1);
        assert_eq!(backlog(&mut reporting, just_before).await?.open, before as u64);
        assert_eq!(backlog(&mut reporting, instant).await?.open, before as u64 + 1);
    }
    let now = backlog(&mut reporting, story.clock.now()).await?;
    let ages = BTreeMap::from([("< 1 day", 1), ("1–3 days", 0), ("3–7 days", 0), ("7–30 days", 4), ("≥ 30 days", 2)]);
    assert_eq!(counts(&now.by_age), ages);
    story.end().await
}
