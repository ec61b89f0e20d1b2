//! Messages, and finding the ticket that they belong to.

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Kept, KeptRow};

/// A ticket found by what people call it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Found {
    /// Whose.
    pub client_id: String,
    /// Its id.
    pub ticket_id: Uuid,
    /// `ACME-1042`
    pub reference: String,
}

/// Who looks for a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eyes<'a> {
    /// The desk itself.
    Desk,
    /// Somebody who reads it: absent if it is confidential and not theirs.
    Reader(&'a str),
    /// Somebody who adds to it, or asks where their post went: also whoever posted it.
    Sender(&'a str),
}

impl<'a> Eyes<'a> {
    /// Whose they are, and whether to have posted it suffices.
    fn columns(self) -> (Option<&'a str>, bool) {
        match self {
            Self::Desk => (None, false),
            Self::Reader(who) => (Some(who), false),
            Self::Sender(who) => (Some(who), true),
        }
    }
}

/// Finds a ticket in the transaction's scope by its reference or its id.
pub async fn find(connection: &mut PgConnection, ticket: &str, eyes: Eyes<'_>) -> Result<Option<Found>, Error> {
    let (who, may_have_posted) = eyes.columns();
    // Through the (few) clients in scope, so that the keys that lead with client_id serve.
    let found = match Uuid::try_parse(ticket) {
        Ok(ticket_id) => {
            sqlx::query_as(
                "SELECT t.client_id, t.ticket_id, t.reference FROM client c
                 JOIN ticket t ON t.client_id = c.client_id AND t.ticket_id = $1
                 WHERE $2::text IS NULL OR ($3 AND t.posted_by = $2) OR may_read(t.client_id, t.ticket_id, $2)",
            )
            .bind(ticket_id)
            .bind(who)
            .bind(may_have_posted)
            .fetch_optional(connection)
            .await?
        }
        Err(_) => {
            sqlx::query_as(
                "SELECT t.client_id, t.ticket_id, t.reference FROM client c
                 JOIN ticket t ON t.client_id = c.client_id AND t.reference = $1
                 WHERE c.reference_prefix = split_part($1, '-', 1)
                   AND ($2::text IS NULL OR ($3 AND t.posted_by = $2) OR may_read(t.client_id, t.ticket_id, $2))",
            )
            .bind(ticket.to_ascii_uppercase())
            .bind(who)
            .bind(may_have_posted)
            .fetch_optional(connection)
            .await?
        }
    };
    Ok(found)
}

/// Counts one more fact of a ticket, under its row lock; returns the revision.
pub async fn next_revision(connection: &mut PgConnection, client_id: &ClientId, ticket_id: Uuid) -> Result<i64, Error> {
    Ok(sqlx::query_scalar(
        "UPDATE ticket SET revision = revision + 1 WHERE client_id = $1 AND ticket_id = $2 RETURNING revision",
    )
    .bind(client_id.as_str())
    .bind(ticket_id)
    .fetch_one(connection)
    .await?)
}

/// Keeps a message.
pub async fn insert_message(
    connection: &mut PgConnection,
    client_id: &ClientId,
    ticket_id: Uuid,
    message_id: Uuid,
    body: Vec<u8>,
    written_at: Timestamp,
) -> Result<(), Error> {
    sqlx::query("INSERT INTO message (client_id, ticket_id, message_id, body, written_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(client_id.as_str())
        .bind(ticket_id)
        .bind(message_id)
        .bind(body)
        .bind(jiff_sqlx::Timestamp::from(written_at))
        .execute(connection)
        .await?;
    Ok(())
}

/// One message.
pub async fn message(
    connection: &mut PgConnection,
    client_id: &str,
    ticket_id: Uuid,
    message_id: Uuid,
) -> Result<Option<Vec<u8>>, Error> {
    Ok(sqlx::query_scalar("SELECT body FROM message WHERE client_id = $1 AND ticket_id = $2 AND message_id = $3")
        .bind(client_id)
        .bind(ticket_id)
        .bind(message_id)
        .fetch_optional(connection)
        .await?)
}

/// A ticket's messages after `after`, oldest first (message ids grow with time).
pub async fn messages(
    connection: &mut PgConnection,
    found: &Found,
    after: Uuid,
    limit: i64,
) -> Result<Vec<(Uuid, Vec<u8>)>, Error> {
    Ok(sqlx::query_as(
        "SELECT message_id, body FROM message WHERE client_id = $1 AND ticket_id = $2 AND message_id > $3
         ORDER BY message_id LIMIT $4",
    )
    .bind(&found.client_id)
    .bind(found.ticket_id)
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?)
}

/// A ticket with whether the relay has passed its registration.
pub async fn receipt(
    connection: &mut PgConnection,
    client_id: &ClientId,
    ticket_id: Uuid,
    shard: i16,
) -> Result<Option<(Kept, bool)>, Error> {
    #[derive(sqlx::FromRow)]
    struct Row {
        #[sqlx(flatten)]
        kept: KeptRow,
        announced: bool,
    }
    let row: Option<Row> = sqlx::query_as(
        "SELECT ticket_id, reference, registered_at,
                coalesce((SELECT c.xid >= t.xid FROM relay_cursor c WHERE c.shard = $3), false) AS announced
         FROM ticket t WHERE client_id = $1 AND ticket_id = $2",
    )
    .bind(client_id.as_str())
    .bind(ticket_id)
    .bind(shard)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.kept.into(), row.announced)))
}
