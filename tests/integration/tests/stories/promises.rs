//! Promises beside the usual three, and rules: what triage announces begins and ends them.

use chassis::authorisation::Role;
use contracts::desk::v1::{ResolutionCode, WaitingReason};
use contracts::reporting::v1::{GetKpisRequest, Period};
use contracts::sla_timer::v1::{Clock, ClockState, ExplainClockRequest, ListClocksRequest, Metric, SegmentKind};
use contracts::timestamp;
use integration::agent::Agent;
use integration::{Story, at, client_file, post, register};
use jiff::SignedDuration;

/// For tiers and vendors an hour each; what the network's people do, they do in half.
fn contract() -> String {
    client_file("acme", "ACME").replace(
        "  pause_on:",
        "  rules:
    - rule: Network is urgent
      when: {field: tier, op: is, value: 2}
      targets:
        P2: {tier: {within: 30m, calendar: office}}
    - rule: Everybody else
      when: {all: []}
      targets:
        P2: {tier: {within: 2h, calendar: office}, vendor: {within: 1h, calendar: office}}
  warn_after: 1h
  pause_on:",
    )
}

async fn clocks(story: &Story, metric: Metric) -> anyhow::Result<Vec<Clock>> {
    let request = ListClocksRequest { ticket: "ACME-1001".to_owned() };
    let mut clocks = story.admin()?.sla_timer()?.list_clocks(request).await?.into_inner().clocks;
    clocks.retain(|clock| clock.metric() == metric);
    Ok(clocks)
}

fn shown(clocks: &[Clock]) -> Vec<(ClockState, i64, &str)> {
    let minutes = |clock: &Clock| clock.elapsed_for.map_or(0, |elapsed| elapsed.seconds / 60);
    clocks.iter().map(|clock| (clock.state(), minutes(clock), clock.rule.as_str())).collect()
}

#[tokio::test]
async fn a_stay_in_a_tier_and_a_wait_for_a_vendor_have_their_clocks() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&contract()).await?;
    let sender = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    register(&sender, post("acme", "tiers", "Nothing prints")).await?;
    story.settle().await?;
    story.advance(SignedDuration::from_mins(40)).await?;
    let first = shown(&clocks(&story, Metric::Tier).await?).first().map(|(state, minutes, _)| (*state, *minutes));
    assert_eq!(first, Some((ClockState::Running, 40)));

    ada.hand_over("ACME-1001", "network").await?;
    story.settle().await?;
    story.advance(SignedDuration::from_mins(40)).await?;
    let tiers = clocks(&story, Metric::Tier).await?;
    assert_eq!(
        shown(&tiers),
        [(ClockState::Met, 40, "Everybody else"), (ClockState::Running, 40, "Network is urgent")]
    );
    assert!(tiers[1].breached_at.is_some(), "half an hour is over");

    ada.wait("ACME-1001", WaitingReason::Vendor).await?;
    story.advance(SignedDuration::from_mins(90)).await?;
    ada.resume("ACME-1001").await?;
    story.settle().await?;
    let vendor = clocks(&story, Metric::Vendor).await?;
    assert_eq!(shown(&vendor), [(ClockState::Breached, 90, "Everybody else")]);
    assert_eq!(clocks(&story, Metric::Tier).await?[1].reminders.len(), 1, "it speaks again after an hour");
    ada.resolve("ACME-1001", ResolutionCode::Solved, "").await?;
    story.settle().await?;

    let period = Period {
        from: Some(timestamp(at("2026-11-01T00:00:00Z"))),
        until: Some(timestamp(at("2026-12-01T00:00:00Z"))),
    };
    let request = GetKpisRequest { client_ids: vec!["acme".to_owned()], period: Some(period), ..Default::default() };
    let kpis = story.admin()?.reporting()?.get_kpis(request).await?.into_inner();
    let of = |metric: Metric| {
        let one = kpis.clients[0].attainments.iter().find(|one| one.metric() == metric).copied().unwrap_or_default();
        (one.met, one.ended)
    };
    assert_eq!((of(Metric::Tier), of(Metric::Vendor)), ((1, 2), (0, 1)));
    story.end().await
}

#[tokio::test]
async fn an_explained_pause_tells_which_fact_began_it_and_who() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let sender = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    register(&sender, post("acme", "pause", "Nothing prints")).await?;
    story.settle().await?;
    ada.answers("ACME-1001").await?;
    ada.wait("ACME-1001", WaitingReason::Requester).await?;
    story.advance(SignedDuration::from_mins(30)).await?;
    let request = ExplainClockRequest { ticket: "ACME-1001".to_owned(), metric: Metric::Resolution.into() };
    let answer = story.admin()?.sla_timer()?.explain_clock(request).await?.into_inner();
    let paused: Vec<_> =
        answer.clocks[0].segments.iter().filter(|segment| segment.kind() == SegmentKind::Paused).collect();
    assert_eq!(paused.len(), 1, "{:?}", answer.clocks[0].segments);
    assert_eq!(
        (paused[0].cause.as_str(), paused[0].actor_id.as_str()),
        ("waiting for requester", "ada@operator.example")
    );
    let fact = paused[0].fact.clone().unwrap_or_default();
    assert_eq!((fact.service.as_str(), fact.revision > 0, fact.occurred_at), ("triage", true, paused[0].from));
    assert!(!answer.time_zone_rules.is_empty());
    story.end().await
}
