//! Tells the facts of a ticket, in order, to its clocks.

use jiff::Timestamp;

use super::Millis;
use super::contract::{Metric, OnReopen, Priority, Promise, Terms};
use super::explain::{PauseReason, Stood};
use super::fact::{Fact, Key, Kind};
use super::run::{End, Run};

/// The ticket as far as promises see it, and the clocks it has had.
pub(super) struct Fold<'t> {
    terms: &'t Terms,
    /// Whether the runs keep their life for the explanation.
    explained: bool,
    priority: Priority,
    /// Which metrics were promised by the terms when they last took effect. A change of terms
    /// while the ticket is resolved takes effect, for clocks that do not run, when it is reopened.
    promised: [bool; 3],
    /// Whether a human ever answered.
    answered: bool,
    /// Whether the requester wrote since the last answer.
    unanswered: bool,
    /// By which fact, while it is.
    resolved: Option<Key>,
    cancelled: bool,
    waiting: Option<Stood>,
    runs: Vec<Run<'t>>,
    /// By metric, the run begun last.
    latest: [Option<usize>; 3],
}

impl<'t> Fold<'t> {
    /// The runs of a ticket as of `until`, by metric, then cycle.
    pub(super) fn over(terms: &'t Terms, facts: &[Fact], until: Timestamp, explained: bool) -> Vec<Run<'t>> {
        let mut facts: Vec<&Fact> = facts.iter().filter(|fact| fact.key.at <= until).collect();
        facts.sort_unstable();
        facts.dedup_by_key(|fact| fact.key);
        let Some((registration, priority)) = beginning(&facts) else {
            return Vec::new();
        };
        let mut fold = Self {
            terms,
            explained,
            priority,
            promised: [false; 3],
            answered: false,
            unanswered: false,
            resolved: None,
            cancelled: false,
            waiting: None,
            runs: Vec::new(),
            latest: [None; 3],
        };
        let registered_at = registration.key.at.as_millisecond();
        fold.take_effect(registered_at);
        for fact in facts {
            // Services' clocks differ: nothing happens to a ticket before it is registered.
            fold.tell(fact.key.at.as_millisecond().max(registered_at), fact);
        }
        let until = until.as_millisecond();
        for run in &mut fold.runs {
            run.advance(until, terms);
        }
        let mut runs = fold.runs;
        runs.sort_unstable_by_key(|run| (run.metric, run.cycle));
        runs
    }

    fn tell(&mut self, at: Millis, fact: &Fact) {
        if self.cancelled {
            return;
        }
        match fact.kind {
            Kind::Triaged { priority } | Kind::PriorityChanged { priority } => {
                self.priority = priority;
                self.take_effect(at);
            }
            Kind::PublicAnswer => {
                (self.answered, self.unanswered) = (true, false);
                self.end(Metric::FirstResponse, at, End::Kept);
                self.end(Metric::NextResponse, at, End::Kept);
            }
            Kind::RequesterMessage => {
                self.unanswered = true;
                if !self.lives(Metric::FirstResponse) && !self.lives(Metric::NextResponse) {
                    self.start(Metric::NextResponse, at);
                }
            }
            Kind::Waiting { reason } => {
                self.wait(at, Some(Stood { fact: fact.key, reason: PauseReason::Waiting(reason) }));
            }
            Kind::Resumed => self.wait(at, None),
            Kind::Resolved => self.resolve(at, fact.key),
            Kind::Closed if self.resolved.is_none() => self.resolve(at, fact.key),
            Kind::Reopened => self.reopen(at),
            Kind::Cancelled => {
                self.cancelled = true;
                for metric in Metric::ALL {
                    self.end(metric, at, End::Dropped);
                }
            }
            // Known already, or resolved already.
            Kind::Registered { .. } | Kind::Closed => {}
        }
    }

    /// Lets the terms of the priority in force take effect: running clocks get their target or
    /// end, and what is newly promised starts if it is still owed.
    fn take_effect(&mut self, at: Millis) {
        let terms = self.terms;
        for metric in Metric::ALL {
            let promise = self.promise(metric);
            if let Some(run) = self.living(metric) {
                match promise {
                    Some(promise) => run.retarget(at, promise, terms),
                    None => run.end(at, End::Dropped, terms),
                }
            } else if !self.promised[metric as usize] && self.owes(metric) {
                self.start(metric, at);
            }
            if self.resolved.is_none() {
                self.promised[metric as usize] = promise.is_some();
            }
        }
    }

    fn owes(&self, metric: Metric) -> bool {
        self.resolved.is_none()
            && match metric {
                Metric::FirstResponse => !self.answered,
                // One answer pays both, so the next response waits until the first is given.
                Metric::NextResponse => self.unanswered && !self.lives(Metric::FirstResponse),
                Metric::Resolution => true,
            }
    }

    fn wait(&mut self, at: Millis, waiting: Option<Stood>) {
        let terms = self.terms;
        self.waiting = waiting;
        for metric in Metric::ALL {
            let because = self.pause(metric);
            if let Some(run) = self.living(metric) {
                run.stand(at, because, terms);
            }
        }
    }

    fn resolve(&mut self, at: Millis, by: Key) {
        (self.resolved, self.unanswered, self.waiting) = (Some(by), false, None);
        for metric in Metric::ALL {
            self.end(metric, at, End::Kept);
        }
    }

    /// Reopening what is not resolved is no reopening.
    fn reopen(&mut self, at: Millis) {
        let Some(resolved) = self.resolved.take() else {
            return;
        };
        self.reopen_resolution(at, resolved);
        // Whether it goes on, started anew or stays ended is decided: not newly promised.
        self.promised[Metric::Resolution as usize] = true;
        self.take_effect(at);
    }

    fn reopen_resolution(&mut self, at: Millis, fact: Key) {
        let terms = self.terms;
        let on_reopen = terms.on_reopen();
        if on_reopen == OnReopen::None || self.promise(Metric::Resolution).is_none() {
            return;
        }
        let because = self.pause(Metric::Resolution);
        match self.latest(Metric::Resolution) {
            Some(run) if on_reopen != OnReopen::Restart && run.was_kept() => {
                run.revive(at, on_reopen == OnReopen::Continue, Stood { fact, reason: PauseReason::Resolved });
                run.stand(at, because, terms);
            }
            _ => self.start(Metric::Resolution, at),
        }
    }

    /// Starts the next cycle, if the terms in force promise it.
    fn start(&mut self, metric: Metric, at: Millis) {
        let Some(promise) = self.promise(metric) else {
            return;
        };
        let cycle = self.latest(metric).map_or(1, |run| run.cycle + 1);
        self.latest[metric as usize] = Some(self.runs.len());
        self.runs.push(Run::start((metric, cycle), promise, at, self.pause(metric), self.explained));
    }

    fn end(&mut self, metric: Metric, at: Millis, end: End) {
        let terms = self.terms;
        if let Some(run) = self.living(metric) {
            run.end(at, end, terms);
        }
    }

    fn promise(&self, metric: Metric) -> Option<Promise<'t>> {
        self.terms.promise(self.priority, metric)
    }

