//! Signs of life: one that stops is itself an incident, and its coming back ends it as any alert ends.

use chassis::{Clock, Error, Ground, Scope, store as kept};
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;

use super::alerts::{hold, take};
use crate::domain::alert::Action;
use crate::domain::limits;
use crate::settings::Settings;
use crate::store::{self, Heartbeat};
use crate::wire;
use crate::wire::alert::{Beat, silence};
use crate::wire::messages::AlertSeverity;

/// What became of a sign of life.
#[derive(Debug, Clone)]
pub enum Beaten {
    /// It is expected like this now.
    Now(Heartbeat),
    /// There is no such client.
    NoClient,
    /// The client expects as many as can be.
    TooMany,
}

fn severity(number: i16) -> AlertSeverity {
    AlertSeverity::try_from(i32::from(number)).unwrap_or(AlertSeverity::Error)
}

/// Notes a sign of life.
///
/// # Errors
/// If the store failed; nothing was noted then.
pub async fn put(ground: &Ground, settings: &Settings, beat: Beat) -> Result<Beaten, Error> {
    let (clock, settings) = (ground.clock.clone(), settings.clone());
    let scope = Scope::of(&beat.client_id);
    ground.store.unit_of_work(&scope, move |connection| Box::pin(note(connection, settings, beat, clock))).await
}

async fn note(connection: &mut PgConnection, settings: Settings, beat: Beat, clock: Clock) -> Result<Beaten, Error> {
    let homes = hold(connection, std::iter::once(&beat.client_id)).await?;
    if homes.is_empty() {
        return Ok(Beaten::NoClient);
    }
    let now = kept::now(connection, &clock).await?;
    let known = store::heartbeats(connection, &beat.client_id, Some(&beat.name)).await?.into_iter().next();
    if known.is_none() && !beat.ends {
        let count = store::count_heartbeats(connection, &beat.client_id).await?;
        if count >= limits::HEARTBEATS {
            return Ok(Beaten::TooMany);
        }
    }
    let due_at = now.saturating_add(beat.every).and_then(|at| at.saturating_add(beat.grace)).unwrap_or(now);
    let heartbeat = Heartbeat {
        client_id: beat.client_id.clone(),
        name: beat.name.clone(),
        every: beat.every,
        grace: beat.grace,
        severity: i16::try_from(i32::from(beat.severity)).unwrap_or_default(),
        beaten_at: now,
        due_at: (!beat.ends).then_some(due_at),
    };
    if beat.ends {
        store::end_heartbeat(connection, &beat.client_id, &beat.name).await?;
    } else {
        store::save_heartbeat(connection, &heartbeat).await?;
    }
    if known.is_some_and(|known| known.due_at.is_none()) {
        let post = silence(&beat.client_id, &beat.name, beat.severity, now, Action::Resolve, beat.actor);
        take(connection, &settings, homes, vec![post], now).await?;
    }
    Ok(Beaten::Now(heartbeat))
}

/// A sign of life stays away: it becomes an incident, if it still does by the store's clock.
///
/// # Errors
/// If the store failed; nothing was noted then.
pub async fn miss(ground: &Ground, settings: &Settings, client_id: ClientId, name: String) -> Result<(), Error> {
    let (clock, settings) = (ground.clock.clone(), settings.clone());
    let scope = Scope::of(&client_id);
    let store = &ground.store;
    store.unit_of_work(&scope, move |connection| Box::pin(missed(connection, settings, client_id, name, clock))).await
}

async fn missed(
    connection: &mut PgConnection,
    settings: Settings,
    client_id: ClientId,
    name: String,
    clock: Clock,
) -> Result<(), Error> {
    let homes = hold(connection, std::iter::once(&client_id)).await?;
    let now = kept::now(connection, &clock).await?;
    let known = store::heartbeats(connection, &client_id, Some(&name)).await?.into_iter().next();
    let is_due = |one: &Heartbeat| one.due_at.is_some_and(|at: Timestamp| at <= now);
    let Some(known) = known.filter(is_due) else { return Ok(()) };
    store::save_heartbeat(connection, &Heartbeat { due_at: None, ..known.clone() }).await?;
    let severity = severity(known.severity);
    let post = silence(&client_id, &name, severity, known.beaten_at, Action::Trigger, wire::desk());
    take(connection, &settings, homes, vec![post], now).await?;
    Ok(())
}
