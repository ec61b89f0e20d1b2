//! What reporting makes of a ticket's facts, and nothing else: no clock, no database, no broker.

pub mod impact;
pub mod months;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

/// Who announced a fact. The order is the order of facts that occurred at the same instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The contact and the conversation.
    Intake = 1,
    /// The work.
    Triage = 2,
    /// The promises.
    SlaTimer = 3,
}

/// One fact, as far as a figure depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Who announced it.
    pub source: Source,
    /// 1, 2, 3 … per ticket and source.
    pub revision: u64,
    /// Unique for ever: the same id is the same fact.
    pub event_id: Uuid,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A contact became a ticket, or a ticket was imported.
    Registered(Registration),
    /// Kind, category and priority were decided. An empty queue says nothing about the queue.
    Triaged {
        /// The `TicketKind`; 0 says nothing about the kind.
        kind: u8,
        /// 1 to 5.
        priority: Option<u8>,
        /// The client's name for it.
        category: String,
        /// Where it was put.
        queue: String,
    },
    /// It went to another queue.
    HandedOver {
        /// Which.
        queue: String,
    },
    /// The work stands still.
    Waiting {
        /// The `WaitingReason`, 0 to 6.
        reason: u8,
    },
    /// The matter is resolved.
    Resolved,
    /// The matter came back.
    Reopened,
    /// Closed for good.
    Closed,
    /// Withdrawn.
    Cancelled,
    /// The merge that it was withdrawn for is undone.
    Unmerged,
    /// A promise, as it is then.
    Clock(Clock),
    /// Something that changes and major incidents are measured by.
    Impact(impact::Effect),
}

/// How a ticket began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// `ACME-1042`
    pub reference: String,
    /// One line.
    pub subject: String,
    /// The `TicketKind` as the sender says, 0 to 5.
    pub kind: u8,
    /// The `Channel`, 0 to 7.
    pub channel: u8,
    /// How the contact came: the sender's word for it, else the channel's.
    pub contact: String,
    /// When.
    pub registered_at: Timestamp,
}

/// A promise as one fact of the SLA timer shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// The same for ever.
    pub clock_id: String,
    /// Which promise.
    pub metric: Metric,
    /// 1, 2, 3 …
    pub cycle: u32,
    /// Where it stands.
    pub state: ClockState,
    /// Whether it was broken, ended or not.
    pub breached: bool,
    /// Seconds promised.
    pub target_secs: i64,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended, if it has.
    pub stopped_at: Option<Timestamp>,
}

/// Which promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    /// First public human answer.
    FirstResponse = 1,
    /// Answer to a later message.
    NextResponse = 2,
    /// Resolution.
    Resolution = 3,
    /// News of a major incident.
    Update = 4,
    /// Time in one tier.
    Tier = 5,
    /// Wait for a vendor.
    Vendor = 6,
    /// Call-back.
    Callback = 7,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::FirstResponse,
        Self::NextResponse,
        Self::Resolution,
        Self::Update,
        Self::Tier,
        Self::Vendor,
        Self::Callback,
    ];
    /// Those that every report shows.
    pub const USUAL: [Self; 3] = [Self::FirstResponse, Self::NextResponse, Self::Resolution];
}

/// Where a promise stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClockState {
    /// Time goes by.
    Running = 1,
    /// It waits.
    Paused = 2,
    /// Kept.
    Met = 3,
    /// Ended, broken.
    Breached = 4,
    /// It no longer matters.
    Cancelled = 5,
}

impl ClockState {
    fn is_ended(self) -> bool {
        matches!(self, Self::Met | Self::Breached | Self::Cancelled)
    }
}

