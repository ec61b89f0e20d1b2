//! Recorded history against a drafted contract: the same figures as whoever computes each ticket on its own.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::ResolutionCode;
use contracts::intake::v1::historic_fact::{Fact as History, PublicAnswer, Resolved};
use contracts::intake::v1::{HistoricFact, ImportTicketsRequest, Matter};
use contracts::sla_timer::v1::what_if_response::Step;
use contracts::sla_timer::v1::{
    GetContractRequest, PreviewClocksRequest, WhatIfRequest, WhatIfResult, WhatIfStandings,
};
use contracts::{from_timestamp, timestamp};
use integration::{Story, at, client_file, post};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use skranke::clients::Clients;
use tonic::{Code, Status};

/// More than fit into two pages.
const TICKETS: i64 = 1_020;
/// The first is registered then, on a Monday at eight in Oslo, the others each some minutes later.
const FIRST: &str = "2026-10-05T06:00:00Z";

fn registered_at(number: i64) -> Timestamp {
    at(FIRST) + SignedDuration::from_mins(17 * number)
}

/// Answered within two hours or not at all, resolved within two days or not at all.
fn happened(number: i64) -> Vec<(&'static str, Timestamp, History)> {
    let after = |minutes: i64| registered_at(number) + SignedDuration::from_mins(minutes);
    let mut facts = Vec::new();
    if number % 7 != 0 {
        facts.push(("answered", after(number * 13 % 120), History::PublicAnswer(PublicAnswer {})));
    }
    if number % 5 != 0 {
        let code = ResolutionCode::Solved.into();
        facts.push(("resolved", after(120 + number * 31 % 2_880), History::Resolved(Resolved { code })));
    }
    facts
}

/// Imports them all; a second time only some of them, with all that happened.
async fn import(story: &Story) -> anyhow::Result<()> {
    let request = |number: i64, facts: usize| ImportTicketsRequest {
        client_id: "acme".to_owned(),
        registered_at: Some(timestamp(registered_at(number))),
        facts: happened(number)
            .into_iter()
            .take(facts)
            .map(|(fact_key, occurred_at, fact)| HistoricFact {
                fact_key: fact_key.to_owned(),
                occurred_at: Some(timestamp(occurred_at)),
                fact: Some(fact),
                ..Default::default()
            })
            .collect(),
        matter: Some(Matter {
            source: "other-desk".to_owned(),
            external_ref: number.to_string(),
            ..post("acme", "", "Cannot log in").matter.unwrap_or_default()
        }),
    };
    let is_late = |number: &i64| *number % 50 == 3;
    let first = (0..TICKETS).map(|number| request(number, if is_late(&number) { 0 } else { usize::MAX }));
    let second = (0..TICKETS).filter(is_late).map(|number| request(number, usize::MAX));
    for requests in [first.collect::<Vec<_>>(), second.collect()] {
        let sent = requests.len();
        let answers = story.admin()?.intake()?.import_tickets(futures::stream::iter(requests)).await?.into_inner();
        let answers: Vec<_> = futures::TryStreamExt::try_collect(answers).await?;
        anyhow::ensure!(answers.iter().filter(|one| one.refused.is_none()).count() == sent, "{answers:?}");
        story.settle().await?;
    }
    Ok(())
}

/// Runs to the end; returns the result and what was told on the way.
async fn what_if(clients: &Clients, request: WhatIfRequest) -> anyhow::Result<(WhatIfResult, Vec<(u64, u64)>)> {
    let mut steps = clients.sla_timer()?.what_if(request).await?.into_inner();
    let (mut told, mut result) = (Vec::new(), None);
    while let Some(step) = steps.message().await? {
        anyhow::ensure!(result.is_none(), "the result comes last");
        match step.step.context("a step says something")? {
            Step::Progress(progress) => told.push((progress.tickets_done, progress.tickets_total)),
            Step::Result(last) => result = Some(last),
        }
    }
    Ok((result.context("there is a result")?, told))
}

