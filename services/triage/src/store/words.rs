//! Tickets by the words of their subjects.

use std::collections::BTreeMap;

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use chassis::Error;

use super::list::Filter;
use crate::domain::Ticket;
use crate::domain::search::{self, Word};

/// Tickets that are caught up with in one transaction.
const BATCH: i64 = 1_000;
/// Once older versions are gone: what they have registered meanwhile is caught up with then.
const SETTLES_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// A word that so many tickets of a client have is not rare: it is soon met when they are read in their order.
const RARE: i64 = 3_000;

/// Keeps the words of new tickets.
///
/// # Errors
/// If the store failed.
pub async fn keep<'t>(connection: &mut PgConnection, tickets: impl Iterator<Item = &'t Ticket>) -> Result<(), Error> {
    let rows = tickets.map(|ticket| (ticket.client_id.as_str(), ticket.ticket_id, ticket.matter.subject.as_str()));
    keep_rows(connection, rows).await
}

async fn keep_rows<'t>(
    connection: &mut PgConnection,
    tickets: impl Iterator<Item = (&'t str, Uuid, &'t str)>,
) -> Result<(), Error> {
    let (mut clients, mut ids, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    let mut words: Vec<(&str, String, Uuid)> = Vec::new();
    for (client_id, ticket_id, subject) in tickets {
        let found = search::words(subject);
        lines.push(search::line(&found));
        clients.push(client_id);
        ids.push(ticket_id);
        words.extend(found.into_iter().map(|word| (client_id, word, ticket_id)));
    }
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO ticket_line (client_id, ticket_id, line)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::text[]) ON CONFLICT DO NOTHING",
    )
    .bind(clients)
    .bind(ids)
    .bind(lines)
    .execute(&mut *connection)
    .await?;
    // In the order of the index: what lies together is written together.
    words.sort_unstable();
    let clients: Vec<&str> = words.iter().map(|(client_id, ..)| *client_id).collect();
    let texts: Vec<&str> = words.iter().map(|(_, word, _)| word.as_str()).collect();
    let ids: Vec<Uuid> = words.iter().map(|(.., ticket_id)| *ticket_id).collect();
    sqlx::query(
        "INSERT INTO ticket_word (client_id, word, ticket_id)
         SELECT UNNEST($1::text[]), UNNEST($2::text[]), UNNEST($3::uuid[]) ON CONFLICT DO NOTHING",
    )
    .bind(clients)
    .bind(texts)
    .bind(ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives words to some of a client's tickets that older versions have registered. Returns whether there may be more.
///
/// # Errors
/// If the store failed.
pub async fn catch_up(connection: &mut PgConnection, client_id: &ClientId, now: Timestamp) -> Result<bool, Error> {
    type Stand = (Option<Uuid>, bool, Option<jiff_sqlx::Timestamp>);
    let stand: Option<Stand> =
        sqlx::query_as("SELECT after_id, is_whole, again_at FROM word_client WHERE client_id = $1")
            .bind(client_id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
    let (after_id, is_whole, again_at) = stand.unwrap_or((Some(Uuid::nil()), false, None));
    let again_at = again_at.map(jiff_sqlx::Timestamp::to_jiff);
    let after_id = match (after_id, again_at) {
        (Some(after_id), _) => after_id,
        (None, Some(at)) if at <= now => Uuid::nil(),
        (None, _) => return Ok(false),
    };
    let seen: Vec<(Uuid, String, bool)> = sqlx::query_as(
        "SELECT t.ticket_id, t.subject, l.ticket_id IS NULL FROM ticket t
         LEFT JOIN ticket_line l ON l.client_id = t.client_id AND l.ticket_id = t.ticket_id
         WHERE t.client_id = $1 AND t.ticket_id > $2 ORDER BY t.ticket_id LIMIT $3",
    )
    .bind(client_id.as_str())
    .bind(after_id)
    .bind(BATCH)
    .fetch_all(&mut *connection)
    .await?;
    let without = seen.iter().filter(|(.., is_without)| *is_without);
    let without: Vec<(&str, Uuid, &str)> =
        without.map(|(ticket_id, subject, _)| (client_id.as_str(), *ticket_id, subject.as_str())).collect();
    keep_rows(connection, without.iter().copied()).await?;
    let is_more = i64::try_from(seen.len()).is_ok_and(|count| count >= BATCH);
    let last = seen.last().map(|(ticket_id, ..)| *ticket_id).filter(|_| is_more);
    // Only where older versions were at work they may be still.
    let again_at = match (is_whole, without.is_empty()) {
        (false, false) => Some(now.saturating_add(SETTLES_AFTER).unwrap_or(now)),
        (false, true) => again_at,
        (true, _) => None,
    };
    sqlx::query(
        "INSERT INTO word_client (client_id, after_id, is_whole, again_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (client_id) DO UPDATE
         SET after_id = excluded.after_id, is_whole = excluded.is_whole, again_at = excluded.again_at",
    )
    .bind(client_id.as_str())
    .bind(last)
    .bind(is_whole || last.is_none())
    .bind(again_at.map(jiff_sqlx::Timestamp::from))
    .execute(connection)
    .await?;
    Ok(is_more)
}

/// How tickets are found by a text.
#[derive(Debug, Default)]
pub struct Found {
    /// Clients of which few tickets have some word of it: those are looked up by their keys.
    pub rare: Vec<(String, Word)>,
    /// Clients of which many have each of its words: they are soon met when all are read in their order.
    pub common: Vec<String>,
}

/// How the tickets that a filter's text looks for are found; at a client that is not named there are none. `None`: the
/// filter has no words, or not all tickets have theirs yet.
///
/// # Errors
/// If the store failed.
pub async fn looked_up(connection: &mut PgConnection, filter: &Filter) -> Result<Option<Found>, Error> {
    let words = search::sought(&filter.subject_contains).words;
    if words.is_empty() || !is_whole(connection, filter.clients.as_deref()).await? {
        return Ok(None);
    }
    let mut rarest: BTreeMap<String, (i64, Word)> = BTreeMap::new();
    for word in words {
        let (first, last) = word.range();
        let counts: Vec<(String, i64)> = sqlx::query_as(
            "SELECT c.client_id, (
                 SELECT count(*) FROM (
                     SELECT FROM ticket_word w
                     WHERE w.client_id = c.client_id AND w.word >= $2 AND w.word <= $3 LIMIT $4) AS w)
             FROM word_client c WHERE $1::text[] IS NULL OR c.client_id = ANY($1)",
        )
        .bind(&filter.clients)
        .bind(first)
        .bind(last)
        .bind(RARE)
        .fetch_all(&mut *connection)
        .await?;
        for (client_id, count) in counts {
            let known = rarest.get(&client_id).map(|(count, _)| *count);
            if known.is_none_or(|known| count < known) {
                rarest.insert(client_id, (count, word.clone()));
            }
        }
    }
    let mut found = Found::default();
    for (client_id, (count, word)) in rarest {
        match count {
            0 => {}
            RARE.. => found.common.push(client_id),
            _ => found.rare.push((client_id, word)),
        }
    }
    Ok(Some(found))
}

/// Whether all tickets of these clients (`None`: of all in scope) have their words.
async fn is_whole(connection: &mut PgConnection, clients: Option<&[String]>) -> Result<bool, Error> {
    let missing = match clients {
        Some(clients) => sqlx::query_scalar(
            "SELECT EXISTS (
                 SELECT FROM UNNEST($1::text[]) AS asked(client_id)
                 LEFT JOIN word_client c ON c.client_id = asked.client_id WHERE c.is_whole IS NOT TRUE)",
        )
        .bind(clients),
        // Hopping from one client that has tickets to the next.
        None => sqlx::query_scalar(
            "WITH RECURSIVE one(client_id) AS (
                 (SELECT client_id FROM ticket ORDER BY client_id LIMIT 1)
                 UNION ALL
                 SELECT (SELECT n.client_id FROM ticket n WHERE n.client_id > one.client_id ORDER BY n.client_id LIMIT 1)
                 FROM one WHERE one.client_id IS NOT NULL)
             SELECT EXISTS (
                 SELECT FROM one LEFT JOIN word_client c ON c.client_id = one.client_id
                 WHERE one.client_id IS NOT NULL AND c.is_whole IS NOT TRUE)",
        ),
    };
    let missing: bool = missing.fetch_one(connection).await?;
    Ok(!missing)
}

