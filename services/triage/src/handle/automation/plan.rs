//! A client's rules have become others, or a time of day has come: its tickets are looked through.

use std::collections::BTreeSet;

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::{Clock, Error, Scope, store as kept};

use super::note_stays;
use crate::domain::SupportModel;
use crate::domain::automation::replay::daily_id;
use crate::domain::automation::{DAILY, Daily, Trigger};
use crate::handle::{Desk, Models};
use crate::store::automation::{self as rows, AT_ONCE, Due};
use crate::store::{self, Key};
use crate::wire::model::{AppliedModel, compiled};

/// Tickets that are looked through in one transaction.
const BATCH: i64 = 200;

/// Notes with a new model that its rules have to be looked after, if it has any or the one before it had.
///
/// # Errors
/// If the store failed.
pub(in crate::handle) async fn begin(
    connection: &mut PgConnection,
    client_id: &ClientId,
    model: &AppliedModel,
    had_rules: bool,
    now: Timestamp,
) -> Result<(), Error> {
    if model.automation.is_empty() && !had_rules {
        return Ok(());
    }
    let next_at = next_at(&compiled(model), now);
    rows::begin(connection, client_id, next_at).await
}

/// When a rule that comes daily is due next.
fn next_at(model: &SupportModel, now: Timestamp) -> Option<Timestamp> {
    dailies(model).filter_map(|(_, daily)| daily.after(now)).min()
}

fn dailies(model: &SupportModel) -> impl Iterator<Item = (&str, &Daily)> {
    model.automation.active().filter_map(|rule| match &rule.trigger {
        Trigger::Daily(daily) => Some((rule.rule.as_str(), daily)),
        _ => None,
    })
}

/// Looks through some of a client's tickets, and notes what a time of day that has come triggers. One replica at a time,
/// by the lock on the client's row.
///
/// # Errors
/// If the store failed; nothing was noted then.
pub async fn look_through(desk: &Desk, client_id: &ClientId) -> Result<(), Error> {
    let scope = Scope::of(client_id);
    let (models, clock, client_id) = (desk.models.clone(), desk.ground.clock.clone(), client_id.clone());
    let store = &desk.ground.store;
    store.unit_of_work(&scope, move |connection| Box::pin(look(connection, client_id, models, clock))).await
}

async fn look(connection: &mut PgConnection, client_id: ClientId, models: Models, clock: Clock) -> Result<(), Error> {
    let now = kept::now(connection, &clock).await?;
    let Some((mut after, mut daily_at)) = rows::hold(connection, &client_id).await? else { return Ok(()) };
    let model = models.one(connection, &client_id).await?;
    if let Some(from) = after {
        let ids = rows::tickets_after(connection, &client_id, from, false, BATCH).await?;
        let keys: Vec<Key> = ids.iter().map(|id| (client_id.clone(), *id)).collect();
        // Whoever changes one of them meanwhile notes its stays afterwards.
        store::ticket::lock_known(connection, &keys).await?;
        note_stays(connection, &keys, |_| Some(&*model)).await?;
        let is_all = i64::try_from(ids.len()).is_ok_and(|count| count < BATCH);
        after = if is_all { None } else { ids.last().copied() };
    }
    if let Some(at) = daily_at.filter(|at| *at <= now) {
        note_dailies(connection, &client_id, &model, at).await?;
        daily_at = next_at(&model, now);
    }
    rows::keep(connection, &client_id, after, daily_at).await
}

/// The rules whose time has come are to be looked at on every open ticket. However late that is: once.
async fn note_dailies(
    connection: &mut PgConnection,
    client_id: &ClientId,
    model: &SupportModel,
    at: Timestamp,
) -> Result<(), Error> {
    let before = at.saturating_sub(SignedDuration::from_micros(1)).unwrap_or(at);
    let rules: BTreeSet<&str> =
        dailies(model).filter(|(_, daily)| daily.after(before) == Some(at)).map(|(rule, _)| rule).collect();
    let mut from = Uuid::nil();
    while !rules.is_empty() {
        let ids = rows::tickets_after(connection, client_id, from, true, BATCH).await?;
        let Some(last) = ids.last() else { break };
        from = *last;
        let due = ids.iter().flat_map(|ticket_id| rules.iter().map(|rule| daily(client_id, *ticket_id, rule, at)));
        rows::note(connection, &due.collect::<Vec<_>>()).await?;
    }
    Ok(())
}

fn daily(client_id: &ClientId, ticket_id: Uuid, rule: &str, at: Timestamp) -> Due {
    let fact_id = daily_id(ticket_id, rule, at);
    Due {
        key: (client_id.clone(), ticket_id),
        due_id: fact_id,
        trigger: DAILY.to_owned(),
        rule: Some(rule.to_owned()),
        fact_id,
        at,
        due_at: AT_ONCE,
    }
}
