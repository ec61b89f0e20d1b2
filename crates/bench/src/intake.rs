//! `skranke bench intake`: how fast posts become tickets that are kept, beside what commits cost without a desk.

mod poster;

use std::collections::{BTreeMap, HashSet};

use anyhow::Context;
use contracts::intake::v1::intake_service_client::IntakeServiceClient;
use serde_json::json;
use tonic::transport::Endpoint;
use uuid::Uuid;

use crate::cpu::{self, CpuMs};
use crate::ground::Ground;
use crate::latency::Latency;
use crate::load::closed_loop;
use crate::outcome::{Chart, Check, Figure, Outcome, Series, Target};
use crate::raw::{self, Raw};
use crate::store::{self, count};
use crate::{Common, Progress, post};

/// How `skranke bench intake` is run.
#[derive(Debug, Clone)]
pub struct IntakeOptions {
    /// Numbers of connections, each measured on its own.
    pub connections: Vec<u64>,
    /// Posts under way on each connection, each a call of its own.
    pub in_flight: u64,
    /// Posts under way on each connection where they go over one stream (`RegisterTickets`), measured on as many
    /// connections as the greatest of `connections`; 0 leaves it out.
    pub on_streams: u64,
    /// Leave the raw limits out: to look at the service alone.
    pub no_raw: bool,
}

impl IntakeOptions {
    fn ways(&self) -> Vec<Way> {
        let calls = |connections: &u64| Way { connections: *connections, in_flight: self.in_flight, on_streams: false };
        let mut ways: Vec<Way> = self.connections.iter().map(calls).collect();
        if self.on_streams > 0 {
            let connections = self.connections.iter().copied().max().unwrap_or(1);
            ways.push(Way { connections, in_flight: self.on_streams, on_streams: true });
        }
        ways
    }
}

/// How posts come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    /// Each is one stream, not a call for each post.
    on_streams: bool,
    connections: u64,
    /// Posts under way on each connection.
    in_flight: u64,
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = if self.connections == 1 { "" } else { "s" };
        match self.on_streams {
            true => write!(f, "{} stream{plural} of {}", self.connections, self.in_flight),
            false => write!(f, "{} connection{plural}", self.connections),
        }
    }
}

/// One way in one round.
struct Measured {
    per_second: f64,
    latency: Latency,
    /// Per ticket.
    service_ms: f64,
    postgres_ms: f64,
    nats_ms: f64,
    load_ms: f64,
    single: Option<Raw>,
}

/// All rounds.
#[derive(Default)]
struct Rounds {
    /// Way → rounds.
    desk: BTreeMap<Way, Vec<Measured>>,
    many: Vec<Raw>,
    acknowledged: Vec<Uuid>,
    failures: BTreeMap<String, u64>,
}

/// Measures intake.
///
/// # Errors
/// If something does not start, or a raw limit fails.
pub async fn intake(common: &Common, options: &IntakeOptions, progress: &Progress) -> anyhow::Result<Outcome> {
    let begun_at = chassis::Clock::System.now();
    let service = local::service("intake").context("there is no intake")?;
    let mut ground = Ground::lay(common, &[service], progress).await?;
    set_up(&ground).await?;
    store::prepare_raw(&ground.desk.postgres).await?;
    progress.note(&format!("intake runs as process {}", ground.service("intake")?.pid()?));
    let mut rounds = Rounds::default();
    for round in 1..=common.rounds {
        for way in options.ways() {
            progress.say(&format!("round {round}: {way}"));
            measure(&ground, common, options, (round, way), &mut rounds, progress).await?;
        }
        if !options.no_raw {
            progress.say(&format!("round {round}: multi-row inserts"));
            let sizes = count::sizes(&ground.desk.postgres).await?;
            rounds.many.push(raw::many(&ground, sizes, common.warm_up(), common.window).await?);
        }
    }
    progress.say("counting");
    let checks = check(&ground, &rounds).await?;
    let machine = ground.clear().await?;
    progress.finish();
    Ok(Outcome {
        bench: "intake".to_owned(),
        about: "Posts by gRPC with authentication, validation, idempotency and tenancy, until each is acknowledged; \
                beside it what the same rows cost without a desk."
            .to_owned(),
        begun_at,
        machine,
        options: BTreeMap::from([
            ("rounds".to_owned(), json!(common.rounds)),
            ("seconds".to_owned(), json!(common.window.as_secs_f64())),
            ("connections".to_owned(), json!(options.connections)),
            ("in_flight".to_owned(), json!(options.in_flight)),
            ("on_streams".to_owned(), json!(options.on_streams)),
        ]),
        figures: figures(&rounds),
        charts: charts(&rounds),
        checks,
        notes: notes(options, &rounds),
    })
}

