//! The webhook of Prometheus' Alertmanager, version "4", as alerts of ours.

use std::collections::BTreeMap;

use crate::wire::messages::{Alert, AlertAction, AlertLink, AlertSeverity};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::domain::limits;

/// Alerts of one message that are taken.
pub const MOST: usize = 10_000;

#[derive(Debug, Deserialize)]
struct Webhook {
    version: String,
    #[serde(default, rename = "externalURL")]
    external: String,
    #[serde(default)]
    alerts: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    status: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    starts_at: String,
    #[serde(default, rename = "generatorURL")]
    generator: String,
    #[serde(default)]
    fingerprint: String,
}

/// The alerts of a webhook's body, in its order. What is too long is cut: a machine cannot say it shorter.
///
/// # Errors
/// In words, if it is not such a body, is of another version, or has too many alerts.
pub fn alerts(body: &str) -> Result<Vec<Alert>, String> {
    let webhook: Webhook =
        serde_json::from_str(body).map_err(|error| format!("is no webhook of Alertmanager: {error}"))?;
    if webhook.version != "4" {
        return Err(format!("is of version {:?}; this desk reads version \"4\"", one_line(&webhook.version, 20)));
    }
    if webhook.alerts.len() > MOST {
        return Err(format!("has more than {MOST} alerts"));
    }
    webhook.alerts.iter().enumerate().map(|(at, entry)| alert(at, entry, &webhook.external)).collect()
}

fn alert(at: usize, entry: &Entry, home: &str) -> Result<Alert, String> {
    let action = match entry.status.as_str() {
        "firing" => AlertAction::Trigger,
        "resolved" => AlertAction::Resolve,
        other => return Err(format!("has an unknown status {:?} in alerts[{at}]", one_line(other, 40))),
    };
    let said = |names: &[&str]| -> Option<&String> {
        names.iter().find_map(|name| entry.annotations.get(*name)).filter(|text| !text.trim().is_empty())
    };
    let name = entry.labels.get("alertname").map_or("Alert", String::as_str);
    let summary = said(&["summary", "title", "message", "description"]).map_or(name, String::as_str);
    let mut details = said(&["description", "message"]).cloned().unwrap_or_default();
    if !entry.starts_at.is_empty() {
        details = format!("{details}\nSince {}", one_line(&entry.starts_at, 40));
    }
    let links = [
        ("Source", entry.generator.as_str()),
        ("Runbook", said(&["runbook_url", "runbook"]).map_or("", String::as_str)),
        ("Dashboard", said(&["dashboard_url", "dashboard"]).map_or("", String::as_str)),
        ("Alertmanager", home),
    ];
    let is_web = |href: &str| href.starts_with("https://") || href.starts_with("http://");
    let fits =
        |href: &str| is_web(href) && href.chars().count() <= limits::LINK && one_line(href, limits::LINK) == href;
    Ok(Alert {
        action: action.into(),
        dedup_key: key(entry),
        source: "alertmanager".to_owned(),
        severity: severity(entry.labels.get("severity").map_or("", String::as_str)).into(),
        summary: one_line(summary, limits::SUBJECT),
        details: body(&details),
        labels: labels(&entry.labels),
        links: links
            .into_iter()
            .filter(|(_, href)| fits(href))
            .map(|(text, href)| AlertLink { href: href.to_owned(), text: text.to_owned() })
            .collect(),
        ..Alert::default()
    })
}

/// Alertmanager's own fingerprint of the labels; where there is none, ours.
fn key(entry: &Entry) -> String {
    let is_plain = !entry.fingerprint.is_empty()
        && entry.fingerprint.len() <= 64
        && entry.fingerprint.chars().all(|char| char.is_ascii_alphanumeric());
    if is_plain {
        return format!("alertmanager/{}", entry.fingerprint);
    }
    let mut hash = Sha256::new();
    for (name, value) in &entry.labels {
        for text in [name, value] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
    }
    let digest = hash.finalize();
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("alertmanager/labels-{hex}")
}

fn severity(word: &str) -> AlertSeverity {
    match word.to_lowercase().as_str() {
        "critical" | "crit" | "page" | "emergency" | "fatal" | "disaster" => AlertSeverity::Critical,
        "warning" | "warn" | "minor" | "average" => AlertSeverity::Warning,
        "info" | "information" | "none" | "low" | "debug" => AlertSeverity::Info,
        _ => AlertSeverity::Error,
    }
}

fn labels(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let fits = |name: &String| !name.is_empty() && one_line(name, limits::ATTRIBUTE_KEY) == *name;
    labels
        .iter()
        .filter(|(name, _)| fits(name))
        .take(limits::ATTRIBUTES)
        .map(|(name, value)| (name.clone(), one_line(value, limits::ATTRIBUTE_VALUE)))
        .collect()
}

/// The text on one line, without what deceives readers.
fn one_line(text: &str, most: usize) -> String {
    let deceives = |char: &char| matches!(char, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let plain: String =
        text.chars().filter(|char| !deceives(char)).map(|char| if char.is_control() { ' ' } else { char }).collect();
    plain.trim().chars().take(most).collect()
}

/// The text on as many lines as it has, without what is no text.
fn body(text: &str) -> String {
    let mut plain: String =
        text.chars().filter(|char| !char.is_control() || matches!(char, '\n' | '\r' | '\t')).collect();
    let mut end = plain.len().min(limits::BODY / 2);
    while !plain.is_char_boundary(end) {
        end -= 1;
    }
    plain.truncate(end);
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests;
