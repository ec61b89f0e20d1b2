//! Rules and their account for callers.

use std::collections::HashMap;

use chassis::status::Violation;
use chassis::{PageToken, page_size};
use contracts::ClientId;
use contracts::timestamp;
use contracts::triage::v1 as proto;
use jiff::{SignedDuration, Timestamp};

use super::fulfilment::request::clients;
use super::model::automation::{MAX_RULES, check_rules, rules};
use super::request::{MAX_NAME, named};
use super::{Check, instant};
use crate::domain::Word;
use crate::domain::automation::{Family, Mode, Outcome, Rule};
use crate::store::effect::{Count, Effect, LastKey};
use crate::store::ticket::Name;

/// Entries of a page if the caller does not say, and at most.
const PAGE: (u32, u32) = (50, 1_000);
/// The longest period of a dry run.
pub const MAX_PERIOD: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Which entries of the account are asked for.
#[derive(Debug)]
pub struct AskedEffects {
    /// Of these clients; none: of all that the caller may see.
    pub clients: Vec<ClientId>,
    /// Empty: of all.
    pub rule: String,
    /// `None`: of all.
    pub ticket: Option<Name>,
    /// None: all.
    pub outcomes: Vec<Outcome>,
    /// How many.
    pub size: i64,
    /// Where the page before ended.
    pub after: Option<LastKey>,
    /// The question, as its pages' tokens are bound to it.
    pub question: proto::ListEffectsRequest,
}

/// What is asked for.
///
/// # Errors
/// Every violation.
pub fn effects(asked: &proto::ListEffectsRequest) -> Result<AskedEffects, Vec<Violation>> {
    let question = proto::ListEffectsRequest { page_size: 0, page_token: String::new(), ..asked.clone() };
    let mut check = Check::default();
    let clients = clients(&asked.client_ids, &mut check);
    let rule = check.text("rule", &asked.rule, MAX_NAME);
    let ticket = (!asked.ticket.is_empty()).then(|| named(&asked.ticket, &mut check));
    check.at_most("outcomes", asked.outcomes.len(), Outcome::ALL.len());
    let outcomes = asked.outcomes.iter().take(Outcome::ALL.len());
    let outcomes = outcomes.filter_map(|outcome| check.needed_word("outcomes", *outcome)).collect();
    let size = check.take(page_size(asked.page_size, PAGE.0, PAGE.1)).unwrap_or_default();
    let after = check.take(PageToken::decode(&asked.page_token, &question)).flatten();
    check.done()?;
    Ok(AskedEffects { clients, rule, ticket, outcomes, size, after, question })
}

/// A dry run as it is asked for: whose history, and the period.
///
/// # Errors
/// Every violation that shows without the client's model.
pub fn dry_run(asked: &proto::DryRunRequest) -> Result<(ClientId, Timestamp, Timestamp), Vec<Violation>> {
    let mut check = Check::default();
    let client_id = ClientId::new(&asked.client_id).map_err(|error| Violation::new("client_id", error.to_string()));
    let client_id = check.take(client_id);
    if asked.rules.is_empty() {
        check.say("rules", "must name at least one");
    }
    check.at_most("rules", asked.rules.len(), MAX_RULES);
    let mut at = |field: &str, at: Option<&prost_types::Timestamp>| {
        let known = instant(at).filter(|at| super::roster::YEARS.contains(&at.as_second()));
        if known.is_none() {
            check.say(field, "must be an instant of the years 1970 to 2199");
        }
        known
    };
    let (from, until) = (at("from", asked.from.as_ref()), at("until", asked.until.as_ref()));
    if let (Some(from), Some(until)) = (from, until)
        && (until <= from || until.duration_since(from) > MAX_PERIOD)
    {
        check.say("until", "must be later than from, by at most 366 days");
    }
    check.done()?;
    match (client_id, from, until) {
        (Some(client_id), Some(from), Some(until)) => Ok((client_id, from, until)),
        _ => Err(Vec::new()),
    }
}

/// Drafted rules, held against the client's model.
///
/// # Errors
/// Every violation.
pub fn drafted(said: &[proto::AutomationRule], model: &proto::SupportModel) -> Result<Vec<Rule>, Vec<Violation>> {
    let mut check = Check::default();
    check_rules(said, model, "rules", &mut check);
    check.done()?;
    Ok(rules(said))
}

/// An entry on the wire.
pub fn effect(it: &Effect) -> proto::Effect {
    proto::Effect {
        effect_id: it.effect_id.to_string(),
        client_id: it.client_id.to_string(),
        family: it.family.number(),
        rule: it.rule.clone(),
        model_version: it.model_version,
        ticket_id: it.ticket_id.to_string(),
        reference: it.reference.clone(),
        trigger: it.trigger.clone(),
        fact_id: it.fact_id.to_string(),
        action: it.action,
        what: it.what.clone(),
        outcome: it.outcome.number(),
        reason: it.reason.clone(),
        detail: it.detail.clone(),
        decided: it.verdict.as_ref().map_or_else(String::new, |verdict| verdict.decided.clone()),
        agreed: it.verdict.as_ref().is_some_and(|verdict| verdict.agreed),
        at: Some(timestamp(it.at)),
    }
}

/// The rules of a model with what became of them: all of automation, and of the others those in shadow mode.
pub fn standings(model: &proto::SupportModel, counts: &HashMap<(Family, String), Count>) -> Vec<proto::RuleStanding> {
    let is_shadow = |mode: i32| Mode::from_number(mode) == Some(Mode::Shadow);
    let nothing = Count::default();
    let count = |family: Family, rule: &str| counts.get(&(family, rule.to_owned())).unwrap_or(&nothing);
    let mut standings = Vec::new();
    for it in &model.automation {
        let standing = standing(Family::Automation, &it.rule, it.mode, count(Family::Automation, &it.rule));
        standings.push(proto::RuleStanding { what_for: it.what_for.clone(), ..standing });
    }
    for it in model.classification.iter().filter(|it| is_shadow(it.mode)) {
        standings.push(standing(Family::Classification, &it.rule, it.mode, count(Family::Classification, &it.rule)));
    }
    for it in model.routing.iter().filter(|it| is_shadow(it.mode)) {
        standings.push(standing(Family::Routing, &it.rule, it.mode, count(Family::Routing, &it.rule)));
    }
    standings
}

fn standing(family: Family, rule: &str, mode: i32, count: &Count) -> proto::RuleStanding {
    let of = |outcome: Outcome| count.outcomes.get(&outcome).copied().unwrap_or_default();
    proto::RuleStanding {
        family: family.number(),
        rule: rule.to_owned(),
        mode: Mode::from_number(mode).unwrap_or(Mode::Live).number(),
        what_for: String::new(),
        done: of(Outcome::Done),
        nothing: of(Outcome::Nothing),
        refused: of(Outcome::Refused),
        shadow: of(Outcome::Shadow),
        loop_stopped: of(Outcome::LoopStopped),
        last_at: count.last_at.map(timestamp),
        held: if family == Family::Automation { 0 } else { of(Outcome::Shadow) },
        agreed: count.agreed,
        agrees_by_now: count.agrees_by_now,
    }
}
