//! What somebody may not look into, by the newest models: judged anew with each look. The other services judge by what
//! is told here, and so do triage's own lists of what hangs on tickets.

use std::collections::BTreeMap;

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;

use chassis::outbox::{self, Announcement};
use chassis::{Error, confidential as kept};

use super::{Change, Models};
use crate::domain::{SupportModel, Ticket};
use crate::store;
use crate::store::confidential::{self as rows, Backlog};
use crate::store::list::Hidden;
use crate::wire::confidential as told;

/// Tickets of a queue that are told of in one transaction.
const BATCH: i64 = 200;
/// Whoever decided by the former model is done after so long: then the queue is looked through once more.
const SETTLES_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// The queues that are hidden from somebody. `clients` `None`: of all in scope.
///
/// # Errors
/// If the store failed.
pub async fn hidden(
    connection: &mut PgConnection,
    models: &Models,
    clients: Option<&[String]>,
    agent: String,
) -> Result<Hidden, Error> {
    let clients: Vec<ClientId> = match clients {
        Some(clients) => clients.iter().filter_map(|client_id| ClientId::new(client_id).ok()).collect(),
        None => store::model::clients(connection).await?,
    };
    let mut queues = Vec::new();
    for (client_id, model) in models.of(connection, &clients).await? {
        queues.extend(model.hidden_from(&agent).into_iter().map(|queue| (client_id.to_string(), queue)));
    }
    Ok(Hidden { agent, queues })
}

/// Tells where changed tickets lie and who works on them, if they lie in a confidential queue or leave one.
///
/// # Errors
/// If the store failed.
pub(super) async fn follow<'a>(
    connection: &mut PgConnection,
    changes: &[Change],
    model_of: impl Fn(&ClientId) -> Option<&'a SupportModel>,
) -> Result<(), Error> {
    let concerned = changes.iter().filter_map(|change| {
        let model = model_of(&change.ticket.client_id)?;
        let is_told = model.is_to_be_told(&change.ticket.work, &change.happened);
        is_told.then_some((&change.ticket, model.version))
    });
    let concerned: Vec<(&Ticket, u64)> = concerned.collect();
    if concerned.is_empty() { Ok(()) } else { tell_of(connection, &concerned).await }
}

async fn tell_of(connection: &mut PgConnection, tickets: &[(&Ticket, u64)]) -> Result<(), Error> {
    let known: Vec<(ClientId, told::TicketTold)> =
        tickets.iter().map(|(ticket, version)| (ticket.client_id.clone(), told::ticket(ticket, *version))).collect();
    kept::keep_tickets(connection, &known).await?;
    let announced = tickets.iter().zip(known).map(|((ticket, _), (client_id, told))| {
        let fact = told::Fact::ConfidentialTicketTold(told);
        Announcement::of(&told::event(&client_id, fact, ticket.work.changed_at), None)
    });
    let announced: Vec<Announcement> = announced.collect::<Result<_, _>>()?;
    outbox::append(connection, &announced).await
}

/// Tells a client's confidential queues if they are others than those that were told last, then of the tickets that lie
/// in those that have become so, some at a time. Returns whether there are more.
///
/// # Errors
/// If the store failed.
pub(super) async fn tell(
    connection: &mut PgConnection,
    client_id: &ClientId,
    model: &SupportModel,
    now: Timestamp,
) -> Result<bool, Error> {
    let before = rows::queues(connection, client_id).await?;
    let wanted = model.confidential_queues();
    let is_same = wanted.len() == before.len()
        && wanted.iter().all(|(queue, agents)| before.get(*queue).is_some_and(|(_, known)| known == agents));
    if !is_same {
        let since: BTreeMap<&str, u64> = wanted
            .keys()
            .map(|queue| (*queue, before.get(*queue).map_or(model.version, |(since, _)| *since)))
            .collect();
        let queues = told::queues(model.version, &wanted, &since);
        kept::keep_queues(connection, client_id, &queues).await?;
        let fact = told::Fact::ConfidentialQueuesTold(queues);
        let announced = Announcement::of(&told::event(client_id, fact, now), None)?;
        outbox::append(connection, &[announced]).await?;
        let new: Vec<&str> = wanted.keys().copied().filter(|queue| !before.contains_key(*queue)).collect();
        let again_at = now.saturating_add(SETTLES_AFTER).unwrap_or(now);
        rows::begin_backlog(connection, client_id, &new, again_at).await?;
    }
    let Some(backlog) = rows::backlog(connection, client_id, now).await? else { return Ok(false) };
    tell_backlog(connection, client_id, model, backlog).await
}

async fn tell_backlog(
    connection: &mut PgConnection,
    client_id: &ClientId,
    model: &SupportModel,
    backlog: Backlog,
) -> Result<bool, Error> {
    let tickets = rows::untold(connection, client_id, &backlog, BATCH).await?;
    let told: Vec<(&Ticket, u64)> = tickets.iter().map(|ticket| (ticket, model.version)).collect();
    if !told.is_empty() {
        tell_of(connection, &told).await?;
    }
    let is_more = i64::try_from(tickets.len()).is_ok_and(|count| count >= BATCH);
    let last = tickets.last().map(|ticket| ticket.ticket_id).filter(|_| is_more);
    rows::go_on(connection, client_id, &backlog, last).await?;
    Ok(true)
}
