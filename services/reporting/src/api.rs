//! The gRPC door.

use std::pin::Pin;

use chassis::authorisation::Caller;
use chassis::status::{self, Violation};
use chassis::{Error, Ground, PageToken, Scope, page_size};
use contracts::reporting::v1 as proto;
use contracts::reporting::v1::reporting_service_server::ReportingService;
use contracts::{ClientId, timestamp};
use futures::Stream;
use jiff::Timestamp;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::handle::kpis as read;
use crate::handle::rebuild::{Progress, Rebuild};
use crate::store;
use crate::store::breakdown::backlog;
use crate::store::kpis::{Kinds, Window};
use crate::wire::{self, answers, requests};

/// The service.
#[derive(Debug)]
pub struct Api {
    /// What it stands on.
    pub ground: Ground,
}

/// Where a page of tickets ended: the instant of the backlog (µs), so that all pages speak of the same one, and the
/// last row's registration (µs) and id.
type PageKey = (i64, i64, Uuid);

impl Api {
    fn window(&self, period: requests::Period, kinds: Kinds) -> Window {
        Window { from: period.from, until: period.until, at: period.until.min(self.ground.clock.now()), kinds }
    }

    /// The clients of a request: those named, all of which must be the caller's, or all of the caller's.
    async fn clients(&self, caller: &Caller, named: Vec<ClientId>) -> Result<Vec<ClientId>, Status> {
        for client_id in &named {
            caller.scope_of(client_id)?;
        }
        Ok(read::clients_of(&self.ground.store, &caller.scope, named).await?)
    }
}

