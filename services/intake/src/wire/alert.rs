//! Alerts and signs of life: what is taken, refused, answered.

use std::collections::BTreeMap;

use chassis::inbox;
use chassis::status::Violation;
use contracts::desk::v1::{Channel, Level, TicketKind};
use contracts::intake::v1 as proto;
use contracts::intake::v1::{AlertAction, AlertSeverity, AlertState, Matter};
use contracts::{ClientId, from_duration};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Actor, Faults, check_request_id};
use crate::domain::alert::{Action, AlertRules, Effect, Note, State, fingerprint};
use crate::domain::{body_fault, limits, line_fault};

/// What a machine said, fit to be kept.
#[derive(Debug, Clone)]
pub struct Post {
    /// For whom.
    pub client_id: ClientId,
    /// Its inbox key and the SHA-256 of the request, if it has a request_id.
    pub request: Option<(Uuid, Vec<u8>)>,
    /// What is said.
    pub action: Action,
    /// Of what; without its action.
    pub alert: proto::Alert,
    /// What belongs together in a storm.
    pub fingerprint: String,
    /// Who says it.
    pub actor: Actor,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
}

/// Checks a post.
///
/// # Errors
/// Everything that is wrong with it.
pub fn post(request: proto::PostAlertRequest, actor: Actor) -> Result<Post, Vec<Violation>> {
    let mut faults = Faults::default();
    let hash = (!request.request_id.is_empty()).then(|| inbox::fingerprint(&request));
    if !request.request_id.is_empty() {
        check_request_id(&mut faults, &request.request_id);
    }
    let mut alert = request.alert.unwrap_or_default();
    let action = match alert.action() {
        AlertAction::Trigger => Some(Action::Trigger),
        AlertAction::Acknowledge => Some(Action::Acknowledge),
        AlertAction::Resolve => Some(Action::Resolve),
        AlertAction::Unspecified => None,
    };
    if action.is_none() {
        faults.note("alert.action", Some("must be TRIGGER, ACKNOWLEDGE or RESOLVE".to_owned()));
    }
    if action == Some(Action::Trigger) && alert.summary.trim().is_empty() {
        faults.require("alert.summary", "");
    }
    check_alert(&mut faults, &alert);
    alert.action = AlertAction::Unspecified.into();
    if alert.severity() == AlertSeverity::Unspecified {
        alert.severity = AlertSeverity::Error.into();
    }
    let client_id = match ClientId::new(&request.client_id) {
        Ok(client_id) => client_id,
        Err(error) => {
            faults.note("client_id", Some(format!("is not one: {error}")));
            return Err(faults.0);
        }
    };
    let key = |hash| (inbox::request_key(&client_id, &actor.actor_id, &request.request_id), hash);
    faults.unless_any(Post {
        request: hash.map(key),
        action: action.unwrap_or(Action::Trigger),
        fingerprint: fingerprint(&alert.fingerprint, &alert.source, &alert.summary, &alert.labels, limits::FINGERPRINT),
        alert,
        client_id,
        actor,
        traceparent: chassis::telemetry::traceparent(),
    })
}

/// Notes everything that is wrong with an alert.
fn check_alert(faults: &mut Faults, alert: &proto::Alert) {
    check_key(faults, "alert.dedup_key", &alert.dedup_key);
    faults.note("alert.summary", line_fault(&alert.summary, limits::SUBJECT));
    faults.note("alert.details", body_fault(&alert.details));
    for (field, text) in [
        ("alert.source", &alert.source),
        ("alert.category", &alert.category),
        ("alert.subcategory", &alert.subcategory),
    ] {
        faults.note(field, line_fault(text, limits::NAME));
    }
    let is_long = alert.fingerprint.len() > limits::FINGERPRINT;
    faults.note("alert.fingerprint", is_long.then(|| format!("is longer than {} bytes", limits::FINGERPRINT)));
    faults.note("alert.fingerprint", line_fault(&alert.fingerprint, limits::FINGERPRINT));
    if AlertSeverity::try_from(alert.severity).is_err() || AlertAction::try_from(alert.action).is_err() {
        faults.note("alert", Some("has a value that this version does not know".to_owned()));
    }
    check_labels(faults, &alert.labels);
    if alert.links.len() > limits::LINKS {
        faults.note("alert.links", Some(format!("has more than {}", limits::LINKS)));
        return;
    }
    for link in &alert.links {
        let is_web = link.href.starts_with("https://") || link.href.starts_with("http://");
        faults.note("alert.links", (!is_web).then(|| "must begin with https:// or http://".to_owned()));
        faults.note("alert.links", line_fault(&link.href, limits::LINK));
        faults.note("alert.links", line_fault(&link.text, limits::NAME));
    }
}

