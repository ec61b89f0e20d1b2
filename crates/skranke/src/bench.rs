//! `skranke bench`: measures the desk beside the raw limits of this machine.

mod classify;
mod errands;

use std::time::Duration;

use anyhow::Context;
use bench::{
    ClassifyOptions, ClocksOptions, Common, ImportOptions, IntakeOptions, Outcome, PipelineOptions, Progress,
    TriageOptions,
};
use errands::Runner;
use local::servers::{Wishes, find_or_fetch};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::{Bench, BenchCommon};
use crate::output::{Output, table};
use crate::serve::install_tls;

/// How long a measurement counts where nothing else is asked for.
const SECONDS: f64 = 5.0;
/// The same for the pipeline.
const PIPELINE_SECONDS: f64 = 20.0;
/// The same for the steady stream of clocks.
const CLOCKS_SECONDS: f64 = 10.0;
/// The same for commands.
const TRIAGE_SECONDS: f64 = 10.0;

pub(crate) async fn bench(output: Output, command: Bench) -> anyhow::Result<()> {
    install_tls();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Whatever was started ends with what is dropped here.
    tokio::select! {
        done = run(output, command) => done,
        _ = terminate.recv() => anyhow::bail!("ended before it was done; nothing was kept"),
        _ = interrupt.recv() => anyhow::bail!("ended before it was done; nothing was kept"),
    }
}