async fn set_up(ground: &Ground) -> anyhow::Result<()> {
    let doors = ground.doors()?;
    let endpoint = doors.endpoints.get("intake").context("intake does not run")?.clone();
    let mut client = IntakeServiceClient::new(Endpoint::from_shared(endpoint)?.connect().await?);
    for number in 0..post::CLIENTS {
        let mut request = tonic::Request::new(post::directory(number));
        request.metadata_mut().insert("authorization", format!("Bearer {}", doors.token).parse()?);
        client.apply_directory(request).await?;
    }
    Ok(())
}

async fn measure(
    ground: &Ground,
    common: &Common,
    options: &IntakeOptions,
    (round, way): (u32, Way),
    rounds: &mut Rounds,
    progress: &Progress,
) -> anyhow::Result<()> {
    let posters = poster::posters(ground, round, way).await?;
    store::freshen(&ground.desk.postgres).await?;
    let before = ground.cpu()?;
    let loaded = closed_loop(posters, common.warm_up(), common.window).await?;
    // What is acknowledged must still be announced; that is part of its price.
    rounds.acknowledged.extend(&loaded.answers);
    let service = local::service("intake").context("there is no intake")?;
    ground.announced(&service, rounds.acknowledged.len() as u64).await?;
    let used: CpuMs = ground.cpu()?.since(&before);
    for (why, count) in loaded.failures {
        *rounds.failures.entry(why).or_default() += count;
    }
    let per_ticket = |ms: f64| ms / loaded.tickets.max(1) as f64;
    let mut measured = Measured {
        per_second: loaded.per_second,
        latency: loaded.latency,
        service_ms: per_ticket(used.services()),
        postgres_ms: per_ticket(used.of(cpu::POSTGRES)),
        nats_ms: per_ticket(used.of(cpu::NATS)),
        load_ms: per_ticket(used.of(cpu::LOAD)),
        single: None,
    };
    progress.step();
    if !options.no_raw {
        let sizes = count::sizes(&ground.desk.postgres).await?;
        let (warm_up, window) = (common.warm_up(), common.window);
        measured.single = Some(raw::single(ground, sizes, way.connections, warm_up, window).await?);
    }
    progress.note(&told(way, &measured));
    progress.step();
    rounds.desk.entry(way).or_default().push(measured);
    Ok(())
}

fn told(way: Way, measured: &Measured) -> String {
    let raw = measured.single.as_ref().map_or_else(String::new, |raw| {
        let rate = raw.per_second;
        format!(
            "; single-statement commits {rate:.0}/s, {:.3} CPU-ms, ratio {:.2}",
            raw.postgres_ms,
            measured.per_second / rate
        )
    });
    format!(
        "{way}: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, CPU-ms {:.3} intake + {:.3} Postgres{raw}",
        measured.per_second,
        measured.latency.p50_ms,
        measured.latency.p99_ms,
        measured.service_ms,
        measured.postgres_ms
    )
}

async fn check(ground: &Ground, rounds: &Rounds) -> anyhow::Result<Vec<Check>> {
    let acknowledged = rounds.acknowledged.len() as u64;
    let in_doubt: u64 = rounds.failures.values().sum();
    let found = count::intake(&ground.desk.postgres, &rounds.acknowledged).await?;
    let distinct = rounds.acknowledged.iter().collect::<HashSet<_>>().len() as u64;
    let tickets = Check {
        what: "tickets in the store".to_owned(),
        found: found.tickets,
        at_least: acknowledged,
        at_most: acknowledged + in_doubt,
    };
    Ok(vec![
        Check::exactly("acknowledged posts with a ticket of their own", distinct, acknowledged),
        Check::exactly("acknowledged tickets that the store has", found.present, acknowledged),
        tickets,
        Check::exactly("announcements in the outbox, one per ticket", found.outbox, found.tickets),
    ])
}

