//! The gRPC door of rules: what they did, and what they would have done.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use contracts::ClientId;
use contracts::triage::v1 as proto;
use contracts::triage::v1::automation_service_server::AutomationService;
use contracts::triage::v1::dry_run_response::Step;
use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use chassis::authorisation::Caller;
use chassis::{Error, Ground, PageToken, Scope, status};

use super::Api;
use crate::domain::automation::Automation as Rules;
use crate::handle::automation::dry_run::{DryRun, Looked};
use crate::store::effect::{self, LastKey, Wanted};
use crate::store::ticket::clients_of;
use crate::store::{self};
use crate::wire::automation::{AskedEffects, drafted, dry_run, effects, standings};
use crate::wire::model::AppliedModel;
use crate::wire::{self, Check};

/// Dry runs at once in one process.
const AT_ONCE: usize = 2;
/// What a dry run tells; more is only counted.
const MOST_EFFECTS: usize = 10_000;

/// The gRPC service of rules.
#[derive(Debug)]
pub struct Automation {
    api: Arc<Api>,
    runs: Arc<Semaphore>,
}

/// What a dry run tells.
pub type Steps = Pin<Box<dyn Stream<Item = Result<proto::DryRunResponse, Status>> + Send>>;

/// A dry run that somebody listens to.
struct Run {
    ground: Ground,
    scope: Scope,
    dry_run: DryRun,
    total: u64,
    summary: proto::DryRunSummary,
    told: usize,
    waiting: VecDeque<Step>,
    is_over: bool,
    _permit: OwnedSemaphorePermit,
}