#[tonic::async_trait]
impl ReportingService for Api {
    async fn get_kpis(
        &self,
        request: Request<proto::GetKpisRequest>,
    ) -> Result<Response<proto::GetKpisResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = vec![];
        let named = requests::client_ids(&request.client_ids).map_err(|all| violations.extend(all)).ok();
        let period = requests::period(request.period.as_ref()).map_err(|one| violations.push(one)).ok();
        let time_zone = requests::time_zone(&request.time_zone).map_err(|one| violations.push(one)).ok();
        let kinds = requests::kinds(&request.kinds).map_err(|one| violations.push(one)).ok();
        let (Some(named), Some(period), Some(time_zone), Some(kinds)) = (named, period, time_zone, kinds) else {
            return Err(status::invalid(violations));
        };
        let clients = self.clients(&caller, named).await?;
        let windows = read::by_kind(self.window(period, kinds), request.by_kind);
        let zone_word = time_zone.iana_name().unwrap_or("UTC").to_owned();
        let told = read::kpis(&self.ground.store, clients.clone(), windows.clone(), time_zone).await?;
        let each = clients.iter().flat_map(|client_id| {
            let all = windows.iter().zip(&told);
            all.map(|(window, kpis)| answers::client_kpis(client_id, *window, &zone_word, kpis))
        });
        let clients = each.filter(|one| !request.by_kind || answers::says_anything(one)).collect();
        Ok(Response::new(proto::GetKpisResponse { clients }))
    }

    async fn get_backlog(
        &self,
        request: Request<proto::GetBacklogRequest>,
    ) -> Result<Response<proto::GetBacklogResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = vec![];
        let named = requests::client_ids(&request.client_ids).map_err(|all| violations.extend(all)).ok();
        let at = requests::optional_instant("at", request.at.as_ref()).map_err(|one| violations.push(one)).ok();
        let kinds = requests::kinds(&request.kinds).map_err(|one| violations.push(one)).ok();
        let (Some(named), Some(at), Some(kinds)) = (named, at, kinds) else { return Err(status::invalid(violations)) };
        let clients = self.clients(&caller, named).await?;
        let now = self.ground.clock.now();
        let at = at.map_or(now, |at| at.min(now));
        let counted = clients.clone();
        let rows = self
            .ground
            .store
            .read(&Scope::of_all(&clients), move |connection| {
                Box::pin(async move { backlog(connection, &counted, (at, kinds), &answers::AGES).await })
            })
            .await
            .map_err(|error: Error| Status::from(error))?;
        let clients = clients.iter().map(|client_id| answers::client_backlog(client_id, &rows)).collect();
        Ok(Response::new(proto::GetBacklogResponse { at: Some(timestamp(at)), clients }))
    }

    async fn list_kpi_tickets(
        &self,
        request: Request<proto::ListKpiTicketsRequest>,
    ) -> Result<Response<proto::ListKpiTicketsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let question = proto::ListKpiTicketsRequest { page_size: 0, page_token: String::new(), ..request.clone() };
        let mut violations = vec![];
        let client = requests::client_id("client_id", &request.client_id).map_err(|one| violations.push(one)).ok();
        let period = requests::period(request.period.as_ref()).map_err(|one| violations.push(one)).ok();
        let kpi = proto::Kpi::try_from(request.kpi).ok().and_then(answers::kpi);
        if kpi.is_none() {
            violations.push(Violation::new("kpi", "must be one of the KPIs"));
        }
        let size = page_size(request.page_size, requests::PAGE, requests::MAX_PAGE);
        let size = size.map_err(|one| violations.push(one)).ok();
        let after: Result<Option<PageKey>, _> = PageToken::decode(&request.page_token, &question);
        let after = after.map_err(|one| violations.push(one)).ok();
        let kinds = requests::kinds(&request.kinds).map_err(|one| violations.push(one)).ok();
        let service = requests::service(&request.service, kpi).map_err(|one| violations.push(one)).ok();
        let (Some(client_id), Some(period), Some(kpi), Some(size), Some(after)) = (client, period, kpi, size, after)
        else {
            return Err(status::invalid(violations));
        };
        let (Some(kinds), Some(service)) = (kinds, service) else { return Err(status::invalid(violations)) };
        let (scope, reader) = (caller.scope_of(&client_id)?, caller.principal.subject.clone());
        let (window, after) = resumed(self.window(period, kinds), after).map_err(|one| status::invalid(vec![one]))?;
        let rows = self
            .ground
            .store
            .read(&scope, move |connection| {
                Box::pin(async move {
                    read::behind(connection, (kpi, &service), &client_id, window, (after, size, &reader)).await
                })
            })
            .await
            .map_err(|error: Error| Status::from(error))?;
        let next_page_token = match rows.last() {
            Some(last) if rows.len() as i64 == size => {
                let registered_at = last.row.registered_at.to_jiff().as_microsecond();
                let key: PageKey = (window.at.as_microsecond(), registered_at, last.row.ticket_id);
                PageToken::encode(&question, &key)
            }
            _ => String::new(),
        };
        let tickets = rows.iter().map(answers::kpi_ticket).collect();
        Ok(Response::new(proto::ListKpiTicketsResponse { tickets, next_page_token }))
    }

    type RebuildReportStream =
        Pin<Box<dyn Stream<Item = Result<proto::RebuildReportResponse, Status>> + Send + 'static>>;

    async fn rebuild_report(
        &self,
        request: Request<proto::RebuildReportRequest>,
    ) -> Result<Response<Self::RebuildReportStream>, Status> {
        let caller = Caller::of(&request)?;
        let named = requests::client_ids(&request.into_inner().client_ids).map_err(status::invalid)?;
        let clients = self.clients(&caller, named).await?;
        if clients.is_empty() {
            let nothing = futures::stream::iter([Ok(answers::progress(Progress::default()))]);
            return Ok(Response::new(Box::pin(nothing)));
        }
        let rebuild = Rebuild::begin(&self.ground.store, clients).await?;
        // Each poll does one chunk: a caller that stops listening stops the work, too. So does our own stop; what is
        // not rebuilt then is so by the next try.
        let stop = self.ground.stop.clone();
        let chunks = futures::stream::unfold(Some(rebuild), move |rebuild| {
            let is_stopping = stop.is_asked();
            async move {
                let mut rebuild = rebuild?;
                if is_stopping {
                    return Some((Err(Error::Unavailable("reporting is stopping".into()).into()), None));
                }
                match rebuild.next().await {
                    Ok(Some(progress)) => Some((Ok(answers::progress(progress)), Some(rebuild))),
                    Ok(None) => None,
                    Err(error) => Some((Err(error.into()), None)),
                }
            }
        });
        Ok(Response::new(Box::pin(chunks)))
    }

    async fn apply_costs(
        &self,
        request: Request<proto::ApplyCostsRequest>,
    ) -> Result<Response<proto::ApplyCostsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (client_id, costs) = requests::costs(request.into_inner().costs.as_ref()).map_err(status::invalid)?;
        let scope = caller.scope_of(&client_id)?;
        let (now, by) = (self.ground.clock.now(), caller.principal.subject.clone());
        let (version, changed) = self
            .ground
            .store
            .unit_of_work(&scope, move |connection| {
                Box::pin(async move { store::costs::apply(connection, &client_id, &costs, now, &by).await })
            })
            .await
            .map_err(|error: Error| Status::from(error))?;
        Ok(Response::new(proto::ApplyCostsResponse { changed, version }))
    }

    async fn get_costs(
        &self,
        request: Request<proto::GetCostsRequest>,
    ) -> Result<Response<proto::GetCostsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let client_id = requests::client_id("client_id", &request.into_inner().client_id)
            .map_err(|one| status::invalid(vec![one]))?;
        let scope = caller.scope_of(&client_id)?;
        let asked = client_id.clone();
        let costs = self
            .ground
            .store
            .read(&scope, move |connection| Box::pin(async move { store::costs::load(connection, &[asked]).await }))
            .await
            .map_err(|error: Error| Status::from(error))?;
        let costs = answers::costs(&client_id, costs.get(client_id.as_str()));
        Ok(Response::new(proto::GetCostsResponse { costs: Some(costs) }))
    }
}

/// The window and the row with which a page goes on; the first page begins with neither.
fn resumed(window: Window, after: Option<PageKey>) -> Result<(Window, Option<(Timestamp, Uuid)>), Violation> {
    let Some((at, registered_at, ticket_id)) = after else { return Ok((window, None)) };
    let instant = |microseconds: i64| {
        wire::from_microsecond(microseconds)
            .ok_or_else(|| Violation::new("page_token", "is not one that this list gave; begin anew"))
    };
    // A page token is not signed: an instant after the period's end would be another question.
    let at = instant(at)?.min(window.at);
    Ok((Window { at, ..window }, Some((instant(registered_at)?, ticket_id))))
}
