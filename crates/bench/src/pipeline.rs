//! `skranke bench pipeline`: from a post until its promises run, at a fixed rate, beside a bare pipeline.

mod told;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use contracts::{sla_timer, triage};
use local::SERVICES;

use crate::bare;
use crate::cpu::CpuMs;
use crate::door::Door;
use crate::follow::{self, Seen, Sent};
use crate::ground::Ground;
use crate::latency::Latency;
use crate::load::{Schedule, open_loop};
use crate::outcome::{Check, Outcome};
use crate::store;
use crate::store::count::{self, Rows};
use crate::{Common, Errands, Progress, post};

/// Connections over which posts are sent.
const DOORS: u64 = 16;
/// At the highest rate that holds, no clock starts later than this (99 of 100).
const HOLDS_P99_MS: f64 = 1_000.0;
/// Messages that a ticket brings to all listeners: its registration to four, its triage to two, two clocks to one.
const MESSAGES_PER_TICKET: f64 = 8.0;
/// Each step raises the rate by this factor, until one does not hold.
const RAISE: f64 = 1.5;
/// How often it is then halved in on what is between.
const BISECTIONS: u32 = 3;
/// Rates beyond this are none of a desk's.
const HIGHEST_RATE: f64 = 50_000.0;
/// Services that the way from the post to the clock does not lead through; the second measurement is without them, since
/// the bare pipeline has nobody in their place.
const FOLLOWERS: [&str; 2] = ["knowledge-base", "reporting"];

/// How `skranke bench pipeline` is run.
#[derive(Debug, Clone)]
pub struct PipelineOptions {
    /// Posts per second.
    pub rate: f64,
    /// Also look for the highest rate that holds.
    pub highest: bool,
    /// All posts of a connection over one stream, instead of a call for each.
    pub on_streams: bool,
}

/// One run at one rate.
struct Run {
    rate: f64,
    /// Posts that were acknowledged, and those that were not, by why.
    sent: Vec<Sent>,
    failures: BTreeMap<String, u64>,
    acknowledged: Latency,
    triaged: Latency,
    clock: Latency,
    /// Posts of which no clock was seen when all was handled.
    unseen: u64,
    /// Messages not handled when the last post was answered.
    behind: u64,
    /// Until everybody had handled everything.
    cpu: CpuMs,
}

/// The bare pipeline in the same round.
struct BareRun {
    acknowledged: Latency,
    heard: Latency,
    done: Latency,
    cpu: CpuMs,
    posts: f64,
}

/// Rounds of the desk and the bare pipeline in turn.
#[derive(Default)]
struct Rounds {
    desk: Vec<Run>,
    bare: Vec<BareRun>,
}

/// All that was measured.
struct Measured {
    /// With all services, then without the followers.
    everybody: Rounds,
    alone: Rounds,
    steps: Vec<Run>,
}

/// The desk as a caller and a listener see it.
struct Desk {
    doors: Arc<Vec<Door>>,
    triaged: Seen,
    clocks: Seen,
    runs: u32,
    posted: u64,
    in_doubt: u64,
}

/// Measures the pipeline.
///
/// # Errors
/// If something does not start, or the bare pipeline fails.
pub async fn pipeline(
    common: &Common,
    options: &PipelineOptions,
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
    store::bare::prepare(&ground.desk.postgres).await?;
    let mut desk = Desk::connect(&ground, options.on_streams).await?;
    // The first posts warm caches and plans, and tell how large the rows are.
    desk.run(&ground, options.rate.min(200.0), Duration::from_secs(1), Duration::ZERO).await?;
    let mut bare = bare::Pipeline::start(&ground, count::sizes(&ground.desk.postgres).await?).await?;
    let everybody = in_turn(&ground, &mut desk, &mut bare, "all services", options.rate, common, progress).await?;
    let steps = match options.highest {
        true => highest(&ground, &mut desk, options.rate, common, progress).await?,
        false => Vec::new(),
    };
    for follower in FOLLOWERS {
        ground.end(follower).await?;
    }
    let who = "without those that follow";
    let alone = in_turn(&ground, &mut desk, &mut bare, who, options.rate, common, progress).await?;
    progress.say("the others catch up");
    for follower in FOLLOWERS {
        ground.start(local::service(follower).context("there is no such service")?)?;
        ground.service(follower)?.ready().await?;
    }
    ground.settle().await?;
    progress.say("counting");
    let checks = check(&ground, &desk).await?;
    let machine = ground.clear().await?;
    progress.finish();
    let measured = Measured { everybody, alone, steps };
    Ok(told::outcome(common, options, begun_at, machine, &measured, checks))
}

