//! Rules that give commands by themselves: from the wire to what is applied, and what they must be.

use contracts::triage::v1 as proto;
use contracts::triage::v1::automation_action::Action as Said;
use contracts::triage::v1::automation_rule::Trigger as SaidTrigger;
use contracts::{Fact, from_duration};
use jiff::SignedDuration;
use jiff::civil::Time;

use super::check::{Knows, is_queue_word, unique, when};
use super::roster::zone;
use super::{classification_rule, condition};
use crate::domain::automation::shadow::{Says, Shadow};
use crate::domain::automation::{Action, Automation, Daily, Mode, Rule, Stay, Trigger, WROTE};
use crate::domain::condition::folded;
use crate::domain::fulfilment::Errand;
use crate::domain::fulfilment::words::ApprovalMode;
use crate::domain::hours::weekday;
use crate::domain::workspace::{Errand as Keep, MOST_TAGS};
use crate::domain::{CancellationReason, Command, Reclassification, Sent, WaitingReason, Word};
use crate::wire::Check;
use crate::wire::fulfilment::request::{MAX_APPROVERS, MAX_QUESTION};
use crate::wire::request::{MAX_NAME, MAX_NOTE, MAX_REASON};
use crate::wire::workspace::request::tags;

/// Rules of a client.
pub const MAX_RULES: usize = 100;
/// Actions of one rule.
pub const MAX_ACTIONS: usize = 10;
/// Facts that one rule names.
pub const MAX_FACTS: usize = 100;
/// The shortest stay that triggers.
pub const MIN_STAY: SignedDuration = SignedDuration::from_secs(60);
/// The longest.
pub const MAX_STAY: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Ready to be applied.
pub(super) fn compiled(model: &proto::SupportModel) -> Automation {
    let is_shadow = |mode: i32| Mode::from_number(mode) == Some(Mode::Shadow);
    let classification = model.classification.iter().filter(|it| is_shadow(it.mode)).map(|it| Shadow {
        rule: it.rule.clone(),
        when: it.when.as_ref().map(condition),
        says: Says::Sets(classification_rule(it).sets),
    });
    let routing = model.routing.iter().filter(|it| is_shadow(it.mode)).map(|it| Shadow {
        rule: it.rule.clone(),
        when: it.when.as_ref().map(condition),
        says: Says::Queue(it.queue.clone()),
    });
    let shadows = classification.chain(routing).collect();
    Automation { rules: rules(&model.automation), shadows }
}

/// Whether a rule of classification or routing decides.
pub(super) fn decides(mode: i32) -> bool {
    Mode::from_number(mode).is_none_or(|mode| mode == Mode::Live)
}

/// Checked rules, ready to be applied. What cannot be read does nothing; the check refuses such.
pub fn rules(said: &[proto::AutomationRule]) -> Vec<Rule> {
    said.iter().filter_map(rule).collect()
}

fn rule(said: &proto::AutomationRule) -> Option<Rule> {
    let mut nobody = Check::default();
    let actions = said.actions.iter().filter_map(|it| action(it, "", &mut nobody)).collect();
    Some(Rule {
        rule: said.rule.clone(),
        mode: Mode::from_number(said.mode).unwrap_or(Mode::Live),
        trigger: trigger(said.trigger.as_ref()?, "", &mut nobody)?,
        when: said.when.as_ref().map(condition),
        actions,
    })
}

/// What is wrong with a model's rules.
pub(super) fn check(model: &proto::SupportModel, check: &mut Check) {
    for (at, it) in model.classification.iter().enumerate().take(super::check::MAX_RULES) {
        check.word::<Mode>(&format!("model.classification[{at}].mode"), it.mode);
    }
    for (at, it) in model.routing.iter().enumerate().take(super::check::MAX_RULES) {
        check.word::<Mode>(&format!("model.routing[{at}].mode"), it.mode);
    }
    check_rules(&model.automation, model, "model.automation", check);
}

