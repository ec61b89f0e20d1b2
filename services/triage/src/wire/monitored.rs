//! What monitoring tells, on the wire.

use contracts::intake::v1 as intake;
use contracts::intake::v1::AlertNote;
use contracts::timestamp;
use contracts::triage::v1 as proto;
use uuid::Uuid;

use super::{actor_of, clean, instant};
use crate::domain::Word;
use crate::domain::monitored::{Monitored, Note, Solved};
use crate::domain::relation::Other;

/// What intake told; `None` if this version does not know what it means.
pub fn monitored(said: &intake::AlertNoted, revision: u64) -> Option<Monitored> {
    let note = match AlertNote::try_from(said.note).unwrap_or_default() {
        AlertNote::Counted => Note::Counted,
        AlertNote::Acknowledged => Note::Acknowledged,
        AlertNote::Recovering => Note::Recovering,
        AlertNote::Returned => Note::Returned,
        AlertNote::Flapping => Note::Flapping,
        AlertNote::Cleared => Note::Cleared,
        AlertNote::OfStorm => Note::OfStorm,
        AlertNote::Unspecified => return None,
    };
    Some(Monitored {
        note,
        revision,
        dedup_key: clean(&said.dedup_key),
        alerts: said.alerts,
        posts: said.posts,
        summary: clean(&said.summary),
        clears_at: instant(said.clears_at.as_ref()),
        storm: Uuid::try_parse(&said.storm_ticket_id)
            .ok()
            .map(|ticket_id| Other { ticket_id, reference: clean(&said.storm_reference) }),
    })
}

/// The same as triage's own fact.
pub fn fact(told: Monitored) -> proto::MonitoringTold {
    let note = match told.note {
        Note::Counted => AlertNote::Counted,
        Note::Acknowledged => AlertNote::Acknowledged,
        Note::Recovering => AlertNote::Recovering,
        Note::Returned => AlertNote::Returned,
        Note::Flapping => AlertNote::Flapping,
        Note::Cleared => AlertNote::Cleared,
        Note::OfStorm => AlertNote::OfStorm,
    };
    let storm = told.storm.as_ref();
    let noted = intake::AlertNoted {
        reference: String::new(),
        note: note.into(),
        dedup_key: told.dedup_key,
        alerts: told.alerts,
        posts: told.posts,
        summary: told.summary,
        clears_at: told.clears_at.map(timestamp),
        storm_ticket_id: storm.map_or_else(String::new, |storm| storm.ticket_id.to_string()),
        storm_reference: storm.map_or_else(String::new, |storm| storm.reference.clone()),
    };
    proto::MonitoringTold { told: Some(noted), revision: told.revision }
}

/// Triage's own fact, read again.
pub fn told(fact: &proto::MonitoringTold) -> Option<Monitored> {
    monitored(fact.told.as_ref()?, fact.revision)
}

/// What was solved while it was registered; `None` if this version does not know how.
pub fn solved(said: &intake::Solved, by: Option<&contracts::desk::v1::Actor>) -> Option<Solved> {
    Some(Solved {
        by: actor_of(by),
        code: Word::from_number(said.code)?,
        article_id: clean(&said.article_id),
        no_article_reason: clean(&said.no_article_reason),
        note: clean(&said.note),
        approver: clean(&said.approver),
    })
}
