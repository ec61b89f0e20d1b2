//! What readers find, and finding it.

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;

use super::{ArticleRow, column, stored};
use crate::domain::query::{has_operators, tidied};
use crate::domain::{Article, language};

/// Removes an article's words: whole keys first, so that each is an index lookup.
const FORGET_TERMS: &str = "
WITH gone AS MATERIALIZED (
    SELECT p.client_id, p.configuration, u.lexeme, p.article_id FROM published_article p, unnest(p.search) u
    WHERE p.client_id = $1 AND p.article_id = $2
)
DELETE FROM article_term t USING gone
WHERE t.client_id = gone.client_id AND t.configuration = gone.configuration AND t.lexeme = gone.lexeme
  AND t.place = ANY ('{1,2,3}'::smallint[]) AND t.article_id = gone.article_id";

/// The body's first 2,000 characters tell what it is about; the rest can be found, but is no reason to suggest it.
/// Each part ends where it cannot outgrow a tsvector (1 MiB), whatever it is made of.
const REMEMBER: &str = "
INSERT INTO published_article (client_id, article_id, version, configuration, search)
SELECT client_id, article_id, version, $4,
       setweight(to_tsvector($4::text::regconfig, title), 'A')
       || setweight(to_tsvector($4::text::regconfig, array_to_string(keywords, ' , ')), 'B')
       || setweight(to_tsvector($4::text::regconfig, left(body, 2000)), 'C')
       || setweight(to_tsvector($4::text::regconfig, substr(body, 2001, 128000)), 'D')
FROM article_version WHERE client_id = $1 AND article_id = $2 AND version = $3
ON CONFLICT (client_id, article_id) DO UPDATE SET version = EXCLUDED.version, search = EXCLUDED.search";

/// Words longer than 64 bytes are nobody's question.
const REMEMBER_TERMS: &str = "
INSERT INTO article_term (client_id, configuration, lexeme, place, article_id)
SELECT p.client_id, p.configuration, u.lexeme,
       CASE WHEN 'A' = ANY (u.weights) THEN 3 WHEN 'B' = ANY (u.weights) THEN 2 ELSE 1 END, p.article_id
FROM published_article p, unnest(p.search) u
WHERE p.client_id = $1 AND p.article_id = $2 AND u.weights && '{A,B,C}'::text[] AND octet_length(u.lexeme) <= 64";

/// Lets readers find the published version, and no older one.
///
/// # Errors
/// If the store failed.
pub async fn publish(connection: &mut PgConnection, article: &Article) -> Result<(), Error> {
    let (client_id, article_id) = (article.client_id.as_str(), article.article_id);
    let version = stored(article.version)?;
    sqlx::query(
        "UPDATE article_version SET published_at = $4
         WHERE client_id = $1 AND article_id = $2 AND version = $3 AND published_at IS NULL",
    )
    .bind(client_id)
    .bind(article_id)
    .bind(version)
    .bind(article.published_at.map(column))
    .execute(&mut *connection)
    .await?;
    sqlx::query(FORGET_TERMS).bind(client_id).bind(article_id).execute(&mut *connection).await?;
    sqlx::query(REMEMBER)
        .bind(client_id)
        .bind(article_id)
        .bind(version)
        .bind(language::configuration(article.language.as_str()))
        .execute(&mut *connection)
        .await?;
    sqlx::query(REMEMBER_TERMS).bind(client_id).bind(article_id).execute(connection).await?;
    Ok(())
}

