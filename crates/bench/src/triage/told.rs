//! What the rounds say.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::{Commanded, Rounds, TriageOptions};
use crate::Common;
use crate::cpu;
use crate::machine::Machine;
use crate::outcome::{Chart, Check, Figure, Outcome, Series, Target, number};

/// What lists should take, 99 of 100.
const LIST_P99_MS: f64 = 50.0;
/// Commands a second.
const COMMANDS: f64 = 2_000.0;

pub(super) fn commanded(with: &str, it: &Commanded) -> String {
    format!(
        "{with}: {}/s, p50 {:.1} p99 {:.1} ms; CPU-ms {:.3} services + {:.3} Postgres + {:.3} NATS; single commits {}/s",
        number(it.per_second),
        it.latency.p50_ms,
        it.latency.p99_ms,
        each(it, it.cpu.services()),
        each(it, it.cpu.of(cpu::POSTGRES)),
        each(it, it.cpu.of(cpu::NATS)),
        number(it.raw.per_second),
    )
}

fn each(it: &Commanded, ms: f64) -> f64 {
    ms / it.commands.max(1) as f64
}

pub(super) fn outcome(
    common: &Common,
    options: &TriageOptions,
    begun_at: Timestamp,
    machine: Machine,
    rounds: &Rounds,
    checks: Vec<Check>,
) -> Outcome {
    Outcome {
        bench: "triage".to_owned(),
        about:
            "Commands on tickets that were registered through intake, by agents who each wait for their answer; and \
                lists with a multitude of other tickets."
                .to_owned(),
        begun_at,
        machine,
        options: BTreeMap::from([
            ("rounds".to_owned(), json!(common.rounds)),
            ("seconds".to_owned(), json!(common.window.as_secs_f64())),
            ("tickets".to_owned(), json!(options.tickets)),
            ("agents".to_owned(), json!(options.agents)),
            ("worked_on".to_owned(), json!(options.worked_on)),
        ]),
        figures: figures(options, rounds),
        charts: vec![Chart {
            title: "Until a page of 50 is there".to_owned(),
            unit: "ms".to_owned(),
            groups: rounds.views.iter().map(|(view, _)| view.name.to_owned()).collect(),
            series: vec![
                Series { name: "p50".to_owned(), values: rounds.views.iter().map(|(_, it)| it.p50_ms).collect() },
                Series { name: "p99".to_owned(), values: rounds.views.iter().map(|(_, it)| it.p99_ms).collect() },
            ],
        }],
        checks,
        notes: notes(options, rounds),
    }
}

fn figures(options: &TriageOptions, rounds: &Rounds) -> Vec<Figure> {
    let mut figures = Vec::new();
    let agents = options.agents;
    for (at, measured) in [
        (format!("{agents} agents, all services"), &rounds.everybody),
        (format!("{agents} agents, triage with its bus"), &rounds.alone),
    ] {
        let all = |of: &dyn Fn(&Commanded) -> f64| measured.iter().map(of).collect::<Vec<f64>>();
        figures.push(
            Figure::new(&at, "commands", "/s", all(&|it| it.per_second))
                .beside("single commits, as many at once", all(&|it| it.raw.per_second))
                .target(Target::AtLeast(COMMANDS)),
        );
        figures.push(Figure::new(&at, "answered, p50", "ms", all(&|it| it.latency.p50_ms)));
        figures.push(Figure::new(&at, "answered, p99", "ms", all(&|it| it.latency.p99_ms)));
        let unit = "CPU-ms/command";
        figures.push(Figure::new(&at, "CPU of triage", unit, all(&|it| each(it, it.cpu.of("triage")))));
        figures.push(Figure::new(&at, "CPU of all services", unit, all(&|it| each(it, it.cpu.services()))));
        figures.push(
            Figure::new(&at, "CPU of Postgres", unit, all(&|it| each(it, it.cpu.of(cpu::POSTGRES))))
                .beside("a single commit", all(&|it| it.raw.postgres_ms)),
        );
        figures.push(Figure::new(&at, "CPU of nats-server", unit, all(&|it| each(it, it.cpu.of(cpu::NATS)))));
    }
    let at = format!("{} tickets", number(options.tickets as f64));
    for (view, latency) in &rounds.views {
        figures.push(Figure::new(&at, &format!("{}, p50", view.name), "ms", vec![latency.p50_ms]));
        figures.push(
            Figure::new(&at, &format!("{}, p99", view.name), "ms", vec![latency.p99_ms])
                .target(Target::AtMost(LIST_P99_MS)),
        );
    }
    let each = |bytes: u64| vec![bytes as f64 / options.tickets.max(1) as f64];
    figures.push(Figure::new(&at, "a ticket's row with its indexes", "bytes", each(rounds.bytes.rows)));
    figures.push(Figure::new(&at, "a ticket's words with their indexes", "bytes", each(rounds.bytes.words)));
    figures
}

fn notes(options: &TriageOptions, rounds: &Rounds) -> Vec<String> {
    let mut notes = vec![
        "Each ticket goes round: claimed, handed over, claimed, waits, goes on, is resolved, comes back, is handed over. \
         At any time as many are before each of these steps. CPU is counted until everybody has followed."
            .to_owned(),
        format!(
            "The {} tickets and their words were written past triage's walls in {:.0} s, of ten clients, one in twenty \
             open; lists are asked for by one caller of all clients, a page of 50.",
            number(options.tickets as f64),
            rounds.load_seconds
        ),
    ];
    for (why, count) in &rounds.failures {
        notes.push(format!("{count} commands had no answer: {why}"));
    }
    notes
}
