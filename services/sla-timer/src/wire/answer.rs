//! Clocks, segments and contracts in the desk's words.

use chassis::new_id;
use contracts::desk::v1::{Actor, ActorKind, EventMeta};
use contracts::sla_timer::v1::event::Fact;
use contracts::sla_timer::v1::{
    self as proto, BreachRevoked, ClockBreached, ClockChanged, ClockEnded, ClockStarted, ClockState, ClockWarned,
};
use contracts::{duration, timestamp};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::source;
use crate::WIRING;
use crate::domain::clock::{Clock, State};
use crate::domain::contract::Metric;
use crate::domain::explain::{Kind, PauseReason, Segment};
use crate::domain::fact::Key;
use crate::domain::told::{Said, What, clock_id};
use crate::edit::wire::open_clocks;
use crate::store::{self, Ticket, Version};

/// A clock as of when it was computed.
pub fn clock(ticket_id: Uuid, clock: &Clock) -> proto::Clock {
    proto::Clock {
        clock_id: clock_id(ticket_id, clock.metric, clock.cycle).to_string(),
        metric: metric(clock.metric).into(),
        cycle: clock.cycle,
        state: state(clock.state).into(),
        started_at: Some(timestamp(clock.started_at)),
        target_for: Some(duration(clock.target)),
        due_at: clock.due_at.map(timestamp),
        breached_at: clock.breached_at.map(timestamp),
        stopped_at: clock.stopped_at.map(timestamp),
        elapsed_for: Some(duration(clock.elapsed)),
        warnings: clock
            .warnings
            .iter()
            .map(|warning| proto::Warning { percent: warning.percent.into(), warned_at: Some(timestamp(warning.at)) })
            .collect(),
        calendar: clock.calendar.clone(),
        contract_version: clock.contract_version,
        rule: clock.rule.clone().unwrap_or_default(),
        agreed: clock.agreed.as_ref().map(|agreed| proto::AgreedDue {
            due_at: Some(timestamp(agreed.due_at)),
            actor_id: agreed.by.clone().unwrap_or_default(),
            note: agreed.note.clone().unwrap_or_default(),
        }),
        reminders: clock
            .reminders
            .iter()
            .map(|one| proto::Reminder { number: one.number.into(), reminded_at: Some(timestamp(one.at)) })
            .collect(),
    }
}

/// An announcement, as the ticket's `revision` counts it.
pub fn event(ticket: &Ticket, said: &Said, recorded_at: Timestamp, cause_id: Option<Uuid>) -> proto::Event {
    let late_for = Some(duration(recorded_at.duration_since(said.occurred_at).max(SignedDuration::ZERO)));
    let (event_id, fact) = match said.what {
        What::Started => (new_id(), Fact::ClockStarted(ClockStarted {})),
        What::Changed => (new_id(), Fact::ClockChanged(ClockChanged {})),
        What::Warned { percent, event_id } => {
            (event_id, Fact::ClockWarned(ClockWarned { percent: percent.into(), late_for, reminder: 0 }))
        }
        What::Reminded { number, event_id } => {
            (event_id, Fact::ClockWarned(ClockWarned { percent: 100, late_for, reminder: number.into() }))
        }
        What::Breached { event_id } => (event_id, Fact::ClockBreached(ClockBreached { late_for })),
        What::Revoked { revoked_event_id } => {
            let revoked = BreachRevoked { revoked_event_id: revoked_event_id.to_string() };
            (new_id(), Fact::BreachRevoked(revoked))
        }
        What::Ended => (new_id(), Fact::ClockEnded(ClockEnded {})),
    };
    let meta = EventMeta {
        event_id: event_id.to_string(),
        client_id: ticket.client_id.to_string(),
        ticket_id: ticket.ticket_id.to_string(),
        revision: ticket.revision.unsigned_abs(),
        occurred_at: Some(timestamp(said.occurred_at)),
        recorded_at: Some(timestamp(recorded_at)),
        actor: Some(Actor { kind: ActorKind::Desk.into(), actor_id: WIRING.service.to_owned() }),
        cause_id: cause_id.map(|cause_id| cause_id.to_string()).unwrap_or_default(),
    };
    let mut clock = clock(ticket.ticket_id, &said.clock);
    if clock.contract_version == 0 {
        // It was never owed by any version.
        clock.contract_version = ticket.contract_version.unwrap_or_default().unsigned_abs();
    }
    proto::Event { meta: Some(meta), reference: ticket.reference.clone(), clock: Some(clock), fact: Some(fact) }
}

/// A stretch of a clock's life.
pub fn segment(segment: &Segment) -> proto::Segment {
    let (kind, cause, fact, by) = match &segment.kind {
        Kind::Running => (proto::SegmentKind::Running, String::new(), None, None),
        Kind::OutsideHours => (proto::SegmentKind::OutsideHours, "outside of service hours".to_owned(), None, None),
        Kind::Paused { fact, reason, by } => (proto::SegmentKind::Paused, pause(*reason), Some(fact), by.clone()),
        Kind::AfterDue => (proto::SegmentKind::AfterDue, String::new(), None, None),
    };
    proto::Segment {
        from: Some(timestamp(segment.from)),
        until: Some(timestamp(segment.to)),
        kind: kind.into(),
        counted_for: Some(duration(segment.counted())),
        cause,
        actor_id: by.unwrap_or_default(),
        fact: fact.map(cause_fact),
    }
}

fn cause_fact(key: &Key) -> proto::CauseFact {
    let (service, revision) = match key.source {
        source::INTAKE => ("intake", key.revision),
        source::TRIAGE => ("triage", key.revision),
        store::EDIT | store::AGREED => ("sla-timer", key.revision),
        // What intake tells besides has no count of its own.
        _ => ("intake", 0),
    };
    proto::CauseFact { occurred_at: Some(timestamp(key.at)), service: service.to_owned(), revision }
}

/// A version of a contract.
pub fn contract(version: Version) -> proto::Contract {
    proto::Contract {
        client_id: version.client_id.to_string(),
        version: version.version.unsigned_abs(),
        name: version.name,
        terms_json: version.terms,
        applied_at: Some(timestamp(version.applied_at)),
        open_clocks: open_clocks(version.holds_from).into(),
        applied_by: version.applied_by,
    }
}

/// A metric.
pub const fn metric(metric: Metric) -> proto::Metric {
    match metric {
        Metric::FirstResponse => proto::Metric::FirstResponse,
        Metric::NextResponse => proto::Metric::NextResponse,
        Metric::Resolution => proto::Metric::Resolution,
        Metric::Update => proto::Metric::Update,
        Metric::Tier => proto::Metric::Tier,
        Metric::Vendor => proto::Metric::Vendor,
        Metric::Callback => proto::Metric::Callback,
    }
}

const fn state(state: State) -> ClockState {
    match state {
        State::Running => ClockState::Running,
        State::Paused => ClockState::Paused,
        State::Met => ClockState::Met,
        State::Breached => ClockState::Breached,
        State::Cancelled => ClockState::Cancelled,
    }
}

fn pause(reason: PauseReason) -> String {
    match reason {
        PauseReason::Resolved => "resolved".to_owned(),
        PauseReason::Waiting(reason) => format!("waiting for {}", reason.name()),
    }
}
