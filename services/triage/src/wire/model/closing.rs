//! What a model says of reminders, grace and closing.

use contracts::triage::v1 as proto;
use jiff::SignedDuration;

use super::roster::{calendar, length};
use crate::domain::closing::{Lapse, Policy};
use crate::wire::Check;

/// Reminders of one wait.
const REMINDERS: usize = 5;
/// Days of a lapse.
const DAYS: u32 = 365;
/// Its hours.
const HOURS: i64 = 1_000;

/// Ready to be applied.
pub(super) fn compiled(model: &proto::SupportModel) -> Policy {
    let Some(said) = &model.closing else { return Policy::default() };
    Policy {
        remind_after: said.remind_after.iter().map(lapse).collect(),
        close_after: said.close_after.as_ref().map(lapse),
        grace: said.grace.as_ref().map(lapse),
        thanks_confirm: said.thanks_confirm,
        calendar: said.hours.as_ref().and_then(calendar),
        waiting_calendar: said.waiting_hours.as_ref().and_then(calendar),
    }
}

fn lapse(said: &proto::Lapse) -> Lapse {
    Lapse { days: said.days, open_for: length(said.open_for.as_ref()).unwrap_or_default() }
}

/// What is wrong with it.
pub(super) fn check(model: &proto::SupportModel, check: &mut Check) {
    let Some(said) = &model.closing else { return };
    let mut note = |field: String, what: String| check.say(format!("model.closing.{field}"), what);
    if said.remind_after.len() > REMINDERS {
        note("remind_after".to_owned(), format!("has more than {REMINDERS}"));
        return;
    }
    let named = said.remind_after.iter().enumerate().map(|(at, one)| (format!("remind_after[{at}]"), one));
    let ends = [("close_after", &said.close_after), ("grace", &said.grace)];
    let ends = ends.into_iter().filter_map(|(name, one)| Some((name.to_owned(), one.as_ref()?)));
    for (name, one) in named.chain(ends) {
        let open_for = one.open_for.as_ref().map(|it| length(Some(it)));
        let is_odd = match open_for {
            Some(None) => true,
            Some(Some(open_for)) => open_for.is_negative() || open_for > SignedDuration::from_hours(HOURS),
            None => false,
        };
        if one.days > DAYS || is_odd || lapse(one) == Lapse::default() {
            note(name, format!("must be longer than nothing, up to {DAYS} days and {HOURS} hours"));
        }
    }
    let mut in_order: Vec<Lapse> = said.remind_after.iter().map(lapse).collect();
    in_order.extend(said.close_after.as_ref().map(lapse));
    if in_order.windows(2).any(|pair| matches!(pair, [a, b] if a >= b)) {
        note("remind_after".to_owned(), "must grow, and come before close_after".to_owned());
    }
}
