//! `skranke bench clocks`: a multitude of running clocks, and how late those speak that are due.

mod armed;
mod heard;
mod publish;
mod told;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use contracts::sla_timer::v1::sla_timer_service_client::SlaTimerServiceClient;
use contracts::sla_timer::v1::{ClockState, ListClocksRequest};
use contracts::{from_duration, from_timestamp};
use jiff::{SignedDuration, Timestamp};
use local::Service;
use tokio::task::JoinSet;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use uuid::Uuid;

use crate::cpu::{self, CpuMs, Memory};
use crate::ground::Ground;
use crate::latency::{Latency, Times};
use crate::machine::millis;
use crate::outcome::{Check, Outcome};
use crate::store::clocks::{Claimer, Counted, Loader};
use crate::store::{self};
use crate::{Common, Progress, post};
use heard::{Heard, Told};
use publish::Published;

pub(crate) use armed::{Armed, Rows};

/// Tickets written in one transaction.
const AT_ONCE: u64 = 10_000;
/// Transactions at once.
const WRITERS: usize = 2;
/// How long the service is left alone before its memory is read: no longer than a measurement.
const IDLE_FOR: Duration = Duration::from_secs(4);
/// What is to fire is written so long before, and longer the more there is.
const AHEAD: SignedDuration = SignedDuration::from_secs(4);
const AHEAD_PER_THOUSAND: SignedDuration = SignedDuration::from_millis(400);
/// By then it must be written: the service reads two seconds ahead.
const WRITTEN_BEFORE: SignedDuration = SignedDuration::from_millis(2_500);
/// Tickets that the service computes anew to compare them with what was loaded.
const SAMPLE: usize = 100;
/// Facts of the long ticket.
const LONG: u64 = 5_000;
/// How often it is asked for.
const ASKED: u32 = 20;
/// Those who claim in the raw limit.
const CLAIMERS: usize = 2;
const MEGABYTE: f64 = 1e6;

/// How `skranke bench clocks` is run.
#[derive(Debug, Clone)]
pub struct ClocksOptions {
    /// Clocks that run.
    pub clocks: u64,
    /// Clocks due within one second.
    pub burst: u64,
    /// Clocks due per second in the steady stream; its length is the window's.
    pub rate: u64,
}

/// What fires together.
struct Firing {
    told: Told,
    clocks: u64,
    cpu: CpuMs,
    bare: Latency,
    /// Of Postgres under the raw limit, of one clock.
    bare_ms: f64,
    published: Published,
}

/// A ticket of many facts and one of two, computed anew.
#[derive(Default)]
struct Computed {
    long: Latency,
    short: Latency,
}

#[derive(Default)]
struct Rounds {
    empty_mb: f64,
    load_seconds: f64,
    bytes: u64,
    armed_mb: Vec<f64>,
    highest_mb: Vec<f64>,
    start: Vec<f64>,
    burst: Vec<Firing>,
    stream: Vec<Firing>,
    computed: Computed,
    checks: Vec<Check>,
    /// All that were made to fire.
    fired: u64,
}

/// What is measured, and how far it is.
struct Run<'r> {
    ground: Ground,
    service: Service,
    options: &'r ClocksOptions,
    common: &'r Common,
    progress: &'r Progress,
    loader: Loader,
    heard: Heard,
    next: u64,
    rounds: Rounds,
}

