//! One clock while it is being computed: one metric, one cycle.
//!
//! A run is told of the facts that concern it, in order. Between two of them it either counts
//! service time of one calendar or stands still, so all it needs is where the stretch began and
//! how much had elapsed by then.

use jiff::{SignedDuration, Timestamp};

use super::clock::{AgreedDue, Alarm, Clock, Next, Reminder, State, Warning};
use super::contract::{InForce, Metric, Promise};
use super::explain::Stood;
use super::{Millis, timestamp};

/// How often a clock speaks after its breach, at most.
pub(super) const MOST_REMINDERS: u8 = 99;

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
    Stood { until: Millis, because: Stood<'t> },
}

/// A due instant that somebody agreed upon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agreed<'t> {
    pub(super) due_at: Millis,
    pub(super) by: Option<&'t str>,
    pub(super) note: Option<&'t str>,
}

/// What was said of a run so far. It is never unsaid by another contract.
#[derive(Debug, Default)]
struct Spoken {
    warnings: Vec<Warning>,
    /// The highest percentage that lies behind, given or jumped over.
    warned: u8,
    breached_at: Option<Millis>,
    /// How much had elapsed at the breach.
    breached_after: Millis,
    reminders: Vec<Reminder>,
    /// How many reminders lie behind, given or jumped over.
    reminded: u8,
}

