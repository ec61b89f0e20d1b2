//! Tickets by the words of their subjects.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use chassis::Error;
use chassis::writes::Writes;

use super::list::Filter;
use crate::domain::Ticket;
use crate::domain::search::{self, Word};

/// The statement was cancelled.
const CANCELLED: &str = "57014";
/// Tickets that are caught up with in one transaction.
const BATCH: i64 = 1_000;
/// Once older versions are gone: what they have registered meanwhile is caught up with then.
const SETTLES_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// A word that so many tickets of a client have is not rare: it is soon met when they are read in their order.
const RARE: usize = 3_000;
/// Common words of a text that are laid side by side, the longest ones: what has them all may be rare.
const SIDE_BY_SIDE: usize = 4;
/// Tickets with such a word that are read of a client, and of all clients together.
const MOST_READ: (usize, usize) = (50_000, 400_000);
/// Of the tickets with each common word so many are laid side by side first,
const SAMPLE: usize = 500;
/// and where so many of those have all words, such tickets are soon met anyway.
const OFTEN: usize = 25;
/// How long one statement of a search may take, in milliseconds.
const SEARCHES_FOR: u32 = 2_000;

/// Keeps the words of new tickets.
pub fn keep<'t>(writes: &mut Writes, tickets: impl Iterator<Item = &'t Ticket>) {
    let rows = tickets.map(|ticket| (ticket.client_id.as_str(), ticket.ticket_id, ticket.matter.subject.as_str()));
    keep_rows(writes, rows);
}

/// Of tickets without words: looking for each word whether it is there would cost as much again.
fn keep_rows<'t>(writes: &mut Writes, tickets: impl Iterator<Item = (&'t str, Uuid, &'t str)>) {
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
        return;
    }
    writes
        .add(
            "INSERT INTO ticket_line (client_id, ticket_id, line)
             SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::text[])",
        )
        .bind(clients)
        .bind(ids)
        .bind(lines);
    // In the order of the index: what lies together is written together.
    words.sort_unstable();
    writes
        .add(
            "INSERT INTO ticket_word (client_id, word, ticket_id)
             SELECT UNNEST($1::text[]), UNNEST($2::text[]), UNNEST($3::uuid[])",
        )
        .bind(words.iter().map(|(client_id, ..)| *client_id).collect::<Vec<_>>())
        .bind(words.iter().map(|(_, word, _)| word.as_str()).collect::<Vec<_>>())
        .bind(words.iter().map(|(.., ticket_id)| *ticket_id).collect::<Vec<_>>());
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
    let mut writes = Writes::default();
    keep_rows(&mut writes, without.iter().copied());
    writes.run(connection).await?;
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
    /// Tickets of clients of which many have each of its words, and few have all of them.
    pub met: Vec<(String, Uuid)>,
    /// Clients of which many have its words: they are soon met when all are read in their order, or it takes too long.
    pub common: Vec<String>,
}