/// The clients `c` with the words that few of their tickets have.
pub fn push_clients(query: &mut QueryBuilder<Postgres>, rare: &[(String, Word)]) {
    let clients: Vec<String> = rare.iter().map(|(client_id, _)| client_id.clone()).collect();
    let (first, last): (Vec<String>, Vec<String>) = rare.iter().map(|(_, word)| word.range()).unzip();
    query.push("SELECT t.* FROM UNNEST(").push_bind(clients).push("::text[], ").push_bind(first);
    query.push("::text[], ").push_bind(last).push("::text[]) AS c(client_id, first_word, last_word)");
}

/// That `t` is among those of the client `c` that have the word.
pub const IS_RARE: &str = " AND t.ticket_id = ANY(ARRAY(
    SELECT w.ticket_id FROM ticket_word w
    WHERE w.client_id = c.client_id AND w.word >= c.first_word AND w.word <= c.last_word))";

/// Adds that the subject of `t` has what the text looks for. One that has no words yet is searched as it is.
pub fn push_sought(query: &mut QueryBuilder<Postgres>, text: &str) {
    let sought = search::sought(text);
    if sought.is_literal {
        query.push(" AND strpos(lower(t.subject), lower(").push_bind(text.trim().to_owned()).push(")) > 0");
    }
    if sought.words.is_empty() {
        return;
    }
    query.push(" AND coalesce((SELECT true");
    for word in &sought.words {
        query.push(" AND strpos(l.line, ").push_bind(word.part()).push(") > 0");
    }
    query.push(" FROM ticket_line l WHERE l.client_id = t.client_id AND l.ticket_id = t.ticket_id), ");
    query.push("strpos(lower(t.subject), lower(").push_bind(text.trim().to_owned()).push(")) > 0)");
}
