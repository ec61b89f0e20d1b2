//! What a matter asks for from the catalogue, as far as intake looks at it: triage knows the form.

use super::Faults;
use crate::domain::line_fault;
use contracts::intake::v1::Matter;

/// Characters of an item's word.
pub const MAX_ITEM: usize = 61;
/// Bytes of the answers.
pub const MAX_ANSWERS: usize = 32 * 1024;

/// Notes everything that is wrong with it.
pub(super) fn check(faults: &mut Faults, matter: &Matter) {
    let Some(asked) = &matter.catalogue_request else { return };
    faults.require("matter.catalogue_request.item", &asked.item);
    faults.note("matter.catalogue_request.item", line_fault(&asked.item, MAX_ITEM));
    let (field, answers) = ("matter.catalogue_request.answers_json", &asked.answers_json);
    let is_long = answers.len() > MAX_ANSWERS;
    faults.note(field, is_long.then(|| format!("is longer than {MAX_ANSWERS} bytes")));
    let is_odd = answers.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\r' | '\t'));
    faults.note(field, is_odd.then(|| "has control characters; send a JSON object".to_owned()));
}
