//! Requests apart from faults; what changes and major incidents cost, with the tickets that it comes from.

use chassis::authorisation::Role;
use contracts::desk::v1::{ResolutionCode, TicketKind};
use contracts::reporting::v1::{
    ClientKpis, GetBacklogRequest, GetKpisRequest, Kpi, KpiTicket, ListKpiTicketsRequest, Period,
};
use contracts::timestamp;
use contracts::triage::v1::{
    AmendMajorIncidentRequest, ChangeOutcome, ChangeType, DeclareMajorIncidentRequest, EndMajorIncidentRequest,
    RelationKind,
};
use integration::agent::{Agent, refused};
use integration::bound::Binder;
use integration::fulfilment::Worker;
use integration::{Story, at, client_file, post, register};
use jiff::SignedDuration;
use tonic::Code;

use super::{Reporting, counts, rebuild};

/// From an hour before the story begins; it goes on until after.
fn today() -> Option<Period> {
    Some(Period {
        from: Some(timestamp(at("2026-11-16T07:00:00Z"))),
        until: Some(timestamp(at("2026-11-17T00:00:00Z"))),
    })
}

async fn kpis(reporting: &mut Reporting, kinds: &[TicketKind], by_kind: bool) -> anyhow::Result<Vec<ClientKpis>> {
    let kinds = kinds.iter().map(|kind| (*kind).into()).collect();
    let client_ids = vec!["acme".to_owned()];
    let request = GetKpisRequest { client_ids, period: today(), kinds, by_kind, ..Default::default() };
    Ok(reporting.get_kpis(request).await?.into_inner().clients)
}

fn asked(kpi: Kpi, service: &str) -> ListKpiTicketsRequest {
    let (client_id, service) = ("acme".to_owned(), service.to_owned());
    ListKpiTicketsRequest { client_id, kpi: kpi.into(), period: today(), service, ..Default::default() }
}

async fn behind(reporting: &mut Reporting, kpi: Kpi, service: &str) -> anyhow::Result<Vec<KpiTicket>> {
    Ok(reporting.list_kpi_tickets(asked(kpi, service)).await?.into_inner().tickets)
}

fn references(tickets: &[KpiTicket]) -> Vec<&str> {
    tickets.iter().map(|ticket| ticket.reference.as_str()).collect()
}

/// A mail that is down for an hour because of a change, a request, and three changes: one as planned, one undone, one that
/// broke the mail.
async fn a_morning(story: &Story) -> anyhow::Result<()> {
    let changes = "changes:\n  approvers: [cem@acme.example]\n  templates:\n    - { template: restart, name: Restart, \
                   plan: Restart it, back_out_plan: Start the old one }\n";
    story.apply(&client_file("acme", "ACME").replace("contract:\n", &format!("{changes}contract:\n"))).await?;
    let sender = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    use TicketKind::{Change, Incident, ServiceRequest};
    for (n, kind) in [Incident, ServiceRequest, Change, Change, Change].into_iter().enumerate() {
        let mut ticket = post("acme", &format!("i-{n}"), "The mail");
        if let Some(matter) = &mut ticket.matter {
            matter.kind = kind.into();
        }
        register(&sender, ticket).await?;
    }
    story.settle().await?;
    let mut worker = Worker::new(story, "ada@operator.example", Role::Agent)?;
    let outcomes = [ChangeOutcome::Successful, ChangeOutcome::RolledBack, ChangeOutcome::Successful];
    for (reference, outcome) in ["ACME-1003", "ACME-1004", "ACME-1005"].into_iter().zip(outcomes) {
        worker.plan(reference, ChangeType::Standard, "2026-11-16T07:30:00Z", "2026-11-16T12:00:00Z").await?;
        worker.start(reference).await?;
        worker.end_change(reference, outcome).await?;
    }
    let mut ada = Binder::new(story, "ada@operator.example", &["acme"])?;
    ada.link("ACME-1001", RelationKind::CausedBy, "ACME-1005").await?;
    let ticket = "ACME-1001".to_owned();
    let declare = DeclareMajorIncidentRequest {
        request_id: "declare".to_owned(),
        ticket: ticket.clone(),
        services: vec!["mail".to_owned(), "calendar".to_owned()],
        affected_users: 400,
        ..Default::default()
    };
    ada.relations.declare_major_incident(declare).await?;
    story.advance(SignedDuration::from_hours(1)).await?;
    let amend = AmendMajorIncidentRequest {
        request_id: "amend".to_owned(),
        ticket: ticket.clone(),
        affected_users: Some(100),
        reason: "counted".to_owned(),
        ..Default::default()
    };
    ada.relations.amend_major_incident(amend).await?;
    let end = EndMajorIncidentRequest { request_id: "end".to_owned(), ticket, ..Default::default() };
    ada.relations.end_major_incident(end).await?;
    let mut agent = Agent::new(story, "ada@operator.example", &["acme"])?;
    agent.resolve("ACME-1002", ResolutionCode::Solved, "").await?;
    story.settle().await
}

