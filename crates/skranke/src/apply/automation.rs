//! Rules that give commands, as triage's messages.

use contracts::desk::v1::{
    CancellationReason, Level as ProtoLevel, Priority as ProtoPriority, ResolutionCode, TicketKind, WaitingReason,
};
use contracts::triage::v1 as proto;
use contracts::triage::v1::automation_action::Action;
use contracts::triage::v1::automation_rule::Trigger;

use super::requests::condition;
use super::roster::length;
use crate::client_file::{AutomationAction, AutomationRule, ClientFile, RuleMode, SetAnew};
use crate::words::{number, number_or_none};

/// All rules of a file.
pub(crate) fn rules(file: &ClientFile) -> anyhow::Result<Vec<proto::AutomationRule>> {
    file.automation.iter().map(|rule| self::rule(rule, &file.time_zone)).collect()
}

/// Deciding is not said: what was applied before there were modes is still the same.
pub(crate) fn mode(mode: RuleMode) -> anyhow::Result<i32> {
    if mode == RuleMode::Live { Ok(0) } else { number::<proto::RuleMode>(&mode.to_string()) }
}

/// One rule; its times of day are in this zone where it names none.
///
/// # Errors
/// If the two forms have come apart, which does not happen.
pub(crate) fn rule(rule: &AutomationRule, time_zone: &str) -> anyhow::Result<proto::AutomationRule> {
    let trigger = if let Some(after) = &rule.after {
        let reason = after.reason.map(|reason| reason.to_string());
        Some(Trigger::After(proto::StayTrigger {
            stay: number::<proto::Stay>(&after.stay.to_string())?,
            waiting_reason: number_or_none::<WaitingReason>(reason.as_deref())?,
            stays_for: length(Some(after.stays_for)),
        }))
    } else if let Some(daily) = &rule.daily {
        Some(Trigger::Daily(proto::DailyTrigger {
            at: daily.at.clone(),
            time_zone: daily.time_zone.clone().unwrap_or_else(|| time_zone.to_owned()),
            days: daily.days.iter().map(ToString::to_string).collect(),
        }))
    } else {
        Some(Trigger::On(proto::FactTrigger { facts: rule.on.clone() }))
    };
    let actions = rule.actions.iter().map(|it| {
        let action = said(it).into_iter().next().transpose()?;
        anyhow::Ok(proto::AutomationAction { action })
    });
    Ok(proto::AutomationRule {
        rule: rule.rule.clone(),
        what_for: rule.what_for.clone(),
        mode: mode(rule.mode)?,
        trigger,
        when: rule.when.as_ref().map(condition).transpose()?,
        actions: actions.collect::<anyhow::Result<_>>()?,
    })
}

/// Everything that one action says; it should be one thing.
pub(crate) fn said(it: &AutomationAction) -> Vec<anyhow::Result<Action>> {
    let is_said = |flag: Option<bool>| flag.filter(|flag| *flag);
    let all = [
        it.hand_over.as_ref().map(|to| {
            let (queue, reason, note) = (to.queue.clone(), to.reason.clone(), to.note.clone());
            Ok(Action::HandOver(proto::HandOverAction { queue, reason, note }))
        }),
        it.set.as_ref().map(set),
        it.assign
            .as_ref()
            .map(|to| Ok(Action::Assign(proto::AssignAction { owner: to.to.clone(), reason: to.reason.clone() }))),
        is_said(it.release).map(|_| Ok(Action::Release(proto::ReleaseAction {}))),
        it.wait.as_ref().map(|wait| {
            let reason = number::<WaitingReason>(&wait.reason.to_string())?;
            Ok(Action::Wait(proto::WaitAction { reason, note: wait.note.clone() }))
        }),
        is_said(it.resume).map(|_| Ok(Action::Resume(proto::ResumeAction {}))),
        it.resolve.as_ref().map(|it| {
            Ok(Action::Resolve(proto::ResolveAction {
                code: number::<ResolutionCode>(&it.code.to_string())?,
                article_id: it.article.clone(),
                no_article_reason: it.no_article_reason.clone(),
                note: it.note.clone(),
            }))
        }),
        is_said(it.close).map(|_| Ok(Action::Close(proto::CloseAction {}))),
        it.cancel.as_ref().map(|it| {
            let reason = number::<CancellationReason>(&it.reason.to_string())?;
            Ok(Action::Cancel(proto::CancelAction { reason, note: it.note.clone() }))
        }),
        it.reopen.as_ref().map(|it| Ok(Action::Reopen(proto::ReopenAction { reason: it.reason.clone() }))),
        it.note.as_ref().map(|text| Ok(Action::Note(proto::NoteAction { text: text.clone() }))),
        it.invite
            .as_ref()
            .map(|it| Ok(Action::Invite(proto::InviteAction { agent: it.agent.clone(), note: it.note.clone() }))),
        it.ask_approval.as_ref().map(|it| {
            Ok(Action::AskApproval(proto::AskApprovalAction {
                approvers: it.approvers.clone(),
                any_suffices: it.any_suffices,
                question: it.question.clone(),
            }))
        }),
        it.add_task.as_ref().map(|it| {
            let queue = it.queue.clone().unwrap_or_default();
            Ok(Action::AddTask(proto::AddTaskAction { title: it.title.clone(), queue }))
        }),
        it.tag.as_ref().map(|it| {
            let (add, remove) = (it.add.clone(), it.remove.clone());
            Ok(Action::Tag(proto::TagAction { add, remove }))
        }),
        it.watch.as_ref().map(|watcher| Ok(Action::Watch(proto::WatchAction { watcher: watcher.clone() }))),
    ];
    all.into_iter().flatten().collect()
}

fn set(it: &SetAnew) -> anyhow::Result<Action> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let level = |level: Option<crate::client_file::Level>| {
        level.map_or(Ok(0), |level| number::<ProtoLevel>(&level.to_string()))
    };
    Ok(Action::Set(proto::SetAction {
        kind: it.kind.map_or(Ok(0), |kind| number::<TicketKind>(&kind.to_string()))?,
        category: text(&it.category),
        subcategory: text(&it.subcategory),
        impact: level(it.impact)?,
        urgency: level(it.urgency)?,
        priority: it.priority.map_or(Ok(0), |priority| number::<ProtoPriority>(&priority.to_string()))?,
        reason: it.reason.clone(),
    }))
}
