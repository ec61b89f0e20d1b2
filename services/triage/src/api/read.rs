//! Questions, and support models.

use contracts::ClientId;
use contracts::triage::v1 as proto;
use jiff::Timestamp;
use tonic::Status;

use chassis::authorisation::Caller;
use chassis::status::{self, Violation};
use chassis::{Error, PageToken, page_size};

use super::{Api, discreet};
use crate::handle;
use crate::handle::confidential::hidden;
use crate::store;
use crate::store::list::{Filter, LastKey};
use crate::store::relation::Unseen;
use crate::store::ticket::clients_of;
use crate::wire::{self, Check, request};

/// Entries of a page if the caller does not say.
const DEFAULT_PAGE: u32 = 50;
/// Most entries of a page.
const MAX_PAGE: u32 = 1_000;
/// Relations that are shown with a ticket.
const MOST_RELATIONS: i64 = 200;

/// The caller, among owners and watchers of a filter.
const ME: &str = "@me";

/// Narrows a filter to what the caller may see.
///
/// # Errors
/// NOT_FOUND if it names a client that is not the caller's.
pub(super) fn within(caller: &Caller, mut filter: Filter, named: &[ClientId]) -> Result<Filter, Status> {
    for client_id in named {
        caller.scope_of(client_id)?;
    }
    filter.clients = clients_of(&caller.scope.narrowed_to(named));
    for name in filter.owners.iter_mut().chain(&mut filter.watchers).filter(|name| *name == ME) {
        name.clone_from(&caller.principal.subject);
    }
    Ok(filter)
}

/// The clients that a question names, else all of the caller's; `None`: everybody's.
///
/// # Errors
/// INVALID_ARGUMENT for what is no client's word, NOT_FOUND if one is not the caller's.
pub(super) fn clients(caller: &Caller, named: &[String]) -> Result<Option<Vec<String>>, Status> {
    let mut check = Check::default();
    let named = wire::fulfilment::request::clients(named, &mut check);
    check.done().map_err(status::invalid)?;
    for client_id in &named {
        caller.scope_of(client_id)?;
    }
    Ok(clients_of(&caller.scope.narrowed_to(&named)))
}

impl Api {
    pub(super) async fn whole_ticket(&self, caller: Caller, named: &str) -> Result<proto::Ticket, Status> {
        let mut check = Check::default();
        let name = request::named(named, &mut check);
        check.done().map_err(status::invalid)?;
        let models = self.desk.models.clone();
        let agent = caller.principal.subject.clone();
        let found = self
            .ground
            .store
            .read(&caller.scope, move |connection| {
                Box::pin(async move {
                    let Some(found) = store::ticket::find(connection, &name).await? else { return Ok(None) };
                    let model = models.one(connection, &found.ticket.client_id).await?;
                    if !model.may_read(&found.ticket.work, &agent) {
                        return Ok(None);
                    }
                    let key = (found.ticket.client_id.clone(), found.ticket.ticket_id);
                    let unseen = Unseen { queues: model.hidden_from(&agent), agent };
                    let others = store::relation::shown(connection, &key, &unseen, MOST_RELATIONS).await?;
                    Ok::<_, Error>(Some((found, model, others)))
                })
            })
            .await?;
        let (found, model, others) = found.ok_or_else(|| status::not_found("ticket"))?;
        let ticket = self.discreet(self.told(found, &model)?, &model, &caller).await?;
        Ok(wire::relation::beside(ticket, &others))
    }

    pub(super) async fn roster(
        &self,
        caller: Caller,
        asked: &proto::GetRosterRequest,
    ) -> Result<proto::GetRosterResponse, Status> {
        let mut check = Check::default();
        let client_id = ClientId::new(&asked.client_id);
        let client_id = check.take(client_id.map_err(|error| Violation::new("client_id", error.to_string())));
        let at = wire::instant(asked.at.as_ref()).filter(|at| wire::roster::YEARS.contains(&at.as_second()));
        if asked.at.is_some() && at.is_none() {
            check.say("at", "is not an instant of the years 1970 to 2199");
        }
        check.done().map_err(status::invalid)?;
        let client_id = client_id.ok_or_else(|| status::not_found("client"))?;
        let scope = caller.scope_of(&client_id)?;
        let at = at.unwrap_or_else(|| self.ground.clock.now());
        let found = handle::roster::of(&self.desk, &scope, client_id).await?;
        Ok(wire::roster::roster(&found.model, at, &found.loads, &found.unclaimed))
    }

