//! One clock while it is being computed: one metric, one cycle.
//!
//! A run is told of the facts that concern it, in order. Between two of them it either counts
//! service time of one calendar or stands still, so all it needs is where the stretch began and
//! how much had elapsed by then.

use jiff::SignedDuration;

use super::clock::{Alarm, Clock, Next, State, Warning};
use super::contract::{Metric, Promise, Terms};
use super::explain::Stood;
use super::{Millis, timestamp};

/// What a run does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Counting,
    Standing,
    Over(State),
}

/// A part of a run's life, kept for the explanation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Span<'t> {
    /// It counted the open time of this promise's calendar.
    Counted { from: Millis, until: Millis, promise: Promise<'t> },
    /// It stood still because of this fact.
    Stood { until: Millis, because: Stood },
}

#[derive(Debug)]
pub(super) struct Run<'t> {
    pub(super) metric: Metric,
    pub(super) cycle: u32,
    pub(super) phase: Phase,
    pub(super) started_at: Millis,
    pub(super) breached_at: Option<Millis>,
    promise: Promise<'t>,
    /// Up to here everything is accounted for.
    since: Millis,
    /// Service time used up to `since`.
    elapsed: Millis,
    /// The due instant when it ended.
    due_at: Option<Millis>,
    /// How many of the warning percentages lie behind, given or jumped over.
    warned: usize,
    warnings: Vec<Warning>,
    /// Why it stands still, while it does.
    because: Option<Stood>,
    spans: Option<Vec<Span<'t>>>,
}

/// What ended a run, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// What was owed was given.
    Kept,
    /// Nothing is owed any more.
    Dropped,
}

impl<'t> Run<'t> {
    pub(super) fn start(
        (metric, cycle): (Metric, u32),
        promise: Promise<'t>,
        at: Millis,
        because: Option<Stood>,
        explained: bool,
    ) -> Self {
        Self {
            metric,
            cycle,
            phase: if because.is_some() { Phase::Standing } else { Phase::Counting },
            started_at: at,
            breached_at: None,
            promise,
            since: at,
            elapsed: 0,
            due_at: None,
            warned: 0,
            warnings: Vec::new(),
            because,
            spans: explained.then(Vec::new),
        }
    }

    /// Whether it still owes: counting or standing.
    pub(super) fn lives(&self) -> bool {
        !matches!(self.phase, Phase::Over(_))
    }

    /// Whether it ended because what it owed was given.
    pub(super) fn was_kept(&self) -> bool {
        matches!(self.phase, Phase::Over(State::Met | State::Breached))
    }

    /// Stands still from `at` on, because of a fact; or counts again.
    pub(super) fn stand(&mut self, at: Millis, because: Option<Stood>, terms: &Terms) {
        if self.lives() && self.because != because {
            self.advance(at, terms);
            self.phase = if because.is_some() { Phase::Standing } else { Phase::Counting };
            self.because = because;
        }
    }

    /// Another target from `at` on. What has elapsed stays elapsed.
    pub(super) fn retarget(&mut self, at: Millis, promise: Promise<'t>, terms: &Terms) {
        self.advance(at, terms);
        self.promise = promise;
    }

    /// Ends a living run.
    pub(super) fn end(&mut self, at: Millis, end: End, terms: &Terms) {
        self.advance(at, terms);
        self.due_at = self.due();
        self.because = None;
        self.phase = Phase::Over(match (end, self.breached_at) {
            (End::Dropped, _) => State::Cancelled,
            (End::Kept, None) => State::Met,
            (End::Kept, Some(_)) => State::Breached,
        });
    }

    /// Lets a run that ended by resolving go on. `counts`: the time since it ended is service
    /// time used, by the terms it ended under; otherwise it is a pause because of `because`.
    pub(super) fn revive(&mut self, at: Millis, counts: bool, because: Stood) {
        if counts {
            self.elapsed += self.promise.calendar.open_between(self.since, at);
        }
        if let Some(spans) = &mut self.spans
            && self.since < at
        {
            let (from, until) = (self.since, at);
            spans.push(if counts {
                Span::Counted { from, until, promise: self.promise }
            } else {
                Span::Stood { until, because }
            });
        }
        self.since = at;
        self.due_at = None;
        self.phase = Phase::Counting;
    }

