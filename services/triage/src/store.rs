//! Triage's SQL, and rows ↔ domain. Plain functions over a connection that is scoped to the clients concerned.

pub mod automation;
pub mod closing;
pub mod confidential;
pub mod draft;
pub mod dry_run;
pub mod effect;
pub mod fulfilment;
pub mod history;
pub mod list;
pub mod model;
pub mod neighbours;
pub mod overdue;
pub mod posts;
pub mod proposal;
pub mod pushed;
pub mod relation;
pub mod run;
pub mod sweeps;
pub mod ticket;
pub mod view;
pub mod words;
pub mod workspace;

use contracts::ClientId;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::Error;
use chassis::writes::Writes;

use crate::domain::Word;

/// Which ticket.
pub type Key = (ClientId, Uuid);

/// The keys as two arrays, for UNNEST. In one order everywhere, so that two transactions never wait for each other.
fn columns(keys: &[Key]) -> (Vec<&str>, Vec<Uuid>) {
    let mut keys: Vec<&Key> = keys.iter().collect();
    keys.sort_unstable();
    keys.into_iter().map(|(client_id, ticket_id)| (client_id.as_str(), *ticket_id)).unzip()
}

/// A word of a closed set from its column.
fn word<W: Word>(text: &str) -> Result<W, sqlx::Error> {
    W::from_word(text).ok_or_else(|| sqlx::Error::Decode(format!("`{text}` is no word known here").into()))
}

/// Makes everybody wait who is about to learn something of the same tickets: a registration and a reply that come at
/// the same time must not miss each other, though neither row is visible to the other yet.
///
/// # Errors
/// If the store failed.
pub async fn lock_learning(connection: &mut PgConnection, keys: &[Key]) -> Result<(), Error> {
    let mut writes = Writes::default();
    let sql = "SELECT count(pg_advisory_xact_lock(lock)) FROM UNNEST($1::bigint[]) AS lock";
    writes.add_lock("learning", sql).bind(locks_of(keys));
    writes.run(connection).await
}

/// As [`lock_learning`], together with what is new of them, and after it: those who learn take both in one order.
pub fn add_lock_learning_of_new(writes: &mut Writes, keys: &[Key]) {
    let sql = "SELECT count(pg_advisory_xact_lock(lock))
               FROM UNNEST($1::bigint[]) AS lock, (SELECT count(*) FROM new) AS them";
    writes.add_lock("learning", sql).bind(locks_of(keys));
}

fn locks_of(keys: &[Key]) -> Vec<i64> {
    let lock = |key: &Key| {
        let mut half = [0; 8];
        half.copy_from_slice(&key.1.as_bytes()[8..]);
        i64::from_be_bytes(half)
    };
    let mut locks: Vec<i64> = keys.iter().map(lock).collect();
    locks.sort_unstable();
    locks.dedup();
    locks
}
