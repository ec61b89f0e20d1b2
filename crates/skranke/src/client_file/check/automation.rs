//! Rules that give commands by themselves. What triage would say is said here, with its place in the file.

use conditions::{Takes, faults};
use triage::wire::Check as Said;
use triage::wire::model::automation::check_rules;

use super::{
    super::{AutomationField, AutomationRule, Channel, ClientFile, Kind, Priority, limits},
    Check, Path,
};
use crate::apply::automation as automation_of;

/// What stands before a place in triage's words.
const LIST: &str = "automation";

impl Check<'_> {
    pub(super) fn automation(&mut self, file: &ClientFile, list: &Path) {
        self.at_most(file.automation.len(), limits::MAX_AUTOMATION_RULES, "rules", list);
        for (i, rule) in file.automation.iter().enumerate() {
            self.automation_rule(rule, &list.index(i));
        }
        self.unique(file.automation.iter().enumerate().map(|(i, it)| (it.rule.clone(), list.index(i).key("rule"))));
        if self.complaints.is_empty() {
            self.as_triage_says(file, list);
        }
    }

    fn automation_rule(&mut self, rule: &AutomationRule, at: &Path) {
        self.slug(&rule.rule, &at.key("rule"));
        let triggers = [!rule.on.is_empty(), rule.after.is_some(), rule.daily.is_some()];
        if triggers.into_iter().filter(|said| *said).count() != 1 {
            let remedy = "write exactly one of `on`, `after` and `daily`";
            self.say(at, "this rule does not say when", remedy);
        }
        self.at_most(rule.actions.len(), limits::MAX_ACTIONS, "actions", &at.key("do"));
        for (number, action) in rule.actions.iter().enumerate() {
            if automation_of::said(action).len() != 1 {
                let remedy = "write exactly one action, such as `note: text`, after each dash";
                self.say(&at.key("do").index(number), "this is not one action", remedy);
            }
        }
        if let Some(when) = &rule.when {
            for (place, fault) in faults(when, &takes) {
                let (wrong, remedy) = halves(&fault.to_string());
                self.say(&below(&at.key("when"), &place), wrong, remedy);
            }
        }
    }

    /// Everything else is said by triage's own check of the same rules.
    fn as_triage_says(&mut self, file: &ClientFile, list: &Path) {
        let (Ok(rules), Ok(model)) = (automation_of::rules(file), crate::apply::model_of(file)) else { return };
        let mut said = Said::default();
        check_rules(&rules, &model, LIST, &mut said);
        for violation in said.done().err().unwrap_or_default() {
            let text = violation.to_string();
            let (place, what) = text.split_once(' ').unwrap_or(("", text.as_str()));
            let place = in_the_files_words(place.strip_prefix(LIST).unwrap_or(place));
            let last = place.rsplit('.').next().unwrap_or_default();
            let remedy = format!("it {what}");
            self.say(&below(list, &place), format!("`{last}` cannot stay so"), remedy);
        }
    }
}

/// The place as the file has it.
fn in_the_files_words(place: &str) -> String {
    let pairs = [
        (".actions[", ".do["),
        (".actions", ".do"),
        (".on.facts", ".on"),
        (".after.stays_for", ".after.for"),
        (".after.waiting_reason", ".after.reason"),
        (".assign.owner", ".assign.to"),
        (".wait.reason", ".wait.for"),
        (".resolve.code", ".resolve.as"),
        (".resolve.article_id", ".resolve.article"),
        (".cancel.reason", ".cancel.as"),
        (".note.text", ".note"),
        (".watch.watcher", ".watch"),
    ];
    pairs.into_iter().fold(place.to_owned(), |place, (from, to)| place.replace(from, to))
}

/// `.all[1].value` below a path.
fn below(path: &Path, place: &str) -> Path {
    let mut path = path.clone();
    for step in place.split(['.', '[']).filter(|step| !step.is_empty()) {
        path = match step.strip_suffix(']').map(str::parse) {
            Some(Ok(index)) => path.index(index),
            _ => path.key(step),
        };
    }
    path
}

/// `what is wrong; what to do`
fn halves(fault: &str) -> (String, String) {
    let (wrong, remedy) = fault.split_once("; ").unwrap_or((fault, "mend it"));
    (wrong.to_owned(), remedy.to_owned())
}

fn takes(field: AutomationField) -> Takes {
    const KINDS: &[&str] = &["incident", "service_request", "question", "problem", "change"];
    const CHANNELS: &[&str] = &["phone", "email", "portal", "chat", "walk_in", "api", "monitoring"];
    const PRIORITIES: &[&str] = &["p1", "p2", "p3", "p4", "p5"];
    const STATES: &[&str] = &["queued", "in_progress", "waiting", "resolved", "closed", "cancelled"];
    const REASONS: &[&str] = &["requester", "vendor", "change", "approval", "parts", "scheduled"];
    const TIERS: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    const _: () = assert!(KINDS.len() == Kind::ALL.len() && CHANNELS.len() == Channel::ALL.len());
    const _: () = assert!(PRIORITIES.len() == Priority::ALL.len());
    match field {
        AutomationField::Kind => Takes::Words(KINDS),
        AutomationField::Channel => Takes::Words(CHANNELS),
        AutomationField::Priority => Takes::Words(PRIORITIES),
        AutomationField::State => Takes::Words(STATES),
        AutomationField::WaitingReason => Takes::Words(REASONS),
        AutomationField::Tier => Takes::Words(TIERS),
        AutomationField::RequesterVip | AutomationField::Owned => Takes::Flag,
        AutomationField::Tags => Takes::Tags,
        _ => Takes::Text,
    }
}
