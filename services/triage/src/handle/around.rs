//! What a command's decision goes by: loaded only as far as the command asks for it.

use jiff::Timestamp;
use sqlx::PgConnection;

use chassis::Error;

use crate::domain::{Actor, Command, Loads, SupportModel, Ticket, WaitingReason};
use crate::store::posts;

/// Whether the decision goes by more than the ticket itself: by what other commands of the same group may change.
pub(super) fn looks(ticket: &Ticket, command: &Command, model: &SupportModel) -> bool {
    match command {
        Command::HandOver { queue, .. } => is_limited(model, queue),
        Command::Claim | Command::Assign { .. } => is_limited(model, &ticket.work.placement.queue),
        Command::Triage(_) | Command::Release | Command::Return { .. } | Command::CallBack { .. } => false,
        Command::JoinSwarm | Command::InviteToSwarm { .. } | Command::LeaveSwarm => false,
        Command::Wait { .. } | Command::Resume | Command::Resolve { .. } => false,
        Command::Confirm | Command::Reopen { .. } | Command::Close | Command::Workspace(_) => false,
        // Whatever is not named looks, to be on the safe side: what was decided before it is written first.
        _ => true,
    }
}

fn is_limited(model: &SupportModel, queue: &str) -> bool {
    model.queues.get(queue).is_some_and(|queue| queue.work_limit > 0)
}

/// What those have on the table who get it, or may get it, where that is limited.
pub(super) async fn loads(
    connection: &mut PgConnection,
    ticket: &Ticket,
    command: &Command,
    by: &Actor,
    model: &SupportModel,
    now: Timestamp,
) -> Result<Loads, Error> {
    let queue = match command {
        Command::HandOver { queue, .. } => queue,
        Command::Claim | Command::Assign { .. } => &ticket.work.placement.queue,
        _ => return Ok(Loads::new()),
    };
    if !is_limited(model, queue) {
        return Ok(Loads::new());
    }
    let (agents, takes) = match command {
        Command::Assign { owner, .. } => (vec![owner.as_str()], true),
        Command::Claim => (vec![by.actor_id.as_str()], true),
        _ => (model.on_duty_at(queue, now).into_iter().map(|agent| agent.agent.as_str()).collect(), false),
    };
    posts::loads(connection, &ticket.client_id, queue, &agents, takes).await
}

/// Whether the requester has been asked something that they have not answered; looked up only for a wait for them.
pub(super) async fn is_asked(connection: &mut PgConnection, ticket: &Ticket, command: &Command) -> Result<bool, Error> {
    match command {
        Command::Wait { reason: WaitingReason::Requester, .. } => {
            posts::is_asked(connection, &(ticket.client_id.clone(), ticket.ticket_id)).await
        }
        _ => Ok(false),
    }
}
