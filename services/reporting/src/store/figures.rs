//! Writing what the facts of tickets give. Only what differs is written, and the statements say which tickets that was.

use std::collections::HashSet;

use chassis::Error;
use sqlx::PgConnection;

use super::{Key, bound, columns};
use crate::domain::{Figures, Registration};

/// Makes the tickets' own figures what is given; they are locked. Returns the tickets that were not so before.
///
/// # Errors
/// If the store failed.
pub async fn write_life(connection: &mut PgConnection, tickets: &[(Key, Figures)]) -> Result<HashSet<Key>, Error> {
    let mut differed = HashSet::new();
    differed.extend(write_tickets(connection, tickets).await?);
    differed.extend(forget_intervals(connection, tickets).await?);
    differed.extend(write_intervals(connection, tickets).await?);
    Ok(differed)
}

/// One column of the tickets' figures.
fn column<'a, T>(tickets: &'a [(Key, Figures)], of: impl Fn(&'a Figures) -> T) -> Vec<T> {
    tickets.iter().map(|(_, figures)| of(figures)).collect()
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn word_of(figures: &Figures, of: impl Fn(&Registration) -> &str) -> &str {
    figures.registration.as_ref().map_or("", of)
}

fn waited_for(figures: &Figures) -> i16 {
    figures.waited_for.iter().fold(0, |bits, reason| bits | (1_i16 << (*reason).min(14)))
}

async fn write_tickets(connection: &mut PgConnection, tickets: &[(Key, Figures)]) -> Result<Vec<Key>, Error> {
    let (clients, ids): (Vec<&str>, Vec<_>) = tickets.iter().map(|((client, id), _)| (client.as_str(), *id)).unzip();
    Ok(sqlx::query_as(
        "UPDATE ticket_figures AS f SET
             reference = n.reference, subject = n.subject, contact = n.contact, channel = n.channel,
             priority = n.priority, category = n.category, queue = n.queue, registered_at = n.registered_at,
             first_resolved_at = n.first_resolved_at, resolved_at = n.resolved_at, closed_at = n.closed_at,
             cancelled_at = n.cancelled_at, resolvings = n.resolvings, reopenings = n.reopenings,
             hand_overs = n.hand_overs, waits = n.waits, waited_for = n.waited_for, kind = n.kind
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
               UNNEST($3::text[]) AS reference, UNNEST($4::text[]) AS subject, UNNEST($5::text[]) AS contact,
               UNNEST($6::smallint[]) AS channel, UNNEST($7::smallint[]) AS priority,
               UNNEST($8::text[]) AS category, UNNEST($9::text[]) AS queue,
               UNNEST($10::timestamptz[]) AS registered_at, UNNEST($11::timestamptz[]) AS first_resolved_at,
               UNNEST($12::timestamptz[]) AS resolved_at, UNNEST($13::timestamptz[]) AS closed_at,
               UNNEST($14::timestamptz[]) AS cancelled_at, UNNEST($15::int[]) AS resolvings,
               UNNEST($16::int[]) AS reopenings, UNNEST($17::int[]) AS hand_overs, UNNEST($18::int[]) AS waits,
               UNNEST($19::smallint[]) AS waited_for, UNNEST($20::smallint[]) AS kind) AS n
         WHERE f.client_id = n.client_id AND f.ticket_id = n.ticket_id
           AND (f.reference, f.subject, f.contact, f.channel, f.priority, f.category, f.queue, f.registered_at,
                f.first_resolved_at, f.resolved_at, f.closed_at, f.cancelled_at, f.resolvings, f.reopenings,
                f.hand_overs, f.waits, f.waited_for, f.kind)
               IS DISTINCT FROM
               (n.reference, n.subject, n.contact, n.channel, n.priority, n.category, n.queue, n.registered_at,
                n.first_resolved_at, n.resolved_at, n.closed_at, n.cancelled_at, n.resolvings, n.reopenings,
                n.hand_overs, n.waits, n.waited_for, n.kind)
         RETURNING f.client_id, f.ticket_id",
    )
    .bind(clients)
    .bind(ids)
    .bind(column(tickets, |figures| word_of(figures, |registration| &registration.reference)))
    .bind(column(tickets, |figures| word_of(figures, |registration| &registration.subject)))
    .bind(column(tickets, |figures| word_of(figures, |registration| &registration.contact)))
    .bind(column(tickets, |figures| figures.registration.as_ref().map_or(0, |known| i16::from(known.channel))))
    .bind(column(tickets, |figures| figures.priority.map(i16::from)))
    .bind(column(tickets, |figures| figures.category.as_str()))
    .bind(column(tickets, |figures| figures.queue.as_str()))
    .bind(column(tickets, |figures| figures.registration.as_ref().map(|known| bound(known.registered_at))))
    .bind(column(tickets, |figures| figures.first_resolved_at.map(bound)))
    .bind(column(tickets, |figures| figures.resolved_at.map(bound)))
    .bind(column(tickets, |figures| figures.closed_at.map(bound)))
    .bind(column(tickets, |figures| figures.cancelled_at.map(bound)))
    .bind(column(tickets, |figures| number(figures.resolvings)))
    .bind(column(tickets, |figures| number(figures.reopenings)))
    .bind(column(tickets, |figures| number(figures.hand_overs)))
    .bind(column(tickets, |figures| number(figures.waits)))
    .bind(column(tickets, waited_for))
    .bind(column(tickets, |figures| i16::from(figures.kind)))
    .fetch_all(connection)
    .await?)
}

