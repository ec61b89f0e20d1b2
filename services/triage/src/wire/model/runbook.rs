//! Runbooks of a model: what they must be, and from the wire to what is applied.

use std::collections::BTreeMap;

use contracts::triage::v1 as proto;
use contracts::triage::v1::runbook_parameter::Type;
use jiff::SignedDuration;

use super::check::{MAX_NAME, unique};
use super::roster::length;
use crate::domain::runbook::{MOST_LENGTH, Parameter, Runbook, Takes, USUAL_LENGTH, USUAL_OUTPUT, USUAL_TIME, pattern};
use crate::wire::Check;
use crate::wire::fulfilment::request::MAX_APPROVERS;
use crate::wire::request::MAX_REASON;

/// Runbooks of a client.
pub const MAX_RUNBOOKS: usize = 200;
/// Parameters of one.
pub const MAX_PARAMETERS: usize = 20;
/// Values of a choice.
pub const MAX_CHOICES: usize = 100;
/// Characters of a pattern.
pub const MAX_PATTERN: usize = 500;
/// How long a run may take.
pub const MAX_TIME: SignedDuration = SignedDuration::from_hours(4);
/// Bytes of output that may be kept.
pub const MAX_OUTPUT: i64 = 1024 * 1024;
/// Characters of a runner's word: it is part of a subject and a user's name.
pub const MAX_RUNNER: usize = 31;

/// The runbooks of a checked model.
pub(super) fn compiled(model: &proto::SupportModel) -> BTreeMap<String, Runbook> {
    model.runbooks.iter().map(|it| (it.runbook.clone(), runbook(it))).collect()
}

fn runbook(it: &proto::Runbook) -> Runbook {
    let parameter = |it: &proto::RunbookParameter| Parameter {
        parameter: it.parameter.clone(),
        optional: it.optional,
        takes: takes(it.r#type.as_ref()),
    };
    Runbook {
        runbook: it.runbook.clone(),
        title: it.title.clone(),
        parameters: it.parameters.iter().map(parameter).collect(),
        runner: it.runner.clone(),
        approvers: it.approvers.clone(),
        any_suffices: it.any_suffices,
        time_limit: length(it.time_limit.as_ref()).unwrap_or(USUAL_TIME),
        output_limit: if it.output_limit == 0 { USUAL_OUTPUT } else { it.output_limit },
    }
}

/// What is of no known type takes nothing; the check refuses such.
fn takes(said: Option<&Type>) -> Takes {
    match said {
        Some(Type::Text(it)) => Takes::Text {
            pattern: it.pattern.clone(),
            max_length: usize::try_from(it.max_length).ok().filter(|most| *most > 0).unwrap_or(USUAL_LENGTH),
        },
        Some(Type::Number(it)) => Takes::Number { min: it.min, max: it.max },
        Some(Type::Choice(it)) => Takes::Choice(it.values.clone()),
        Some(Type::Boolean(_)) => Takes::Boolean,
        Some(Type::Device(_)) => Takes::Device,
        None => Takes::Choice(Vec::new()),
    }
}

/// What runbooks must be.
pub(super) fn check(model: &proto::SupportModel, check: &mut Check) {
    let list = "model.runbooks";
    check.at_most(list, model.runbooks.len(), MAX_RUNBOOKS);
    unique(check, list, model.runbooks.iter().map(|it| it.runbook.as_str()));
    for (at, it) in model.runbooks.iter().enumerate().take(MAX_RUNBOOKS) {
        let field = format!("{list}[{at}]");
        if !is_word(&it.runbook, 61, b'-') {
            check.say(format!("{field}.runbook"), "must be 1 to 61 of a-z, 0-9 and -, beginning with a letter");
        }
        if !is_word(&it.runner, MAX_RUNNER, b'-') {
            check.say(format!("{field}.runner"), "must be 1 to 31 of a-z, 0-9 and -, beginning with a letter");
        }
        check.needed(&format!("{field}.title"), &it.title, MAX_NAME);
        check.text(&format!("{field}.purpose"), &it.purpose, MAX_REASON);
        approvers(&it.approvers, &format!("{field}.approvers"), check);
        limits(it, &field, check);
        parameters(&it.parameters, &format!("{field}.parameters"), check);
    }
}

fn is_word(word: &str, most: usize, joint: u8) -> bool {
    word.len() <= most
        && word.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == joint)
}

