//! `skranke bench footprint`: what the desk needs when it has nothing to do, and how soon it is there.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context;
use contracts::intake::v1::intake_service_client::IntakeServiceClient;
use local::SERVICES;
use serde_json::json;
use tonic::transport::Endpoint;

use crate::cpu::Memory;
use crate::ground::Ground;
use crate::machine::millis;
use crate::outcome::{Chart, Check, Figure, Outcome, Series, Target};
use crate::{Common, Errands, Progress, median, post};

/// Tickets that the desk has when it is looked at.
const TICKETS: u64 = 500;
/// How long nothing is asked of it before its memory is read.
const IDLE_FOR: Duration = Duration::from_secs(10);
/// How often a post is tried until it is taken.
const TRY_EVERY: Duration = Duration::from_millis(1);
/// A desk that takes no post within this time does not come.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(60);
const MEGABYTE: f64 = 1e6;

/// Service → rounds.
pub(crate) type Each = BTreeMap<&'static str, Vec<f64>>;

#[derive(Default)]
struct Rounds {
    resident: Each,
    proportional: Each,
    private: Each,
    start: Vec<f64>,
    restart: Each,
    posted: u64,
}

/// Measures memory, starts and restarts.
///
/// # Errors
/// If something does not start.
pub async fn footprint(common: &Common, errands: &dyn Errands, progress: &Progress) -> anyhow::Result<Outcome> {
    let begun_at = chassis::Clock::System.now();
    let mut ground = Ground::lay(common, &SERVICES, progress).await?;
    let doors = ground.doors()?;
    for number in 0..post::CLIENTS {
        errands.set_up(&doors, &post::client_id(number), &post::client_file(number)).await?;
    }
    let mut rounds = Rounds::default();
    for _ in 0..TICKETS {
        register(&ground, &mut rounds).await?;
    }
    ground.settle().await?;
    for round in 1..=common.rounds {
        progress.say(&format!("round {round}: idle"));
        tokio::time::sleep(IDLE_FOR).await;
        memory(&ground, &mut rounds)?;
        progress.say(&format!("round {round}: all services start"));
        start(&mut ground, &mut rounds).await?;
        progress.say(&format!("round {round}: each service restarts"));
        restart(&mut ground, &mut rounds).await?;
        progress.note(&format!(
            "{:.1} MB together; started in {:.0} ms; restarted in at most {:.0} ms",
            together(&rounds.proportional).last().copied().unwrap_or_default(),
            rounds.start.last().copied().unwrap_or_default(),
            rounds.restart.values().filter_map(|all| all.last().copied()).fold(0.0, f64::max),
        ));
        progress.step();
    }
    ground.settle().await?;
    let kept = crate::store::count::intake(&ground.desk.postgres, &[]).await?.tickets;
    let checks = vec![Check {
        what: "tickets of intake, of those acknowledged; a try may have become one".to_owned(),
        found: kept,
        at_least: rounds.posted,
        at_most: rounds.posted + u64::from(common.rounds) * 2,
    }];
    let binary = fs::metadata(&common.program)?.len() as f64 / MEGABYTE;
    let machine = ground.clear().await?;
    progress.finish();
    Ok(Outcome {
        bench: "footprint".to_owned(),
        about: "Memory of the five services when nothing is asked of them, and how soon they take posts after a start."
            .to_owned(),
        begun_at,
        machine,
        options: BTreeMap::from([("rounds".to_owned(), json!(common.rounds))]),
        figures: figures(&rounds, binary),
        charts: charts(&rounds),
        checks,
        notes: vec![
            format!(
                "Five processes with ten clients and {TICKETS} tickets, idle for {} s; Postgres and nats-server run and are \
                 not counted. Together they need the proportional figure: what they share, most of all the program's own \
                 text, counts once. Resident counts it again for each; private leaves it out.",
                IDLE_FOR.as_secs()
            ),
            "Start: from the first exec of five to the first acknowledged post, data, Postgres and nats-server being \
             there. Restart: from SIGTERM through the orderly stop until it takes a post (intake) or is ready (others)."
                .to_owned(),
        ],
    })
}

