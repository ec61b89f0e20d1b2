//! A contract ready to compute with.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use conditions::{Condition, Facts, faults};
use jiff::SignedDuration;

use super::{
    Complaint, Contract, Field, METRICS, Metric, NOTHING, OnReopen, Priority, Problem, PromiseRule, Target,
    WaitingReason,
};
use crate::domain::Millis;
use crate::domain::calendar::Calendar;

/// About eleven years: far enough, and no sum of it overflows.
const LONGEST: Millis = 100_000 * 60 * 60 * 1000;
/// Rules of one contract.
pub(super) const MOST_RULES: usize = 100;

/// One promise, ready to compute with.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) struct Promise<'t> {
    pub(in crate::domain) within: Millis,
    pub(in crate::domain) calendar: &'t Calendar,
    pub(in crate::domain) calendar_name: &'t str,
    /// The rule that decided; none for the base.
    pub(in crate::domain) rule: Option<&'t str>,
}

/// What is promised of each metric.
pub(in crate::domain) type Promises<'t> = [Option<Promise<'t>>; METRICS];

/// How long, and by which of the calendars.
pub(super) type Length = (Millis, usize);

/// What a rule says of a priority and metric.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing: others decide.
    #[default]
    Silent,
    /// That nothing is promised.
    None,
    Promised(Length),
}

/// Other promises for some tickets.
#[derive(Debug, Clone)]
pub(super) struct RuleTerms {
    pub(super) rule: String,
    pub(super) when: Condition<Field>,
    /// By priority and metric.
    pub(super) says: [[Said; METRICS]; 5],
}

/// A contract without fault, ready to compute with. By default nothing is promised.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    calendars: Vec<(String, Calendar)>,
    /// By priority and metric.
    pub(super) base: [[Option<Length>; METRICS]; 5],
    pub(super) rules: Vec<RuleTerms>,
    /// By metric: a bit for each reason that pauses it.
    pauses: [u8; METRICS],
    on_reopen: OnReopen,
    /// Ascending.
    warn_at: Vec<u8>,
    warn_after: Option<Millis>,
}

impl Terms {
    /// What is promised to a ticket of that priority of which this is known.
    pub(in crate::domain) fn promises(&self, priority: Priority, facts: &Facts<Field>) -> Promises<'_> {
        let mut promises = self.base[priority as usize].map(|length| self.promise(length?, None));
        let mut is_open = [true; METRICS];
        for rule in &self.rules {
            let says = &rule.says[priority as usize];
            let has_say = says.iter().zip(is_open).any(|(said, is_open)| is_open && *said != Said::Silent);
            if !has_say || !rule.when.holds(facts) {
                continue;
            }
            for metric in 0..METRICS {
                if is_open[metric] && says[metric] != Said::Silent {
                    is_open[metric] = false;
                    promises[metric] = match says[metric] {
                        Said::Promised(length) => self.promise(length, Some(&rule.rule)),
                        Said::None | Said::Silent => None,
                    };
                }
            }
        }
        promises
    }

    fn promise<'t>(&'t self, (within, calendar): Length, rule: Option<&'t str>) -> Option<Promise<'t>> {
        let (calendar_name, calendar) = self.calendars.get(calendar)?;
        Some(Promise { within, calendar, calendar_name, rule })
    }

    pub(in crate::domain) const fn pauses(&self, metric: Metric, reason: WaitingReason) -> bool {
        self.pauses[metric as usize] & (1 << reason as u8) != 0
    }

    pub(in crate::domain) const fn on_reopen(&self) -> OnReopen {
        self.on_reopen
    }

    /// The warning percentages, ascending.
    pub(in crate::domain) fn warn_at(&self) -> &[u8] {
        &self.warn_at
    }

    /// How much service time lies between a breach and what is said of it after that, and between those.
    pub(in crate::domain) const fn warn_after(&self) -> Option<Millis> {
        self.warn_after
    }
}

/// Terms and the number of their version.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) struct InForce<'t> {
    pub(in crate::domain) version: u64,
    pub(in crate::domain) terms: &'t Terms,
}

/// The versions of a contract that a ticket's facts can name.
#[derive(Debug, Clone)]
pub struct TermsBook<'t> {
    first: InForce<'t>,
    later: BTreeMap<u64, &'t Terms>,
}

