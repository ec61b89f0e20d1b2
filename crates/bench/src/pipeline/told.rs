//! What the pipeline's rounds say.

use std::collections::BTreeMap;

use jiff::Timestamp;
use local::SERVICES;
use serde_json::json;

use super::{BareRun, Measured, PipelineOptions, Rounds, Run};
use crate::cpu;
use crate::latency::Latency;
use crate::machine::Machine;
use crate::outcome::{Chart, Check, Figure, Outcome, Series, Target, number};
use crate::{Common, median};

pub(super) fn run(run: &Run) -> String {
    format!(
        "{}/s: acknowledged p50 {:.1} p99 {:.1} ms; triaged p50 {:.1} p99 {:.1} ms; clock p50 {:.1} p99 {:.1} max {:.1} \
         ms; CPU-ms {:.3} services + {:.3} Postgres + {:.3} NATS; {} messages behind{}",
        number(run.rate),
        run.acknowledged.p50_ms,
        run.acknowledged.p99_ms,
        run.triaged.p50_ms,
        run.triaged.p99_ms,
        run.clock.p50_ms,
        run.clock.p99_ms,
        run.clock.max_ms,
        per_ticket(run, run.cpu.services()),
        per_ticket(run, run.cpu.of(cpu::POSTGRES)),
        per_ticket(run, run.cpu.of(cpu::NATS)),
        run.behind,
        if run.holds() { "" } else { "; does not hold" },
    )
}

pub(super) fn bare(run: &BareRun) -> String {
    format!(
        "bare: committed p50 {:.1} p99 {:.1} ms; second p50 {:.1} p99 {:.1} ms; third p50 {:.1} p99 {:.1} max {:.1} ms; \
         CPU-ms {:.3} Postgres + {:.3} NATS",
        run.acknowledged.p50_ms,
        run.acknowledged.p99_ms,
        run.heard.p50_ms,
        run.heard.p99_ms,
        run.done.p50_ms,
        run.done.p99_ms,
        run.done.max_ms,
        run.cpu.of(cpu::POSTGRES) / run.posts.max(1.0),
        run.cpu.of(cpu::NATS) / run.posts.max(1.0),
    )
}

fn per_ticket(run: &Run, ms: f64) -> f64 {
    ms / run.sent.len().max(1) as f64
}

pub(super) fn outcome(
    common: &Common,
    options: &PipelineOptions,
    begun_at: Timestamp,
    machine: Machine,
    measured: &Measured,
    checks: Vec<Check>,
) -> Outcome {
    Outcome {
        bench: "pipeline".to_owned(),
        about:
            "Posts at a fixed rate, until the ticket is acknowledged, triaged, and its clock runs: through all five \
                services, then without those that only follow; beside it a bare pipeline at the same rate."
                .to_owned(),
        begun_at,
        machine,
        options: BTreeMap::from([
            ("rounds".to_owned(), json!(common.rounds)),
            ("seconds".to_owned(), json!(common.window.as_secs_f64())),
            ("rate".to_owned(), json!(options.rate)),
            ("highest".to_owned(), json!(options.highest)),
            ("on_streams".to_owned(), json!(options.on_streams)),
        ]),
        figures: figures(options, measured),
        charts: charts(measured),
        checks,
        notes: notes(measured),
    }
}

type Hop = (&'static str, &'static str, fn(&Run) -> Latency, fn(&BareRun) -> Latency);

/// What is awaited of a post, and what the bare pipeline has in its place.
const HOPS: [Hop; 3] = [
    ("acknowledged", "the bare pipeline's commit", |run| run.acknowledged, |bare| bare.acknowledged),
    ("triaged", "the bare pipeline's second stage", |run| run.triaged, |bare| bare.heard),
    ("clock started", "the bare pipeline's third stage", |run| run.clock, |bare| bare.done),
];

fn figures(options: &PipelineOptions, measured: &Measured) -> Vec<Figure> {
    let all = format!("{} posts/s", number(options.rate));
    let alone = format!("{all}, without those that follow");
    let mut figures = hops(&all, &measured.everybody, None);
    figures.extend(cpu_of(&all, &measured.everybody));
    figures.extend(hops(&alone, &measured.alone, Some(Target::RatioAtMost(5.0))));
    figures.extend(cpu_of(&alone, &measured.alone));
    if options.highest {
        let held = measured.steps.iter().filter(|run| run.holds()).map(|run| run.rate).fold(0.0, f64::max);
        figures.push(Figure::new("highest rate", "posts/s that held", "/s", vec![held]));
        let at_it = measured.steps.iter().find(|run| run.holds() && run.rate >= held);
        if let Some(run) = at_it {
            figures.push(Figure::new("highest rate", "post → clock started, p99", "ms", vec![run.clock.p99_ms]));
        }
    }
    figures
}