/// What is wrong with rules that are to work by this model.
pub fn check_rules(rules: &[proto::AutomationRule], model: &proto::SupportModel, list: &str, check: &mut Check) {
    check.at_most(list, rules.len(), MAX_RULES);
    unique(check, list, rules.iter().map(|it| it.rule.as_str()));
    for (at, rule) in rules.iter().enumerate().take(MAX_RULES) {
        let field = format!("{list}[{at}]");
        if !is_queue_word(&rule.rule) {
            check.say(format!("{field}.rule"), "must be 1 to 61 of a-z, 0-9 and -, beginning with a letter");
        }
        check.text(&format!("{field}.what_for"), &rule.what_for, MAX_REASON);
        check.word::<Mode>(&format!("{field}.mode"), rule.mode);
        match &rule.trigger {
            Some(said) => drop(trigger(said, &field, check)),
            None => check.say(&field, "must say when: on, after or daily"),
        }
        when(rule.when.as_ref(), &format!("{field}.when"), Knows::Work, check);
        if rule.actions.is_empty() {
            check.say(format!("{field}.actions"), "must name at least one");
        }
        check.at_most(&format!("{field}.actions"), rule.actions.len(), MAX_ACTIONS);
        for (number, said) in rule.actions.iter().enumerate().take(MAX_ACTIONS) {
            let field = format!("{field}.actions[{number}]");
            if let Some(action) = action(said, &field, check) {
                fits(&action, model, &field, check);
            }
        }
    }
}

fn trigger(said: &SaidTrigger, field: &str, check: &mut Check) -> Option<Trigger> {
    match said {
        SaidTrigger::On(on) => {
            let field = format!("{field}.on.facts");
            if on.facts.is_empty() {
                check.say(&field, "must name at least one");
            }
            check.at_most(&field, on.facts.len(), MAX_FACTS);
            for fact in on.facts.iter().take(MAX_FACTS) {
                if fact != WROTE && !<proto::Event as Fact>::NAMES.contains(&fact.as_str()) {
                    check.say(&field, "must be names of facts as in the history, or requester_wrote");
                }
            }
            Some(Trigger::On(on.facts.iter().cloned().collect()))
        }
        SaidTrigger::After(after) => {
            let stay: Option<Stay> = check.needed_word(&format!("{field}.after.stay"), after.stay);
            let at = format!("{field}.after.waiting_reason");
            let reason: Option<WaitingReason> = check.word(&at, after.waiting_reason);
            if reason.is_some() && stay != Some(Stay::Waiting) {
                check.say(at, "goes only with WAITING");
            }
            let stays_for = after.stays_for.as_ref().and_then(from_duration);
            if !stays_for.is_some_and(|it| (MIN_STAY..=MAX_STAY).contains(&it)) {
                check.say(format!("{field}.after.stays_for"), "must be from one minute to 366 days");
            }
            Some(Trigger::After { stay: stay?, reason, stays_for: stays_for? })
        }
        SaidTrigger::Daily(daily) => {
            let at: Option<Time> = if daily.at.len() == 5 { daily.at.parse().ok() } else { None };
            if at.is_none() {
                check.say(format!("{field}.daily.at"), "must be a time of the day such as 07:30");
            }
            let zone = zone(&daily.time_zone);
            if zone.is_none() {
                check.say(format!("{field}.daily.time_zone"), "must be an IANA name such as Europe/Oslo");
            }
            check.at_most(&format!("{field}.daily.days"), daily.days.len(), 7);
            let days = daily.days.iter().take(7).filter_map(|word| {
                let day = weekday(word);
                if day.is_none() {
                    check.say(format!("{field}.daily.days"), "must be of mon, tue, wed, thu, fri, sat, sun");
                }
                day
            });
            let days = days.collect();
            Some(Trigger::Daily(Daily { at: at?, zone: zone?, days }))
        }
    }
}

