//! The gRPC door.

use std::collections::BTreeSet;
use std::sync::Arc;

use chassis::authorisation::Caller;
use chassis::status::{Violation, invalid, not_found, refused};
use chassis::{Error, Scope};
use contracts::sla_timer::v1::sla_timer_service_server::SlaTimerService;
use contracts::sla_timer::v1::{self as proto, Metric};
use contracts::{ClientId, timestamp};
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use tonic::{Request, Response, Status};

use crate::domain::clock::clocks;
use crate::domain::contract::{Contract, Terms};
use crate::domain::explain::{Explained, explain};
use crate::domain::fact::Fact;
use crate::handle::Timer;
use crate::preview::{self, preview};
use crate::store::{self, Ticket, Version};
use crate::wire;

#[cfg(test)]
mod tests;

/// Bytes of a contract as JSON.
const MOST_TERMS: usize = 256 * 1024;
/// Characters of a contract's name.
const MOST_NAME: usize = 200;
/// Characters that a reference or an id can have.
const MOST_TICKET: usize = 64;
/// An explanation ends so long after the ticket's first fact: nobody reads further.
const EXPLAINED_FOR: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);
/// Segments in one answer; more would not fit into it.
const MOST_SEGMENTS: usize = 100_000;

/// The SLA timer's gRPC service.
#[derive(Debug)]
pub struct Api {
    pub(crate) timer: Timer,
}

/// What an answer about a ticket is computed from.
struct Asked {
    ticket: Ticket,
    facts: Vec<Fact>,
    /// None without a contract: then there are no clocks.
    terms: Option<Arc<Terms>>,
}

impl Api {
    async fn asked(&self, scope: &Scope, ticket: &str) -> Result<Asked, Status> {
        if ticket.is_empty() || ticket.len() > MOST_TICKET || ticket.chars().any(char::is_control) {
            return Err(invalid(vec![Violation::new("ticket", "must be a reference or a ticket_id")]));
        }
        let (wanted, promises) = (ticket.to_owned(), self.timer.promises.clone());
        let found = self
            .timer
            .ground
            .store
            .read(scope, move |connection| {
                Box::pin(async move {
                    let Some((ticket, facts)) = store::find_with_facts(connection, &wanted).await? else {
                        return Ok::<_, Error>(None);
                    };
                    let version = ticket.contract_version.map(|version| (ticket.client_id.clone(), version));
                    let terms = promises.of(connection, version.into_iter().collect::<BTreeSet<_>>()).await?;
                    Ok(Some(Asked { ticket, facts, terms: terms.into_values().next() }))
                })
            })
            .await?;
        found.ok_or_else(|| not_found("ticket"))
    }
}

