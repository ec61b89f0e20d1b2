//! Claims, turns, and what is looked after.

use std::collections::BTreeMap;

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::writes::Writes;
use chassis::{Error, shard_of};

use super::ticket::Kept;
use super::{Key, columns};
use crate::domain::{Load, Loads, Ticket};

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// On which ticket.
    pub key: Key,
    /// Whose.
    pub owner: String,
    /// Of the event that made it.
    pub revision: i64,
    /// When it was made.
    pub claimed_at: Timestamp,
    /// When it ends by itself; `None`: never.
    pub lapses_at: Option<Timestamp>,
}

type Row = (String, Uuid, String, i64, jiff_sqlx::Timestamp, Option<jiff_sqlx::Timestamp>);

fn claim((client_id, ticket_id, owner, revision, claimed_at, lapses_at): Row) -> Result<Claim, Error> {
    Ok(Claim {
        key: (client(&client_id)?, ticket_id),
        owner,
        revision,
        claimed_at: claimed_at.to_jiff(),
        lapses_at: lapses_at.map(jiff_sqlx::Timestamp::to_jiff),
    })
}

fn client(text: &str) -> Result<ClientId, Error> {
    ClientId::new(text).map_err(|error| Error::Internal(error.into()))
}

/// Keeps claims, each instead of the one before it on the same ticket.
pub fn keep_claims(writes: &mut Writes, claims: &[Claim]) {
    if claims.is_empty() {
        return;
    }
    let mut claims: Vec<&Claim> = claims.iter().collect();
    claims.sort_by_key(|claim| &claim.key);
    let lapses: Vec<Option<jiff_sqlx::Timestamp>> = claims.iter().map(|one| one.lapses_at.map(Into::into)).collect();
    writes
        .add(
            "INSERT INTO claim (client_id, ticket_id, owner, revision, claimed_at, lapses_at, shard)
             SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::text[]), UNNEST($4::bigint[]),
                    UNNEST($5::timestamptz[]), UNNEST($6::timestamptz[]), UNNEST($7::smallint[])
             ON CONFLICT (client_id, ticket_id) DO UPDATE SET owner = excluded.owner, revision = excluded.revision,
                 claimed_at = excluded.claimed_at, lapses_at = excluded.lapses_at",
        )
        .bind(claims.iter().map(|one| one.key.0.as_str()).collect::<Vec<_>>())
        .bind(claims.iter().map(|one| one.key.1).collect::<Vec<_>>())
        .bind(claims.iter().map(|one| one.owner.as_str()).collect::<Vec<_>>())
        .bind(claims.iter().map(|one| one.revision).collect::<Vec<_>>())
        .bind(claims.iter().map(|one| jiff_sqlx::Timestamp::from(one.claimed_at)).collect::<Vec<_>>())
        .bind(lapses)
        .bind(claims.iter().map(|one| shard_of(one.key.1)).collect::<Vec<_>>());
}

/// Ends the claims on these tickets.
pub fn end_claims(writes: &mut Writes, keys: &[Key]) {
    if keys.is_empty() {
        return;
    }
    let (client_ids, ticket_ids) = columns(keys);
    writes
        .add(
            "DELETE FROM claim c USING (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
             WHERE c.client_id = k.client_id AND c.ticket_id = k.ticket_id",
        )
        .bind(client_ids)
        .bind(ticket_ids);
}

/// Those of the claims on these tickets that have lapsed by now.
///
/// # Errors
/// If the store failed.
pub async fn lapsed(connection: &mut PgConnection, keys: &[Key], now: Timestamp) -> Result<Vec<Claim>, Error> {
    let (client_ids, ticket_ids) = columns(keys);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT c.client_id, c.ticket_id, c.owner, c.revision, c.claimed_at, c.lapses_at
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         JOIN claim c ON c.client_id = k.client_id AND c.ticket_id = k.ticket_id
         WHERE c.lapses_at <= $3 ORDER BY c.lapses_at, c.client_id, c.ticket_id",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .bind(jiff_sqlx::Timestamp::from(now))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(claim).collect()
}

/// The claims of a client's agents, locked: when they lapse may change.
///
/// # Errors
/// If the store failed.
pub async fn claims_of(connection: &mut PgConnection, client_id: &ClientId) -> Result<Vec<Claim>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT client_id, ticket_id, owner, revision, claimed_at, lapses_at FROM claim WHERE client_id = $1
         ORDER BY client_id, ticket_id FOR UPDATE",
    )
    .bind(client_id.as_str())
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(claim).collect()
}

