//! Forms: what must be known of a matter of a category, and how complete a registration is.

use std::collections::BTreeMap;

/// What a field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldType {
    /// One line.
    Text,
    /// `-12.5`
    Number,
    /// `2026-11-30`
    Date,
    /// `true` or `false`
    Boolean,
    /// One of these.
    Choice(Vec<String>),
}

/// One thing to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub takes: FieldType,
    /// It must be known.
    pub required: bool,
}

/// What must be known of a matter of a category.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// The things.
    pub fields: Vec<Field>,
    /// People's posts that lack something required are refused.
    pub strict: bool,
}

/// What a registration has.
#[derive(Debug, Clone, Copy)]
pub struct Brought<'a> {
    /// It came from a machine: nobody can be asked, and nothing is refused.
    pub by_machine: bool,
    /// There is a description.
    pub is_described: bool,
    /// The sender named a category.
    pub has_category: bool,
    /// The requester is in the directory; for machines: the source is named.
    pub is_known: bool,
    /// The fields.
    pub fields: &'a BTreeMap<String, String>,
}

/// What is wrong with a value; `None` if nothing is.
pub fn fault(takes: &FieldType, value: &str) -> Option<String> {
    let is_fine = match takes {
        FieldType::Text => true,
        FieldType::Number => value.parse::<f64>().is_ok_and(f64::is_finite),
        FieldType::Date => value.len() == 10 && value.parse::<jiff::civil::Date>().is_ok(),
        FieldType::Boolean => matches!(value, "true" | "false"),
        FieldType::Choice(choices) => choices.iter().any(|choice| choice == value),
    };
    let wanted = match takes {
        FieldType::Text => "text",
        FieldType::Number => "a number",
        FieldType::Date => "a date such as 2026-11-30",
        FieldType::Boolean => "true or false",
        FieldType::Choice(_) => "one of the form's choices",
    };
    (!is_fine).then(|| format!("must be {wanted}"))
}

impl Form {
    /// What a strict form complains about: (field, what). Nothing, if it is not strict or a machine posts.
    pub fn complaints(&self, brought: &Brought<'_>) -> Vec<(String, String)> {
        if !self.strict || brought.by_machine {
            return Vec::new();
        }
        let complaint = |field: &Field| match brought.fields.get(&field.name).map(|value| value.trim()) {
            None | Some("") => field.required.then(|| "is missing".to_owned()),
            Some(value) => fault(&field.takes, value),
        };
        let complaints = self.fields.iter().filter_map(|field| Some((field.name.clone(), complaint(field)?)));
        let unknown = brought.fields.keys().filter(|name| !self.fields.iter().any(|field| field.name == **name));
        let unknown = unknown.map(|name| (name.clone(), "is not a field of the category's form".to_owned()));
        complaints.chain(unknown).collect()
    }
}

/// How complete a registration is, 0 to 100: the share of what should be known. The requester (for machines: the
/// source), the description and the category count one each, and so does each required field with a fitting value.
pub fn completeness(brought: &Brought<'_>, form: Option<&Form>) -> u32 {
    let required: Vec<&Field> = form.map_or(Vec::new(), |form| form.fields.iter().filter(|it| it.required).collect());
    let fits = |field: &&&Field| {
        let value = brought.fields.get(&field.name).map(|value| value.trim()).filter(|value| !value.is_empty());
        value.is_some_and(|value| fault(&field.takes, value).is_none())
    };
    let held = required.iter().filter(fits).count()
        + usize::from(brought.is_known)
        + usize::from(brought.is_described)
        + usize::from(brought.has_category);
    let asked = required.len() + 3;
    u32::try_from((200 * held + asked) / (2 * asked)).unwrap_or(100)
}

#[cfg(test)]
mod tests;
