//! How tickets ended: the newest fact of each, its words, and the articles' solved counts.

use std::collections::HashMap;

use chassis::Error;
use contracts::ClientId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::column;
use crate::domain::language;
use crate::domain::solution::{Outcome, Solved, count_changes};

/// A row per ticket to lock, older than every fact.
const MAKE_PLACES: &str = "
INSERT INTO ticket_outcome (client_id, ticket_id, occurred_at, revision, is_solved, reference, subject, note, language,
                            configuration)
SELECT n.client_id, n.ticket_id, '-infinity', 0, false, '', '', '', '', 'simple'
FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS n
ORDER BY n.client_id, n.ticket_id
ON CONFLICT DO NOTHING";

/// Locks all of them, in one order everywhere, so that two transactions never wait for each other.
const LOCK: &str = "
SELECT o.client_id, o.ticket_id, o.article_id, (o.occurred_at, o.revision) < (n.occurred_at, n.revision) AS is_older
FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
      UNNEST($3::timestamptz[]) AS occurred_at, UNNEST($4::bigint[]) AS revision) AS n
JOIN ticket_outcome o ON o.client_id = n.client_id AND o.ticket_id = n.ticket_id
ORDER BY o.client_id, o.ticket_id FOR UPDATE OF o";

/// Whole keys first, so that each term is found by all of its key: joined the other way round, all terms of a client are
/// read for each ticket, which is how it was planned while there were few.
const FORGET_TERMS: &str = "
WITH gone AS MATERIALIZED (
    SELECT o.client_id, o.configuration, u.lexeme,
           (CASE WHEN 'A' = ANY (u.weights) THEN 3 ELSE 1 END)::smallint AS place, o.ticket_id
    FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS n
    JOIN ticket_outcome o ON o.client_id = n.client_id AND o.ticket_id = n.ticket_id AND o.is_solved
    CROSS JOIN LATERAL unnest(o.search) u
)
DELETE FROM ticket_term t USING gone
WHERE t.client_id = gone.client_id AND t.configuration = gone.configuration AND t.lexeme = gone.lexeme
  AND t.place = gone.place AND t.ticket_id = gone.ticket_id";

const KEEP: &str = "
UPDATE ticket_outcome o
SET occurred_at = n.occurred_at, revision = n.revision, is_solved = n.is_solved, reference = n.reference,
    subject = n.subject, note = n.note, language = n.language, configuration = n.configuration,
    article_id = n.article_id,
    search = CASE WHEN n.is_solved
                  THEN setweight(to_tsvector(n.configuration::regconfig, n.subject), 'A')
                       || setweight(to_tsvector(n.configuration::regconfig, left(n.note, 200)), 'C') END
FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
      UNNEST($3::timestamptz[]) AS occurred_at, UNNEST($4::bigint[]) AS revision,
      UNNEST($5::boolean[]) AS is_solved, UNNEST($6::text[]) AS reference, UNNEST($7::text[]) AS subject,
      UNNEST($8::text[]) AS note, UNNEST($9::text[]) AS language, UNNEST($10::text[]) AS configuration,
      UNNEST($11::uuid[]) AS article_id) AS n
WHERE o.client_id = n.client_id AND o.ticket_id = n.ticket_id";

const REMEMBER_TERMS: &str = "
INSERT INTO ticket_term (client_id, configuration, lexeme, place, ticket_id)
SELECT o.client_id, o.configuration, u.lexeme, CASE WHEN 'A' = ANY (u.weights) THEN 3 ELSE 1 END, o.ticket_id
FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS n
JOIN ticket_outcome o ON o.client_id = n.client_id AND o.ticket_id = n.ticket_id AND o.is_solved
CROSS JOIN LATERAL unnest(o.search) u
WHERE octet_length(u.lexeme) <= 64";

/// The rows are locked in one order first, as above. Articles that are not this client's do not exist and are passed.
const COUNT: &str = "
WITH locked AS MATERIALIZED (
    SELECT a.client_id, a.article_id, n.change
    FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS article_id,
          UNNEST($3::bigint[]) AS change) AS n
    JOIN article a ON a.client_id = n.client_id AND a.article_id = n.article_id
    ORDER BY a.client_id, a.article_id FOR UPDATE OF a
)
UPDATE article a SET solved_count = greatest(0, a.solved_count + l.change)
FROM locked l WHERE a.client_id = l.client_id AND a.article_id = l.article_id";

