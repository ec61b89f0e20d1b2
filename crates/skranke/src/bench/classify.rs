//! The log of incidents as `skranke bench classify` looks at it.

use std::path::Path;

use anyhow::Context;
use bench::Registered;

use crate::import::uci::{self, FactKind, History};

/// What an incident is taken for, under the names that the benchmark knows.
const MATTER: [(&str, &str); 5] = [
    ("category", "category"),
    ("subcategory", "subcategory"),
    ("u_symptom", "symptom"),
    ("impact", "impact"),
    ("urgency", "urgency"),
];
/// Where it comes from.
const ORIGIN: [(&str, &str); 4] =
    [("caller_id", "caller"), ("opened_by", "opened_by"), ("contact_type", "contact_type"), ("location", "location")];

/// All incidents of the log.
pub(super) fn registered(file: &Path) -> anyhow::Result<Vec<Registered>> {
    let log = uci::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    log.map(|history| history.map(of)).collect()
}

fn of(history: History) -> Registered {
    let said = |columns: &[(&'static str, &'static str)]| {
        let value =
            |(column, name): &(&'static str, &'static str)| Some((*name, history.at_registration.get(column)?.clone()));
        columns.iter().filter_map(value).collect()
    };
    let (matter, origin) = (said(&MATTER), said(&ORIGIN));
    let group = |fact: &uci::HistoryFact| match &fact.kind {
        FactKind::HandedOver { group } => Some(group.clone()),
        _ => None,
    };
    let last = history.facts.iter().rev().find_map(group);
    let ended_at = history.facts.iter().map(|fact| fact.at).max();
    let first_queue = history.group.unwrap_or_default();
    Registered {
        reference: history.external_ref,
        registered_at: history.opened_at,
        ended_at: ended_at.unwrap_or(history.opened_at),
        matter,
        origin,
        queue: last.unwrap_or_else(|| first_queue.clone()),
        first_queue,
        category: history.category.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
