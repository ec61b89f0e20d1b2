//! Vendors: a case with their reference. The ticket stays with the desk.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::decide::{Around, Rejection};
use super::super::event::{Event, Happened};
use super::super::ticket::Work;
use super::super::words::WaitingReason;
use super::words::{VendorOutcome, VendorStatus};
use super::{Errand, MOST, Refusal, Step, begin_wait, end_wait, next, open};

/// A matter that a vendor works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorCase {
    /// 1, 2, 3 … per ticket.
    pub number: u32,
    /// Whose.
    pub vendor: String,
    /// The case's number there; empty: not known yet.
    pub vendor_reference: String,
    /// How far it is.
    pub status: VendorStatus,
    /// What was noted last.
    pub note: String,
    /// Since when.
    pub opened_at: Timestamp,
    /// By whom.
    pub opened_by: String,
    /// Until when; `None`: it is open.
    pub closed_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<VendorOutcome>,
}

impl VendorCase {
    fn is_open_of(&self, vendor: &str) -> bool {
        self.closed_at.is_none() && self.vendor == vendor
    }
}

pub(super) fn decide(work: &Work, errand: &Errand, around: &Around<'_>) -> Result<Vec<Event>, Rejection> {
    open(work)?;
    let cases = &work.fulfilment.vendor_cases;
    let of = |vendor: &str| cases.iter().find(|case| case.is_open_of(vendor)).ok_or(Refusal::NoVendorCase);
    match errand {
        Errand::OpenVendorCase { vendor, vendor_reference, note, wait } => {
            if !around.model.fulfilment.vendors.contains(vendor) {
                return Err(Refusal::UnknownVendor.into());
            }
            if cases.iter().any(|case| case.is_open_of(vendor)) {
                return Err(Refusal::VendorCaseOpen.into());
            }
            if cases.len() >= MOST {
                return Err(Refusal::TooMany.into());
            }
            let (number, vendor) = (next(cases.len()), vendor.clone());
            let (vendor_reference, note) = (vendor_reference.clone(), note.clone());
            let waiting = wait.then(|| begin_wait(work, WaitingReason::Vendor, &vendor)).flatten();
            let opened = Event::Fulfilment(Step::VendorCaseOpened { number, vendor, vendor_reference, note });
            Ok(std::iter::once(opened).chain(waiting).collect())
        }
        Errand::UpdateVendorCase { vendor, vendor_reference, status, note } => {
            let case = of(vendor)?;
            let is_same = (vendor_reference.is_empty() || *vendor_reference == case.vendor_reference)
                && status.is_none_or(|status| status == case.status)
                && (note.is_empty() || *note == case.note);
            let updated = || {
                Event::Fulfilment(Step::VendorCaseUpdated {
                    number: case.number,
                    vendor: vendor.clone(),
                    vendor_reference: vendor_reference.clone(),
                    status: *status,
                    note: note.clone(),
                })
            };
            Ok((!is_same).then(updated).into_iter().collect())
        }
        Errand::CloseVendorCase { vendor, outcome, note } => {
            let number = of(vendor)?.number;
            let others = cases.iter().any(|case| case.closed_at.is_none() && case.number != number);
            let resumed = if others { None } else { end_wait(work, WaitingReason::Vendor) };
            let (vendor, note) = (vendor.clone(), note.clone());
            let closed = Event::Fulfilment(Step::VendorCaseClosed { number, vendor, outcome: *outcome, note });
            Ok(std::iter::once(closed).chain(resumed).collect())
        }
        _ => Ok(Vec::new()),
    }
}

pub(super) fn evolve(cases: &mut Vec<VendorCase>, step: &Step, happened: &Happened) {
    match step {
        Step::VendorCaseOpened { number, vendor, vendor_reference, note } => cases.push(VendorCase {
            number: *number,
            vendor: vendor.clone(),
            vendor_reference: vendor_reference.clone(),
            status: VendorStatus::Opened,
            note: note.clone(),
            opened_at: happened.occurred_at,
            opened_by: happened.actor.actor_id.clone(),
            closed_at: None,
            outcome: None,
        }),
        Step::VendorCaseUpdated { number, vendor_reference, status, note, .. } => {
            let Some(case) = cases.iter_mut().find(|case| case.number == *number) else { return };
            if !vendor_reference.is_empty() {
                case.vendor_reference.clone_from(vendor_reference);
            }
            if !note.is_empty() {
                case.note.clone_from(note);
            }
            case.status = status.unwrap_or(case.status);
        }
        Step::VendorCaseClosed { number, outcome, note, .. } => {
            let Some(case) = cases.iter_mut().find(|case| case.number == *number) else { return };
            if !note.is_empty() {
                case.note.clone_from(note);
            }
            case.status = VendorStatus::Closed;
            case.closed_at = Some(happened.occurred_at);
            case.outcome = Some(*outcome);
        }
        _ => {}
    }
}