/// Sets when known claims lapse; what has ended meanwhile stays ended.
///
/// # Errors
/// If the store failed.
pub async fn set_lapses(connection: &mut PgConnection, claims: &[Claim]) -> Result<(), Error> {
    if claims.is_empty() {
        return Ok(());
    }
    let lapses: Vec<Option<jiff_sqlx::Timestamp>> = claims.iter().map(|one| one.lapses_at.map(Into::into)).collect();
    sqlx::query(
        "UPDATE claim c SET lapses_at = k.lapses_at
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
                      UNNEST($3::timestamptz[]) AS lapses_at) AS k
         WHERE c.client_id = k.client_id AND c.ticket_id = k.ticket_id",
    )
    .bind(claims.iter().map(|one| one.key.0.as_str()).collect::<Vec<_>>())
    .bind(claims.iter().map(|one| one.key.1).collect::<Vec<_>>())
    .bind(lapses)
    .execute(connection)
    .await?;
    Ok(())
}

/// Claims that have lapsed, the oldest first. For the machinery: it sees instants, not work.
///
/// # Errors
/// If the store failed.
pub async fn due(connection: &mut PgConnection, shards: &[i16], now: Timestamp, most: i64) -> Result<Vec<Key>, Error> {
    let rows: Vec<(String, Uuid)> = sqlx::query_as(
        "SELECT client_id, ticket_id FROM claim WHERE shard = ANY($1) AND lapses_at <= $2 ORDER BY lapses_at LIMIT $3",
    )
    .bind(shards)
    .bind(jiff_sqlx::Timestamp::from(now))
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|(client_id, ticket_id)| Ok((client(&client_id)?, ticket_id))).collect()
}

/// When the next claim lapses or the next client is looked after. For the machinery.
///
/// # Errors
/// If the store failed.
pub async fn next_at(connection: &mut PgConnection, shards: &[i16]) -> Result<Option<Timestamp>, Error> {
    let at: Option<jiff_sqlx::Timestamp> = sqlx::query_scalar(
        "SELECT least((SELECT min(lapses_at) FROM claim WHERE shard = ANY($1) AND lapses_at IS NOT NULL),
                      (SELECT min(next_at) FROM watched WHERE shard = ANY($1)))",
    )
    .bind(shards)
    .fetch_one(connection)
    .await?;
    Ok(at.map(jiff_sqlx::Timestamp::to_jiff))
}

/// Clients that are to be looked after. For the machinery.
///
/// # Errors
/// If the store failed.
pub async fn unwatched(connection: &mut PgConnection, shards: &[i16], now: Timestamp) -> Result<Vec<ClientId>, Error> {
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT client_id FROM watched WHERE shard = ANY($1) AND next_at <= $2 ORDER BY next_at LIMIT 100",
    )
    .bind(shards)
    .bind(jiff_sqlx::Timestamp::from(now))
    .fetch_all(connection)
    .await?;
    rows.iter().map(|client_id| client(client_id)).collect()
}

