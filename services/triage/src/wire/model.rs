//! Support models: from the wire to the rules that are applied.

pub mod automation;
pub mod check;
mod closing;
mod fulfilment;
mod roster;
pub mod runbook;

use prost::Message;

use chassis::Error;
use contracts::triage::v1 as proto;
use contracts::triage::v1::condition::Form;

use crate::domain::condition::folded;
use crate::domain::model::TIME_BOX_FOR;
use crate::domain::recurrence::Policy;
use crate::domain::{
    Category, ClassificationRule, Condition, Field, Level, RoutingRule, Sent, SupportModel, Test, Word,
};

pub use contracts::triage::v1::SupportModel as AppliedModel;
pub use fulfilment::item;
pub use roster::{from as absent_from, until as absent_until};

/// The model of a kept version.
///
/// # Errors
/// [`Error::Internal`] if it cannot be read, which does not happen.
pub fn kept(payload: &[u8]) -> Result<SupportModel, Error> {
    Ok(compiled(&decoded(payload)?))
}

/// The kept version as it was applied.
///
/// # Errors
/// [`Error::Internal`] if it cannot be read, which does not happen.
pub fn decoded(payload: &[u8]) -> Result<proto::SupportModel, Error> {
    proto::SupportModel::decode(payload).map_err(|error| Error::Internal(error.into()))
}

/// A checked model, ready to be applied.
pub fn compiled(model: &proto::SupportModel) -> SupportModel {
    let mut compiled = SupportModel {
        version: model.version,
        tiers: model.tiers.iter().filter_map(|tier| Some((tier.tier, roster::tier(tier)?))).collect(),
        queues: model.queues.iter().map(|queue| (queue.queue.clone(), roster::queue(queue))).collect(),
        default_queue: model.default_queue.clone(),
        categories: model
            .categories
            .iter()
            .map(|it| Category {
                category: it.category.clone(),
                subcategories: it.subcategories.clone(),
                time_box_for: roster::length(it.time_box_for.as_ref()).unwrap_or(TIME_BOX_FOR),
            })
            .collect(),
        classification: model
            .classification
            .iter()
            .filter(|it| automation::decides(it.mode))
            .map(classification_rule)
            .collect(),
        routing: model
            .routing
            .iter()
            .filter(|it| automation::decides(it.mode))
            .map(|it| RoutingRule {
                rule: it.rule.clone(),
                when: it.when.as_ref().map(condition),
                queue: it.queue.clone(),
            })
            .collect(),
        positions: model.positions.iter().map(|it| (it.position.clone(), roster::position(it))).collect(),
        agents: model.agents.iter().map(|it| (it.agent.clone(), roster::agent(it))).collect(),
        zone: roster::zone(&model.roster_time_zone).unwrap_or(jiff::tz::TimeZone::UTC),
        fulfilment: fulfilment::compiled(model),
        closing: closing::compiled(model),
        automation: automation::compiled(model),
        runbooks: runbook::compiled(model),
        apply_learned_from: model.learning.map(|it| it.apply_from).filter(|least| *least > 0.0),
        problems: model.problems.as_ref().map(problems).unwrap_or_default(),
        ..SupportModel::default()
    };
    for cell in &model.matrix {
        if let (Some(impact), Some(urgency), Some(priority)) =
            (Level::from_number(cell.impact), Level::from_number(cell.urgency), Word::from_number(cell.priority))
            && let Some(slot) = compiled.matrix.get_mut(impact as usize).and_then(|row| row.get_mut(urgency as usize))
        {
            *slot = priority;
        }
    }
    compiled
}

/// What is not said is as usual.
fn problems(said: &proto::RecurrencePolicy) -> Policy {
    let usual = Policy::default();
    Policy {
        after: said.after.map_or(usual.after, |after| u32::try_from(after).unwrap_or_default()),
        within: roster::length(said.within.as_ref()).unwrap_or(usual.within),
    }
}

fn classification_rule(rule: &proto::ClassificationRule) -> ClassificationRule {
    ClassificationRule {
        when: rule.when.as_ref().map(condition),
        sets: Sent {
            kind: Word::from_number(rule.kind),
            category: rule.category.clone(),
            subcategory: rule.subcategory.clone(),
            impact: Word::from_number(rule.impact),
            urgency: Word::from_number(rule.urgency),
        },
    }
}

/// A condition that cannot be read never holds; the check refuses such.
fn condition(said: &proto::Condition) -> Condition {
    let never = || Condition::Any(Vec::new());
    match &said.form {
        Some(Form::All(list)) => Condition::All(list.conditions.iter().map(condition).collect()),
        Some(Form::Any(list)) => Condition::Any(list.conditions.iter().map(condition).collect()),
        Some(Form::Not(inner)) => Condition::Not(Box::new(condition(inner))),
        Some(Form::Compare(comparison)) => compared(comparison).unwrap_or_else(never),
        None => never(),
    }
}

fn compared(said: &proto::Comparison) -> Option<Condition> {
    let field = Field::from_number(said.field)?;
    let first = folded(said.values.first()?);
    let test = match proto::Operator::try_from(said.operator).ok()? {
        proto::Operator::Unspecified => return None,
        proto::Operator::Is => Test::Is(first),
        proto::Operator::In => Test::In(said.values.iter().map(|value| folded(value)).collect()),
        proto::Operator::Contains if field == Field::Tags => Test::Has(std::iter::once(first).collect()),
        proto::Operator::ContainsAny => Test::Has(said.values.iter().map(|value| folded(value)).collect()),
        proto::Operator::Contains => Test::Contains(first),
        proto::Operator::StartsWith => Test::StartsWith(first),
        proto::Operator::MatchesWord => Test::MatchesWord(first),
    };
    Some(Condition::Compare(field, test))
}
