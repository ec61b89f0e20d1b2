//! What no edit of a contract touches, and edits that fail or come together.

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::ResolutionCode;
use contracts::sla_timer::v1::{
    ApplyContractRequest, Clock, ClockState, Event, GetContractRequest, ListClocksRequest, Metric, OpenClocks,
};
use contracts::{Fact, from_timestamp};
use integration::agent::{Agent, refused};
use integration::{Answer, Story, post, register};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sqlx::{Connection, Executor};

/// The client's contract with other lengths, as JSON.
async fn shortened(story: &Story, response: &str, resolution: &str) -> anyhow::Result<String> {
    let request = GetContractRequest { client_id: "acme".to_owned(), version: 0 };
    let contract = story.admin()?.sla_timer()?.get_contract(request).await?.into_inner().contract;
    let mut terms: Value = serde_json::from_str(&contract.context("acme has a contract")?.terms_json)?;
    for target in terms["targets"].as_object_mut().context("it has targets")?.values_mut() {
        for (metric, within) in [("first_response", response), ("resolution", resolution)] {
            if let Some(target) = target.get_mut(metric) {
                target["within"] = json!(within);
            }
        }
    }
    Ok(terms.to_string())
}

async fn apply(story: &Story, name: &str, terms_json: &str, open_clocks: OpenClocks) -> anyhow::Result<Answer<u64>> {
    let request = ApplyContractRequest {
        client_id: "acme".to_owned(),
        name: name.to_owned(),
        terms_json: terms_json.to_owned(),
        open_clocks: open_clocks.into(),
    };
    let answer = story.admin()?.sla_timer()?.apply_contract(request).await;
    Ok(answer.map(|answer| answer.into_inner().contract.map_or(0, |contract| contract.version)))
}

async fn clocks(story: &Story, ticket: &str) -> anyhow::Result<Vec<Clock>> {
    let request = ListClocksRequest { ticket: ticket.to_owned() };
    Ok(story.admin()?.sla_timer()?.list_clocks(request).await?.into_inner().clocks)
}

/// Those that have ended.
async fn ended(story: &Story, ticket: &str) -> anyhow::Result<Vec<Clock>> {
    let lives = |clock: &Clock| matches!(clock.state(), ClockState::Running | ClockState::Paused);
    Ok(clocks(story, ticket).await?.into_iter().filter(|clock| !lives(clock)).collect())
}

/// How much was announced of a ticket.
async fn told_of(story: &Story, clocks: &[Clock]) -> anyhow::Result<usize> {
    let is_its =
        |event: &Event| event.clock.as_ref().is_some_and(|one| clocks.iter().any(|it| it.clock_id == one.clock_id));
    Ok(story.announced::<Event>().await?.iter().filter(|event| event.meta().is_some() && is_its(event)).count())
}

#[tokio::test]
async fn an_edit_is_kept_as_a_whole_and_touches_no_result() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let sender = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    for request_id in ["met", "late"] {
        register(&sender, post("acme", request_id, "Nothing prints")).await?;
    }
    story.settle().await?;
    story.advance(SignedDuration::from_mins(20)).await?;
    ada.answers("ACME-1001").await?;
    ada.resolve("ACME-1001", ResolutionCode::Solved, "").await?;
    story.settle().await?;
    story.advance(SignedDuration::from_mins(100)).await?;
    ada.answers("ACME-1002").await?;
    story.settle().await?;
    let (met, late) = (ended(&story, "ACME-1001").await?, ended(&story, "ACME-1002").await?);
    let states = |clocks: &[Clock]| clocks.iter().map(|clock| (clock.metric(), clock.state())).collect::<Vec<_>>();
    let (response, resolution) = (Metric::FirstResponse, Metric::Resolution);
    assert_eq!(states(&met), [(response, ClockState::Met), (resolution, ClockState::Met)]);
    assert_eq!(states(&late), [(response, ClockState::Breached)]);
    let told = (told_of(&story, &met).await?, told_of(&story, &late).await?);

    // By these terms each of them would have been broken, or broken earlier.
    let short = shortened(&story, "5m", "10m").await?;
    let shorter = shortened(&story, "1m", "2m").await?;
    for (version, terms, open_clocks) in [(2, &short, OpenClocks::FromStart), (3, &shorter, OpenClocks::FromNow)] {
        assert_eq!(apply(&story, "Edited", terms, open_clocks).await??, version);
        story.rung().await?;
        story.settle().await?;
        story.advance(SignedDuration::from_mins(5)).await?;
        assert_eq!(ended(&story, "ACME-1001").await?, met, "version {version}");
        let all = clocks(&story, "ACME-1002").await?;
        assert_eq!((all.len(), &all[..1]), (2, late.as_slice()), "version {version}");
        assert_eq!(all[1].contract_version, version, "what runs goes by the edit");
        assert!(all[1].breached_at.as_ref().and_then(from_timestamp).is_some(), "and is broken by it");
    }
    assert_eq!((told_of(&story, &met).await?, told_of(&story, &late).await?), told, "nothing was said of the results");

    // Whose open tickets cannot be told is not edited.
    let mut store = story.store("sla-timer").await?;
    store
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
             CREATE TRIGGER refuse BEFORE UPDATE ON ticket FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await?;
    refused(apply(&story, "Edited", &short, OpenClocks::FromNow).await?)?;
    store.execute("DROP TRIGGER refuse ON ticket").await?;
    let versions: i64 = sqlx::query_scalar("SELECT max(version) FROM contract_version").fetch_one(&mut store).await?;
    assert_eq!(versions, 3, "it is kept with what follows from it, or not at all");
    store.close().await?;

    // Of edits that come together each gets its number.
    let names: Vec<String> = (0..8).map(|number| format!("Together {number}")).collect();
    let together = names.iter().map(|name| apply(&story, name, &short, OpenClocks::NewOnly));
    let mut given = Vec::new();
    for answer in futures::future::try_join_all(together).await? {
        given.push(answer?);
    }
    given.sort_unstable();
    assert_eq!(given, (4..12).collect::<Vec<u64>>());
    story.end().await
}