#[derive(Debug)]
pub(super) struct Run<'t> {
    pub(super) metric: Metric,
    pub(super) cycle: u32,
    pub(super) phase: Phase,
    pub(super) started_at: Millis,
    promise: Promise<'t>,
    terms: InForce<'t>,
    agreed: Option<Agreed<'t>>,
    /// Up to here everything is accounted for.
    since: Millis,
    /// Service time used up to `since`.
    elapsed: Millis,
    /// The due instant when it ended.
    due_at: Option<Millis>,
    spoken: Spoken,
    /// Why it stands still, while it does.
    because: Option<Stood<'t>>,
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
        (promise, terms): (Promise<'t>, InForce<'t>),
        at: Millis,
        because: Option<Stood<'t>>,
        explained: bool,
    ) -> Self {
        Self {
            metric,
            cycle,
            phase: if because.is_some() { Phase::Standing } else { Phase::Counting },
            started_at: at,
            promise,
            terms,
            agreed: None,
            since: at,
            elapsed: 0,
            due_at: None,
            spoken: Spoken::default(),
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

    /// Whether somebody agreed upon its due instant.
    pub(super) fn is_agreed(&self) -> bool {
        self.agreed.is_some()
    }

    /// When it was breached, if it was.
    pub(super) fn breached_at(&self) -> Option<Millis> {
        self.spoken.breached_at
    }

    /// When it ended, or as of when it is told.
    pub(super) fn until(&self) -> Millis {
        self.since
    }

    /// Stands still from `at` on, because of a fact; or counts again.
    pub(super) fn stand(&mut self, at: Millis, because: Option<Stood<'t>>) {
        if self.lives() && self.because != because {
            self.advance(at);
            self.phase = if because.is_some() { Phase::Standing } else { Phase::Counting };
            self.because = because;
        }
    }

    /// Another target from `at` on. What has elapsed stays elapsed.
    pub(super) fn retarget(&mut self, at: Millis, promise: Promise<'t>, terms: InForce<'t>) {
        self.advance(at);
        (self.promise, self.terms) = (promise, terms);
    }

    /// From `at` on it is due when somebody agreed; or by its target again.
    pub(super) fn agree(&mut self, at: Millis, agreed: Option<Agreed<'t>>) {
        self.advance(at);
        self.agreed = agreed;
    }

    /// Ends a living run.
    pub(super) fn end(&mut self, at: Millis, end: End) {
        self.advance(at);
        self.due_at = self.due();
        self.because = None;
        self.phase = Phase::Over(match (end, self.spoken.breached_at) {
            (End::Dropped, _) => State::Cancelled,
            (End::Kept, None) => State::Met,
            (End::Kept, Some(_)) => State::Breached,
        });
    }

    /// Lets a run that ended by resolving go on. `counts`: the time since it ended is service
    /// time used, by the terms it ended under; otherwise it is a pause because of `because`.
    pub(super) fn revive(&mut self, at: Millis, counts: bool, because: Stood<'t>) {
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
        // What was agreed upon for the time before it was resolved was kept or broken then.
        self.agreed = self.agreed.filter(|agreed| agreed.due_at > at);
        self.phase = Phase::Counting;
    }

    /// Takes the place of a living run that was measured by other terms. What that one said stays said: also a breach
    /// is never undone. What this one would have said before, nobody could have heard: it says it now.
    pub(super) fn replace(&mut self, former: &mut Self) {
        self.cycle = former.cycle;
        self.spoken = std::mem::take(&mut former.spoken);
        // As much after the breach as before.
        self.spoken.breached_after += self.elapsed - former.elapsed;
    }

    /// As [`Self::replace`], where there was none.
    pub(super) fn succeed(&mut self, cycle: u32) {
        self.cycle = cycle;
        self.spoken = Spoken::default();
    }

    /// Accounts for everything up to `to`: warnings and the breach strictly before it.
    pub(super) fn advance(&mut self, to: Millis) {
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
            while let Some((at, alarm)) = self.reached_next(self.elapsed + open)
                && at < to
            {
                self.speak(at, alarm);
            }
            self.elapsed += open;
            if let Some(spans) = &mut self.spans {
                spans.push(Span::Counted { from, until: to, promise: self.promise });
            }
        }
        self.since = to;
    }

    fn speak(&mut self, at: Millis, alarm: Alarm) {
        let spoken = &mut self.spoken;
        match alarm {
            Alarm::Warning { percent } => {
                spoken.warned = percent;
                spoken.warnings.push(Warning { percent, at: timestamp(at) });
            }
            Alarm::Breach => {
                spoken.breached_at = Some(at);
                spoken.breached_after = self.elapsed + self.promise.calendar.open_between(self.since, at);
            }
            Alarm::Reminder { number } => {
                spoken.reminded = number;
                spoken.reminders.push(Reminder { number, at: timestamp(at) });
            }
        }
    }

    /// What this counting run says next, and when. Nothing if it takes more than `limit` of elapsed time; what lies
    /// at an agreed instant may be further off.
    ///
    /// Whatever elapsed before the stretch began (the target was shortened, or the time while
    /// resolved counts) is due where the stretch begins; then only the last word is said.
    fn reached_next(&self, limit: Millis) -> Option<(Millis, Alarm)> {
        match (self.spoken.breached_at, self.agreed) {
            (Some(_), _) => self.reminds_next(limit),
            (None, Some(agreed)) => Some(self.next_by_instant(agreed.due_at)),
            (None, None) => self.next_by_hours(limit),
        }
    }

    fn next_by_hours(&self, limit: Millis) -> Option<(Millis, Alarm)> {
        let Promise { within, calendar, .. } = self.promise;
        if self.elapsed >= within {
            return Some((self.since, Alarm::Breach));
        }
        // Whole seconds times a percentage are whole milliseconds.
        let threshold = |percent: u8| within / 100 * Millis::from(percent) + within % 100 * Millis::from(percent) / 100;
        let (jumped, coming) = self.thresholds(|percent| threshold(percent) <= self.elapsed);
        if let Some(percent) = jumped {
            return Some((self.since, Alarm::Warning { percent }));
        }
        let (reach, alarm) =
            coming.map_or((within, Alarm::Breach), |percent| (threshold(percent), Alarm::Warning { percent }));
        if reach > limit {
            return None;
        }
        Some((calendar.reached(self.since, reach - self.elapsed)?, alarm))
    }

    /// By the wall clock: warnings at percentages of the time from the start to the agreed instant.
    fn next_by_instant(&self, due_at: Millis) -> (Millis, Alarm) {
        if due_at <= self.since {
            return (self.since, Alarm::Breach);
        }
        let instant = |percent: u8| {
            let length = due_at - self.started_at;
            self.started_at + length / 100 * Millis::from(percent) + length % 100 * Millis::from(percent) / 100
        };
        let (jumped, coming) = self.thresholds(|percent| instant(percent) <= self.since);
        match (jumped, coming) {
            (Some(percent), _) => (self.since, Alarm::Warning { percent }),
            (None, Some(percent)) => (instant(percent), Alarm::Warning { percent }),
            (None, None) => (due_at, Alarm::Breach),
        }
    }

    /// Of the percentages to warn at that do not lie behind: the last that is reached already, and the first that is not.
    fn thresholds(&self, is_reached: impl Fn(u8) -> bool) -> (Option<u8>, Option<u8>) {
        let ahead = || self.terms.terms.warn_at().iter().copied().filter(|percent| *percent > self.spoken.warned);
        (ahead().take_while(|percent| is_reached(*percent)).last(), ahead().find(|percent| !is_reached(*percent)))
    }

    fn reminds_next(&self, limit: Millis) -> Option<(Millis, Alarm)> {
        let every = self.terms.terms.warn_after()?;
        let Spoken { breached_after, reminded, .. } = self.spoken;
        if reminded >= MOST_REMINDERS {
            return None;
        }
        // The breach may have come within the stretch.
        let overdue = (self.elapsed - breached_after).max(0) / every;
        let overdue = u8::try_from(overdue).unwrap_or(u8::MAX).min(MOST_REMINDERS);
        if overdue > reminded {
            return Some((self.since, Alarm::Reminder { number: overdue }));
        }
        let reach = breached_after + every * Millis::from(reminded + 1);
        if reach > limit {
            return None;
        }
        let at = self.promise.calendar.reached(self.since, reach - self.elapsed)?;
        Some((at, Alarm::Reminder { number: reminded + 1 }))
    }

    /// When it is or was due, unless it stands still unbreached.
    fn due(&self) -> Option<Millis> {
        match (self.spoken.breached_at, self.phase, self.agreed) {
            (Some(at), ..) => Some(at),
            (None, Phase::Counting, Some(agreed)) => Some(agreed.due_at.max(self.since)),
            (None, Phase::Counting, None) => {
                self.promise.calendar.reached(self.since, self.promise.within - self.elapsed)
            }
            (None, Phase::Standing, _) => None,
            (None, Phase::Over(_), _) => self.due_at,
        }
    }

    /// What it shows, once told of everything.
    pub(super) fn clock(self) -> Clock {
        let (state, stopped_at, next) = match self.phase {
            Phase::Counting => (State::Running, None, self.reached_next(Millis::MAX)),
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
            breached_at: self.spoken.breached_at.map(timestamp),
            stopped_at,
            elapsed: SignedDuration::from_millis(self.elapsed),
            calendar: self.promise.calendar_name.to_owned(),
            rule: self.promise.rule.map(str::to_owned),
            contract_version: self.terms.version,
            agreed: self.agreed.map(AgreedDue::from),
            warnings: self.spoken.warnings,
            reminders: self.spoken.reminders,
            next: next.map(|(at, alarm)| Next { at: timestamp(at), alarm }),
        }
    }

    /// Its life in order, if it was asked for.
    pub(super) fn take_spans(&mut self) -> Vec<Span<'t>> {
        self.spans.take().unwrap_or_default()
    }
}

impl From<Agreed<'_>> for AgreedDue {
    fn from(agreed: Agreed<'_>) -> Self {
        let due_at: Timestamp = timestamp(agreed.due_at);
        Self { due_at, by: agreed.by.map(str::to_owned), note: agreed.note.map(str::to_owned) }
    }
}
