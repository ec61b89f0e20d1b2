//! Contracts that are edited while clocks run, and due instants that somebody agreed upon.

use std::time::Duration;

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::Priority;
use contracts::sla_timer::v1::preview_contract_response::Step;
use contracts::sla_timer::v1::{
    AgreeDueRequest, ApplyContractRequest, Clock, ContractPreview, GetContractRequest, ListClocksRequest, Metric,
    OpenClocks, PreviewContractRequest, WithdrawDueRequest,
};
use contracts::{from_timestamp, timestamp};
use integration::agent::{refusal, refused};
use integration::processes::wait_until;
use integration::{Story, at, observe, post, register};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sqlx::Connection;
use tonic::Code;

const PATIENCE: Duration = Duration::from_secs(60);

/// The client's contract with another length for the resolution, as JSON.
async fn resolved_within(story: &Story, within: &str) -> anyhow::Result<String> {
    let request = GetContractRequest { client_id: "acme".to_owned(), version: 0 };
    let contract = story.admin()?.sla_timer()?.get_contract(request).await?.into_inner().contract;
    let mut terms: Value = serde_json::from_str(&contract.context("acme has a contract")?.terms_json)?;
    let targets = terms["targets"].as_object_mut().context("it has targets")?;
    for target in targets.values_mut() {
        target["resolution"]["within"] = json!(within);
        // No answer is promised later than the resolution.
        if let Some(response) = target.get_mut("first_response") {
            response["within"] = json!("1h");
        }
    }
    Ok(terms.to_string())
}

async fn edit(story: &Story, terms_json: &str, open_clocks: OpenClocks) -> anyhow::Result<u64> {
    let request = ApplyContractRequest {
        client_id: "acme".to_owned(),
        name: "Edited".to_owned(),
        terms_json: terms_json.to_owned(),
        open_clocks: open_clocks.into(),
    };
    let answer = story.admin()?.sla_timer()?.apply_contract(request).await?.into_inner();
    story.rung().await?;
    story.settle().await?;
    Ok(answer.contract.context("the version")?.version)
}

async fn preview(story: &Story, terms_json: &str, open_clocks: OpenClocks) -> anyhow::Result<ContractPreview> {
    let request = PreviewContractRequest {
        client_id: "acme".to_owned(),
        terms_json: terms_json.to_owned(),
        open_clocks: open_clocks.into(),
    };
    let mut steps = story.admin()?.sla_timer()?.preview_contract(request).await?.into_inner();
    let mut preview = None;
    while let Some(step) = steps.message().await? {
        if let Some(Step::Preview(last)) = step.step {
            preview = Some(last);
        }
    }
    preview.context("it ends with the preview")
}

async fn resolution(story: &Story, reference: &str) -> anyhow::Result<Clock> {
    let request = ListClocksRequest { ticket: reference.to_owned() };
    let clocks = story.admin()?.sla_timer()?.list_clocks(request).await?.into_inner().clocks;
    clocks.into_iter().find(|clock| clock.metric() == Metric::Resolution).context("a resolution clock")
}

fn due_at(clock: &Clock) -> Option<Timestamp> {
    clock.due_at.as_ref().and_then(from_timestamp)
}

#[tokio::test]
async fn an_edit_holds_for_the_clocks_that_the_editor_chose_and_breaks_what_it_must() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let monitoring = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    register(&monitoring, post("acme", "old", "Cannot log in")).await?;
    story.settle().await?;
    assert_eq!(story.ticket("ACME-1001").await?.classification.unwrap_or_default().priority(), Priority::P2);
    story.advance(SignedDuration::from_hours(2)).await?;
    let edited_at = story.clock.now();

    // Two hours have gone: one hour from now on is over. For new tickets only, nothing would happen.
    let short = resolved_within(&story, "1h").await?;
    let seen = preview(&story, &short, OpenClocks::NewOnly).await?;
    assert_eq!((seen.tickets, seen.changed, seen.breached), (0, 0, 0));
    let seen = preview(&story, &short, OpenClocks::FromNow).await?;
    assert_eq!((seen.tickets, seen.clocks, seen.changed, seen.cancelled, seen.breached), (1, 2, 1, 0, 1));
    assert_eq!((seen.edited[0].reference.as_str(), seen.edited[0].would_breach), ("ACME-1001", true));
    assert_eq!(resolution(&story, "ACME-1001").await?.breached_at, None, "a preview changes nothing");

    assert_eq!(edit(&story, &short, OpenClocks::FromNow).await?, 2);
    // What is due has happened as of every later instant.
    story.advance(SignedDuration::from_mins(30)).await?;
    let registered_at = story.clock.now();
    let clock = resolution(&story, "ACME-1001").await?;
    assert_eq!(clock.breached_at.as_ref().and_then(from_timestamp), Some(edited_at), "broken by the edit");
    assert_eq!(clock.contract_version, 2);
    assert_eq!(edit(&story, &short, OpenClocks::FromNow).await?, 2, "the same is no edit");

    // The next one has four hours, for the ticket that was registered before it as well; what was broken stays broken.
    register(&monitoring, post("acme", "new", "Cannot log in")).await?;
    story.settle().await?;
    story.advance(SignedDuration::from_mins(30)).await?;
    let long = resolved_within(&story, "4h").await?;
    assert_eq!(edit(&story, &long, OpenClocks::FromStart).await?, 3);
    let clock = resolution(&story, "ACME-1002").await?;
    assert_eq!(due_at(&clock), Some(registered_at + SignedDuration::from_hours(4)));
    let clock = resolution(&story, "ACME-1001").await?;
    assert_eq!(clock.breached_at.as_ref().and_then(from_timestamp), Some(edited_at));

    // For new ones only: nothing changes for either.
    let longer = resolved_within(&story, "6h").await?;
    assert_eq!(edit(&story, &longer, OpenClocks::NewOnly).await?, 4);
    assert_eq!(resolution(&story, "ACME-1002").await?.contract_version, 3);

    // What was announced is what holds: one breach, by the first edit.
    let breaches: Vec<contracts::sla_timer::v1::Event> = story
        .announced::<contracts::sla_timer::v1::Event>()
        .await?
        .into_iter()
        .filter(|event| matches!(event.fact, Some(contracts::sla_timer::v1::event::Fact::ClockBreached(_))))
        .filter(|event| event.clock.as_ref().is_some_and(|clock| clock.metric() == Metric::Resolution))
        .collect();
    assert_eq!(breaches.len(), 1, "{breaches:?}");
    story.end().await
}

