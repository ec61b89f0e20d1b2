//! What changes and major incidents are measured by, as triage announces it and as callers see it.

use contracts::triage::v1 as proto;
use contracts::{duration, reporting, timestamp};
use uuid::Uuid;

use super::facts::{MAX_WORD, clean};
use super::instant;
use crate::domain::impact::{self, Effect, Hit, Impairment, Outcome};
use crate::store::kpis::Window;

/// The figures' definitions, by their names in the answer.
pub const DEFINITIONS: [(&str, &str); 4] = [
    (
        "change_success",
        "Changes that ended in the period: how many, and those of them that ended successful and to which no incident is \
         linked as caused by it within seven days of its end. A link that was taken back does not count.",
    ),
    (
        "services",
        "Per service that a major incident of the period names: time outside of all of them ÷ the period, up to now at \
         the latest, by the calendar; major incidents that overlap count once. Between failures: that time ÷ their \
         number. A service that is not shown was not hit.",
    ),
    (
        "lost_work",
        "Affected users × time impaired in the period × the severity's factor (P1 1, P2 0.5, P3 0.2, P4 0.05, P5 0), \
         summed over the major incidents; by the kind of the ticket that each was caused by, else its category.",
    ),
    (
        "major_incidents",
        "Tickets declared a major incident, not cancelled, that hit somebody in the period. Who is hit is so from and \
         until when the ticket says, at the latest until it was resolved or closed, else until now.",
    ),
];

/// How the services did that these hit.
pub fn services(window: Window, hits: &[Hit]) -> Vec<reporting::v1::ServiceStability> {
    let told = impact::stability(hits, window.from, window.at).into_iter().map(|one| reporting::v1::ServiceStability {
        availability: one.availability().unwrap_or(1.0),
        downtime_for: Some(duration(one.downtime_for)),
        major_incidents: one.major_incidents,
        between_failures_for: Some(duration(one.between_failures_for())),
        service: one.service,
    });
    told.collect()
}

/// The work that these lost.
pub fn lost_work(hits: &[Hit]) -> reporting::v1::LostWork {
    let impact::LostWork { lost_for, by_cause } = impact::lost_work(hits);
    let by_cause = by_cause.into_iter();
    let by_cause =
        by_cause.map(|(cause, lost)| reporting::v1::LostByCause { cause, lost_for: Some(duration(lost)) }).collect();
    reporting::v1::LostWork { lost_for: Some(duration(lost_for)), by_cause }
}

/// A major incident's part in them.
pub fn impairment(hit: &Hit) -> reporting::v1::Impairment {
    reporting::v1::Impairment {
        severity: i32::from(hit.severity),
        services: hit.services.iter().cloned().collect(),
        affected_users: i64::from(hit.affected_users),
        impaired_from: Some(timestamp(hit.from)),
        impaired_until: Some(timestamp(hit.until)),
        lost_for: Some(duration(hit.lost_work_for())),
        cause: hit.cause.clone(),
    }
}

/// A change is over.
pub fn change_ended(fact: &proto::ChangeEnded) -> Option<Effect> {
    Some(Effect::ChangeEnded(match fact.outcome() {
        proto::ChangeOutcome::Unspecified => return None,
        proto::ChangeOutcome::Successful => Outcome::Successful,
        proto::ChangeOutcome::Failed => Outcome::Failed,
        proto::ChangeOutcome::RolledBack => Outcome::RolledBack,
    }))
}

/// Another ticket caused it. No other relation is measured by.
pub fn linked(fact: &proto::TicketLinked) -> Option<Effect> {
    cause(fact.kind(), fact.other.as_ref()).map(Effect::CausedBy)
}

/// It did not, after all.
pub fn unlinked(fact: &proto::TicketUnlinked) -> Option<Effect> {
    cause(fact.kind(), fact.other.as_ref()).map(Effect::NotCausedBy)
}

fn cause(kind: proto::RelationKind, other: Option<&proto::OtherTicket>) -> Option<Uuid> {
    let is_cause = kind == proto::RelationKind::CausedBy;
    other.filter(|_| is_cause).and_then(|other| Uuid::try_parse(&other.ticket_id).ok())
}

/// Many are hit. Names of services are one line each.
pub fn declared(fact: &proto::MajorIncidentDeclared) -> Option<Effect> {
    let one_line = |name: &String| {
        let name: String =
            clean(name, MAX_WORD).chars().map(|letter| if letter == '\n' { ' ' } else { letter }).collect();
        name.trim().to_owned()
    };
    Some(Effect::Declared(Impairment {
        severity: u8::try_from(fact.severity).ok().filter(|severity| (1..=5).contains(severity))?,
        services: fact.services.iter().map(one_line).filter(|name| !name.is_empty()).collect(),
        affected_users: users(fact.affected_users),
        impaired_from: instant(fact.impaired_from.as_ref())?,
        impaired_until: None,
    }))
}

/// Its figures were wrong.
pub fn amended(fact: &proto::MajorIncidentAmended) -> Effect {
    Effect::Amended {
        affected_users: fact.affected_users.map(users),
        impaired_from: instant(fact.impaired_from.as_ref()),
        impaired_until: instant(fact.impaired_until.as_ref()),
    }
}

/// Nobody is hit any more.
pub fn ended(fact: &proto::MajorIncidentEnded) -> Option<Effect> {
    Some(Effect::Ended { impaired_until: instant(fact.impaired_until.as_ref())? })
}

fn users(count: i32) -> u32 {
    u32::try_from(count).unwrap_or(0)
}
