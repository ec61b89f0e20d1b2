//! Who is at the desk. Responsibility is with positions; a roster says who occupies them when.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::hours::{Span, Weekly, dates, holds, instants};
use super::model::SupportModel;

/// Whoever is back this soon has only had a break: claims outlast it.
const BREAK: SignedDuration = SignedDuration::from_mins(90);
/// How far a roster is looked into.
const DAYS: i8 = 8;
/// How long what was taken outside of one's shifts is kept at most.
const OVERTIME: SignedDuration = SignedDuration::from_hours(24);

/// A post at the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Its word.
    pub position: String,
    /// What people call it.
    pub name: String,
    /// The queues whose work it does.
    pub queues: BTreeSet<String>,
}

/// Somebody who works for this client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agent {
    /// The token's subject.
    pub agent: String,
    /// What people call them.
    pub name: String,
    /// What they know, folded.
    pub skills: BTreeSet<String>,
    /// Week by week.
    pub shifts: Vec<Shift>,
    /// On single dates.
    pub extra_shifts: Vec<ExtraShift>,
    /// When they are away, whatever the shifts say.
    pub absences: Vec<Absence>,
}

/// A position occupied week by week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// Which.
    pub position: String,
    /// When.
    pub weekly: Weekly,
    /// The first date on which a span may begin.
    pub from: Date,
    /// The last one.
    pub until: Date,
}

/// A position occupied on one date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraShift {
    /// Which.
    pub position: String,
    /// When.
    pub date: Date,
    /// From when until when.
    pub spans: Vec<Span>,
}

/// Away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// Since when, by the local wall clock.
    pub from: DateTime,
    /// When they are back.
    pub until: DateTime,
    /// In words.
    pub reason: String,
}

impl Shift {
    fn of(&self, date: Date) -> &[Span] {
        if self.from <= date && date <= self.until { self.weekly.of(date.weekday()) } else { &[] }
    }
}

impl ExtraShift {
    fn of(&self, date: Date) -> &[Span] {
        if self.date == date { &self.spans } else { &[] }
    }
}

impl Agent {
    /// Whether there is any shift: who has none is always there, and nothing lapses for them but by absence.
    pub fn is_rostered(&self) -> bool {
        !self.shifts.is_empty() || !self.extra_shifts.is_empty()
    }

    /// The absence that holds then.
    pub fn absence(&self, zone: &TimeZone, at: Timestamp) -> Option<&Absence> {
        let local = zone.to_datetime(at);
        self.absences.iter().find(|away| away.from <= local && local < away.until)
    }

    /// The positions that they occupy then; none while away.
    pub fn positions(&self, zone: &TimeZone, at: Timestamp) -> BTreeSet<&str> {
        if self.absence(zone, at).is_some() {
            return BTreeSet::new();
        }
        let local = zone.to_datetime(at);
        let weekly = self.shifts.iter().filter(|shift| holds(local, |date| shift.of(date)));
        let extra = self.extra_shifts.iter().filter(|shift| holds(local, |date| shift.of(date)));
        weekly.map(|shift| shift.position.as_str()).chain(extra.map(|shift| shift.position.as_str())).collect()
    }

    /// Whether they are at the desk then.
    pub fn is_on_duty(&self, zone: &TimeZone, at: Timestamp) -> bool {
        !self.positions(zone, at).is_empty()
    }

    /// Whether they can be reckoned with: at the desk by the roster, or not away if they have none.
    pub fn is_there(&self, zone: &TimeZone, at: Timestamp) -> bool {
        if self.is_rostered() { self.is_on_duty(zone, at) } else { self.absence(zone, at).is_none() }
    }

    /// Every instant at which it may be otherwise than before.
    fn edges(&self, zone: &TimeZone, at: Timestamp) -> Vec<Timestamp> {
        let today = zone.to_datetime(at).date();
        let mut local: Vec<DateTime> = self.absences.iter().flat_map(|away| [away.from, away.until]).collect();
        for date in dates(today, DAYS) {
            let spans = self.shifts.iter().flat_map(|shift| shift.of(date));
            let spans = spans.chain(self.extra_shifts.iter().flat_map(|shift| shift.of(date)));
            local.extend(spans.filter_map(|span| span.edges(date)).flat_map(|(begins, ends)| [begins, ends]));
        }
        instants(zone, at, DAYS, local.into_iter())
    }