/// Everything the reports know of one ticket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Absent until it has arrived; such a ticket counts nowhere.
    pub registration: Option<Registration>,
    /// The `TicketKind`: the latest, 0 to 5.
    pub kind: u8,
    /// The latest.
    pub priority: Option<u8>,
    /// The latest.
    pub category: String,
    /// Where it is.
    pub queue: String,
    /// The first resolving, whatever came of it.
    pub first_resolved_at: Option<Timestamp>,
    /// The last resolving, while it holds: a reopening undoes it, a closing does not.
    pub resolved_at: Option<Timestamp>,
    /// While it holds.
    pub closed_at: Option<Timestamp>,
    /// While it holds.
    pub cancelled_at: Option<Timestamp>,
    /// Transitions into resolved.
    pub resolvings: u32,
    /// Transitions out of resolved or closed into an open state.
    pub reopenings: u32,
    /// Times it went to another queue.
    pub hand_overs: u32,
    /// Times the work stood still.
    pub waits: u32,
    /// The `WaitingReason`s that it has waited for, ever.
    pub waited_for: BTreeSet<u8>,
    /// When it was open; none before its registration has arrived.
    pub open: Vec<OpenInterval>,
    /// What became of each promise, by id.
    pub clocks: BTreeMap<String, ClockFigures>,
    /// What changes and major incidents are measured by.
    pub impact: impact::Impact,
}

/// `[opened_at, ended)`; without an end it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenInterval {
    /// Since when.
    pub opened_at: Timestamp,
    /// By what.
    pub opened_by: Opening,
    /// Until when and why.
    pub ended: Option<(Timestamp, Ending)>,
}

/// What opens a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opening {
    /// It is new.
    Registered = 1,
    /// It was resolved or closed.
    Reopened = 2,
    /// It was cancelled: a merge was undone.
    Revived = 3,
}

/// What ends a ticket's being open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Resolved.
    Resolved = 1,
    /// Closed without having been resolved.
    Closed = 2,
    /// Cancelled.
    Cancelled = 3,
}

/// What became of a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockFigures {
    /// Which promise.
    pub metric: Metric,
    /// 1, 2, 3 …
    pub cycle: u32,
    /// Where it stands.
    pub state: ClockState,
    /// Whether it was broken, ended or not.
    pub breached: bool,
    /// Seconds promised.
    pub target_secs: i64,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it was met, ended broken or was cancelled.
    pub ended_at: Option<Timestamp>,
}

/// The figures that the facts of one ticket give, whatever their order and number of repeats.
///
/// What the life of a ticket does not know (resolving what is closed, cancelling what is resolved) changes nothing.
pub fn fold(facts: impl IntoIterator<Item = Fact>) -> Figures {
    let mut facts: Vec<Fact> = facts.into_iter().collect();
    facts.sort_unstable_by_key(|fact| (fact.occurred_at, fact.source, fact.revision, fact.event_id));
    let mut seen = BTreeSet::new();
    facts.retain(|fact| seen.insert(fact.event_id));

    let mut figures = Figures::default();
    let mut life = Life::default();
    let mut clocks = BTreeMap::new();
    for fact in facts {
        let at = fact.occurred_at;
        match fact.what {
            What::Registered(registration) => figures.registration = Some(registration),
            What::Triaged { kind, priority, category, queue } => {
                if kind != 0 {
                    figures.kind = kind;
                }
                figures.priority = priority;
                figures.category = category;
                if !queue.is_empty() {
                    figures.queue = queue;
                }
            }
            What::HandedOver { queue } => {
                figures.queue = queue;
                figures.hand_overs += 1;
            }
            What::Waiting { reason } => {
                figures.waits += 1;
                figures.waited_for.insert(reason);
            }
            What::Resolved => life.resolve(at),
            What::Reopened => life.reopen(at),
            What::Closed => life.close(at),
            What::Cancelled => life.cancel(at),
            What::Unmerged => life.revive(at),
            What::Clock(clock) => see_clock(&mut clocks, (fact.revision, fact.event_id), at, clock),
            What::Impact(effect) => figures.impact.become_so(at, effect),
        }
    }
    if figures.kind == 0 {
        figures.kind = figures.registration.as_ref().map_or(0, |registration| registration.kind);
    }
    life.tell(&mut figures);
    figures.clocks = clocks.into_iter().map(|(clock_id, (_, clock))| (clock_id, clock)).collect();
    figures
}

