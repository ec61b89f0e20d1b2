//! Who may look into confidential tickets. Triage tells it, every store keeps it, and one function of the store judges:
//! `may_read(client_id, ticket_id, subject)`, which lists have among their conditions.
//!
//! Told are the queues that are confidential with whom they are for, and tickets that lie in them with whoever works on
//! them. What was never told is not confidential.

use std::collections::HashSet;

use contracts::triage::v1::event::Fact as Told;
use contracts::triage::v1::{ConfidentialQueuesTold, ConfidentialTicketTold, Event};
use contracts::{ClientId, Fact as _};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::consume::{Delivery, Failure};
use crate::{Error, Ground, Scope};

/// The facts that tell it, as subjects name them.
pub const FACTS: [&str; 2] = ["confidential_queues_told", "confidential_ticket_told"];

/// Keeps what of these deliveries tells who may look; returns the others. Repeats and any order change nothing.
///
/// # Errors
/// Poison if one of them says nothing usable; or that the store failed.
pub async fn heed(ground: &Ground, deliveries: Vec<Delivery>) -> Result<Vec<Delivery>, Failure> {
    let is_ours = |one: &Delivery| one.service() == "triage" && FACTS.contains(&one.fact());
    if !deliveries.iter().any(is_ours) {
        return Ok(deliveries);
    }
    let (ours, others): (Vec<Delivery>, Vec<Delivery>) = deliveries.into_iter().partition(is_ours);
    let (mut queues, mut tickets) = (Vec::new(), Vec::new());
    for one in &ours {
        match Event::received(&one.subject, &one.payload)?.fact {
            Some(Told::ConfidentialQueuesTold(told)) => queues.push((one.client_id.clone(), told)),
            Some(Told::ConfidentialTicketTold(told)) => {
                // So that it fails here, where it is the message's fault.
                ticket_id(&told).map_err(|error| Failure::Poison(error.to_string()))?;
                tickets.push((one.client_id.clone(), told));
            }
            _ => return Err(Failure::Poison("it does not tell what its subject says".to_owned())),
        }
    }
    // In one order everywhere, so that two transactions never wait for each other.
    queues.sort_by(|one, other| one.0.cmp(&other.0));
    let scope = Scope::of_all(ours.iter().map(|one| &one.client_id));
    let kept = ground.store.unit_of_work(&scope, move |connection| {
        Box::pin(async move {
            for (client_id, told) in &queues {
                keep_queues(connection, client_id, told).await?;
            }
            keep_tickets(connection, &tickets).await
        })
    });
    kept.await.map_err(|error: Error| Failure::Retry(error))?;
    Ok(others)
}

fn ticket_id(told: &ConfidentialTicketTold) -> Result<Uuid, Error> {
    Uuid::try_parse(&told.ticket_id).map_err(|error| Error::Internal(error.into()))
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Keeps which queues of a client are confidential, unless something newer is known.
///
/// # Errors
/// If the store failed.
pub async fn keep_queues(
    connection: &mut PgConnection,
    client_id: &ClientId,
    told: &ConfidentialQueuesTold,
) -> Result<(), Error> {
    let is_newer = sqlx::query(
        "INSERT INTO confidential_client AS known (client_id, version) VALUES ($1, $2)
         ON CONFLICT (client_id) DO UPDATE SET version = excluded.version WHERE known.version < excluded.version",
    )
    .bind(client_id.as_str())
    .bind(number(told.version))
    .execute(&mut *connection)
    .await?;
    if is_newer.rows_affected() == 0 {
        return Ok(());
    }
    let names: Vec<&str> = told.queues.iter().map(|one| one.queue.as_str()).collect();
    sqlx::query("DELETE FROM confidential_queue WHERE client_id = $1 AND queue <> ALL($2)")
        .bind(client_id.as_str())
        .bind(names)
        .execute(&mut *connection)
        .await?;
    for one in &told.queues {
        sqlx::query(
            "INSERT INTO confidential_queue (client_id, queue, since_version, agents) VALUES ($1, $2, $3, $4)
             ON CONFLICT (client_id, queue)
             DO UPDATE SET since_version = excluded.since_version, agents = excluded.agents",
        )
        .bind(client_id.as_str())
        .bind(&one.queue)
        .bind(number(one.since_version))
        .bind(&one.agents)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Keeps where tickets lie and who works on them, as far as nothing newer is known of them.
///
/// # Errors
/// [`Error::Internal`] if a ticket_id is none; or that the store failed.
pub async fn keep_tickets(
    connection: &mut PgConnection,
    told: &[(ClientId, ConfidentialTicketTold)],
) -> Result<(), Error> {
    let mut newest: Vec<(&str, Uuid, &ConfidentialTicketTold)> = Vec::with_capacity(told.len());
    for (client_id, one) in told {
        newest.push((client_id.as_str(), ticket_id(one)?, one));
    }
    // The last word of each ticket, in one order everywhere.
    newest.sort_by_key(|(client_id, ticket_id, one)| {
        (*client_id, *ticket_id, std::cmp::Reverse((one.revision, one.version)))
    });
    newest.dedup_by_key(|(client_id, ticket_id, _)| (*client_id, *ticket_id));
    for (client_id, ticket_id, one) in newest {
        sqlx::query(
            "INSERT INTO confidential_ticket AS known (client_id, ticket_id, revision, version, queue, people)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (client_id, ticket_id) DO UPDATE
             SET revision = excluded.revision, version = excluded.version, queue = excluded.queue,
                 people = excluded.people
             WHERE (known.revision, known.version) < (excluded.revision, excluded.version)",
        )
        .bind(client_id)
        .bind(ticket_id)
        .bind(number(one.revision))
        .bind(number(one.version))
        .bind(&one.queue)
        .bind(&one.people)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Whether somebody may look into a ticket of a client, as far as this store was told.
///
/// # Errors
/// If the store failed.
pub async fn may_read(
    connection: &mut PgConnection,
    client_id: &str,
    ticket_id: Uuid,
    subject: &str,
) -> Result<bool, Error> {
    Ok(sqlx::query_scalar("SELECT may_read($1, $2, $3)")
        .bind(client_id)
        .bind(ticket_id)
        .bind(subject)
        .fetch_one(connection)
        .await?)
}

/// Those of these tickets into which somebody may not look, as far as this store was told.
///
/// # Errors
/// If the store failed.
pub async fn hidden_among(
    connection: &mut PgConnection,
    tickets: &[(String, Uuid)],
    subject: &str,
) -> Result<HashSet<Uuid>, Error> {
    if tickets.is_empty() {
        return Ok(HashSet::new());
    }
    let (clients, ids): (Vec<&str>, Vec<Uuid>) =
        tickets.iter().map(|(client_id, ticket_id)| (client_id.as_str(), *ticket_id)).unzip();
    let hidden: Vec<Uuid> = sqlx::query_scalar(
        "SELECT k.ticket_id FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         WHERE NOT may_read(k.client_id, k.ticket_id, $3)",
    )
    .bind(clients)
    .bind(ids)
    .bind(subject)
    .fetch_all(connection)
    .await?;
    Ok(hidden.into_iter().collect())
}