/// The clocks of these tickets as `PreviewClocks` tells them: per ticket, metric → clock.
async fn previewed(
    story: &Story,
    terms: &Value,
    numbers: &[i64],
    as_of: Timestamp,
) -> anyhow::Result<Vec<BTreeMap<String, Value>>> {
    let case = |number: &i64| {
        let mut facts = vec![json!({
            "revision": 1, "at": registered_at(*number).to_string(), "type": "registered", "priority": "P2"
        })];
        for (revision, (key, occurred_at, _)) in happened(*number).iter().enumerate() {
            let kind = if *key == "answered" { "public_answer" } else { "resolved" };
            facts.push(json!({ "revision": revision + 2, "at": occurred_at.to_string(), "type": kind }));
        }
        json!({ "contract": terms, "facts": facts, "until": as_of.to_string() })
    };
    let mut all = Vec::new();
    for numbers in numbers.chunks(500) {
        let cases: Vec<Value> = numbers.iter().map(case).collect();
        let request = PreviewClocksRequest { cases_json: json!(cases).to_string() };
        let answer = story.admin()?.sla_timer()?.preview_clocks(request).await?.into_inner();
        let clocks: Vec<Vec<Value>> = serde_json::from_str(&answer.clocks_json)?;
        let by_metric = |one: Value| (one["metric"].as_str().unwrap_or_default().to_owned(), one);
        all.extend(clocks.into_iter().map(|clocks| clocks.into_iter().map(by_metric).collect()));
    }
    Ok(all)
}

fn count(clocks: &[BTreeMap<String, Value>], metric: &str) -> WhatIfStandings {
    let of = |state: &str| {
        clocks.iter().filter_map(|one| one.get(metric)).filter(|clock| clock["state"] == state).count() as u64
    };
    let open_breached = clocks
        .iter()
        .filter_map(|one| one.get(metric))
        .filter(|clock| clock["state"] == "running" && !clock["breached_at"].is_null())
        .count() as u64;
    let (met, breached) = (of("met"), of("breached"));
    WhatIfStandings { ended: met + breached, met, breached, open: of("running"), open_breached, cancelled: 0 }
}

/// What the two sides come to, ticket by ticket, and that the result says the same.
async fn is_recounted(
    story: &Story,
    (recorded, draft): (&Value, &Value),
    numbers: &[i64],
    result: &WhatIfResult,
) -> anyhow::Result<()> {
    let as_of = result.as_of.as_ref().and_then(from_timestamp).context("as of when")?;
    let recorded = previewed(story, recorded, numbers, as_of).await?;
    let drafted = previewed(story, draft, numbers, as_of).await?;
    anyhow::ensure!(result.tickets == numbers.len() as u64, "{} tickets", result.tickets);
    anyhow::ensure!(result.figures.len() == 2, "{:?}", result.figures);
    let mut changed = BTreeSet::new();
    for figures in &result.figures {
        let metric = figures.metric().as_str_name().trim_start_matches("METRIC_").to_ascii_lowercase();
        anyhow::ensure!(figures.recorded == Some(count(&recorded, &metric)), "{metric} recorded: {figures:?}");
        anyhow::ensure!(figures.drafted == Some(count(&drafted, &metric)), "{metric} drafted: {figures:?}");
        let mut gained = 0;
        for ((before, after), number) in recorded.iter().zip(&drafted).zip(numbers) {
            if before[&metric]["breached_at"].is_null() && !after[&metric]["breached_at"].is_null() {
                gained += 1;
                let due_at: Timestamp = after[&metric]["due_at"].as_str().context("due")?.parse()?;
                changed.insert((registered_at(*number), figures.metric, due_at));
            }
        }
        anyhow::ensure!(gained > 0 && (figures.breaches_gained, figures.breaches_lost) == (gained, 0), "{figures:?}");
    }
    let mut told = BTreeSet::new();
    for change in &result.changes {
        let due_at = change.would_be_due_at.as_ref().and_then(from_timestamp).context("due")?;
        let ticket = story.ticket(&change.reference).await?;
        anyhow::ensure!(change.gained && ticket.ticket_id == change.ticket_id, "{change:?}");
        let registered_at = ticket.registered_at.as_ref().and_then(from_timestamp).context("registered")?;
        told.insert((registered_at, change.metric, due_at));
    }
    anyhow::ensure!(told == changed && result.changes_left_out == 0, "{} of {} changes", told.len(), changed.len());
    Ok(())
}

