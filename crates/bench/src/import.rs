//! `skranke bench import`: a real log with its histories, through the services, until the report has everything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Context;
use jiff::Timestamp;
use local::SERVICES;
use serde_json::json;

use crate::cpu::{self, CpuMs};
use crate::ground::Ground;
use crate::machine::Machine;
use crate::outcome::{Chart, Check, Figure, Outcome, Series, Target};
use crate::store::{
    self,
    count::{self, Rows},
};
use crate::{Common, Errands, Imported, Progress, median};

/// Facts per second that an import should reach.
const FACTS_PER_SECOND: f64 = 5_000.0;

/// How `skranke bench import` is run.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The log.
    pub file: PathBuf,
}

/// One import, for a client of its own.
struct Round {
    imported: Imported,
    acknowledged_s: f64,
    reported_s: f64,
    cpu: CpuMs,
}

/// Imports a log once per round.
///
/// # Errors
/// If something does not start, or the log cannot be imported.
pub async fn import(
    common: &Common,
    options: &ImportOptions,
    errands: &dyn Errands,
    progress: &Progress,
) -> anyhow::Result<Outcome> {
    let begun_at = chassis::Clock::System.now();
    let ground = Ground::lay(common, &SERVICES, progress).await?;
    let mut rounds = Vec::new();
    for number in 1..=common.rounds {
        progress.say(&format!("round {number}: importing"));
        let round = one(&ground, errands, options, number, progress).await?;
        progress.note(&format!(
            "{} tickets acknowledged after {:.1} s, in the report after {:.1} s: {:.0} facts/s",
            round.imported.tickets,
            round.acknowledged_s,
            round.reported_s,
            facts(&round) / round.reported_s
        ));
        rounds.push(round);
        progress.step();
    }
    progress.say("counting");
    let checks = check(&ground, &rounds).await?;
    let machine = ground.clear().await?;
    progress.finish();
    Ok(outcome(common, begun_at, machine, &rounds, checks))
}

async fn one(
    ground: &Ground,
    errands: &dyn Errands,
    options: &ImportOptions,
    number: u32,
    progress: &Progress,
) -> anyhow::Result<Round> {
    let doors = ground.doors()?;
    store::freshen(&ground.desk.postgres).await?;
    let before = ground.cpu()?;
    let begun_at = Instant::now();
    let acknowledged = AtomicU64::new(0);
    let told = || {
        let count = acknowledged.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_multiple_of(5_000) {
            progress.say(&format!("round {number}: {count} tickets acknowledged"));
        }
    };
    let imported = errands.import(&doors, &format!("uci-{number}"), &options.file, &told).await?;
    let acknowledged_s = begun_at.elapsed().as_secs_f64();
    progress.say(&format!("round {number}: waiting for the report"));
    let reporting = local::service("reporting").context("there is no reporting")?;
    ground.settle().await?;
    let reported_s = begun_at.elapsed().as_secs_f64();
    let cpu = ground.cpu()?.since(&before);
    let (_, tickets) = count::rows(&ground.desk.postgres, reporting, Rows::Facts).await?;
    anyhow::ensure!(tickets > 0, "the report is empty");
    Ok(Round { imported, acknowledged_s, reported_s, cpu })
}

fn facts(round: &Round) -> f64 {
    round.imported.facts as f64
}

async fn check(ground: &Ground, rounds: &[Round]) -> anyhow::Result<Vec<Check>> {
    let postgres = &ground.desk.postgres;
    let sent: u64 = rounds.iter().map(|round| round.imported.tickets - round.imported.refused).sum();
    let kept = count::intake(postgres, &[]).await?;
    let mut checks = vec![
        Check::exactly("tickets of intake, of those acknowledged", kept.tickets, sent),
        Check::exactly("tickets refused", rounds.iter().map(|round| round.imported.refused).sum(), 0),
    ];
    let mut announced = kept.outbox;
    for name in ["triage", "sla-timer"] {
        let service = local::service(name).with_context(|| format!("there is no {name}"))?;
        let (_, tickets) = count::rows(postgres, service, Rows::Tickets).await?;
        checks.push(Check::exactly(format!("tickets of {name}"), tickets, sent));
        announced += count::rows(postgres, service, Rows::Announced).await?.0;
    }
    let reporting = local::service("reporting").context("there is no reporting")?;
    let (facts, tickets) = count::rows(postgres, reporting, Rows::Facts).await?;
    checks.push(Check::exactly("tickets in the report", tickets, sent));
    checks.push(Check::exactly("facts in the report, of those announced", facts, announced));
    for service in SERVICES {
        let (letters, _) = count::rows(postgres, service, Rows::DeadLetters).await?;
        checks.push(Check::exactly(format!("dead letters of {}", service.name()), letters, 0));
    }
    Ok(checks)
}

fn outcome(common: &Common, begun_at: Timestamp, machine: Machine, rounds: &[Round], checks: Vec<Check>) -> Outcome {
    let each = |of: &dyn Fn(&Round) -> f64| rounds.iter().map(of).collect::<Vec<f64>>();
    let tickets = |round: &Round| round.imported.tickets.max(1) as f64;
    let mut figures = vec![
        Figure::new("", "tickets", "", each(&tickets)),
        Figure::new("", "facts in their histories", "", each(&facts)),
        Figure::new("acknowledged", "after", "s", each(&|round| round.acknowledged_s)),
        Figure::new("acknowledged", "tickets", "/s", each(&|round| tickets(round) / round.acknowledged_s)),
        Figure::new("acknowledged", "facts", "/s", each(&|round| facts(round) / round.acknowledged_s)),
        Figure::new("in the report", "after", "s", each(&|round| round.reported_s)),
        Figure::new("in the report", "tickets", "/s", each(&|round| tickets(round) / round.reported_s)),
        Figure::new("in the report", "facts", "/s", each(&|round| facts(round) / round.reported_s))
            .target(Target::AtLeast(FACTS_PER_SECOND)),
    ];
    let users: Vec<&str> =
        SERVICES.iter().map(|service| service.name()).chain([cpu::POSTGRES, cpu::NATS, cpu::LOAD]).collect();
    let per_ticket = |who: &str| each(&|round| round.cpu.of(who) / tickets(round));
    for who in &users {
        let name =
            if *who == cpu::LOAD { "CPU of reading and sending the log".to_owned() } else { format!("CPU of {who}") };
        figures.push(Figure::new("CPU", &name, "CPU-ms/ticket", per_ticket(who)));
    }
    let charts = vec![Chart {
        title: "Where the time of an import goes: CPU by who uses it".to_owned(),
        unit: "s".to_owned(),
        groups: users
            .iter()
            .map(|who| if *who == cpu::LOAD { "reader".to_owned() } else { (*who).to_owned() })
            .collect(),
        series: vec![Series {
            name: "CPU-seconds of one import".to_owned(),
            values: users.iter().map(|who| median(&each(&|round| round.cpu.of(who) / 1_000.0))).collect(),
        }],
    }];
    Outcome {
        bench: "import".to_owned(),
        about: "The UCI log of an incident process, imported with every ticket's history, until the report has all."
            .to_owned(),
        begun_at,
        machine,
        options: BTreeMap::from([("rounds".to_owned(), json!(common.rounds))]),
        figures,
        charts,
        checks,
        notes: vec![
            "Each round imports the log for a new client into the same desk. Wall time is from the first request; reading \
             and folding the log is part of it."
                .to_owned(),
            "In the report: everything that intake, triage and the SLA timer have announced is handled by everybody who \
             listens."
                .to_owned(),
        ],
    }
}
