//! What becomes of an alert: counted, folded into a storm, damped, held until it is sure that it is over.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// At least so often a growing count is told.
const TELL_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// Labels that tell one machine, process or moment from another: they do not belong to what alerts have in common.
const VOLATILE: &[&str] = &[
    "address",
    "container",
    "container_id",
    "cpu",
    "device",
    "endpoint",
    "fstype",
    "host",
    "host_name",
    "hostname",
    "id",
    "instance",
    "ip",
    "machine",
    "mountpoint",
    "name",
    "node",
    "path",
    "pid",
    "pod",
    "pod_name",
    "port",
    "prometheus",
    "replica",
    "serial",
    "server",
    "target",
    "time",
    "timestamp",
    "uid",
    "uuid",
    "value",
    "vm",
];

/// How a client's alerts are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertRules {
    /// More different keys than these of one fingerprint are a storm …
    pub storm_above: u32,
    /// … if they come within this.
    pub storm_within: SignedDuration,
    /// An alert that comes or goes more often than this flaps …
    pub flaps_above: u32,
    /// … if it does within this.
    pub flaps_within: SignedDuration,
    /// From its end until the ticket is resolved.
    pub hold_off: SignedDuration,
}

impl Default for AlertRules {
    fn default() -> Self {
        Self {
            storm_above: 10,
            storm_within: SignedDuration::from_mins(5),
            flaps_above: 6,
            flaps_within: SignedDuration::from_mins(10),
            hold_off: SignedDuration::from_mins(5),
        }
    }
}

/// What is said of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// There is trouble, or still.
    Trigger,
    /// Somebody knows of it.
    Acknowledge,
    /// It is over.
    Resolve,
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There is trouble.
    Triggered,
    /// Somebody knows of it.
    Acknowledged,
    /// It is said to be over, and held until it is sure.
    Recovering,
    /// It is over.
    Cleared,
}

/// What a post did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is one more of an open ticket.
    Counted,
    /// Somebody knows of it.
    Acknowledged,
    /// The hold-off runs.
    Recovering,
    /// It came back before it was over for good.
    Returned,
    /// There is nothing to do.
    Nothing,
}

/// What is told on the ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// So many by now.
    Counted,
    /// Somebody knows of it.
    Acknowledged,
    /// The hold-off runs.
    Recovering,
    /// It came back.
    Returned,
    /// It comes and goes.
    Flapping,
    /// All are over for good.
    Cleared,
    /// It was one of the first of a storm.
    OfStorm,
}

/// An open alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub state: State,
    /// How often it was triggered.
    pub posts: u64,
    /// When it came and went lately.
    pub changes: Vec<Timestamp>,
    /// It comes and goes too often.
    pub is_flapping: bool,
    /// The end of the hold-off, exactly while it is recovering.
    pub clears_at: Option<Timestamp>,
}

impl Standing {
    /// It was triggered for the first time.
    pub fn begun() -> Self {
        Self { state: State::Triggered, posts: 1, changes: Vec::new(), is_flapping: false, clears_at: None }
    }

    /// It is said again.
    pub fn said(&mut self, action: Action, now: Timestamp, rules: &AlertRules) -> (Effect, Option<Note>) {
        match (action, self.state) {
            (Action::Trigger, State::Triggered | State::Acknowledged) => {
                self.posts += 1;
                (Effect::Counted, None)
            }
            (Action::Trigger, State::Recovering | State::Cleared) => {
                self.posts += 1;
                (self.state, self.clears_at) = (State::Triggered, None);
                (Effect::Returned, self.changed(now, rules, Note::Returned))
            }
            (Action::Acknowledge, State::Triggered) => {
                self.state = State::Acknowledged;
                (Effect::Acknowledged, Some(Note::Acknowledged))
            }
            (Action::Acknowledge, _) => (Effect::Acknowledged, None),
            (Action::Resolve, State::Triggered | State::Acknowledged) => {
                self.state = State::Recovering;
                let note = self.changed(now, rules, Note::Recovering);
                // Who comes and goes is over when it has been quiet for as long as it was watched.
                let hold_off = if self.is_flapping { rules.hold_off.max(rules.flaps_within) } else { rules.hold_off };
                self.clears_at = Some(now.saturating_add(hold_off).unwrap_or(now));
                (Effect::Recovering, note)
            }
            (Action::Resolve, State::Recovering) => (Effect::Recovering, None),
            (Action::Resolve, State::Cleared) => (Effect::Nothing, None),
        }
    }

    /// The hold-off is over, if it is.
    pub fn clear(&mut self, now: Timestamp) -> bool {
        let is_due = self.clears_at.is_some_and(|at| at <= now);
        if is_due {
            (self.state, self.clears_at) = (State::Cleared, None);
        }
        is_due
    }

    /// It came or went: what is told of it. Who flaps is told once, until it is quiet.
    fn changed(&mut self, now: Timestamp, rules: &AlertRules, note: Note) -> Option<Note> {
        self.changes.push(now);
        let since = now.saturating_sub(rules.flaps_within).unwrap_or(now);
        self.changes.retain(|at| *at > since);
        let flapped = self.is_flapping;
        self.is_flapping = self.changes.len() > usize::try_from(rules.flaps_above).unwrap_or(usize::MAX);
        if self.is_flapping {
            // One more than makes it flap is enough to know.
            let most = usize::try_from(rules.flaps_above).unwrap_or(usize::MAX).saturating_add(1);
            let over = self.changes.len().saturating_sub(most);
            self.changes.drain(..over);
        }
        match (flapped, self.is_flapping) {
            (false, true) => Some(Note::Flapping),
            (true, true) => None,
            (_, false) => Some(note),
        }
    }
}

/// Where a new key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// It gets a ticket of its own.
    Own,
    /// It is the one that makes it a storm: the storm gets a ticket, and this joins it.
    Begins,
    /// The storm goes on.
    Joins,
}

/// Where a new key of a fingerprint goes, with so many other keys of it lately.
pub fn fold(others: u64, storm_goes_on: bool, rules: &AlertRules) -> Fold {
    if storm_goes_on {
        Fold::Joins
    } else if others >= u64::from(rules.storm_above) {
        Fold::Begins
    } else {
        Fold::Own
    }
}

/// Whether a count is told now: at every doubling, and every minute while it grows.
pub fn tells_count(posts: u64, told_posts: u64, told_at: Timestamp, now: Timestamp) -> bool {
    let has_doubled = posts >= told_posts.saturating_mul(2);
    posts > told_posts && (has_doubled || now.duration_since(told_at) >= TELL_EVERY)
}

/// What belongs together: as the sender says, else the labels that do not tell one machine from another, else the
/// summary without its numbers.
pub fn fingerprint(given: &str, source: &str, summary: &str, labels: &BTreeMap<String, String>, most: usize) -> String {
    if !given.is_empty() {
        return given.to_owned();
    }
    let common: Vec<String> = labels
        .iter()
        .filter(|(name, _)| !VOLATILE.contains(&name.to_lowercase().as_str()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut text = if common.is_empty() {
        let words = summary.split(|char: char| char.is_numeric() || char.is_whitespace());
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").to_lowercase()
    } else {
        common.join(",")
    };
    if !source.is_empty() {
        text = format!("{source}: {text}");
    }
    if text.len() > most {
        // What is cut off still tells two apart.
        let hash = format!("{:016x}", fnv(text.as_bytes()));
        let mut end = most.saturating_sub(hash.len() + 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text = format!("{text}~{hash}");
    }
    text
}

/// FNV-1a: the same on every machine and in every version.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
