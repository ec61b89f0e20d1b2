//! Who is at a ticket, and drafts.

use contracts::timestamp;
use contracts::triage::v1 as proto;
use tonic::Status;

use chassis::authorisation::Caller;
use chassis::status;

use super::Api;
use super::read::clients;
use crate::handle::draft::{self, Error};
use crate::store;
use crate::wire::draft as wire;

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NotFound(what) => status::not_found(what),
            Error::Changed => status::changed_meanwhile(text),
            Error::TooMany => status::refused("TOO_MANY_DRAFTS", text),
            Error::World(error) => error.into(),
        }
    }
}

impl Api {
    pub(super) async fn tell_presence(
        &self,
        caller: &Caller,
        asked: &proto::TellPresenceRequest,
    ) -> Result<proto::TellPresenceResponse, Status> {
        let (name, doing) = wire::telling(asked).map_err(status::invalid)?;
        let (present, until_at) = draft::tell(&self.desk, caller, name, Some(doing)).await?;
        let others = present.iter().filter(|one| one.agent != caller.principal.subject);
        Ok(proto::TellPresenceResponse {
            others: others.map(wire::present).collect(),
            until_at: until_at.map(timestamp),
        })
    }

    pub(super) async fn presence(
        &self,
        caller: &Caller,
        asked: &proto::ListPresenceRequest,
    ) -> Result<proto::ListPresenceResponse, Status> {
        let name = wire::ticket(&asked.ticket).map_err(status::invalid)?;
        let (present, _) = draft::tell(&self.desk, caller, name, None).await?;
        Ok(proto::ListPresenceResponse { present: present.iter().map(wire::present).collect() })
    }

    pub(super) async fn save_draft(
        &self,
        caller: &Caller,
        asked: &proto::SaveDraftRequest,
    ) -> Result<proto::SaveDraftResponse, Status> {
        let asked = wire::saving(asked).map_err(status::invalid)?;
        let saved = draft::save(&self.desk, caller, asked).await?;
        Ok(proto::SaveDraftResponse { draft: Some(wire::found(&saved)) })
    }

    pub(super) async fn draft(
        &self,
        caller: &Caller,
        asked: &proto::GetDraftRequest,
    ) -> Result<proto::GetDraftResponse, Status> {
        let name = wire::ticket(&asked.ticket).map_err(status::invalid)?;
        let found = draft::find(&self.desk, caller, name).await?;
        Ok(proto::GetDraftResponse { draft: Some(wire::found(&found)) })
    }

    pub(super) async fn drafts(
        &self,
        caller: &Caller,
        asked: &proto::ListDraftsRequest,
    ) -> Result<proto::ListDraftsResponse, Status> {
        let clients = clients(caller, &asked.client_ids)?;
        let agent = caller.principal.subject.clone();
        let read = self.ground.store.read(&caller.scope, move |connection| {
            Box::pin(async move { store::draft::list(connection, clients, &agent).await })
        });
        Ok(proto::ListDraftsResponse { drafts: read.await?.iter().map(wire::listed).collect() })
    }

    pub(super) async fn discard_draft(
        &self,
        caller: &Caller,
        asked: &proto::DiscardDraftRequest,
    ) -> Result<proto::DiscardDraftResponse, Status> {
        let (name, version) = wire::discarding(asked).map_err(status::invalid)?;
        draft::discard(&self.desk, caller, name, version).await?;
        Ok(proto::DiscardDraftResponse {})
    }
}
