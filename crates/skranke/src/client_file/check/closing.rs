//! Reminders, grace and closing.

use super::{
    super::{ClientFile, Notice, limits},
    Check, Path,
};

impl Check<'_> {
    pub(super) fn endings(&mut self, file: &ClientFile, root: &Path) {
        if let Some(waiting) = &file.waiting {
            let at = root.key("waiting");
            self.at_most(waiting.remind_after.len(), limits::MAX_REMINDERS, "reminders", &at.key("remind_after"));
            let all = waiting.remind_after.iter().chain(&waiting.close_after);
            for notice in all.clone() {
                self.notice(*notice, &at);
            }
            let in_order: Vec<&Notice> = all.collect();
            if in_order.windows(2).any(|pair| matches!(pair, [a, b] if a >= b)) {
                let wrong = "reminders must grow, and come before close_after".to_owned();
                self.say(&at.key("remind_after"), wrong, "write them like [2d, 5d] with close_after: 10d");
            }
            self.own_calendar(file, waiting.calendar.as_ref(), &at.key("calendar"));
        }
        if let Some(closing) = &file.closing {
            let at = root.key("closing");
            self.notice(closing.grace, &at.key("grace"));
            self.own_calendar(file, closing.calendar.as_ref(), &at.key("calendar"));
        }
    }

    fn notice(&mut self, notice: Notice, at: &Path) {
        let is_odd = notice.days > 365 || notice.seconds > 1_000 * 3_600 || (notice.days, notice.seconds) == (0, 0);
        if is_odd {
            let wrong = format!("`{notice}` is nothing, or more than 365 days and 1000 hours");
            self.say(at, wrong, "write a length such as 5d or 16h");
        }
    }

    fn own_calendar(&mut self, file: &ClientFile, calendar: Option<&String>, at: &Path) {
        let Some(name) = calendar else { return };
        if !file.contract.as_ref().is_some_and(|contract| contract.calendars.contains_key(name)) {
            self.say(at, format!("there is no calendar `{name}`"), "name one of the contract's calendars");
        }
    }
}
