//! Vendors, the catalogue and how changes are made: from the wire to what is applied.

use contracts::from_duration;
use contracts::triage::v1 as proto;
use jiff::tz::TimeZone;

use super::condition;
use super::roster::{from, until, zone};
use crate::domain::Word;
use crate::domain::fulfilment::change::{Freeze, Policy, Template};
use crate::domain::fulfilment::item::{ApprovalRule, Item, TaskTemplate};
use crate::domain::fulfilment::words::ApprovalMode;
use crate::domain::fulfilment::{Form, Model};

/// What of it a checked model says.
pub(super) fn compiled(model: &proto::SupportModel) -> Model {
    Model {
        vendors: model.vendors.iter().map(|it| it.vendor.clone()).collect(),
        items: model.catalogue.iter().map(|it| (it.item.clone(), item(it))).collect(),
        changes: model.changes.as_ref().map(|it| policy(it, &model.roster_time_zone)).unwrap_or_default(),
    }
}

/// An item that can be asked for. A form that cannot be read asks nothing; the check refuses such.
pub fn item(it: &proto::CatalogueItem) -> Item {
    Item {
        item: it.item.clone(),
        name: it.name.clone(),
        category: it.category.clone(),
        subcategory: it.subcategory.clone(),
        queue: it.queue.clone(),
        form: Some(&it.form_json).filter(|json| !json.is_empty()).and_then(|json| Form::read(json).ok()),
        approval: it.approval.as_ref().map(|rule| ApprovalRule {
            approvers: rule.approvers.clone(),
            mode: if rule.any_suffices { ApprovalMode::Any } else { ApprovalMode::All },
            when: rule.when.as_ref().map(condition),
            within: rule.within.as_ref().and_then(from_duration),
        }),
        tasks: it.tasks.iter().map(template).collect(),
        impact: Word::from_number(it.impact),
        urgency: Word::from_number(it.urgency),
    }
}

fn template(it: &proto::TaskTemplate) -> TaskTemplate {
    let after = it.after.iter().map(|number| number.unsigned_abs()).collect();
    TaskTemplate { title: it.title.clone(), queue: it.queue.clone(), after }
}

fn policy(it: &proto::ChangePolicy, zone_name: &str) -> Policy {
    let zone = zone(zone_name).unwrap_or(TimeZone::UTC);
    let freeze = |freeze: &proto::FreezePeriod| {
        Some(Freeze {
            name: freeze.name.clone(),
            from_at: zone.to_timestamp(from(&freeze.from)?).ok()?,
            until_at: zone.to_timestamp(until(&freeze.until)?).ok()?,
        })
    };
    let template = |it: &proto::ChangeTemplate| {
        (it.template.clone(), Template { plan: it.plan.clone(), back_out_plan: it.back_out_plan.clone() })
    };
    Policy {
        approvers: it.approvers.clone(),
        emergency_approvers: it.emergency_approvers.clone(),
        templates: it.templates.iter().map(template).collect(),
        freezes: it.freezes.iter().filter_map(freeze).collect(),
    }
}