/// Lets no statement of a search take long.
///
/// # Errors
/// If the store failed.
pub async fn be_quick(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::query("SELECT set_config('statement_timeout', $1, true)")
        .bind(SEARCHES_FOR.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether a search took too long.
pub fn took_too_long(error: &Error) -> bool {
    let Error::Unavailable(cause) = error else { return false };
    let known = cause.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    known.and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == CANCELLED)
}

/// How the tickets that a filter's text looks for are found; at a client that is not named there are none. `None`: the
/// filter has no words, or not all tickets have theirs yet.
///
/// # Errors
/// If the store failed.
pub async fn looked_up(connection: &mut PgConnection, filter: &Filter) -> Result<Option<Found>, Error> {
    let mut words = search::sought(&filter.subject_contains).words;
    if words.is_empty() || !is_whole(connection, filter.clients.as_deref()).await? {
        return Ok(None);
    }
    let mut rarest: BTreeMap<String, (usize, Word)> = BTreeMap::new();
    for word in &words {
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
        .bind(i64::try_from(RARE).unwrap_or(i64::MAX))
        .fetch_all(&mut *connection)
        .await?;
        for (client_id, count) in counts {
            let count = usize::try_from(count).unwrap_or_default();
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
    let common = std::mem::take(&mut found.common);
    words.sort_by_key(|word| std::cmp::Reverse(word.word.len()));
    words.truncate(SIDE_BY_SIDE);
    let most = (MOST_READ.1 / (common.len() * words.len()).max(1)).min(MOST_READ.0);
    for client_id in common {
        match met(connection, &client_id, &words, most).await? {
            Some(ids) => found.met.extend(ids.into_iter().map(|ticket_id| (client_id.clone(), ticket_id))),
            None => found.common.push(client_id),
        }
    }
    Ok(Some(found))
}

/// A client's tickets that have all of these words, as far as so few have one of them that all of those can be read;
/// `None`: many have them all, or too many have each.
async fn met(
    connection: &mut PgConnection,
    client_id: &str,
    words: &[Word],
    most: usize,
) -> Result<Option<Vec<Uuid>>, Error> {
    if words.len() < 2 {
        return Ok(None);
    }
    let sample = with_words(connection, client_id, words, SAMPLE).await?;
    if in_all(&sample).len() >= OFTEN {
        return Ok(None);
    }
    let mut found = with_words(connection, client_id, words, most).await?;
    found.retain(|ids| ids.len() < most);
    let ids = in_all(&found);
    Ok((!found.is_empty() && ids.len() < RARE).then_some(ids))
}

/// Of each word the tickets of a client that have it, at most so many. As arrays: of some ten thousand rows each costs more
/// than what it holds.
async fn with_words(
    connection: &mut PgConnection,
    client_id: &str,
    words: &[Word],
    most: usize,
) -> Result<Vec<Vec<Uuid>>, Error> {
    let (first, last): (Vec<String>, Vec<String>) = words.iter().map(Word::range).unzip();
    let found = sqlx::query_scalar(
        "SELECT ARRAY(SELECT w.ticket_id FROM ticket_word w
                      WHERE w.client_id = $1 AND w.word >= s.first_word AND w.word <= s.last_word LIMIT $4)
         FROM (SELECT UNNEST($2::text[]) AS first_word, UNNEST($3::text[]) AS last_word) AS s",
    )
    .bind(client_id)
    .bind(first)
    .bind(last)
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    Ok(found)
}

/// What is in all of them.
fn in_all(found: &[Vec<Uuid>]) -> Vec<Uuid> {
    let Some((first, others)) = found.split_first() else { return Vec::new() };
    let others: Vec<HashSet<&Uuid>> = others.iter().map(|ids| ids.iter().collect()).collect();
    // One ticket may have several words that begin alike.
    let first: BTreeSet<Uuid> = first.iter().filter(|id| others.iter().all(|ids| ids.contains(id))).copied().collect();
    first.into_iter().collect()
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

/// Which tickets of which clients are looked at.
#[derive(Debug, Clone, Copy)]
pub enum Looked<'f> {
    /// All of the filter's clients.
    Everywhere,
    /// Of these clients, those that have the word.
    ByWord(&'f [(String, Word)]),
    /// These.
    ByKey(&'f [(String, Uuid)]),
}

impl Looked<'_> {
    /// The clients `c`, with what their tickets are looked up by; `false`: the filter says which.
    pub fn push_clients(self, query: &mut QueryBuilder<Postgres>) -> bool {
        match self {
            Self::Everywhere => return false,
            Self::ByWord(rare) => {
                let clients: Vec<String> = rare.iter().map(|(client_id, _)| client_id.clone()).collect();
                let (first, last): (Vec<String>, Vec<String>) = rare.iter().map(|(_, word)| word.range()).unzip();
                query.push("SELECT t.* FROM UNNEST(").push_bind(clients).push("::text[], ").push_bind(first);
                query.push("::text[], ").push_bind(last).push("::text[]) AS c(client_id, first_word, last_word)");
            }
            Self::ByKey(keys) => {
                let clients: BTreeSet<&str> = keys.iter().map(|(client_id, _)| client_id.as_str()).collect();
                let clients: Vec<String> = clients.into_iter().map(ToOwned::to_owned).collect();
                query.push("SELECT t.* FROM UNNEST(").push_bind(clients).push("::text[]) AS c(client_id)");
            }
        }
        true
    }

    /// That `t` is among those that are looked up.
    pub fn push_is_found(self, query: &mut QueryBuilder<Postgres>) {
        match self {
            Self::Everywhere => {}
            Self::ByWord(_) => {
                query.push(IS_RARE);
            }
            Self::ByKey(keys) => {
                let (clients, ids): (Vec<String>, Vec<Uuid>) = keys.iter().cloned().unzip();
                query.push(" AND t.ticket_id = ANY(ARRAY(SELECT k.ticket_id FROM (SELECT UNNEST(").push_bind(clients);
                query.push("::text[]) AS client_id, UNNEST(").push_bind(ids);
                query.push("::uuid[]) AS ticket_id) AS k WHERE k.client_id = c.client_id))");
            }
        }
    }
}

/// That `t` is among those of the client `c` that have the word.
const IS_RARE: &str = " AND t.ticket_id = ANY(ARRAY(
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
    // Most subjects have no letters but those of ASCII, of which words are their own small letters: what such a subject has
    // not has no word either, and needs no look at its line.
    for word in &sought.words {
        query
            .push(" AND (octet_length(t.subject) <> char_length(t.subject) OR strpos(lower(t.subject COLLATE \"C\"), ");
        query.push_bind(word.word.clone()).push(") > 0)");
    }
    query.push(" AND coalesce((SELECT true");
    for word in &sought.words {
        query.push(" AND strpos(l.line, ").push_bind(word.part()).push(") > 0");
    }
    query.push(" FROM ticket_line l WHERE l.client_id = t.client_id AND l.ticket_id = t.ticket_id), ");
    query.push("strpos(lower(t.subject), lower(").push_bind(text.trim().to_owned()).push(")) > 0)");
}