async fn run(output: Output, command: Bench) -> anyhow::Result<()> {
    match command {
        Bench::Intake { connections, in_flight, on_streams, no_raw, common } => {
            let ways = connections.len() as u64 + u64::from(on_streams > 0);
            let steps = u64::from(common.rounds) * ways * 2;
            let options = IntakeOptions { connections, in_flight, on_streams, no_raw };
            let outcome =
                bench::intake(&self::common(&common, SECONDS).await?, &options, &Progress::new(steps)).await?;
            keep(output, &common, &outcome)
        }
        Bench::Pipeline { rate, highest, on_streams, common } => {
            let options = PipelineOptions { rate, highest, on_streams };
            // The desk and the bare pipeline, with all services and without those that follow.
            let progress = Progress::new(u64::from(common.rounds) * 4);
            let measured = self::common(&common, PIPELINE_SECONDS).await?;
            let outcome = bench::pipeline(&measured, &options, &Runner, &progress).await?;
            keep(output, &common, &outcome)
        }
        Bench::Clocks { clocks, burst, rate, common } => {
            let options = ClocksOptions { clocks, burst, rate };
            // Loading, comparing and computing, and in each round a start, a burst, a stream and their raw limits.
            let progress = Progress::new(3 + u64::from(common.rounds) * 7);
            let outcome = bench::clocks(&self::common(&common, CLOCKS_SECONDS).await?, &options, &progress).await?;
            keep(output, &common, &outcome)
        }
        Bench::Triage { tickets, agents, worked_on, common } => {
            let options = TriageOptions { tickets, agents, worked_on: worked_on.max(agents) };
            let progress = Progress::new(2 + u64::from(common.rounds) * 2);
            let measured = self::common(&common, TRIAGE_SECONDS).await?;
            let outcome = bench::triage(&measured, &options, &Runner, &progress).await?;
            keep(output, &common, &outcome)
        }
        Bench::Import { file, common } => {
            anyhow::ensure!(file.is_file(), "{} is no file", file.display());
            let progress = Progress::new(u64::from(common.rounds));
            let measured = self::common(&common, SECONDS).await?;
            let outcome = bench::import(&measured, &ImportOptions { file }, &Runner, &progress).await?;
            keep(output, &common, &outcome)
        }
        Bench::Classify { file, train, threshold, memory, common } => {
            anyhow::ensure!(file.is_file(), "{} is no file", file.display());
            let options = ClassifyOptions { train, threshold, memory: usize::try_from(memory)? };
            let progress = Progress::new(u64::from(common.rounds) * 4);
            let log = classify::registered(&file)?;
            let outcome = bench::classify(&self::common(&common, SECONDS).await?, &options, log, &progress)?;
            keep(output, &common, &outcome)
        }
        Bench::Footprint { common } => {
            let progress = Progress::new(u64::from(common.rounds));
            let outcome = bench::footprint(&self::common(&common, SECONDS).await?, &Runner, &progress).await?;
            keep(output, &common, &outcome)
        }
        Bench::Report { results, page } => {
            let kept = Outcome::kept(&results)?;
            let page = page.unwrap_or_else(|| results.join("index.html"));
            std::fs::write(&page, bench::page(&kept)?).with_context(|| format!("cannot write {}", page.display()))?;
            let benches: Vec<&str> = kept.iter().map(|outcome| outcome.bench.as_str()).collect();
            let value = json!({ "page": page.display().to_string(), "benches": benches });
            output.value(&value, || format!("{} shows {}", page.display(), benches.join(", ")))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
async fn common(options: &BenchCommon, seconds: f64) -> anyhow::Result<Common> {
    let wishes = Wishes::read(|name| std::env::var_os(name));
    Ok(Common {
        rounds: options.rounds,
        window: Duration::from_secs_f64(options.seconds.unwrap_or(seconds)),
        folder: options.folder.clone(),
        program: std::env::current_exe().context("this program's own file is not known")?,
        binaries: find_or_fetch(&wishes, &|text| eprintln!("· {text}")).await?,
    })
}

/// Keeps an outcome and shows it. Fails if something was lost or doubled.
fn keep(output: Output, options: &BenchCommon, outcome: &Outcome) -> anyhow::Result<()> {
    let file = outcome.keep(&options.results)?;
    output.value(&serde_json::to_value(outcome)?, || format!("{}\nkept in {}", words(outcome), file.display()))?;
    anyhow::ensure!(outcome.holds(), "something was lost or doubled; see the checks");
    Ok(())
}

fn words(outcome: &Outcome) -> String {
    let machine = &outcome.machine;
    let mut rows = table(&["at", "what", "median", "raw limit beside it", "ratio", "target", ""]);
    let mut before = "";
    for figure in &outcome.figures {
        let value = |value: f64| format!("{} {}", bench::number(value), figure.unit);
        let beside = figure.beside.as_ref();
        let target = figure.target.map(|target| target.words(&figure.unit)).unwrap_or_default();
        let met = figure.is_met().map_or("", |met| if met { "✓" } else { "✗" });
        rows.add_row([
            if figure.at == before { String::new() } else { figure.at.clone() },
            figure.name.clone(),
            value(figure.value),
            beside.map(|raw| format!("{} ({})", value(raw.value), raw.name)).unwrap_or_default(),
            beside.map(|raw| bench::number(raw.ratio)).unwrap_or_default(),
            target,
            met.to_owned(),
        ]);
        before = &figure.at;
    }
    let checks: Vec<String> = outcome
        .checks
        .iter()
        .map(|check| {
            let wanted = if check.at_least == check.at_most {
                check.at_least.to_string()
            } else {
                format!("{} to {}", check.at_least, check.at_most)
            };
            format!("{} {}: {} of {wanted}", if check.holds() { "✓" } else { "✗" }, check.what, check.found)
        })
        .collect();
    format!(
        "{}\n{} × {}, {} GB, Linux {}, {}: a page synced in {} ms\nskranke {}, Postgres {}, nats-server {}; \
         load {} before, {} after; {}\n\n{rows}\n\n{}\n\n{}",
        outcome.about,
        machine.cores,
        machine.cpu,
        bench::number(machine.memory as f64 / 1e9),
        machine.kernel,
        machine.file_system,
        bench::number(machine.sync_ms),
        machine.skranke,
        machine.postgres,
        machine.nats,
        machine.load_before,
        machine.load_after,
        outcome.begun_at.strftime("%Y-%m-%d %H:%M UTC"),
        checks.join("\n"),
        outcome.notes.join("\n"),
    )
}
