//! Load: a closed loop (each caller waits for its answer) and an open one (calls begin at their instants, whatever the
//! answers do).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::JoinSet;

use crate::latency::{Latency, Times};

/// One caller of a closed loop.
pub(crate) trait Caller: Send + 'static {
    /// What it is answered.
    type Answer: Send + 'static;

    /// One call: the answer, or why there is none.
    fn call(&mut self) -> impl Future<Output = Result<Self::Answer, String>> + Send;

    /// How many tickets one call is.
    fn tickets(&self) -> u64 {
        1
    }
}

/// What a loop did.
pub(crate) struct Loaded<C: Caller> {
    /// The callers, as they are now.
    pub(crate) callers: Vec<C>,
    /// Tickets per second in the window.
    pub(crate) per_second: f64,
    /// How long its calls took.
    pub(crate) latency: Latency,
    /// Every answer, also those outside of the window.
    pub(crate) answers: Vec<C::Answer>,
    /// Tickets of all answers.
    pub(crate) tickets: u64,
    /// Calls without an answer, by why.
    pub(crate) failures: BTreeMap<String, u64>,
}

struct Part<C: Caller> {
    caller: C,
    times: Times,
    counted: u64,
    tickets: u64,
    answers: Vec<C::Answer>,
    failures: BTreeMap<String, u64>,
}

/// Lets every caller call again as soon as it is answered. Only what is answered in the window counts; calls that began
/// in it are waited for.
pub(crate) async fn closed_loop<C: Caller>(
    callers: Vec<C>,
    warm_up: Duration,
    window: Duration,
) -> anyhow::Result<Loaded<C>> {
    let from = Instant::now() + warm_up;
    let until = from + window;
    let mut calling = JoinSet::new();
    for caller in callers {
        let times = Times::new()?;
        calling.spawn(call_until(caller, times, from, until));
    }
    let (mut times, mut counted) = (Times::new()?, 0);
    let mut loaded = Loaded {
        callers: Vec::new(),
        per_second: 0.0,
        latency: Latency::default(),
        answers: Vec::new(),
        tickets: 0,
        failures: BTreeMap::new(),
    };
    while let Some(part) = calling.join_next().await {
        let part = part.context("a caller panicked")?;
        times.add(&part.times)?;
        counted += part.counted;
        loaded.tickets += part.tickets;
        loaded.answers.extend(part.answers);
        loaded.callers.push(part.caller);
        for (why, count) in part.failures {
            *loaded.failures.entry(why).or_default() += count;
        }
    }
    (loaded.per_second, loaded.latency) = (counted as f64 / window.as_secs_f64(), times.summary());
    Ok(loaded)
}

async fn call_until<C: Caller>(caller: C, times: Times, from: Instant, until: Instant) -> Part<C> {
    let mut part = Part { caller, times, counted: 0, tickets: 0, answers: Vec::new(), failures: BTreeMap::new() };
    loop {
        let begun_at = Instant::now();
        if begun_at >= until {
            return part;
        }
        match part.caller.call().await {
            Ok(answer) => {
                let now = Instant::now();
                if now >= from && now < until {
                    part.times.record(now.duration_since(begun_at));
                    part.counted += part.caller.tickets();
                }
                part.tickets += part.caller.tickets();
                part.answers.push(answer);
            }
            Err(why) => *part.failures.entry(why).or_default() += 1,
        }
    }
}

/// The instants of an open loop: the same distance between any two, and never moved by what became of the calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    begin: Instant,
    per_second: f64,
}

impl Schedule {
    pub(crate) fn new(begin: Instant, per_second: f64) -> Self {
        Self { begin, per_second }
    }

    /// When a call is due, counted from 0.
    pub(crate) fn due(&self, number: u64) -> Instant {
        self.begin + Duration::from_secs_f64(number as f64 / self.per_second)
    }
}

/// Begins every call at its instant, as many at once as it takes, and waits for all.
///
/// The instants are kept by a thread of its own, which sleeps more exactly than the runtime does.
pub(crate) async fn open_loop<F, C>(schedule: Schedule, calls: u64, call: F) -> anyhow::Result<Vec<C::Output>>
where
    F: Fn(u64, Instant) -> C,
    C: Future<Output: Send + 'static> + Send + 'static,
{
    let (sender, mut due) = tokio::sync::mpsc::unbounded_channel();
    let pacing = tokio::task::spawn_blocking(move || {
        for number in 0..calls {
            let at = schedule.due(number);
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            if sender.send((number, at)).is_err() {
                return;
            }
        }
    });
    let mut calling = JoinSet::new();
    while let Some((number, at)) = due.recv().await {
        calling.spawn(call(number, at));
    }
    pacing.await.context("the pacer panicked")?;
    let mut outputs = Vec::with_capacity(calling.len());
    while let Some(output) = calling.join_next().await {
        outputs.push(output.context("a call panicked")?);
    }
    Ok(outputs)
}
