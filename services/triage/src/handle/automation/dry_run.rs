//! What drafted rules would have done on a client's recorded history. Nothing is stored.

use std::collections::HashSet;
use std::sync::Arc;

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::{Error, Ground, Scope};

use super::carry::entry;
use crate::domain::automation::LATE;
use crate::domain::automation::replay::{Past, replay};
use crate::domain::{Happened, SupportModel};
use crate::store::dry_run as rows;
use crate::store::effect::Effect;
use crate::store::{self, Key};
use crate::wire;

/// Tickets that are read at once.
const BATCH: i64 = 100;

/// A run that goes on.
#[derive(Debug)]
pub struct DryRun {
    /// Whose history.
    pub client_id: ClientId,
    /// With the drafted rules.
    pub model: Arc<SupportModel>,
    /// From when on, by when things were recorded.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Up to which ticket it is done.
    pub after: Uuid,
    /// Who is told.
    pub reader: String,
}

/// What became of some tickets.
#[derive(Debug, Default)]
pub struct Looked {
    /// How many.
    pub tickets: u64,
    /// On how many of them something would have been done.
    pub touched: u64,
    /// What.
    pub effects: Vec<Effect>,
    /// How many more there are, on tickets that are not for the reader's eyes.
    pub hidden: u64,
    /// There are no more.
    pub is_over: bool,
}

impl DryRun {
    /// How many tickets there are to look at.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn total(&self, ground: &Ground, scope: &Scope) -> Result<u64, Error> {
        let (client_id, from, until) = (self.client_id.clone(), self.learned_from(), self.until);
        ground
            .store
            .read(scope, move |connection| {
                Box::pin(async move { rows::count(connection, &client_id, from, until).await })
            })
            .await
    }

    /// What is older is not news any more when it is learned.
    fn learned_from(&self) -> Timestamp {
        self.from.saturating_sub(LATE).unwrap_or(self.from)
    }

    /// Looks at some more tickets.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn next(&mut self, ground: &Ground, scope: &Scope) -> Result<Looked, Error> {
        let (client_id, from, until) = (self.client_id.clone(), self.learned_from(), self.until);
        let (after, model) = (self.after, Arc::clone(&self.model));
        let (period, reader) = ((self.from, self.until), self.reader.clone());
        let looked = ground.store.read(scope, move |connection| {
            Box::pin(async move {
                let ids = rows::after(connection, &client_id, from, until, after, BATCH).await?;
                let last = ids.last().copied().unwrap_or(after);
                let keys: Vec<Key> = ids.into_iter().map(|id| (client_id.clone(), id)).collect();
                let mut looked = look(connection, &keys, &model, period).await?;
                leave_out_hidden(connection, &mut looked, &reader).await?;
                Ok::<_, Error>((looked, last))
            })
        });
        let (looked, last) = looked.await?;
        self.after = last;
        Ok(looked)
    }
}

async fn leave_out_hidden(connection: &mut PgConnection, looked: &mut Looked, reader: &str) -> Result<(), Error> {
    let tickets: HashSet<(String, Uuid)> =
        looked.effects.iter().map(|one| (one.client_id.to_string(), one.ticket_id)).collect();
    let hidden = chassis::confidential::hidden_among(connection, &Vec::from_iter(tickets), reader).await?;
    let all = looked.effects.len();
    looked.effects.retain(|one| !hidden.contains(&one.ticket_id));
    looked.hidden = (all - looked.effects.len()) as u64;
    Ok(())
}

async fn look(
    connection: &mut PgConnection,
    keys: &[Key],
    model: &SupportModel,
    (from, until): (Timestamp, Timestamp),
) -> Result<Looked, Error> {
    let mut looked = Looked { is_over: keys.is_empty(), ..Looked::default() };
    if keys.is_empty() {
        return Ok(looked);
    }
    let tickets = store::ticket::known(connection, keys).await?;
    let mut histories = store::history::load(connection, keys).await?;
    let about = store::automation::about(connection, keys).await?;
    let replies = store::history::replies(connection, keys).await?;
    for key in keys {
        let (Some(ticket), Some(about)) = (tickets.get(key), about.get(key)) else { continue };
        let entries = histories.remove(key).unwrap_or_default();
        let history: Vec<Happened> = entries.iter().map(wire::event::happened).collect::<Result<_, _>>()?;
        let names: Vec<String> = entries.into_iter().map(|entry| entry.fact).collect();
        let wrote: Vec<(Uuid, Timestamp)> = replies
            .iter()
            .filter(|(whose, _)| whose == key)
            .map(|(_, reply)| (reply.event_id, reply.written_at))
            .collect();
        let past =
            Past { ticket_id: key.1, matter: &ticket.matter, about, history: &history, names: &names, wrote: &wrote };
        let fired = replay(&past, model, from, until);
        looked.tickets += 1;
        looked.touched += u64::from(!fired.is_empty());
        for one in fired {
            let Some(rule) = model.automation.rules.iter().find(|rule| rule.rule == one.rule) else { continue };
            let told = one.effects.into_iter().map(|it| entry(ticket, rule, model, &one.cause, it, one.cause.at));
            looked.effects.extend(told);
        }
    }
    Ok(looked)
}
