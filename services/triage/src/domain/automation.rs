//! Rules that give commands by themselves: what triggers them, what they do, what stops them. What they do is decided as
//! every command is.

pub mod chain;
pub mod replay;
pub mod shadow;
pub mod stay;
mod told;

use std::collections::BTreeSet;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::condition::{Condition, Facts};
use super::decide::{Around, Command, Rejection, decide};
use super::event::Event;
use super::ticket::{Actor, Matter, Work};
use super::words::{Field, State, WaitingReason, Word, words};

pub use stay::Stay;
pub use told::line;

/// What is learned later than this after it occurred is history, and triggers nothing.
pub const LATE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The requester wrote: no fact of triage's, but a trigger.
pub const WROTE: &str = "requester_wrote";
/// A stay has lasted as long as the rule says.
pub const STAY: &str = "stay";
/// The time of the day has come.
pub const DAILY: &str = "daily";

words!(
    /// What a rule may do.
    Mode {
        /// It acts, or decides.
        Live = 1 "live",
        /// What it would have done is in the account.
        Shadow = 2 "shadow",
        /// It is not looked at.
        Off = 3 "off",
    }
);

words!(
    /// What became of one action.
    Outcome {
        /// It was done.
        Done = 1 "done",
        /// It was so already.
        Nothing = 2 "nothing",
        /// The command's own rules did not allow it.
        Refused = 3 "refused",
        /// The rule is in shadow mode.
        Shadow = 4 "shadow",
        /// The rule itself had led to the fact, or too many rules.
        LoopStopped = 5 "loop_stopped",
    }
);

words!(
    /// The kinds of rules that have an account.
    Family {
        /// They give commands.
        Automation = 1 "automation",
        /// They say what a matter is.
        Classification = 2 "classification",
        /// They say where it goes.
        Routing = 3 "routing",
    }
);

/// All that a model says of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Automation {
    /// The rules in their order.
    pub rules: Vec<Rule>,
    /// The rules of classification and routing that decide nothing.
    pub shadows: Vec<shadow::Shadow>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its word.
    pub rule: String,
    /// What it may do.
    pub mode: Mode,
    /// When it is looked at.
    pub trigger: Trigger,
    /// For which tickets, as they were then; `None` for all.
    pub when: Option<Condition>,
    /// What it does.
    pub actions: Vec<Action>,
}

/// When a rule is looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// One of these facts, by name.
    On(BTreeSet<String>),
    /// A ticket has stayed somewhere.
    After {
        /// Where.
        stay: Stay,
        /// What it waits for; `None`: anything.
        reason: Option<WaitingReason>,
        /// For so long.
        stays_for: SignedDuration,
    },
    /// Once a day.
    Daily(Daily),
}

/// A time of the day.
#[derive(Debug, Clone, PartialEq)]
pub struct Daily {
    /// By the clock on the wall.
    pub at: Time,
    /// Where.
    pub zone: TimeZone,
    /// On these days; none: on every day.
    pub days: Vec<Weekday>,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Give a command.
    Command(Command),
    /// Write something down.
    Note(String),
}

/// What is known of a ticket besides the work on it, and kept apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// As it was registered.
    pub description: String,
    /// The requester's site then.
    pub site: String,
    /// Their department.
    pub department: String,
    /// Whether they were marked as important.
    pub vip: bool,
}

/// What triggers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The fact's name, or one of [`WROTE`], [`STAY`], [`DAILY`].
    pub trigger: String,
    /// Of a stay and of a time of day: the rule that it is for.
    pub rule: Option<String>,
    /// The fact; of a stay the one that began it.
    pub fact_id: Uuid,
    /// When.
    pub at: Timestamp,
    /// How it came about.
    pub trace: chain::Trace,
}

/// What became of one action, for the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// 1, 2, 3 …; 0: none was tried.
    pub action: usize,
    /// In one line.
    pub what: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why not: the word for machines, and for people. Both empty: nothing is to be said.
    pub reason: (String, String),
}

impl Automation {
    /// Whether any rule wants to see facts or stays.
    pub fn is_active(&self) -> bool {
        self.rules.iter().any(|rule| rule.mode != Mode::Off)
    }

