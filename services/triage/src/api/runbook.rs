//! The gRPC door for runbooks and their runs.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use contracts::triage::v1 as proto;
use contracts::triage::v1::runbook_service_server::RunbookService;
use contracts::triage::v1::watch_run_response::News as Shown;
use contracts::{ClientId, timestamp};
use futures::Stream;
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use chassis::authorisation::Caller;
use chassis::confidential::may_read;
use chassis::status::{self, Violation};
use chassis::{Error, PageToken, inbox, page_size, telemetry};

use super::Api;
use crate::domain::runbook::RunState;
use crate::handle::runs::{self, Cancel, Envelope};
use crate::store;
use crate::store::run::{LastRun, Output, Run};
use crate::store::ticket::clients_of;
use crate::wire::fulfilment::request::clients;
use crate::wire::request::named;
use crate::wire::runbook as wired;
use crate::wire::{self, Check};

/// Runs of a page if the caller does not say, and at most.
const PAGE: (u32, u32) = (50, 200);
/// Pieces of output that are read at once.
const PIECES: i64 = 64;
/// Pieces of output that are answered at once: more than a run may have.
const ALL_PIECES: i64 = 100_000;
/// Bytes of output that are answered at once; whoever wants more watches.
const ALL_BYTES: usize = 2 * 1024 * 1024;
/// How soon what other replicas hear is seen; our own wake us.
const POLL: Duration = Duration::from_secs(1);

/// What a watcher gets.
type Watched = Pin<Box<dyn Stream<Item = Result<proto::WatchRunResponse, Status>> + Send>>;

/// The same API behind the door for runbooks.
#[derive(Debug, Clone)]
pub struct Runbooks(pub Arc<Api>);

impl Runbooks {
    fn envelope<T, R: prost::Name>(caller: Caller, asked: T, request: &R) -> Envelope<T> {
        Envelope {
            by: wire::actor_of(Some(&caller.actor())),
            scope: caller.scope,
            asked,
            fingerprint: inbox::fingerprint(request),
            traceparent: telemetry::traceparent(),
        }
    }

    /// A run and its output after a piece.
    async fn read(&self, caller: &Caller, run_id: Uuid, after: u32, most: i64) -> Result<(Run, Vec<Output>), Status> {
        let reader = caller.principal.subject.clone();
        let found = self.0.ground.store.read(&caller.scope, move |connection| {
            Box::pin(async move {
                let Some(run) = store::run::find(connection, run_id).await? else { return Ok(None) };
                if !may_read(connection, run.client_id.as_str(), run.ticket_id, &reader).await? {
                    return Ok(None);
                }
                let key = (run.client_id.clone(), run.run_id);
                let output = store::run::output(connection, &key, after, most).await?;
                Ok::<_, Error>(Some((run, output)))
            })
        });
        found.await?.ok_or_else(|| status::not_found("run"))
    }

    async fn page(&self, caller: Caller, asked: proto::ListRunsRequest) -> Result<proto::ListRunsResponse, Status> {
        let question = proto::ListRunsRequest { page_size: 0, page_token: String::new(), ..asked.clone() };
        let mut check = Check::default();
        let clients = clients(&asked.client_ids, &mut check);
        let ticket = (!asked.ticket.is_empty()).then(|| named(&asked.ticket, &mut check));
        let size = check.take(page_size(asked.page_size, PAGE.0, PAGE.1)).unwrap_or_default();
        let after: Option<LastRun> = check.take(PageToken::decode(&asked.page_token, &question)).flatten();
        check.done().map_err(status::invalid)?;
        for client_id in &clients {
            caller.scope_of(client_id)?;
        }
        let narrowed = clients_of(&caller.scope.narrowed_to(&clients));
        let reader = caller.principal.subject.clone();
        let found = self.0.ground.store.read(&caller.scope, move |connection| {
            Box::pin(async move {
                let ticket = match ticket {
                    None => None,
                    Some(name) => match store::confidential::shown(connection, &name, &reader).await? {
                        Some((_, ticket_id)) => Some(ticket_id),
                        None => return Ok(None),
                    },
                };
                let page = store::run::page(connection, narrowed.as_deref(), ticket, &reader, after, size).await?;
                Ok::<_, Error>(Some(page))
            })
        });
        let runs = found.await?.ok_or_else(|| status::not_found("ticket"))?;
        let next_page_token = match runs.last() {
            Some(last) if i64::try_from(runs.len()).is_ok_and(|count| count >= size) => {
                let last = LastRun { requested_us: last.requested_at.as_microsecond(), run_id: last.run_id };
                PageToken::encode(&question, &last)
            }
            _ => String::new(),
        };
        Ok(proto::ListRunsResponse { runs: runs.iter().map(wired::run).collect(), next_page_token })
    }
}

#[tonic::async_trait]
impl RunbookService for Runbooks {
    type WatchRunStream = Watched;

    async fn list_runbooks(
        &self,
        request: Request<proto::ListRunbooksRequest>,
    ) -> Result<Response<proto::ListRunbooksResponse>, Status> {
        let caller = Caller::of(&request)?;
        let client_id = ClientId::new(&request.get_ref().client_id)
            .map_err(|error| status::invalid(vec![Violation::new("client_id", error.to_string())]))?;
        let scope = caller.scope_of(&client_id)?;
        let found = self.0.ground.store.read(&scope, move |connection| {
            Box::pin(async move {
                let newest = store::model::newest(connection, std::slice::from_ref(&client_id)).await?;
                let runners = store::run::runners(connection, &client_id).await?;
                Ok::<_, Error>((newest.into_values().next(), runners))
            })
        });
        let (payload, runners) = found.await?;
        let model = payload.map(|payload| wire::model::decoded(&payload)).transpose()?.unwrap_or_default();
        let runner = |it: store::run::Runner| proto::Runner {
            runner: it.runner,
            seen_at: Some(timestamp(it.seen_at)),
            version: it.version,
            runbooks: it.runbooks,
        };
        let mut runners: Vec<proto::Runner> = runners.into_iter().map(runner).collect();
        for runbook in &model.runbooks {
            // One that never spoke is shown as well.
            if !runners.iter().any(|it| it.runner == runbook.runner) {
                runners.push(proto::Runner { runner: runbook.runner.clone(), ..proto::Runner::default() });
            }
        }
        let answer = proto::ListRunbooksResponse { model_version: model.version, runbooks: model.runbooks, runners };
        Ok(Response::new(answer))
    }

