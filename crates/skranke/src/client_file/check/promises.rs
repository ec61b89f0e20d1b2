//! The contract and the costs.

use std::collections::BTreeMap;

use super::{
    super::{Calendar, Contract, Costs, Interval, Metric, Priority, Target, limits},
    Check, Path,
};

impl Check<'_> {
    pub(super) fn contract(&mut self, contract: &Contract, at: &Path) {
        self.name(&contract.name, &at.key("name"));
        let calendars = at.key("calendars");
        self.at_most(contract.calendars.len(), limits::MAX_CALENDARS, "calendars", &calendars);
        for (name, calendar) in &contract.calendars {
            self.slug(name, &calendars.key_itself(name));
            self.calendar(calendar, &calendars.key(name));
        }
        let targets = at.key("targets");
        for (priority, promises) in &contract.targets {
            self.promises(contract, *priority, promises, &targets.key(priority));
        }
        if contract.targets.values().all(BTreeMap::is_empty) {
            self.say(&targets, "nothing is promised", "promise something or leave `contract` out");
        }
        let pause_on = at.key("pause_on");
        for (metric, reasons) in &contract.pause_on {
            let list = pause_on.key(metric);
            self.unique(reasons.iter().enumerate().map(|(i, it)| (it.to_string(), list.index(i))));
        }
        self.warnings(&contract.warn_at, &at.key("warn_at"));
    }

    fn promises(&mut self, contract: &Contract, priority: Priority, promises: &BTreeMap<Metric, Target>, at: &Path) {
        for (metric, target) in promises {
            let here = at.key(metric);
            if !contract.calendars.contains_key(&target.calendar) {
                let wrong = format!("there is no calendar `{}`", target.calendar);
                self.say(&here.key("calendar"), wrong, "name one of `calendars`");
            }
            if target.within.seconds == 0 {
                self.say(&here.key("within"), "a promise of no time can not be kept", "write at least 1s");
            } else if target.within.seconds > limits::MAX_WITHIN_SECONDS {
                self.say(&here.key("within"), "this is more than 366 days of service time", "shorten it");
            }
        }
        if let (Some(response), Some(resolution)) =
            (promises.get(&Metric::FirstResponse), promises.get(&Metric::Resolution))
            && response.within > resolution.within
        {
            let wrong = format!(
                "{priority} promises the first response ({}) later than the resolution ({})",
                response.within, resolution.within
            );
            self.say(&at.key(Metric::FirstResponse).key("within"), wrong, "shorten the one or lengthen the other");
        }
    }

    fn calendar(&mut self, calendar: &Calendar, at: &Path) {
        self.time_zone(&calendar.time_zone, &at.key("time_zone"));
        let (weekly, special_days) = (at.key("weekly"), at.key("special_days"));
        for (day, intervals) in &calendar.weekly {
            self.day(intervals, &weekly.key(day));
        }
        self.at_most(calendar.special_days.len(), limits::MAX_SPECIAL_DAYS, "special days", &special_days);
        for (date, intervals) in &calendar.special_days {
            self.day(intervals, &special_days.key(date));
        }
        if !calendar.ever_opens() {
            self.say(&weekly, "this calendar never opens", "give at least one weekday its hours");
        }
    }

    fn day(&mut self, intervals: &[Interval], at: &Path) {
        self.at_most(intervals.len(), limits::MAX_INTERVALS, "intervals", at);
        for (i, pair) in intervals.windows(2).enumerate() {
            if pair[1].from_minute < pair[0].to_minute {
                let wrong = format!("{} begins before {} has ended", pair[1], pair[0]);
                self.say(&at.index(i + 1), wrong, "put them in order without overlap");
            }
        }
    }

    fn warnings(&mut self, percentages: &[u32], at: &Path) {
        self.at_most(percentages.len(), limits::MAX_WARNINGS, "warnings", at);
        for (i, percentage) in percentages.iter().enumerate() {
            if !(1..=99).contains(percentage) {
                self.say(&at.index(i), format!("{percentage} is not a warning"), "use 1 to 99 percent");
            }
        }
        for (i, pair) in percentages.windows(2).enumerate() {
            if pair[1] <= pair[0] {
                let wrong = format!("{} stands after {}", pair[1], pair[0]);
                self.say(&at.index(i + 1), wrong, "let the percentages rise");
            }
        }
    }

    pub(super) fn costs(&mut self, costs: &Costs, at: &Path) {
        if costs.currency.len() != 3 || !costs.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let wrong = format!("`{}` is not a currency", costs.currency);
            self.say(&at.key("currency"), wrong, "use three capital letters, such as NOK");
        }
        let months = at.key("months");
        self.at_most(costs.months.len(), limits::MAX_COST_MONTHS, "months", &months);
        for (month, amount) in &costs.months {
            if amount.0 > limits::MAX_COST_CENTS {
                self.say(&months.key(month), format!("{amount} is more than 10000000000.00"), "check the digits");
            }
        }
    }
}
