//! The audit log of a real ServiceNow instance (UCI Machine Learning Repository, data set 498),
//! read as histories of tickets.
//!
//! One row of the log is one update of an incident. The columns `made_sla`, `closed_code`,
//! `resolved_by`, `resolved_at` and `closed_at` say how an incident ended already on its first row;
//! they are never looked at. What is wrong with the log is counted by kind ([`DirtKind`]) and kept,
//! never dropped; each kind says how.

mod fold;
mod rows;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use anyhow::{Result, bail};
use jiff::Timestamp;

use crate::client_file::{Channel, Level, Priority, WaitingReason, words};
use rows::{Row, Rows};

/// The time zone of the log's dates, which name none.
pub const TIME_ZONE: &str = "Europe/Lisbon";

/// One incident of the log, told from its registration to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The incident's number in the log, such as `INC0000045`.
    pub external_ref: String,
    /// Who asked, such as `Caller 2403`, as last said; the log's names are anonymous.
    pub requester: Option<String>,
    /// How they asked, as last said.
    pub channel: Channel,
    /// When it was registered.
    pub opened_at: Timestamp,
    /// Made from symptom and category, because the log has no texts.
    pub subject: String,
    /// Made from the classification, one line each.
    pub description: String,
    /// As last said.
    pub category: Option<String>,
    /// As last said.
    pub subcategory: Option<String>,
    /// At registration; later changes are facts.
    pub impact: Level,
    /// At registration; later changes are facts.
    pub urgency: Level,
    /// At registration; later changes are facts.
    pub priority: Priority,
    /// The group at registration; later changes are facts.
    pub group: Option<String>,
    /// Further columns in the log's own words, as last said: `contact_type`, `location`, `opened_by`,
    /// `u_symptom`, `cmdb_ci`, `knowledge`, `problem_id`, `rfc`, `vendor`, `caused_by`.
    pub attributes: BTreeMap<&'static str, String>,
    /// What the first row says, by column: `caller_id`, `opened_by`, `contact_type`, `location`,
    /// `category`, `subcategory`, `u_symptom`, `impact`, `urgency`. All that was known at registration.
    pub at_registration: BTreeMap<&'static str, String>,
    /// What happened, in order.
    pub facts: Vec<HistoryFact>,
}

/// Something that happened to a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryFact {
    /// Unique within the ticket and the same on every reading: the row's `sys_mod_count` (a letter
    /// after it where the log repeats one) and the word of the fact, such as `4.resolved`.
    pub key: String,
    /// When; the row's own `sys_updated_at`, never before the registration.
    pub at: Timestamp,
    /// Who, such as `Updated by 21`.
    pub actor: Option<String>,
    /// What.
    pub kind: FactKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactKind {
    /// Another group has it.
    HandedOver {
        /// The group that has it now.
        group: String,
    },
    /// Impact, urgency or priority is another.
    PrioritySet {
        /// The impact now.
        impact: Level,
        /// The urgency now.
        urgency: Level,
        /// The priority now.
        priority: Priority,
    },
    /// It waits, or goes on waiting for another reason.
    Waiting {
        /// Why.
        reason: WaitingReason,
        /// The log's own word, such as `Awaiting Evidence`.
        said: String,
    },
    /// It waits no longer, and is open.
    Resumed,
    /// It is resolved.
    Resolved {
        /// The desk's resolution code. Always `solved`: the log's own code is one of the columns
        /// that are not looked at.
        code: &'static str,
    },
    /// It was resolved or closed and is open again.
    Reopened,
    /// It is closed; not always out of `Resolved`, see [`DirtKind::ClosedWithoutResolve`].
    Closed,
}

impl FactKind {
    /// The word of the fact.
    pub fn word(&self) -> &'static str {
        match self {
            Self::HandedOver { .. } => "handed_over",
            Self::PrioritySet { .. } => "priority_set",
            Self::Waiting { .. } => "waiting",
            Self::Resumed => "resumed",
            Self::Resolved { .. } => "resolved",
            Self::Reopened => "reopened",
            Self::Closed => "closed",
        }
    }
}

