//! What rules have to look at.

use std::collections::HashMap;

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::{Error, shard_of};

use super::{Key, columns};
use crate::domain::automation::About;

/// At once: before everything that has an instant, in the order in which it was noted.
pub const AT_ONCE: Timestamp = Timestamp::UNIX_EPOCH;

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// On which ticket.
    pub key: Key,
    /// Unique within the client.
    pub due_id: Uuid,
    /// A fact's name, or one of those of the domain.
    pub trigger: String,
    /// Of stays and times of day.
    pub rule: Option<String>,
    /// The fact that it is about.
    pub fact_id: Uuid,
    /// When that was.
    pub at: Timestamp,
    /// When to look.
    pub due_at: Timestamp,
}

type Row = (String, Uuid, Uuid, String, Option<String>, Uuid, jiff_sqlx::Timestamp, jiff_sqlx::Timestamp);

fn client(text: &str) -> Result<ClientId, Error> {
    ClientId::new(text).map_err(|error| Error::Internal(error.into()))
}

/// Notes what has to be looked at. What is noted already stays, unless it is about another fact by now.
///
/// # Errors
/// If the store failed.
pub async fn note(connection: &mut PgConnection, due: &[Due]) -> Result<(), Error> {
    if due.is_empty() {
        return Ok(());
    }
    let at = |of: fn(&Due) -> Timestamp| due.iter().map(|one| jiff_sqlx::Timestamp::from(of(one))).collect::<Vec<_>>();
    sqlx::query(
        "INSERT INTO rule_due (client_id, due_id, ticket_id, trigger, rule, fact_id, at, due_at, shard)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::uuid[]), UNNEST($4::text[]), UNNEST($5::text[]),
                UNNEST($6::uuid[]), UNNEST($7::timestamptz[]), UNNEST($8::timestamptz[]), UNNEST($9::smallint[])
         ON CONFLICT (client_id, due_id) DO UPDATE SET fact_id = excluded.fact_id, at = excluded.at,
             due_at = excluded.due_at
             WHERE (rule_due.fact_id, coalesce(rule_due.due_at, excluded.due_at)) <> (excluded.fact_id, excluded.due_at)",
    )
    .bind(due.iter().map(|one| one.key.0.as_str()).collect::<Vec<_>>())
    .bind(due.iter().map(|one| one.due_id).collect::<Vec<_>>())
    .bind(due.iter().map(|one| one.key.1).collect::<Vec<_>>())
    .bind(due.iter().map(|one| one.trigger.as_str()).collect::<Vec<_>>())
    .bind(due.iter().map(|one| one.rule.as_deref()).collect::<Vec<_>>())
    .bind(due.iter().map(|one| one.fact_id).collect::<Vec<_>>())
    .bind(at(|one| one.at))
    .bind(at(|one| one.due_at))
    .bind(due.iter().map(|one| shard_of(one.key.1)).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets these.
///
/// # Errors
/// If the store failed.
pub async fn forget(connection: &mut PgConnection, due: &[(ClientId, Uuid)]) -> Result<(), Error> {
    if due.is_empty() {
        return Ok(());
    }
    let (client_ids, due_ids) = columns(due);
    sqlx::query(
        "DELETE FROM rule_due d USING (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS due_id) AS k
         WHERE d.client_id = k.client_id AND d.due_id = k.due_id",
    )
    .bind(client_ids)
    .bind(due_ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// These stays were looked at; they are remembered for as long as they last.
///
/// # Errors
/// If the store failed.
pub async fn settle(connection: &mut PgConnection, due: &[(ClientId, Uuid)]) -> Result<(), Error> {
    put_off(connection, due, None).await
}

/// Looks at these later.
///
/// # Errors
/// If the store failed.
pub async fn put_off(
    connection: &mut PgConnection,
    due: &[(ClientId, Uuid)],
    until: Option<Timestamp>,
) -> Result<(), Error> {
    if due.is_empty() {
        return Ok(());
    }
    let (client_ids, due_ids) = columns(due);
    sqlx::query(
        "UPDATE rule_due d SET due_at = $3
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS due_id) AS k
         WHERE d.client_id = k.client_id AND d.due_id = k.due_id",
    )
    .bind(client_ids)
    .bind(due_ids)
    .bind(until.map(jiff_sqlx::Timestamp::from))
    .execute(connection)
    .await?;
    Ok(())
}

/// What is due of these by now, in its order. Read under the tickets' locks: whoever was first has taken it away.
///
/// # Errors
/// If the store failed.
pub async fn still_due(
    connection: &mut PgConnection,
    due: &[(ClientId, Uuid)],
    now: Timestamp,
) -> Result<Vec<Due>, Error> {
    let (client_ids, due_ids) = columns(due);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT d.client_id, d.due_id, d.ticket_id, d.trigger, d.rule, d.fact_id, d.at, d.due_at
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS due_id) AS k
         JOIN rule_due d ON d.client_id = k.client_id AND d.due_id = k.due_id
         WHERE d.due_at <= $3 ORDER BY d.due_at, d.position FOR UPDATE OF d",
    )
    .bind(client_ids)
    .bind(due_ids)
    .bind(jiff_sqlx::Timestamp::from(now))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(read).collect()
}

fn read((client_id, due_id, ticket_id, trigger, rule, fact_id, at, due_at): Row) -> Result<Due, Error> {
    let key = (client(&client_id)?, ticket_id);
    Ok(Due { key, due_id, trigger, rule, fact_id, at: at.to_jiff(), due_at: due_at.to_jiff() })
}

/// The stays that are noted on these tickets: ticket, id, rule.
///
/// # Errors
/// If the store failed.
pub async fn stays(connection: &mut PgConnection, keys: &[Key], trigger: &str) -> Result<Vec<(Key, Uuid)>, Error> {
    let (client_ids, ticket_ids) = columns(keys);
    let rows: Vec<(String, Uuid, Uuid)> = sqlx::query_as(
        "SELECT d.client_id, d.ticket_id, d.due_id
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         JOIN rule_due d ON d.client_id = k.client_id AND d.ticket_id = k.ticket_id
         WHERE d.trigger = $3",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .bind(trigger)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|(client_id, ticket_id, due_id)| Ok(((client(&client_id)?, ticket_id), due_id))).collect()
}

/// What has to be looked at now, as machinery: the client, the id, the ticket.
///
/// # Errors
/// If the store failed.
pub async fn due(
    connection: &mut PgConnection,
    shards: &[i16],
    now: Timestamp,
    most: i64,
) -> Result<Vec<(ClientId, Uuid, Uuid)>, Error> {
    let rows: Vec<(String, Uuid, Uuid)> = sqlx::query_as(
        "SELECT client_id, due_id, ticket_id FROM rule_due WHERE shard = ANY($1) AND due_at <= $2
         ORDER BY due_at, position LIMIT $3",
    )
    .bind(shards)
    .bind(jiff_sqlx::Timestamp::from(now))
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|(client_id, due_id, ticket_id)| Ok((client(&client_id)?, due_id, ticket_id))).collect()
}

/// Clients whose tickets have to be looked through, or whose time of day has come, as machinery.
///
/// # Errors
/// If the store failed.
pub async fn clients_due(
    connection: &mut PgConnection,
    shards: &[i16],
    now: Timestamp,
) -> Result<Vec<ClientId>, Error> {
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT client_id FROM rule_client WHERE shard = ANY($1) AND (planned_after IS NOT NULL OR daily_at <= $2)
         ORDER BY client_id",
    )
    .bind(shards)
    .bind(jiff_sqlx::Timestamp::from(now))
    .fetch_all(connection)
    .await?;
    rows.iter().map(|text| client(text)).collect()
}

