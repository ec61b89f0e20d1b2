//! What is to be announced, written in the transaction that made it true.

use std::cell::Cell;

use contracts::{ClientId, Fact, subject_for};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::writes::Writes;
use crate::{Error, shard_of};

#[cfg(test)]
mod tests;

tokio::task_local! {
    /// Whether the unit of work that runs has appended something.
    static APPENDED: Cell<bool>;
}

/// Runs a unit of work, and tells whether it appended something: whoever publishes need not look otherwise.
pub(crate) async fn watched<T>(unit: impl Future<Output = T>) -> (T, bool) {
    let watched = async {
        let outcome = unit.await;
        (outcome, APPENDED.with(Cell::get))
    };
    APPENDED.scope(Cell::new(false), watched).await
}

fn note_appended() {
    // Outside of a unit of work nobody asks.
    let _is_watched = APPENDED.try_with(|appended| appended.set(true));
}

/// One fact, ready for the bus.
#[derive(Debug, Clone)]
pub struct Announcement {
    event_id: Uuid,
    client_id: ClientId,
    ticket_id: Uuid,
    revision: i64,
    subject: String,
    payload: Vec<u8>,
    traceparent: Option<String>,
}

impl Announcement {
    /// Encodes a fact. `traceparent` is the W3C context of the work that led to it.
    ///
    /// # Errors
    /// [`Error::Internal`] if our own event lacks its meta, its fact or its ids.
    pub fn of<F: Fact>(event: &F, traceparent: Option<String>) -> Result<Self, Error> {
        let wrong = |what: &str| Error::internal(format!("an event to announce has no {what}"));
        let meta = event.meta().ok_or_else(|| wrong("meta"))?;
        let name = event.name().ok_or_else(|| wrong("fact"))?;
        let client_id = ClientId::new(&meta.client_id).map_err(|_| wrong("client_id"))?;
        let ticket_id = if meta.ticket_id.is_empty() {
            Uuid::nil()
        } else {
            Uuid::try_parse(&meta.ticket_id).map_err(|_| wrong("ticket_id"))?
        };
        Ok(Self {
            event_id: Uuid::try_parse(&meta.event_id).map_err(|_| wrong("event_id"))?,
            subject: subject_for::<F>(name, &client_id),
            client_id,
            ticket_id,
            revision: i64::try_from(meta.revision).map_err(|_| wrong("revision"))?,
            payload: event.encode_to_vec(),
            traceparent,
        })
    }
}

/// Appends facts in their order, in one statement.
///
/// # Errors
/// If the store failed, or a fact's client is outside of the transaction's scope.
pub async fn append(connection: &mut PgConnection, announcements: &[Announcement]) -> Result<(), Error> {
    let mut writes = Writes::default();
    add(&mut writes, announcements);
    writes.run(connection).await
}

/// Appends facts in their order, together with what made them true; once in such a statement.
pub fn add(writes: &mut Writes, announcements: &[Announcement]) {
    if announcements.is_empty() {
        return;
    }
    note_appended();
    writes
        .add(
            "INSERT INTO outbox (event_id, client_id, ticket_id, revision, shard, subject, payload, traceparent)
             SELECT UNNEST($1::uuid[]), UNNEST($2::text[]), UNNEST($3::uuid[]), UNNEST($4::bigint[]),
                    UNNEST($5::smallint[]), UNNEST($6::text[]), UNNEST($7::bytea[]), UNNEST($8::text[])",
        )
        .bind(announcements.iter().map(|one| one.event_id).collect::<Vec<_>>())
        .bind(announcements.iter().map(|one| one.client_id.as_str()).collect::<Vec<_>>())
        .bind(announcements.iter().map(|one| one.ticket_id).collect::<Vec<_>>())
        .bind(announcements.iter().map(|one| one.revision).collect::<Vec<_>>())
        .bind(announcements.iter().map(|one| shard_of(one.ticket_id)).collect::<Vec<_>>())
        .bind(announcements.iter().map(|one| one.subject.as_str()).collect::<Vec<_>>())
        .bind(announcements.iter().map(|one| one.payload.as_slice()).collect::<Vec<_>>())
        .bind(announcements.iter().map(|one| one.traceparent.as_deref()).collect::<Vec<_>>());
}
