//! Views, and lists by them.

use contracts::triage::v1 as proto;
use tonic::Status;

use chassis::authorisation::Caller;
use chassis::status;

use super::Api;
use super::read::clients;
use crate::handle::view::{self, Error};
use crate::store;
use crate::wire::Check;
use crate::wire::view::{saving, version, view as told, view_id};

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NotFound => status::not_found("view"),
            Error::NoClient => status::not_found("client"),
            Error::Changed => status::changed_meanwhile(text),
            Error::NameTaken => status::refused("NAME_TAKEN", text),
            Error::TooMany => status::refused("TOO_MANY_VIEWS", text),
            Error::LeadNeeded => status::refused("LEAD_NEEDED", text),
            Error::UnknownTeam => status::refused("UNKNOWN_TEAM", text),
            Error::World(error) => error.into(),
        }
    }
}

impl Api {
    /// A list as its view says; any other list as it is.
    pub(super) async fn by_view(
        &self,
        caller: &Caller,
        asked: proto::ListTicketsRequest,
    ) -> Result<proto::ListTicketsRequest, Status> {
        if asked.view_id.is_empty() {
            return Ok(asked);
        }
        let mut check = Check::default();
        let id = view_id("view_id", &asked.view_id, &mut check);
        if asked.filter.as_ref().is_some_and(|filter| *filter != proto::TicketFilter::default()) || asked.order != 0 {
            check.say("view_id", "goes without a filter and an order: the view has them");
        }
        check.done().map_err(status::invalid)?;
        let found = told(&view::find(&self.desk, caller, id).await?)?;
        let filter = proto::TicketFilter { client_ids: vec![found.client_id], ..found.filter.unwrap_or_default() };
        Ok(proto::ListTicketsRequest { filter: Some(filter), order: found.order, ..asked })
    }

    /// What is watched by a view, as it is now; anything else as it is.
    pub(super) async fn filter_of(
        &self,
        caller: &Caller,
        view_id: &str,
        filter: Option<&proto::TicketFilter>,
    ) -> Result<Option<proto::TicketFilter>, Status> {
        let (view_id, filter) = (view_id.to_owned(), filter.cloned());
        let listed = self.by_view(caller, proto::ListTicketsRequest { view_id, filter, ..Default::default() }).await?;
        Ok(listed.filter)
    }

    pub(super) async fn save_view(
        &self,
        caller: &Caller,
        asked: &proto::SaveViewRequest,
    ) -> Result<proto::SaveViewResponse, Status> {
        let asked = saving(asked).map_err(status::invalid)?;
        let saved = view::save(&self.desk, caller, asked).await?;
        Ok(proto::SaveViewResponse { view: Some(told(&saved)?) })
    }

    pub(super) async fn view(
        &self,
        caller: &Caller,
        asked: &proto::GetViewRequest,
    ) -> Result<proto::GetViewResponse, Status> {
        let mut check = Check::default();
        let id = view_id("view_id", &asked.view_id, &mut check);
        check.done().map_err(status::invalid)?;
        let found = view::find(&self.desk, caller, id).await?;
        Ok(proto::GetViewResponse { view: Some(told(&found)?) })
    }

    pub(super) async fn views(
        &self,
        caller: &Caller,
        asked: &proto::ListViewsRequest,
    ) -> Result<proto::ListViewsResponse, Status> {
        let clients = clients(caller, &asked.client_ids)?;
        let agent = caller.principal.subject.clone();
        let read = self.ground.store.read(&caller.scope, move |connection| {
            Box::pin(async move { store::view::list(connection, clients, &agent).await })
        });
        let views: Result<Vec<_>, chassis::Error> = read.await?.iter().map(told).collect();
        Ok(proto::ListViewsResponse { views: views? })
    }

    pub(super) async fn delete_view(
        &self,
        caller: &Caller,
        asked: &proto::DeleteViewRequest,
    ) -> Result<proto::DeleteViewResponse, Status> {
        let mut check = Check::default();
        let (id, version) = (view_id("view_id", &asked.view_id, &mut check), version(&asked.etag, &mut check));
        check.done().map_err(status::invalid)?;
        view::delete(&self.desk, caller, id, version).await?;
        Ok(proto::DeleteViewResponse {})
    }
}
