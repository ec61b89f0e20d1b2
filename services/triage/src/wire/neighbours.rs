//! What was learned from similar tickets, for callers.

use prost::Message;

use chassis::Error;
use contracts::triage::v1 as proto;

use crate::domain::neighbours::{Proposal, Said, Target, UNIT};
use crate::domain::{Ticket, Word};

/// A kept proposal: what it says, and whether the ticket was given it.
fn value(proposal: &Proposal, is_applied: bool) -> proto::LearnedValue {
    let (category, value) = match proposal.value.split_once(UNIT) {
        Some((category, value)) => (category.to_owned(), value.to_owned()),
        None => (String::new(), proposal.value.clone()),
    };
    proto::LearnedValue {
        field: proposal.target.number(),
        value,
        category,
        confidence: proposal.confidence,
        agreeing: i32::try_from(proposal.agreeing).unwrap_or(i32::MAX),
        similar: i32::try_from(proposal.similar).unwrap_or(i32::MAX),
        tickets: proposal.named.clone(),
        applied: is_applied,
        share: proposal.share,
    }
}

/// What is kept of a ticket's proposals; `None` if there are none. `least`: from which confidence on the client has them
/// applied, if at all.
pub fn encoded(proposals: &[Proposal], ticket: &Ticket, least: Option<f64>) -> Option<Vec<u8>> {
    let is_applied = |proposal: &Proposal| {
        let work = &ticket.work;
        let stands = match proposal.target {
            Target::Category => work.classification.category == proposal.value,
            Target::Subcategory => proposal.value.split_once(UNIT).is_some_and(|(category, subcategory)| {
                work.classification.category == category && work.classification.subcategory == subcategory
            }),
            Target::Queue => work.placement.queue == proposal.value && work.placement.rule.starts_with("learned: "),
            Target::Priority => false,
        };
        stands && least.is_some_and(|least| proposal.confidence >= least)
    };
    let values: Vec<proto::LearnedValue> =
        proposals.iter().map(|proposal| value(proposal, is_applied(proposal))).collect();
    (!values.is_empty()).then(|| proto::LearnedValues { values }.encode_to_vec())
}

/// What was said of a ticket, to compare it with what it ended as.
///
/// # Errors
/// [`Error::Internal`] if it cannot be read.
pub fn said(kept: &[u8]) -> Result<Vec<Said>, Error> {
    let said = |one: proto::LearnedValue| {
        let target = Target::from_number(one.field)?;
        let value = if one.category.is_empty() { one.value } else { format!("{}{UNIT}{}", one.category, one.value) };
        Some(Said { target, value, share: one.share })
    };
    Ok(decoded(kept)?.into_iter().filter_map(said).collect())
}

/// What was kept.
///
/// # Errors
/// [`Error::Internal`] if it cannot be read.
pub fn decoded(kept: &[u8]) -> Result<Vec<proto::LearnedValue>, Error> {
    let kept = proto::LearnedValues::decode(kept).map_err(|error| Error::Internal(error.into()))?;
    Ok(kept.values)
}