    /// When whoever is on duty then goes; `None` if not within a week. A break is no end, an absence is.
    pub fn goes_at(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        let edges = self.edges(zone, at);
        let later = |than: Timestamp| edges.iter().copied().filter(move |edge| *edge > than);
        later(at).find(|end| {
            let is_back = |edge: Timestamp| edge.duration_since(*end) <= BREAK && self.is_there(zone, edge);
            let takes_a_break = self.absence(zone, *end).is_none() && later(*end).any(is_back);
            !self.is_there(zone, *end) && !takes_a_break
        })
    }

    /// When whoever is not on duty then comes; `None` if not within a week.
    pub fn comes_at(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        self.edges(zone, at).into_iter().find(|edge| *edge > at && self.is_there(zone, *edge))
    }
}

/// Who occupies the position then, in the order of the model.
pub fn on_duty<'a>(model: &'a SupportModel, position: &str, at: Timestamp) -> Vec<&'a Agent> {
    model.agents.values().filter(|agent| agent.positions(&model.zone, at).contains(position)).collect()
}

impl SupportModel {
    /// Who of the queue's positions is on duty then.
    pub fn on_duty_at(&self, queue: &str, at: Timestamp) -> Vec<&Agent> {
        let serves =
            |agent: &&Agent| agent.positions(&self.zone, at).iter().any(|position| self.serves(position, queue));
        self.agents.values().filter(serves).collect()
    }

    /// Whether the position does the work of this queue.
    pub fn serves(&self, position: &str, queue: &str) -> bool {
        self.positions.get(position).is_some_and(|one| one.queues.contains(queue))
    }

    /// Whether some position does the work of this queue: only then is it known who is there.
    pub fn is_manned(&self, queue: &str) -> bool {
        self.positions.values().any(|one| one.queues.contains(queue))
    }

    /// When a claim of this agent made then lapses: at the end of the shift or the beginning of an absence. What is
    /// taken outside of one's shifts is kept until the end of the next one, at most a day. `None`: never.
    pub fn lapses_at(&self, agent: &str, at: Timestamp) -> Option<Timestamp> {
        let agent = self.agents.get(agent)?;
        if agent.is_there(&self.zone, at) {
            return agent.goes_at(&self.zone, at);
        }
        let latest = at.saturating_add(OVERTIME).unwrap_or(Timestamp::MAX);
        let comes_at = agent.comes_at(&self.zone, at).filter(|comes_at| *comes_at < latest);
        let goes_at = comes_at.and_then(|comes_at| agent.goes_at(&self.zone, comes_at));
        Some(goes_at.map_or(latest, |goes_at| goes_at.min(latest)))
    }

    /// When a claim that somebody has made before lapses, now that the roster is this one: whoever is away, or gone for
    /// good, loses it at once.
    pub fn lapses_now_at(&self, agent: &str, known: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let lapses_at = self.lapses_at(agent, now);
        let Some(is_known) = self.agents.get(agent) else {
            // Who was rostered and is named no longer works here no longer.
            return known.filter(|_| !self.agents.is_empty()).map(|_| now);
        };
        if is_known.absence(&self.zone, now).is_some() {
            return Some(now);
        }
        match known {
            Some(known) if !is_known.is_there(&self.zone, now) => Some(lapses_at.map_or(known, |at| at.min(known))),
            _ => lapses_at,
        }
    }

    /// When somebody of the queue's positions is there next: now, at the beginning of a shift, or when the queue opens.
    pub fn manned_at(&self, queue: &str, now: Timestamp) -> Timestamp {
        if !self.on_duty_at(queue, now).is_empty() {
            return now;
        }
        let comes = |agent: &Agent| {
            let edges = agent.edges(&self.zone, now).into_iter().filter(|edge| *edge > now);
            edges
                .into_iter()
                .find(|edge| agent.positions(&self.zone, *edge).iter().any(|position| self.serves(position, queue)))
        };
        let opens =
            || self.queues.get(queue).and_then(|known| known.hours.as_ref()).and_then(|it| it.opens_at(now, DAYS));
        self.agents.values().filter_map(comes).min().or_else(opens).unwrap_or(now)
    }
}
