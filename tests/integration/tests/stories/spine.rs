//! A real incident goes in by gRPC and comes out in the report.

use std::collections::{BTreeMap, BTreeSet};

use chassis::authorisation::Role;
use contracts::desk::v1::{Priority, ResolutionCode, TicketState, Visibility};
use contracts::intake::v1::register_tickets_response::Outcome;
use contracts::intake::v1::{AddMessageRequest, GetReceiptRequest, RegisterTicketsRequest};
use contracts::reporting::v1::{GetKpisRequest, Period};
use contracts::sla_timer::v1::{ClockState, ListClocksRequest, Metric};
use contracts::timestamp;
use contracts::triage::v1::{ClaimTicketRequest, CloseTicketRequest, ResolveTicketRequest};
use integration::{Story, at, post, register};
use jiff::SignedDuration;

#[tokio::test]
async fn an_incident_goes_from_the_post_to_the_report() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let monitoring = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let agent = story.as_one("ada@operator.example", &[(Role::Agent, "acme")])?;

    let registered = register(&monitoring, post("acme", "post-1", "VPN drops every ten minutes")).await?;
    assert_eq!(registered.reference, "ACME-1001");
    story.settle().await?;

    let ticket = story.ticket("ACME-1001").await?;
    let classification = ticket.classification.clone().unwrap_or_default();
    assert_eq!(classification.priority(), Priority::P2);
    assert!(classification.priority_rule.contains("impact high × urgency medium"), "{classification:?}");
    assert_eq!((ticket.queue.as_str(), ticket.state()), ("network", TicketState::Queued));

    let clocks = agent.sla_timer()?.list_clocks(ListClocksRequest { ticket: "ACME-1001".to_owned() }).await?;
    let running: Vec<(Metric, ClockState)> =
        clocks.into_inner().clocks.iter().map(|clock| (clock.metric(), clock.state())).collect();
    assert_eq!(running, [(Metric::FirstResponse, ClockState::Running), (Metric::Resolution, ClockState::Running)]);

    let mut triage = agent.triage()?;
    let (ticket, expected_revision) = ("ACME-1001".to_owned(), 0);
    let claim = ClaimTicketRequest { request_id: "c-1".to_owned(), ticket: ticket.clone(), expected_revision };
    triage.claim_ticket(claim).await?;
    agent
        .intake()?
        .add_message(AddMessageRequest {
            request_id: "m-1".to_owned(),
            ticket: ticket.clone(),
            visibility: Visibility::Public.into(),
            body: "We look at it.".to_owned(),
            ..Default::default()
        })
        .await?;
    story.advance(SignedDuration::from_mins(90)).await?;
    triage
        .resolve_ticket(ResolveTicketRequest {
            request_id: "r-1".to_owned(),
            ticket: ticket.clone(),
            code: ResolutionCode::Solved.into(),
            no_article_reason: "one of a kind".to_owned(),
            ..Default::default()
        })
        .await?;
    let close = CloseTicketRequest { request_id: "x-1".to_owned(), ticket: ticket.clone(), expected_revision };
    triage.close_ticket(close).await?;
    story.settle().await?;

    let kpis = story
        .admin()?
        .reporting()?
        .get_kpis(GetKpisRequest {
            client_ids: vec!["acme".to_owned()],
            period: Some(Period {
                from: Some(timestamp(at("2026-11-01T00:00:00Z"))),
                until: Some(timestamp(at("2026-12-01T00:00:00Z"))),
            }),
            ..Default::default()
        })
        .await?
        .into_inner();
    let kpis = &kpis.clients[0];
    assert_eq!((kpis.registered, kpis.resolved, kpis.closed, kpis.backlog), (1, 1, 1, 0), "{kpis:?}");
    let attained: Vec<(Metric, u64, u64)> =
        kpis.attainments.iter().filter(|one| one.ended > 0).map(|one| (one.metric(), one.met, one.ended)).collect();
    assert_eq!(attained, [(Metric::FirstResponse, 1, 1), (Metric::Resolution, 1, 1)]);
    assert_eq!(kpis.time_to_resolve.and_then(|time| time.mean_for).map(|mean| mean.seconds), Some(90 * 60));
    story.end().await
}