impl<'t> TermsBook<'t> {
    /// Only the version that the ticket was registered under.
    #[must_use]
    pub const fn new(version: u64, terms: &'t Terms) -> Self {
        Self { first: InForce { version, terms }, later: BTreeMap::new() }
    }

    /// Nothing was promised when the ticket was registered.
    #[must_use]
    pub fn nothing() -> Self {
        static NOTHING: LazyLock<Terms> = LazyLock::new(Terms::default);
        Self::new(0, &NOTHING)
    }

    /// With another version.
    #[must_use]
    pub fn with(mut self, version: u64, terms: &'t Terms) -> Self {
        self.later.insert(version, terms);
        self
    }

    pub(in crate::domain) const fn first(&self) -> InForce<'t> {
        self.first
    }

    pub(in crate::domain) fn version(&self, version: u64) -> Option<InForce<'t>> {
        let terms = self.later.get(&version).copied();
        let terms = terms.or((version == self.first.version).then_some(self.first.terms))?;
        Some(InForce { version, terms })
    }
}

impl<'t> From<&'t Terms> for TermsBook<'t> {
    fn from(terms: &'t Terms) -> Self {
        Self::new(0, terms)
    }
}

impl<'t> From<&'t Arc<Terms>> for TermsBook<'t> {
    fn from(terms: &'t Arc<Terms>) -> Self {
        Self::new(0, terms)
    }
}

impl Contract {
    /// The contract ready to compute with. Rules that can never decide are no fault here: a contract that was kept
    /// once stays readable.
    ///
    /// # Errors
    /// Everything that cannot be computed with.
    pub fn terms(&self) -> Result<Terms, Vec<Complaint>> {
        let mut complaints = Vec::new();
        let mut calendars = Vec::with_capacity(self.calendars.len());
        for (name, spec) in &self.calendars {
            match Calendar::read(&format!("calendars.{name}."), spec) {
                Ok(calendar) => calendars.push((name.clone(), calendar)),
                Err(found) => complaints.extend(found),
            }
        }
        let mut base = [[None; METRICS]; 5];
        for (priority, targets) in &self.targets {
            let path = format!("targets.{}", priority.name());
            for (metric, said) in self.said(&path, targets, &mut complaints) {
                base[*priority as usize][metric as usize] = match said {
                    Said::Promised(length) => Some(length),
                    Said::None | Said::Silent => {
                        let path = format!("{path}.{}.within", metric.name());
                        complaints.push(Complaint::new(path, Problem::NothingWithoutRule));
                        None
                    }
                };
            }
        }
        let rules = self.rule_terms(&mut complaints);
        let warn_at = self.warnings(&mut complaints);
        let warn_after = self.warn_after.as_deref().and_then(|text| {
            within(text).map_err(|problem| complaints.push(Complaint::new("warn_after", problem))).ok()
        });
        let mut pauses = [0; METRICS];
        for (metric, reasons) in &self.pause_on {
            pauses[*metric as usize] = reasons.iter().fold(0, |set, reason| set | 1 << *reason as u8);
            let itself = reasons.iter().position(|reason| *reason == WaitingReason::Vendor);
            if let Some(index) = itself.filter(|_| *metric == Metric::Vendor) {
                complaints.push(Complaint::new(format!("pause_on.vendor[{index}]"), Problem::PausedByItself));
            }
        }
        if !complaints.is_empty() {
            return Err(complaints);
        }
        Ok(Terms { calendars, base, rules, pauses, on_reopen: self.on_reopen, warn_at, warn_after })
    }

    /// What is said of each metric under `path`; faulty targets are left out.
    fn said(
        &self,
        path: &str,
        targets: &BTreeMap<Metric, Target>,
        complaints: &mut Vec<Complaint>,
    ) -> Vec<(Metric, Said)> {
        let mut said = Vec::with_capacity(targets.len());
        for (metric, target) in targets {
            let path = format!("{path}.{}", metric.name());
            match self.target(target) {
                Ok(target) => said.push((*metric, target)),
                Err(found) => complaints
                    .extend(found.into_iter().map(|(part, problem)| Complaint::new(format!("{path}.{part}"), problem))),
            }
        }
        // Lengths in different service hours cannot be compared.
        let of = |wanted: Metric| said.iter().find_map(|(metric, said)| (*metric == wanted).then_some(*said));
        if let (Some(Said::Promised((response, here))), Some(Said::Promised((resolution, there)))) =
            (of(Metric::FirstResponse), of(Metric::Resolution))
            && here == there
            && response > resolution
        {
            let path = format!("{path}.first_response.within");
            complaints.push(Complaint::new(path, Problem::ResponseAboveResolution));
        }
        said
    }

