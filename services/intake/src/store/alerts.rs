//! Alerts, and the tickets that they made.

use std::collections::HashMap;

use chassis::{Error, shard_of};
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use crate::domain::alert::Standing;
use crate::wire::alert::{state, state_of};

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Whose.
    pub client_id: ClientId,
    /// Its id.
    pub alert_id: Uuid,
    /// The ticket that it is on: the one that it began or joined, or what that was merged into.
    pub ticket_id: Uuid,
    /// The ticket that it began or joined.
    pub kept_as: Uuid,
    /// Its name at the client.
    pub dedup_key: String,
    /// What belongs together in a storm.
    pub fingerprint: String,
    /// It is part of a storm.
    pub folded: bool,
    /// Where it stands.
    pub standing: Standing,
    /// An encoded `Alert`, as it was said last.
    pub body: Vec<u8>,
    /// When it was triggered first.
    pub first_at: Timestamp,
    /// When something was said of it last.
    pub last_at: Timestamp,
    /// Its ticket is over.
    pub is_over: bool,
}

/// A ticket that alerts made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerted {
    /// Whose.
    pub client_id: ClientId,
    /// Its id.
    pub ticket_id: Uuid,
    /// `ACME-1042`
    pub reference: String,
    /// What its alerts have in common.
    pub fingerprint: String,
    /// It is that of a storm.
    pub is_storm: bool,
    /// Different alerts on it.
    pub alerts: u64,
    /// How often they were triggered.
    pub posts: u64,
    /// How many posts were told.
    pub told_posts: u64,
    /// When that was.
    pub told_at: Timestamp,
    /// When something was said last.
    pub last_at: Timestamp,
    /// It was told that all of them are over.
    pub is_cleared: bool,
    /// The ticket is resolved, closed or cancelled.
    pub is_over: bool,
    /// Triage's last fact on it that was heard.
    pub heard_revision: i64,
    /// People made it: its alerts came with tickets that were merged into it.
    pub is_adopted: bool,
}

fn client(text: &str) -> Result<ClientId, Error> {
    ClientId::new(text).map_err(|error| Error::Internal(error.into()))
}

fn instant(row: &sqlx::postgres::PgRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    Ok(row.try_get::<jiff_sqlx::Timestamp, _>(column)?.to_jiff())
}

fn count(row: &sqlx::postgres::PgRow, column: &str) -> Result<u64, sqlx::Error> {
    Ok(row.try_get::<i64, _>(column)?.unsigned_abs())
}

fn decoded(error: Error) -> sqlx::Error {
    sqlx::Error::Decode(error.chain().into())
}

impl<'r> FromRow<'r, sqlx::postgres::PgRow> for Alert {
    fn from_row(row: &'r sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
        let changes: Vec<u8> = row.try_get("changes")?;
        let changes = changes.chunks_exact(8).filter_map(|bytes| {
            let bytes: [u8; 8] = bytes.try_into().ok()?;
            Timestamp::from_microsecond(i64::from_be_bytes(bytes)).ok()
        });
        let clears_at: Option<jiff_sqlx::Timestamp> = row.try_get("clears_at")?;
        Ok(Self {
            client_id: client(row.try_get("client_id")?).map_err(decoded)?,
            alert_id: row.try_get("alert_id")?,
            ticket_id: row.try_get("stays_as")?,
            kept_as: row.try_get("ticket_id")?,
            dedup_key: row.try_get("dedup_key")?,
            fingerprint: row.try_get("fingerprint")?,
            folded: row.try_get("folded")?,
            standing: Standing {
                state: state_of(row.try_get("state")?),
                posts: count(row, "posts")?,
                changes: changes.collect(),
                is_flapping: row.try_get("is_flapping")?,
                clears_at: clears_at.map(jiff_sqlx::Timestamp::to_jiff),
            },
            body: row.try_get("body")?,
            first_at: instant(row, "first_at")?,
            last_at: instant(row, "last_at")?,
            is_over: row.try_get("is_over")?,
        })
    }
}

