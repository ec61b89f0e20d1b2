//! What the rounds say.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::{ClocksOptions, Firing, LONG, MEGABYTE, Rounds};
use crate::cpu;
use crate::latency::Latency;
use crate::machine::Machine;
use crate::outcome::{Chart, Figure, Outcome, Series, Target, number};
use crate::store::clocks::CLAIMED;
use crate::{Common, median};

const SERVICE: &str = "sla-timer";

fn per_clock(firing: &Firing, who: &str) -> f64 {
    firing.cpu.of(who) / firing.clocks.max(1) as f64
}

pub(super) fn firing(name: &str, firing: &Firing) -> String {
    format!(
        "{name}: {} clocks, begun p50 {:.1} p99 {:.1} ms, told p50 {:.1} p99 {:.1} max {:.1} ms; CPU-ms {:.3} sla-timer + {:.3} Postgres + {:.3} NATS; bare \
         claim-and-mark p50 {:.1} p99 {:.1} max {:.1} ms, {:.3} CPU-ms; bare publish p50 {:.1} p99 {:.1} max {:.1} ms, \
         {:.3} CPU-ms NATS",
        firing.clocks,
        firing.told.begun.p50_ms,
        firing.told.begun.p99_ms,
        firing.told.late.p50_ms,
        firing.told.late.p99_ms,
        firing.told.late.max_ms,
        per_clock(firing, SERVICE),
        per_clock(firing, cpu::POSTGRES),
        per_clock(firing, cpu::NATS),
        firing.bare.p50_ms,
        firing.bare.p99_ms,
        firing.bare.max_ms,
        firing.bare_ms,
        firing.published.late.p50_ms,
        firing.published.late.p99_ms,
        firing.published.late.max_ms,
        firing.published.nats_ms,
    )
}

pub(super) fn outcome(
    common: &Common,
    options: &ClocksOptions,
    begun_at: Timestamp,
    machine: Machine,
    rounds: Rounds,
) -> Outcome {
    Outcome {
        bench: "clocks".to_owned(),
        about: format!(
            "{} running clocks, and how late those speak that are due: from the due instant until the stream delivers the \
             breach to a listener.",
            number(options.clocks as f64)
        ),
        begun_at,
        machine,
        options: BTreeMap::from([
            ("rounds".to_owned(), json!(common.rounds)),
            ("seconds".to_owned(), json!(common.window.as_secs_f64())),
            ("clocks".to_owned(), json!(options.clocks)),
            ("burst".to_owned(), json!(options.burst)),
            ("rate".to_owned(), json!(options.rate)),
        ]),
        figures: figures(common, options, &rounds),
        charts: charts(options, &rounds),
        checks: rounds.checks,
        notes: notes(),
    }
}

fn figures(common: &Common, options: &ClocksOptions, rounds: &Rounds) -> Vec<Figure> {
    let at = format!("{} clocks run", number(options.clocks as f64));
    let per_second = options.clocks as f64 / rounds.load_seconds.max(f64::MIN_POSITIVE);
    let mut figures = vec![
        Figure::new(&at, "memory of the SLA timer, resident", "MB", rounds.armed_mb.clone())
            .beside("without clocks", vec![rounds.empty_mb; rounds.armed_mb.len()])
            .target(Target::AtMost(250.0)),
        Figure::new(&at, "its highest, with all that fired", "MB", rounds.highest_mb.clone())
            .target(Target::AtMost(250.0)),
        Figure::new(&at, "from the start to the first breach", "ms", rounds.start.clone())
            .target(Target::AtMost(2_000.0)),
        Figure::new(&at, "loaded", "s", vec![rounds.load_seconds]),
        Figure::new(&at, "loaded per second", "/s", vec![per_second]),
        Figure::new(&at, "on disk", "MB", vec![rounds.bytes as f64 / MEGABYTE]),
    ];
    let stream = format!("{} due a second, {} s", number(options.rate as f64), common.window.as_secs_f64());
    for (at, all) in
        [(format!("{} due within one second", number(options.burst as f64)), &rounds.burst), (stream, &rounds.stream)]
    {
        firings(&mut figures, &at, all);
    }
    let at = "a ticket computed anew by ListClocks";
    for (facts, computed) in [(LONG, rounds.computed.long), (2, rounds.computed.short)] {
        let facts = number(facts as f64);
        figures.push(Figure::new(at, &format!("{facts} facts, p50"), "ms", vec![computed.p50_ms]));
        figures.push(Figure::new(at, &format!("{facts} facts, longest"), "ms", vec![computed.max_ms]));
    }
    figures
}