    fn target(&self, target: &Target) -> Result<Said, Vec<(&'static str, Problem)>> {
        if target.within == NOTHING {
            return match target.calendar {
                None => Ok(Said::None),
                Some(_) => Err(vec![("calendar", Problem::StrayCalendar)]),
            };
        }
        // Calendars stand in the same order in the prepared terms.
        let calendar = match &target.calendar {
            None => Err(Problem::NoCalendar),
            Some(wanted) => {
                let found = self.calendars.keys().position(|name| name == wanted);
                found.ok_or_else(|| Problem::UnknownCalendar(wanted.clone()))
            }
        };
        match (within(&target.within), calendar) {
            (Ok(within), Ok(calendar)) => Ok(Said::Promised((within, calendar))),
            (within, calendar) => {
                let within = within.err().map(|problem| ("within", problem));
                Err(within.into_iter().chain(calendar.err().map(|problem| ("calendar", problem))).collect())
            }
        }
    }

    fn rule_terms(&self, complaints: &mut Vec<Complaint>) -> Vec<RuleTerms> {
        if self.rules.len() > MOST_RULES {
            complaints.push(Complaint::new("rules", Problem::TooManyRules(self.rules.len())));
            return Vec::new();
        }
        let mut rules = Vec::with_capacity(self.rules.len());
        for (index, rule) in self.rules.iter().enumerate() {
            let path = format!("rules[{index}]");
            self.named(index, rule, &path, complaints);
            for (at, fault) in faults(&rule.when, &Field::takes) {
                complaints.push(Complaint::new(format!("{path}.when{at}"), Problem::BadCondition(fault)));
            }
            let mut says = [[Said::Silent; METRICS]; 5];
            for (priority, targets) in &rule.targets {
                for (metric, said) in self.said(&format!("{path}.targets.{}", priority.name()), targets, complaints) {
                    says[*priority as usize][metric as usize] = said;
                }
            }
            rules.push(RuleTerms { rule: rule.rule.clone(), when: Condition::from(&rule.when), says });
        }
        rules
    }

    fn named(&self, index: usize, rule: &PromiseRule, path: &str, complaints: &mut Vec<Complaint>) {
        if rule.rule.trim().is_empty() {
            complaints.push(Complaint::new(format!("{path}.rule"), Problem::NoName));
        } else if self.rules[..index].iter().any(|earlier| earlier.rule == rule.rule) {
            complaints.push(Complaint::new(format!("{path}.rule"), Problem::DuplicateName(rule.rule.clone())));
        }
        if rule.targets.values().all(|targets| targets.is_empty()) {
            complaints.push(Complaint::new(format!("{path}.targets"), Problem::NoTargets));
        }
    }

    fn warnings(&self, complaints: &mut Vec<Complaint>) -> Vec<u8> {
        let mut warn_at = Vec::with_capacity(self.warn_at.len());
        for (index, &percent) in self.warn_at.iter().enumerate() {
            let problem = match u8::try_from(percent) {
                Ok(found) if warn_at.contains(&found) => Problem::DuplicatePercent(percent),
                Ok(found @ 1..=99) => {
                    warn_at.push(found);
                    continue;
                }
                _ => Problem::PercentOutOfRange(percent),
            };
            complaints.push(Complaint::new(format!("warn_at[{index}]"), problem));
        }
        warn_at.sort_unstable();
        warn_at
    }
}

/// A positive length of whole seconds.
fn within(text: &str) -> Result<Millis, Problem> {
    let length = SignedDuration::from_str(text).map_err(|_unreadable| Problem::NotALength(text.to_owned()))?;
    if length.subsec_nanos() != 0 {
        return Err(Problem::NotALength(text.to_owned()));
    }
    match length.as_secs() {
        ..=0 => Err(Problem::NotPositive(text.to_owned())),
        seconds if seconds > LONGEST / 1000 => Err(Problem::TooLong(text.to_owned())),
        seconds => Ok(seconds * 1000),
    }
}
