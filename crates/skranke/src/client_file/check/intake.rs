//! Alerts and forms.

use super::{
    super::{ClientFile, TooMany, Within, limits},
    Check, Path,
};
use crate::client_file::FieldType;

impl Check<'_> {
    pub(super) fn intake(&mut self, file: &ClientFile, root: &Path) {
        if let Some(alerts) = &file.alerts {
            let at = root.key("alerts");
            for (name, too_many) in [("storm", alerts.storm), ("flapping", alerts.flapping)] {
                self.too_many(too_many, &at.key(name));
            }
            self.length_of_day(alerts.hold_off, 0, &at.key("hold_off"));
        }
        self.at_most(file.forms.len(), limits::MAX_CATEGORY_FORMS, "forms", &root.key("forms"));
        for (index, form) in file.forms.iter().enumerate() {
            let at = root.key("forms").index(index);
            if !file.categories.iter().any(|one| one.category == form.category) {
                let remedy = "name one of the client's categories";
                self.say(&at.key("category"), format!("there is no category `{}`", form.category), remedy);
            }
            if file.forms.iter().take(index).any(|other| other.category == form.category) {
                self.say(&at, format!("this is the second form of `{}`", form.category), "put them into one");
            }
            self.form(form, &at);
        }
    }

    fn form(&mut self, form: &crate::client_file::CategoryForm, at: &Path) {
        let fields = at.key("fields");
        if form.fields.is_empty() {
            self.say(&fields, "a form without fields asks for nothing", "add a field, or leave the form out");
        }
        self.at_most(form.fields.len(), limits::MAX_FORM_FIELDS, "fields", &fields);
        for (index, field) in form.fields.iter().enumerate() {
            let at = fields.index(index);
            let is_id = field.field.len() <= 63
                && field.field.starts_with(|char: char| char.is_ascii_lowercase())
                && field.field.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_');
            if !is_id {
                let remedy = "use up to 63 of a-z, 0-9 and _, beginning with a letter";
                self.say(&at.key("field"), format!("`{}` is not an id", field.field), remedy);
            }
            if form.fields.iter().take(index).any(|other| other.field == field.field) {
                self.say(&at.key("field"), format!("`{}` stands here twice", field.field), "leave one out");
            }
            if !field.label.is_empty() {
                self.name(&field.label, &at.key("label"));
            }
            if (field.takes == FieldType::Choice) == field.choices.is_empty() {
                let wrong = "a choice needs choices, and nothing else has any";
                self.say(&at.key("choices"), wrong, "write the choices, or use another type");
            }
            self.at_most(field.choices.len(), limits::MAX_CHOICES, "choices", &at.key("choices"));
            for (number, choice) in field.choices.iter().enumerate() {
                self.name(choice, &at.key("choices").index(number));
            }
        }
    }

    fn too_many(&mut self, too_many: Option<TooMany>, at: &Path) {
        let Some(too_many) = too_many else { return };
        if too_many.more_than > 1_000 {
            self.say(&at.key("more_than"), format!("{} is too many", too_many.more_than), "use up to 1000");
        }
        self.length_of_day(too_many.within, 1, &at.key("within"));
    }

    fn length_of_day(&mut self, within: Option<Within>, least: u64, at: &Path) {
        if within.is_some_and(|within| within.seconds < least || within.seconds > 24 * 3_600) {
            self.say(at, "this is no part of a day", "use up to 24h, such as `5m`");
        }
    }
}
