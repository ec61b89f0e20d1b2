//! What the relay reads from the store and keeps there.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{BATCH, Cursor, Shard};
use crate::{Error, Ground};

#[derive(Debug, sqlx::FromRow)]
pub(super) struct Row {
    pub xid: i64,
    pub position: i64,
    pub appended_on: jiff_sqlx::Date,
    pub shard: i16,
    pub event_id: Uuid,
    pub ticket_id: Uuid,
    pub subject: String,
    pub payload: Vec<u8>,
    pub traceparent: Option<String>,
}

pub(super) async fn save_shards(
    connection: &mut PgConnection,
    holder: Uuid,
    shards: BTreeMap<i16, Shard>,
) -> Result<(), Error> {
    let all = || shards.values();
    sqlx::query(
        "WITH ours AS (
             SELECT UNNEST($2::smallint[]) AS shard, UNNEST($3::bigint[]) AS epoch, UNNEST($4::bigint[]) AS xid,
                    UNNEST($5::bigint[]) AS position, UNNEST($6::text[]) AS appended_on,
                    UNNEST($7::text[]) AS stream_created_at, UNNEST($8::bigint[]) AS last_sequence),
         held AS MATERIALIZED (
             SELECT l.shard FROM lease l JOIN ours ON ours.shard = l.shard AND ours.epoch = l.epoch
             -- In the order of the renewals, so that neither waits for the other.
             WHERE l.purpose = 'relay' AND l.holder = $1 ORDER BY l.shard FOR SHARE OF l)
         UPDATE relay_cursor c SET xid = ours.xid, position = ours.position, appended_on = ours.appended_on::date,
             stream_created_at = ours.stream_created_at, last_sequence = ours.last_sequence
         FROM ours JOIN held ON held.shard = ours.shard
         WHERE c.shard = ours.shard AND (c.xid, c.position, c.stream_created_at, c.last_sequence)
             IS DISTINCT FROM (ours.xid, ours.position, ours.stream_created_at, ours.last_sequence)",
    )
    .bind(holder)
    .bind(shards.keys().copied().collect::<Vec<i16>>())
    .bind(all().map(|shard| shard.epoch).collect::<Vec<i64>>())
    .bind(all().map(|shard| shard.cursor.xid).collect::<Vec<i64>>())
    .bind(all().map(|shard| shard.cursor.position).collect::<Vec<i64>>())
    .bind(all().map(|shard| shard.cursor.appended_on.to_string()).collect::<Vec<String>>())
    .bind(all().map(|shard| shard.created_at.clone()).collect::<Vec<String>>())
    .bind(all().map(|shard| i64::try_from(shard.last_sequence).unwrap_or(i64::MAX)).collect::<Vec<i64>>())
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct ShardRow {
    shard: i16,
    xid: i64,
    position: i64,
    appended_on: jiff_sqlx::Date,
    stream_created_at: String,
    last_sequence: i64,
}

/// `new` is shard → epoch.
pub(super) async fn load_shards(
    connection: &mut PgConnection,
    new: BTreeMap<i16, i64>,
) -> Result<Vec<(i16, Shard)>, Error> {
    let rows: Vec<ShardRow> = sqlx::query_as("SELECT * FROM relay_cursor WHERE shard = ANY($1)")
        .bind(new.keys().copied().collect::<Vec<i16>>())
        .fetch_all(connection)
        .await?;
    let with_epoch = |row: ShardRow| {
        let cursor = Cursor { xid: row.xid, position: row.position, appended_on: row.appended_on.to_jiff() };
        let last_sequence = row.last_sequence.unsigned_abs();
        let epoch = *new.get(&row.shard)?;
        Some((row.shard, Shard { epoch, cursor, created_at: row.stream_created_at, last_sequence }))
    };
    Ok(rows.into_iter().filter_map(with_epoch).collect())
}

/// Sequences are handed out before the commit, so a later row may become visible first. Reading only below the oldest
/// transaction that runs in the snapshot makes (xid, position) final: nothing can appear behind it.
///
/// A transaction that is seen to run in another database of the server after that will not write here. One that is not
/// seen any more may have been ours and ended since, so that it counts; the next reading is past it.
///
/// The day prunes partitions; a transaction that ran over midnight may have written to the day before.
pub(super) async fn load_rows(connection: &mut PgConnection, from: Cursor) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as(
        "SELECT xid, position, appended_on, shard, event_id, ticket_id, subject, payload, traceparent FROM outbox
         WHERE (xid, position) > ($1, $2) AND appended_on >= $3::date - 1
           AND xid < (SELECT coalesce(min(running::text::bigint), pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
                      FROM pg_snapshot_xip(pg_current_snapshot()) AS running
                      WHERE NOT EXISTS (SELECT FROM pg_stat_get_activity(NULL) AS elsewhere
                                        WHERE elsewhere.backend_xid = running::xid AND elsewhere.datid
                                            <> (SELECT oid FROM pg_database WHERE datname = current_database())))
         ORDER BY xid, position LIMIT $4",
    )
    .bind(from.xid)
    .bind(from.position)
    .bind(jiff_sqlx::Date::from(from.appended_on))
    .bind(BATCH)
    .fetch_all(connection)
    .await?)
}

/// How many committed facts are not on the bus yet, as far as the saved cursors tell.
pub(crate) async fn depth(ground: &Ground) -> Result<u64, Error> {
    let depth = ground.store.machinery(|connection| Box::pin(count_waiting(connection, None))).await?;
    Ok(depth.unsigned_abs())
}

/// Rows counted at most: a lost stream makes all of them wait, and whoever watches wants no scan of a week.
const COUNTED: i64 = 100_000;

/// How many committed facts are not on the bus yet, up to [`COUNTED`], and the oldest one's payload.
pub(crate) async fn waiting(ground: &Ground) -> Result<(u64, Option<Vec<u8>>), Error> {
    let (depth, oldest) = ground.store.machinery(|connection| Box::pin(load_waiting(connection))).await?;
    Ok((depth.unsigned_abs(), oldest))
}

/// `most` is where the counting ends; `None`: it counts all.
async fn count_waiting(connection: &mut PgConnection, most: Option<i64>) -> Result<i64, Error> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM (
             SELECT FROM outbox o JOIN relay_cursor c ON c.shard = o.shard
             WHERE o.xid >= (SELECT min(xid) FROM relay_cursor) AND (o.xid, o.position) > (c.xid, c.position)
             LIMIT $1) waiting",
    )
    .bind(most)
    .fetch_one(connection)
    .await?)
}

async fn load_waiting(connection: &mut PgConnection) -> Result<(i64, Option<Vec<u8>>), Error> {
    let depth = count_waiting(connection, Some(COUNTED)).await?;
    if depth == 0 {
        return Ok((0, None));
    }
    let oldest = sqlx::query_scalar(
        "SELECT o.payload FROM outbox o JOIN relay_cursor c ON c.shard = o.shard
         WHERE o.xid >= (SELECT min(xid) FROM relay_cursor) AND (o.xid, o.position) > (c.xid, c.position)
         ORDER BY o.xid, o.position LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    Ok((depth, oldest))
}