/// The command, with the limits that it has when agents give it.
fn action(said: &proto::AutomationAction, field: &str, check: &mut Check) -> Option<Action> {
    let at = |name: &str| format!("{field}.{name}");
    let Some(said) = &said.action else {
        check.say(field, "must say what to do");
        return None;
    };
    let command = match said {
        Said::HandOver(it) => Command::HandOver {
            queue: check.needed(&at("hand_over.queue"), &it.queue, MAX_NAME),
            reason: check.needed(&at("hand_over.reason"), &it.reason, MAX_REASON),
            note: check.text(&at("hand_over.note"), &it.note, MAX_NOTE),
        },
        Said::Set(it) => return set(it, &at("set"), check),
        Said::Assign(it) => Command::Assign {
            owner: check.needed(&at("assign.owner"), &it.owner, MAX_NAME),
            reason: check.text(&at("assign.reason"), &it.reason, MAX_REASON),
        },
        Said::Release(proto::ReleaseAction {}) => Command::Release,
        Said::Wait(it) => {
            let reason: Option<WaitingReason> = check.needed_word(&at("wait.reason"), it.reason);
            let note = check.text(&at("wait.note"), &it.note, MAX_NOTE);
            if reason == Some(WaitingReason::Requester) && note.is_empty() {
                check.say(at("wait.note"), "must say what the requester was asked");
            }
            Command::Wait { reason: reason?, note }
        }
        Said::Resume(proto::ResumeAction {}) => Command::Resume,
        Said::Resolve(it) => return resolve(it, &at("resolve"), check),
        Said::Close(proto::CloseAction {}) => Command::Close,
        Said::Cancel(it) => {
            let reason: Option<CancellationReason> = check.needed_word(&at("cancel.reason"), it.reason);
            if reason == Some(CancellationReason::Duplicate) {
                check.say(at("cancel.reason"), "must be withdrawn or spam: a rule knows no other ticket");
            }
            let note = check.text(&at("cancel.note"), &it.note, MAX_NOTE);
            Command::Cancel { reason: reason?, duplicate_of: String::new(), duplicate_is_known: false, note }
        }
        Said::Reopen(it) => Command::Reopen { reason: check.text(&at("reopen.reason"), &it.reason, MAX_REASON) },
        Said::Note(it) => return Some(Action::Note(check.needed(&at("note.text"), &it.text, MAX_NOTE))),
        Said::Invite(it) => Command::InviteToSwarm {
            agent: check.needed(&at("invite.agent"), &it.agent, MAX_NAME),
            note: check.text(&at("invite.note"), &it.note, MAX_NOTE),
        },
        Said::AskApproval(it) => Command::Fulfilment(ask(it, &at("ask_approval"), check)),
        Said::AddTask(it) => Command::Fulfilment(Errand::AddTask {
            title: check.needed(&at("add_task.title"), &it.title, MAX_QUESTION),
            queue: check.text(&at("add_task.queue"), &it.queue, MAX_NAME),
            after: Vec::new(),
        }),
        Said::Tag(it) => Command::Workspace(tag(it, &at("tag"), check)),
        Said::Watch(it) => {
            Command::Workspace(Keep::Watch { agent: check.needed(&at("watch.watcher"), &it.watcher, MAX_NAME) })
        }
    };
    Some(Action::Command(command))
}

fn tag(it: &proto::TagAction, field: &str, check: &mut Check) -> Keep {
    if it.add.is_empty() && it.remove.is_empty() {
        check.say(format!("{field}.add"), "must name a tag, or remove must");
    }
    let add = tags(&format!("{field}.add"), &it.add, MOST_TAGS, check);
    Keep::Tag { add, remove: tags(&format!("{field}.remove"), &it.remove, MOST_TAGS, check) }
}

