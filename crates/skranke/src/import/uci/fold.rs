//! The rows of one incident as one history.

use std::{cmp::Reverse, collections::HashMap};

use anyhow::Result;
use jiff::{Timestamp, tz::TimeZone};

use super::{
    Dirt, DirtKind, FactKind, History, HistoryFact, Totals,
    rows::{Column, Row},
};
use crate::client_file::{Channel, Level, Priority, WaitingReason};

/// The columns kept in the log's own words.
const ATTRIBUTES: [(&str, Column); 10] = [
    ("contact_type", Column::ContactType),
    ("location", Column::Location),
    ("opened_by", Column::OpenedBy),
    ("u_symptom", Column::Symptom),
    ("cmdb_ci", Column::Item),
    ("knowledge", Column::Knowledge),
    ("problem_id", Column::Problem),
    ("rfc", Column::Change),
    ("vendor", Column::Vendor),
    ("caused_by", Column::CausedBy),
];

/// The columns that are kept as the first row has them.
const AT_REGISTRATION: [(&str, Column); 9] = [
    ("caller_id", Column::Caller),
    ("opened_by", Column::OpenedBy),
    ("contact_type", Column::ContactType),
    ("location", Column::Location),
    ("category", Column::Category),
    ("subcategory", Column::Subcategory),
    ("u_symptom", Column::Symptom),
    ("impact", Column::Impact),
    ("urgency", Column::Urgency),
];

/// A state of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Waiting(WaitingReason),
    Resolved,
    Closed,
}

impl State {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "New" | "Active" => Self::Open,
            "Awaiting User Info" | "Awaiting Evidence" => Self::Waiting(WaitingReason::Requester),
            "Awaiting Vendor" => Self::Waiting(WaitingReason::Vendor),
            "Awaiting Problem" => Self::Waiting(WaitingReason::Change),
            "Resolved" => Self::Resolved,
            "Closed" => Self::Closed,
            _ => return None,
        })
    }

    fn is_done(self) -> bool {
        matches!(self, Self::Resolved | Self::Closed)
    }
}

/// Impact, urgency and priority as they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    impact: Level,
    urgency: Level,
    priority: Priority,
}

impl Standing {
    const UNSAID: Self = Self { impact: Level::Medium, urgency: Level::Medium, priority: Priority::P3 };

    /// The log writes `2 - Medium`; the digit is enough.
    fn read(row: &Row, before: Self, dirt: &mut Dirt) -> Self {
        let digit = |column| row.get(column).and_then(|text| text.bytes().next());
        let mut level = |column, before| match digit(column) {
            Some(b'1') => Level::High,
            Some(b'2') => Level::Medium,
            Some(b'3') => Level::Low,
            _ => {
                dirt.add(DirtKind::UnknownWord);
                before
            }
        };
        let (impact, urgency) = (level(Column::Impact, before.impact), level(Column::Urgency, before.urgency));
        let priority = match digit(Column::Priority) {
            Some(b'1') => Priority::P1,
            Some(b'2') => Priority::P2,
            Some(b'3') => Priority::P3,
            Some(b'4') => Priority::P4,
            _ => {
                dirt.add(DirtKind::UnknownWord);
                before.priority
            }
        };
        Self { impact, urgency, priority }
    }
}

/// One history out of the rows of one incident, of which there is at least one.
pub(super) fn fold(mut rows: Vec<Row>, time_zone: &TimeZone, dirt: &mut Dirt, totals: &mut Totals) -> Result<History> {
    let opened_at = rows[0].opened_at(time_zone)?;
    order(&mut rows, opened_at, dirt);
    let standing = Standing::read(&rows[0], Standing::UNSAID, dirt);
    let mut telling = Telling {
        opened_at,
        at: opened_at,
        state: State::Open,
        standing,
        group: rows[0].get(Column::Group).map(str::to_owned),
        facts: Vec::new(),
        keys: HashMap::new(),
    };
    let group = telling.group.clone();
    for (i, row) in rows.iter().enumerate() {
        telling.row(row, i == 0, dirt, totals);
    }
    if telling.state != State::Closed {
        dirt.add(DirtKind::NeverClosed);
    }
    let missing = [
        (Column::Caller, DirtKind::MissingCaller),
        (Column::Category, DirtKind::MissingCategory),
        (Column::Subcategory, DirtKind::MissingSubcategory),
        (Column::Group, DirtKind::MissingGroup),
    ];
    for (_, kind) in missing.iter().filter(|(column, _)| last(&rows, *column).is_none()) {
        dirt.add(*kind);
    }
    let said = |column| last(&rows, column).map(str::to_owned);
    Ok(History {
        external_ref: rows[0].number.clone(),
        requester: said(Column::Caller),
        channel: channel(last(&rows, Column::ContactType), dirt),
        opened_at,
        subject: subject(&rows),
        description: description(&rows),
        category: said(Column::Category),
        subcategory: said(Column::Subcategory),
        impact: standing.impact,
        urgency: standing.urgency,
        priority: standing.priority,
        group,
        attributes: ATTRIBUTES.iter().filter_map(|(name, column)| Some((*name, said(*column)?))).collect(),
        at_registration: AT_REGISTRATION
            .iter()
            .filter_map(|(name, column)| Some((*name, rows[0].get(*column)?.to_owned())))
            .collect(),
        facts: telling.facts,
    })
}