#[tokio::test]
async fn a_drafted_contract_is_held_against_what_was() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    import(&story).await?;
    let contract = GetContractRequest { client_id: "acme".to_owned(), version: 0 };
    let contract = story.admin()?.sla_timer()?.get_contract(contract).await?.into_inner().contract.context("one")?;
    let recorded: Value = serde_json::from_str(&contract.terms_json)?;
    let mut draft = recorded.clone();
    draft["targets"]["P2"]["first_response"]["within"] = json!("30m");
    draft["targets"]["P2"]["resolution"]["within"] = json!("4h");
    let before = story.announcements().await?;

    let lead = story.as_one("lead@acme.example", &[(Role::Lead, "acme")])?;
    let request = WhatIfRequest { terms_json: draft.to_string(), ..WhatIfRequest::default() };
    let (result, told) = what_if(&lead, request.clone()).await?;
    let all: Vec<i64> = (0..TICKETS).collect();
    is_recounted(&story, (&recorded, &draft), &all, &result).await?;
    assert!(told.len() >= 3 && told.is_sorted(), "each page is told: {told:?}");
    assert_eq!(told.last(), Some(&(TICKETS as u64, TICKETS as u64)));

    // A part of it: from a registration on, until another.
    let part = WhatIfRequest {
        client_ids: vec!["acme".to_owned()],
        from: Some(timestamp(registered_at(100))),
        until: Some(timestamp(registered_at(700))),
        ..request.clone()
    };
    let (result, _) = what_if(&lead, part.clone()).await?;
    is_recounted(&story, (&recorded, &draft), &(100..700).collect::<Vec<_>>(), &result).await?;

    // The contract as it is changes nothing, and nothing was kept.
    let same = WhatIfRequest { terms_json: contract.terms_json, ..request.clone() };
    let (result, _) = what_if(&story.admin()?, same).await?;
    assert_eq!(result.tickets, TICKETS as u64);
    assert!(result.changes.is_empty() && result.figures.iter().all(|one| one.recorded == one.drafted));
    assert_eq!(story.announcements().await?, before);
    nobody_else_sees_it(&story, &request).await?;
    story.end().await
}

/// Another client's lead has no figures, and may not ask for acme's; an agent may not ask at all.
async fn nobody_else_sees_it(story: &Story, request: &WhatIfRequest) -> anyhow::Result<()> {
    story.apply(&client_file("initech", "INITECH")).await?;
    let stranger = story.as_one("lead@initech.example", &[(Role::Lead, "initech")])?;
    let (nothing, _) = what_if(&stranger, request.clone()).await?;
    assert_eq!((nothing.tickets, nothing.figures.len(), nothing.changes.len()), (0, 0, 0));
    let of_acme = WhatIfRequest { client_ids: vec!["initech".to_owned(), "acme".to_owned()], ..request.clone() };
    let agent = story.as_one("agent@acme.example", &[(Role::Agent, "acme")])?;
    for (asks, code) in [(&stranger, Code::NotFound), (&agent, Code::PermissionDenied)] {
        let refused = what_if(asks, of_acme.clone()).await.err().context("it is refused")?;
        let status = refused.downcast_ref::<Status>().context("with a status")?;
        assert_eq!(status.code(), code, "{status:?}");
    }
    Ok(())
}
