//! The one write path for articles: inbox → load → decide → save + outbox → commit.

use chassis::authorisation::Caller;
use chassis::inbox::{self, Seen, request_key};
use chassis::outbox::{self, Announcement};
use chassis::{Ground, Scope};
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{Article, Command, Rejection, decide, evolve};
use crate::{store, wire};

/// Why an article was not changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Absent, or another's.
    #[error("there is no such article")]
    NoSuchArticle,
    /// The request_id was used for something else.
    #[error("the request_id was used for a different request")]
    Reused,
    /// Not allowed as things are.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] chassis::Error),
}

/// A request as the inbox knows it, and who stands behind it.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Whose rows it may touch.
    pub scope: Scope,
    /// Who.
    pub actor: wire::Actor,
    /// Of the request's body and what it asks for.
    pub fingerprint: Vec<u8>,
    /// The request_id: the cause of what follows.
    pub request_id: String,
    /// When it was taken.
    pub now: Timestamp,
    /// The trace context of the call.
    pub traceparent: Option<String>,
}

impl Envelope {
    /// Of a caller's request.
    pub fn of(ground: &Ground, caller: &Caller, request_id: &str, request: &impl prost::Name) -> Self {
        Self {
            scope: caller.scope.clone(),
            actor: caller.actor(),
            fingerprint: inbox::fingerprint(request),
            request_id: request_id.to_owned(),
            now: ground.clock.now(),
            traceparent: chassis::telemetry::traceparent(),
        }
    }

    async fn remember(
        &self,
        connection: &mut PgConnection,
        client_id: &ClientId,
        article_id: Uuid,
    ) -> Result<Seen, Error> {
        let key = request_key(client_id, &self.actor.actor_id, &self.request_id);
        Ok(inbox::remember_request(connection, client_id, key, &self.fingerprint, article_id).await?)
    }
}

/// Adds a new article. A request seen before changes nothing and gets the article as it is now.
///
/// # Errors
/// That its key is taken in its language, or the store failed.
pub async fn add(ground: &Ground, envelope: Envelope, article: Article) -> Result<Article, Error> {
    let scope = envelope.scope.clone();
    ground
        .store
        .unit_of_work(&scope, move |connection| {
            Box::pin(async move {
                match envelope.remember(connection, &article.client_id, article.article_id).await? {
                    Seen::Reused => Err(Error::Reused),
                    Seen::Before { outcome_id } => as_it_is(connection, outcome_id).await,
                    Seen::New if store::insert(connection, &article).await? => Ok(article),
                    Seen::New => Err(Rejection::Exists.into()),
                }
            })
        })
        .await
}

/// Decides on one article once; keeps the decision and its announcements in one transaction. A request seen before
/// changes nothing and gets the article as it is now.
///
/// # Errors
/// That the article is not there, that the command is not allowed now, or the store failed.
pub async fn change(ground: &Ground, envelope: Envelope, article_id: Uuid, command: Command) -> Result<Article, Error> {
    let scope = envelope.scope.clone();
    ground
        .store
        .unit_of_work(&scope, move |connection| {
            Box::pin(async move {
                let client_id = store::client_of(connection, article_id).await?.ok_or(Error::NoSuchArticle)?;
                match envelope.remember(connection, &client_id, article_id).await? {
                    Seen::Reused => return Err(Error::Reused),
                    Seen::Before { outcome_id } => return as_it_is(connection, outcome_id).await,
                    Seen::New => {}
                }
                let article = store::lock(connection, &client_id, article_id).await?;
                decide_and_save(connection, &envelope, article.ok_or(Error::NoSuchArticle)?, command).await
            })
        })
        .await
}

async fn as_it_is(connection: &mut PgConnection, article_id: Uuid) -> Result<Article, Error> {
    store::load(connection, article_id, None).await?.ok_or(Error::NoSuchArticle)
}

async fn decide_and_save(
    connection: &mut PgConnection,
    envelope: &Envelope,
    mut article: Article,
    command: Command,
) -> Result<Article, Error> {
    let mut announcements = Vec::new();
    for event in decide(&article, command)? {
        article = evolve(article, &event, envelope.now);
        store::save(connection, &article, &event, &envelope.actor.actor_id).await?;
        if let Some(fact) = wire::announced(&article, &event, &envelope.actor, &envelope.request_id) {
            announcements.push(Announcement::of(&fact, envelope.traceparent.clone())?);
        }
    }
    outbox::append(connection, &announcements).await?;
    Ok(article)
}