/// Measures running clocks.
///
/// # Errors
/// If something does not start, or the raw limit fails.
pub async fn clocks(common: &Common, options: &ClocksOptions, progress: &Progress) -> anyhow::Result<Outcome> {
    let begun_at = chassis::Clock::System.now();
    let service = local::service("sla-timer").context("there is no sla-timer")?;
    let mut ground = Ground::lay(common, &[service], progress).await?;
    apply_contracts(&ground).await?;
    store::prepare_raw(&ground.desk.postgres).await?;
    store::clocks::prepare_bare(&ground.desk.postgres).await?;
    progress.note(&format!("sla-timer runs as process {}", ground.service("sla-timer")?.pid()?));
    let loader = Loader::connect(&ground.desk.postgres, &service).await?;
    let heard = Heard::listen(&ground).await?;
    let rounds = Rounds::default();
    let mut run = Run { ground, service, options, common, progress, loader, heard, next: 0, rounds };
    run.arm().await?;
    run.compare().await?;
    for round in 1..=common.rounds {
        run.round(round).await?;
    }
    run.compute().await?;
    run.count().await?;
    let Run { ground, loader, heard, rounds, .. } = run;
    heard.end().await;
    loader.close().await?;
    let machine = ground.clear().await?;
    progress.finish();
    Ok(told::outcome(common, options, begun_at, machine, rounds))
}

async fn apply_contracts(ground: &Ground) -> anyhow::Result<()> {
    let (mut client, bearer) = door(ground).await?;
    for number in 0..post::CLIENTS {
        let mut request = tonic::Request::new(armed::contract(number));
        request.metadata_mut().insert("authorization", bearer.clone());
        client.apply_contract(request).await?;
    }
    Ok(())
}

async fn door(ground: &Ground) -> anyhow::Result<(SlaTimerServiceClient<Channel>, MetadataValue<Ascii>)> {
    let doors = ground.doors()?;
    let endpoint = doors.endpoints.get("sla-timer").context("sla-timer does not run")?.clone();
    let channel = Endpoint::from_shared(endpoint)?.tcp_nodelay(true).connect().await?;
    let client = SlaTimerServiceClient::new(channel).max_decoding_message_size(64 << 20);
    Ok((client, format!("Bearer {}", doors.token).parse()?))
}

