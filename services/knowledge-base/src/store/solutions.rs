//! What may solve new tickets: one statement for a whole batch of them.

use std::collections::HashSet;

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{column, count};
use crate::domain::solution::{Match, Place, Question, Solution, Source};

/// The words of each ticket are looked up in the term tables by plain equality, which row-level security lets be an
/// index condition; at most 40 articles and 40 tickets per word, those with the best place first, newest first. So a
/// ticket costs some hundred index entries, however much a client has. A word that many have says little: its worth
/// sinks with the number found.
///
/// The subject is read in every configuration in which its client has anything, the description only in its own, and
/// only its first words. Something is found if a word of the subject stands in a title or among keywords, or if three words match anywhere.
///
/// Scores are squeezed into 0.5 … 1 and halved per step away from the ticket's language.
const SUGGEST: &str = "
WITH asked AS MATERIALIZED (
    SELECT * FROM UNNEST($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
        WITH ORDINALITY AS a (client_id, ticket_id, language, sibling, configuration, subject, description, nr)
), wanted AS MATERIALIZED (
    SELECT a.nr, a.client_id, a.ticket_id, c.configuration, w.lexeme, w.is_subject
    FROM asked a
    CROSS JOIN (VALUES ('norwegian'), ('english'), ('dutch'), ('simple')) AS c (configuration)
    CROSS JOIN LATERAL (
        SELECT u.lexeme, 'A' = ANY (u.weights) AS is_subject,
               row_number() OVER (PARTITION BY 'A' = ANY (u.weights) ORDER BY u.positions[1]) AS nth
        FROM unnest(setweight(to_tsvector(c.configuration::regconfig, a.subject), 'A')
                    || to_tsvector(c.configuration::regconfig,
                                   CASE WHEN c.configuration = a.configuration THEN a.description ELSE '' END)) u
        WHERE octet_length(u.lexeme) BETWEEN 2 AND 64
    ) w
    WHERE w.nth <= CASE WHEN w.is_subject THEN 16 ELSE 6 END
      AND (EXISTS (SELECT 1 FROM article_term t
                   WHERE t.client_id = a.client_id AND t.configuration = c.configuration)
           OR EXISTS (SELECT 1 FROM ticket_term t
                      WHERE t.client_id = a.client_id AND t.configuration = c.configuration))
), hits AS (
    SELECT w.nr, w.client_id, h.is_article, h.source_id, w.lexeme, h.place, w.is_subject,
           CASE WHEN w.is_subject THEN 1.0::float8 ELSE 0.3 END
           * CASE h.place WHEN 3 THEN 1.0::float8 WHEN 2 THEN 0.8 ELSE 0.3 END
           / (1.0::float8 + ln(h.frequency::float8)) AS worth
    FROM wanted w
    CROSS JOIN LATERAL (
        (SELECT true AS is_article, t.article_id AS source_id, t.place, count(*) OVER () AS frequency FROM (
            SELECT t.article_id, t.place FROM article_term t
            WHERE t.client_id = w.client_id AND t.configuration = w.configuration AND t.lexeme = w.lexeme
            ORDER BY t.place DESC, t.article_id DESC LIMIT 40) t)
        UNION ALL
        (SELECT false, t.ticket_id, t.place, count(*) OVER () FROM (
            SELECT t.ticket_id, t.place FROM ticket_term t
            WHERE t.client_id = w.client_id AND t.configuration = w.configuration AND t.lexeme = w.lexeme
              AND t.ticket_id <> w.ticket_id
            ORDER BY t.place DESC, t.ticket_id DESC LIMIT 40) t)
    ) h
), matched AS (
    SELECT nr, client_id, is_article, source_id, sum(worth) AS worth,
           array_agg(lexeme) AS lexemes, array_agg(place) AS places
    FROM hits
    GROUP BY nr, client_id, is_article, source_id
    HAVING bool_or(is_subject AND place >= 2) OR count(DISTINCT lexeme) >= 3
), shortlist AS MATERIALIZED (
    SELECT * FROM (
        SELECT m.*, row_number() OVER (PARTITION BY nr, is_article ORDER BY worth DESC, source_id DESC) AS nth
        FROM matched m) m
    WHERE nth <= 25
), scored AS (
    SELECT s.*, t.title, t.reference, t.solved_count,
           CASE t.language WHEN q.language THEN 1.0::float8 WHEN q.sibling THEN 0.5 ELSE 0.25 END
           * (0.5 + 0.5 * x.worth / (1.0 + x.worth)) AS score
    FROM shortlist s
    JOIN asked q USING (nr)
    CROSS JOIN LATERAL (
        (SELECT v.title, '' AS reference, a.language, a.solved_count, a.published_at AS fresh_at
         FROM article a
         JOIN article_version v ON v.client_id = a.client_id AND v.article_id = a.article_id
                               AND v.version = a.published_version
         WHERE s.is_article AND a.client_id = s.client_id AND a.article_id = s.source_id LIMIT 1)
        UNION ALL
        (SELECT o.subject, o.reference, o.language, 0, o.occurred_at FROM ticket_outcome o
         WHERE NOT s.is_article AND o.client_id = s.client_id AND o.ticket_id = s.source_id AND o.is_solved LIMIT 1)
    ) t
    CROSS JOIN LATERAL (
        SELECT s.worth * (1.0 + 0.2 * ln(1.0 + t.solved_count))
               * least(1.0, greatest(0.5, 1.0 - 0.1 * extract(epoch FROM $8 - t.fresh_at)::float8 / 31557600.0)) AS worth
    ) x
)
SELECT nr, is_article, source_id, title, reference, solved_count, lexemes, places, score FROM (
    SELECT s.*, row_number() OVER (PARTITION BY nr ORDER BY score DESC, is_article DESC, source_id DESC) AS nth_best
    FROM scored s) s
WHERE nth_best <= 5 ORDER BY nr, nth_best";

#[derive(sqlx::FromRow)]
struct SolutionRow {
    nr: i64,
    is_article: bool,
    source_id: Uuid,
    title: String,
    reference: String,
    solved_count: i64,
    lexemes: Vec<String>,
    places: Vec<i16>,
    score: f64,
}

impl TryFrom<SolutionRow> for Solution {
    type Error = Error;

    fn try_from(row: SolutionRow) -> Result<Self, Error> {
        let mut matches: Vec<Match> = row
            .lexemes
            .into_iter()
            .zip(row.places)
            .map(|(lexeme, place)| {
                let place = match place {
                    3 => Place::Title,
                    2 => Place::Keywords,
                    _ => Place::Body,
                };
                Match { lexeme, place }
            })
            .collect();
        // The database gives them in any order; people should not see that.
        matches.sort_by(|one, other| other.place.cmp(&one.place).then_with(|| one.lexeme.cmp(&other.lexeme)));
        let source = if row.is_article {
            Source::Article { article_id: row.source_id, solved_count: count(row.solved_count)? }
        } else {
            Source::Ticket { reference: row.reference }
        };
        Ok(Self { source, title: row.title, matches, score: row.score })
    }
}

/// Up to five solutions per question, in the order of the questions, the best first; none where nothing matches.
///
/// # Errors
/// If the store failed.
pub async fn suggest(
    connection: &mut PgConnection,
    questions: &[Question],
    now: Timestamp,
) -> Result<Vec<Vec<Solution>>, Error> {
    let texts = |of: fn(&Question) -> &str| questions.iter().map(of).collect::<Vec<&str>>();
    let rows: Vec<SolutionRow> = sqlx::query_as(SUGGEST)
        .bind(texts(|one| one.client_id.as_str()))
        .bind(questions.iter().map(|one| one.ticket_id).collect::<Vec<_>>())
        .bind(texts(|one| &one.language))
        .bind(texts(|one| one.sibling()))
        .bind(texts(|one| one.configuration()))
        .bind(texts(|one| &one.subject))
        .bind(texts(|one| &one.description))
        .bind(column(now))
        .fetch_all(connection)
        .await?;
    let mut solutions = vec![Vec::new(); questions.len()];
    for row in rows {
        let place = usize::try_from(row.nr - 1).ok().and_then(|nth| solutions.get_mut(nth));
        place.ok_or_else(|| Error::internal("a solution belongs to no question"))?.push(row.try_into()?);
    }
    Ok(solutions)
}

/// Notes that something is suggested for these tickets, for the first time; returns those where it is.
///
/// # Errors
/// If the store failed.
pub async fn note_first(
    connection: &mut PgConnection,
    tickets: &[(ClientId, Uuid)],
) -> Result<HashSet<(String, Uuid)>, Error> {
    let clients: Vec<&str> = tickets.iter().map(|(client_id, _)| client_id.as_str()).collect();
    let ticket_ids: Vec<Uuid> = tickets.iter().map(|(_, ticket_id)| *ticket_id).collect();
    let noted: Vec<(String, Uuid)> = sqlx::query_as(
        "INSERT INTO suggested_ticket (client_id, ticket_id, revision)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), 1
         ORDER BY 1, 2
         ON CONFLICT DO NOTHING RETURNING client_id, ticket_id",
    )
    .bind(clients)
    .bind(ticket_ids)
    .fetch_all(connection)
    .await?;
    Ok(noted.into_iter().collect())
}
