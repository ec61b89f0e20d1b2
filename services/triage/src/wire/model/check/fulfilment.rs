//! What vendors, the catalogue and change policies must be.

use contracts::triage::v1 as proto;
use jiff::SignedDuration;

use super::super::roster::{from, length, until};
use super::{Knows, MAX_NAME, is_queue_word, unique, when};
use crate::domain::Level;
use crate::domain::condition::folded;
use crate::domain::fulfilment::Form;
use crate::wire::Check;
use crate::wire::fulfilment::request::{MAX_AFTER, MAX_APPROVERS, MAX_QUESTION};
use crate::wire::request::{MAX_NOTE, MAX_REASON};

/// Vendors of a client, and likewise change templates and freeze periods.
pub const MAX_VENDORS: usize = 200;
/// Items of a catalogue.
pub const MAX_ITEMS: usize = 200;
/// Tasks of one item.
pub const MAX_TASKS: usize = 50;
/// Bytes of all forms of a catalogue.
pub const MAX_FORMS: usize = 512 * 1024;
/// How soon an approval may be wanted at the latest.
pub const MAX_WITHIN: SignedDuration = SignedDuration::from_hours(90 * 24);

fn word(field: String, text: &str, check: &mut Check) {
    if !is_queue_word(text) {
        check.say(field, "must be 1 to 61 of a-z, 0-9 and -, beginning with a letter");
    }
}

pub(super) fn vendors(model: &proto::SupportModel, check: &mut Check) {
    check.at_most("model.vendors", model.vendors.len(), MAX_VENDORS);
    unique(check, "model.vendors", model.vendors.iter().map(|it| it.vendor.as_str()));
    for (at, vendor) in model.vendors.iter().enumerate().take(MAX_VENDORS) {
        let field = format!("model.vendors[{at}]");
        word(format!("{field}.vendor"), &vendor.vendor, check);
        check.needed(&format!("{field}.name"), &vendor.name, MAX_NAME);
        check.text(&format!("{field}.contact"), &vendor.contact, MAX_REASON);
        check.text(&format!("{field}.contract_reference"), &vendor.contract_reference, MAX_NAME);
    }
}

pub(super) fn catalogue(model: &proto::SupportModel, check: &mut Check) {
    check.at_most("model.catalogue", model.catalogue.len(), MAX_ITEMS);
    unique(check, "model.catalogue", model.catalogue.iter().map(|it| it.item.as_str()));
    if model.catalogue.iter().map(|it| it.form_json.len()).sum::<usize>() > MAX_FORMS {
        return check.say("model.catalogue", "must have forms of at most 512 KiB together");
    }
    for (at, item) in model.catalogue.iter().enumerate().take(MAX_ITEMS) {
        let field = format!("model.catalogue[{at}]");
        word(format!("{field}.item"), &item.item, check);
        check.needed(&format!("{field}.name"), &item.name, MAX_NAME);
        check.text(&format!("{field}.description"), &item.description, MAX_NOTE);
        category(model, item, &field, check);
        queue(model, &item.queue, format!("{field}.queue"), check);
        if !item.form_json.is_empty()
            && let Err(wrong) = Form::read(&item.form_json)
        {
            check.say(format!("{field}.form_json"), wrong);
        }
        check.word::<Level>(&format!("{field}.impact"), item.impact);
        check.word::<Level>(&format!("{field}.urgency"), item.urgency);
        if let Some(rule) = &item.approval {
            approval(rule, &format!("{field}.approval"), check);
        }
        tasks(model, &item.tasks, &format!("{field}.tasks"), check);
    }
}

fn category(model: &proto::SupportModel, item: &proto::CatalogueItem, field: &str, check: &mut Check) {
    let known = model.categories.iter().find(|it| folded(&it.category) == folded(&item.category));
    if !item.category.is_empty() && known.is_none() {
        check.say(format!("{field}.category"), "must be one of the categories");
    }
    if item.subcategory.is_empty() {
        return;
    }
    check.text(&format!("{field}.subcategory"), &item.subcategory, MAX_NAME);
    let listed = |it: &proto::Category| {
        it.subcategories.is_empty() || it.subcategories.iter().any(|name| folded(name) == folded(&item.subcategory))
    };
    if !known.is_some_and(listed) {
        check.say(format!("{field}.subcategory"), "must be one of the subcategories of the item's category");
    }
}

