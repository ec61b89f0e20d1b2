//! The articles' rows.

pub mod outcomes;
pub mod search;
pub mod solutions;

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{Article, Audience, Event, Language, State, Text};

#[derive(sqlx::FromRow)]
struct ArticleRow {
    client_id: String,
    article_id: Uuid,
    article_key: String,
    language: String,
    owner: String,
    state: String,
    version: i64,
    published_version: Option<i64>,
    title: String,
    body: String,
    keywords: Vec<String>,
    audience: String,
    review_by: Option<jiff_sqlx::Timestamp>,
    changed_at: jiff_sqlx::Timestamp,
    published_at: Option<jiff_sqlx::Timestamp>,
    solved_count: i64,
}

impl TryFrom<ArticleRow> for Article {
    type Error = Error;

    fn try_from(row: ArticleRow) -> Result<Self, Error> {
        let impossible = |what: &str| Error::internal(format!("an article's row has an impossible {what}"));
        Ok(Self {
            client_id: ClientId::new(&row.client_id).map_err(|_| impossible("client_id"))?,
            article_id: row.article_id,
            article_key: row.article_key,
            language: Language::named(&row.language).ok_or_else(|| impossible("language"))?,
            owner: row.owner,
            state: state_named(&row.state).ok_or_else(|| impossible("state"))?,
            version: count(row.version)?,
            published_version: row.published_version.map(count).transpose()?,
            text: Text {
                title: row.title,
                body: row.body,
                keywords: row.keywords,
                audience: audience_named(&row.audience).ok_or_else(|| impossible("audience"))?,
                review_by: row.review_by.map(jiff_sqlx::Timestamp::to_jiff),
            },
            changed_at: row.changed_at.to_jiff(),
            published_at: row.published_at.map(jiff_sqlx::Timestamp::to_jiff),
            solved_count: count(row.solved_count)?,
        })
    }
}

fn count(number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(|_| Error::internal("a row has a negative count"))
}

fn stored(version: u64) -> Result<i64, Error> {
    i64::try_from(version).map_err(|_| Error::internal("a version is too large to be kept"))
}

/// As in the column `state`.
pub fn state_name(state: State) -> &'static str {
    match state {
        State::Draft => "draft",
        State::InReview => "in_review",
        State::Published => "published",
        State::Retired => "retired",
    }
}

fn state_named(text: &str) -> Option<State> {
    [State::Draft, State::InReview, State::Published, State::Retired].into_iter().find(|one| state_name(*one) == text)
}

fn audience_name(audience: Audience) -> &'static str {
    match audience {
        Audience::Public => "public",
        Audience::Client => "client",
        Audience::Internal => "internal",
    }
}

fn audience_named(text: &str) -> Option<Audience> {
    [Audience::Public, Audience::Client, Audience::Internal].into_iter().find(|one| audience_name(*one) == text)
}

/// Whose article it is; `None` if it is absent or outside of the scope.
///
/// # Errors
/// If the store failed.
pub async fn client_of(connection: &mut PgConnection, article_id: Uuid) -> Result<Option<ClientId>, Error> {
    let found: Option<String> = sqlx::query_scalar("SELECT client_id FROM article WHERE article_id = $1")
        .bind(article_id)
        .fetch_optional(connection)
        .await?;
    found
        .map(|text| ClientId::new(&text).map_err(|_| Error::internal("an article's row has an impossible client_id")))
        .transpose()
}

/// An article with its newest text; locked until the end of the transaction.
///
/// # Errors
/// If the store failed.
pub async fn lock(
    connection: &mut PgConnection,
    client_id: &ClientId,
    article_id: Uuid,
) -> Result<Option<Article>, Error> {
    let locked = sqlx::query("SELECT 1 FROM article WHERE client_id = $1 AND article_id = $2 FOR UPDATE")
        .bind(client_id.as_str())
        .bind(article_id)
        .fetch_optional(&mut *connection)
        .await?;
    // Read after the lock is had: a statement that waited for it would join the text of an older version.
    if locked.is_some() { load(connection, article_id, None).await } else { Ok(None) }
}

/// An article as it was in a version; `None` for the newest. An older version's state is what became of it.
///
/// # Errors
/// If the store failed.
pub async fn load(
    connection: &mut PgConnection,
    article_id: Uuid,
    version: Option<i64>,
) -> Result<Option<Article>, Error> {
    let row: Option<ArticleRow> = sqlx::query_as(
        "SELECT a.client_id, a.article_id, a.article_key, a.language, a.owner, v.version, a.published_version,
                v.title, v.body, v.keywords, v.audience, v.review_by, a.solved_count,
                CASE WHEN v.version = a.version THEN a.state
                     WHEN v.version = a.published_version THEN 'published'
                     WHEN v.published_at IS NOT NULL THEN 'retired'
                     ELSE 'draft' END AS state,
                CASE WHEN v.version = a.version THEN a.changed_at ELSE v.written_at END AS changed_at,
                CASE WHEN v.version = a.version THEN a.published_at ELSE v.published_at END AS published_at
         FROM article a
         JOIN article_version v ON v.client_id = a.client_id AND v.article_id = a.article_id
                               AND v.version = coalesce($2, a.version)
         WHERE a.article_id = $1",
    )
    .bind(article_id)
    .bind(version)
    .fetch_optional(connection)
    .await?;
    row.map(Article::try_from).transpose()
}