/// Notes what is wrong with a key.
pub fn check_key(faults: &mut Faults, field: &str, key: &str) {
    faults.require(field, key);
    let is_long = key.len() > limits::DEDUP_KEY;
    faults.note(field, is_long.then(|| format!("is longer than {} bytes", limits::DEDUP_KEY)));
    faults.note(field, line_fault(key, limits::DEDUP_KEY));
}

fn check_labels(faults: &mut Faults, labels: &BTreeMap<String, String>) {
    let field = "alert.labels";
    if labels.len() > limits::ATTRIBUTES {
        faults.note(field, Some(format!("has more than {} pairs", limits::ATTRIBUTES)));
        return;
    }
    for (key, value) in labels {
        faults.require(field, key);
        faults.note(field, line_fault(key, limits::ATTRIBUTE_KEY).map(|fault| format!("has a key that {fault}")));
        faults.note(field, line_fault(value, limits::ATTRIBUTE_VALUE).map(|fault| format!("has a value that {fault}")));
    }
}

/// The matter of an alert's own ticket.
pub fn matter(alert: &proto::Alert) -> Matter {
    let (impact, urgency) = match alert.severity() {
        AlertSeverity::Critical => (Level::High, Level::High),
        AlertSeverity::Error | AlertSeverity::Unspecified => (Level::High, Level::Medium),
        AlertSeverity::Warning => (Level::Medium, Level::Medium),
        AlertSeverity::Info => (Level::Low, Level::Low),
    };
    let mut description = alert.details.clone();
    for link in &alert.links {
        let line = if link.text.is_empty() { link.href.clone() } else { format!("{}: {}", link.text, link.href) };
        if description.len() + line.len() + 2 <= limits::BODY {
            description = format!("{description}\n{line}");
        }
    }
    Matter {
        kind: TicketKind::Incident.into(),
        channel: Channel::Monitoring.into(),
        subject: alert.summary.clone(),
        description: description.trim().to_owned(),
        impact: impact.into(),
        urgency: urgency.into(),
        category: alert.category.clone(),
        subcategory: alert.subcategory.clone(),
        source: alert.source.clone(),
        attributes: alert.labels.clone(),
        ..Matter::default()
    }
}

/// The matter of a storm's ticket, begun by this alert.
pub fn storm(alert: &proto::Alert, fingerprint: &str, rules: &AlertRules) -> Matter {
    let subject: String = format!("Storm: {}", alert.summary).chars().take(limits::SUBJECT).collect();
    let description = format!(
        "More than {} different alerts of one kind came within {:#}. This ticket is for all that come after: they are \
         counted, and listed as its alerts.\n\nWhat they have in common: {fingerprint}",
        rules.storm_above, rules.storm_within
    );
    Matter { subject, description, attributes: BTreeMap::new(), ..matter(alert) }
}

/// The rules that a client's settings make.
pub fn rules(settings: Option<&proto::AlertSettings>) -> AlertRules {
    let mut rules = AlertRules::default();
    let Some(settings) = settings else { return rules };
    let length = |said: &Option<prost_types::Duration>, usual| said.as_ref().and_then(from_duration).unwrap_or(usual);
    let count = |said: u32, usual| if said == 0 { usual } else { said };
    rules.storm_above = count(settings.storm_above, rules.storm_above);
    rules.flaps_above = count(settings.flaps_above, rules.flaps_above);
    rules.storm_within = length(&settings.storm_within_for, rules.storm_within);
    rules.flaps_within = length(&settings.flaps_within_for, rules.flaps_within);
    rules.hold_off = length(&settings.hold_off_for, rules.hold_off);
    rules
}

/// A sign of life, fit to be kept.
#[derive(Debug, Clone)]
pub struct Beat {
    /// For whom.
    pub client_id: ClientId,
    /// Which.
    pub name: String,
    /// How often it comes.
    pub every: SignedDuration,
    /// How late it may be.
    pub grace: SignedDuration,
    /// Of the incident if it stops.
    pub severity: AlertSeverity,
    /// It is expected no longer.
    pub ends: bool,
    /// Who gave it.
    pub actor: Actor,
}