    /// The rules that are looked at.
    pub fn active(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| rule.mode != Mode::Off)
    }

    /// Whether a fact of this name triggers something.
    pub fn hears(&self, fact: &str) -> bool {
        self.active().any(|rule| matches!(&rule.trigger, Trigger::On(facts) if facts.contains(fact)))
    }

    /// The rules that this triggers, if their conditions hold.
    pub fn triggered<'a>(&'a self, cause: &'a Cause) -> impl Iterator<Item = &'a Rule> {
        self.active().filter(|rule| match (&rule.trigger, &cause.rule) {
            (Trigger::On(facts), None) => facts.contains(&cause.trigger),
            (Trigger::After { .. }, Some(named)) => cause.trigger == STAY && *named == rule.rule,
            (Trigger::Daily(_), Some(named)) => cause.trigger == DAILY && *named == rule.rule,
            _ => false,
        })
    }
}

impl Rule {
    /// Whether its conditions hold.
    pub fn holds(&self, facts: &Facts) -> bool {
        self.when.as_ref().is_none_or(|when| when.holds(facts))
    }
}

impl Daily {
    /// The first such instant after this one; `None`: there is none within a fortnight.
    pub fn after(&self, now: Timestamp) -> Option<Timestamp> {
        let mut day = now.to_zoned(self.zone.clone()).date();
        for _ in 0..=14 {
            if self.days.is_empty() || self.days.contains(&day.weekday()) {
                // What the clocks skip comes right after; what they repeat counts the first time.
                let at = day.to_datetime(self.at).to_zoned(self.zone.clone()).ok()?.timestamp();
                if at > now {
                    return Some(at);
                }
            }
            day = day.tomorrow().ok()?;
        }
        None
    }
}

impl Effect {
    /// Of an action that was tried, or would have been.
    pub fn of(number: usize, action: &Action, mode: Mode, tried: &Result<Vec<Event>, Rejection>) -> Self {
        let (outcome, reason) = match tried {
            Ok(events) if events.is_empty() => (Outcome::Nothing, (String::new(), String::new())),
            Ok(_) => (Outcome::Done, (String::new(), String::new())),
            Err(rejection) => (Outcome::Refused, (rejection.reason().to_owned(), rejection.to_string())),
        };
        let outcome = if mode == Mode::Live { outcome } else { Outcome::Shadow };
        Self { action: number, what: line(action), outcome, reason }
    }

    /// Of a rule that was stopped.
    pub fn stopped(stop: chain::Stop, trace: &chain::Trace) -> Self {
        let what = "nothing was tried".to_owned();
        let reason = (stop.reason().to_owned(), format!("{stop}: {}", trace.rules.join(" ← ")));
        Self { action: 0, what, outcome: Outcome::LoopStopped, reason }
    }
}

/// Decides one action as the command that it is.
///
/// # Errors
/// What the command's own rules say against it.
pub fn attempt(work: &Work, action: &Action, by: &Actor, around: &Around<'_>) -> Result<Vec<Event>, Rejection> {
    match action {
        Action::Command(command) => decide(work, command, by, around),
        Action::Note(_) if work.state == State::Registered => Err(Rejection::NotTriaged),
        Action::Note(text) => Ok(vec![Event::Noted { text: text.clone() }]),
    }
}

/// What conditions see of a ticket with this work on it.
pub fn known(matter: &Matter, work: &Work, about: &About) -> Facts {
    let mut facts = Facts::default();
    let decided = &work.classification;
    facts.set(Field::Subject, &matter.subject);
    facts.set(Field::Description, &about.description);
    facts.set(Field::Channel, matter.channel.map_or("", Word::word));
    facts.set(Field::RequesterEmail, &matter.requester_email);
    facts.set(Field::RequesterVip, if about.vip { "true" } else { "false" });
    facts.set(Field::Site, &about.site);
    facts.set(Field::Department, &about.department);
    facts.set(Field::Source, &matter.source);
    facts.set(Field::Kind, decided.kind.word());
    facts.set(Field::Category, &decided.category);
    facts.set(Field::Subcategory, &decided.subcategory);
    facts.set(Field::Priority, decided.priority.word());
    facts.set(Field::State, work.state.word());
    facts.set(Field::Queue, &work.placement.queue);
    facts.set(Field::Tier, &work.placement.tier.to_string());
    facts.set(Field::Owner, work.owner.as_deref().unwrap_or_default());
    facts.set(Field::Owned, if work.owner.is_some() { "true" } else { "false" });
    facts.set(Field::WaitingReason, work.waiting.map_or("", |waiting| waiting.reason.word()));
    facts.set(Field::Tags, &Vec::from_iter(work.workspace.tags.iter().map(String::as_str)).join("\n"));
    facts
}
