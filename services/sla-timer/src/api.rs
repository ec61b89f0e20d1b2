//! The gRPC door.

use std::pin::Pin;

use chassis::authorisation::Caller;
use chassis::status::{Violation, invalid, not_found, refused};
use chassis::{Error, store as kept};
use contracts::sla_timer::v1::sla_timer_service_server::SlaTimerService;
use contracts::sla_timer::v1::{self as proto, Metric};
use contracts::{ClientId, timestamp};
use futures::Stream;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use tonic::{Request, Response, Status};

use crate::domain::clock::{Clock, clocks};
use crate::domain::contract::{Contract, Terms};
use crate::domain::explain::{Explained, explain};
use crate::domain::fact::Fact;
use crate::domain::zone::rules_version;
use crate::edit::{self, EditPreview};
use crate::handle::Timer;
use crate::preview::{self, preview};
use crate::promises::Record;
use crate::store::{self, Ticket, Version};
use crate::what_if::{self, WhatIf};
use crate::wire;

mod agreed;
#[cfg(test)]
mod tests;

/// Bytes of a contract as JSON.
const MOST_TERMS: usize = 256 * 1024;
/// Characters of a contract's name.
const MOST_NAME: usize = 200;
/// Characters that a reference or an id can have.
const MOST_TICKET: usize = 64;
const MUST_BE_TICKET: &str = "must be a reference or a ticket_id";
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
    record: Record,
    /// By the database's clock, as everything that is told.
    as_of: Timestamp,
}

impl Asked {
    fn facts(&self) -> &[Fact] {
        self.record.facts(&self.ticket)
    }

    fn clocks(&self) -> Result<Vec<Clock>, Error> {
        let book = self.record.book(&self.ticket)?;
        Ok(book.map(|book| clocks(book, self.facts(), self.as_of)).unwrap_or_default())
    }

    fn explained(&self, as_of: Timestamp) -> Result<Vec<Explained>, Error> {
        let book = self.record.book(&self.ticket)?;
        Ok(book.map(|book| explain(book, self.facts(), as_of)).unwrap_or_default())
    }
}

impl Api {
    async fn asked(&self, caller: &Caller, ticket: &str) -> Result<Asked, Status> {
        if !is_ticket(ticket) {
            return Err(invalid(vec![Violation::new("ticket", MUST_BE_TICKET)]));
        }
        let (wanted, who) = (ticket.to_owned(), caller.principal.subject.clone());
        let (promises, clock) = (self.timer.promises.clone(), self.timer.ground.clock.clone());
        let found = self
            .timer
            .ground
            .store
            .read(&caller.scope, move |connection| {
                Box::pin(async move {
                    let found = store::find(connection, &wanted, &who).await?;
                    let Some(ticket) = found else { return Ok::<_, Error>(None) };
                    let record = Record::read(connection, &promises, std::iter::once(&ticket)).await?;
                    let as_of = kept::now(connection, &clock).await?;
                    Ok(Some(Asked { ticket, record, as_of }))
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
        let request = request.into_inner();
        let holds_from = edit::wire::holds_from(request.open_clocks).map_err(|violation| invalid(vec![violation]))?;
        let (client_id, name, terms) = read_contract(request).map_err(invalid)?;
        let scope = caller.scope_of(&client_id)?;
        let clock = self.timer.ground.clock.clone();
        let proposed = Version {
            client_id,
            version: 0,
            name,
            terms,
            applied_at: clock.now(),
            applied_by: caller.principal.subject.clone(),
            holds_from,
        };
        let (version, changed) = self
            .timer
            .ground
            .store
            .unit_of_work(&scope, move |connection| {
                Box::pin(async move {
                    let applied_at = kept::now(connection, &clock).await?;
                    apply(connection, Version { applied_at, ..proposed }).await
                })
            })
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
        let time_zone_rules = rules_version().to_owned();
        Ok(Response::new(proto::GetContractResponse { contract: Some(wire::contract(version)), time_zone_rules }))
    }

    async fn list_clocks(
        &self,
        request: Request<proto::ListClocksRequest>,
    ) -> Result<Response<proto::ListClocksResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = self.asked(&caller, &request.into_inner().ticket).await?;
        let clocks = asked.clocks()?;
        Ok(Response::new(proto::ListClocksResponse {
            clocks: clocks.iter().map(|clock| wire::clock(asked.ticket.ticket_id, clock)).collect(),
            as_of: Some(timestamp(asked.as_of)),
        }))
    }

    async fn explain_clock(
        &self,
        request: Request<proto::ExplainClockRequest>,
    ) -> Result<Response<proto::ExplainClockResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let metric = Metric::try_from(request.metric)
            .map_err(|_| invalid(vec![Violation::new("metric", "must be one of the metrics, or unspecified")]))?;
        let asked = self.asked(&caller, &request.ticket).await?;
        let ticket_id = asked.ticket.ticket_id;
        let as_of = explained_until(asked.facts(), asked.as_of);
        let explained = in_background(move || asked.explained(as_of)).await??;
        let wanted: Vec<&Explained> = explained
            .iter()
            .filter(|one| metric == Metric::Unspecified || wire::metric(one.clock.metric) == metric)
            .collect();
        if wanted.iter().map(|one| one.segments.len()).sum::<usize>() > MOST_SEGMENTS {
            let text = "the explanation has too many pieces for one answer; ask for one metric";
            return Err(refused("EXPLANATION_TOO_LONG", text));
        }
        let clocks = wanted
            .into_iter()
            .map(|one| proto::ExplainedClock {
                clock: Some(wire::clock(ticket_id, &one.clock)),
                segments: one.segments.iter().map(wire::segment).collect(),
            })
            .collect();
        let time_zone_rules = rules_version().to_owned();
        Ok(Response::new(proto::ExplainClockResponse { clocks, as_of: Some(timestamp(as_of)), time_zone_rules }))
    }

    type PreviewContractStream =
        Pin<Box<dyn Stream<Item = Result<proto::PreviewContractResponse, Status>> + Send + 'static>>;

    async fn preview_contract(
        &self,
        request: Request<proto::PreviewContractRequest>,
    ) -> Result<Response<Self::PreviewContractStream>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Vec::new();
        let client_id = read_client(&request.client_id).map_err(|violation| violations.push(violation));
        let from = edit::wire::holds_from(request.open_clocks).map_err(|violation| violations.push(violation));
        let draft = read_draft(&request.terms_json).map_err(|found| violations.extend(found));
        let (Ok(client_id), Ok(from), Ok(draft)) = (client_id, from, draft) else { return Err(invalid(violations)) };
        caller.scope_of(&client_id)?;
        let preview = EditPreview::begin(&self.timer, client_id, draft, from, caller.principal.subject.clone()).await?;
        let steps = futures::stream::try_unfold(preview, |mut preview| async move {
            let step = preview.next().await?;
            Ok(step.map(|step| (edit::wire::answer(step), preview)))
        });
        Ok(Response::new(Box::pin(steps)))
    }

    async fn agree_due(
        &self,
        request: Request<proto::AgreeDueRequest>,
    ) -> Result<Response<proto::AgreeDueResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let (ticket, agreement) = agreed::read_agreed(request.get_ref(), &caller, self.timer.ground.clock.now())?;
        let clocks = self.agree(&caller, ticket, agreement).await?;
        Ok(Response::new(proto::AgreeDueResponse { clocks }))
    }