    /// Why a clock of this metric stands still now, if it does.
    fn pause(&self, metric: Metric) -> Option<Stood> {
        self.waiting.filter(|stood| match stood.reason {
            PauseReason::Waiting(reason) => self.terms.pauses(metric, reason),
            PauseReason::Resolved => false,
        })
    }

    fn latest(&mut self, metric: Metric) -> Option<&mut Run<'t>> {
        self.latest[metric as usize].and_then(|index| self.runs.get_mut(index))
    }

    fn living(&mut self, metric: Metric) -> Option<&mut Run<'t>> {
        self.latest(metric).filter(|run| run.lives())
    }

    fn lives(&self, metric: Metric) -> bool {
        self.latest[metric as usize].and_then(|index| self.runs.get(index)).is_some_and(Run::lives)
    }
}

/// The registration and the priority that the terms apply with from there on: that of the
/// registration, otherwise the first that anyone named.
fn beginning<'f>(facts: &[&'f Fact]) -> Option<(&'f Fact, Priority)> {
    let (fact, priority) = facts.iter().find_map(|fact| match fact.kind {
        Kind::Registered { priority } => Some((*fact, priority)),
        _ => None,
    })?;
    let named = || {
        facts.iter().find_map(|fact| match fact.kind {
            Kind::Triaged { priority } | Kind::PriorityChanged { priority } => Some(priority),
            _ => None,
        })
    };
    Some((fact, priority.or_else(named)?))
}
