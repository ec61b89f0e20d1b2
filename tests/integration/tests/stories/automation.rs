//! Rules act by themselves: on what happens, when a stay lasts, at a time of day; once, never on what they did, and a dry
//! run says what they do.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::{Channel, Priority, TicketState, Visibility, WaitingReason};
use contracts::intake::v1::AddMessageRequest;
use contracts::timestamp;
use contracts::triage::v1 as proto;
use contracts::triage::v1::dry_run_response::Step;
use contracts::triage::v1::{Effect, EffectOutcome, GetSupportModelRequest, HistoryEntry, ListHistoryRequest};
use integration::agent::Agent;
use integration::processes::{free_address, wait_for_status, wait_until};
use integration::{ServiceProcess, Story, client_file, observe, post, register};
use jiff::SignedDuration;
use local::service;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tonic::Code;

const PATIENCE: Duration = Duration::from_secs(60);
const KARI: &str = "kari@acme.example";
const RULES: &str = r#"automation:
  - rule: vip-first
    what_for: Important people are looked after at once
    on: [ticket_triaged]
    when:
      all:
        - { field: requester_vip, op: is, value: true }
        - { field: owned, op: is, value: false }
    do:
      - set: { priority: P1, reason: important people first }
      - note: look at this first
      - close: true
  - rule: there
    on: [ticket_handed_over]
    when: { field: queue, op: is, value: network }
    do: [{ hand_over: { queue: service-desk, reason: not ours } }]
  - rule: back
    on: [ticket_handed_over]
    when: { field: queue, op: is, value: service-desk }
    do: [{ hand_over: { queue: network, reason: not ours either } }]
  - rule: chase
    after: { stay: waiting, reason: vendor, for: 4h }
    do: [{ note: ask the vendor again }]
  - rule: morning
    daily: { at: "07:30" }
    when: { field: state, op: is, value: waiting }
    do: [{ note: it still waits }, { tag: { add: [still-waiting] } }, { watch: lead@operator.example }]
  - rule: would-resolve
    mode: shadow
    on: [ticket_claimed]
    do: [{ resolve: { as: solved, no_article_reason: a rule } }]
  - rule: not-looked-at
    mode: "off"
    on: [ticket_triaged, ticket_claimed]
    do: [{ note: never }]
  - rule: hears
    on: [requester_wrote]
    do: [{ note: the requester wrote }]
"#;

async fn by(story: &Story, name: &str, requester: &str, client: &str) -> anyhow::Result<String> {
    let mut request = post(client, name, "Cannot print");
    if let Some(matter) = &mut request.matter {
        requester.clone_into(&mut matter.requester_email);
    }
    let reference = register(&story.admin()?, request).await?.reference;
    story.settle().await?;
    Ok(reference)
}

async fn history(story: &Story, ticket: &str) -> anyhow::Result<Vec<HistoryEntry>> {
    let request = ListHistoryRequest { ticket: ticket.to_owned(), page_size: 1_000, page_token: String::new() };
    Ok(story.admin()?.triage()?.list_history(request).await?.into_inner().entries)
}

/// What became of it, the oldest first: rule, action, outcome, reason.
type Told = Vec<(String, i32, EffectOutcome, String)>;

async fn effects(story: &Story, ticket: &str) -> anyhow::Result<Vec<Effect>> {
    let request = proto::ListEffectsRequest { ticket: ticket.to_owned(), page_size: 1_000, ..Default::default() };
    let mut effects = story.admin()?.automation()?.list_effects(request).await?.into_inner().effects;
    effects.reverse();
    Ok(effects)
}

fn told(effects: &[Effect]) -> Told {
    let mut told: Told =
        effects.iter().map(|one| (one.rule.clone(), one.action, one.outcome(), one.reason.clone())).collect();
    told.sort();
    told
}

/// Waits until so many entries of a rule are there.
async fn until(story: &Story, ticket: &str, rule: &str, count: usize) -> anyhow::Result<Vec<Effect>> {
    let mut found = Vec::new();
    let ended = wait_until("the rule acts", PATIENCE, async || {
        found = effects(story, ticket).await?;
        Ok(found.iter().filter(|one| one.rule == rule).count() >= count)
    });
    ended.await.with_context(|| format!("{rule} has no {count} entries on {ticket}"))?;
    Ok(found)
}

async fn minutes(story: &Story, minutes: i64) -> anyhow::Result<()> {
    story.advance(SignedDuration::from_mins(minutes)).await
}

