//! What happened, and what requesters wrote.

use std::collections::HashMap;

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use chassis::Error;
use chassis::writes::Writes;

use super::ticket::Kept;
use super::{Key, columns, list, word};
use crate::domain::{Actor, ActorKind, Reply, Ticket, Word};

/// One entry as it is kept. The payload is the announced event; the rest is there to be seen without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub client_id: ClientId,
    /// Of which ticket.
    pub ticket_id: Uuid,
    /// 1, 2, 3 …
    pub revision: i64,
    /// Unique for ever.
    pub event_id: Uuid,
    /// `ticket_resolved`
    pub fact: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When triage learned of it.
    pub recorded_at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What led to it.
    pub cause_id: String,
    /// The encoded event.
    pub payload: Vec<u8>,
}

impl FromRow<'_, PgRow> for Entry {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let client_id: String = row.try_get("client_id")?;
        let kind: ActorKind = word(row.try_get("actor_kind")?)?;
        Ok(Self {
            client_id: ClientId::new(&client_id).map_err(|error| sqlx::Error::Decode(error.into()))?,
            ticket_id: row.try_get("ticket_id")?,
            revision: row.try_get("entry_revision")?,
            event_id: row.try_get("event_id")?,
            fact: row.try_get("fact")?,
            occurred_at: row.try_get::<jiff_sqlx::Timestamp, _>("occurred_at")?.to_jiff(),
            recorded_at: row.try_get::<jiff_sqlx::Timestamp, _>("recorded_at")?.to_jiff(),
            actor: Actor { kind, actor_id: row.try_get("actor_id")? },
            cause_id: row.try_get("cause_id")?,
            payload: row.try_get("payload")?,
        })
    }
}

/// Appends entries in their order.
pub fn append(writes: &mut Writes, entries: &[Entry]) {
    if entries.is_empty() {
        return;
    }
    writes
        .add(
            "INSERT INTO history (client_id, ticket_id, revision, event_id, fact, occurred_at, recorded_at, actor_kind,
                                  actor_id, cause_id, payload)
             SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::bigint[]), UNNEST($4::uuid[]),
                    UNNEST($5::text[]), UNNEST($6::timestamptz[]), UNNEST($7::timestamptz[]), UNNEST($8::text[]),
                    UNNEST($9::text[]), UNNEST($10::text[]), UNNEST($11::bytea[])",
        )
        .bind(entries.iter().map(|one| one.client_id.as_str()).collect::<Vec<_>>())
        .bind(entries.iter().map(|one| one.ticket_id).collect::<Vec<_>>())
        .bind(entries.iter().map(|one| one.revision).collect::<Vec<_>>())
        .bind(entries.iter().map(|one| one.event_id).collect::<Vec<_>>())
        .bind(entries.iter().map(|one| one.fact.as_str()).collect::<Vec<_>>())
        .bind(entries.iter().map(|one| one.occurred_at.into()).collect::<Vec<jiff_sqlx::Timestamp>>())
        .bind(entries.iter().map(|one| one.recorded_at.into()).collect::<Vec<jiff_sqlx::Timestamp>>())
        .bind(entries.iter().map(|one| one.actor.kind.word()).collect::<Vec<_>>())
        .bind(entries.iter().map(|one| one.actor.actor_id.as_str()).collect::<Vec<_>>())
        .bind(entries.iter().map(|one| one.cause_id.as_str()).collect::<Vec<_>>())
        .bind(entries.iter().map(|one| one.payload.as_slice()).collect::<Vec<_>>());
}

