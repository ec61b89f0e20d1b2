//! Alerts and forms of a client file as intake's message.

use contracts::intake::v1 as proto;

use super::roster::length;
use crate::client_file::{CategoryForm, ClientFile, FieldType, FormField};

pub(super) fn settings(file: &ClientFile) -> proto::IntakeSettings {
    let alerts = file.alerts.as_ref().map(|one| proto::AlertSettings {
        storm_above: one.storm.map_or(0, |it| it.more_than),
        storm_within_for: length(one.storm.and_then(|it| it.within)),
        flaps_above: one.flapping.map_or(0, |it| it.more_than),
        flaps_within_for: length(one.flapping.and_then(|it| it.within)),
        hold_off_for: length(one.hold_off),
    });
    proto::IntakeSettings {
        client_id: file.client.clone(),
        version: 0,
        alerts,
        forms: file.forms.iter().map(form).collect(),
        contact: super::contact::rules(file),
    }
}

/// Whether nothing is said.
pub(super) fn is_empty(settings: &proto::IntakeSettings) -> bool {
    settings.alerts.is_none() && settings.forms.is_empty() && settings.contact.is_empty()
}

fn form(form: &CategoryForm) -> proto::Form {
    let field = |one: &FormField| proto::FormField {
        name: one.field.clone(),
        label: one.label.clone(),
        r#type: match one.takes {
            FieldType::Text => proto::FieldType::Text,
            FieldType::Number => proto::FieldType::Number,
            FieldType::Date => proto::FieldType::Date,
            FieldType::Boolean => proto::FieldType::Boolean,
            FieldType::Choice => proto::FieldType::Choice,
        }
        .into(),
        required: one.required,
        choices: one.choices.clone(),
    };
    proto::Form {
        category: form.category.clone(),
        fields: form.fields.iter().map(field).collect(),
        strict: form.strict,
    }
}