#[tokio::test]
async fn the_same_post_is_the_same_ticket() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let monitoring = story.as_one("monitoring", &[(Role::Service, "acme")])?;

    let first = register(&monitoring, post("acme", "post-1", "Disk full")).await?;
    let again = register(&monitoring, post("acme", "post-1", "Disk full")).await?;
    assert!(!first.repeated_request && again.repeated_request);
    assert_eq!((first.ticket_id.clone(), first.reference.clone()), (again.ticket_id, again.reference));

    let other = monitoring.intake()?.register_ticket(post("acme", "post-1", "Another matter")).await;
    let refused = other.expect_err("the request_id was used for another body");
    assert_eq!(refused.code(), tonic::Code::AlreadyExists);

    // Another caller's ids are its own.
    let portal = story.as_one("portal", &[(Role::Service, "acme")])?;
    let others = register(&portal, post("acme", "post-1", "Disk full")).await?;
    assert_ne!(others.ticket_id, first.ticket_id);

    // The same matter of the same source, posted under a new id, is the same ticket as well.
    let mut matter = post("acme", "post-2", "Disk full");
    if let Some(matter) = &mut matter.matter {
        (matter.source, matter.external_ref) = ("zabbix".to_owned(), "42".to_owned());
    }
    let by_ref = register(&monitoring, matter.clone()).await?;
    matter.request_id = "post-3".to_owned();
    let joined = register(&monitoring, matter).await?;
    assert_eq!(by_ref.ticket_id, joined.ticket_id);

    let receipt = monitoring
        .intake()?
        .get_receipt(GetReceiptRequest {
            client_id: "acme".to_owned(),
            request_id: "post-1".to_owned(),
            ..Default::default()
        })
        .await?
        .into_inner();
    assert_eq!(receipt.ticket_id, first.ticket_id);
    story.end().await
}

#[tokio::test]
async fn a_system_posts_thousands_on_one_stream() -> anyhow::Result<()> {
    const POSTS: usize = 2_000;
    let story = Story::begin().await?;
    let monitoring = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    // Each is posted twice, one of them has no subject: every post gets its answer, in any order.
    let posts = (0..POSTS).chain(0..POSTS).map(|number| {
        let subject = if number == 7 { String::new() } else { format!("Alert {number}") };
        RegisterTicketsRequest { ticket: Some(post("acme", &format!("post-{number}"), &subject)) }
    });
    let mut answers =
        monitoring.intake()?.register_tickets(tokio_stream::iter(posts.collect::<Vec<_>>())).await?.into_inner();
    let (mut references, mut refused) = (BTreeMap::new(), 0);
    while let Some(answer) = answers.message().await? {
        match answer.outcome {
            Some(Outcome::Registered(registered)) => {
                let known = references.entry(answer.request_id).or_insert_with(|| registered.reference.clone());
                assert_eq!(*known, registered.reference, "the same post is the same ticket");
            }
            other => {
                assert_eq!(answer.request_id, "post-7", "{other:?}");
                refused += 1;
            }
        }
    }
    assert_eq!((references.len(), refused), (POSTS - 1, 2));
    let distinct: BTreeSet<&String> = references.values().collect();
    assert_eq!(distinct.len(), POSTS - 1, "no two posts share a reference");
    story.settle().await?;
    let oldest = story.ticket("ACME-1001").await?;
    let newest = story.ticket(&format!("ACME-{}", 1_000 + POSTS - 1)).await?;
    assert_eq!((oldest.state(), newest.state()), (TicketState::Queued, TicketState::Queued));
    story.end().await
}
