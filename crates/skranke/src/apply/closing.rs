//! Reminders, grace and closing of a client file as triage's message.

use contracts::triage::v1 as proto;
use prost_types::Duration;

use super::roster::calendar;
use crate::client_file::{ClientFile, Notice};

/// What the file says; `None` if it says nothing.
pub(super) fn closing(file: &ClientFile) -> Option<proto::ClosingPolicy> {
    if file.waiting.is_none() && file.closing.is_none() {
        return None;
    }
    let named = |name: &String| file.contract.as_ref()?.calendars.get(name).map(calendar);
    let (waiting, closing) = (file.waiting.as_ref(), file.closing.as_ref());
    Some(proto::ClosingPolicy {
        remind_after: waiting.map(|it| it.remind_after.iter().map(lapse).collect()).unwrap_or_default(),
        close_after: waiting.and_then(|it| it.close_after.as_ref()).map(lapse),
        waiting_hours: waiting.and_then(|it| it.calendar.as_ref()).and_then(named),
        grace: closing.map(|it| lapse(&it.grace)),
        thanks_confirm: closing.is_some_and(|it| it.thanks_confirm),
        hours: closing.and_then(|it| it.calendar.as_ref()).and_then(named),
    })
}

fn lapse(notice: &Notice) -> proto::Lapse {
    let seconds = i64::try_from(notice.seconds).unwrap_or(i64::MAX);
    let open_for = (seconds > 0).then_some(Duration { seconds, nanos: 0 });
    proto::Lapse { days: notice.days, open_for }
}
