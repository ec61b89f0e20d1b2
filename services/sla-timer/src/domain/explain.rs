//! Why a clock shows what it shows: its life, piece by piece.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::contract::{TermsBook, WaitingReason};
use super::fact::{Fact, Key};
use super::fold::Fold;
use super::run::Span;
use super::{Millis, timestamp};

#[cfg(test)]
mod tests;

/// Why a clock stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// The ticket was resolved, and by the contract that time does not count.
    Resolved,
    /// The ticket waited.
    #[serde(untagged)]
    Waiting(WaitingReason),
}

/// What one piece of a clock's life was.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// Service hours that counted, up to the due instant.
    Running,
    /// Nothing counted: closed by the calendar of the terms in force.
    OutsideHours,
    /// Nothing counted because of a fact: that the ticket waits, or that it was resolved.
    Paused {
        /// Which fact.
        fact: Key,
        /// Why.
        reason: PauseReason,
        /// Who did it, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// Service hours that counted after the breach.
    AfterDue,
}

/// The fact that a run stood still for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stood<'t> {
    pub(super) fact: Key,
    pub(super) reason: PauseReason,
    pub(super) by: Option<&'t str>,
}

/// A piece of a clock's life: `[from, to)`, never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Where it begins; the first begins where the clock started.
    pub from: Timestamp,
    /// Where it ends and the next begins; the last ends where the clock ended, or as of `until`.
    pub to: Timestamp,
    /// What it was.
    #[serde(flatten)]
    pub kind: Kind,
}

impl Segment {
    /// What this piece adds to the time elapsed: all of it, or nothing.
    #[must_use]
    pub fn counted(&self) -> SignedDuration {
        match self.kind {
            Kind::Running | Kind::AfterDue => self.to.duration_since(self.from),
            Kind::OutsideHours | Kind::Paused { .. } => SignedDuration::ZERO,
        }
    }
}

/// A clock with the pieces that add up to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// As [`super::clock::clocks`] gives it.
    pub clock: Clock,
    /// Adjoining, from its start to its end or `until`; what counted sums up to its elapsed time.
    pub segments: Vec<Segment>,
}

/// The clocks of a ticket as of `until`, each with its explanation.
///
/// An explanation is as long as there are opening times between the clock's start and `until`:
/// ask for a span that somebody will read.
#[must_use]
pub fn explain<'t>(terms: impl Into<TermsBook<'t>>, facts: &'t [Fact], until: Timestamp) -> Vec<Explained> {
    Fold::over(&terms.into(), facts, until, true)
        .into_iter()
        .map(|mut run| {
            let mut life = Life { breached_at: run.breached_at(), told_until: run.started_at, segments: Vec::new() };
            for span in run.take_spans() {
                life.tell(&span);
            }
            Explained { clock: run.clock(), segments: life.segments }
        })
        .collect()
}

/// Segments being told, without gaps.
struct Life {
    breached_at: Option<Millis>,
    told_until: Millis,
    segments: Vec<Segment>,
}

impl Life {
    fn tell(&mut self, span: &Span<'_>) {
        match *span {
            Span::Stood { until, because } => {
                let by = because.by.map(str::to_owned);
                self.push(until, Kind::Paused { fact: because.fact, reason: because.reason, by });
            }
            Span::Counted { from, until, promise } => {
                promise.calendar.each_open(from, until, |open, close| {
                    self.push(open, Kind::OutsideHours);
                    let due = self.breached_at.unwrap_or(Millis::MAX).min(close);
                    self.push(due, Kind::Running);
                    self.push(close, Kind::AfterDue);
                });
                self.push(until, Kind::OutsideHours);
            }
        }
    }

    /// Tells what was until `until`; nothing, if that was told already.
    fn push(&mut self, until: Millis, kind: Kind) {
        if until <= self.told_until {
            return;
        }
        let (from, to) = (timestamp(self.told_until), timestamp(until));
        self.told_until = until;
        match self.segments.last_mut() {
            Some(last) if last.kind == kind => last.to = to,
            _ => self.segments.push(Segment { from, to, kind }),
        }
    }
}