/// Posts until it is taken.
async fn register(ground: &Ground, rounds: &mut Rounds) -> anyhow::Result<()> {
    let doors = ground.doors()?;
    let endpoint = doors.endpoints.get("intake").context("intake does not run")?.clone();
    let channel = Endpoint::from_shared(endpoint)?.tcp_nodelay(true).connect_lazy();
    let mut client = IntakeServiceClient::new(channel);
    let bearer: tonic::metadata::MetadataValue<_> = format!("Bearer {}", doors.token).parse()?;
    let begun_at = Instant::now();
    loop {
        let mut request = tonic::Request::new(post::post("footprint", rounds.posted));
        request.metadata_mut().insert("authorization", bearer.clone());
        match client.register_ticket(request).await {
            Ok(_) => {
                rounds.posted += 1;
                return Ok(());
            }
            Err(status) => anyhow::ensure!(begun_at.elapsed() < ACCEPTED_WITHIN, "intake takes no post: {status}"),
        }
        tokio::time::sleep(TRY_EVERY).await;
    }
}

fn memory(ground: &Ground, rounds: &mut Rounds) -> anyhow::Result<()> {
    for (name, process) in &ground.services {
        let Memory { resident, proportional, private } = Memory::of(process.pid()?)?;
        let kinds = [
            (&mut rounds.resident, resident),
            (&mut rounds.proportional, proportional),
            (&mut rounds.private, private),
        ];
        for (of, bytes) in kinds {
            of.entry(name).or_default().push(bytes as f64 / MEGABYTE);
        }
    }
    Ok(())
}

/// All services' figures added up, round by round.
pub(crate) fn together(of: &Each) -> Vec<f64> {
    let rounds = of.values().map(Vec::len).min().unwrap_or_default();
    (0..rounds).map(|round| of.values().filter_map(|one| one.get(round)).sum()).collect()
}

async fn start(ground: &mut Ground, rounds: &mut Rounds) -> anyhow::Result<()> {
    for (name, process) in &mut ground.services {
        anyhow::ensure!(process.stop().await?, "{name} did not end in order");
    }
    let begun_at = Instant::now();
    // Intake first: it is the one that is waited for.
    for service in SERVICES {
        ground.service(service.name())?.start_again()?;
    }
    register(ground, rounds).await?;
    rounds.start.push(millis(begun_at.elapsed()));
    for process in ground.services.values_mut() {
        process.ready().await?;
    }
    Ok(())
}

async fn restart(ground: &mut Ground, rounds: &mut Rounds) -> anyhow::Result<()> {
    for service in SERVICES {
        let name = service.name();
        let begun_at = Instant::now();
        let process = ground.service(name)?;
        anyhow::ensure!(process.stop().await?, "{name} did not end in order");
        process.start_again()?;
        if name == "intake" {
            register(ground, rounds).await?;
        } else {
            process.ready().await?;
        }
        rounds.restart.entry(name).or_default().push(millis(begun_at.elapsed()));
        ground.service(name)?.ready().await?;
    }
    Ok(())
}

fn figures(rounds: &Rounds, binary: f64) -> Vec<Figure> {
    let (in_all, alone) = (together(&rounds.proportional), together(&rounds.private));
    let mut figures = vec![
        Figure::new("idle", "all five together: what they share counts once", "MB", in_all)
            .target(Target::AtMost(75.0)),
        Figure::new("idle", "of it private", "MB", alone),
        Figure::new("idle", "all five, resident: what they share counts five times", "MB", together(&rounds.resident)),
    ];
    for (kind, of) in [("private", &rounds.private), ("resident", &rounds.resident)] {
        for (name, values) in of {
            figures.push(Figure::new("idle", &format!("{name}, {kind}"), "MB", values.clone()));
        }
    }
    figures.push(
        Figure::new("start", "with data, until the first post is acknowledged", "ms", rounds.start.clone())
            .target(Target::AtMost(1_000.0)),
    );
    for (name, values) in &rounds.restart {
        let figure = Figure::new("restart", name, "ms", values.clone());
        figures.push(figure.target(Target::AtMost(150.0)));
    }
    figures.push(Figure::new("size", "the one binary", "MB", vec![binary]));
    figures
}

fn charts(rounds: &Rounds) -> Vec<Chart> {
    let names: Vec<&'static str> = rounds.resident.keys().copied().collect();
    let middle =
        |of: &Each| names.iter().map(|name| of.get(name).map_or(0.0, |values| median(values))).collect::<Vec<f64>>();
    let groups: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let series = |name: &str, values: Vec<f64>| Series { name: name.to_owned(), values };
    vec![
        Chart {
            title: "Memory of each service when idle".to_owned(),
            unit: "MB".to_owned(),
            groups: groups.clone(),
            series: vec![
                series("resident", middle(&rounds.resident)),
                series("proportional", middle(&rounds.proportional)),
                series("private", middle(&rounds.private)),
            ],
        },
        Chart {
            title: "Restart of each service".to_owned(),
            unit: "ms".to_owned(),
            groups,
            series: vec![series("until it works again", middle(&rounds.restart))],
        },
    ]
}