/// The desk and the bare pipeline at the same rate, in turn.
async fn in_turn(
    ground: &Ground,
    desk: &mut Desk,
    bare: &mut bare::Pipeline,
    who: &str,
    rate: f64,
    common: &Common,
    progress: &Progress,
) -> anyhow::Result<Rounds> {
    let mut rounds = Rounds::default();
    for round in 1..=common.rounds {
        progress.say(&format!("round {round}: the desk at {rate}/s, {who}"));
        let run = desk.run(ground, rate, common.window, common.warm_up()).await?;
        progress.note(&format!("{who}: {}", told::run(&run)));
        rounds.desk.push(run);
        progress.step();
        progress.say(&format!("round {round}: the bare pipeline at {rate}/s"));
        let run = run_bare(ground, bare, rate, common).await?;
        progress.note(&told::bare(&run));
        rounds.bare.push(run);
        progress.step();
    }
    Ok(rounds)
}

impl Desk {
    async fn connect(ground: &Ground, on_streams: bool) -> anyhow::Result<Self> {
        let endpoint = ground.doors()?.endpoints.get("intake").context("intake does not run")?.clone();
        let grants = post::grants();
        let grants: Vec<_> = grants.iter().map(|(role, client)| (*role, client.as_str())).collect();
        let mut doors = Vec::new();
        for number in 0..DOORS {
            let token = ground.token(&format!("system-{number}"), &grants)?;
            doors.push(Door::open(&endpoint, &token, on_streams).await?);
        }
        let bus = async_nats::connect(ground.desk.nats.url()).await.context("cannot listen to the bus")?;
        Ok(Self {
            doors: Arc::new(doors),
            triaged: follow::watch::<triage::v1::Event>(&bus, "ticket_triaged").await?,
            clocks: follow::watch::<sla_timer::v1::Event>(&bus, "clock_started").await?,
            runs: 0,
            posted: 0,
            in_doubt: 0,
        })
    }

    /// Posts at a rate for `window` after a warm-up, and waits until all is handled.
    async fn run(&mut self, ground: &Ground, rate: f64, window: Duration, warm_up: Duration) -> anyhow::Result<Run> {
        self.runs += 1;
        store::freshen(&ground.desk.postgres).await?;
        let posts = ((warm_up + window).as_secs_f64() * rate).round() as u64;
        let before = ground.cpu()?;
        let begin = Instant::now() + Duration::from_millis(50);
        let (doors, run) = (Arc::clone(&self.doors), self.runs);
        let answers = open_loop(Schedule::new(begin, rate), posts, move |number, due_at| {
            let index = usize::try_from(number).unwrap_or_default() % doors.len().max(1);
            let door = doors.get(index).cloned();
            async move { send(door, &format!("run-{run}"), number, due_at).await }
        })
        .await?;
        let behind = ground.unhandled().await?;
        let (mut sent, mut failures) = (Vec::with_capacity(answers.len()), BTreeMap::<String, u64>::new());
        for answer in answers {
            match answer {
                Ok(one) => sent.push(one),
                Err(why) => *failures.entry(why).or_default() += 1,
            }
        }
        self.posted += sent.len() as u64;
        self.in_doubt += failures.values().sum::<u64>();
        self.all_seen(&sent).await;
        ground.settle().await?;
        let cpu = ground.cpu()?.since(&before);
        let counted: Vec<Sent> = sent.iter().filter(|one| one.due_at >= begin + warm_up).copied().collect();
        let (triaged, _) = self.triaged.latency(&counted)?;
        let (clock, _) = self.clocks.latency(&counted)?;
        let (_, unseen) = self.clocks.latency(&sent)?;
        let acknowledged = follow::acknowledged(&counted)?;
        Ok(Run { rate, sent, failures, acknowledged, triaged, clock, unseen, behind, cpu })
    }

    /// Waits until a clock of every post was seen, as long as any still comes.
    async fn all_seen(&self, sent: &[Sent]) {
        let mut seen = self.clocks.count();
        let mut quiet = 0;
        while quiet < 50 && self.clocks.latency(sent).is_ok_and(|(_, missing)| missing > 0) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = self.clocks.count();
            quiet = if now == seen { quiet + 1 } else { 0 };
            seen = now;
        }
    }
}

