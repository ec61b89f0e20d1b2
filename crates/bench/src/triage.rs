//! `skranke bench triage`: how many commands a second, and how soon lists are there with a multitude of tickets.

mod agents;
mod lists;
mod told;

use std::collections::BTreeMap;

use anyhow::Context;
use contracts::triage::v1::triage_service_client::TriageServiceClient;
use local::SERVICES;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

use crate::cpu::CpuMs;
use crate::ground::Ground;
use crate::latency::Latency;
use crate::load::closed_loop;
use crate::outcome::{Check, Outcome};
use crate::raw::{self, Raw};
use crate::store::{self, count, tickets};
use crate::{Common, Errands, Progress, post};
use agents::Agent;
use lists::View;

/// Services that only follow what triage tells; the second measurement is without them.
const FOLLOWERS: [&str; 3] = ["sla-timer", "knowledge-base", "reporting"];

/// How `skranke bench triage` is run.
#[derive(Debug, Clone)]
pub struct TriageOptions {
    /// Tickets that are listed.
    pub tickets: u64,
    /// Agents who work at once, each waiting for its answer before the next command.
    pub agents: u64,
    /// Tickets that they work on.
    pub worked_on: u64,
}

/// Commands in one window.
struct Commanded {
    per_second: f64,
    latency: Latency,
    cpu: CpuMs,
    commands: u64,
    raw: Raw,
}

#[derive(Default)]
struct Rounds {
    bytes: tickets::Bytes,
    load_seconds: f64,
    /// With all services, then without the followers.
    everybody: Vec<Commanded>,
    alone: Vec<Commanded>,
    views: Vec<(View, Latency)>,
    /// Commands that changed something, and those that were not answered.
    done: u64,
    failures: BTreeMap<String, u64>,
}

/// Measures triage.
///
/// # Errors
/// If something does not start, or the raw limit fails.
pub async fn triage(
    common: &Common,
    options: &TriageOptions,
    errands: &dyn Errands,
    progress: &Progress,
) -> anyhow::Result<Outcome> {
    let begun_at = chassis::Clock::System.now();
    let mut ground = Ground::lay(common, &SERVICES, progress).await?;
    let doors = ground.doors()?;
    for number in 0..post::CLIENTS {
        progress.say(&format!("setting up {}", post::client_id(number)));
        errands.set_up(&doors, &post::client_id(number), &post::client_file(number)).await?;
    }
    store::prepare_raw(&ground.desk.postgres).await?;
    let mut rounds = Rounds::default();
    let (begun, total) = (std::time::Instant::now(), options.tickets);
    let told = |what: &str, done: u64| progress.say(&format!("{done} of {total} {what}"));
    rounds.bytes = tickets::fill(&ground.desk.postgres, options.tickets, told).await?;
    rounds.load_seconds = begun.elapsed().as_secs_f64();
    progress.step();
    progress.say(&format!("registering {} tickets to work on", options.worked_on));
    let worked_on = agents::register(&ground, options.worked_on).await?;
    ground.settle().await?;
    ground.until("clients are not caught up with", || tickets::behind(&ground.desk.postgres)).await?;
    progress.say("spreading them over all steps of the work");
    let mut agents = agents::spread(agents::hired(&ground, options.agents, &worked_on).await?).await?;
    ground.settle().await?;
    let before = tickets::facts(&ground.desk.postgres).await?;
    for round in 1..=common.rounds {
        progress.say(&format!("round {round}: commands, all services"));
        let commanded = commands(&ground, common, &mut agents, &mut rounds).await?;
        progress.note(&told::commanded("all services", &commanded));
        rounds.everybody.push(commanded);
        progress.step();
    }
    for follower in FOLLOWERS {
        ground.end(follower).await?;
    }
    for round in 1..=common.rounds {
        progress.say(&format!("round {round}: commands, without those that follow"));
        let commanded = commands(&ground, common, &mut agents, &mut rounds).await?;
        progress.note(&told::commanded("triage with its bus", &commanded));
        rounds.alone.push(commanded);
        progress.step();
    }
    drop(agents);
    let mut client = Desk::connect(&ground).await?;
    for view in lists::VIEWS {
        progress.say(&format!("list: {}", view.name));
        let latency = lists::measure(&mut client, view, common.window, options.tickets).await?;
        progress.note(&format!(
            "{}: p50 {:.1} p99 {:.1} longest {:.1} ms",
            view.name, latency.p50_ms, latency.p99_ms, latency.max_ms
        ));
        rounds.views.push((view, latency));
    }
    progress.step();
    let checks = check(&ground, options, &rounds, before, &worked_on).await?;
    let machine = ground.clear().await?;
    progress.finish();
    Ok(told::outcome(common, options, begun_at, machine, &rounds, checks))
}

/// Lets the agents work for a window, and waits until everybody has followed; then the raw limit.
async fn commands(
    ground: &Ground,
    common: &Common,
    agents: &mut Vec<Agent>,
    rounds: &mut Rounds,
) -> anyhow::Result<Commanded> {
    store::freshen(&ground.desk.postgres).await?;
    let before = ground.cpu()?;
    let loaded = closed_loop(std::mem::take(agents), common.warm_up(), common.window).await?;
    ground.settle().await?;
    let cpu = ground.cpu()?.since(&before);
    rounds.done += loaded.tickets;
    for (why, count) in loaded.failures {
        *rounds.failures.entry(why).or_default() += count;
    }
    *agents = loaded.callers;
    let sizes = count::sizes(&ground.desk.postgres).await?;
    let raw = raw::single(ground, sizes, agents.len() as u64, common.warm_up(), common.window).await?;
    Ok(Commanded { per_second: loaded.per_second, latency: loaded.latency, cpu, commands: loaded.tickets, raw })
}

async fn check(
    ground: &Ground,
    options: &TriageOptions,
    rounds: &Rounds,
    before: (u64, u64),
    worked_on: &[String],
) -> anyhow::Result<Vec<Check>> {
    let (history, outbox) = tickets::facts(&ground.desk.postgres).await?;
    let in_doubt: u64 = rounds.failures.values().sum();
    let service = local::service("triage").context("there is no triage")?;
    let (_, known) = count::rows(&ground.desk.postgres, service, count::Rows::Tickets).await?;
    let (letters, _) = count::rows(&ground.desk.postgres, service, count::Rows::DeadLetters).await?;
    let (with_words, as_made) = tickets::with_words(&ground.desk.postgres, worked_on).await?;
    let done = |what: &str, found: u64| Check {
        what: what.to_owned(),
        found,
        at_least: rounds.done,
        at_most: rounds.done + in_doubt,
    };
    Ok(vec![
        Check::exactly("tickets of triage", known, options.tickets + options.worked_on),
        Check::exactly("tickets with their words", with_words, known),
        Check::exactly("tickets whose words are those that the loader makes", as_made, options.worked_on),
        done("entries in histories, of commands answered", history - before.0),
        done("announcements, of commands answered", outbox - before.1),
        Check::exactly("dead letters of triage", letters, 0),
    ])
}

/// Triage as a lead of all clients calls it.
struct Desk {
    client: TriageServiceClient<Channel>,
    bearer: MetadataValue<Ascii>,
}

impl Desk {
    async fn connect(ground: &Ground) -> anyhow::Result<Self> {
        let doors = ground.doors()?;
        let endpoint = doors.endpoints.get("triage").context("triage does not run")?.clone();
        let channel = Endpoint::from_shared(endpoint)?.tcp_nodelay(true).connect().await?;
        Ok(Self { client: TriageServiceClient::new(channel), bearer: format!("Bearer {}", doors.token).parse()? })
    }
}