/// Removes intervals after the last that a ticket has.
async fn forget_intervals(connection: &mut PgConnection, tickets: &[(Key, Figures)]) -> Result<Vec<Key>, Error> {
    let keys: Vec<Key> = tickets.iter().map(|(key, _)| key.clone()).collect();
    let (clients, ids) = columns(&keys);
    Ok(sqlx::query_as(
        "DELETE FROM open_interval AS o
         USING (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
               UNNEST($3::int[]) AS intervals) AS n
         WHERE o.client_id = n.client_id AND o.ticket_id = n.ticket_id AND o.ordinal > n.intervals
         RETURNING o.client_id, o.ticket_id",
    )
    .bind(clients)
    .bind(ids)
    .bind(column(tickets, |figures| i32::try_from(figures.open.len()).unwrap_or(i32::MAX)))
    .fetch_all(connection)
    .await?)
}

async fn write_intervals(connection: &mut PgConnection, tickets: &[(Key, Figures)]) -> Result<Vec<Key>, Error> {
    let intervals: Vec<_> = tickets
        .iter()
        .flat_map(|(key, figures)| (1..).zip(&figures.open).map(move |(ordinal, interval)| (key, ordinal, interval)))
        .collect();
    if intervals.is_empty() {
        return Ok(vec![]);
    }
    Ok(sqlx::query_as(
        "INSERT INTO open_interval AS o (client_id, ticket_id, ordinal, opened_at, opened_by, ended_at, ended_by)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::int[]), UNNEST($4::timestamptz[]),
                UNNEST($5::smallint[]), UNNEST($6::timestamptz[]), UNNEST($7::smallint[])
         ON CONFLICT (client_id, ticket_id, ordinal) DO UPDATE
         SET opened_at = excluded.opened_at, opened_by = excluded.opened_by,
             ended_at = excluded.ended_at, ended_by = excluded.ended_by
         WHERE (o.opened_at, o.opened_by, o.ended_at, o.ended_by)
               IS DISTINCT FROM (excluded.opened_at, excluded.opened_by, excluded.ended_at, excluded.ended_by)
         RETURNING o.client_id, o.ticket_id",
    )
    .bind(intervals.iter().map(|((client, _), _, _)| client.as_str()).collect::<Vec<_>>())
    .bind(intervals.iter().map(|((_, ticket_id), _, _)| *ticket_id).collect::<Vec<_>>())
    .bind(intervals.iter().map(|(_, ordinal, _)| *ordinal).collect::<Vec<i32>>())
    .bind(intervals.iter().map(|(_, _, interval)| bound(interval.opened_at)).collect::<Vec<_>>())
    .bind(intervals.iter().map(|(_, _, interval)| interval.opened_by as i16).collect::<Vec<_>>())
    .bind(intervals.iter().map(|(_, _, interval)| interval.ended.map(|(at, _)| bound(at))).collect::<Vec<_>>())
    .bind(intervals.iter().map(|(_, _, interval)| interval.ended.map(|(_, by)| by as i16)).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?)
}

/// Removes promises that no fact speaks of, which only a damaged store has: facts are never taken back.
///
/// # Errors
/// If the store failed.
pub async fn forget_clocks(connection: &mut PgConnection, tickets: &[(Key, Figures)]) -> Result<Vec<Key>, Error> {
    let keys: Vec<Key> = tickets.iter().map(|(key, _)| key.clone()).collect();
    let (clients, ids) = columns(&keys);
    let known: Vec<&str> = tickets.iter().flat_map(|(_, figures)| figures.clocks.keys().map(String::as_str)).collect();
    Ok(sqlx::query_as(
        "DELETE FROM clock_figures AS c
         USING (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS n
         WHERE c.client_id = n.client_id AND c.ticket_id = n.ticket_id AND c.clock_id <> ALL($3::text[])
         RETURNING c.client_id, c.ticket_id",
    )
    .bind(clients)
    .bind(ids)
    .bind(known)
    .fetch_all(connection)
    .await?)
}

/// Makes the promises of these tickets what is given; they are locked. Returns the tickets that were not so before.
///
/// # Errors
/// If the store failed.
pub async fn write_clocks(connection: &mut PgConnection, tickets: &[(Key, Figures)]) -> Result<Vec<Key>, Error> {
    let clocks: Vec<_> =
        tickets.iter().flat_map(|(key, figures)| figures.clocks.iter().map(move |clock| (key, clock))).collect();
    if clocks.is_empty() {
        return Ok(vec![]);
    }
    Ok(sqlx::query_as(
        "INSERT INTO clock_figures AS c (client_id, ticket_id, clock_id, metric, cycle, state, breached, target_secs,
                                         started_at, ended_at)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::text[]), UNNEST($4::smallint[]),
                UNNEST($5::int[]), UNNEST($6::smallint[]), UNNEST($7::boolean[]), UNNEST($8::bigint[]),
                UNNEST($9::timestamptz[]), UNNEST($10::timestamptz[])
         ON CONFLICT (client_id, ticket_id, clock_id) DO UPDATE
         SET metric = excluded.metric, cycle = excluded.cycle, state = excluded.state, breached = excluded.breached,
             target_secs = excluded.target_secs, started_at = excluded.started_at, ended_at = excluded.ended_at
         WHERE (c.metric, c.cycle, c.state, c.breached, c.target_secs, c.started_at, c.ended_at)
               IS DISTINCT FROM (excluded.metric, excluded.cycle, excluded.state, excluded.breached,
                                 excluded.target_secs, excluded.started_at, excluded.ended_at)
         RETURNING c.client_id, c.ticket_id",
    )
    .bind(clocks.iter().map(|((client, _), _)| client.as_str()).collect::<Vec<_>>())
    .bind(clocks.iter().map(|((_, ticket_id), _)| *ticket_id).collect::<Vec<_>>())
    .bind(clocks.iter().map(|(_, (clock_id, _))| clock_id.as_str()).collect::<Vec<_>>())
    .bind(clocks.iter().map(|(_, (_, clock))| clock.metric as i16).collect::<Vec<_>>())
    .bind(clocks.iter().map(|(_, (_, clock))| number(clock.cycle)).collect::<Vec<_>>())
    .bind(clocks.iter().map(|(_, (_, clock))| clock.state as i16).collect::<Vec<_>>())
    .bind(clocks.iter().map(|(_, (_, clock))| clock.breached).collect::<Vec<_>>())
    .bind(clocks.iter().map(|(_, (_, clock))| clock.target_secs).collect::<Vec<_>>())
    .bind(clocks.iter().map(|(_, (_, clock))| clock.started_at.map(bound)).collect::<Vec<_>>())
    .bind(clocks.iter().map(|(_, (_, clock))| clock.ended_at.map(bound)).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?)
}