/// By `sys_mod_count`; by time where the counts contradict the times.
fn order(rows: &mut [Row], opened_at: Timestamp, dirt: &mut Dirt) {
    if !rows.is_sorted_by_key(|row| row.mod_count) {
        dirt.add(DirtKind::TimesBackwards);
    }
    // Stable: rows with the same count stay in the order of the file.
    rows.sort_by_key(|row| row.mod_count);
    for pair in rows.windows(2) {
        if pair[0].mod_count == pair[1].mod_count {
            dirt.add(DirtKind::RepeatedModCount);
        }
    }
    let times = || rows.iter().filter_map(|row| row.updated_at);
    if times().any(|at| at < opened_at) {
        dirt.add(DirtKind::UpdatedBeforeOpened);
    }
    if !times().is_sorted() {
        // A row without a time goes last, but for that the order is total.
        rows.sort_by_key(|row| (Reverse(row.updated_at.is_some()), row.updated_at, row.mod_count));
    }
}

/// What the last row that says anything says.
fn last(rows: &[Row], column: Column) -> Option<&str> {
    rows.iter().rev().find_map(|row| row.get(column))
}

fn channel(contact_type: Option<&str>, dirt: &mut Dirt) -> Channel {
    match contact_type {
        Some("Phone" | "IVR") => Channel::Phone,
        Some("Self service") => Channel::Portal,
        Some("Email") => Channel::Email,
        Some("Direct opening") => Channel::WalkIn,
        _ => {
            dirt.add(DirtKind::UnknownWord);
            Channel::Phone
        }
    }
}

fn subject(rows: &[Row]) -> String {
    let about = [Column::Symptom, Column::Subcategory, Column::Category];
    let about: Vec<&str> = about.iter().filter_map(|column| last(rows, *column)).collect();
    if about.is_empty() { "Unclassified incident".to_owned() } else { about.join(", ") }
}

fn description(rows: &[Row]) -> String {
    let lines = [
        ("Symptom", Column::Symptom),
        ("Configuration item", Column::Item),
        ("Location", Column::Location),
        ("Reported by", Column::Caller),
        ("Taken down by", Column::OpenedBy),
    ];
    let lines = lines.iter().filter_map(|(name, column)| Some(format!("{name}: {}", last(rows, *column)?)));
    lines.collect::<Vec<_>>().join("\n")
}

/// An incident while its rows go by.
struct Telling {
    opened_at: Timestamp,
    at: Timestamp,
    state: State,
    standing: Standing,
    group: Option<String>,
    facts: Vec<HistoryFact>,
    /// How many rows had a `sys_mod_count` so far.
    keys: HashMap<u32, u8>,
}

impl Telling {
    fn row(&mut self, row: &Row, is_first: bool, dirt: &mut Dirt, totals: &mut Totals) {
        self.at = row.updated_at.unwrap_or(self.at).max(self.opened_at);
        let times = self.keys.entry(row.mod_count).or_insert(0);
        let letter = if *times == 0 { String::new() } else { char::from(b'a' + (*times).min(25)).to_string() };
        *times = times.saturating_add(1);
        let prefix = format!("{}{letter}", row.mod_count);

        let before = self.state;
        let word = row.get(Column::State).unwrap_or_default();
        let after = State::read(word).unwrap_or_else(|| {
            dirt.add(DirtKind::BadState);
            before
        });
        self.state = after;

        let mut kinds = Vec::new();
        if before.is_done() && !after.is_done() {
            totals.reopened += 1;
            kinds.push(FactKind::Reopened);
        } else if matches!(before, State::Waiting(_)) && after == State::Open {
            kinds.push(FactKind::Resumed);
        }
        self.assignment(row, is_first, before.is_done() && after.is_done(), dirt, &mut kinds);
        match after {
            State::Waiting(reason) if before != after => {
                kinds.push(FactKind::Waiting { reason, said: word.to_owned() });
            }
            State::Resolved if before != after => {
                if is_first {
                    totals.solved_at_registration += 1;
                } else {
                    totals.into_resolved += 1;
                }
                kinds.push(FactKind::Resolved { code: "solved" });
            }
            State::Closed if before != after => {
                if !self.facts.iter().any(|fact| matches!(fact.kind, FactKind::Resolved { .. })) {
                    dirt.add(DirtKind::ClosedWithoutResolve);
                }
                kinds.push(FactKind::Closed);
            }
            _ => {}
        }
        let (at, actor) = (self.at, row.get(Column::UpdatedBy));
        self.facts.extend(kinds.into_iter().map(|kind| HistoryFact {
            key: format!("{prefix}.{}", kind.word()),
            at,
            actor: actor.map(str::to_owned),
            kind,
        }));
    }

    /// Group and priority; what the first row says of them is how it was registered.
    fn assignment(&mut self, row: &Row, is_first: bool, is_done: bool, dirt: &mut Dirt, kinds: &mut Vec<FactKind>) {
        if is_first {
            return;
        }
        let standing = Standing::read(row, self.standing, dirt);
        if standing != self.standing {
            self.standing = standing;
            let Standing { impact, urgency, priority } = standing;
            kinds.push(FactKind::PrioritySet { impact, urgency, priority });
        }
        match (row.get(Column::Group), &self.group) {
            (Some(group), before) if before.as_deref() != Some(group) => {
                if is_done {
                    dirt.add(DirtKind::HandedOverAfterResolve);
                }
                self.group = Some(group.to_owned());
                kinds.push(FactKind::HandedOver { group: group.to_owned() });
            }
            (None, Some(_)) => dirt.add(DirtKind::GroupLost),
            _ => {}
        }
    }
}