/// When there is something next, as machinery.
///
/// # Errors
/// If the store failed.
pub async fn next_at(connection: &mut PgConnection, shards: &[i16]) -> Result<Option<Timestamp>, Error> {
    let next: Option<jiff_sqlx::Timestamp> = sqlx::query_scalar(
        "SELECT least((SELECT min(due_at) FROM rule_due WHERE shard = ANY($1) AND due_at IS NOT NULL),
                      (SELECT min(daily_at) FROM rule_client WHERE shard = ANY($1) AND daily_at IS NOT NULL))",
    )
    .bind(shards)
    .fetch_one(connection)
    .await?;
    Ok(next.map(jiff_sqlx::Timestamp::to_jiff))
}

/// Where the rules of a client are. A word has no ticket's shard: the sum of its bytes is one.
fn shard(client_id: &ClientId) -> i16 {
    let sum: u32 = client_id.as_str().bytes().map(u32::from).sum();
    i16::try_from(sum & 63).unwrap_or_default()
}

/// A client's rules are others: all its tickets are looked through, and its times of day begin anew.
///
/// # Errors
/// If the store failed.
pub async fn begin(
    connection: &mut PgConnection,
    client_id: &ClientId,
    daily_at: Option<Timestamp>,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO rule_client (client_id, shard, planned_after, daily_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (client_id) DO UPDATE SET planned_after = excluded.planned_after, daily_at = excluded.daily_at",
    )
    .bind(client_id.as_str())
    .bind(shard(client_id))
    .bind(Uuid::nil())
    .bind(daily_at.map(jiff_sqlx::Timestamp::from))
    .execute(connection)
    .await?;
    Ok(())
}