impl Automation {
    /// The service beside the others of triage.
    pub fn new(api: Arc<Api>) -> Self {
        Self { api, runs: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The newest model as it was applied; none of a client that has none.
    async fn newest(&self, scope: &Scope, client_id: &ClientId) -> Result<AppliedModel, Status> {
        let client_id = client_id.clone();
        let read = self.api.ground.store.read(scope, move |connection| {
            Box::pin(async move {
                let newest = store::model::newest(connection, std::slice::from_ref(&client_id)).await?;
                newest.get(&client_id).map(|payload| wire::model::decoded(payload)).transpose()
            })
        });
        read.await?.ok_or_else(|| status::not_found("support model"))
    }

    async fn rules(
        &self,
        caller: &Caller,
        asked: &proto::ListRulesRequest,
    ) -> Result<proto::ListRulesResponse, Status> {
        let mut check = Check::default();
        let named = wire::fulfilment::request::clients(std::slice::from_ref(&asked.client_id), &mut check);
        check.done().map_err(status::invalid)?;
        let client_id = named.into_iter().next().ok_or_else(|| status::not_found("client"))?;
        let scope = caller.scope_of(&client_id)?;
        let model = self.newest(&scope, &client_id).await?;
        let read = self
            .api
            .ground
            .store
            .read(&scope, move |connection| Box::pin(async move { effect::counts(connection, &client_id).await }));
        let rules = standings(&model, &read.await?);
        Ok(proto::ListRulesResponse { model_version: model.version, rules })
    }

    async fn effects(
        &self,
        caller: Caller,
        asked: &proto::ListEffectsRequest,
    ) -> Result<proto::ListEffectsResponse, Status> {
        let AskedEffects { clients, rule, ticket, outcomes, size, after, question } =
            effects(asked).map_err(status::invalid)?;
        for client_id in &clients {
            caller.scope_of(client_id)?;
        }
        let clients = clients_of(&caller.scope.narrowed_to(&clients));
        let reader = caller.principal.subject.clone();
        let read = self.api.ground.store.read(&caller.scope, move |connection| {
            Box::pin(async move {
                let ticket_id = match ticket {
                    None => None,
                    Some(name) => match store::confidential::shown(connection, &name, &reader).await? {
                        Some((_, ticket_id)) => Some(ticket_id),
                        None => return Ok(None),
                    },
                };
                let wanted = Wanted { clients, rule, ticket_id, outcomes, reader };
                effect::page(connection, &wanted, after, size).await.map(Some)
            })
        });
        let found: Result<Option<Vec<effect::Effect>>, Error> = read.await;
        let page = found?.ok_or_else(|| status::not_found("ticket"))?;
        let next_page_token = match page.last() {
            Some(last) if i64::try_from(page.len()).is_ok_and(|count| count >= size) => {
                let last = LastKey { at_us: last.at.as_microsecond(), effect_id: last.effect_id };
                PageToken::encode(&question, &last)
            }
            _ => String::new(),
        };
        Ok(proto::ListEffectsResponse { effects: page.iter().map(wire::automation::effect).collect(), next_page_token })
    }

    async fn begin(&self, caller: &Caller, asked: proto::DryRunRequest) -> Result<Run, Status> {
        let (client_id, from, until) = dry_run(&asked).map_err(status::invalid)?;
        let scope = caller.scope_of(&client_id)?;
        let applied = self.newest(&scope, &client_id).await?;
        let rules = drafted(&asked.rules, &applied).map_err(status::invalid)?;
        let permit = Arc::clone(&self.runs).try_acquire_owned();
        let permit = permit.map_err(|_| status::too_much("two dry runs go on already; try again when one is over"))?;
        let mut model = wire::model::compiled(&applied);
        model.automation = Rules { rules, shadows: Vec::new() };
        let reader = caller.principal.subject.clone();
        let dry_run = DryRun { client_id, model: Arc::new(model), from, until, after: Uuid::nil(), reader };
        let ground = self.api.ground.clone();
        let total = dry_run.total(&ground, &scope).await?;
        let first = Step::Progress(proto::DryRunProgress { tickets_done: 0, tickets_total: total });
        Ok(Run {
            ground,
            scope,
            dry_run,
            total,
            summary: proto::DryRunSummary::default(),
            told: 0,
            waiting: VecDeque::from([first]),
            is_over: false,
            _permit: permit,
        })
    }
}

impl Run {
    /// The next step; `None` after the last, and once the service stops.
    async fn next(&mut self) -> Result<Option<Step>, Error> {
        while self.waiting.is_empty() {
            if self.is_over || self.ground.stop.is_asked() {
                return Ok(None);
            }
            let looked = self.dry_run.next(&self.ground, &self.scope).await?;
            self.take(looked);
        }
        Ok(self.waiting.pop_front())
    }

    fn take(&mut self, looked: Looked) {
        self.summary.tickets += looked.tickets;
        self.summary.tickets_touched += looked.touched;
        self.summary.effects += looked.hidden;
        self.summary.effects_left_out += looked.hidden;
        for effect in looked.effects {
            self.summary.effects += 1;
            if self.told < MOST_EFFECTS {
                self.told += 1;
                self.waiting.push_back(Step::Effect(wire::automation::effect(&effect)));
            } else {
                self.summary.effects_left_out += 1;
            }
        }
        if looked.is_over {
            self.is_over = true;
            self.waiting.push_back(Step::Summary(self.summary));
        } else {
            let tickets_total = self.total.max(self.summary.tickets);
            let progress = proto::DryRunProgress { tickets_done: self.summary.tickets, tickets_total };
            self.waiting.push_back(Step::Progress(progress));
        }
    }
}

#[tonic::async_trait]
impl AutomationService for Automation {
    type DryRunStream = Steps;

    async fn list_rules(
        &self,
        request: Request<proto::ListRulesRequest>,
    ) -> Result<Response<proto::ListRulesResponse>, Status> {
        self.rules(&Caller::of(&request)?, request.get_ref()).await.map(Response::new)
    }

    async fn list_effects(
        &self,
        request: Request<proto::ListEffectsRequest>,
    ) -> Result<Response<proto::ListEffectsResponse>, Status> {
        self.effects(Caller::of(&request)?, request.get_ref()).await.map(Response::new)
    }

    async fn dry_run(&self, request: Request<proto::DryRunRequest>) -> Result<Response<Self::DryRunStream>, Status> {
        let caller = Caller::of(&request)?;
        let run = self.begin(&caller, request.into_inner()).await?;
        Ok(Response::new(Box::pin(futures::stream::unfold(Some(run), |run| async move {
            let mut run = run?;
            match run.next().await {
                Ok(Some(step)) => Some((Ok(proto::DryRunResponse { step: Some(step) }), Some(run))),
                Ok(None) => None,
                Err(error) => Some((Err(error.into()), None)),
            }
        }))))
    }
}
