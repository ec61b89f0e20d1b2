//! Fast registration, and the fields of forms: what is taken and refused.

use std::collections::BTreeMap;

use contracts::desk::v1::{ActorKind, Channel, ResolutionCode};

use super::settings::is_field_name;
use super::{Actor, Faults, Matter, Solved};
use crate::domain::{body_fault, limits, line_fault};

/// Notes what is wrong with a matter that is said to be solved: the same as triage would refuse.
pub fn check(faults: &mut Faults, solved: &Solved, matter: &Matter, actor: &Actor) {
    if actor.kind != i32::from(ActorKind::Agent) {
        faults.note("solved", Some("is for agents, who solve what they register".to_owned()));
    }
    if !matches!(matter.channel(), Channel::Phone | Channel::WalkIn) {
        faults.note("solved", Some("is for PHONE and WALK_IN, where the requester is there".to_owned()));
    }
    let code = ResolutionCode::try_from(solved.code).unwrap_or_default();
    if code == ResolutionCode::Unspecified {
        faults.note("solved.code", Some("must be a resolution code that this version knows".to_owned()));
    }
    if solved.article_id.is_empty() && solved.no_article_reason.is_empty() {
        let what = "is missing; name the article that helped, or in no_article_reason why none is needed";
        faults.note("solved.article_id", Some(what.to_owned()));
    }
    if matches!(code, ResolutionCode::NotEconomical | ResolutionCode::NotRepairable) {
        faults.require("solved.approver", &solved.approver);
        if solved.approver == actor.actor_id {
            faults.note("solved.approver", Some("must be somebody else than who resolves it".to_owned()));
        }
    }
    faults.note("solved.article_id", line_fault(&solved.article_id, limits::NAME));
    faults.note("solved.approver", line_fault(&solved.approver, limits::EMAIL));
    for (field, text) in [("solved.no_article_reason", &solved.no_article_reason), ("solved.note", &solved.note)] {
        let is_long = text.chars().count() > limits::RESOLUTION;
        faults.note(field, is_long.then(|| format!("is longer than {} characters", limits::RESOLUTION)));
        faults.note(field, body_fault(text));
    }
}

/// Notes what is wrong with the fields of a form, whatever the form is.
pub fn check_fields(faults: &mut Faults, fields: &BTreeMap<String, String>) {
    if fields.len() > limits::FORM_FIELDS {
        faults.note("matter.fields", Some(format!("has more than {}", limits::FORM_FIELDS)));
        return;
    }
    for (name, value) in fields {
        if !is_field_name(name) {
            faults.note("matter.fields", Some("has a name that is not like serial_number: a-z, 0-9 and _".to_owned()));
        }
        let fault = line_fault(value, limits::ATTRIBUTE_VALUE);
        faults.note("matter.fields", fault.map(|fault| format!("has a value that {fault}")));
    }
}
