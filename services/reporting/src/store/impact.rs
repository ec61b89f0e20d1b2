//! Changes, major incidents and what caused what: written as the facts give it, read for the figures.

use std::collections::{BTreeMap, HashSet};

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::kpis::{PerClient, Window};
use super::{Key, bound, columns, words};
use crate::domain::Figures;
use crate::domain::impact::{Hit, WATCHED_FOR};

/// Makes the impact of these tickets what is given; they are locked. Returns the tickets that were not so before.
///
/// # Errors
/// If the store failed.
pub async fn write(connection: &mut PgConnection, tickets: &[(Key, Figures)]) -> Result<HashSet<Key>, Error> {
    let mut differed = HashSet::new();
    differed.extend(forget(connection, tickets).await?);
    differed.extend(write_changes(connection, tickets).await?);
    differed.extend(write_impairments(connection, tickets).await?);
    differed.extend(write_causes(connection, tickets).await?);
    Ok(differed)
}

/// Removes what the facts do not say, or no longer.
async fn forget(connection: &mut PgConnection, tickets: &[(Key, Figures)]) -> Result<Vec<Key>, Error> {
    let keys: Vec<Key> = tickets.iter().map(|(key, _)| key.clone()).collect();
    let (clients, ids) = columns(&keys);
    let causes = tickets.iter().flat_map(|(key, figures)| figures.impact.causes.keys().map(move |cause| (key, *cause)));
    let (caused, causes): (Vec<Uuid>, Vec<Uuid>) = causes.map(|((_, ticket_id), cause)| (*ticket_id, cause)).unzip();
    Ok(sqlx::query_as(
        "WITH n AS (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
                           UNNEST($3::boolean[]) AS has_change, UNNEST($4::int[]) AS impairments),
              k AS (SELECT UNNEST($5::uuid[]) AS ticket_id, UNNEST($6::uuid[]) AS cause_ticket_id),
         changes AS (
             DELETE FROM change_figures AS c USING n
             WHERE c.client_id = n.client_id AND c.ticket_id = n.ticket_id AND NOT n.has_change
             RETURNING c.client_id, c.ticket_id),
         impairments AS (
             DELETE FROM impairment AS i USING n
             WHERE i.client_id = n.client_id AND i.ticket_id = n.ticket_id AND i.ordinal > n.impairments
             RETURNING i.client_id, i.ticket_id),
         causes AS (
             DELETE FROM caused_by AS b USING n
             WHERE b.client_id = n.client_id AND b.ticket_id = n.ticket_id
               AND (b.ticket_id, b.cause_ticket_id) NOT IN (SELECT k.ticket_id, k.cause_ticket_id FROM k)
             RETURNING b.client_id, b.ticket_id)
         SELECT client_id, ticket_id FROM changes UNION SELECT client_id, ticket_id FROM impairments
         UNION SELECT client_id, ticket_id FROM causes",
    )
    .bind(clients)
    .bind(ids)
    .bind(tickets.iter().map(|(_, figures)| figures.impact.change.is_some()).collect::<Vec<_>>())
    .bind(tickets.iter().map(|(_, figures)| count(figures.impact.impairments.len())).collect::<Vec<_>>())
    .bind(caused)
    .bind(causes)
    .fetch_all(connection)
    .await?)
}

fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

