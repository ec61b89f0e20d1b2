//! Messages that could not be handled: kept, listed, handled again.

use async_nats::jetstream::Message;
use contracts::operations::v1 as proto;
use sqlx::PgConnection;
use tracing::Instrument;
use uuid::Uuid;

use crate::consume::{Delivery, Failure, Handler};
use crate::{Error, Ground, Scope, new_id, telemetry};

/// Keeps a message. The same message again changes nothing.
pub(crate) async fn bury(
    ground: &Ground,
    message: &Message,
    delivery: Option<&Delivery>,
    why: &str,
    attempts: i64,
) -> Result<(), Error> {
    let client_id = delivery.map(|one| one.client_id.to_string()).unwrap_or_default();
    let event_id = delivery.map(|one| one.event_id);
    let traceparent = delivery.and_then(Delivery::traceparent);
    let (subject, payload) = (message.subject.to_string(), message.payload.clone());
    let (why, attempts) = (why.to_owned(), i32::try_from(attempts).unwrap_or(i32::MAX));
    ground
        .store
        .machinery(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO dead_letter (dead_letter_id, client_id, subject, event_id, payload, traceparent, why, attempts)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                     ON CONFLICT (event_id) DO UPDATE SET attempts = excluded.attempts, why = excluded.why",
                )
                .bind(new_id())
                .bind(client_id)
                .bind(subject)
                .bind(event_id)
                .bind(payload.as_ref())
                .bind(traceparent)
                .bind(why)
                .bind(attempts)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
}

#[derive(Debug, Clone, sqlx::FromRow)]
struct Letter {
    dead_letter_id: Uuid,
    client_id: String,
    subject: String,
    event_id: Option<Uuid>,
    payload: Vec<u8>,
    traceparent: Option<String>,
    why: String,
    attempts: i32,
    died_at: jiff_sqlx::Timestamp,
}

/// The dead letters after `after`, oldest first.
pub(crate) async fn list(
    ground: &Ground,
    scope: &Scope,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<proto::DeadLetter>, Error> {
    let letters = ground.store.read(scope, move |connection| Box::pin(load(connection, after, limit))).await?;
    Ok(letters
        .into_iter()
        .map(|letter| proto::DeadLetter {
            dead_letter_id: letter.dead_letter_id.to_string(),
            client_id: letter.client_id,
            subject: letter.subject,
            event_id: letter.event_id.map(|id| id.to_string()).unwrap_or_default(),
            why: letter.why,
            attempts: letter.attempts.unsigned_abs(),
            died_at: Some(contracts::timestamp(letter.died_at.to_jiff())),
        })
        .collect())
}

async fn load(connection: &mut PgConnection, after: Option<Uuid>, limit: i64) -> Result<Vec<Letter>, Error> {
    Ok(sqlx::query_as("SELECT * FROM dead_letter WHERE dead_letter_id > $1 ORDER BY dead_letter_id LIMIT $2")
        .bind(after.unwrap_or(Uuid::nil()))
        .bind(limit)
        .fetch_all(connection)
        .await?)
}

/// Handles letters again; those that succeed are gone. Returns (handled, failed).
pub(crate) async fn replay(
    ground: &Ground,
    scope: &Scope,
    wanted: &[Uuid],
    handler_of: impl Fn(&str) -> Option<Handler>,
) -> Result<(u32, u32), Error> {
    let (mut replayed, mut failed) = (0, 0);
    let mut after = None;
    loop {
        let letters = ground.store.read(scope, move |connection| Box::pin(load(connection, after, 200))).await?;
        let Some(last) = letters.last() else { return Ok((replayed, failed)) };
        after = Some(last.dead_letter_id);
        for letter in letters {
            if !wanted.is_empty() && !wanted.contains(&letter.dead_letter_id) {
                continue;
            }
            match replay_one(ground, &letter, &handler_of).await {
                Ok(()) => replayed += 1,
                Err(why) => {
                    tracing::warn!(subject = letter.subject, why, "a dead letter failed again");
                    failed += 1;
                }
            }
        }
    }
}

async fn replay_one(
    ground: &Ground,
    letter: &Letter,
    handler_of: &impl Fn(&str) -> Option<Handler>,
) -> Result<(), String> {
    let event_id = letter.event_id.ok_or("it has no event id")?;
    let client_id = contracts::ClientId::new(&letter.client_id).map_err(|error| error.to_string())?;
    let handler = handler_of(&letter.subject).ok_or("nobody here listens to its subject")?;
    let span = telemetry::handle(ground.service, &letter.subject, event_id, letter.traceparent.as_deref());
    let delivery = Delivery {
        event_id,
        client_id,
        subject: letter.subject.clone(),
        payload: letter.payload.clone().into(),
        span: span.clone(),
    };
    // Not the failure's innermost words: what Postgres says in detail may quote a row.
    handler(ground.clone(), vec![delivery]).instrument(span).await.map_err(|failure| match failure {
        Failure::Poison(why) => why,
        Failure::Retry(error) => error.chain(),
    })?;
    let dead_letter_id = letter.dead_letter_id;
    ground
        .store
        .machinery(move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM dead_letter WHERE dead_letter_id = $1")
                    .bind(dead_letter_id)
                    .execute(connection)
                    .await?;
                Ok::<_, Error>(())
            })
        })
        .await
        .map_err(|error| error.to_string())
}

/// How many there are.
pub(crate) async fn count(ground: &Ground) -> Result<u64, Error> {
    let count: i64 = ground
        .store
        .machinery(|connection| {
            Box::pin(async move {
                Ok::<_, Error>(sqlx::query_scalar("SELECT count(*) FROM dead_letter").fetch_one(connection).await?)
            })
        })
        .await?;
    Ok(count.unsigned_abs())
}