impl Run<'_> {
    fn pid(&mut self) -> anyhow::Result<u32> {
        self.ground.service(self.service.name())?.pid()
    }

    /// Numbers for tickets that are new.
    fn numbers(&mut self, count: u64) -> std::ops::Range<u64> {
        let from = self.next;
        self.next += count;
        from..self.next
    }

    /// Writes the clocks that only run.
    async fn arm(&mut self) -> anyhow::Result<()> {
        self.progress.say("idle, without clocks");
        tokio::time::sleep(IDLE_FOR.min(self.common.window)).await;
        self.rounds.empty_mb = Memory::of(self.pid()?)?.resident as f64 / MEGABYTE;
        let numbers = self.numbers(self.options.clocks);
        let now = chassis::Clock::System.now();
        let begun_at = Instant::now();
        let next = Arc::new(AtomicU64::new(numbers.start));
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            let mut loader = Loader::connect(&self.ground.desk.postgres, &self.service).await?;
            let (next, numbers, progress) = (Arc::clone(&next), numbers.clone(), self.progress.clone());
            writers.spawn(async move {
                loop {
                    let from = next.fetch_add(AT_ONCE, Ordering::Relaxed);
                    if from >= numbers.end {
                        return loader.close().await;
                    }
                    if from % (AT_ONCE * 10) == 0 {
                        progress.say(&format!("{from} of {} clocks run", numbers.end));
                    }
                    let until = (from + AT_ONCE).min(numbers.end);
                    let all: Vec<Armed> = (from..until).map(|number| Armed::far(number, now)).collect();
                    loader.write(&Rows::of(&all)?).await?;
                }
            });
        }
        while let Some(written) = writers.join_next().await {
            written??;
        }
        self.rounds.load_seconds = begun_at.elapsed().as_secs_f64();
        self.progress.say("tidying up");
        self.loader.tidy().await?;
        store::checkpoint(&self.ground.desk.postgres).await?;
        self.rounds.bytes = self.loader.bytes().await?;
        self.progress.note(&format!(
            "{} clocks run after {:.1} s; {:.0} MB on disk",
            self.options.clocks,
            self.rounds.load_seconds,
            self.rounds.bytes as f64 / MEGABYTE
        ));
        self.progress.step();
        Ok(())
    }

    /// Lets the service compute a sample anew: what it would have written must be what was loaded.
    async fn compare(&mut self) -> anyhow::Result<()> {
        self.progress.say("comparing with what the service computes");
        let now = chassis::Clock::System.now();
        let mut sample: Vec<Armed> = Vec::new();
        for number in self.numbers(SAMPLE as u64) {
            sample.push(if number % 2 == 0 {
                Armed::far(number, now)
            } else {
                Armed::near(number, now.saturating_add(SignedDuration::from_mins(20))?)
            });
        }
        self.loader.write(&Rows::of(&sample)?).await?;
        let same = self.same(&sample).await?;
        let ticket_ids: Vec<Uuid> = sample.iter().map(|one| one.ticket_id).collect();
        let before = self.loader.look_now(&ticket_ids).await?;
        let begun_at = Instant::now();
        while self.loader.next(&ticket_ids).await? != before {
            anyhow::ensure!(begun_at.elapsed() < Duration::from_secs(20), "the service does not look at what is due");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let untouched = self.loader.untouched(&ticket_ids, 1).await?;
        let told = self.loader.told_of(&ticket_ids).await?;
        let wanted = sample.len() as u64;
        self.rounds.checks.extend([
            Check::exactly("clocks loaded that ListClocks computes as they were loaded, of a sample", same, wanted),
            Check::exactly("of these, clocks that the service leaves as they are when it looks", untouched, wanted),
            Check::exactly("announcements that it finds missing", told, 0),
        ]);
        self.progress.step();
        Ok(())
    }

    /// How many the service computes as they were loaded.
    async fn same(&self, sample: &[Armed]) -> anyhow::Result<u64> {
        let (mut client, bearer) = door(&self.ground).await?;
        let mut same = 0;
        for one in sample {
            let mut request = tonic::Request::new(ListClocksRequest { ticket: one.ticket_id.to_string() });
            request.metadata_mut().insert("authorization", bearer.clone());
            let clocks = client.list_clocks(request).await?.into_inner().clocks;
            let [clock] = clocks.as_slice() else { continue };
            let target = clock.target_for.as_ref().and_then(from_duration);
            same += u64::from(
                clock.clock_id == one.clock_id().to_string()
                    && clock.state() == ClockState::Running
                    && clock.started_at.as_ref().and_then(from_timestamp) == Some(one.registered_at)
                    && clock.due_at.as_ref().and_then(from_timestamp) == Some(one.due_at)
                    && target == Some(one.due_at.duration_since(one.registered_at)),
            );
        }
        Ok(same)
    }

    async fn round(&mut self, round: u32) -> anyhow::Result<()> {
        self.progress.say(&format!("round {round}: idle"));
        tokio::time::sleep(IDLE_FOR.min(self.common.window)).await;
        let resident = Memory::of(self.pid()?)?.resident;
        self.rounds.armed_mb.push(resident as f64 / MEGABYTE);
        self.progress.say(&format!("round {round}: a start"));
        self.start().await?;
        self.progress.say(&format!("round {round}: {} clocks due within one second", self.options.burst));
        let burst = self.fire(self.options.burst, Duration::from_secs(1)).await?;
        self.progress.note(&told::firing("burst", &burst));
        self.rounds.burst.push(burst);
        let seconds = self.common.window.as_secs_f64();
        self.progress.say(&format!("round {round}: {} clocks a second for {seconds} s", self.options.rate));
        let count = (self.options.rate as f64 * seconds).round() as u64;
        let stream = self.fire(count, self.common.window).await?;
        self.progress.note(&told::firing("stream", &stream));
        self.rounds.stream.push(stream);
        let highest = cpu::highest(self.pid()?)?;
        self.rounds.highest_mb.push(highest as f64 / MEGABYTE);
        Ok(())
    }

    /// Stops the service, lets one clock be due, and starts it again.
    async fn start(&mut self) -> anyhow::Result<()> {
        let name = self.service.name();
        anyhow::ensure!(self.ground.service(name)?.stop().await?, "{name} did not end in order");
        let before = self.heard.count();
        let all: Vec<Armed> = self.numbers(1).map(|number| Armed::near(number, chassis::Clock::System.now())).collect();
        self.loader.write(&Rows::of(&all)?).await?;
        let begun_at = Instant::now();
        self.ground.service(name)?.start_again()?;
        self.heard.until(before + 1).await?;
        let took = millis(begun_at.elapsed());
        self.ground.service(name)?.ready().await?;
        self.progress.note(&format!("the first breach {took:.0} ms after the start"));
        self.rounds.start.push(took);
        self.rounds.fired += 1;
        self.progress.step();
        Ok(())
    }

    /// Writes so many clocks that are due within `span`, evenly, and waits until all have spoken; then the raw limit.
    async fn fire(&mut self, count: u64, span: Duration) -> anyhow::Result<Firing> {
        store::freshen(&self.ground.desk.postgres).await?;
        let from = chassis::Clock::System.now();
        let ahead = AHEAD_PER_THOUSAND * i32::try_from(count / 1_000).unwrap_or(i32::MAX);
        let from = from.saturating_add(AHEAD)?.saturating_add(ahead)?;
        let all = due_from(self.numbers(count), from, span)?;
        for some in all.chunks(usize::try_from(AT_ONCE)?) {
            self.loader.write(&Rows::of(some)?).await?;
        }
        store::checkpoint(&self.ground.desk.postgres).await?;
        let left = from.duration_since(chassis::Clock::System.now());
        anyhow::ensure!(left >= WRITTEN_BEFORE, "what is to fire was written too late, {left:#} before");
        let before = self.heard.count();
        let used = self.ground.cpu()?;
        self.heard.until(before + all.len()).await?;
        let cpu = self.ground.cpu()?.since(&used);
        let told = self.heard.told(&all, before)?;
        self.rounds.fired += count;
        self.progress.step();
        let (bare, bare_ms) = self.bare(count, span).await?;
        self.progress.step();
        let published = publish::publish(&self.ground, count, span).await?;
        self.progress.step();
        Ok(Firing { told, clocks: count, cpu, bare, bare_ms, published })
    }

    /// The same number due in the same time, claimed and marked by bare Postgres.
    async fn bare(&self, count: u64, span: Duration) -> anyhow::Result<(Latency, f64)> {
        let postgres = &self.ground.desk.postgres;
        let from = chassis::Clock::System.now().saturating_add(SignedDuration::from_secs(2))?;
        let all = due_from(0..count, from, span)?;
        let mut first = Claimer::connect(postgres).await?;
        for some in all.chunks(usize::try_from(AT_ONCE)?) {
            first.load(some).await?;
        }
        // Nobody asks before there is something to find.
        let clock = chassis::Clock::System;
        clock.wait_until(Some(from), Duration::from_secs(10)).await;
        let before = self.ground.cpu()?;
        let left = Arc::new(AtomicU64::new(count));
        let mut claiming = JoinSet::new();
        let mut claimers = vec![first];
        for _ in 1..CLAIMERS {
            claimers.push(Claimer::connect(postgres).await?);
        }
        for claimer in claimers {
            claiming.spawn(claim(claimer, Arc::clone(&left)));
        }
        let mut times = Times::new()?;
        while let Some(part) = claiming.join_next().await {
            times.add(&part??)?;
        }
        let used = self.ground.cpu()?.since(&before);
        Ok((times.summary(), used.of(cpu::POSTGRES) / count.max(1) as f64))
    }

    /// What it costs to compute one ticket of many facts anew.
    async fn compute(&mut self) -> anyhow::Result<()> {
        self.progress.say(&format!("a ticket of {LONG} facts"));
        let now = chassis::Clock::System.now();
        let mut sample = Vec::new();
        for number in self.numbers(2) {
            sample.push(Armed::far(number, now.saturating_sub(SignedDuration::from_hours(24 * 10))?));
        }
        let [long, short] = sample.as_slice() else { anyhow::bail!("two were asked for") };
        self.loader.write(&Rows::of_long(long, LONG, now)?).await?;
        self.loader.write(&Rows::of([short])?).await?;
        let begun_at = Instant::now();
        while self.loader.untouched(&[long.ticket_id], 1).await? == 0 {
            anyhow::ensure!(begun_at.elapsed() < Duration::from_secs(20), "the long ticket's clock does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.rounds.computed.long = self.asked(long).await?;
        self.rounds.computed.short = self.asked(short).await?;
        self.progress.step();
        Ok(())
    }

    async fn asked(&self, one: &Armed) -> anyhow::Result<Latency> {
        let (mut client, bearer) = door(&self.ground).await?;
        let mut times = Times::new()?;
        for _ in 0..ASKED {
            let mut request = tonic::Request::new(ListClocksRequest { ticket: one.reference() });
            request.metadata_mut().insert("authorization", bearer.clone());
            let begun_at = Instant::now();
            let clocks = client.list_clocks(request).await?.into_inner().clocks;
            times.record(begun_at.elapsed());
            anyhow::ensure!(clocks.len() == 1, "{} has {} clocks", one.reference(), clocks.len());
        }
        Ok(times.summary())
    }

    /// Each exactly once: in the rows, in the outbox and on the stream.
    async fn count(&mut self) -> anyhow::Result<()> {
        self.progress.say("counting");
        let Counted { clocks, breached, told, distinct } = self.loader.count().await?;
        // Whatever would come twice has had time to.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (fired, loaded) = (self.rounds.fired, self.next);
        let firings = || self.rounds.burst.iter().chain(&self.rounds.stream);
        let each: u64 = firings().map(|firing| firing.clocks).sum();
        let checks = [
            Check::exactly("clocks in the store", clocks, loaded),
            Check::exactly("clocks breached in the store, of those that were due", breached, fired),
            Check::exactly("breaches in the outbox", told, fired),
            Check::exactly("of them different ones", distinct, fired),
            Check::exactly("breaches on the stream", self.heard.count() as u64, fired),
            Check::exactly("clocks of bursts and streams heard of", firings().map(|one| one.told.clocks).sum(), each),
            Check::exactly("breaches heard of twice", firings().map(|one| one.told.repeats).sum(), 0),
            Check::exactly("breaches that name another instant", firings().map(|one| one.told.untrue).sum(), 0),
        ];
        self.rounds.checks.extend(checks);
        Ok(())
    }
}

/// Clocks that are due from an instant on, evenly over a span.
fn due_from(numbers: std::ops::Range<u64>, from: Timestamp, span: Duration) -> anyhow::Result<Vec<Armed>> {
    let count = (numbers.end - numbers.start).max(1);
    let span = u64::try_from(span.as_millis())?;
    let first = numbers.start;
    let due = |number: u64| {
        let after = SignedDuration::from_millis(i64::try_from((number - first) * span / count)?);
        Ok(Armed::near(number, from.saturating_add(after)?))
    };
    numbers.map(due).collect()
}

/// Claims what is due until all is.
async fn claim(mut claimer: Claimer, left: Arc<AtomicU64>) -> anyhow::Result<Times> {
    let mut times = Times::new()?;
    while left.load(Ordering::Relaxed) > 0 {
        let claimed = claimer.claim().await?;
        let now = chassis::Clock::System.now();
        for due_at in &claimed {
            times.record(Duration::try_from(now.duration_since(*due_at)).unwrap_or_default());
        }
        left.fetch_sub(claimed.len() as u64, Ordering::Relaxed);
        if claimed.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    Ok(times)
}

#[cfg(test)]
mod tests;