impl<'r> FromRow<'r, sqlx::postgres::PgRow> for Alerted {
    fn from_row(row: &'r sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            client_id: client(row.try_get("client_id")?).map_err(decoded)?,
            ticket_id: row.try_get("ticket_id")?,
            reference: row.try_get("reference")?,
            fingerprint: row.try_get("fingerprint")?,
            is_storm: row.try_get("is_storm")?,
            alerts: count(row, "alerts")?,
            posts: count(row, "posts")?,
            told_posts: count(row, "told_posts")?,
            told_at: instant(row, "told_at")?,
            last_at: instant(row, "last_at")?,
            is_cleared: row.try_get("is_cleared")?,
            is_over: row.try_get("is_over")?,
            heard_revision: row.try_get("heard_revision")?,
            is_adopted: row.try_get::<Option<bool>, _>("adopted")?.unwrap_or_default(),
        })
    }
}

/// The open alerts under these keys.
pub async fn open_alerts(connection: &mut PgConnection, keys: &[(&str, &str)]) -> Result<Vec<Alert>, Error> {
    let (clients, keys): (Vec<&str>, Vec<&str>) = keys.iter().copied().unzip();
    Ok(sqlx::query_as(
        "SELECT a.*, CASE WHEN m.into_ticket_id IS NULL THEN a.ticket_id ELSE stays_as(a.client_id, a.ticket_id) END
                     AS stays_as
         FROM alert a
         LEFT JOIN merged_ticket m ON m.client_id = a.client_id AND m.ticket_id = a.ticket_id
         JOIN (SELECT DISTINCT UNNEST($1::text[]) AS client_id, UNNEST($2::text[]) AS dedup_key) AS w
              ON a.client_id = w.client_id AND a.dedup_key = w.dedup_key
         WHERE NOT a.is_over",
    )
    .bind(clients)
    .bind(keys)
    .fetch_all(connection)
    .await?)
}

/// Alerts by id.
pub async fn alerts(connection: &mut PgConnection, wanted: &[(&str, Uuid)]) -> Result<Vec<Alert>, Error> {
    let (clients, ids): (Vec<&str>, Vec<Uuid>) = wanted.iter().copied().unzip();
    Ok(sqlx::query_as(
        "SELECT a.*, CASE WHEN m.into_ticket_id IS NULL THEN a.ticket_id ELSE stays_as(a.client_id, a.ticket_id) END
                     AS stays_as
         FROM alert a
         LEFT JOIN merged_ticket m ON m.client_id = a.client_id AND m.ticket_id = a.ticket_id
         JOIN (SELECT DISTINCT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS alert_id) AS w
              ON a.client_id = w.client_id AND a.alert_id = w.alert_id",
    )
    .bind(clients)
    .bind(ids)
    .fetch_all(connection)
    .await?)
}

/// Tickets that alerts made, by id.
pub async fn alerted(connection: &mut PgConnection, wanted: &[(&str, Uuid)]) -> Result<Vec<Alerted>, Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (clients, ids): (Vec<&str>, Vec<Uuid>) = wanted.iter().copied().unzip();
    Ok(sqlx::query_as(
        "SELECT t.* FROM alerted t
         JOIN (SELECT DISTINCT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS w
              ON t.client_id = w.client_id AND t.ticket_id = w.ticket_id",
    )
    .bind(clients)
    .bind(ids)
    .fetch_all(connection)
    .await?)
}

/// A fingerprint of a client, and since when what has it counts.
pub type Since<'a> = (&'a str, &'a str, Timestamp);