words!(
    /// A way in which the log is not as it should be, and how it is kept all the same.
    DirtKind {
        /// A row has the state −100 or one that is not known: the state stays what it was, the rest
        /// of the row counts. Counted per row.
        BadState = "bad_state",
        /// Along the file `sys_mod_count` runs backwards, so that count and time contradict each other:
        /// where the times, ordered by count, do not rise, the rows are ordered by time instead.
        /// Counted per incident.
        TimesBackwards = "times_backwards",
        /// An incident was updated before it was opened: such an update counts as made at the opening.
        /// Counted per incident.
        UpdatedBeforeOpened = "updated_before_opened",
        /// A `sys_mod_count` stands twice in one incident: both rows count. Counted per row.
        RepeatedModCount = "repeated_mod_count",
        /// An incident was closed without ever being resolved: it is closed, and no resolve is made
        /// up. Counted per closing.
        ClosedWithoutResolve = "closed_without_resolve",
        /// The last state of an incident is not Closed: it is left as it is. Counted per incident.
        NeverClosed = "never_closed",
        /// The group of a resolved or closed incident changed: the hand-over is kept. Counted per row.
        HandedOverAfterResolve = "handed_over_after_resolve",
        /// The group is gone from a row that follows one with a group: the former group stays.
        /// Counted per row.
        GroupLost = "group_lost",
        /// No row names the caller: the requester is absent. Counted per incident.
        MissingCaller = "missing_caller",
        /// No row names a category: it is absent. Counted per incident.
        MissingCategory = "missing_category",
        /// No row names a subcategory: it is absent. Counted per incident.
        MissingSubcategory = "missing_subcategory",
        /// No row names a group: it is absent. Counted per incident.
        MissingGroup = "missing_group",
        /// A row has no `sys_updated_at`: it counts as made with the row before. Counted per row.
        MissingTime = "missing_time",
        /// Impact, urgency, priority or contact type is missing or not known: the value before it
        /// stays, at first medium, P3 and phone. Counted per row and column.
        UnknownWord = "unknown_word",
        /// A row is stamped in the hour that the clocks skip in spring: taken as that much later.
        /// Counted per row.
        SkippedHour = "skipped_hour",
    }
);

/// How often each kind of dirt was met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dirt {
    counts: BTreeMap<DirtKind, u64>,
}

impl Dirt {
    /// How often `kind` was met.
    pub fn count(&self, kind: DirtKind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    /// What was met at all, with how often.
    pub fn met(&self) -> impl Iterator<Item = (DirtKind, u64)> + '_ {
        self.counts.iter().map(|(kind, count)| (*kind, *count))
    }

    fn add(&mut self, kind: DirtKind) {
        *self.counts.entry(kind).or_insert(0) += 1;
    }
}

/// How much was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rows.
    pub rows: u64,
    /// Incidents.
    pub incidents: u64,
    /// Incidents whose first row says Resolved already.
    pub solved_at_registration: u64,
    /// Times an incident went into Resolved after its first row.
    pub into_resolved: u64,
    /// Times an incident went from Resolved or Closed into an open state.
    pub reopened: u64,
}

/// The log, read one incident at a time; holds no more than that in memory.
///
/// After the last history [`Log::dirt`] and [`Log::totals`] speak for the whole log. An error ends it.
pub struct Log {
    rows: Rows,
    /// The first row of the next incident.
    ahead: Option<Row>,
    seen: HashSet<String>,
    dirt: Dirt,
    totals: Totals,
    ended: bool,
}

/// Opens the log: a zip with one CSV in it, or the CSV itself.
///
/// # Errors
/// The file can not be read, or its header lacks a column.
pub fn read(path: impl AsRef<Path>) -> Result<Log> {
    Ok(Log {
        rows: Rows::open(path.as_ref())?,
        ahead: None,
        seen: HashSet::new(),
        dirt: Dirt::default(),
        totals: Totals::default(),
        ended: false,
    })
}

impl Log {
    /// What was wrong with the part that was read.
    pub fn dirt(&self) -> &Dirt {
        &self.dirt
    }

    /// How much was read.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    fn next_history(&mut self) -> Result<Option<History>> {
        let first = match self.ahead.take() {
            Some(row) => Some(row),
            None => self.rows.next_row(&mut self.dirt)?,
        };
        let Some(first) = first else { return Ok(None) };
        if !self.seen.insert(first.number.clone()) {
            bail!("line {}: {} was told before and goes on here; sort the file by `number`", first.line, first.number);
        }
        let mut rows = vec![first];
        while let Some(row) = self.rows.next_row(&mut self.dirt)? {
            if row.number != rows[0].number {
                self.ahead = Some(row);
                break;
            }
            rows.push(row);
        }
        self.totals.incidents += 1;
        self.totals.rows += rows.len() as u64;
        fold::fold(rows, self.rows.time_zone(), &mut self.dirt, &mut self.totals).map(Some)
    }
}

impl Iterator for Log {
    type Item = Result<History>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_history().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}