/// Checks a sign of life.
///
/// # Errors
/// Everything that is wrong with it.
pub fn beat(request: &proto::PutHeartbeatRequest, actor: Actor) -> Result<Beat, Vec<Violation>> {
    let mut faults = Faults::default();
    faults.require("name", &request.name);
    let is_long = request.name.len() > limits::HEARTBEAT;
    faults.note("name", is_long.then(|| format!("is longer than {} bytes", limits::HEARTBEAT)));
    faults.note("name", line_fault(&request.name, limits::HEARTBEAT));
    let length = |said: &Option<prost_types::Duration>| said.as_ref().and_then(from_duration);
    let (every, grace) = (length(&request.every_for), length(&request.grace_for));
    if !request.ends {
        let fits = every.is_some_and(|every| every >= limits::SOONEST_BEAT && every <= limits::LATEST_BEAT);
        faults.note("every_for", (!fits).then(|| "must be from 10 s to 31 days".to_owned()));
    }
    let fits =
        request.grace_for.is_none() || grace.is_some_and(|grace| !grace.is_negative() && grace <= limits::LATEST_BEAT);
    faults.note("grace_for", (!fits).then(|| "must be from 0 s to 31 days".to_owned()));
    let severity = AlertSeverity::try_from(request.severity);
    if severity.is_err() {
        faults.note("severity", Some("has a value that this version does not know".to_owned()));
    }
    let severity = match severity.unwrap_or_default() {
        AlertSeverity::Unspecified => AlertSeverity::Error,
        said => said,
    };
    let client_id = match ClientId::new(&request.client_id) {
        Ok(client_id) => client_id,
        Err(error) => {
            faults.note("client_id", Some(format!("is not one: {error}")));
            return Err(faults.0);
        }
    };
    faults.unless_any(Beat {
        client_id,
        name: request.name.clone(),
        every: every.unwrap_or(limits::LATEST_BEAT),
        grace: grace.unwrap_or(SignedDuration::ZERO),
        severity,
        ends: request.ends,
        actor,
    })
}

/// What the desk itself says when a sign of life stops, or comes back.
pub fn silence(
    client_id: &ClientId,
    name: &str,
    severity: AlertSeverity,
    beaten_at: Timestamp,
    action: Action,
    actor: Actor,
) -> Post {
    let summary: String = format!("No sign of life from {name}").chars().take(limits::SUBJECT).collect();
    let alert = proto::Alert {
        dedup_key: format!("heartbeat/{name}"),
        source: "heartbeat".to_owned(),
        severity: severity.into(),
        summary,
        details: format!("The last one came at {}.", beaten_at.strftime("%Y-%m-%d %H:%M:%S UTC")),
        fingerprint: "heartbeat".to_owned(),
        ..proto::Alert::default()
    };
    let fingerprint = alert.fingerprint.clone();
    Post { client_id: client_id.clone(), request: None, action, alert, fingerprint, actor, traceparent: None }
}

/// A state on the wire and in the store.
pub fn state(state: State) -> AlertState {
    match state {
        State::Triggered => AlertState::Triggered,
        State::Acknowledged => AlertState::Acknowledged,
        State::Recovering => AlertState::Recovering,
        State::Cleared => AlertState::Cleared,
    }
}

/// A state that was kept.
pub fn state_of(number: i16) -> State {
    match AlertState::try_from(i32::from(number)) {
        Ok(AlertState::Acknowledged) => State::Acknowledged,
        Ok(AlertState::Recovering) => State::Recovering,
        Ok(AlertState::Cleared) => State::Cleared,
        _ => State::Triggered,
    }
}

/// An effect on the wire.
pub fn effect(effect: Effect) -> proto::AlertEffect {
    match effect {
        Effect::Counted => proto::AlertEffect::Counted,
        Effect::Acknowledged => proto::AlertEffect::Acknowledged,
        Effect::Recovering => proto::AlertEffect::Recovering,
        Effect::Returned => proto::AlertEffect::Returned,
        Effect::Nothing => proto::AlertEffect::Nothing,
    }
}

/// A note on the wire.
pub fn note(note: Note) -> proto::AlertNote {
    match note {
        Note::Counted => proto::AlertNote::Counted,
        Note::Acknowledged => proto::AlertNote::Acknowledged,
        Note::Recovering => proto::AlertNote::Recovering,
        Note::Returned => proto::AlertNote::Returned,
        Note::Flapping => proto::AlertNote::Flapping,
        Note::Cleared => proto::AlertNote::Cleared,
        Note::OfStorm => proto::AlertNote::OfStorm,
    }
}

#[cfg(test)]
mod tests;
