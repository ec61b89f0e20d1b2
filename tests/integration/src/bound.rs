//! Tickets that belong together, as an agent binds them.

use chassis::authorisation::Role;
use contracts::intake::v1::split_service_client::SplitServiceClient;
use contracts::triage::v1::relation_service_client::RelationServiceClient;
use contracts::triage::v1::{
    LinkTicketsRequest, MergeTicketRequest, RelationKind, Ticket, UnlinkTicketsRequest, UnmergeTicketRequest,
};
use skranke::clients::Wire;

use crate::{Answer, Story};

/// An agent who binds tickets together.
#[derive(Debug)]
pub struct Binder {
    /// Triage's relations.
    pub relations: RelationServiceClient<Wire>,
    /// Intake's split.
    pub split: SplitServiceClient<Wire>,
    requests: u32,
}

impl Binder {
    /// An agent of some clients.
    ///
    /// # Errors
    /// If the token cannot be signed.
    pub fn new(story: &Story, subject: &str, clients: &[&str]) -> anyhow::Result<Self> {
        let grants: Vec<(Role, &str)> = clients.iter().map(|client| (Role::Agent, *client)).collect();
        let clients = story.as_one(subject, &grants)?;
        Ok(Self { relations: clients.relations()?, split: clients.split()?, requests: 0 })
    }

    /// A request_id that was not used.
    pub fn request_id(&mut self) -> String {
        self.requests += 1;
        format!("bind-{}", self.requests)
    }

    /// Says what a ticket is to another.
    ///
    /// # Errors
    /// What triage answers.
    pub async fn link(&mut self, ticket: &str, kind: RelationKind, other: &str) -> Answer<Ticket> {
        let request = LinkTicketsRequest {
            request_id: self.request_id(),
            ticket: ticket.to_owned(),
            kind: kind.into(),
            other_ticket: other.to_owned(),
            ..Default::default()
        };
        Ok(self.relations.link_tickets(request).await?.into_inner().ticket.unwrap_or_default())
    }

    /// Says so no longer.
    ///
    /// # Errors
    /// What triage answers.
    pub async fn unlink(&mut self, ticket: &str, kind: RelationKind, other: &str) -> Answer<Ticket> {
        let request = UnlinkTicketsRequest {
            request_id: self.request_id(),
            ticket: ticket.to_owned(),
            kind: kind.into(),
            other_ticket: other.to_owned(),
            ..Default::default()
        };
        Ok(self.relations.unlink_tickets(request).await?.into_inner().ticket.unwrap_or_default())
    }

    /// Ends a ticket as part of another.
    ///
    /// # Errors
    /// What triage answers.
    pub async fn merge(&mut self, ticket: &str, into: &str) -> Answer<Ticket> {
        let request = MergeTicketRequest {
            request_id: self.request_id(),
            ticket: ticket.to_owned(),
            other_ticket: into.to_owned(),
            note: "reported twice".to_owned(),
            ..Default::default()
        };
        Ok(self.relations.merge_ticket(request).await?.into_inner().ticket.unwrap_or_default())
    }

    /// Undoes it.
    ///
    /// # Errors
    /// What triage answers.
    pub async fn unmerge(&mut self, ticket: &str) -> Answer<Ticket> {
        let request = UnmergeTicketRequest {
            request_id: self.request_id(),
            ticket: ticket.to_owned(),
            reason: "another matter".to_owned(),
            ..Default::default()
        };
        Ok(self.relations.unmerge_ticket(request).await?.into_inner().ticket.unwrap_or_default())
    }
}
