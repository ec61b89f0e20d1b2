//! What must be announced: the difference between what was told of a ticket's clocks and what holds now.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::clock::{Clock, Next, State};
use super::contract::Metric;
use super::fact::{EDIT, Fact, Key};

#[cfg(test)]
mod tests;

/// A clock's id: the same for the same ticket, metric and cycle, for ever.
#[must_use]
pub fn clock_id(ticket_id: Uuid, metric: Metric, cycle: u32) -> Uuid {
    Uuid::new_v5(&ticket_id, format!("{} {cycle}", metric.name()).as_bytes())
}

/// A clock as it was told last.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in Clock")]
pub struct Told {
    pub metric: Metric,
    pub cycle: u32,
    pub state: State,
    pub started_at: Timestamp,
    pub target: SignedDuration,
    pub due_at: Option<Timestamp>,
    pub breached_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
    /// When it was told.
    pub elapsed: SignedDuration,
    pub calendar: String,
    pub next: Option<Next>,
    /// 1, 2, 3 …: grows whenever the due instant changes or a breach is revoked.
    pub generation: i64,
    /// The highest percentage that was announced or passed over; 0 for none.
    pub warned: u8,
    /// The announcement of the breach, while it holds.
    pub breach_event_id: Option<Uuid>,
    /// The number of the last reminder of that breach that was announced or passed over; 0 for none.
    pub reminded: u8,
}

/// Why somebody looks at the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Facts became known, the latest of them from that instant. Warnings that they jump over stay silent.
    Facts {
        /// When the latest happened.
        at: Timestamp,
    },
    /// Time has passed and nothing else happened: whatever became due speaks, however late we look.
    Time {
        /// What was waited for.
        at: Timestamp,
    },
}

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum What {
    Started,
    Changed,
    Warned { percent: u8, event_id: Uuid },
    Breached { event_id: Uuid },
    Reminded { number: u8, event_id: Uuid },
    Revoked { revoked_event_id: Uuid },
    Ended,
}

/// One announcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The clock as it is now.
    pub clock: Clock,
    /// The true instant.
    pub occurred_at: Timestamp,
    /// Announcements are made in this order: that of the true instants, as far as one clock's life allows.
    pub order_at: Timestamp,
    /// What is said.
    pub what: What,
}

/// What to announce, and what to keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tale {
    /// In order.
    pub said: Vec<Said>,
    /// The clocks whose rows change.
    pub rows: Vec<Told>,
}

/// Up to when a ticket's clocks were told at least, by what was told of them and by the facts known then: those before
/// `next_at`, at which they were to be looked at again, but for the `new` ones. No later look is as of an earlier
/// instant: where a clock was put back, nothing that was told is taken back and told again.
#[must_use]
pub fn told_until(told: &[Told], next_at: Option<Timestamp>, facts: &[Fact], new: &[Key]) -> Timestamp {
    if told.is_empty() {
        return Timestamp::MIN;
    }
    let known = |fact: &&Fact| fact.key.source != EDIT && !new.contains(&fact.key);
    let happened = facts.iter().filter(known).map(|fact| fact.key.at);
    let happened = happened.filter(|at| next_at.is_none_or(|next_at| *at < next_at));
    // It has happened as of every later instant.
    let breached = told.iter().filter_map(|told| told.breached_at?.checked_add(SignedDuration::from_millis(1)).ok());
    happened.chain(breached).max().unwrap_or(Timestamp::MIN)
}

/// Compares what was told of a ticket's clocks with what they are now.
#[must_use]
pub fn tell(ticket_id: Uuid, told: &[Told], clocks: &[Clock], occasion: Occasion) -> Tale {
    let mut tale = Tale::default();
    for clock in clocks {
        let before = told.iter().find(|told| told.is_of(clock));
        tale.tell_one(ticket_id, before, clock.clone(), occasion);
    }
    for before in told {
        if !clocks.iter().any(|clock| before.is_of(clock)) {
            tale.tell_one(ticket_id, Some(before), before.never_owed(), occasion);
        }
    }
    tale.said.sort_by_key(|said| said.order_at);
    tale
}

impl Tale {
    fn tell_one(&mut self, ticket_id: Uuid, before: Option<&Told>, clock: Clock, occasion: Occasion) {
        let mut speech = Speech { now: Told::of(&clock, before), clock, latest_at: Timestamp::MIN, said: Vec::new() };
        let clock_id = clock_id(ticket_id, speech.now.metric, speech.now.cycle);
        speech.begin(before, occasion);
        speech.warn(clock_id, before, occasion);
        speech.breach(clock_id, before, occasion);
        speech.remind(clock_id, before, occasion);
        speech.end(before);
        self.said.append(&mut speech.said);
        if before.is_none_or(|before| speech.now.differs_from(before)) {
            self.rows.push(speech.now);
        }
    }
}

/// What one clock says.
struct Speech {
    clock: Clock,
    now: Told,
    latest_at: Timestamp,
    said: Vec<Said>,
}

impl Speech {
    fn say(&mut self, occurred_at: Timestamp, what: What) {
        self.latest_at = self.latest_at.max(occurred_at);
        self.said.push(Said { clock: self.clock.clone(), occurred_at, order_at: self.latest_at, what });
    }

    fn begin(&mut self, before: Option<&Told>, occasion: Occasion) {
        if !self.now.lives() {
            return;
        }
        match before {
            None => self.say(self.now.started_at, What::Started),
            Some(before) if self.now.terms() != before.terms() => self.say(occasion.at(), What::Changed),
            Some(_) => {}
        }
    }