/// Keeps those outcomes that are newer than what is known. One per ticket, sorted by client and ticket.
///
/// # Errors
/// If the store failed.
pub async fn keep(connection: &mut PgConnection, outcomes: &[Outcome]) -> Result<(), Error> {
    let (clients, tickets) = keys(outcomes);
    sqlx::query(MAKE_PLACES).bind(&clients).bind(&tickets).execute(&mut *connection).await?;
    let known: Vec<(String, Uuid, Option<Uuid>, bool)> = sqlx::query_as(LOCK)
        .bind(&clients)
        .bind(&tickets)
        .bind(outcomes.iter().map(|one| column(one.occurred_at)).collect::<Vec<_>>())
        .bind(revisions(outcomes)?)
        .fetch_all(&mut *connection)
        .await?;
    let older: HashMap<(String, Uuid), Option<Uuid>> = known
        .into_iter()
        .filter(|(_, _, _, is_older)| *is_older)
        .map(|(client_id, ticket_id, article_id, _)| ((client_id, ticket_id), article_id))
        .collect();
    let key = |one: &Outcome| (one.client_id.as_str().to_owned(), one.ticket_id);
    let newer: Vec<Outcome> = outcomes.iter().filter(|one| older.contains_key(&key(one))).cloned().collect();
    if newer.is_empty() {
        return Ok(());
    }
    let (clients, tickets) = keys(&newer);
    sqlx::query(FORGET_TERMS).bind(&clients).bind(&tickets).execute(&mut *connection).await?;
    write(connection, &newer).await?;
    sqlx::query(REMEMBER_TERMS).bind(&clients).bind(&tickets).execute(&mut *connection).await?;
    let changes = newer.iter().map(|one| {
        let now = one.solved.as_ref().and_then(|solved| solved.article_id);
        (one.client_id.clone(), older.get(&key(one)).copied().flatten(), now)
    });
    recount(connection, changes).await
}

fn keys(outcomes: &[Outcome]) -> (Vec<&str>, Vec<Uuid>) {
    outcomes.iter().map(|one| (one.client_id.as_str(), one.ticket_id)).unzip()
}

fn revisions(outcomes: &[Outcome]) -> Result<Vec<i64>, Error> {
    outcomes
        .iter()
        .map(|one| i64::try_from(one.revision).map_err(|_| Error::internal("a revision is too large to be kept")))
        .collect()
}

async fn write(connection: &mut PgConnection, outcomes: &[Outcome]) -> Result<(), Error> {
    let (clients, tickets) = keys(outcomes);
    let texts =
        |of: fn(&Solved) -> &str| outcomes.iter().map(|one| one.solved.as_ref().map_or("", of)).collect::<Vec<&str>>();
    sqlx::query(KEEP)
        .bind(clients)
        .bind(tickets)
        .bind(outcomes.iter().map(|one| column(one.occurred_at)).collect::<Vec<_>>())
        .bind(revisions(outcomes)?)
        .bind(outcomes.iter().map(|one| one.solved.is_some()).collect::<Vec<_>>())
        .bind(texts(|solved| &solved.reference))
        .bind(texts(|solved| &solved.subject))
        .bind(texts(|solved| &solved.note))
        .bind(texts(|solved| &solved.language))
        .bind(outcomes.iter().map(configuration).collect::<Vec<_>>())
        .bind(outcomes.iter().map(|one| one.solved.as_ref().and_then(|solved| solved.article_id)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

fn configuration(outcome: &Outcome) -> &'static str {
    language::configuration(outcome.solved.as_ref().map_or("", |solved| &solved.language))
}

async fn recount(
    connection: &mut PgConnection,
    changes: impl IntoIterator<Item = (ClientId, Option<Uuid>, Option<Uuid>)>,
) -> Result<(), Error> {
    let changes = count_changes(changes);
    if changes.is_empty() {
        return Ok(());
    }
    let clients: Vec<&str> = changes.keys().map(|(client_id, _)| client_id.as_str()).collect();
    let articles: Vec<Uuid> = changes.keys().map(|(_, article_id)| *article_id).collect();
    let by: Vec<i64> = changes.values().copied().collect();
    sqlx::query(COUNT).bind(clients).bind(articles).bind(by).execute(connection).await?;
    Ok(())
}
