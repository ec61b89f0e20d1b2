//! What changes and major incidents cost: outcomes, caused incidents, downtime, lost work.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// How long after a change's end an incident that is linked to it counts against it.
pub const WATCHED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What happened, as far as the impact of a ticket depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A change is over.
    ChangeEnded(Outcome),
    /// Many are hit; while they still are, said anew.
    Declared(Impairment),
    /// Its figures were wrong. What is absent stays.
    Amended {
        /// How many are hit.
        affected_users: Option<u32>,
        /// Since when.
        impaired_from: Option<Timestamp>,
        /// Until when.
        impaired_until: Option<Timestamp>,
    },
    /// Nobody is hit any more.
    Ended {
        /// Since when.
        impaired_until: Timestamp,
    },
    /// Another ticket caused this one.
    CausedBy(Uuid),
    /// It did not, after all.
    NotCausedBy(Uuid),
}

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// As planned.
    Successful = 1,
    /// It did not work.
    Failed = 2,
    /// It was undone.
    RolledBack = 3,
}

/// Once that a major incident was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impairment {
    /// 1 to 5.
    pub severity: u8,
    /// What was down.
    pub services: BTreeSet<String>,
    /// How many were hit.
    pub affected_users: u32,
    /// Since when.
    pub impaired_from: Timestamp,
    /// Until when; `None`: nobody has said that it is over.
    pub impaired_until: Option<Timestamp>,
}

/// The impact of one ticket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Impact {
    /// How and when its change ended.
    pub change: Option<(Outcome, Timestamp)>,
    /// In the order in which they were declared.
    pub impairments: Vec<Impairment>,
    /// What caused it, and since when that is known.
    pub causes: BTreeMap<Uuid, Timestamp>,
    is_ended: bool,
}

impl Impact {
    /// Applies what happened next.
    pub fn become_so(&mut self, at: Timestamp, effect: Effect) {
        match effect {
            Effect::ChangeEnded(outcome) => {
                self.change.get_or_insert((outcome, at));
            }
            Effect::Declared(impairment) => {
                if !self.is_ended {
                    self.impairments.pop();
                }
                self.is_ended = false;
                self.impairments.push(impairment);
            }
            Effect::Amended { affected_users, impaired_from, impaired_until } => {
                if let Some(last) = self.impairments.last_mut() {
                    last.affected_users = affected_users.unwrap_or(last.affected_users);
                    last.impaired_from = impaired_from.unwrap_or(last.impaired_from);
                    last.impaired_until = impaired_until.or(last.impaired_until);
                }
            }
            Effect::Ended { impaired_until } => {
                if let Some(last) = self.impairments.last_mut() {
                    last.impaired_until = Some(impaired_until);
                    self.is_ended = true;
                }
            }
            Effect::CausedBy(cause) => {
                self.causes.entry(cause).or_insert(at);
            }
            Effect::NotCausedBy(cause) => {
                self.causes.remove(&cause);
            }
        }
    }
}

/// The part of an impairment that lies in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Of which ticket.
    pub ticket_id: Uuid,
    /// 1 to 5.
    pub severity: u8,
    /// What was down.
    pub services: BTreeSet<String>,
    /// How many were hit.
    pub affected_users: u32,
    /// Since when, in the period.
    pub from: Timestamp,
    /// Until when, in the period; not before `from`.
    pub until: Timestamp,
    /// Why: the kind of the ticket that caused it, else its category.
    pub cause: String,
}

impl Hit {
    /// Affected users × time × the severity's factor.
    pub fn lost_work_for(&self) -> SignedDuration {
        let microseconds = self.until.duration_since(self.from).as_micros().max(0);
        person_time(microseconds.saturating_mul(i128::from(self.affected_users)) * hundredths(self.severity) / 100)
    }
}

/// How much of an hour's work everybody who is hit loses in an hour, in hundredths.
const fn hundredths(severity: u8) -> i128 {
    match severity {
        1 => 100,
        2 => 50,
        3 => 20,
        4 => 5,
        _ => 0,
    }
}

/// As long as a protobuf duration can be: ten thousand years.
fn person_time(microseconds: i128) -> SignedDuration {
    const MOST: i64 = 315_576_000_000;
    let seconds = i64::try_from(microseconds / 1_000_000).unwrap_or(MOST).min(MOST);
    let rest = if seconds == MOST { 0 } else { i32::try_from(microseconds % 1_000_000).unwrap_or(0) * 1_000 };
    SignedDuration::new(seconds, rest)
}

/// Work that was lost, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LostWork {
    /// All of it.
    pub lost_for: SignedDuration,
    /// By cause, the greatest first.
    pub by_cause: Vec<(String, SignedDuration)>,
}

/// The work that these lost.
pub fn lost_work(hits: &[Hit]) -> LostWork {
    let mut causes: BTreeMap<&str, SignedDuration> = BTreeMap::new();
    let mut lost_for = SignedDuration::ZERO;
    for hit in hits {
        let lost = hit.lost_work_for();
        lost_for = lost_for.saturating_add(lost);
        let of_cause = causes.entry(&hit.cause).or_default();
        *of_cause = of_cause.saturating_add(lost);
    }
    let mut by_cause: Vec<_> = causes.into_iter().map(|(cause, lost)| (cause.to_owned(), lost)).collect();
    by_cause.sort_by_key(|(_, lost)| std::cmp::Reverse(*lost));
    LostWork { lost_for, by_cause }
}

/// How a service did in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stability {
    /// Its name, as the major incidents say it.
    pub service: String,
    /// Major incidents that name it.
    pub major_incidents: u64,
    /// Time in which at least one of them hit somebody.
    pub downtime_for: SignedDuration,
    /// The rest of the period, up to now at the latest.
    pub uptime_for: SignedDuration,
}

impl Stability {
    /// Uptime ÷ period; absent in a period without length.
    pub fn availability(&self) -> Option<f64> {
        let (up, down) = (self.uptime_for.as_secs_f64(), self.downtime_for.as_secs_f64());
        (up + down > 0.0).then(|| up / (up + down))
    }

    /// Uptime ÷ major incidents.
    pub fn between_failures_for(&self) -> SignedDuration {
        let incidents = i128::from(self.major_incidents.max(1));
        person_time(self.uptime_for.as_micros() / incidents)
    }
}

/// How the services did that were hit in `[from, until)`, by name. Those that nothing hit are not among them.
pub fn stability(hits: &[Hit], from: Timestamp, until: Timestamp) -> Vec<Stability> {
    let mut services: BTreeMap<&str, Vec<&Hit>> = BTreeMap::new();
    for hit in hits {
        for service in &hit.services {
            services.entry(service).or_default().push(hit);
        }
    }
    let length = until.duration_since(from).max(SignedDuration::ZERO);
    let told = services.into_iter().map(|(service, mut hits)| {
        hits.sort_unstable_by_key(|hit| hit.from);
        let (mut downtime_for, mut counted_until) = (SignedDuration::ZERO, from);
        for hit in &hits {
            let begin = hit.from.max(counted_until);
            if hit.until > begin {
                downtime_for += hit.until.duration_since(begin);
                counted_until = hit.until;
            }
        }
        let tickets: BTreeSet<Uuid> = hits.iter().map(|hit| hit.ticket_id).collect();
        let uptime_for = (length - downtime_for).max(SignedDuration::ZERO);
        let major_incidents = tickets.len() as u64;
        Stability { service: service.to_owned(), major_incidents, downtime_for, uptime_for }
    });
    told.collect()
}