/// The whole histories of these tickets, each in the order of revisions.
///
/// # Errors
/// If the store failed.
pub async fn load(connection: &mut PgConnection, keys: &[Key]) -> Result<HashMap<Key, Vec<Entry>>, Error> {
    let mut histories: HashMap<Key, Vec<Entry>> = HashMap::new();
    if keys.is_empty() {
        return Ok(histories);
    }
    let (client_ids, ticket_ids) = columns(keys);
    let entries: Vec<Entry> = sqlx::query_as(
        "SELECT h.*, h.revision AS entry_revision
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         JOIN history h ON h.client_id = k.client_id AND h.ticket_id = k.ticket_id
         ORDER BY h.client_id, h.ticket_id, h.revision",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .fetch_all(connection)
    .await?;
    for entry in entries {
        histories.entry((entry.client_id.clone(), entry.ticket_id)).or_default().push(entry);
    }
    Ok(histories)
}

/// A page of one ticket's history, in the order in which it happened.
///
/// # Errors
/// If the store failed.
pub async fn page(
    connection: &mut PgConnection,
    key: &Key,
    after: Option<(Timestamp, i64)>,
    size: i64,
) -> Result<Vec<Entry>, Error> {
    let (occurred_at, revision) = after.unwrap_or((Timestamp::MIN, 0));
    // Postgres knows no year −9999: the first page begins at its own beginning.
    let occurred_at = after.map(|_| jiff_sqlx::Timestamp::from(occurred_at));
    Ok(sqlx::query_as(
        "SELECT h.*, h.revision AS entry_revision FROM history h
         WHERE client_id = $1 AND ticket_id = $2
           AND (occurred_at, revision) > (coalesce($3::timestamptz, '-infinity'), $4)
         ORDER BY occurred_at, revision LIMIT $5",
    )
    .bind(key.0.as_str())
    .bind(key.1)
    .bind(occurred_at)
    .bind(revision)
    .bind(size)
    .fetch_all(connection)
    .await?)
}

/// Keeps when requesters wrote.
///
/// # Errors
/// If the store failed.
pub async fn keep_replies(connection: &mut PgConnection, replies: &[(Key, Reply)]) -> Result<(), Error> {
    if replies.is_empty() {
        return Ok(());
    }
    let client_ids: Vec<&str> = replies.iter().map(|((client_id, _), _)| client_id.as_str()).collect();
    let ticket_ids: Vec<Uuid> = replies.iter().map(|((_, ticket_id), _)| *ticket_id).collect();
    let event_ids: Vec<Uuid> = replies.iter().map(|(_, reply)| reply.event_id).collect();
    let written: Vec<jiff_sqlx::Timestamp> = replies.iter().map(|(_, reply)| reply.written_at.into()).collect();
    let actors: Vec<&str> = replies.iter().map(|(_, reply)| reply.actor.actor_id.as_str()).collect();
    sqlx::query(
        "INSERT INTO reply (client_id, ticket_id, event_id, written_at, actor_id)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::uuid[]), UNNEST($4::timestamptz[]),
                UNNEST($5::text[])
         ON CONFLICT DO NOTHING",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .bind(event_ids)
    .bind(written)
    .bind(actors)
    .execute(connection)
    .await?;
    Ok(())
}

/// What the requesters of these tickets wrote. None of it is new.
///
/// # Errors
/// If the store failed.
pub async fn replies(connection: &mut PgConnection, keys: &[Key]) -> Result<Vec<(Key, Reply)>, Error> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (client_ids, ticket_ids) = columns(keys);
    let rows: Vec<(String, Uuid, Uuid, jiff_sqlx::Timestamp, String)> = sqlx::query_as(
        "SELECT r.client_id, r.ticket_id, r.event_id, r.written_at, r.actor_id
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         JOIN reply r ON r.client_id = k.client_id AND r.ticket_id = k.ticket_id",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .fetch_all(connection)
    .await?;
    let reply =
        |(client_id, ticket_id, event_id, written_at, actor_id): (String, Uuid, Uuid, jiff_sqlx::Timestamp, String)| {
            let client_id = ClientId::new(&client_id).map_err(|error| Error::Internal(error.into()))?;
            let actor = Actor { kind: ActorKind::Requester, actor_id };
            Ok((
                (client_id, ticket_id),
                Reply { event_id, written_at: written_at.to_jiff(), actor, is_new: false, written: None },
            ))
        };
    rows.into_iter().map(reply).collect()
}

/// Where a watcher has read to, in the order of commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    xid: i64,
    position: i64,
}

/// The end of what is committed for certain: everything after it is news.
///
/// # Errors
/// If the store failed.
pub async fn end(connection: &mut PgConnection) -> Result<Cursor, Error> {
    let xid = sqlx::query_scalar("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        .fetch_one(connection)
        .await?;
    Ok(Cursor { xid, position: 0 })
}

/// What was committed behind the cursor and can no longer be overtaken, with the tickets as they are now, and where to
/// go on. A full page means that there may be more.
///
/// # Errors
/// If the store failed.
pub async fn news(
    connection: &mut PgConnection,
    from: Cursor,
    filter: &list::Filter,
    size: i64,
) -> Result<(Vec<(Entry, Ticket)>, Cursor), Error> {
    // First the horizon, then what lies below it: all of that is committed or gone.
    let horizon = end(connection).await?;
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(
        "SELECT t.*, h.revision AS entry_revision, h.event_id, h.fact, h.occurred_at, h.recorded_at, h.actor_kind,
                h.actor_id, h.cause_id, h.payload, h.xid, h.position
         FROM history h JOIN ticket t ON t.client_id = h.client_id AND t.ticket_id = h.ticket_id
         WHERE (h.xid, h.position) > (",
    );
    query.push_bind(from.xid).push(", ").push_bind(from.position).push(") AND h.xid < ").push_bind(horizon.xid);
    list::push_filter(&mut query, filter);
    if let Some(clients) = &filter.clients {
        query.push(" AND h.client_id = ANY(").push_bind(clients).push(")");
    }
    query.push(" ORDER BY h.xid, h.position LIMIT ").push_bind(size);
    let rows = query.build().fetch_all(connection).await?;
    let end = match rows.last() {
        Some(last) if i64::try_from(rows.len()).unwrap_or(i64::MAX) >= size => {
            Cursor { xid: last.try_get("xid")?, position: last.try_get("position")? }
        }
        _ => horizon,
    };
    let news: Result<Vec<_>, sqlx::Error> =
        rows.iter().map(|row| Ok((Entry::from_row(row)?, Kept::from_row(row)?.0))).collect();
    Ok((news?, end))
}