#[tonic::async_trait]
impl SlaTimerService for Api {
    async fn apply_contract(
        &self,
        request: Request<proto::ApplyContractRequest>,
    ) -> Result<Response<proto::ApplyContractResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (client_id, name, terms) = read_contract(request.into_inner()).map_err(invalid)?;
        let scope = caller.scope_of(&client_id)?;
        let proposed = Version {
            client_id,
            version: 0,
            name,
            terms,
            applied_at: self.timer.ground.clock.now(),
            applied_by: caller.principal.subject.clone(),
        };
        let (version, changed) = self
            .timer
            .ground
            .store
            .unit_of_work(&scope, move |connection| Box::pin(apply(connection, proposed)))
            .await?;
        Ok(Response::new(proto::ApplyContractResponse { contract: Some(wire::contract(version)), changed }))
    }

    async fn get_contract(
        &self,
        request: Request<proto::GetContractRequest>,
    ) -> Result<Response<proto::GetContractResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let client_id = read_client(&request.client_id).map_err(|violation| invalid(vec![violation]))?;
        let scope = caller.scope_of(&client_id)?;
        let version = self
            .timer
            .ground
            .store
            .read(&scope, move |connection| {
                Box::pin(async move {
                    match i64::try_from(request.version) {
                        Ok(0) => store::newest(connection, &client_id).await,
                        Ok(version) => store::version(connection, &client_id, version).await,
                        Err(_) => Ok(None),
                    }
                })
            })
            .await?
            .ok_or_else(|| not_found("contract"))?;
        Ok(Response::new(proto::GetContractResponse { contract: Some(wire::contract(version)) }))
    }

    async fn list_clocks(
        &self,
        request: Request<proto::ListClocksRequest>,
    ) -> Result<Response<proto::ListClocksResponse>, Status> {
        let scope = Caller::of(&request)?.scope;
        let Asked { ticket, facts, terms } = self.asked(&scope, &request.into_inner().ticket).await?;
        let as_of = self.timer.ground.clock.now();
        let clocks = terms.map(|terms| clocks(&terms, &facts, as_of)).unwrap_or_default();
        let version = ticket.contract_version.unwrap_or_default();
        Ok(Response::new(proto::ListClocksResponse {
            clocks: clocks.iter().map(|clock| wire::clock(ticket.ticket_id, version, clock)).collect(),
            as_of: Some(timestamp(as_of)),
        }))
    }

    async fn explain_clock(
        &self,
        request: Request<proto::ExplainClockRequest>,
    ) -> Result<Response<proto::ExplainClockResponse>, Status> {
        let scope = Caller::of(&request)?.scope;
        let request = request.into_inner();
        let metric = Metric::try_from(request.metric)
            .map_err(|_| invalid(vec![Violation::new("metric", "must be one of the metrics, or unspecified")]))?;
        let Asked { ticket, facts, terms } = self.asked(&scope, &request.ticket).await?;
        let as_of = explained_until(&facts, self.timer.ground.clock.now());
        let explained = match terms {
            Some(terms) => in_background(move || explain(&terms, &facts, as_of)).await?,
            None => Vec::new(),
        };
        let wanted: Vec<&Explained> = explained
            .iter()
            .filter(|one| metric == Metric::Unspecified || wire::metric(one.clock.metric) == metric)
            .collect();
        if wanted.iter().map(|one| one.segments.len()).sum::<usize>() > MOST_SEGMENTS {
            let text = "the explanation has too many pieces for one answer; ask for one metric";
            return Err(refused("EXPLANATION_TOO_LONG", text));
        }
        let version = ticket.contract_version.unwrap_or_default();
        let clocks = wanted
            .into_iter()
            .map(|one| proto::ExplainedClock {
                clock: Some(wire::clock(ticket.ticket_id, version, &one.clock)),
                segments: one.segments.iter().map(wire::segment).collect(),
            })
            .collect();
        Ok(Response::new(proto::ExplainClockResponse { clocks, as_of: Some(timestamp(as_of)) }))
    }

    async fn preview_clocks(
        &self,
        request: Request<proto::PreviewClocksRequest>,
    ) -> Result<Response<proto::PreviewClocksResponse>, Status> {
        Caller::of(&request)?;
        let cases = request.into_inner().cases_json;
        let clocks_json = in_background(move || preview(&cases)).await?.map_err(invalid)?;
        Ok(Response::new(proto::PreviewClocksResponse { clocks_json }))
    }
}

/// Keeps a contract as the next version, unless it is the newest already.
async fn apply(connection: &mut PgConnection, proposed: Version) -> Result<(Version, bool), Error> {
    store::lock_versions(connection, &proposed.client_id).await?;
    let newest = store::newest(connection, &proposed.client_id).await?;
    let version = match newest {
        Some(newest) if (&newest.name, &newest.terms) == (&proposed.name, &proposed.terms) => {
            return Ok((newest, false));
        }
        Some(newest) => newest.version + 1,
        None => 1,
    };
    let version = Version { version, ..proposed };
    store::insert_version(connection, &version).await?;
    Ok((version, true))
}

/// Work that takes the processor for a while, out of the way of what must answer at once.
async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.into()))
}

/// Now, or the last instant that is explained.
fn explained_until(facts: &[Fact], now: Timestamp) -> Timestamp {
    let last = facts.iter().map(|fact| fact.key.at).min().and_then(|first| first.checked_add(EXPLAINED_FOR).ok());
    last.map_or(now, |last| last.min(now))
}

fn read_client(text: &str) -> Result<ClientId, Violation> {
    ClientId::new(text).map_err(|error| Violation::new("client_id", format!("is not one: {error}")))
}

/// The client, the name and the canonical terms of a contract that can be kept.
fn read_contract(request: proto::ApplyContractRequest) -> Result<(ClientId, String, String), Vec<Violation>> {
    let mut violations = Vec::new();
    let client_id = read_client(&request.client_id).map_err(|violation| violations.push(violation));
    let name = request.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > MOST_NAME || name.chars().any(char::is_control) {
        violations.push(Violation::new("name", format!("must be 1 to {MOST_NAME} characters on one line")));
    }
    let terms = read_terms(&request.terms_json).map_err(|found| violations.extend(found));
    match (client_id, terms) {
        (Ok(client_id), Ok(terms)) if violations.is_empty() => Ok((client_id, name, terms)),
        _ => Err(violations),
    }
}

fn read_terms(json: &str) -> Result<String, Vec<Violation>> {
    let violation = |what: String| vec![Violation::new("terms_json", what)];
    if json.len() > MOST_TERMS {
        return Err(violation(format!("has more than {MOST_TERMS} bytes")));
    }
    let contract: Contract =
        serde_json::from_str(json).map_err(|error| violation(format!("cannot be read: {error}")))?;
    let complaints = contract.check();
    if !complaints.is_empty() {
        return Err(preview::told("terms_json", &complaints));
    }
    serde_json::to_string(&contract.canonical()).map_err(|error| violation(error.to_string()))
}
