//! When incidents are proposed as a problem.

use super::{
    super::{Problems, limits},
    Check, Path,
};

impl Check<'_> {
    pub(super) fn problems(&mut self, problems: Problems, at: &Path) {
        if let Some(after) = problems.after
            && (after == 1 || after > limits::MAX_RECURRENCES)
        {
            let remedy = format!("use 2 to {}, or 0 for never", limits::MAX_RECURRENCES);
            self.say(&at.key("after"), format!("{after} incidents are no recurrence"), remedy);
        }
        if problems.within.is_some_and(|within| within.seconds == 0 || within.seconds > limits::MAX_RECURRENCE_SECONDS)
        {
            self.say(&at.key("within"), "no year has so much time", "use up to 366 days, such as `336h`");
        }
    }
}