fn approvers(people: &[String], field: &str, check: &mut Check) {
    check.at_most(field, people.len(), MAX_APPROVERS);
    for one in people.iter().take(MAX_APPROVERS) {
        check.person(field, one, MAX_NAME);
    }
    unique(check, field, people.iter().map(String::as_str));
}

fn limits(it: &proto::Runbook, field: &str, check: &mut Check) {
    let said = length(it.time_limit.as_ref());
    let fits = |said: SignedDuration| said >= SignedDuration::from_secs(1) && said <= MAX_TIME;
    if it.time_limit.is_some() && !said.is_some_and(fits) {
        check.say(format!("{field}.time_limit"), "must be 1 second to 4 hours");
    }
    if it.output_limit != 0 && !(1_024..=MAX_OUTPUT).contains(&it.output_limit) {
        check.say(format!("{field}.output_limit"), format!("must be 1024 to {MAX_OUTPUT} bytes, or 0 for 256 KiB"));
    }
}

fn parameters(list: &[proto::RunbookParameter], field: &str, check: &mut Check) {
    check.at_most(field, list.len(), MAX_PARAMETERS);
    unique(check, field, list.iter().map(|it| it.parameter.as_str()));
    for (at, it) in list.iter().enumerate().take(MAX_PARAMETERS) {
        let field = format!("{field}[{at}]");
        if !is_word(&it.parameter, 31, b'_') {
            check.say(format!("{field}.parameter"), "must be 1 to 31 of a-z, 0-9 and _, beginning with a letter");
        }
        check.text(&format!("{field}.title"), &it.title, MAX_NAME);
        match &it.r#type {
            None => check.say(format!("{field}.type"), "must be set"),
            Some(Type::Text(text)) => text_type(text, &field, check),
            Some(Type::Number(number)) if number.min > number.max => {
                check.say(format!("{field}.number"), "must have a min that is at most its max");
            }
            Some(Type::Choice(choice)) => choice_type(choice, &format!("{field}.choice.values"), check),
            Some(Type::Number(_) | Type::Boolean(_) | Type::Device(_)) => {}
        }
    }
}

fn text_type(text: &proto::TextParameter, field: &str, check: &mut Check) {
    if text.pattern.chars().count() > MAX_PATTERN {
        check.say(format!("{field}.text.pattern"), format!("must have at most {MAX_PATTERN} characters"));
    } else if let Err(wrong) = pattern(&text.pattern) {
        check.say(format!("{field}.text.pattern"), wrong);
    }
    if !usize::try_from(text.max_length).is_ok_and(|most| most <= MOST_LENGTH) {
        check.say(format!("{field}.text.max_length"), format!("must be 1 to {MOST_LENGTH}, or 0 for {USUAL_LENGTH}"));
    }
}

fn choice_type(choice: &proto::ChoiceParameter, field: &str, check: &mut Check) {
    if choice.values.is_empty() {
        check.say(field, "must have at least one entry");
    }
    check.at_most(field, choice.values.len(), MAX_CHOICES);
    for (at, value) in choice.values.iter().enumerate().take(MAX_CHOICES) {
        if value.is_empty() || value.chars().count() > MAX_NAME || value.contains('\0') || value.trim() != value {
            check.say(
                format!("{field}[{at}]"),
                format!("must be 1 to {MAX_NAME} characters without spaces around them"),
            );
        }
        if choice.values.iter().take(at).any(|earlier| earlier == value) {
            check.say(format!("{field}[{at}]"), "is there already");
        }
    }
}
