//! What has passed its time, on the wire.

use contracts::triage::v1 as proto;
use contracts::triage::v1::event::Fact;
use contracts::{duration, from_duration, timestamp};

use super::instant;
use crate::domain::Event;
use crate::domain::overdue::Step;

/// As it is announced.
pub fn fact(step: Step) -> Fact {
    match step {
        Step::Approval { number, due_at, asked_by, approvers } => Fact::ApprovalOverdue(proto::ApprovalOverdue {
            number: i32::try_from(number).unwrap_or(i32::MAX),
            due_at: Some(timestamp(due_at)),
            asked_by,
            approvers,
        }),
        Step::TimeBox { tier, category, time_box_for, owner, overrun_at } => {
            Fact::TimeBoxOverrun(proto::TimeBoxOverrun {
                tier,
                category,
                time_box_for: Some(duration(time_box_for)),
                owner,
                overrun_at: Some(timestamp(overrun_at)),
            })
        }
    }
}

/// From the history; `None` if it is something else, `Some(None)` if it cannot be read.
pub fn event_of(fact: &Fact) -> Option<Option<Event>> {
    let step = match fact {
        Fact::ApprovalOverdue(it) => instant(it.due_at.as_ref()).map(|due_at| Step::Approval {
            number: it.number.unsigned_abs(),
            due_at,
            asked_by: it.asked_by.clone(),
            approvers: it.approvers.clone(),
        }),
        Fact::TimeBoxOverrun(it) => overrun(it),
        _ => return None,
    };
    Some(step.map(Event::Overdue))
}

fn overrun(it: &proto::TimeBoxOverrun) -> Option<Step> {
    Some(Step::TimeBox {
        tier: it.tier,
        category: it.category.clone(),
        time_box_for: it.time_box_for.as_ref().and_then(from_duration)?,
        owner: it.owner.clone(),
        overrun_at: instant(it.overrun_at.as_ref())?,
    })
}
