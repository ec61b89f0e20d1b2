//! What happens by itself: reminders of those who owe an answer, the end of waiting for it, confirmation, grace and
//! closing; and what those make of it who write again.

mod thanks;

use jiff::{SignedDuration, Timestamp};

use super::event::Event;
use super::hours::Calendar;
use super::model::SupportModel;
use super::ticket::Work;
use super::words::{ResolutionCode, State, WaitingReason};

pub use thanks::is_thanks;

/// Why a ticket has no article that nobody answered on.
const NO_ANSWER: &str = "the requester did not answer";
/// Why it came back.
const WROTE_AGAIN: &str = "the requester wrote again";
/// Days after which opening hours are not looked for any further.
const HORIZON: u32 = 400;

/// So many service days, then so much service time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lapse {
    /// Days on which somebody works.
    pub days: u32,
    /// Time in which somebody works.
    pub open_for: SignedDuration,
}

/// What a client wants to happen by itself. By default: nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// After how long without an answer the requester is reminded; each once.
    pub remind_after: Vec<Lapse>,
    /// After how long without an answer it is resolved as such.
    pub close_after: Option<Lapse>,
    /// How long what is resolved may come back; then it is closed.
    pub grace: Option<Lapse>,
    /// Thanks close it at once.
    pub thanks_confirm: bool,
    /// Whose hours count after the resolution; `None`: those of the ticket's queue, else all.
    pub calendar: Option<Calendar>,
    /// The same while it waits for the requester.
    pub waiting_calendar: Option<Calendar>,
}

/// One fact of what happens by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The requester is reminded that their answer is waited for.
    Reminded {
        /// The how-manieth time in this wait.
        reminder: u32,
        /// Of how many.
        of: u32,
        /// When it is resolved without an answer; `None`: never.
        closes_at: Option<Timestamp>,
    },
    /// The requester is asked whether it is solved.
    ConfirmationAsked {
        /// When it is closed without an answer.
        closes_at: Timestamp,
    },
    /// The requester said thanks: that does not reopen.
    Thanked,
    /// The requester wrote when it was over: that is another matter.
    CameLate {
        /// What they wrote.
        message_id: String,
    },
}

/// What is due next, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Since when it waits, or is resolved: another wait has its own reminders.
    pub since_at: Timestamp,
    /// When.
    pub due_at: Timestamp,
    /// What.
    pub events: Vec<Event>,
}

impl Lapse {
    /// When it is over, by the hours in which somebody works; by the clock on the wall if nobody says when that is.
    pub fn after(self, at: Timestamp, calendar: Option<&Calendar>) -> Timestamp {
        let plain = SignedDuration::from_hours(24 * i64::from(self.days)).saturating_add(self.open_for);
        let by_the_wall = at.saturating_add(plain).unwrap_or(Timestamp::MAX);
        calendar.map_or(by_the_wall, |calendar| self.within(at, calendar).unwrap_or(by_the_wall))
    }

    fn within(self, at: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
        let local = calendar.zone.to_datetime(at);
        let mut date = local.date();
        let mut days = self.days;
        for _ in 0..HORIZON {
            if days == 0 {
                break;
            }
            date = date.tomorrow().ok()?;
            days -= u32::from(!calendar.of(date).is_empty());
        }
        if days > 0 {
            return None;
        }
        let same_time = if self.days == 0 {
            at
        } else {
            calendar.zone.to_ambiguous_timestamp(date.to_datetime(local.time())).later().ok()?
        };
        if self.open_for == SignedDuration::ZERO {
            return calendar.opens_at(same_time, 60);
        }
        let mut left = self.open_for;
        let mut from = calendar.opens_at(same_time, 60)?;
        for _ in 0..HORIZON {
            let until = closes_at(calendar, from)?;
            let open = until.duration_since(from);
            if open >= left {
                return from.checked_add(left).ok();
            }
            left = left.saturating_sub(open);
            from = calendar.opens_at(until, 60)?;
        }
        None
    }
}

/// When it closes that is open at `from`: the first edge at which it is closed.
fn closes_at(calendar: &Calendar, from: Timestamp) -> Option<Timestamp> {
    let today = calendar.zone.to_datetime(from).date();
    let dates = super::hours::dates(today, 3);
    let edges = dates.flat_map(|date| calendar.of(date).iter().filter_map(move |span| span.edges(date)));
    let ends: Vec<jiff::civil::DateTime> = edges.map(|(_, ends)| ends).collect();
    let instants = super::hours::instants(&calendar.zone, from, 3, ends.into_iter());
    // Open for days on end: a piece of it is as good.
    let last = instants.last().copied();
    instants.into_iter().find(|one| *one > from && !calendar.is_open(*one)).or(last.filter(|one| *one > from))
}