/// How long it took, beside the bare pipeline; `target` is that of the clock's p99.
fn hops(at: &str, rounds: &Rounds, target: Option<Target>) -> Vec<Figure> {
    type Part = (&'static str, fn(Latency) -> f64);
    let parts: [Part; 3] = [("p50", |it| it.p50_ms), ("p99", |it| it.p99_ms), ("longest", |it| it.max_ms)];
    let mut figures = Vec::new();
    for (name, beside, desk, bare) in HOPS {
        for (part, of) in parts {
            let values = rounds.desk.iter().map(|run| of(desk(run))).collect();
            let raw = rounds.bare.iter().map(|run| of(bare(run))).collect();
            let figure = Figure::new(at, &format!("post → {name}, {part}"), "ms", values).beside(beside, raw);
            figures.push(match target {
                Some(target) if (name, part) == ("clock started", "p99") => figure.target(target),
                _ => figure,
            });
        }
    }
    figures
}

/// What it cost, of each service that ran, and of the servers beside the bare pipeline's.
fn cpu_of(at: &str, rounds: &Rounds) -> Vec<Figure> {
    let unit = "CPU-ms/ticket";
    let each = |of: &dyn Fn(&Run) -> f64| rounds.desk.iter().map(|run| per_ticket(run, of(run))).collect::<Vec<f64>>();
    let raw = |who: &str| rounds.bare.iter().map(|run| run.cpu.of(who) / run.posts.max(1.0)).collect();
    let of_service =
        |name: &'static str| Figure::new(at, &format!("CPU of {name}"), unit, each(&|run| run.cpu.of(name)));
    let mut figures: Vec<Figure> = SERVICES.iter().map(|service| of_service(service.name())).collect();
    figures.retain(|figure| figure.value > 0.0);
    figures.push(Figure::new(at, "CPU of all services", unit, each(&|run| run.cpu.services())));
    for (who, name) in [(cpu::POSTGRES, "CPU of Postgres"), (cpu::NATS, "CPU of nats-server")] {
        figures.push(Figure::new(at, name, unit, each(&|run| run.cpu.of(who))).beside("the bare pipeline", raw(who)));
    }
    figures
}

fn charts(measured: &Measured) -> Vec<Chart> {
    let middle = |values: Vec<f64>| median(&values);
    let (everybody, alone) = (&measured.everybody, &measured.alone);
    let desk = |rounds: &Rounds, of: fn(&Run) -> Latency, part: fn(Latency) -> f64| {
        middle(rounds.desk.iter().map(|run| part(of(run))).collect())
    };
    let bare = |of: fn(&BareRun) -> Latency, part: fn(Latency) -> f64| {
        middle(alone.bare.iter().map(|run| part(of(run))).collect())
    };
    let groups: Vec<String> = HOPS.iter().map(|hop| hop.0.to_owned()).collect();
    let (p50, p99): (fn(Latency) -> f64, fn(Latency) -> f64) = (|it| it.p50_ms, |it| it.p99_ms);
    let series = |name: &str, values: Vec<f64>| Series { name: name.to_owned(), values };
    let mut charts = vec![Chart {
        title: "From the post's instant until it is …".to_owned(),
        unit: "ms".to_owned(),
        groups,
        series: vec![
            series("all services, p50", HOPS.iter().map(|hop| desk(everybody, hop.2, p50)).collect()),
            series("without those that follow, p50", HOPS.iter().map(|hop| desk(alone, hop.2, p50)).collect()),
            series("bare, p50", HOPS.iter().map(|hop| bare(hop.3, p50)).collect()),
            series("all services, p99", HOPS.iter().map(|hop| desk(everybody, hop.2, p99)).collect()),
            series("without those that follow, p99", HOPS.iter().map(|hop| desk(alone, hop.2, p99)).collect()),
            series("bare, p99", HOPS.iter().map(|hop| bare(hop.3, p99)).collect()),
        ],
    }];
    let names: Vec<&str> = SERVICES.iter().map(|service| service.name()).chain([cpu::POSTGRES, cpu::NATS]).collect();
    let cpu = |who: &str| middle(everybody.desk.iter().map(|run| per_ticket(run, run.cpu.of(who))).collect());
    charts.push(Chart {
        title: "CPU per ticket, by who uses it".to_owned(),
        unit: "CPU-ms".to_owned(),
        groups: names.iter().map(|name| (*name).to_owned()).collect(),
        series: vec![series("the desk", names.iter().map(|name| cpu(name)).collect())],
    });
    let mut steps: Vec<&Run> = measured.steps.iter().collect();
    steps.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    if !steps.is_empty() {
        charts.push(Chart {
            title: "Until the clock runs, p99, by posts per second".to_owned(),
            unit: "ms".to_owned(),
            groups: steps.iter().map(|run| number(run.rate)).collect(),
            series: vec![series("the desk", steps.iter().map(|run| run.clock.p99_ms).collect())],
        });
    }
    charts
}

fn notes(measured: &Measured) -> Vec<String> {
    let mut notes = vec![
        "Open loop: every post has its instant, and its time is counted from there, whatever became of the posts before \
         it. Triaged and clock started are what a listener on the bus sees: the first such fact of each ticket."
            .to_owned(),
        "The bare pipeline commits row and outbox row, publishes to JetStream, commits what a consumer takes in one \
         batch, publishes again, and commits in a second consumer: plain tables, no rules, no authentication, no \
         tenancy, same servers, in turn with the desk in each round."
            .to_owned(),
        "Without those that follow: knowledge base and reporting are stopped and catch up afterwards. The way from the \
         post to the clock does not lead through them, and the bare pipeline has nobody in their place."
            .to_owned(),
        "A rate holds if every post is acknowledged, 99 of 100 clocks run within a second, and no more messages wait at \
         the end than a second brings."
            .to_owned(),
    ];
    let all = measured.everybody.desk.iter().chain(&measured.alone.desk).chain(&measured.steps);
    for run in all.filter(|run| !run.failures.is_empty()) {
        for (why, count) in &run.failures {
            notes.push(format!("At {}/s, {count} posts were not acknowledged: {why}", number(run.rate)));
        }
    }
    notes
}