#[tokio::test]
async fn an_agreed_due_instant_holds_until_it_is_withdrawn() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let monitoring = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let agent = story.as_one("anna@operator.example", &[(Role::Agent, "acme")])?;
    register(&monitoring, post("acme", "agree", "Cannot log in")).await?;
    story.settle().await?;
    let friday = at("2026-11-20T11:00:00Z");
    let agree = |request_id: &str, until: Timestamp| AgreeDueRequest {
        request_id: request_id.to_owned(),
        ticket: "ACME-1001".to_owned(),
        metric: Metric::Resolution.into(),
        due_at: Some(timestamp(until)),
        note: "with Kari, by phone".to_owned(),
    };

    for _ in 0..2 {
        agent.sla_timer()?.agree_due(agree("a", friday)).await?;
    }
    let clock = resolution(&story, "ACME-1001").await?;
    assert_eq!(due_at(&clock), Some(friday));
    let agreed = clock.agreed.context("it is told that it was agreed upon")?;
    assert_eq!((agreed.actor_id.as_str(), agreed.note.as_str()), ("anna@operator.example", "with Kari, by phone"));
    let other = agent.sla_timer()?.agree_due(agree("a", friday + SignedDuration::from_hours(1))).await;
    assert_eq!(refusal(other)?, "IDEMPOTENCY_KEY_REUSED");

    // The target's own due instant passes, and nothing is broken.
    story.advance(SignedDuration::from_hours(26)).await?;
    assert_eq!(resolution(&story, "ACME-1001").await?.breached_at, None);

    let unknown = AgreeDueRequest { metric: Metric::Update.into(), ..agree("b", friday) };
    assert_eq!(refusal(agent.sla_timer()?.agree_due(unknown).await)?, "NO_SUCH_CLOCK");
    let past = agent.sla_timer()?.agree_due(agree("c", at("2026-11-16T08:00:00Z"))).await;
    assert_eq!(refused(past)?.code(), Code::InvalidArgument);
    let foreign = story.as_one("gustav@operator.example", &[(Role::Agent, "globex")])?;
    assert_eq!(refused(foreign.sla_timer()?.agree_due(agree("d", friday)).await)?.code(), Code::NotFound);

    let request = WithdrawDueRequest {
        request_id: "w".to_owned(),
        ticket: "ACME-1001".to_owned(),
        metric: Metric::Resolution.into(),
    };
    agent.sla_timer()?.withdraw_due(request).await?;
    let withdrawn_at = story.clock.now();
    story.advance(SignedDuration::from_mins(1)).await?;
    let clock = resolution(&story, "ACME-1001").await?;
    assert!(clock.agreed.is_none(), "it holds no longer");
    let breached_at = clock.breached_at.as_ref().and_then(from_timestamp);
    assert_eq!(breached_at, Some(withdrawn_at), "the target holds again, and more than it has gone");
    story.end().await
}

#[tokio::test]
async fn with_other_time_zone_rules_the_clocks_of_open_tickets_are_computed_anew() -> anyhow::Result<()> {
    let mut story = Story::begin().await?;
    let monitoring = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    register(&monitoring, post("acme", "rules", "Cannot log in")).await?;
    story.settle().await?;
    let timer = local::service("sla-timer").context("there is one")?;
    let running = story.desk.services.remove("sla-timer").context("it runs")?;
    anyhow::ensure!(running.stop().await, "it stops by itself");

    // As if by former rules the alarm would have been an hour later.
    let mut store = observe::superuser(&story.desk, "sla-timer").await?;
    sqlx::query("UPDATE ticket SET next_at = next_at + interval '1 hour'").execute(&mut store).await?;
    let changed = sqlx::query("UPDATE zone_rules SET version = 'former'").execute(&mut store).await?;
    assert_eq!(changed.rows_affected(), 1, "the rules were noted at the first start");
    story.desk.start_service(timer).await?;
    wait_until("the alarm is right again", PATIENCE, async || {
        let half = "SELECT count(*) FROM ticket WHERE next_at = '2026-11-16T08:30:00Z'";
        Ok(observe::number(&story.desk, "sla-timer", half).await? == 1)
    })
    .await?;
    let rules: String = sqlx::query_scalar("SELECT version FROM zone_rules").fetch_one(&mut store).await?;
    assert_ne!(rules, "former");
    store.close().await?;
    story.end().await
}