fn firings(figures: &mut Vec<Figure>, at: &str, all: &[Firing]) {
    type Part = (&'static str, fn(Latency) -> f64, Option<f64>);
    let parts: [Part; 3] =
        [("p50", |it| it.p50_ms, None), ("p99", |it| it.p99_ms, Some(50.0)), ("longest", |it| it.max_ms, Some(500.0))];
    const BARE: &str = "bare claim-and-mark";
    const PUBLISH: &str = "bare publish";
    for (part, of, _) in parts {
        let begun = all.iter().map(|firing| of(firing.told.begun)).collect();
        let bare = all.iter().map(|firing| of(firing.bare)).collect();
        figures.push(Figure::new(at, &format!("due → being computed, {part}"), "ms", begun).beside(BARE, bare));
    }
    for (part, of, target) in parts {
        let figure = Figure::new(
            at,
            &format!("due → breach on the stream, {part}"),
            "ms",
            all.iter().map(|firing| of(firing.told.late)).collect(),
        )
        .beside(PUBLISH, all.iter().map(|firing| of(firing.published.late)).collect());
        figures.push(match target {
            Some(most) => figure.target(Target::AtMost(most)),
            None => figure,
        });
    }
    let unit = "CPU-ms/clock";
    let each = |who: &str| all.iter().map(|firing| per_clock(firing, who)).collect::<Vec<f64>>();
    let together = all.iter().map(|firing| per_clock(firing, SERVICE) + per_clock(firing, cpu::POSTGRES)).collect();
    figures.push(Figure::new(at, "CPU of SLA timer and Postgres", unit, together));
    figures.push(Figure::new(at, "CPU of the SLA timer", unit, each(SERVICE)));
    let bare = all.iter().map(|firing| firing.bare_ms).collect();
    figures.push(Figure::new(at, "CPU of Postgres", unit, each(cpu::POSTGRES)).beside(BARE, bare));
    let published = all.iter().map(|firing| firing.published.nats_ms).collect();
    figures.push(Figure::new(at, "CPU of nats-server", unit, each(cpu::NATS)).beside(PUBLISH, published));
}

fn charts(options: &ClocksOptions, rounds: &Rounds) -> Vec<Chart> {
    let groups = vec![
        format!("{} within one second", number(options.burst as f64)),
        format!("{} a second", number(options.rate as f64)),
    ];
    let middle = |of: &dyn Fn(&Firing) -> f64| {
        [&rounds.burst, &rounds.stream].map(|all| median(&all.iter().map(of).collect::<Vec<_>>()))
    };
    let series =
        |name: &str, of: &dyn Fn(&Firing) -> f64| Series { name: name.to_owned(), values: middle(of).to_vec() };
    vec![
        Chart {
            title: "From the due instant to the breach on the stream".to_owned(),
            unit: "ms".to_owned(),
            groups: groups.clone(),
            series: vec![
                series("p50", &|one| one.told.late.p50_ms),
                series("p99", &|one| one.told.late.p99_ms),
                series("longest", &|one| one.told.late.max_ms),
                series("bare claim-and-mark, p99", &|one| one.bare.p99_ms),
                series("bare publish, p99", &|one| one.published.late.p99_ms),
            ],
        },
        Chart {
            title: "CPU per clock that fires".to_owned(),
            unit: "CPU-ms".to_owned(),
            groups,
            series: vec![
                series("SLA timer", &|one| per_clock(one, SERVICE)),
                series("Postgres", &|one| per_clock(one, cpu::POSTGRES)),
                series("nats-server", &|one| per_clock(one, cpu::NATS)),
                series("Postgres under bare claim-and-mark", &|one| one.bare_ms),
            ],
        },
    ]
}

fn notes() -> Vec<String> {
    vec![
        "Rows are written past the service, as it would have written them; it computes a sample anew and must find \
         nothing to change. Each ticket has two facts and one clock of ten clients' contracts. Those that fire have \
         given their warnings already; they are written a few seconds before they are due."
            .to_owned(),
        "A breach counts as told when a listener of the stream has it: computed, committed in the store with its \
         announcement, published, synced by JetStream, delivered. The due instants are spread evenly; the clock is the \
         machine's, which the listener shares."
            .to_owned(),
        "The start is measured from the exec of the process, after an orderly stop, with one clock due: connect, find the \
         streams, get the leases, read what is due, compute, commit, publish."
            .to_owned(),
        format!(
            "Bare claim-and-mark: clocks in a plain table of the same Postgres, claimed {CLAIMED} at a time by FOR UPDATE \
             SKIP LOCKED, marked, and a row of an outbox written, in one statement and commit; no facts, no computing, no \
             tenancy, no bus. Bare publish: as many messages of that size into a stream that syncs each of them, 512 under \
             way at once, due at the same instants."
        ),
        "CPU is what the operating system accounted from when all was written until the last breach was heard, the idle \
         seconds before the first included, divided by the clocks that fired."
            .to_owned(),
    ]
}
