//! Who speaks to the requesters of which tickets.

use chassis::Error;
use contracts::ClientId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::wire::messages::ContactRule;

/// Where a ticket lies.
#[derive(Debug, Clone)]
pub struct Place {
    /// Whose.
    pub client_id: ClientId,
    /// Which.
    pub ticket_id: Uuid,
    /// Of triage's fact.
    pub revision: i64,
    /// In which queue.
    pub queue: String,
}

/// What stands in somebody's way.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Rule {
    /// The queue that speaks for the ticket's; empty: its own agents do.
    pub through: String,
    /// They do not speak.
    pub is_silent: bool,
    /// The channel is none of the queue's.
    pub is_shut: bool,
}

/// Sets a client's rules.
pub async fn apply(connection: &mut PgConnection, client_id: &ClientId, rules: &[ContactRule]) -> Result<(), Error> {
    sqlx::query("DELETE FROM contact_rule WHERE client_id = $1")
        .bind(client_id.as_str())
        .execute(&mut *connection)
        .await?;
    for rule in rules {
        let silent: Vec<String> = rule.silent_agents.iter().map(|agent| agent.to_lowercase()).collect();
        let channels: Vec<i16> = rule.channels.iter().filter_map(|channel| i16::try_from(*channel).ok()).collect();
        sqlx::query(
            "INSERT INTO contact_rule (client_id, queue, through, silent_agents, channels) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(client_id.as_str())
        .bind(&rule.queue)
        .bind(&rule.through)
        .bind(silent)
        .bind(channels)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Keeps where tickets lie, the newest of each, for clients that have rules.
pub async fn keep_places(connection: &mut PgConnection, places: &[Place]) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO ticket_queue AS known (client_id, ticket_id, queue, heard_revision)
         SELECT DISTINCT ON (w.client_id, w.ticket_id) w.client_id, w.ticket_id, w.queue, w.revision
         FROM UNNEST($1::text[], $2::uuid[], $3::text[], $4::bigint[]) AS w (client_id, ticket_id, queue, revision)
         WHERE EXISTS (SELECT 1 FROM contact_rule r WHERE r.client_id = w.client_id)
         ORDER BY w.client_id, w.ticket_id, w.revision DESC
         ON CONFLICT (client_id, ticket_id) DO UPDATE SET queue = excluded.queue, heard_revision = excluded.heard_revision
         WHERE known.heard_revision < excluded.heard_revision",
    )
    .bind(places.iter().map(|one| one.client_id.as_str()).collect::<Vec<_>>())
    .bind(places.iter().map(|one| one.ticket_id).collect::<Vec<_>>())
    .bind(places.iter().map(|one| one.queue.as_str()).collect::<Vec<_>>())
    .bind(places.iter().map(|one| one.revision).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// What the policy says of somebody who writes on a ticket over a channel; `None`: nothing.
pub async fn rule(
    connection: &mut PgConnection,
    client_id: &ClientId,
    ticket_id: Uuid,
    who: &str,
    channel: i32,
) -> Result<Option<Rule>, Error> {
    Ok(sqlx::query_as(
        "SELECT r.through, $3 = ANY(r.silent_agents) AS is_silent,
                r.channels <> '{}' AND $4 <> ALL(r.channels) AS is_shut
         FROM ticket_queue q JOIN contact_rule r ON r.client_id = q.client_id AND r.queue = q.queue
         WHERE q.client_id = $1 AND q.ticket_id = $2",
    )
    .bind(client_id.as_str())
    .bind(ticket_id)
    .bind(who.to_lowercase())
    .bind(i16::try_from(channel).unwrap_or_default())
    .fetch_optional(connection)
    .await?)
}
