//! Rebuilding: every ticket's figures again from its facts, in chunks, while facts arrive.

use chassis::store::Store;
use chassis::{Error, Scope};
use contracts::ClientId;
use uuid::Uuid;

use super::folded;
use crate::store;
use crate::wire::facts::{CLOCKS, IMPACT, LIFE};

/// Tickets per unit of work: few enough that nobody waits long for their locks.
const CHUNK: i64 = 200;

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Facts read again.
    pub facts: u64,
    /// Tickets looked at.
    pub tickets_done: u64,
    /// Tickets to look at; more may come meanwhile.
    pub tickets_total: u64,
    /// Tickets whose figures were not what the facts say, and now are.
    pub tickets_differed: u64,
}

/// A rebuild under way. It keeps nothing but its place: given up, what is done is done, and a new one begins anew.
#[derive(Debug)]
pub struct Rebuild {
    store: Store,
    /// Still to do; the last one first.
    clients: Vec<ClientId>,
    from: Uuid,
    progress: Progress,
}

impl Rebuild {
    /// Prepares to rebuild these clients' figures.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn begin(of: &Store, clients: Vec<ClientId>) -> Result<Self, Error> {
        let counted = clients.clone();
        let total: i64 = of
            .read(&Scope::of_all(&clients), |connection| {
                Box::pin(async move { store::count_tickets(connection, &counted).await })
            })
            .await?;
        let progress = Progress { tickets_total: total.unsigned_abs(), ..Progress::default() };
        Ok(Self { store: of.clone(), clients, from: Uuid::nil(), progress })
    }

    /// Does the next chunk; `None` after the last. At least one progress is told.
    ///
    /// # Errors
    /// If the store failed; what was done before stays.
    pub async fn next(&mut self) -> Result<Option<Progress>, Error> {
        let Some(client_id) = self.clients.last().cloned() else { return Ok(None) };
        let from = self.from;
        let scope = Scope::of(&client_id);
        let chunk: Chunk =
            self.store.unit_of_work(&scope, move |connection| Box::pin(chunk(connection, client_id, from))).await?;
        self.progress.facts += chunk.facts;
        self.progress.tickets_done += chunk.tickets;
        self.progress.tickets_differed += chunk.differed;
        self.progress.tickets_total = self.progress.tickets_total.max(self.progress.tickets_done);
        self.from = chunk.next.unwrap_or(Uuid::nil());
        if chunk.next.is_none() {
            self.clients.pop();
        }
        if self.clients.is_empty() {
            self.progress.tickets_total = self.progress.tickets_done;
        }
        Ok(Some(self.progress))
    }
}

struct Chunk {
    facts: u64,
    tickets: u64,
    differed: u64,
    /// Where the next begins; `None`: the client is done.
    next: Option<Uuid>,
}

async fn chunk(connection: &mut sqlx::PgConnection, client_id: ClientId, from: Uuid) -> Result<Chunk, Error> {
    let keys = store::tickets_from(connection, &client_id, from, CHUNK).await?;
    if keys.is_empty() {
        return Ok(Chunk { facts: 0, tickets: 0, differed: 0, next: None });
    }
    store::lock(connection, &keys).await?;
    let facts = store::count_facts(connection, &keys).await?.unsigned_abs();
    let tickets = keys.len() as u64;
    let last = keys.last().and_then(|(_, ticket_id)| ticket_id.as_u128().checked_add(1));
    let life = folded(connection, keys.clone(), &LIFE).await?;
    let clocks = folded(connection, keys.clone(), &CLOCKS).await?;
    let impact = folded(connection, keys, &IMPACT).await?;
    let mut differed = store::figures::write_life(connection, &life).await?;
    differed.extend(store::figures::forget_clocks(connection, &clocks).await?);
    differed.extend(store::figures::write_clocks(connection, &clocks).await?);
    differed.extend(store::impact::write(connection, &impact).await?);
    Ok(Chunk { facts, tickets, differed: differed.len() as u64, next: last.map(Uuid::from_u128) })
}