/// The storms that go on: of these fingerprints, with something said after the instants. Each with the ticket that its
/// alerts are on, which is another one while it is merged.
pub async fn storms(connection: &mut PgConnection, wanted: &[Since<'_>]) -> Result<Vec<(Alerted, Uuid)>, Error> {
    let rows = sqlx::query(
        "SELECT t.*, stays_as(t.client_id, t.ticket_id) FROM alerted t
         JOIN (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::text[]) AS fingerprint,
                      UNNEST($3::timestamptz[]) AS since) AS w
              ON t.client_id = w.client_id AND t.fingerprint = w.fingerprint AND t.last_at > w.since
         WHERE t.is_storm AND NOT t.is_over
           AND NOT EXISTS (SELECT 1 FROM alerted e WHERE e.client_id = t.client_id AND e.is_over
                           AND e.ticket_id = stays_as(t.client_id, t.ticket_id))
         ORDER BY t.last_at",
    )
    .bind(wanted.iter().map(|one| one.0).collect::<Vec<_>>())
    .bind(wanted.iter().map(|one| one.1).collect::<Vec<_>>())
    .bind(wanted.iter().map(|one| jiff_sqlx::Timestamp::from(one.2)).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let storm = |row: &sqlx::postgres::PgRow| Ok((Alerted::from_row(row)?, row.try_get("stays_as")?));
    Ok(rows.iter().map(storm).collect::<Result<_, sqlx::Error>>()?)
}

/// The open tickets of alerts of a fingerprint that came before its storm was one.
pub async fn before_storm(connection: &mut PgConnection, storm: &Since<'_>) -> Result<Vec<Alerted>, Error> {
    Ok(sqlx::query_as(
        "SELECT t.* FROM alerted t
         WHERE t.client_id = $1 AND NOT t.is_storm AND NOT t.is_over AND t.adopted IS NOT TRUE
           AND t.ticket_id IN (SELECT a.ticket_id FROM alert a
                               WHERE a.client_id = $1 AND a.fingerprint = $2 AND a.first_at > $3 AND NOT a.folded)
           AND stays_as(t.client_id, t.ticket_id) = t.ticket_id
         ORDER BY t.ticket_id LIMIT 1000",
    )
    .bind(storm.0)
    .bind(storm.1)
    .bind(jiff_sqlx::Timestamp::from(storm.2))
    .fetch_all(connection)
    .await?)
}

/// How many different keys of these fingerprints were triggered first after the instants.
pub async fn recent_keys(
    connection: &mut PgConnection,
    wanted: &[Since<'_>],
) -> Result<HashMap<(String, String), u64>, Error> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT a.client_id, a.fingerprint, count(DISTINCT a.dedup_key) FROM alert a
         JOIN (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::text[]) AS fingerprint,
                      UNNEST($3::timestamptz[]) AS since) AS w
              ON a.client_id = w.client_id AND a.fingerprint = w.fingerprint AND a.first_at > w.since
         GROUP BY a.client_id, a.fingerprint",
    )
    .bind(wanted.iter().map(|one| one.0).collect::<Vec<_>>())
    .bind(wanted.iter().map(|one| one.1).collect::<Vec<_>>())
    .bind(wanted.iter().map(|one| jiff_sqlx::Timestamp::from(one.2)).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(client_id, one, count)| ((client_id, one), count.unsigned_abs())).collect())
}

