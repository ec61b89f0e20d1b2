//! Tickets with one running resolution clock, as the rows that the SLA timer would have written of them.

use std::fmt::Write;

use chassis::{new_id, shard_of};
use contracts::sla_timer::v1::ApplyContractRequest;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::post;

/// What P1 promises, round the clock: what is to fire.
pub(super) const NEAR: SignedDuration = SignedDuration::from_hours(4);
/// What P5 promises, round the clock: what only runs.
const FAR: SignedDuration = SignedDuration::from_hours(4_000);
/// Those that only run were registered within so many days.
const REGISTERED_WITHIN: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long after its registration a ticket was triaged.
const TRIAGED_AFTER: SignedDuration = SignedDuration::from_secs(1);

/// The contract of all clients.
pub(super) fn contract(client: u64) -> ApplyContractRequest {
    let always = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|day| (day.to_owned(), json!(["00:00-24:00"])));
    let promise = |within: SignedDuration| json!({ "resolution": { "within": format!("{}h", within.as_hours()), "calendar": "always" } });
    let terms = json!({
        "calendars": {
            "always": {
                "time_zone": "Europe/Oslo",
                "weekly": serde_json::Value::Object(always.into_iter().collect()),
            },
        },
        "targets": { "P1": promise(NEAR), "P5": promise(FAR) },
        "pause_on": { "resolution": ["requester"] },
        "warn_at": [50, 75, 90],
    });
    ApplyContractRequest {
        client_id: post::client_id(client),
        name: "Measured".to_owned(),
        terms_json: terms.to_string(),
        ..ApplyContractRequest::default()
    }
}

/// A ticket whose resolution clock runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Armed {
    pub(crate) ticket_id: Uuid,
    /// Of the clients' numbers.
    pub(crate) client: u64,
    /// Of all tickets.
    pub(crate) number: u64,
    pub(crate) registered_at: Timestamp,
    pub(crate) due_at: Timestamp,
    is_near: bool,
}

impl Armed {
    /// One that only runs: it was registered some time before `now`, and half of its target is yet to come.
    pub(super) fn far(number: u64, now: Timestamp) -> Self {
        // Spread over the days by a step that has no common divisor with them.
        let span = REGISTERED_WITHIN.as_millis().unsigned_abs().max(1);
        let before = u128::from(number).wrapping_mul(104_729_000_003) % span;
        let before = SignedDuration::from_millis(i64::try_from(before).unwrap_or_default()) + TRIAGED_AFTER;
        let registered_at = in_millis(now.saturating_sub(before).unwrap_or(now));
        Self::new(number, registered_at, FAR, false)
    }

    /// One that has spoken of all its warnings and is breached at `due_at`.
    pub(super) fn near(number: u64, due_at: Timestamp) -> Self {
        let due_at = in_millis(due_at);
        Self::new(number, due_at.saturating_sub(NEAR).unwrap_or(due_at), NEAR, true)
    }

    fn new(number: u64, registered_at: Timestamp, within: SignedDuration, is_near: bool) -> Self {
        let due_at = registered_at.saturating_add(within).unwrap_or(registered_at);
        Self { ticket_id: new_id(), client: number % post::CLIENTS, number, registered_at, due_at, is_near }
    }

    pub(super) fn reference(&self) -> String {
        format!("BENCH{}-{}", self.client, self.number)
    }

    fn target(&self) -> SignedDuration {
        if self.is_near { NEAR } else { FAR }
    }

    /// When its clock speaks next, what it says then, and what it has said: the revision, the last warning's percentage
    /// and the time that had elapsed.
    fn spoken(&self) -> (Timestamp, u8, u64, u8, SignedDuration) {
        if self.is_near {
            (self.due_at, 100, 4, 90, NEAR * 9 / 10)
        } else {
            let half_at = self.registered_at.saturating_add(FAR / 2).unwrap_or(self.due_at);
            (half_at, 50, 1, 0, TRIAGED_AFTER)
        }
    }

    /// The id of its clock: the same for ever.
    pub(crate) fn clock_id(&self) -> Uuid {
        Uuid::new_v5(&self.ticket_id, b"resolution 1")
    }
}