    /// Accounts for everything up to `to`: warnings and the breach strictly before it.
    pub(super) fn advance(&mut self, to: Millis, terms: &Terms) {
        if self.since >= to || !self.lives() {
            return;
        }
        let from = self.since;
        if let Some(because) = self.because {
            if let Some(spans) = &mut self.spans {
                spans.push(Span::Stood { until: to, because });
            }
        } else {
            let open = self.promise.calendar.open_between(from, to);
            while let Some((at, warned, alarm)) = self.reached_next(self.elapsed + open, terms)
                && at < to
            {
                self.warned = warned;
                match alarm {
                    Alarm::Warning { percent } => self.warnings.push(Warning { percent, at: timestamp(at) }),
                    Alarm::Breach => self.breached_at = Some(at),
                }
            }
            self.elapsed += open;
            if let Some(spans) = &mut self.spans {
                spans.push(Span::Counted { from, until: to, promise: self.promise });
            }
        }
        self.since = to;
    }

    /// What this counting run says next: when, and how many warnings then lie behind. Nothing if
    /// it takes more than `limit` of elapsed time.
    ///
    /// Whatever elapsed before the stretch began (the target was shortened, or the time while
    /// resolved counts) is due where the stretch begins; then only the last word is said.
    fn reached_next(&self, limit: Millis, terms: &Terms) -> Option<(Millis, usize, Alarm)> {
        let Promise { within, calendar, .. } = self.promise;
        if self.breached_at.is_some() {
            return None;
        }
        let all = terms.warn_at();
        if self.elapsed >= within {
            return Some((self.since, all.len(), Alarm::Breach));
        }
        // Whole seconds times a percentage are whole milliseconds.
        let threshold = |percent: u8| within / 100 * Millis::from(percent);
        let jumped = all[self.warned..].iter().take_while(|percent| threshold(**percent) <= self.elapsed).count();
        if let Some(last) = jumped.checked_sub(1) {
            let percent = all[self.warned + last];
            return Some((self.since, self.warned + jumped, Alarm::Warning { percent }));
        }
        let (reach, warned, alarm) = match all.get(self.warned) {
            Some(&percent) => (threshold(percent), self.warned + 1, Alarm::Warning { percent }),
            None => (within, self.warned, Alarm::Breach),
        };
        if reach > limit {
            return None;
        }
        Some((calendar.reached(self.since, reach - self.elapsed)?, warned, alarm))
    }

    /// When it is or was due, unless it stands still unbreached.
    fn due(&self) -> Option<Millis> {
        match (self.breached_at, self.phase) {
            (Some(at), _) => Some(at),
            (None, Phase::Counting) => self.promise.calendar.reached(self.since, self.promise.within - self.elapsed),
            (None, Phase::Standing) => None,
            (None, Phase::Over(_)) => self.due_at,
        }
    }

    /// What it shows, once told of everything.
    pub(super) fn clock(self, terms: &Terms) -> Clock {
        let (state, stopped_at, next) = match self.phase {
            Phase::Counting => (State::Running, None, self.reached_next(Millis::MAX, terms)),
            Phase::Standing => (State::Paused, None, None),
            Phase::Over(state) => (state, Some(timestamp(self.since)), None),
        };
        Clock {
            metric: self.metric,
            cycle: self.cycle,
            state,
            started_at: timestamp(self.started_at),
            target: SignedDuration::from_millis(self.promise.within),
            due_at: self.due().map(timestamp),
            breached_at: self.breached_at.map(timestamp),
            stopped_at,
            elapsed: SignedDuration::from_millis(self.elapsed),
            calendar: self.promise.calendar_name.to_owned(),
            warnings: self.warnings,
            next: next.map(|(at, _, alarm)| Next { at: timestamp(at), alarm }),
        }
    }

    /// Its life in order, if it was asked for.
    pub(super) fn take_spans(&mut self) -> Vec<Span<'t>> {
        self.spans.take().unwrap_or_default()
    }
}
