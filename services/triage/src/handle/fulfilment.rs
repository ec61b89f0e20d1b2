//! What decisions on vendors, approvals and changes go by beside the ticket.

use sqlx::PgConnection;

use chassis::Error;

use crate::domain::Ticket;
use crate::domain::fulfilment::Errand;
use crate::store;

/// Looks up what the errand is decided on.
///
/// # Errors
/// If the store failed.
pub(super) async fn look(connection: &mut PgConnection, ticket: &Ticket, errand: &mut Errand) -> Result<(), Error> {
    match errand {
        Errand::RequestApproval { requester_email, .. } => {
            requester_email.clone_from(&ticket.matter.requester_email);
        }
        Errand::PlanChange(plan) => {
            plan.requester_email.clone_from(&ticket.matter.requester_email);
            let (from_at, until_at) = (plan.window_from_at, plan.window_until_at);
            plan.collisions = store::fulfilment::collisions(connection, ticket, from_at, until_at).await?;
        }
        _ => {}
    }
    Ok(())
}