async fn send(door: Option<Door>, caller: &str, number: u64, due_at: Instant) -> Result<Sent, String> {
    let mut door = door.ok_or("there is no connection")?;
    let ticket_id = door.post(post::post(caller, number)).await?;
    Ok(Sent { ticket_id, due_at, acknowledged_at: Instant::now() })
}

async fn run_bare(
    ground: &Ground,
    pipeline: &mut bare::Pipeline,
    rate: f64,
    common: &Common,
) -> anyhow::Result<BareRun> {
    store::freshen(&ground.desk.postgres).await?;
    pipeline.heard.clear();
    pipeline.done.clear();
    let posts = ((common.warm_up() + common.window).as_secs_f64() * rate).round() as u64;
    let before = ground.cpu()?;
    let begin = Instant::now() + Duration::from_millis(50);
    let sent = pipeline.run(Schedule::new(begin, rate), posts).await?;
    pipeline.drained(sent.len()).await?;
    let cpu = ground.cpu()?.since(&before);
    let posts = sent.len() as f64;
    let counted: Vec<Sent> = sent.into_iter().filter(|one| one.due_at >= begin + common.warm_up()).collect();
    let (heard, _) = pipeline.heard.latency(&counted)?;
    let (done, _) = pipeline.done.latency(&counted)?;
    Ok(BareRun { acknowledged: follow::acknowledged(&counted)?, heard, done, cpu, posts })
}

impl Run {
    /// Whether the desk kept up with the rate.
    fn holds(&self) -> bool {
        let is_seen = self.failures.is_empty() && self.unseen == 0;
        // No more than a second's messages wait when the last post is answered: nothing grows.
        is_seen && self.clock.p99_ms <= HOLDS_P99_MS && (self.behind as f64) <= self.rate * MESSAGES_PER_TICKET
    }
}

/// Raises the rate until it does not hold, then looks in between.
async fn highest(
    ground: &Ground,
    desk: &mut Desk,
    from: f64,
    common: &Common,
    progress: &Progress,
) -> anyhow::Result<Vec<Run>> {
    let mut steps = Vec::new();
    let (mut held, mut rate) = (0.0, from);
    let mut broke = None;
    let mut bisections = 0;
    while bisections < BISECTIONS && rate <= HIGHEST_RATE {
        progress.say(&format!("looking for the highest rate: {rate:.0}/s"));
        let run = desk.run(ground, rate, common.window, common.warm_up()).await?;
        progress.note(&told::run(&run));
        if run.holds() {
            held = rate
        } else {
            broke = Some(rate)
        }
        steps.push(run);
        rate = match broke {
            None => rate * RAISE,
            Some(broke) => {
                bisections += 1;
                f64::midpoint(held, broke).round()
            }
        };
    }
    Ok(steps)
}

/// Everything posted is in every service exactly once.
async fn check(ground: &Ground, desk: &Desk) -> anyhow::Result<Vec<Check>> {
    let postgres = &ground.desk.postgres;
    let mut checks = Vec::new();
    let kept = count::intake(postgres, &[]).await?.tickets;
    checks.push(Check {
        what: "tickets of intake, of those acknowledged or in doubt".to_owned(),
        found: kept,
        at_least: desk.posted,
        at_most: desk.posted + desk.in_doubt,
    });
    let mut announced = 0;
    for service in SERVICES {
        let name = service.name();
        if name != "intake" && name != "knowledge-base" && name != "reporting" {
            let (rows, tickets) = count::rows(postgres, service, Rows::Tickets).await?;
            checks.push(Check::exactly(format!("tickets of {name}"), tickets, kept));
            checks.push(Check::exactly(format!("rows of {name}'s tickets, one each"), rows, kept));
        }
        if name != "knowledge-base" && name != "reporting" {
            announced += count::rows(postgres, service, Rows::Announced).await?.0;
        }
        let (letters, _) = count::rows(postgres, service, Rows::DeadLetters).await?;
        checks.push(Check::exactly(format!("dead letters of {name}"), letters, 0));
    }
    let reporting = local::service("reporting").context("there is no reporting")?;
    let (facts, tickets) = count::rows(postgres, reporting, Rows::Facts).await?;
    checks.push(Check::exactly("tickets in the report", tickets, kept));
    checks.push(Check::exactly("facts in the report, of those announced", facts, announced));
    Ok(checks)
}