/// Nothing is left to look at now.
async fn quiet(story: &Story) -> anyhow::Result<()> {
    const DUE: &str = "SELECT count(*) FROM rule_due WHERE due_at = 'epoch'";
    const CLIENTS: &str = "SELECT count(*) FROM rule_client WHERE planned_after IS NOT NULL";
    wait_until("everything was looked at", PATIENCE, async || {
        let left = observe::number(&story.desk, "triage", DUE).await?;
        Ok(left + observe::number(&story.desk, "triage", CLIENTS).await? == 0)
    })
    .await
}

async fn told_by_dry_run(story: &Story, client: &str) -> anyhow::Result<(Vec<Effect>, proto::DryRunSummary)> {
    let request = GetSupportModelRequest { client_id: client.to_owned(), version: 0 };
    let model = story.admin()?.triage()?.get_support_model(request).await?.into_inner().model.context("a model")?;
    let now = story.clock.now();
    let request = proto::DryRunRequest {
        client_id: client.to_owned(),
        rules: model.automation,
        from: Some(timestamp(now - SignedDuration::from_hours(72))),
        until: Some(timestamp(now + SignedDuration::from_secs(1))),
    };
    let mut steps = story.admin()?.automation()?.dry_run(request).await?.into_inner();
    let (mut effects, mut summary, mut progress) = (Vec::new(), None, 0);
    while let Some(step) = steps.message().await? {
        match step.step {
            Some(Step::Effect(effect)) => effects.push(effect),
            Some(Step::Summary(last)) => summary = Some(last),
            Some(Step::Progress(_)) => progress += 1,
            None => {}
        }
    }
    assert!(progress > 1, "it tells how far it is");
    Ok((effects, summary.context("a summary")?))
}

/// What entries tell, whoever tells it.
fn content(effects: &[Effect]) -> BTreeSet<(String, String, String, String, i32, i32)> {
    let content = effects.iter().map(|one| {
        let (id, on, rule) = (one.effect_id.clone(), one.trigger.clone(), one.rule.clone());
        (rule, one.reference.clone(), on, id, one.action, one.outcome)
    });
    content.collect()
}

#[tokio::test]
async fn rules_act_once_on_what_happens_and_a_dry_run_says_the_same() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&format!("{}{RULES}", client_file("acme", "ACME"))).await?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let important = by(&story, "a-1", KARI, "acme").await?;
    let usual = by(&story, "a-2", "ola@acme.example", "acme").await?;
    let foreign = by(&story, "g-1", "kari@globex.example", "globex").await?;

    // On what happens: each action for itself, the refused one with its reason; what it did itself stops it.
    let found = told(&until(&story, &important, "vip-first", 4).await?);
    let entry = |action, outcome, reason: &str| ("vip-first".to_owned(), action, outcome, reason.to_owned());
    let expected = vec![
        entry(0, EffectOutcome::LoopStopped, "LOOP"),
        entry(1, EffectOutcome::Done, ""),
        entry(2, EffectOutcome::Done, ""),
        entry(3, EffectOutcome::Refused, "NOT_RESOLVED"),
    ];
    assert_eq!(found, expected);
    let entries = history(&story, &important).await?;
    let (first, anew) = (&entries[0], &entries[1]);
    assert_eq!((anew.fact.as_str(), &anew.cause_id), ("ticket_triaged", &first.event_id), "the cause is the fact");
    assert_eq!(anew.actor.clone().unwrap_or_default().actor_id, "automation:vip-first");
    assert_eq!(story.ticket(&important).await?.classification.unwrap_or_default().priority(), Priority::P1);
    assert_eq!(entries[2].summary, "note: look at this first");

    // In shadow mode nothing happens, and it is told what would have.
    ada.claim(&important).await?;
    let shadow = until(&story, &important, "would-resolve", 1).await?;
    let shadow = shadow.iter().find(|one| one.rule == "would-resolve").context("it is there")?;
    assert_eq!((shadow.outcome(), shadow.what.as_str()), (EffectOutcome::Shadow, "resolve as solved"));
    assert_eq!(story.ticket(&important).await?.state(), TicketState::InProgress);

    // Two rules that feed each other stop.
    ada.hand_over(&usual, "network").await?;
    let fed = told(&until(&story, &usual, "there", 2).await?);
    let hands = |rule: &str, action, outcome, reason: &str| (rule.to_owned(), action, outcome, reason.to_owned());
    let expected = vec![
        hands("back", 1, EffectOutcome::Done, ""),
        hands("there", 0, EffectOutcome::LoopStopped, "LOOP"),
        hands("there", 1, EffectOutcome::Done, ""),
    ];
    assert_eq!(fed, expected);
    assert_eq!(story.ticket(&usual).await?.queue, "network");

    stays_and_days(&story, &mut ada, &important).await?;
    write(&story, &important).await?;
    until(&story, &important, "hears", 1).await?;
    quiet(&story).await?;

    // What is another client's is never seen.
    assert_eq!(history(&story, &foreign).await?.len(), 1);
    assert!(effects(&story, &foreign).await?.is_empty());
    strangers(&story, &important).await?;

    let live = [effects(&story, &important).await?, effects(&story, &usual).await?].concat();
    let facts = history(&story, &important).await?.len();
    let (dry, summary) = told_by_dry_run(&story, "acme").await?;
    assert_eq!(content(&dry), content(&live), "the dry run says what was done");
    assert_eq!((summary.tickets, summary.tickets_touched, summary.effects), (2, 2, u64::try_from(live.len())?));
    assert_eq!(history(&story, &important).await?.len(), facts, "it stores nothing");
    story.end().await
}