fn set(it: &proto::SetAction, field: &str, check: &mut Check) -> Option<Action> {
    let at = |name: &str| format!("{field}.{name}");
    let sets = Sent {
        kind: check.word(&at("kind"), it.kind),
        category: check.text(&at("category"), &it.category, MAX_NAME),
        subcategory: check.text(&at("subcategory"), &it.subcategory, MAX_NAME),
        impact: check.word(&at("impact"), it.impact),
        urgency: check.word(&at("urgency"), it.urgency),
    };
    let reason = check.text(&at("reason"), &it.reason, MAX_REASON);
    let priority = check.word(&at("priority"), it.priority);
    if it.priority != 0 && reason.is_empty() {
        check.say(at("reason"), "must say why the matrix is overridden");
    }
    if it.priority == 0 && !reason.is_empty() {
        check.say(at("reason"), "goes only with a priority");
    }
    if sets == Sent::default() && it.priority == 0 {
        check.say(field, "sets nothing");
    }
    let override_by = priority.map(|priority| (priority, reason));
    Some(Action::Command(Command::Triage(Reclassification { sets, override_by })))
}

fn resolve(it: &proto::ResolveAction, field: &str, check: &mut Check) -> Option<Action> {
    let at = |name: &str| format!("{field}.{name}");
    let article_id = check.text(&at("article_id"), &it.article_id, MAX_NAME);
    let no_article_reason = check.text(&at("no_article_reason"), &it.no_article_reason, MAX_REASON);
    if article_id.is_empty() == no_article_reason.is_empty() {
        check.say(at("no_article_reason"), "must be set, or article_id: one of the two");
    }
    let note = check.text(&at("note"), &it.note, MAX_NOTE);
    let code = check.needed_word(&at("code"), it.code)?;
    let approver = String::new();
    Some(Action::Command(Command::Resolve { code, article_id, no_article_reason, note, approver }))
}

fn ask(it: &proto::AskApprovalAction, field: &str, check: &mut Check) -> Errand {
    let approvers = format!("{field}.approvers");
    if it.approvers.is_empty() {
        check.say(&approvers, "must name at least one");
    }
    check.at_most(&approvers, it.approvers.len(), MAX_APPROVERS);
    Errand::RequestApproval {
        approvers: it.approvers.iter().take(MAX_APPROVERS).map(|one| check.person(&approvers, one, MAX_NAME)).collect(),
        mode: if it.any_suffices { ApprovalMode::Any } else { ApprovalMode::All },
        question: check.needed(&format!("{field}.question"), &it.question, MAX_QUESTION),
        due_at: None,
        requester_email: String::new(),
    }
}

/// What an action names must be in the model.
fn fits(action: &Action, model: &proto::SupportModel, field: &str, check: &mut Check) {
    let has_queue = |queue: &str| model.queues.iter().any(|it| it.queue == queue);
    let knows = |agent: &str| model.agents.is_empty() || model.agents.iter().any(|it| it.agent == agent);
    let wrong = match action {
        Action::Command(Command::HandOver { queue, .. }) if !has_queue(queue) => "queue must be one of the queues",
        Action::Command(Command::Fulfilment(Errand::AddTask { queue, .. }))
            if !queue.is_empty() && !has_queue(queue) =>
        {
            "queue must be one of the queues"
        }
        Action::Command(Command::Assign { owner: agent, .. } | Command::InviteToSwarm { agent, .. })
            if !knows(agent) =>
        {
            "agent must be one of the agents"
        }
        Action::Command(Command::Triage(anew)) => {
            let sets = &anew.sets;
            let known = model.categories.iter().find(|it| folded(&it.category) == folded(&sets.category));
            let lists = |it: &proto::Category| {
                it.subcategories.is_empty()
                    || it.subcategories.iter().any(|name| folded(name) == folded(&sets.subcategory))
            };
            if !sets.category.is_empty() && known.is_none() {
                "category must be one of the categories"
            } else if !sets.subcategory.is_empty() && !known.is_none_or(lists) {
                "subcategory must be one of its category"
            } else {
                return;
            }
        }
        _ => return,
    };
    check.say(field, format!("names what is not there: {wrong}"));
}