/// The hours that count for a ticket.
fn hours<'a>(work: &Work, model: &'a SupportModel) -> Option<&'a Calendar> {
    let of_queue = || model.queues.get(&work.placement.queue).and_then(|queue| queue.hours.as_ref());
    let policy = &model.closing;
    let own = if work.state == State::Waiting { &policy.waiting_calendar } else { &policy.calendar };
    own.as_ref().or_else(of_queue)
}

/// Since when the ticket is in a state that ends by itself some day; `None`: it is in none.
pub fn since(work: &Work) -> Option<Timestamp> {
    match work.state {
        State::Waiting => work.waiting.filter(|it| it.reason == WaitingReason::Requester).map(|it| it.since_at),
        State::Resolved => work.resolution.as_ref().map(|it| it.resolved_at),
        _ => None,
    }
}

/// What is due next after `done` steps of this wait or this resolution.
pub fn next(work: &Work, done: u32, model: &SupportModel) -> Option<Due> {
    let policy = &model.closing;
    let since_at = since(work)?;
    let hours = hours(work, model);
    let at = |lapse: &Lapse| lapse.after(since_at, hours);
    if work.state == State::Resolved {
        let closes_at = at(policy.grace.as_ref()?);
        let (due_at, event) = match done {
            0 => (since_at, Event::Closing(Step::ConfirmationAsked { closes_at })),
            _ => (closes_at, Event::Closed { confirmed: false }),
        };
        return Some(Due { since_at, due_at, events: vec![event] });
    }
    let closes_at = policy.close_after.as_ref().map(at);
    let reminder = usize::try_from(done).ok().and_then(|done| policy.remind_after.get(done)).map(at);
    match (reminder, closes_at) {
        (Some(due_at), closes_at) if closes_at.is_none_or(|closes_at| due_at < closes_at) => {
            let of = u32::try_from(policy.remind_after.len()).unwrap_or(u32::MAX);
            let reminded = Step::Reminded { reminder: done + 1, of, closes_at };
            Some(Due { since_at, due_at, events: vec![Event::Closing(reminded)] })
        }
        (_, Some(due_at)) => Some(Due { since_at, due_at, events: vec![unanswered()] }),
        (_, None) => None,
    }
}

/// Nobody answered.
fn unanswered() -> Event {
    Event::Resolved {
        code: ResolutionCode::NoAnswer,
        article_id: String::new(),
        no_article_reason: NO_ANSWER.to_owned(),
        note: String::new(),
        approver: String::new(),
    }
}

/// What it makes of a ticket that its requester writes again, in words that are thanks or others.
pub fn written_again(
    work: &Work,
    written_at: Timestamp,
    is_thanks: bool,
    message_id: &str,
    policy: &Policy,
) -> Option<Event> {
    // Without a grace time it is for people to say what comes back.
    policy.grace?;
    match work.state {
        State::Resolved if work.resolution.as_ref().is_some_and(|it| written_at < it.resolved_at) => None,
        State::Resolved if is_thanks && policy.thanks_confirm => Some(Event::Closed { confirmed: true }),
        State::Resolved if is_thanks => Some(Event::Closing(Step::Thanked)),
        State::Resolved => Some(Event::Reopened { reason: WROTE_AGAIN.to_owned() }),
        State::Closed if work.closed_at.is_some_and(|closed_at| written_at < closed_at) => None,
        State::Closed if !is_thanks && !message_id.is_empty() => {
            Some(Event::Closing(Step::CameLate { message_id: message_id.to_owned() }))
        }
        _ => None,
    }
}

impl Step {
    /// What happened, in one line.
    pub fn line(&self) -> String {
        let until = |at: &Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
        match self {
            Self::Reminded { reminder, of, closes_at } => {
                let end = closes_at
                    .as_ref()
                    .map_or_else(String::new, |at| format!("; without an answer it ends at {}", until(at)));
                format!("the requester was reminded ({reminder} of {of}){end}")
            }
            Self::ConfirmationAsked { closes_at } => {
                format!("the requester was asked whether it is solved; closes at {}", until(closes_at))
            }
            Self::Thanked => "the requester said thanks".to_owned(),
            Self::CameLate { .. } => "the requester wrote after it was closed: a new ticket follows".to_owned(),
        }
    }
}