/// Once per stay, anew with each; at half past seven for what waits.
async fn stays_and_days(story: &Story, ada: &mut Agent, ticket: &str) -> anyhow::Result<()> {
    let chased = async || {
        quiet(story).await?;
        anyhow::Ok(effects(story, ticket).await?.iter().filter(|one| one.rule == "chase").count())
    };
    ada.wait(ticket, WaitingReason::Vendor).await?;
    minutes(story, 239).await?;
    assert_eq!(chased().await?, 0, "a minute is left");
    minutes(story, 2).await?;
    until(story, ticket, "chase", 1).await?;
    // A restart forgets nothing and repeats nothing.
    minutes(story, 300).await?;
    assert_eq!(chased().await?, 1, "once per stay");
    ada.resume(ticket).await?;
    ada.wait(ticket, WaitingReason::Vendor).await?;
    minutes(story, 241).await?;
    until(story, ticket, "chase", 2).await?;
    // It is two minutes past ten in the evening in Oslo.
    minutes(story, 9 * 60 + 27).await?;
    quiet(story).await?;
    let mornings = async || {
        let found = effects(story, ticket).await?;
        anyhow::Ok(found.iter().filter(|one| one.rule == "morning").count())
    };
    assert_eq!(mornings().await?, 0, "it is 07:29");
    minutes(story, 2).await?;
    until(story, ticket, "morning", 3).await?;
    quiet(story).await?;
    assert_eq!(mornings().await?, 3, "once a day, three actions");
    let ticket = story.ticket(ticket).await?;
    assert_eq!(
        (ticket.tags, ticket.watchers),
        (vec!["still-waiting".to_owned()], vec!["lead@operator.example".to_owned()])
    );
    Ok(())
}

async fn write(story: &Story, ticket: &str) -> anyhow::Result<()> {
    let request = AddMessageRequest {
        request_id: "m-1".to_owned(),
        ticket: ticket.to_owned(),
        visibility: Visibility::Public.into(),
        channel: Channel::Email.into(),
        body: "How far is it?".to_owned(),
        requester_email: KARI.to_owned(),
    };
    story.as_one("mail", &[(Role::Service, "acme")])?.intake()?.add_message(request).await?;
    story.settle().await
}

async fn strangers(story: &Story, ticket: &str) -> anyhow::Result<()> {
    let mut stranger = story.as_one("eve", &[(Role::Admin, "globex")])?.automation()?;
    let request = proto::ListRulesRequest { client_id: "acme".to_owned() };
    let refused = stranger.list_rules(request).await.err().context("it was answered")?;
    assert_eq!(refused.code(), Code::NotFound);
    let request = proto::ListEffectsRequest { ticket: ticket.to_owned(), ..Default::default() };
    let refused = stranger.list_effects(request).await.err().context("it was answered")?;
    assert_eq!(refused.code(), Code::NotFound);
    assert!(stranger.list_effects(proto::ListEffectsRequest::default()).await?.into_inner().effects.is_empty());
    let rule = proto::AutomationRule { rule: "r".to_owned(), ..Default::default() };
    let now = story.clock.now();
    let request = proto::DryRunRequest {
        client_id: "acme".to_owned(),
        rules: vec![rule],
        from: Some(timestamp(now - SignedDuration::from_hours(1))),
        until: Some(timestamp(now)),
    };
    let refused = stranger.dry_run(request).await.err().context("it was answered")?;
    assert_eq!(refused.code(), Code::NotFound);
    Ok(())
}