/// Inserts a new article with its first version. False if another has its key in its language.
///
/// # Errors
/// If the store failed.
pub async fn insert(connection: &mut PgConnection, article: &Article) -> Result<bool, Error> {
    let inserted = sqlx::query(
        "INSERT INTO article (client_id, article_id, article_key, language, owner, state, version, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (client_id, article_key, language) DO NOTHING",
    )
    .bind(article.client_id.as_str())
    .bind(article.article_id)
    .bind(&article.article_key)
    .bind(article.language.as_str())
    .bind(&article.owner)
    .bind(state_name(article.state))
    .bind(stored(article.version)?)
    .bind(jiff_sqlx::Timestamp::from(article.changed_at))
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if inserted == 0 {
        return Ok(false);
    }
    insert_version(connection, article, &article.owner).await?;
    Ok(true)
}

async fn insert_version(connection: &mut PgConnection, article: &Article, written_by: &str) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO article_version (client_id, article_id, version, title, body, keywords, audience, review_by,
                                      written_by, written_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(article.client_id.as_str())
    .bind(article.article_id)
    .bind(stored(article.version)?)
    .bind(&article.text.title)
    .bind(&article.text.body)
    .bind(&article.text.keywords)
    .bind(audience_name(article.text.audience))
    .bind(article.text.review_by.map(jiff_sqlx::Timestamp::from))
    .bind(written_by)
    .bind(jiff_sqlx::Timestamp::from(article.changed_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps what an event made of an article: its row, its new version, and what readers find.
///
/// # Errors
/// If the store failed.
pub async fn save(connection: &mut PgConnection, article: &Article, event: &Event, by: &str) -> Result<(), Error> {
    if let Event::Revised { .. } = event {
        insert_version(connection, article, by).await?;
    }
    sqlx::query(
        "UPDATE article SET state = $3, version = $4, published_version = $5, published_at = $6, changed_at = $7
         WHERE client_id = $1 AND article_id = $2",
    )
    .bind(article.client_id.as_str())
    .bind(article.article_id)
    .bind(state_name(article.state))
    .bind(stored(article.version)?)
    .bind(article.published_version.map(stored).transpose()?)
    .bind(article.published_at.map(jiff_sqlx::Timestamp::from))
    .bind(jiff_sqlx::Timestamp::from(article.changed_at))
    .execute(&mut *connection)
    .await?;
    match event {
        Event::Revised { .. } | Event::Submitted => Ok(()),
        Event::Published { .. } => search::publish(connection, article).await,
        Event::Retired { .. } => search::withdraw(connection, article).await,
    }
}

/// What is listed. Empty lists and texts mean any.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Of these clients.
    pub client_ids: Vec<String>,
    /// In these states.
    pub states: Vec<&'static str>,
    /// In this language.
    pub language: String,
    /// After this (client_id, article_key, language).
    pub after: Option<(String, String, String)>,
    /// At most so many.
    pub size: i64,
}

/// Articles without their bodies, by client, key and language.
///
/// # Errors
/// If the store failed.
pub async fn list(connection: &mut PgConnection, listing: &Listing) -> Result<Vec<Article>, Error> {
    let (client_id, article_key, language) = listing.after.clone().unwrap_or_default();
    let rows: Vec<ArticleRow> = sqlx::query_as(
        "SELECT a.client_id, a.article_id, a.article_key, a.language, a.owner, a.state, a.version,
                a.published_version, v.title, '' AS body, v.keywords, v.audience, v.review_by, a.changed_at,
                a.published_at, a.solved_count
         FROM article a
         JOIN article_version v ON v.client_id = a.client_id AND v.article_id = a.article_id
                               AND v.version = a.version
         WHERE (cardinality($1::text[]) = 0 OR a.client_id = ANY ($1))
           AND (cardinality($2::text[]) = 0 OR a.state = ANY ($2))
           AND ($3 = '' OR a.language = $3)
           AND (a.client_id, a.article_key, a.language) > ($4, $5, $6)
         ORDER BY a.client_id, a.article_key, a.language LIMIT $7",
    )
    .bind(&listing.client_ids)
    .bind(&listing.states)
    .bind(&listing.language)
    .bind(client_id)
    .bind(article_key)
    .bind(language)
    .bind(listing.size)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Article::try_from).collect()
}

/// An instant as Postgres keeps it.
fn column(at: Timestamp) -> jiff_sqlx::Timestamp {
    jiff_sqlx::Timestamp::from(at)
}