/// Keeps the clock as its latest fact shows it.
///
/// The latest is the one announced last, by revision alone: each carries all that the SLA timer knew by then, and a
/// revocation or a corrected end often *occurred* before the breach that it corrects.
fn see_clock(
    clocks: &mut BTreeMap<String, ((u64, Uuid), ClockFigures)>,
    announced: (u64, Uuid),
    occurred_at: Timestamp,
    clock: Clock,
) {
    let Clock { clock_id, metric, cycle, state, breached, target_secs, started_at, stopped_at } = clock;
    let ended_at = state.is_ended().then(|| stopped_at.unwrap_or(occurred_at));
    let figures = ClockFigures { metric, cycle, state, breached, target_secs, started_at, ended_at };
    match clocks.entry(clock_id) {
        Entry::Vacant(entry) => drop(entry.insert((announced, figures))),
        Entry::Occupied(mut entry) if entry.get().0 < announced => drop(entry.insert((announced, figures))),
        Entry::Occupied(_) => {}
    }
}

/// Open, or not since the last interval's end.
#[derive(Default)]
struct Life {
    /// The intervals after the first, which begins with the registration.
    reopened: Vec<(Timestamp, Opening)>,
    ends: Vec<(Timestamp, Ending)>,
    closed_at: Option<Timestamp>,
}

impl Life {
    fn is_open(&self) -> bool {
        self.ends.len() == self.reopened.len()
    }

    fn resolve(&mut self, at: Timestamp) {
        if self.is_open() {
            self.ends.push((at, Ending::Resolved));
        }
    }

    fn close(&mut self, at: Timestamp) {
        if self.is_open() {
            self.ends.push((at, Ending::Closed));
            self.closed_at = Some(at);
        } else if self.closed_at.is_none() && matches!(self.ends.last(), Some((_, Ending::Resolved))) {
            self.closed_at = Some(at);
        }
    }

    fn cancel(&mut self, at: Timestamp) {
        if self.is_open() {
            self.ends.push((at, Ending::Cancelled));
        }
    }

    /// A merge is undone: between the two it was not open. Whatever else has ended it meanwhile still holds.
    fn revive(&mut self, at: Timestamp) {
        if !self.is_open() && matches!(self.ends.last(), Some((_, Ending::Cancelled))) {
            self.reopen(at);
        }
    }

    fn reopen(&mut self, at: Timestamp) {
        if self.is_open() {
            return;
        }
        let was_cancelled = matches!(self.ends.last(), Some((_, Ending::Cancelled)));
        self.reopened.push((at, if was_cancelled { Opening::Revived } else { Opening::Reopened }));
        self.closed_at = None;
    }

    fn tell(self, figures: &mut Figures) {
        let resolvings = || self.ends.iter().filter(|(_, ending)| *ending == Ending::Resolved);
        figures.first_resolved_at = resolvings().map(|(at, _)| *at).next();
        figures.resolvings = count(resolvings());
        figures.reopenings = count(self.reopened.iter().filter(|(_, opening)| *opening == Opening::Reopened));
        figures.closed_at = self.closed_at;
        if !self.is_open() {
            match self.ends.last() {
                Some((at, Ending::Resolved)) => figures.resolved_at = Some(*at),
                Some((at, Ending::Cancelled)) => figures.cancelled_at = Some(*at),
                Some((_, Ending::Closed)) | None => {}
            }
        }
        if let Some(registration) = &figures.registration {
            let first = (registration.registered_at, Opening::Registered);
            let openings = std::iter::once(first).chain(self.reopened.iter().copied());
            figures.open = openings
                .enumerate()
                .map(|(nth, (opened_at, opened_by))| OpenInterval {
                    opened_at,
                    opened_by,
                    ended: self.ends.get(nth).copied(),
                })
                .collect();
        }
    }
}

fn count(of: impl Iterator) -> u32 {
    u32::try_from(of.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