    fn warn(&mut self, clock_id: Uuid, before: Option<&Told>, occasion: Occasion) {
        let warned = before.map_or(0, |before| before.warned);
        let new: Vec<_> = self.clock.warnings.iter().copied().filter(|warning| warning.percent > warned).collect();
        self.now.warned = new.last().map_or(warned, |last| last.percent);
        let speaking = match occasion {
            Occasion::Time { .. } if before.is_some() => new.as_slice(),
            _ if self.now.lives() && self.now.breached_at.is_none() => &new[new.len().saturating_sub(1)..],
            _ => &[],
        };
        for warning in speaking {
            let name = format!("{} warned {}", self.now.generation, warning.percent);
            let event_id = Uuid::new_v5(&clock_id, name.as_bytes());
            self.say(warning.at, What::Warned { percent: warning.percent, event_id });
        }
    }

    fn breach(&mut self, clock_id: Uuid, before: Option<&Told>, occasion: Occasion) {
        let announced = before.and_then(|before| before.breached_at.zip(before.breach_event_id));
        if let Some((at, event_id)) = announced {
            if self.now.breached_at == Some(at) {
                return;
            }
            self.now.breach_event_id = None;
            self.say(occasion.at(), What::Revoked { revoked_event_id: event_id });
        }
        if let Some(at) = self.now.breached_at {
            let event_id = Uuid::new_v5(&clock_id, format!("{} breached", self.now.generation).as_bytes());
            self.now.breach_event_id = Some(event_id);
            self.say(at, What::Breached { event_id });
        }
    }

    /// What comes after a breach is said only where the breach was; of that, what facts jump over stays silent.
    fn remind(&mut self, clock_id: Uuid, before: Option<&Told>, occasion: Occasion) {
        let holds = before.filter(|before| before.breached_at.is_some() && before.breached_at == self.now.breached_at);
        let reminded = holds.map_or(0, |before| before.reminded);
        let new: Vec<_> = self.clock.reminders.iter().copied().filter(|one| one.number > reminded).collect();
        self.now.reminded = new.last().map_or(reminded, |last| last.number);
        let speaking = match occasion {
            Occasion::Time { .. } if before.is_some() => new.as_slice(),
            _ if holds.is_some() && self.now.lives() => &new[new.len().saturating_sub(1)..],
            _ => &[],
        };
        for reminder in speaking {
            let name = format!("{} reminded {}", self.now.generation, reminder.number);
            let event_id = Uuid::new_v5(&clock_id, name.as_bytes());
            self.say(reminder.at, What::Reminded { number: reminder.number, event_id });
        }
    }

    fn end(&mut self, before: Option<&Told>) {
        if let Some(stopped_at) = self.now.stopped_at
            && before.is_none_or(|before| self.now.terms() != before.terms() || self.now.result() != before.result())
        {
            self.say(stopped_at, What::Ended);
        }
    }
}

impl Occasion {
    const fn at(self) -> Timestamp {
        match self {
            Self::Facts { at } | Self::Time { at } => at,
        }
    }
}

impl Told {
    /// The row of a clock, its announcements taken over from before.
    fn of(clock: &Clock, before: Option<&Self>) -> Self {
        let generation = before.map_or(1, |before| {
            let is_revoked = before.breached_at.is_some() && before.breached_at != clock.breached_at;
            before.generation + i64::from(is_revoked || before.due_at != clock.due_at)
        });
        Self {
            metric: clock.metric,
            cycle: clock.cycle,
            state: clock.state,
            started_at: clock.started_at,
            target: clock.target,
            due_at: clock.due_at,
            breached_at: clock.breached_at,
            stopped_at: clock.stopped_at,
            elapsed: clock.elapsed,
            calendar: clock.calendar.clone(),
            next: clock.next,
            generation,
            warned: before.map_or(0, |before| before.warned),
            breach_event_id: before.and_then(|before| before.breach_event_id),
            reminded: before.map_or(0, |before| before.reminded),
        }
    }

    fn is_of(&self, clock: &Clock) -> bool {
        (self.metric, self.cycle) == (clock.metric, clock.cycle)
    }

    const fn lives(&self) -> bool {
        matches!(self.state, State::Running | State::Paused)
    }

    /// What a listener would want to hear of again.
    fn terms(&self) -> (State, Timestamp, SignedDuration, Option<Timestamp>, &str) {
        (self.state, self.started_at, self.target, self.due_at, &self.calendar)
    }

    /// How it ended.
    const fn result(&self) -> (Option<Timestamp>, Option<Timestamp>, SignedDuration) {
        (self.stopped_at, self.breached_at, self.elapsed)
    }

    /// Whether its row must be written. The elapsed time of a clock that lives is always another.
    fn differs_from(&self, before: &Self) -> bool {
        let elapsed = if self.lives() { before.elapsed } else { self.elapsed };
        *before != Self { elapsed, ..self.clone() }
    }

    /// Late facts show that there was nothing to keep: an end at the very start.
    fn never_owed(&self) -> Clock {
        Clock {
            metric: self.metric,
            cycle: self.cycle,
            state: State::Cancelled,
            started_at: self.started_at,
            target: self.target,
            due_at: None,
            breached_at: None,
            stopped_at: Some(self.started_at),
            elapsed: SignedDuration::ZERO,
            calendar: self.calendar.clone(),
            rule: None,
            contract_version: 0,
            agreed: None,
            warnings: Vec::new(),
            reminders: Vec::new(),
            next: None,
        }
    }
}