/// Of these tickets, those that still have an alert which is not over.
pub async fn still_alerted(connection: &mut PgConnection, wanted: &[(&str, Uuid)]) -> Result<Vec<Uuid>, Error> {
    let (clients, ids): (Vec<&str>, Vec<Uuid>) = wanted.iter().copied().unzip();
    Ok(sqlx::query_scalar(
        "SELECT w.ticket_id FROM (SELECT DISTINCT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS w
         WHERE EXISTS (SELECT 1 FROM merged_with(w.client_id, w.ticket_id) AS m (ticket_id)
                       JOIN alert a ON a.client_id = w.client_id AND a.ticket_id = m.ticket_id
                       WHERE a.state <> 4)",
    )
    .bind(clients)
    .bind(ids)
    .fetch_all(connection)
    .await?)
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Keeps alerts as they are now, in one statement.
pub async fn save_alerts(connection: &mut PgConnection, alerts: &[&Alert]) -> Result<(), Error> {
    if alerts.is_empty() {
        return Ok(());
    }
    let changes = |one: &Alert| -> Vec<u8> {
        one.standing.changes.iter().flat_map(|at| at.as_microsecond().to_be_bytes()).collect()
    };
    sqlx::query(
        "INSERT INTO alert (client_id, alert_id, ticket_id, dedup_key, fingerprint, folded, state, posts, changes,
                            is_flapping, body, first_at, last_at, clears_at, is_over, shard)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::uuid[]), UNNEST($4::text[]), UNNEST($5::text[]),
                UNNEST($6::bool[]), UNNEST($7::smallint[]), UNNEST($8::bigint[]), UNNEST($9::bytea[]),
                UNNEST($10::bool[]), UNNEST($11::bytea[]), UNNEST($12::timestamptz[]), UNNEST($13::timestamptz[]),
                UNNEST($14::timestamptz[]), UNNEST($15::bool[]), UNNEST($16::smallint[])
         ON CONFLICT (client_id, alert_id) DO UPDATE SET state = excluded.state, posts = excluded.posts,
             changes = excluded.changes, is_flapping = excluded.is_flapping, body = excluded.body,
             last_at = excluded.last_at, clears_at = excluded.clears_at, is_over = excluded.is_over",
    )
    .bind(alerts.iter().map(|one| one.client_id.as_str()).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| one.alert_id).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| one.kept_as).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| one.dedup_key.as_str()).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| one.fingerprint.as_str()).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| one.folded).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| state(one.standing.state) as i16).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| number(one.standing.posts)).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| changes(one)).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| one.standing.is_flapping).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| one.body.as_slice()).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| jiff_sqlx::Timestamp::from(one.first_at)).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| jiff_sqlx::Timestamp::from(one.last_at)).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| one.standing.clears_at.map(jiff_sqlx::Timestamp::from)).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| one.is_over).collect::<Vec<_>>())
    .bind(alerts.iter().map(|one| shard_of(one.kept_as)).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps tickets of alerts as they are now, in one statement.
pub async fn save_alerted(connection: &mut PgConnection, tickets: &[&Alerted]) -> Result<(), Error> {
    if tickets.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO alerted (client_id, ticket_id, reference, fingerprint, is_storm, alerts, posts, told_posts,
                              told_at, last_at, is_cleared, is_over, heard_revision)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::text[]), UNNEST($4::text[]), UNNEST($5::bool[]),
                UNNEST($6::bigint[]), UNNEST($7::bigint[]), UNNEST($8::bigint[]), UNNEST($9::timestamptz[]),
                UNNEST($10::timestamptz[]), UNNEST($11::bool[]), UNNEST($12::bool[]), UNNEST($13::bigint[])
         ON CONFLICT (client_id, ticket_id) DO UPDATE SET alerts = excluded.alerts, posts = excluded.posts,
             told_posts = excluded.told_posts, told_at = excluded.told_at, last_at = excluded.last_at,
             is_cleared = excluded.is_cleared, is_over = excluded.is_over, heard_revision = excluded.heard_revision",
    )
    .bind(tickets.iter().map(|one| one.client_id.as_str()).collect::<Vec<_>>())
    .bind(tickets.iter().map(|one| one.ticket_id).collect::<Vec<_>>())
    .bind(tickets.iter().map(|one| one.reference.as_str()).collect::<Vec<_>>())
    .bind(tickets.iter().map(|one| one.fingerprint.as_str()).collect::<Vec<_>>())
    .bind(tickets.iter().map(|one| one.is_storm).collect::<Vec<_>>())
    .bind(tickets.iter().map(|one| number(one.alerts)).collect::<Vec<_>>())
    .bind(tickets.iter().map(|one| number(one.posts)).collect::<Vec<_>>())
    .bind(tickets.iter().map(|one| number(one.told_posts)).collect::<Vec<_>>())
    .bind(tickets.iter().map(|one| jiff_sqlx::Timestamp::from(one.told_at)).collect::<Vec<_>>())
    .bind(tickets.iter().map(|one| jiff_sqlx::Timestamp::from(one.last_at)).collect::<Vec<_>>())
    .bind(tickets.iter().map(|one| one.is_cleared).collect::<Vec<_>>())
    .bind(tickets.iter().map(|one| one.is_over).collect::<Vec<_>>())
    .bind(tickets.iter().map(|one| one.heard_revision).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// The alerts of tickets that are over are over, with those of all that was merged into them; those of tickets that came
/// back are open again, unless another ticket has their key by now.
pub async fn follow_tickets(
    connection: &mut PgConnection,
    over: &[(&str, Uuid)],
    back: &[(&str, Uuid)],
) -> Result<(), Error> {
    let (clients, ids): (Vec<&str>, Vec<Uuid>) = over.iter().copied().unzip();
    sqlx::query(
        "UPDATE alert a SET is_over = true, clears_at = NULL
         FROM UNNEST($1::text[], $2::uuid[]) AS top (client_id, ticket_id)
         CROSS JOIN LATERAL (SELECT top.client_id, merged_with(top.client_id, top.ticket_id) AS ticket_id) AS w
         WHERE a.client_id = w.client_id AND a.ticket_id = w.ticket_id AND NOT a.is_over",
    )
    .bind(clients)
    .bind(ids)
    .execute(&mut *connection)
    .await?;
    let (clients, ids): (Vec<&str>, Vec<Uuid>) = back.iter().copied().unzip();
    sqlx::query(
        "UPDATE alert a SET is_over = false
         FROM UNNEST($1::text[], $2::uuid[]) AS top (client_id, ticket_id)
         CROSS JOIN LATERAL (SELECT top.client_id, merged_with(top.client_id, top.ticket_id) AS ticket_id) AS w
         WHERE a.client_id = w.client_id AND a.ticket_id = w.ticket_id AND a.is_over
           AND NOT EXISTS (SELECT 1 FROM alert o
                           WHERE o.client_id = a.client_id AND o.dedup_key = a.dedup_key AND NOT o.is_over)",
    )
    .bind(clients)
    .bind(ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// Counts so many more facts of each ticket, under their row locks; ticket_id → the revision before them.
pub async fn next_revisions(
    connection: &mut PgConnection,
    facts: &[(&str, Uuid, i64)],
) -> Result<HashMap<Uuid, i64>, Error> {
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(
        "UPDATE ticket t SET revision = t.revision + w.facts
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
                      UNNEST($3::bigint[]) AS facts) AS w
         WHERE t.client_id = w.client_id AND t.ticket_id = w.ticket_id
         RETURNING t.ticket_id, t.revision - w.facts",
    )
    .bind(facts.iter().map(|one| one.0).collect::<Vec<_>>())
    .bind(facts.iter().map(|one| one.1).collect::<Vec<_>>())
    .bind(facts.iter().map(|one| one.2).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().collect())
}

/// What alerts are asked for.
#[derive(Debug)]
pub struct Wanted {
    /// Whose.
    pub client_id: ClientId,
    /// Only those of this ticket.
    pub ticket_id: Option<Uuid>,
    /// Only those under this key.
    pub dedup_key: String,
    /// Only those whose ticket is not over.
    pub open_only: bool,
    /// Only those before this one.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
    /// Who wants them: nothing of what is confidential and not theirs.
    pub reader: String,
}

/// Alerts, the newest first, each with its ticket's reference.
pub async fn list_alerts(connection: &mut PgConnection, wanted: &Wanted) -> Result<Vec<(Alert, String)>, Error> {
    let narrowed = match (wanted.ticket_id, wanted.dedup_key.is_empty()) {
        (Some(_), _) => "AND a.ticket_id IN (SELECT merged_with($1, $2)) AND ($3 = '' OR a.dedup_key = $3)",
        (None, false) => "AND a.dedup_key = $3 AND $2::uuid IS NULL",
        (None, true) => "AND $2::uuid IS NULL AND $3 = ''",
    };
    let sql = format!(
        "SELECT a.*, t.ticket_id AS stays_as, t.reference FROM alert a
         JOIN alerted t ON t.client_id = a.client_id AND t.ticket_id = stays_as(a.client_id, a.ticket_id)
         WHERE a.client_id = $1 {narrowed} AND ($4::uuid IS NULL OR a.alert_id < $4) AND (NOT $5 OR NOT a.is_over)
           AND may_read(a.client_id, a.ticket_id, $7) AND may_read(a.client_id, t.ticket_id, $7)
         ORDER BY a.alert_id DESC LIMIT $6"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(wanted.client_id.as_str())
        .bind(wanted.ticket_id)
        .bind(&wanted.dedup_key)
        .bind(wanted.before)
        .bind(wanted.open_only)
        .bind(wanted.limit)
        .bind(&wanted.reader)
        .fetch_all(connection)
        .await?;
    let alert = |row: &sqlx::postgres::PgRow| Ok((Alert::from_row(row)?, row.try_get("reference")?));
    Ok(rows.iter().map(alert).collect::<Result<_, sqlx::Error>>()?)
}