    async fn withdraw_due(
        &self,
        request: Request<proto::WithdrawDueRequest>,
    ) -> Result<Response<proto::WithdrawDueResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let (ticket, agreement) = agreed::read_withdrawn(request.get_ref(), &caller)?;
        let clocks = self.agree(&caller, ticket, agreement).await?;
        Ok(Response::new(proto::WithdrawDueResponse { clocks }))
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

    type WhatIfStream = Pin<Box<dyn Stream<Item = Result<proto::WhatIfResponse, Status>> + Send + 'static>>;

    async fn what_if(&self, request: Request<proto::WhatIfRequest>) -> Result<Response<Self::WhatIfStream>, Status> {
        let caller = Caller::of(&request)?;
        let question = what_if::wire::question(request.get_ref(), self.timer.ground.clock.now()).map_err(invalid)?;
        for client_id in &question.clients {
            caller.scope_of(client_id)?;
        }
        let run = WhatIf::begin(&self.timer, &caller.scope, question, caller.principal.subject.clone()).await?;
        // Each poll does one page: a caller that stops listening stops the work.
        let steps = futures::stream::try_unfold(run, |mut run| async move {
            let step = run.next().await?;
            Ok(step.map(|step| (what_if::wire::answer(step), run)))
        });
        Ok(Response::new(Box::pin(steps)))
    }
}

/// Keeps a contract as the next version, unless it is the newest already.
async fn apply(connection: &mut PgConnection, proposed: Version) -> Result<(Version, bool), Error> {
    store::lock_versions(connection, &proposed.client_id).await?;
    let newest = store::newest(connection, &proposed.client_id).await?;
    // Edits hold in their order, though the clock may have been put back since the last one.
    let (version, applied_at) = match newest {
        Some(newest) if (&newest.name, &newest.terms) == (&proposed.name, &proposed.terms) => {
            return Ok((newest, false));
        }
        Some(newest) => (newest.version + 1, proposed.applied_at.max(newest.applied_at)),
        None => (1, proposed.applied_at),
    };
    let version = Version { version, applied_at, ..proposed };
    store::insert_version(connection, &version).await?;
    if version.holds_from.is_some() {
        store::look_anew(connection, &version).await?;
    }
    Ok((version, true))
}

/// Work that takes the processor for a while, out of the way of what must answer at once.
async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.into()))
}

/// Whether it can be a reference or an id.
fn is_ticket(text: &str) -> bool {
    !text.is_empty() && text.len() <= MOST_TICKET && !text.chars().any(char::is_control)
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

/// The terms of a draft, ready to compute with.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) fn read_draft(json: &str) -> Result<Terms, Vec<Violation>> {
    let contract: Contract = serde_json::from_str(&read_terms(json)?)
        .map_err(|error| vec![Violation::new("terms_json", format!("cannot be read: {error}"))])?;
    contract.terms().map_err(|complaints| preview::told("terms_json", &complaints))
}

fn read_terms(json: &str) -> Result<String, Vec<Violation>> {
    let violation = |what: String| vec![Violation::new("terms_json", what)];
    if json.len() > MOST_TERMS {
        return Err(violation(format!("has more than {MOST_TERMS} bytes")));
    }
    let contract = Contract::read(json).map_err(|error| violation(format!("cannot be read: {error}")))?;
    let complaints = contract.check();
    if !complaints.is_empty() {
        return Err(preview::told("terms_json", &complaints));
    }
    serde_json::to_string(&contract.canonical()).map_err(|error| violation(error.to_string()))
}