fn queue(model: &proto::SupportModel, queue: &str, field: String, check: &mut Check) {
    if !queue.is_empty() && !model.queues.iter().any(|it| it.queue == queue) {
        check.say(field, "must be one of the queues");
    }
}

fn people(people: &[String], field: &str, check: &mut Check) {
    check.at_most(field, people.len(), MAX_APPROVERS);
    for one in people.iter().take(MAX_APPROVERS) {
        check.person(field, one, MAX_NAME);
    }
    unique(check, field, people.iter().map(String::as_str));
}

fn approval(rule: &proto::ApprovalRule, field: &str, check: &mut Check) {
    if rule.approvers.is_empty() {
        check.say(format!("{field}.approvers"), "must name at least one");
    }
    people(&rule.approvers, &format!("{field}.approvers"), check);
    when(rule.when.as_ref(), &format!("{field}.when"), Knows::Priority, check);
    let within = length(rule.within.as_ref());
    if rule.within.is_some() && !within.is_some_and(|it| it > SignedDuration::ZERO && it <= MAX_WITHIN) {
        check.say(format!("{field}.within"), "must be longer than nothing and at most 90 days");
    }
}

fn tasks(model: &proto::SupportModel, tasks: &[proto::TaskTemplate], field: &str, check: &mut Check) {
    check.at_most(field, tasks.len(), MAX_TASKS);
    for (at, task) in tasks.iter().enumerate().take(MAX_TASKS) {
        let field = format!("{field}[{at}]");
        check.needed(&format!("{field}.title"), &task.title, MAX_QUESTION);
        queue(model, &task.queue, format!("{field}.queue"), check);
        check.at_most(&format!("{field}.after"), task.after.len(), MAX_AFTER);
        let is_earlier = |number: &i32| usize::try_from(*number).is_ok_and(|number| (1..=at).contains(&number));
        if !task.after.iter().all(is_earlier) {
            check.say(format!("{field}.after"), "must name tasks that stand before it: 1 is the first");
        }
    }
}

pub(super) fn changes(model: &proto::SupportModel, check: &mut Check) {
    let Some(policy) = &model.changes else { return };
    people(&policy.approvers, "model.changes.approvers", check);
    people(&policy.emergency_approvers, "model.changes.emergency_approvers", check);
    let field = "model.changes.templates";
    check.at_most(field, policy.templates.len(), MAX_VENDORS);
    unique(check, field, policy.templates.iter().map(|it| it.template.as_str()));
    for (at, template) in policy.templates.iter().enumerate().take(MAX_VENDORS) {
        let field = format!("{field}[{at}]");
        word(format!("{field}.template"), &template.template, check);
        check.text(&format!("{field}.name"), &template.name, MAX_NAME);
        check.needed(&format!("{field}.plan"), &template.plan, MAX_NOTE);
        check.needed(&format!("{field}.back_out_plan"), &template.back_out_plan, MAX_NOTE);
    }
    let field = "model.changes.freezes";
    check.at_most(field, policy.freezes.len(), MAX_VENDORS);
    for (at, freeze) in policy.freezes.iter().enumerate().take(MAX_VENDORS) {
        let field = format!("{field}[{at}]");
        check.needed(&format!("{field}.name"), &freeze.name, MAX_NAME);
        match (from(&freeze.from), until(&freeze.until)) {
            (Some(from), Some(until)) if from < until => {}
            (Some(_), Some(_)) => check.say(format!("{field}.until"), "must not be before from"),
            (None, _) => check.say(format!("{field}.from"), "must be a date, or a date and time like 2026-12-18T12:00"),
            (_, None) => {
                check.say(format!("{field}.until"), "must be a date, or a date and time like 2026-12-18T12:00")
            }
        }
    }
}
