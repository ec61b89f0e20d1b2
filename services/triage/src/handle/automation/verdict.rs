//! Rules of classification and routing that decide nothing: what each would have said of what has just been registered.

use std::collections::HashMap;

use contracts::ClientId;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::Error;

use crate::domain::automation::shadow::{Verdict, verdicts};
use crate::domain::automation::{Outcome, shadow};
use crate::domain::case::facts_of;
use crate::domain::{Arrival, Event, Happened, SupportModel, Ticket, Word};
use crate::handle::Change;
use crate::store::Key;
use crate::store::effect::{self, Effect};
use crate::wire::heard::{Heard, Told};

/// What triggers such rules.
const TRIGGER: &str = "ticket_registered";

/// Keeps what shadow rules would have decided on the tickets of this batch that are new.
pub(in crate::handle) async fn judge<'a>(
    connection: &mut PgConnection,
    heard: &[Heard],
    changed: &[Change],
    model_of: impl Fn(&ClientId) -> Option<&'a SupportModel>,
) -> Result<(), Error> {
    let has_shadows = |client_id: &ClientId| model_of(client_id).is_some_and(|it| !it.automation.shadows.is_empty());
    if !changed.iter().any(|change| has_shadows(&change.ticket.client_id)) {
        return Ok(());
    }
    let arrivals: HashMap<Key, &Arrival> = heard
        .iter()
        .filter_map(|one| match &one.told {
            Told::Registered(arrival) => Some(((one.client_id.clone(), one.ticket_id), arrival.as_ref())),
            _ => None,
        })
        .collect();
    let mut effects = Vec::new();
    for Change { ticket, happened, .. } in changed {
        let key = (ticket.client_id.clone(), ticket.ticket_id);
        let first = happened.first().filter(|first| first.revision == 1);
        let (Some(arrival), Some(model), Some(first)) = (arrivals.get(&key), model_of(&key.0), first) else { continue };
        effects.extend(of_one(&model.automation.shadows, arrival, ticket, first, model.version));
    }
    effect::add(connection, &effects).await
}

fn of_one(
    shadows: &[shadow::Shadow],
    arrival: &Arrival,
    ticket: &Ticket,
    first: &Happened,
    model_version: u64,
) -> Vec<Effect> {
    let Event::Triaged { classification, placement: Some(placement) } = &first.event else { return Vec::new() };
    let told = verdicts(shadows, &mut facts_of(arrival), classification, placement);
    told.into_iter().map(|verdict| entry(&verdict, ticket, first, model_version)).collect()
}

fn entry(verdict: &Verdict, ticket: &Ticket, first: &Happened, model_version: u64) -> Effect {
    let spoken = |pairs: &[(&str, String)]| {
        pairs.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    };
    let would: serde_json::Map<String, serde_json::Value> =
        verdict.would.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
    let name = format!("{}/{}", verdict.family.word(), verdict.rule);
    Effect {
        client_id: ticket.client_id.clone(),
        effect_id: Uuid::new_v5(&first.event_id, name.as_bytes()),
        family: verdict.family,
        rule: verdict.rule.clone(),
        model_version,
        ticket_id: ticket.ticket_id,
        reference: ticket.matter.reference.clone(),
        trigger: TRIGGER.to_owned(),
        fact_id: first.event_id,
        action: 1,
        what: spoken(&verdict.would),
        outcome: Outcome::Shadow,
        reason: String::new(),
        detail: String::new(),
        verdict: Some(effect::Verdict {
            would: would.into(),
            decided: spoken(&verdict.decided),
            agreed: verdict.agrees(),
        }),
        at: first.recorded_at,
    }
}
