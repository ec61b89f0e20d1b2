//! Vendors, the catalogue and changes of a client file as triage's messages.

use contracts::desk::v1::Level;
use contracts::triage::v1 as proto;

use super::requests::condition;
use super::roster::length;
use crate::client_file::{self, CatalogueItem, ClientFile};
use crate::words::number;

/// Lets the model say what the file says of them.
pub(super) fn add(file: &ClientFile, model: &mut proto::SupportModel) -> anyhow::Result<()> {
    let vendor = |it: &client_file::Vendor| proto::Vendor {
        vendor: it.vendor.clone(),
        name: it.name.clone(),
        contact: it.contact.clone(),
        contract_reference: it.contract_reference.clone(),
    };
    model.vendors = file.vendors.iter().map(vendor).collect();
    model.catalogue = file.catalogue.iter().map(item).collect::<anyhow::Result<_>>()?;
    model.changes = file.changes.as_ref().map(changes);
    // Freeze periods go by the client's wall clock.
    if file.changes.is_some() && model.roster_time_zone.is_empty() {
        model.roster_time_zone.clone_from(&file.time_zone);
    }
    Ok(())
}

fn item(item: &CatalogueItem) -> anyhow::Result<proto::CatalogueItem> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let level = |level: Option<client_file::Level>| level.map_or(Ok(0), |level| number::<Level>(&level.to_string()));
    let approval = item.approval.as_ref().map(|rule| {
        anyhow::Ok(proto::ApprovalRule {
            approvers: rule.approvers.clone(),
            any_suffices: rule.any_suffices,
            when: rule.when.as_ref().map(condition).transpose()?,
            within: length(rule.within),
        })
    });
    let task = |task: &client_file::TaskTemplate| {
        let after = task.after.iter().map(|number| i32::try_from(*number).unwrap_or(i32::MAX)).collect();
        proto::TaskTemplate { title: task.title.clone(), queue: text(&task.queue), after }
    };
    Ok(proto::CatalogueItem {
        item: item.item.clone(),
        name: item.name.clone(),
        description: item.description.clone(),
        category: text(&item.category),
        subcategory: text(&item.subcategory),
        queue: text(&item.queue),
        form_json: item.form.as_ref().map_or_else(String::new, |form| form.0.to_string()),
        approval: approval.transpose()?,
        tasks: item.tasks.iter().map(task).collect(),
        impact: level(item.impact)?,
        urgency: level(item.urgency)?,
    })
}

fn changes(changes: &client_file::Changes) -> proto::ChangePolicy {
    let template = |it: &client_file::ChangeTemplate| proto::ChangeTemplate {
        template: it.template.clone(),
        name: it.name.clone(),
        plan: it.plan.clone(),
        back_out_plan: it.back_out_plan.clone(),
    };
    let freeze = |it: &client_file::Freeze| proto::FreezePeriod {
        name: it.name.clone(),
        from: it.from.clone(),
        until: it.until.clone(),
    };
    proto::ChangePolicy {
        approvers: changes.approvers.clone(),
        emergency_approvers: changes.emergency_approvers.clone(),
        templates: changes.templates.iter().map(template).collect(),
        freezes: changes.freezes.iter().map(freeze).collect(),
    }
}