/// Lets nobody find the article.
///
/// # Errors
/// If the store failed.
pub async fn withdraw(connection: &mut PgConnection, article: &Article) -> Result<(), Error> {
    let (client_id, article_id) = (article.client_id.as_str(), article.article_id);
    sqlx::query(FORGET_TERMS).bind(client_id).bind(article_id).execute(&mut *connection).await?;
    sqlx::query("DELETE FROM published_article WHERE client_id = $1 AND article_id = $2")
        .bind(client_id)
        .bind(article_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// What somebody looks for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// At this client.
    pub client_id: ClientId,
    /// In words; `"…"`, `-` and `or` mean what they mean on the web.
    pub query: String,
    /// Preferred language; empty: any.
    pub language: String,
    /// How many at most.
    pub size: i64,
    /// For the age of what is found.
    pub now: Timestamp,
}

/// A published article that matches.
#[derive(Debug, Clone)]
pub struct Found {
    /// Without its body.
    pub article: Article,
    /// The matching lines, the found words between « and ».
    pub excerpt: String,
    /// 0 to 1.
    pub score: f64,
}

#[derive(sqlx::FromRow)]
struct FoundRow {
    #[sqlx(flatten)]
    article: ArticleRow,
    excerpt: String,
    score: f64,
}

/// Found is what has all words as the caller means them (`exact`), or, as long as the caller used no operators, any of
/// them (`words`): a pasted error message finds something as well. The words are quoted one by one, so that none is
/// taken for an operator.
///
/// The rank is that of `words`: Postgres ranks any-of in linear time, but all-of in quadratic (seconds for some
/// thousand long articles). Having all words counts threefold. The score is squeezed into 0.5 … 1 and halved per step
/// away from the preferred language: what is in the preferred language always stands before what is not.
const SEARCH: &str = r"
WITH asked AS MATERIALIZED (
    SELECT c.configuration, websearch_to_tsquery(c.configuration::regconfig, $2) AS exact,
           coalesce((SELECT string_agg('''' || replace(replace(u.lexeme, '\', '\\'), '''', '''''') || '''', ' | ')
                     FROM (SELECT lexeme FROM unnest(to_tsvector(c.configuration::regconfig, $2)) LIMIT 64) u),
                    '')::tsquery AS words
    FROM (VALUES ('norwegian'), ('english'), ('dutch')) AS c (configuration)
), ranked AS MATERIALIZED (
    SELECT a.client_id, a.article_id, a.article_key, a.language, a.owner, p.version, a.changed_at, a.published_at,
           a.solved_count, q.configuration, q.exact || q.words AS query,
           CASE WHEN $4 IN ('', a.language) THEN 1.0::float8 WHEN a.language = $5 THEN 0.5 ELSE 0.25 END
           * (0.5 + 0.5 * x.worth / (1.0 + x.worth)) AS score
    FROM published_article p
    JOIN asked q ON q.configuration = p.configuration
    JOIN article a ON a.client_id = p.client_id AND a.article_id = p.article_id
    CROSS JOIN LATERAL (
        SELECT ts_rank(p.search, q.words, 1)::float8 * CASE WHEN p.search @@ q.exact THEN 6.0 ELSE 2.0 END
               * (1.0 + 0.2 * ln(1.0 + a.solved_count))
               * least(1.0, greatest(0.5, 1.0 - 0.1 * extract(epoch FROM $7 - a.published_at)::float8 / 31557600.0))
               AS worth
    ) x
    WHERE p.client_id = $1 AND a.client_id = $1 AND (p.search @@ q.exact OR ($3 AND p.search @@ q.words))
    ORDER BY score DESC, a.article_id LIMIT $6
)
SELECT r.client_id, r.article_id, r.article_key, r.language, r.owner, 'published' AS state, r.version,
       r.version AS published_version, v.title, '' AS body, v.keywords, v.audience, v.review_by, r.changed_at,
       r.published_at, r.solved_count, r.score,
       ts_headline(r.configuration::regconfig, v.title || E'\n' || left(v.body, 4000), r.query,
                   'StartSel=«, StopSel=», MaxFragments=2, MaxWords=30, MinWords=10, FragmentDelimiter= … ') AS excerpt
FROM ranked r
JOIN article_version v ON v.client_id = r.client_id AND v.article_id = r.article_id AND v.version = r.version
ORDER BY r.score DESC, r.article_id";

/// Published articles that match, best first.
///
/// # Errors
/// If the store failed.
pub async fn search(connection: &mut PgConnection, wanted: &Wanted) -> Result<Vec<Found>, Error> {
    let query = tidied(&wanted.query);
    let rows: Vec<FoundRow> = sqlx::query_as(SEARCH)
        .bind(wanted.client_id.as_str())
        .bind(&query)
        .bind(!has_operators(&query))
        .bind(&wanted.language)
        .bind(language::sibling(&wanted.language))
        .bind(wanted.size)
        .bind(column(wanted.now))
        .fetch_all(connection)
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Found {
                article: row.article.try_into()?,
                excerpt: row.excerpt.split_whitespace().collect::<Vec<_>>().join(" "),
                score: row.score,
            })
        })
        .collect()
}