async fn write_changes(connection: &mut PgConnection, tickets: &[(Key, Figures)]) -> Result<Vec<Key>, Error> {
    let changes = tickets.iter().filter_map(|(key, figures)| Some((key, figures.impact.change?)));
    let changes: Vec<_> = changes.collect();
    if changes.is_empty() {
        return Ok(vec![]);
    }
    Ok(sqlx::query_as(
        "INSERT INTO change_figures AS c (client_id, ticket_id, outcome, ended_at)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::smallint[]), UNNEST($4::timestamptz[])
         ON CONFLICT (client_id, ticket_id) DO UPDATE SET outcome = excluded.outcome, ended_at = excluded.ended_at
         WHERE (c.outcome, c.ended_at) IS DISTINCT FROM (excluded.outcome, excluded.ended_at)
         RETURNING c.client_id, c.ticket_id",
    )
    .bind(changes.iter().map(|((client, _), _)| client.as_str()).collect::<Vec<_>>())
    .bind(changes.iter().map(|((_, ticket_id), _)| *ticket_id).collect::<Vec<_>>())
    .bind(changes.iter().map(|(_, (outcome, _))| *outcome as i16).collect::<Vec<_>>())
    .bind(changes.iter().map(|(_, (_, ended_at))| bound(*ended_at)).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?)
}

async fn write_impairments(connection: &mut PgConnection, tickets: &[(Key, Figures)]) -> Result<Vec<Key>, Error> {
    let impairments: Vec<_> = tickets
        .iter()
        .flat_map(|(key, figures)| {
            (1..).zip(&figures.impact.impairments).map(move |(ordinal, one)| (key, ordinal, one))
        })
        .collect();
    if impairments.is_empty() {
        return Ok(vec![]);
    }
    // An array of arrays must be even: names of services go as lines, which none of them has two of.
    let lines = |names: &std::collections::BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join("\n");
    Ok(sqlx::query_as(
        "INSERT INTO impairment AS i (client_id, ticket_id, ordinal, severity, services, affected_users, impaired_from,
                                      impaired_until)
         SELECT n.client_id, n.ticket_id, n.ordinal, n.severity, string_to_array(n.services, E'\\n'),
                n.affected_users, n.impaired_from, n.impaired_until
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id, UNNEST($3::int[]) AS ordinal,
               UNNEST($4::smallint[]) AS severity, UNNEST($5::text[]) AS services, UNNEST($6::int[]) AS affected_users,
               UNNEST($7::timestamptz[]) AS impaired_from, UNNEST($8::timestamptz[]) AS impaired_until) AS n
         ON CONFLICT (client_id, ticket_id, ordinal) DO UPDATE
         SET severity = excluded.severity, services = excluded.services, affected_users = excluded.affected_users,
             impaired_from = excluded.impaired_from, impaired_until = excluded.impaired_until
         WHERE (i.severity, i.services, i.affected_users, i.impaired_from, i.impaired_until)
               IS DISTINCT FROM (excluded.severity, excluded.services, excluded.affected_users, excluded.impaired_from,
                                 excluded.impaired_until)
         RETURNING i.client_id, i.ticket_id",
    )
    .bind(impairments.iter().map(|((client, _), _, _)| client.as_str()).collect::<Vec<_>>())
    .bind(impairments.iter().map(|((_, ticket_id), _, _)| *ticket_id).collect::<Vec<_>>())
    .bind(impairments.iter().map(|(_, ordinal, _)| *ordinal).collect::<Vec<i32>>())
    .bind(impairments.iter().map(|(_, _, one)| i16::from(one.severity)).collect::<Vec<_>>())
    .bind(impairments.iter().map(|(_, _, one)| lines(&one.services)).collect::<Vec<_>>())
    .bind(
        impairments.iter().map(|(_, _, one)| i32::try_from(one.affected_users).unwrap_or(i32::MAX)).collect::<Vec<_>>(),
    )
    .bind(impairments.iter().map(|(_, _, one)| bound(one.impaired_from)).collect::<Vec<_>>())
    .bind(impairments.iter().map(|(_, _, one)| one.impaired_until.map(bound)).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?)
}

