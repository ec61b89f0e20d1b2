//! The contract and the costs.

use std::collections::BTreeMap;

use conditions::Rule;

use super::{
    super::{
        Calendar, ClientFile, Contract, Costs, Interval, Metric, Op, Priority, PromiseField, RuleValue, Target, Within,
        WithinOrNone, limits,
    },
    Check, Path,
};

impl Check<'_> {
    pub(super) fn contract(&mut self, file: &ClientFile, contract: &Contract, at: &Path) {
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
        self.at_most(contract.rules.len(), limits::MAX_PROMISE_RULES, "rules", &at.key("rules"));
        self.promised_by_rules(file, contract, at);
        if self.complaints.is_empty() {
            self.linted(contract, at);
        }
    }

    /// What the file knows beyond the contract: categories, queues and tiers.
    fn promised_by_rules(&mut self, file: &ClientFile, contract: &Contract, at: &Path) {
        let rules = at.key("rules");
        for (i, rule) in contract.rules.iter().enumerate() {
            self.name(&rule.rule, &rules.index(i).key("rule"));
            self.looked_at(file, &rule.when, &rules.index(i).key("when"));
            for (priority, promises) in &rule.targets {
                for (metric, target) in promises {
                    let here = rules.index(i).key("targets").key(priority).key(metric).key("within");
                    if let WithinOrNone::Within(within) = target.within {
                        self.not_for_ever(within, &here);
                    }
                }
            }
        }
    }

    fn looked_at(&mut self, file: &ClientFile, rule: &Rule<PromiseField>, at: &Path) {
        let comparison = match rule {
            Rule::All(rules) | Rule::Any(rules) => {
                let list = at.key(if matches!(rule, Rule::All(_)) { "all" } else { "any" });
                return rules.iter().enumerate().for_each(|(i, part)| self.looked_at(file, part, &list.index(i)));
            }
            Rule::Not(part) => return self.looked_at(file, part, &at.key("not")),
            Rule::When(comparison) => comparison,
        };
        let model = &file.support_model;
        let known: Vec<String> = match comparison.field {
            PromiseField::Category => file.categories.iter().map(|it| it.category.clone()).collect(),
            PromiseField::Subcategory => file.categories.iter().flat_map(|it| it.subcategories.clone()).collect(),
            PromiseField::Queue => model.queues.iter().map(|it| it.queue.clone()).collect(),
            PromiseField::Tier => model.tiers.iter().map(|it| it.tier.to_string()).collect(),
            PromiseField::Client => vec![file.client.clone()],
            _ => return,
        };
        let value = at.key("value");
        let named: Vec<(&String, Path)> = match (&comparison.op, &comparison.value) {
            (Op::Is, RuleValue::Text(text)) => vec![(text, value)],
            (Op::In, RuleValue::List(list)) => list.iter().zip(0..).map(|(text, i)| (text, value.index(i))).collect(),
            _ => return,
        };
        for (text, path) in named.into_iter().filter(|(text, _)| !known.contains(text)) {
            let wrong = format!("there is no {} `{text}` in this file", comparison.field);
            self.say(&path, wrong, format!("use one of: {}", known.join(", ")));
        }
    }

    /// What the SLA timer would refuse, at its place in the file.
    fn linted(&mut self, contract: &Contract, at: &Path) {
        match contract.terms() {
            Ok(terms) => {
                for complaint in terms.check() {
                    let text = complaint.problem.to_string();
                    let (wrong, remedy) = text.rsplit_once("; ").unwrap_or((&text, "correct it"));
                    self.say(&below(at, &complaint.path), wrong, remedy);
                }
            }
            Err(text) => self.say(at, text, "correct it"),
        }
    }

    fn promises(&mut self, contract: &Contract, priority: Priority, promises: &BTreeMap<Metric, Target>, at: &Path) {
        for (metric, target) in promises {
            let here = at.key(metric);
            if !contract.calendars.contains_key(&target.calendar) {
                let wrong = format!("there is no calendar `{}`", target.calendar);
                self.say(&here.key("calendar"), wrong, "name one of `calendars`");
            }
            self.not_for_ever(target.within, &here.key("within"));
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

    fn not_for_ever(&mut self, within: Within, at: &Path) {
        if within.seconds == 0 {
            self.say(at, "a promise of no time can not be kept", "write at least 1s");
        } else if within.seconds > limits::MAX_WITHIN_SECONDS {
            self.say(at, "this is more than 366 days of service time", "shorten it");
        }
    }

    pub(super) fn calendar(&mut self, calendar: &Calendar, at: &Path) {
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

/// The place of `rules[0].when.all[1].value` below a place. Keys of contracts hold neither dots nor brackets.
fn below(at: &Path, path: &str) -> Path {
    path.split('.').fold(at.clone(), |at, step| {
        let (key, indices) = step.split_once('[').map_or((step, ""), |(key, rest)| (key, rest.trim_end_matches(']')));
        let numbers = indices.split("][").filter_map(|number| number.parse().ok());
        numbers.fold(at.key(key), |at, number| at.index(number))
    })
}
