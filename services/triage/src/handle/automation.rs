//! Rules that give commands by themselves: what they have to look at is noted with the facts, what they do about it is
//! done once, because the note goes away in the same transaction.

pub mod carry;
pub mod dry_run;
pub mod plan;
mod verdict;

use std::collections::BTreeSet;

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::Error;

use super::Change;
use crate::domain::automation::{LATE, STAY, Trigger, WROTE};
use crate::domain::{Happened, SupportModel};
use crate::store::automation::{self as rows, AT_ONCE, Due};
use crate::store::history::Entry;
use crate::store::{self, Key};
use crate::wire;
use crate::wire::heard::{Heard, Told};

pub(super) use verdict::judge;

/// Notes what rules have to look at because of these changes. Clients without rules cost nothing.
pub(super) async fn follow<'a>(
    connection: &mut PgConnection,
    changes: &[Change],
    entries: &[Entry],
    model_of: impl Fn(&ClientId) -> Option<&'a SupportModel>,
) -> Result<(), Error> {
    let is_active = |client_id: &ClientId| model_of(client_id).is_some_and(|model| model.automation.is_active());
    let clients: BTreeSet<&ClientId> = changes.iter().map(|change| &change.ticket.client_id).collect();
    if !clients.into_iter().any(is_active) {
        return Ok(());
    }
    let hears = |entry: &&Entry| {
        let is_news = entry.recorded_at.duration_since(entry.occurred_at) <= LATE;
        is_news && model_of(&entry.client_id).is_some_and(|model| model.automation.hears(&entry.fact))
    };
    let due: Vec<Due> = entries
        .iter()
        .filter(hears)
        .map(|entry| fact((entry.client_id.clone(), entry.ticket_id), &entry.fact, entry.event_id, entry.recorded_at))
        .collect();
    rows::note(connection, &due).await?;
    let stays = |client_id: &ClientId| model_of(client_id).is_some_and(has_stays);
    let keys = changes.iter().map(|change| &change.ticket).filter(|ticket| stays(&ticket.client_id));
    let keys: BTreeSet<Key> = keys.map(|ticket| (ticket.client_id.clone(), ticket.ticket_id)).collect();
    note_stays(connection, &Vec::from_iter(keys), model_of).await
}

fn fact(key: Key, trigger: &str, fact_id: Uuid, at: Timestamp) -> Due {
    Due { key, due_id: fact_id, trigger: trigger.to_owned(), rule: None, fact_id, at, due_at: AT_ONCE }
}

/// Whether a rule waits for a ticket to stay somewhere.
fn has_stays(model: &SupportModel) -> bool {
    model.automation.active().any(|rule| matches!(rule.trigger, Trigger::After { .. }))
}

/// Notes where these tickets stay and until when that is well, each once per rule; what is over is forgotten.
async fn note_stays<'a>(
    connection: &mut PgConnection,
    keys: &[Key],
    model_of: impl Fn(&ClientId) -> Option<&'a SupportModel>,
) -> Result<(), Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let histories = store::history::load(connection, keys).await?;
    let known = store::ticket::known(connection, keys).await?;
    let mut due = Vec::new();
    for key in keys {
        let (Some(model), Some(ticket), Some(entries)) = (model_of(&key.0), known.get(key), histories.get(key)) else {
            continue;
        };
        let history: Vec<Happened> = entries.iter().map(wire::event::happened).collect::<Result<_, _>>()?;
        for rule in model.automation.active() {
            let Trigger::After { stay, reason, stays_for } = &rule.trigger else { continue };
            if !stay.holds(*reason, &ticket.work) {
                continue;
            }
            let Some(stayed) = stay.now(*reason, ticket.matter.registered_at, &history) else { continue };
            due.push(Due {
                key: key.clone(),
                due_id: Uuid::new_v5(&key.1, format!("{STAY}/{}", rule.rule).as_bytes()),
                trigger: STAY.to_owned(),
                rule: Some(rule.rule.clone()),
                fact_id: stayed.fact_id,
                at: stayed.since_at,
                due_at: later(stayed.since_at, *stays_for),
            });
        }
    }
    let lasting: BTreeSet<(&ClientId, Uuid)> = due.iter().map(|one| (&one.key.0, one.due_id)).collect();
    let noted = rows::stays(connection, keys, STAY).await?;
    let over: Vec<(ClientId, Uuid)> = noted
        .into_iter()
        .map(|((client_id, _), due_id)| (client_id, due_id))
        .filter(|(client_id, due_id)| !lasting.contains(&(client_id, *due_id)))
        .collect();
    rows::forget(connection, &over).await?;
    rows::note(connection, &due).await
}

/// Not before the first instant that there is for rows: what was noted there is at once.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX).max(AT_ONCE)
}

/// Notes that requesters wrote, and keeps what is known of those who registered something.
pub(super) async fn hear<'a>(
    connection: &mut PgConnection,
    heard: &[Heard],
    model_of: impl Fn(&ClientId) -> Option<&'a SupportModel>,
    now: Timestamp,
) -> Result<(), Error> {
    let hears = |client_id: &ClientId| model_of(client_id).is_some_and(|model| model.automation.hears(WROTE));
    let wrote = heard.iter().filter_map(|one| match &one.told {
        Told::Replied(reply) if hears(&one.client_id) && now.duration_since(reply.written_at) <= LATE => {
            Some(fact((one.client_id.clone(), one.ticket_id), WROTE, reply.event_id, reply.written_at))
        }
        _ => None,
    });
    let wrote: Vec<Due> = wrote.collect();
    // On a ticket that is merged the same is heard twice: it counts where it was written.
    let mut seen = BTreeSet::new();
    let wrote: Vec<Due> = wrote.into_iter().filter(|one| seen.insert((one.key.0.clone(), one.due_id))).collect();
    rows::note(connection, &wrote).await?;
    let askers = heard.iter().filter_map(|one| match &one.told {
        Told::Registered(it) | Told::Imported(it, _) => {
            let is_known = it.vip || !it.site.is_empty() || !it.department.is_empty();
            let key = (one.client_id.clone(), one.ticket_id);
            is_known.then_some((key, it.site.as_str(), it.department.as_str(), it.vip))
        }
        _ => None,
    });
    let askers: Vec<(Key, &str, &str, bool)> = askers.collect();
    rows::keep_askers(connection, &askers).await
}