/// How far a client is; whoever asks holds its row. Up to which ticket it is looked through, and its next time of day.
///
/// # Errors
/// If the store failed.
pub async fn hold(
    connection: &mut PgConnection,
    client_id: &ClientId,
) -> Result<Option<(Option<Uuid>, Option<Timestamp>)>, Error> {
    let row: Option<(Option<Uuid>, Option<jiff_sqlx::Timestamp>)> =
        sqlx::query_as("SELECT planned_after, daily_at FROM rule_client WHERE client_id = $1 FOR UPDATE")
            .bind(client_id.as_str())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(after, daily_at)| (after, daily_at.map(jiff_sqlx::Timestamp::to_jiff))))
}

/// Notes how far a client is.
///
/// # Errors
/// If the store failed.
pub async fn keep(
    connection: &mut PgConnection,
    client_id: &ClientId,
    planned_after: Option<Uuid>,
    daily_at: Option<Timestamp>,
) -> Result<(), Error> {
    sqlx::query("UPDATE rule_client SET planned_after = $2, daily_at = $3 WHERE client_id = $1")
        .bind(client_id.as_str())
        .bind(planned_after)
        .bind(daily_at.map(jiff_sqlx::Timestamp::from))
        .execute(connection)
        .await?;
    Ok(())
}

/// The next tickets of a client that are not over for good, by their ids. `open_only`: of those only the open ones.
///
/// # Errors
/// If the store failed.
pub async fn tickets_after(
    connection: &mut PgConnection,
    client_id: &ClientId,
    after: Uuid,
    open_only: bool,
    most: i64,
) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT ticket_id FROM ticket WHERE client_id = $1 AND ticket_id > $2 AND (is_open OR NOT $3)
             AND state NOT IN ('closed', 'cancelled')
         ORDER BY ticket_id LIMIT $4",
    )
    .bind(client_id.as_str())
    .bind(after)
    .bind(open_only)
    .bind(most)
    .fetch_all(connection)
    .await?)
}

/// Keeps what is known of those who asked.
///
/// # Errors
/// If the store failed.
pub async fn keep_askers(connection: &mut PgConnection, askers: &[(Key, &str, &str, bool)]) -> Result<(), Error> {
    if askers.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO asker (client_id, ticket_id, site, department, vip)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::text[]), UNNEST($4::text[]), UNNEST($5::boolean[])
         ON CONFLICT DO NOTHING",
    )
    .bind(askers.iter().map(|one| one.0.0.as_str()).collect::<Vec<_>>())
    .bind(askers.iter().map(|one| one.0.1).collect::<Vec<_>>())
    .bind(askers.iter().map(|one| one.1).collect::<Vec<_>>())
    .bind(askers.iter().map(|one| one.2).collect::<Vec<_>>())
    .bind(askers.iter().map(|one| one.3).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// What is kept apart of these tickets.
///
/// # Errors
/// If the store failed.
pub async fn about(connection: &mut PgConnection, keys: &[Key]) -> Result<HashMap<Key, About>, Error> {
    type Apart = (String, Uuid, Option<String>, Option<String>, Option<String>, Option<bool>);
    let (client_ids, ticket_ids) = columns(keys);
    let rows: Vec<Apart> = sqlx::query_as(
        "SELECT k.client_id, k.ticket_id, d.description, a.site, a.department, a.vip
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         LEFT JOIN description d ON d.client_id = k.client_id AND d.ticket_id = k.ticket_id
         LEFT JOIN asker a ON a.client_id = k.client_id AND a.ticket_id = k.ticket_id",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(client_id, ticket_id, description, site, department, vip)| {
            let about = About {
                description: description.unwrap_or_default(),
                site: site.unwrap_or_default(),
                department: department.unwrap_or_default(),
                vip: vip.unwrap_or_default(),
            };
            Ok(((client(&client_id)?, ticket_id), about))
        })
        .collect()
}
