//! Settings: what is taken and refused.

use std::collections::{BTreeSet, HashMap};

use chassis::status::Violation;
use contracts::desk::v1::Channel;
use contracts::intake::v1 as proto;
use contracts::{ClientId, from_duration};
use jiff::SignedDuration;

use super::Faults;
use crate::domain::form::{Field, FieldType, Form};
use crate::domain::{limits, line_fault};

/// Checks settings and brings them into the form in which they are compared.
///
/// # Errors
/// Everything that is wrong with them.
pub fn check(request: proto::ApplyIntakeSettingsRequest) -> Result<(ClientId, proto::IntakeSettings), Vec<Violation>> {
    let mut faults = Faults::default();
    let mut settings = request.settings.unwrap_or_default();
    settings.version = 0;
    let client_id = ClientId::new(&settings.client_id);
    if let Err(error) = &client_id {
        faults.note("settings.client_id", Some(format!("is not one: {error}")));
    }
    if let Some(alerts) = &settings.alerts {
        check_alerts(&mut faults, alerts);
    }
    if settings.forms.len() > limits::FORMS {
        faults.note("settings.forms", Some(format!("has more than {}", limits::FORMS)));
    } else {
        let mut categories = BTreeSet::new();
        for (at, form) in settings.forms.iter().enumerate() {
            let path = format!("settings.forms[{at}]");
            if !categories.insert(form.category.as_str()) {
                faults.note(&path, Some(format!("is the second form of {}", form.category)));
            }
            check_form(&mut faults, &path, form);
        }
    }
    check_contact(&mut faults, &settings.contact);
    match client_id {
        Ok(client_id) => faults.unless_any((client_id, settings)),
        Err(_) => Err(faults.0),
    }
}

fn check_contact(faults: &mut Faults, rules: &[proto::ContactRule]) {
    if rules.len() > limits::CONTACT_RULES {
        return faults.note("settings.contact", Some(format!("has more than {}", limits::CONTACT_RULES)));
    }
    let mut queues = BTreeSet::new();
    for (at, rule) in rules.iter().enumerate() {
        let path = format!("settings.contact[{at}]");
        faults.require(&format!("{path}.queue"), &rule.queue);
        faults.note(&format!("{path}.queue"), line_fault(&rule.queue, limits::NAME));
        faults.note(&format!("{path}.through"), line_fault(&rule.through, limits::NAME));
        if !queues.insert(rule.queue.as_str()) {
            faults.note(&path, Some(format!("is the second rule of {}", rule.queue)));
        }
        let is_much = rule.silent_agents.len() > limits::SILENT_AGENTS;
        let fault = format!("names more than {}", limits::SILENT_AGENTS);
        faults.note(&format!("{path}.silent_agents"), is_much.then_some(fault));
        for agent in rule.silent_agents.iter().take(limits::SILENT_AGENTS) {
            faults.require(&format!("{path}.silent_agents"), agent);
            faults.note(&format!("{path}.silent_agents"), line_fault(agent, limits::NAME));
        }
        let is_known = |channel: &i32| Channel::try_from(*channel).is_ok_and(|channel| channel != Channel::Unspecified);
        let wrong = rule.channels.len() > 20 || !rule.channels.iter().all(is_known);
        faults.note(&format!("{path}.channels"), wrong.then(|| "names what is no channel known here".to_owned()));
    }
}

fn check_alerts(faults: &mut Faults, alerts: &proto::AlertSettings) {
    for (field, count) in [("storm_above", alerts.storm_above), ("flaps_above", alerts.flaps_above)] {
        let is_much = count > limits::ABOVE;
        faults.note(&format!("settings.alerts.{field}"), is_much.then(|| format!("is more than {}", limits::ABOVE)));
    }
    let day = SignedDuration::from_hours(24);
    let least = SignedDuration::from_secs(1);
    for (field, length, least) in [
        ("storm_within_for", &alerts.storm_within_for, least),
        ("flaps_within_for", &alerts.flaps_within_for, least),
        ("hold_off_for", &alerts.hold_off_for, SignedDuration::ZERO),
    ] {
        let Some(length) = length else { continue };
        let fits = from_duration(length).is_some_and(|length| length >= least && length <= day);
        let fault = format!("must be from {} s to 24 hours", least.as_secs());
        faults.note(&format!("settings.alerts.{field}"), (!fits).then_some(fault));
    }
}

fn check_form(faults: &mut Faults, path: &str, form: &proto::Form) {
    faults.require(&format!("{path}.category"), &form.category);
    faults.note(&format!("{path}.category"), line_fault(&form.category, limits::NAME));
    if form.fields.is_empty() || form.fields.len() > limits::FORM_FIELDS {
        faults.note(&format!("{path}.fields"), Some(format!("must be 1 to {}", limits::FORM_FIELDS)));
        return;
    }
    let mut names = BTreeSet::new();
    for (at, field) in form.fields.iter().enumerate() {
        let path = format!("{path}.fields[{at}]");
        if !is_field_name(&field.name) {
            faults.note(&format!("{path}.name"), Some("must be like serial_number: a-z, 0-9 and _".to_owned()));
        }
        if !names.insert(field.name.as_str()) {
            faults.note(&format!("{path}.name"), Some(format!("names {} twice", field.name)));
        }
        faults.note(&format!("{path}.label"), line_fault(&field.label, limits::NAME));
        let takes = proto::FieldType::try_from(field.r#type).unwrap_or_default();
        if takes == proto::FieldType::Unspecified {
            faults.note(&format!("{path}.type"), Some("must be TEXT, NUMBER, DATE, BOOLEAN or CHOICE".to_owned()));
        }
        let fits = if takes == proto::FieldType::Choice {
            (1..=limits::CHOICES).contains(&field.choices.len())
        } else {
            field.choices.is_empty()
        };
        let fault = format!("must be 1 to {} for a choice, and none for anything else", limits::CHOICES);
        faults.note(&format!("{path}.choices"), (!fits).then_some(fault));
        for choice in field.choices.iter().take(limits::CHOICES) {
            faults.require(&format!("{path}.choices"), choice);
            faults.note(&format!("{path}.choices"), line_fault(choice, limits::NAME));
        }
    }
}

/// `[a-z][a-z0-9_]{0,62}`
pub fn is_field_name(text: &str) -> bool {
    text.len() <= limits::FIELD_NAME
        && text.starts_with(|char: char| char.is_ascii_lowercase())
        && text.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_')
}

/// The forms, by category.
pub fn forms(settings: &proto::IntakeSettings) -> HashMap<String, Form> {
    let field = |one: &proto::FormField| Field {
        name: one.name.clone(),
        takes: match one.r#type() {
            proto::FieldType::Text | proto::FieldType::Unspecified => FieldType::Text,
            proto::FieldType::Number => FieldType::Number,
            proto::FieldType::Date => FieldType::Date,
            proto::FieldType::Boolean => FieldType::Boolean,
            proto::FieldType::Choice => FieldType::Choice(one.choices.clone()),
        },
        required: one.required,
    };
    let form = |one: &proto::Form| Form { fields: one.fields.iter().map(field).collect(), strict: one.strict };
    settings.forms.iter().map(|one| (one.category.clone(), form(one))).collect()
}