#[tokio::test]
async fn each_effect_comes_once_whoever_is_killed() -> anyhow::Result<()> {
    const TICKETS: i64 = 120;
    const NOTES: &str = "SELECT count(*) FROM history WHERE fact = 'ticket_noted'";
    const TWICE: &str = "SELECT count(*) FROM (SELECT ticket_id FROM history
         WHERE fact IN ('ticket_noted', 'ticket_handed_over') GROUP BY ticket_id, fact HAVING count(*) > 1) AS twice";
    const MOVED: &str = "SELECT count(*) FROM history WHERE fact = 'ticket_handed_over'";
    const DONE: &str = "SELECT count(*) FROM rule_effect WHERE outcome = 'done'";
    const HOLDERS: &str = "SELECT count(DISTINCT holder) FROM lease
                           WHERE purpose = 'watch' AND expires_at > clock_timestamp() AND holder IS NOT NULL";
    let story = Story::begin_now().await?;
    let rules = "automation:\n  - rule: on\n    on: [ticket_triaged]\n    do: [{ note: seen }, { hand_over: { queue: \
                 network, reason: r } }]\n";
    story.apply(&format!("{}{rules}", client_file("acme", "ACME"))).await?;
    let triage = service("triage").context("there is no triage")?;
    let rng = &mut StdRng::seed_from_u64(17);
    let mut second = ServiceProcess::start(&story.desk, triage, free_address(rng)?, free_address(rng)?)?;
    wait_for_status(second.http_address(), "/readyz", 200, PATIENCE).await?;
    wait_until("two replicas share the work", PATIENCE, async || {
        Ok(observe::number(&story.desk, "triage", HOLDERS).await? == 2)
    })
    .await?;
    let admin = story.admin()?;
    for n in 1..=TICKETS {
        register(&admin, post("acme", &format!("a-{n}"), "No sound")).await?;
        if n % 40 == 0 {
            second.kill_and_restart().await?;
        }
    }
    wait_until("every ticket was looked at", PATIENCE, async || {
        Ok(observe::number(&story.desk, "triage", DONE).await? >= 2 * TICKETS)
    })
    .await?;
    story.settle().await?;
    quiet(&story).await?;
    assert_eq!(observe::number(&story.desk, "triage", NOTES).await?, TICKETS);
    assert_eq!(observe::number(&story.desk, "triage", MOVED).await?, TICKETS);
    assert_eq!(observe::number(&story.desk, "triage", TWICE).await?, 0, "nothing was done twice");
    assert_eq!(observe::number(&story.desk, "triage", DONE).await?, 2 * TICKETS);
    assert!(second.stop().await?, "the second replica stopped by itself");
    story.end().await
}

#[tokio::test]
async fn shadow_rules_of_routing_and_classification_decide_nothing_and_are_compared() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let printers = "routing:\n  - rule: printers go to the network team\n    mode: shadow\n    when: { field: subject, \
                    op: contains, value: print }\n    queue: network\n";
    let kinds = "classification:\n  - rule: printers are hardware\n    mode: shadow\n    when: { field: subject, op: \
                 contains, value: print }\n    set: { category: hardware }\n";
    let file = client_file("acme", "ACME").replace("routing:\n", printers);
    story.apply(&format!("{file}{kinds}")).await?;
    let first = by(&story, "a-1", KARI, "acme").await?;
    by(&story, "a-2", "ola@acme.example", "acme").await?;
    register(&story.admin()?, post("acme", "a-3", "No sound")).await?;
    story.settle().await?;
    let ticket = story.ticket(&first).await?;
    assert_eq!(ticket.queue, "service-desk", "it decides nothing");
    assert_eq!(ticket.classification.unwrap_or_default().category, "service");
    let effects = effects(&story, &first).await?;
    let mut compared: Vec<(&str, &str, bool)> =
        effects.iter().map(|one| (one.what.as_str(), one.decided.as_str(), one.agreed)).collect();
    compared.sort_unstable();
    let expected = [("category hardware", "category service", false), ("queue network", "queue service-desk", false)];
    assert_eq!(compared, expected);

    // An agent hands one of the two over to where the rule would have sent it.
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    ada.hand_over(&first, "network").await?;
    let request = proto::ListRulesRequest { client_id: "acme".to_owned() };
    let rules = story.admin()?.automation()?.list_rules(request).await?.into_inner().rules;
    let standing = |rule: &str| {
        let one = rules.iter().find(|one| one.rule == rule)?;
        Some((one.held, one.agreed, one.agrees_by_now))
    };
    assert_eq!(standing("printers go to the network team"), Some((2, 0, 1)));
    assert_eq!(standing("printers are hardware"), Some((2, 0, 0)));
    story.end().await
}