async fn write_causes(connection: &mut PgConnection, tickets: &[(Key, Figures)]) -> Result<Vec<Key>, Error> {
    let causes: Vec<_> =
        tickets.iter().flat_map(|(key, figures)| figures.impact.causes.iter().map(move |cause| (key, cause))).collect();
    if causes.is_empty() {
        return Ok(vec![]);
    }
    Ok(sqlx::query_as(
        "INSERT INTO caused_by AS b (client_id, ticket_id, cause_ticket_id, linked_at)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::uuid[]), UNNEST($4::timestamptz[])
         ON CONFLICT (client_id, ticket_id, cause_ticket_id) DO UPDATE SET linked_at = excluded.linked_at
         WHERE b.linked_at IS DISTINCT FROM excluded.linked_at
         RETURNING b.client_id, b.ticket_id",
    )
    .bind(causes.iter().map(|((client, _), _)| client.as_str()).collect::<Vec<_>>())
    .bind(causes.iter().map(|((_, ticket_id), _)| *ticket_id).collect::<Vec<_>>())
    .bind(causes.iter().map(|(_, (cause, _))| **cause).collect::<Vec<_>>())
    .bind(causes.iter().map(|(_, (_, linked_at))| bound(**linked_at)).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?)
}

#[derive(sqlx::FromRow)]
struct HitRow {
    client_id: String,
    ticket_id: Uuid,
    severity: i16,
    services: Vec<String>,
    affected_users: i32,
    impaired_from: jiff_sqlx::Timestamp,
    impaired_until: Option<jiff_sqlx::Timestamp>,
    ended_at: Option<jiff_sqlx::Timestamp>,
    category: String,
    cause: Option<i16>,
}

impl HitRow {
    fn clipped(self, window: Window) -> Hit {
        let begin = self.impaired_from.to_jiff();
        let end = self.impaired_until.or(self.ended_at).map_or(window.at, |at| at.to_jiff());
        let from = begin.max(window.from);
        Hit {
            ticket_id: self.ticket_id,
            severity: u8::try_from(self.severity).unwrap_or(5),
            services: self.services.into_iter().collect(),
            affected_users: u32::try_from(self.affected_users).unwrap_or(0),
            from,
            until: end.min(window.at).max(from),
            cause: cause_word(self.cause, self.category),
        }
    }
}

/// The kind of the ticket that caused it, else its category.
fn cause_word(kind: Option<i16>, category: String) -> String {
    match kind {
        Some(1) => "incident".to_owned(),
        Some(2) => "service_request".to_owned(),
        Some(3) => "question".to_owned(),
        Some(4) => "problem".to_owned(),
        Some(5) => "change".to_owned(),
        _ if category.is_empty() => "unknown".to_owned(),
        _ => category,
    }
}

/// The parts of major incidents that lie in the window, as the KPI `MajorIncidents` finds them; of these tickets only, if
/// any are named.
///
/// # Errors
/// If the store failed.
pub async fn hits(
    connection: &mut PgConnection,
    clients: &[ClientId],
    window: Window,
    tickets: Option<&[Uuid]>,
) -> Result<PerClient<Vec<Hit>>, Error> {
    let rows: Vec<HitRow> = sqlx::query_as(
        "SELECT f.client_id, f.ticket_id, m.severity, m.services, m.affected_users, m.impaired_from, m.impaired_until,
                coalesce(f.resolved_at, f.closed_at) AS ended_at, f.category,
                (SELECT k.kind FROM caused_by b
                 JOIN ticket_figures k ON k.client_id = b.client_id AND k.ticket_id = b.cause_ticket_id
                 WHERE b.client_id = f.client_id AND b.ticket_id = f.ticket_id
                 ORDER BY b.linked_at, b.cause_ticket_id LIMIT 1) AS cause
         FROM impairment m JOIN ticket_figures f USING (client_id, ticket_id)
         WHERE m.client_id = ANY($1) AND f.registered_at IS NOT NULL AND f.cancelled_at IS NULL
           AND ($4::int = 0 OR ($4 >> f.kind::int) & 1 = 1) AND ($5::uuid[] IS NULL OR m.ticket_id = ANY($5))
           AND m.impaired_from < $3
           AND coalesce(m.impaired_until, f.resolved_at, f.closed_at, 'infinity') > $2
         ORDER BY m.client_id, m.impaired_from, m.ticket_id, m.ordinal",
    )
    .bind(words(clients))
    .bind(bound(window.from))
    .bind(bound(window.at))
    .bind(window.kinds.bits())
    .bind(tickets)
    .fetch_all(connection)
    .await?;
    let mut told: PerClient<Vec<Hit>> = PerClient::new();
    for row in rows {
        told.entry(row.client_id.clone()).or_default().push(row.clipped(window));
    }
    Ok(told)
}

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The `ChangeOutcome`.
    pub outcome: i16,
    /// When.
    pub ended_at: Timestamp,
    /// Incidents that are linked as caused by it, in time.
    pub caused_incidents: i64,
}

/// How these changes ended.
///
/// # Errors
/// If the store failed.
pub async fn changes(
    connection: &mut PgConnection,
    client_id: &ClientId,
    tickets: &[Uuid],
) -> Result<BTreeMap<Uuid, Ended>, Error> {
    let rows: Vec<(Uuid, i16, jiff_sqlx::Timestamp, i64)> = sqlx::query_as(
        "SELECT c.ticket_id, c.outcome, c.ended_at,
                (SELECT count(*) FROM caused_by b
                 JOIN ticket_figures i ON i.client_id = b.client_id AND i.ticket_id = b.ticket_id
                 WHERE b.client_id = c.client_id AND b.cause_ticket_id = c.ticket_id AND i.kind = 1
                   AND b.linked_at < c.ended_at + make_interval(secs => $3))
         FROM change_figures c WHERE c.client_id = $1 AND c.ticket_id = ANY($2)",
    )
    .bind(client_id.as_str())
    .bind(tickets)
    .bind(WATCHED_FOR.as_secs_f64())
    .fetch_all(connection)
    .await?;
    let told = rows.into_iter().map(|(ticket_id, outcome, ended_at, caused_incidents)| {
        (ticket_id, Ended { outcome, ended_at: ended_at.to_jiff(), caused_incidents })
    });
    Ok(told.collect())
}