    pub(super) async fn tickets(
        &self,
        caller: Caller,
        asked: proto::ListTicketsRequest,
    ) -> Result<proto::ListTicketsResponse, Status> {
        let asked = self.by_view(&caller, asked).await?;
        let question = proto::ListTicketsRequest { page_size: 0, page_token: String::new(), ..asked.clone() };
        let mut check = Check::default();
        let (filter, named) = request::filter(asked.filter.as_ref(), &mut check);
        let order = request::order(asked.order, &mut check);
        let size = check.take(page_size(asked.page_size, DEFAULT_PAGE, MAX_PAGE)).unwrap_or_default();
        let after: Option<LastKey> = check.take(PageToken::decode(&asked.page_token, &question)).flatten();
        check.done().map_err(status::invalid)?;
        let mut filter = within(&caller, filter, &named)?;
        let (models, agent) = (self.desk.models.clone(), caller.principal.subject.clone());
        let is_search = !filter.subject_contains.is_empty();
        let found = self
            .ground
            .store
            .read(&caller.scope, move |connection| {
                Box::pin(async move {
                    filter.hidden = hidden(connection, &models, filter.clients.as_deref(), agent).await?;
                    let tickets = store::list::page(connection, &filter, order, after, size).await?;
                    let mut told: Vec<proto::Ticket> = tickets.iter().map(wire::ticket::listed).collect();
                    if !filter.hidden.queues.is_empty() {
                        discreet::listed(connection, &filter.hidden.agent, &mut told).await?;
                    }
                    Ok::<_, Error>((tickets, told))
                })
            })
            .await;
        let (tickets, told) = found.map_err(|error| if is_search { too_wide(error) } else { error.into() })?;
        let next_page_token = match tickets.last() {
            Some(last) if is_full(tickets.len(), size) => PageToken::encode(&question, &order.key_of(last)),
            _ => String::new(),
        };
        Ok(proto::ListTicketsResponse { tickets: told, next_page_token })
    }

    pub(super) async fn history(
        &self,
        caller: Caller,
        asked: proto::ListHistoryRequest,
    ) -> Result<proto::ListHistoryResponse, Status> {
        let question = proto::ListHistoryRequest { page_size: 0, page_token: String::new(), ..asked.clone() };
        let mut check = Check::default();
        let name = request::named(&asked.ticket, &mut check);
        let size = check.take(page_size(asked.page_size, DEFAULT_PAGE, MAX_PAGE)).unwrap_or_default();
        let after: Option<(i64, i64)> = check.take(PageToken::decode(&asked.page_token, &question)).flatten();
        check.done().map_err(status::invalid)?;
        let after = after.and_then(|(at, revision)| Some((Timestamp::from_microsecond(at).ok()?, revision)));
        let (models, agent) = (self.desk.models.clone(), caller.principal.subject.clone());
        let entries = self
            .ground
            .store
            .read(&caller.scope, move |connection| {
                Box::pin(async move {
                    let Some(found) = store::ticket::find(connection, &name).await? else { return Ok(None) };
                    let model = models.one(connection, &found.ticket.client_id).await?;
                    if !model.may_read(&found.ticket.work, &agent) {
                        return Ok(None);
                    }
                    let key = (found.ticket.client_id, found.ticket.ticket_id);
                    let entries = store::history::page(connection, &key, after, size).await?;
                    let told = if model.hidden_from(&agent).is_empty() {
                        entries.iter().map(wire::event::history_entry).collect::<Result<_, Error>>()?
                    } else {
                        discreet::entries(connection, &agent, &entries).await?
                    };
                    Ok::<_, Error>(Some((entries, told)))
                })
            })
            .await?;
        let (entries, told) = entries.ok_or_else(|| status::not_found("ticket"))?;
        let next_page_token = match entries.last() {
            Some(last) if is_full(entries.len(), size) => {
                PageToken::encode(&question, &(last.occurred_at.as_microsecond(), last.revision))
            }
            _ => String::new(),
        };
        Ok(proto::ListHistoryResponse { entries: told, next_page_token })
    }

    pub(super) async fn apply_model(
        &self,
        caller: Caller,
        asked: proto::ApplySupportModelRequest,
    ) -> Result<proto::ApplySupportModelResponse, Status> {
        let model = asked.model.ok_or_else(|| status::invalid(vec![Violation::new("model", "must be set")]))?;
        let client_id = wire::model::check::checked(&model).map_err(status::invalid)?;
        let scope = caller.scope_of(&client_id)?;
        let by = caller.principal.subject.clone();
        let (model, changed) = handle::model::apply(&self.desk, &scope, client_id, model, by).await?;
        Ok(proto::ApplySupportModelResponse { model: Some(model), changed })
    }

    pub(super) async fn model(
        &self,
        caller: Caller,
        asked: &proto::GetSupportModelRequest,
    ) -> Result<proto::GetSupportModelResponse, Status> {
        let wrong = |field: &str, what: String| status::invalid(vec![Violation::new(field, what)]);
        let client_id = ClientId::new(&asked.client_id).map_err(|error| wrong("client_id", error.to_string()))?;
        let version = i64::try_from(asked.version).map_err(|_| wrong("version", "is too great".to_owned()))?;
        let scope = caller.scope_of(&client_id)?;
        let payload = self
            .ground
            .store
            .read(&scope, move |connection| {
                Box::pin(async move {
                    if version == 0 {
                        return Ok(store::model::newest(connection, std::slice::from_ref(&client_id))
                            .await?
                            .remove(&client_id));
                    }
                    store::model::version(connection, &client_id, version).await
                })
            })
            .await?;
        let payload = payload.ok_or_else(|| status::not_found("support model"))?;
        Ok(proto::GetSupportModelResponse { model: Some(wire::model::decoded(&payload)?) })
    }
}

fn is_full(length: usize, size: i64) -> bool {
    i64::try_from(length).is_ok_and(|length| length >= size)
}

/// Common words that seldom stand together, or that no ticket of late has, would be looked for in all tickets there are.
fn too_wide(error: Error) -> Status {
    if store::words::took_too_long(&error) {
        let what = "these words are looked for in too many tickets: name a client, states, a period or a rarer word";
        return status::refused("SEARCH_TOO_WIDE", what);
    }
    error.into()
}