    async fn start_runbook(
        &self,
        request: Request<proto::StartRunbookRequest>,
    ) -> Result<Response<proto::StartRunbookResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = wired::start(request.get_ref()).map_err(status::invalid)?;
        let run = runs::start(&self.0.desk, Self::envelope(caller, asked, request.get_ref())).await?;
        self.0.news.ring();
        Ok(Response::new(proto::StartRunbookResponse { run: Some(wired::run(&run)) }))
    }

    async fn cancel_run(
        &self,
        request: Request<proto::CancelRunRequest>,
    ) -> Result<Response<proto::CancelRunResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (request_id, run_id, reason) = wired::cancel(request.get_ref()).map_err(status::invalid)?;
        let asked = Cancel { request_id, run_id, reason };
        let run = runs::cancel(&self.0.desk, Self::envelope(caller, asked, request.get_ref())).await?;
        self.0.news.ring();
        Ok(Response::new(proto::CancelRunResponse { run: Some(wired::run(&run)) }))
    }

    async fn list_runs(
        &self,
        request: Request<proto::ListRunsRequest>,
    ) -> Result<Response<proto::ListRunsResponse>, Status> {
        let caller = Caller::of(&request)?;
        self.page(caller, request.into_inner()).await.map(Response::new)
    }

    async fn get_run(&self, request: Request<proto::GetRunRequest>) -> Result<Response<proto::GetRunResponse>, Status> {
        let caller = Caller::of(&request)?;
        let mut check = Check::default();
        let run_id = wired::run_id(&request.get_ref().run_id, &mut check);
        check.done().map_err(status::invalid)?;
        let (run, pieces) = self.read(&caller, run_id, 0, ALL_PIECES).await?;
        let mut bytes = 0;
        let fits = |piece: &Output| {
            bytes += piece.chunk.len();
            bytes <= ALL_BYTES
        };
        let output = pieces.into_iter().take_while(fits).map(wired::output).collect();
        Ok(Response::new(proto::GetRunResponse { run: Some(wired::run(&run)), output }))
    }

    async fn watch_run(
        &self,
        request: Request<proto::WatchRunRequest>,
    ) -> Result<Response<Self::WatchRunStream>, Status> {
        let caller = Caller::of(&request)?;
        let mut check = Check::default();
        let asked = request.into_inner();
        let run_id = wired::run_id(&asked.run_id, &mut check);
        check.done().map_err(status::invalid)?;
        let rings = self.0.news.listen();
        // Whoever may not is told at once.
        self.read(&caller, run_id, 0, 1).await?;
        let watcher = Watcher {
            runbooks: self.clone(),
            caller,
            run_id,
            after: asked.after_sequence,
            rings,
            shown: None,
            read: VecDeque::new(),
        };
        Ok(Response::new(Box::pin(futures::stream::unfold(Some(watcher), |watcher| async move {
            let mut watcher = watcher?;
            match watcher.next().await {
                Ok(Some(news)) => Some((Ok(proto::WatchRunResponse { news: Some(news) }), Some(watcher))),
                Ok(None) => None,
                Err(status) => Some((Err(status), None)),
            }
        }))))
    }
}

struct Watcher {
    runbooks: Runbooks,
    caller: Caller,
    run_id: Uuid,
    /// The last piece that was sent.
    after: u32,
    rings: watch::Receiver<()>,
    /// The run as it was sent last.
    shown: Option<Run>,
    read: VecDeque<Shown>,
}

impl Watcher {
    /// The next news; `None` once the run is over and all of its output was sent, or the service stops.
    async fn next(&mut self) -> Result<Option<Shown>, Status> {
        loop {
            if let Some(news) = self.read.pop_front() {
                return Ok(Some(news));
            }
            let stop = self.runbooks.0.ground.stop.clone();
            let is_over = self.shown.as_ref().is_some_and(|run| run.state == RunState::Ended);
            if is_over || stop.is_asked() {
                return Ok(None);
            }
            if self.look().await? {
                continue;
            }
            tokio::select! {
                _ = self.rings.changed() => {}
                () = stop.asked() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Reads on; returns whether there was something. Every look is judged anew, by row-level security and by whether the
    /// ticket is confidential.
    async fn look(&mut self) -> Result<bool, Status> {
        let (run, pieces) = self.runbooks.read(&self.caller, self.run_id, self.after, PIECES).await?;
        let is_whole = i64::try_from(pieces.len()).is_ok_and(|count| count < PIECES);
        for piece in pieces {
            if piece.sequence > self.after.saturating_add(1) && run.state != RunState::Ended {
                // One before it is still on its way.
                break;
            }
            self.after = piece.sequence;
            self.read.push_back(Shown::Output(wired::output(piece)));
        }
        // The end comes after all of the output.
        let is_news = self.shown.as_ref().is_none_or(|shown| shown.state != run.state);
        if is_news && (is_whole || run.state != RunState::Ended) {
            self.read.push_back(Shown::Run(wired::run(&run)));
            self.shown = Some(run);
        }
        Ok(!self.read.is_empty())
    }
}