/// Makes sure that every client with a model is looked after, also those of before there was a watch. For the machinery.
///
/// # Errors
/// If the store failed.
pub async fn watch_all(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO watched (client_id, shard, next_at)
         SELECT s.client_id, (hashtext(s.client_id) & 63)::smallint, '-infinity' FROM support_model s
         WHERE s.version = 1 AND NOT EXISTS (SELECT 1 FROM watched w WHERE w.client_id = s.client_id)
         ON CONFLICT DO NOTHING",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Has a client looked after as soon as somebody can.
///
/// # Errors
/// If the store failed.
pub async fn watch(connection: &mut PgConnection, client_id: &ClientId, at: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO watched AS w (client_id, shard, next_at) VALUES ($1, (hashtext($1) & 63)::smallint, $2)
         ON CONFLICT (client_id) DO UPDATE SET next_at = least(w.next_at, excluded.next_at)",
    )
    .bind(client_id.as_str())
    .bind(jiff_sqlx::Timestamp::from(at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes over looking after a client until the end of the transaction; whoever else wants to waits. The next look is at
/// `next`, or when it is due if that is sooner. `false` if it has no model.
///
/// # Errors
/// If the store failed.
pub async fn look_after(
    connection: &mut PgConnection,
    client_id: &ClientId,
    now: Timestamp,
    next: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "UPDATE watched SET next_at = CASE WHEN next_at > $2 THEN least(next_at, $3) ELSE $3 END WHERE client_id = $1",
    )
    .bind(client_id.as_str())
    .bind(jiff_sqlx::Timestamp::from(now))
    .bind(jiff_sqlx::Timestamp::from(next))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes which queues the newest model no longer has, and which it has again.
///
/// # Errors
/// If the store failed.
pub async fn vanish(
    connection: &mut PgConnection,
    client_id: &ClientId,
    gone: &[&str],
    there: &[&str],
) -> Result<(), Error> {
    sqlx::query("DELETE FROM vanished_queue WHERE client_id = $1 AND queue = ANY($2)")
        .bind(client_id.as_str())
        .bind(there)
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO vanished_queue SELECT $1, UNNEST($2::text[]) ON CONFLICT DO NOTHING")
        .bind(client_id.as_str())
        .bind(gone)
        .execute(connection)
        .await?;
    Ok(())
}

/// Open tickets that lie in a queue which the model no longer has, locked.
///
/// # Errors
/// If the store failed.
pub async fn stranded(connection: &mut PgConnection, client_id: &ClientId, most: i64) -> Result<Vec<Ticket>, Error> {
    tickets(
        sqlx::query_as(
            // Found by their queues first: asked for in their order, they were looked for among all tickets.
            "WITH stranded AS MATERIALIZED (
                 SELECT t.ticket_id FROM vanished_queue v
                 JOIN ticket t ON t.client_id = v.client_id AND t.queue = v.queue AND t.is_open
                 WHERE v.client_id = $1)
             SELECT t.* FROM (SELECT ticket_id FROM stranded ORDER BY ticket_id LIMIT $2) AS s
             JOIN ticket t ON t.client_id = $1 AND t.ticket_id = s.ticket_id
             WHERE t.is_open AND t.queue IN (SELECT queue FROM vanished_queue WHERE client_id = $1)
             ORDER BY t.client_id, t.ticket_id FOR UPDATE OF t SKIP LOCKED",
        )
        .bind(client_id.as_str())
        .bind(most)
        .fetch_all(connection)
        .await,
    )
}

/// Tickets of these queues that wait for an owner, the most urgent first, locked.
///
/// # Errors
/// If the store failed.
pub async fn unowned(
    connection: &mut PgConnection,
    client_id: &ClientId,
    queues: &[&str],
    most: i64,
) -> Result<Vec<Ticket>, Error> {
    tickets(
        sqlx::query_as(
            "SELECT * FROM ticket WHERE client_id = $1 AND queue = ANY($2) AND is_open AND state = 'queued'
             ORDER BY priority, registered_at, ticket_id LIMIT $3 FOR UPDATE SKIP LOCKED",
        )
        .bind(client_id.as_str())
        .bind(queues)
        .bind(most)
        .fetch_all(connection)
        .await,
    )
}

/// Open tickets with an owner and no claim: an older version, or an import, has made them so.
///
/// Those are none as a rule. All open ones are found first, by their index, and laid beside the claims: asked for in
/// their order, they were looked for among all tickets that the client ever had.
///
/// # Errors
/// If the store failed.
pub async fn unclaimed(connection: &mut PgConnection, client_id: &ClientId, most: i64) -> Result<Vec<Ticket>, Error> {
    tickets(
        sqlx::query_as(
            "WITH owned AS MATERIALIZED (
                 SELECT ticket_id, owner FROM ticket WHERE client_id = $1 AND is_open AND owner IS NOT NULL),
             claimed AS MATERIALIZED (SELECT ticket_id, owner FROM claim WHERE client_id = $1),
             unclaimed AS MATERIALIZED (SELECT ticket_id FROM (TABLE owned EXCEPT TABLE claimed) AS left_over
                                        ORDER BY ticket_id LIMIT $2)
             SELECT t.* FROM unclaimed u JOIN ticket t ON t.client_id = $1 AND t.ticket_id = u.ticket_id
             WHERE t.is_open AND t.owner IS NOT NULL
             ORDER BY t.client_id, t.ticket_id FOR UPDATE OF t SKIP LOCKED",
        )
        .bind(client_id.as_str())
        .bind(most)
        .fetch_all(connection)
        .await,
    )
}

fn tickets(rows: Result<Vec<Kept>, sqlx::Error>) -> Result<Vec<Ticket>, Error> {
    Ok(rows?.into_iter().map(|Kept(ticket)| ticket).collect())
}

/// What these agents have on the table; `queue` is the one in question. Nobody gets or takes anything else meanwhile
/// where that is limited: their locks are held until the end of the transaction.
///
/// # Errors
/// If the store failed.
pub async fn loads(
    connection: &mut PgConnection,
    client_id: &ClientId,
    queue: &str,
    agents: &[&str],
    is_limited: bool,
) -> Result<Loads, Error> {
    let mut agents = agents.to_vec();
    agents.sort_unstable();
    if is_limited {
        sqlx::query(
            "SELECT pg_advisory_xact_lock(hashtext('work of ' || $1), hashtext(agent))
             FROM UNNEST($2::text[]) AS agent",
        )
        .bind(client_id.as_str())
        .bind(&agents)
        .execute(&mut *connection)
        .await?;
    }
    // A statement of its own: it sees what those have committed for whose locks it has waited.
    let rows: Vec<(String, i64, i64, i64)> = sqlx::query_as(
        "SELECT a.agent,
                (SELECT count(*) FROM claim c JOIN ticket t ON t.client_id = c.client_id AND t.ticket_id = c.ticket_id
                 WHERE c.client_id = $1 AND c.owner = a.agent AND t.state = 'in_progress'),
                (SELECT count(*) FROM claim c JOIN ticket t ON t.client_id = c.client_id AND t.ticket_id = c.ticket_id
                 WHERE c.client_id = $1 AND c.owner = a.agent AND t.state = 'in_progress' AND t.queue = $2),
                coalesce((SELECT turn FROM turn u WHERE u.client_id = $1 AND u.queue = $2 AND u.agent = a.agent), 0)
         FROM UNNEST($3::text[]) AS a(agent)",
    )
    .bind(client_id.as_str())
    .bind(queue)
    .bind(&agents)
    .fetch_all(connection)
    .await?;
    let number = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    let load = |(agent, in_progress, in_queue, turn)| {
        (agent, Load { in_progress: number(in_progress), in_queue: number(in_queue), turn })
    };
    Ok(rows.into_iter().map(load).collect())
}

/// Keeps whose turn it was.
///
/// # Errors
/// If the store failed.
pub async fn keep_turns(
    connection: &mut PgConnection,
    client_id: &ClientId,
    queue: &str,
    turns: &BTreeMap<String, i64>,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO turn (client_id, queue, agent, turn) SELECT $1, $2, UNNEST($3::text[]), UNNEST($4::bigint[])
         ON CONFLICT (client_id, queue, agent) DO UPDATE SET turn = excluded.turn",
    )
    .bind(client_id.as_str())
    .bind(queue)
    .bind(turns.keys().map(String::as_str).collect::<Vec<_>>())
    .bind(turns.values().copied().collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps when the desk wrote to requesters last.
///
/// # Errors
/// If the store failed.
pub async fn keep_asked(connection: &mut PgConnection, asked: &BTreeMap<Key, Timestamp>) -> Result<(), Error> {
    if asked.is_empty() {
        return Ok(());
    }
    let instants: Vec<jiff_sqlx::Timestamp> = asked.values().map(|at| (*at).into()).collect();
    sqlx::query(
        "INSERT INTO asked AS known (client_id, ticket_id, asked_at)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::timestamptz[])
         ON CONFLICT (client_id, ticket_id) DO UPDATE SET asked_at = greatest(known.asked_at, excluded.asked_at)",
    )
    .bind(asked.keys().map(|key| key.0.as_str()).collect::<Vec<_>>())
    .bind(asked.keys().map(|key| key.1).collect::<Vec<_>>())
    .bind(instants)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the desk has written to the requester since they wrote last.
///
/// # Errors
/// If the store failed.
pub async fn is_asked(connection: &mut PgConnection, key: &Key) -> Result<bool, Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM asked a WHERE a.client_id = $1 AND a.ticket_id = $2
             AND a.asked_at >= coalesce((SELECT max(written_at) FROM reply r
                                         WHERE r.client_id = $1 AND r.ticket_id = $2), '-infinity'))",
    )
    .bind(key.0.as_str())
    .bind(key.1)
    .fetch_one(connection)
    .await?)
}

/// Open tickets per queue that nobody owns.
///
/// # Errors
/// If the store failed.
pub async fn unclaimed_by_queue(
    connection: &mut PgConnection,
    client_id: &ClientId,
) -> Result<BTreeMap<String, i64>, Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT queue, count(*) FROM ticket WHERE client_id = $1 AND is_open AND owner IS NULL GROUP BY queue",
    )
    .bind(client_id.as_str())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().collect())
}