/// An instant as clocks count them.
fn in_millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// Rows for `COPY … FROM STDIN`.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// client_id, ticket_id, reference, is_registered, contract_version, revision, shard, next_at,
    /// is_settled
    pub(crate) tickets: String,
    /// client_id, ticket_id, event_id, source, revision, occurred_at, kind
    pub(crate) facts: String,
    /// client_id, clock_id, ticket_id, metric, cycle, state, started_at, due_at, elapsed_ms, target_ms, calendar,
    /// next_at, next_alarm, generation, warned
    pub(crate) clocks: String,
}

impl Rows {
    /// The rows of these tickets.
    pub(super) fn of<'a>(all: impl IntoIterator<Item = &'a Armed>) -> Result<Self, std::fmt::Error> {
        let mut rows = Self::default();
        for one in all {
            rows.push(one)?;
        }
        Ok(rows)
    }

    fn push(&mut self, one: &Armed) -> std::fmt::Result {
        let (client_id, ticket_id) = (post::client_id(one.client), one.ticket_id);
        let (next_at, next_alarm, revision, warned, elapsed) = one.spoken();
        writeln!(
            self.tickets,
            "{client_id}\t{ticket_id}\t{}\tt\t1\t{revision}\t{}\t{next_at}\tf",
            one.reference(),
            shard_of(ticket_id)
        )?;
        let priority = if one.is_near { "P1" } else { "P5" };
        let triaged_at = one.registered_at.saturating_add(TRIAGED_AFTER).unwrap_or(one.registered_at);
        self.fact(one, 0, 1, one.registered_at, &registered(&client_id))?;
        let found = "\"kind\": \"incident\", \"category\": \"software\", \"queue\": \"service-desk\", \"tier\": \"1\"";
        let triaged = format!("{{\"type\": \"triaged\", \"priority\": \"{priority}\", {found}, \"by\": \"triage\"}}");
        self.fact(one, 1, 1, triaged_at, &triaged)?;
        writeln!(
            self.clocks,
            "{client_id}\t{}\t{ticket_id}\tresolution\t1\trunning\t{}\t{}\t{}\t{}\talways\t{next_at}\t{next_alarm}\t1\t{warned}",
            one.clock_id(),
            one.registered_at,
            one.due_at,
            elapsed.as_millis(),
            one.target().as_millis(),
        )
    }

    fn fact(&mut self, of: &Armed, source: u8, revision: u64, at: Timestamp, kind: &str) -> std::fmt::Result {
        let (client_id, ticket_id, event_id) = (post::client_id(of.client), of.ticket_id, new_id());
        writeln!(self.facts, "{client_id}\t{ticket_id}\t{event_id}\t{source}\t{revision}\t{at}\t{kind}")
    }

    /// A ticket with so many facts, of which the service knows nothing yet but that it must look at it at `now`: it
    /// waits for the requester every other minute.
    pub(super) fn of_long(one: &Armed, facts: u64, now: Timestamp) -> Result<Self, std::fmt::Error> {
        let mut rows = Self::default();
        rows.push(one)?;
        rows.clocks.clear();
        rows.tickets.clear();
        let (client_id, ticket_id) = (post::client_id(one.client), one.ticket_id);
        let shard = shard_of(ticket_id);
        writeln!(rows.tickets, "{client_id}\t{ticket_id}\t{}\tt\t1\t0\t{shard}\t{now}\tf", one.reference())?;
        for number in 2..facts {
            let after = SignedDuration::from_secs(i64::try_from(number).unwrap_or(i64::MAX).saturating_mul(60));
            let at = one.registered_at.saturating_add(after).unwrap_or(one.registered_at);
            let kind = match number % 4 {
                0 => "{\"type\": \"public_answer\", \"by\": \"ada@operator.example\"}",
                1 => "{\"type\": \"waiting\", \"reason\": \"requester\", \"by\": \"ada@operator.example\"}",
                2 => "{\"type\": \"requester_message\", \"by\": \"kari@client.example\"}",
                _ => "{\"type\": \"resumed\", \"by\": \"ada@operator.example\"}",
            };
            rows.fact(one, 1, number, at, kind)?;
        }
        Ok(rows)
    }
}

fn registered(client_id: &str) -> String {
    format!(
        "{{\"type\": \"registered\", \"client\": \"{client_id}\", \"channel\": \"api\", \"requester_vip\": \"false\", \
         \"requester_email\": \"person-01@{client_id}.example\", \"by\": \"monitoring\"}}"
    )
}