#[tokio::test]
async fn requests_faults_changes_and_major_incidents_each_have_their_figures() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    a_morning(&story).await?;
    let mut reporting = story.admin()?.reporting()?;

    let all = kpis(&mut reporting, &[], false).await?.remove(0);
    assert_eq!(counts(&all.by_kind), [("incident", 1), ("service_request", 1), ("change", 3)].into());
    assert_eq!((all.registered, all.resolved), (5, 1));
    let faults = kpis(&mut reporting, &[TicketKind::Incident], false).await?.remove(0);
    assert_eq!((faults.registered, faults.resolved, faults.backlog), (1, 0, 1));
    assert!(faults.time_to_resolve.is_none() && all.time_to_resolve.is_some(), "only a request was resolved");
    assert_eq!((all.cost_per_ticket_cents.is_some(), faults.cost_per_ticket_cents), (true, None));
    let each = kpis(&mut reporting, &[], true).await?;
    let told: Vec<_> = each.iter().map(|one| (one.kinds.clone(), one.registered, one.resolved)).collect();
    assert_eq!(told, [(vec![1], 1, 0), (vec![2], 1, 1), (vec![5], 3, 0)]);
    let ended = |of: &ClientKpis| of.attainments.iter().map(|one| (one.met, one.ended)).collect::<Vec<_>>();
    assert_eq!((ended(&each[0])[2], ended(&each[1])[2]), ((0, 0), (1, 1)), "each kind keeps its own promises");
    let request = GetBacklogRequest { kinds: vec![TicketKind::ServiceRequest.into()], ..Default::default() };
    assert_eq!(reporting.get_backlog(request).await?.into_inner().clients[0].open, 0);

    let changes = all.change_success.unwrap_or_default();
    assert_eq!((changes.ended, changes.successful, changes.caused_incidents), (3, 1, 1));
    let rows = behind(&mut reporting, Kpi::Changes, "").await?;
    let told: Vec<_> = rows.iter().map(|row| row.change.unwrap_or_default()).collect();
    let told: Vec<_> = told.iter().map(|change| (change.outcome(), change.caused_incidents)).collect();
    use ChangeOutcome::{RolledBack, Successful};
    assert_eq!(told, [(Successful, 0), (RolledBack, 0), (Successful, 1)]);
    assert_eq!(references(&behind(&mut reporting, Kpi::ChangesSuccessful, "").await?), ["ACME-1003"]);
    assert_eq!(references(&behind(&mut reporting, Kpi::CausedIncidents, "").await?), ["ACME-1001"]);

    downtime_and_lost_work(&mut reporting, &all).await?;
    made_anew(&story, &mut reporting, &all).await?;
    // A link that is taken back was no cause.
    let mut eve = Binder::new(&story, "eve@operator.example", &["acme"])?;
    eve.unlink("ACME-1001", RelationKind::CausedBy, "ACME-1005").await?;
    story.settle().await?;
    let later = kpis(&mut reporting, &[], false).await?.remove(0);
    let changes = later.change_success.unwrap_or_default();
    assert_eq!((changes.ended, changes.successful, changes.caused_incidents), (3, 2, 0));
    assert_eq!(later.lost_work.unwrap_or_default().by_cause[0].cause, "service", "its category");
    story.end().await
}

/// Two hours of the period have gone by; in one of them a hundred people had no mail and no calendar.
async fn downtime_and_lost_work(reporting: &mut Reporting, all: &ClientKpis) -> anyhow::Result<()> {
    let hours = |of: Option<prost_types::Duration>| of.map_or(0.0, |of| of.seconds as f64 / 3_600.0);
    assert_eq!(all.major_incidents, 1);
    let told: Vec<_> = all.services.iter().map(|one| (one.service.as_str(), one.availability)).collect();
    assert_eq!(told, [("calendar", 0.5), ("mail", 0.5)]);
    assert_eq!((hours(all.services[0].downtime_for), hours(all.services[0].between_failures_for)), (1.0, 1.0));
    let lost = all.lost_work.clone().unwrap_or_default();
    let causes: Vec<_> = lost.by_cause.iter().map(|one| (one.cause.as_str(), hours(one.lost_for))).collect();
    assert_eq!((hours(lost.lost_for), causes), (100.0, vec![("change", 100.0)]));
    let rows = behind(reporting, Kpi::MajorIncidents, "mail").await?;
    assert_eq!(references(&rows), ["ACME-1001"]);
    let part = &rows[0].impairments[0];
    assert_eq!((part.affected_users, part.impaired_from), (100, Some(timestamp(at("2026-11-16T08:00:00Z")))));
    assert_eq!(part.lost_for, lost.lost_for, "the parts add up to the figure");
    assert!(behind(reporting, Kpi::MajorIncidents, "printing").await?.is_empty());
    let strange = ListKpiTicketsRequest { kinds: vec![9], ..asked(Kpi::Registered, "") };
    for bad in [asked(Kpi::Registered, "mail"), asked(Kpi::MajorIncidents, &"x".repeat(301)), strange] {
        assert_eq!(refused(reporting.list_kpi_tickets(bad).await)?.code(), Code::InvalidArgument);
    }
    for name in ["change_success", "services", "lost_work", "major_incidents", "by_kind"] {
        assert!(all.definitions.contains_key(name), "{name} is defined");
    }
    Ok(())
}

/// What hands have damaged is seen and repaired.
async fn made_anew(story: &Story, reporting: &mut Reporting, right: &ClientKpis) -> anyhow::Result<()> {
    assert_eq!(rebuild(reporting).await?.tickets_differed, 0);
    let mut store = story.store("reporting").await?;
    for damage in [
        "UPDATE change_figures SET outcome = 2",
        "DELETE FROM caused_by",
        "UPDATE impairment SET affected_users = 1, services = '{telephone}'",
        "INSERT INTO impairment SELECT client_id, ticket_id, 2, 1, '{made-up}', 9, impaired_from, NULL FROM impairment",
        "UPDATE ticket_figures SET kind = 0 WHERE reference = 'ACME-1002'",
    ] {
        let done = sqlx::query(damage).execute(&mut store).await?;
        anyhow::ensure!(done.rows_affected() > 0, "nothing was damaged by {damage}");
    }
    assert_ne!(kpis(reporting, &[], false).await?.remove(0), *right, "the damage shows");
    assert_eq!(rebuild(reporting).await?.tickets_differed, 5, "the incident, the request, three changes");
    assert_eq!(kpis(reporting, &[], false).await?.remove(0), *right);
    Ok(())
}