fn figures(rounds: &Rounds) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (way, measured) in &rounds.desk {
        let at = way.to_string();
        let each = |of: &dyn Fn(&Measured) -> f64| measured.iter().map(of).collect::<Vec<f64>>();
        let singles: Vec<&Raw> = measured.iter().filter_map(|one| one.single.as_ref()).collect();
        let raw = |figure: Figure, of: &dyn Fn(&Raw) -> f64| match singles.is_empty() {
            true => figure,
            false => figure.beside("single-statement commits", singles.iter().map(|raw| of(raw)).collect()),
        };
        let mut rate =
            raw(Figure::new(&at, "tickets acknowledged", "/s", each(&|one| one.per_second)), &|raw| raw.per_second);
        if way.connections == 32 {
            rate = rate.target(Target::RatioAtLeast(0.7));
        }
        let p50 = Figure::new(&at, "acknowledged, p50", "ms", each(&|one| one.latency.p50_ms));
        let mut p99 = Figure::new(&at, "acknowledged, p99", "ms", each(&|one| one.latency.p99_ms));
        if way.connections == 8 {
            p99 = p99.target(Target::AtMost(5.0));
        }
        let longest = Figure::new(&at, "acknowledged, longest", "ms", each(&|one| one.latency.max_ms));
        let unit = "CPU-ms/ticket";
        let mut together =
            Figure::new(&at, "CPU of intake and Postgres", unit, each(&|one| one.service_ms + one.postgres_ms));
        if way.connections == 32 {
            together = together.target(Target::AtMost(0.25));
        }
        figures.extend([
            rate,
            raw(p50, &|raw| raw.latency.p50_ms),
            raw(p99, &|raw| raw.latency.p99_ms),
            raw(longest, &|raw| raw.latency.max_ms),
            together,
            Figure::new(&at, "CPU of intake", unit, each(&|one| one.service_ms)),
            raw(Figure::new(&at, "CPU of Postgres", unit, each(&|one| one.postgres_ms)), &|raw| raw.postgres_ms),
            Figure::new(&at, "CPU of nats-server", unit, each(&|one| one.nats_ms)),
            Figure::new(&at, "CPU of the load", unit, each(&|one| one.load_ms)),
        ]);
    }
    if !rounds.many.is_empty() {
        let at = format!("raw limit, {} writers of {} rows", raw::WRITERS, raw::ROWS);
        let rate = rounds.many.iter().map(|raw| raw.per_second).collect();
        figures.push(Figure::new(&at, "multi-row inserts", "/s", rate));
        let cpu = rounds.many.iter().map(|raw| raw.postgres_ms).collect();
        figures.push(Figure::new(&at, "CPU of Postgres", "CPU-ms/ticket", cpu));
    }
    figures
}

fn charts(rounds: &Rounds) -> Vec<Chart> {
    let groups: Vec<String> = rounds.desk.keys().map(ToString::to_string).collect();
    let middle = |of: &dyn Fn(&Measured) -> f64| -> Vec<f64> {
        rounds.desk.values().map(|all| crate::median(&all.iter().map(of).collect::<Vec<_>>())).collect()
    };
    let single = |of: &dyn Fn(&Raw) -> f64| middle(&|one| one.single.as_ref().map_or(0.0, of));
    let many = |of: &dyn Fn(&Raw) -> f64| {
        let mut values = vec![0.0; groups.len()];
        values.push(crate::median(&rounds.many.iter().map(of).collect::<Vec<_>>()));
        values
    };
    let series = |name: &str, values: Vec<f64>| Series { name: name.to_owned(), values };
    let chart = |title: &str, unit: &str, series: Vec<Series>| {
        let mut groups = groups.clone();
        if series.iter().any(|one| one.values.get(groups.len()).is_some_and(|value| *value > 0.0)) {
            groups.push(format!("raw limit: {} rows at once", raw::ROWS));
        }
        let series = series.into_iter().filter(|one| one.values.iter().any(|value| *value > 0.0)).collect();
        Chart { title: title.to_owned(), unit: unit.to_owned(), groups, series }
    };
    vec![
        chart(
            "Tickets per second",
            "/s",
            vec![
                series("acknowledged by intake", middle(&|one| one.per_second)),
                series("single-statement commits", single(&|raw| raw.per_second)),
                series("multi-row inserts", many(&|raw| raw.per_second)),
            ],
        ),
        chart(
            "Until it is acknowledged, p99",
            "ms",
            vec![
                series("intake", middle(&|one| one.latency.p99_ms)),
                series("single-statement commits", single(&|raw| raw.latency.p99_ms)),
            ],
        ),
        chart(
            "CPU per ticket",
            "CPU-ms",
            vec![
                series("intake", middle(&|one| one.service_ms)),
                series("Postgres under intake", middle(&|one| one.postgres_ms)),
                series("Postgres under single-statement commits", single(&|raw| raw.postgres_ms)),
                series("Postgres under multi-row inserts", many(&|raw| raw.postgres_ms)),
            ],
        ),
    ]
}

fn notes(options: &IntakeOptions, rounds: &Rounds) -> Vec<String> {
    let mut notes = vec![
        format!(
            "Closed loop: each connection has {} in flight (each stream {}), its own token and never posts the same \
             twice. Half of the posts name a requester, half a source with its external_ref.",
            if options.in_flight == 1 { "one post".to_owned() } else { format!("{} posts", options.in_flight) },
            options.on_streams,
        ),
        "CPU is what the operating system accounted from before the first post until the last one was announced on the \
         bus, divided by all tickets; the load's own is told apart and counts nowhere."
            .to_owned(),
        "The raw limits write rows with as many bytes into plain tables of the same Postgres, in turn with the desk in \
         each round; ratios are medians of the rounds' own ratios. Fresh \
         statistics and a checkpoint stand before every measurement."
            .to_owned(),
    ];
    for (why, count) in &rounds.failures {
        notes.push(format!("{count} posts were not acknowledged: {why}"));
    }
    notes
}
