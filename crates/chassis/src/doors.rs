//! A service's doors: gRPC and NATS in, the relay out, all opened and closed in order.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use contracts::operations::v1 as proto;
use contracts::operations::v1::operations_service_server::{OperationsService, OperationsServiceServer};
use sqlx::migrate::Migrator;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::RoutesBuilder;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tower::Service;
use uuid::Uuid;

use crate::authorisation::Caller;
use crate::consume::{self, Handler};
use crate::lease::Leases;
use crate::server::{Gate, builder};
use crate::status::{Violation, invalid};
use crate::store::CHASSIS;
use crate::{Error, Ground, Listen, PageToken, Wiring, dead_letter, health, housekeeping, metrics, page_size, relay};

/// How long a stop waits for what is in flight, per phase.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a service opens. Built by its `start`, in the order of its `WIRING`.
#[derive(Debug)]
pub struct Doors {
    ground: Ground,
    wiring: &'static Wiring,
    schema: &'static Migrator,
    routes: RoutesBuilder,
    heard: Heard,
}

/// What is done with the facts that the wiring names, if there are any.
#[derive(Clone, Default)]
struct Heard(Option<Handler>);

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Heard").field(&self.0.is_some()).finish()
    }
}

/// A service that runs.
#[derive(Debug)]
pub struct Running {
    /// What it stands on.
    pub ground: Ground,
    /// Where it serves gRPC.
    pub grpc_address: SocketAddr,
    /// Where it serves /healthz, /readyz and /metrics.
    pub http_address: SocketAddr,
    readiness: Arc<health::Readiness>,
}

impl Running {
    /// Stops: doors closed, what is in flight finished, the outbox announced as far as NATS is there, leases released.
    /// Returns whether all of it ended by itself in time.
    pub async fn stop(self) -> bool {
        self.ground.stop.ask();
        self.finish().await
    }

    /// Waits for a stop that somebody else asks for.
    pub async fn finish(self) -> bool {
        let ended = self.ground.stop.finish(PATIENCE).await;
        let (bus, ()) = tokio::join!(self.ground.bus.close(), self.ground.store.close());
        if let Err(error) = bus {
            tracing::debug!(error = format!("{error:#}"), "NATS was gone already");
        }
        self.ground.metrics.see_off();
        ended
    }
}

impl Doors {
    /// No doors yet. `schema` is the service's own migrations: the doors open when the store has them.
    pub fn new(ground: &Ground, wiring: &'static Wiring, schema: &'static Migrator) -> Self {
        Self { ground: ground.clone(), wiring, schema, routes: RoutesBuilder::default(), heard: Heard::default() }
    }

    /// Serves a gRPC service.
    #[must_use]
    pub fn grpc<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Error = Infallible> + NamedService + Clone + Send + Sync + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self
    }

    /// Listens to all facts that the wiring names.
    #[must_use]
    pub fn listen(mut self, handler: Handler) -> Self {
        self.heard = Heard(Some(handler));
        self
    }

    /// Binds the addresses and opens the doors as soon as the store is there.
    ///
    /// # Errors
    /// If an address is taken, or reflection cannot be built.
    pub async fn open(self) -> anyhow::Result<Running> {
        let bind = async |address: SocketAddr| {
            TcpListener::bind(address).await.with_context(|| format!("{address} cannot be served; is it taken?"))
        };
        let grpc = bind(self.ground.config.grpc_address).await?;
        let http = bind(self.ground.config.http_address).await?;
        let readiness = Arc::new(health::Readiness::new(Err("starting".to_owned())));
        let running = Running {
            ground: self.ground.clone(),
            grpc_address: grpc.local_addr()?,
            http_address: http.local_addr()?,
            readiness: Arc::clone(&readiness),
        };
        health::serve(&self.ground, http, &readiness);
        let stop = self.ground.stop.clone();
        stop.spawn_door(async move {
            if self.wait_for_store(&readiness).await {
                self.open_now(grpc, readiness).await;
            }
        });
        Ok(running)
    }

    /// Waits until the store answers with the schema that we need. False if we are stopped before.
    async fn wait_for_store(&self, readiness: &health::Readiness) -> bool {
        let mut told = String::new();
        loop {
            match self.look_at_store().await {
                Ok(()) => return true,
                Err(missing) => {
                    if missing != told {
                        tracing::warn!(missing, "waiting for the store");
                        told.clone_from(&missing);
                    }
                    drop(readiness.send_replace(Err(missing)));
                }
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
                () = self.ground.stop.asked() => return false,
            }
        }
    }

    async fn look_at_store(&self) -> Result<(), String> {
        let store = &self.ground.store;
        // All at once: making a connection takes longer than any of it. The machinery's is needed next; whether it works
        // is readiness' question.
        let (roles, found, _) = tokio::join!(store.check_roles(), store.schema(), store.check());
        roles.map_err(|error| format!("the store is not usable: {}", error.chain()))?;
        let found = found.map_err(|error| format!("the store has no schema yet: {}", error.chain()))?;
        let mut wanted = CHASSIS.iter().chain(self.schema.iter()).map(|migration| migration.version);
        match wanted.find(|version| !found.contains(version)) {
            None => Ok(()),
            Some(missing) => Err(format!("the store lacks migration {missing} of this version; migrate it")),
        }
    }

    async fn open_now(self, listener: TcpListener, readiness: Arc<health::Readiness>) {
        let Self { ground, wiring, mut routes, heard, .. } = self;
        let stop = &ground.stop;
        let (reporter, health_service) = tonic_health::server::health_reporter();
        stop.spawn_door(health::watch(ground.clone(), wiring, readiness, reporter));
        stop.spawn_door(housekeeping::run(ground.clone()));
        stop.spawn_door(metrics::watch::run(ground.clone(), wiring));
        if let Some(package) = wiring.announces {
            let leases = Leases::new("relay");
            stop.spawn_machinery(leases.clone().keep(ground.clone()));
            stop.spawn_machinery(relay::run(ground.clone(), package, leases));
        }
        if let Some(handler) = heard.0.clone() {
            stop.spawn_door(consume::run(ground.clone(), wiring, handler));
        }
        let operations = OperationsServiceServer::new(Operations { ground: ground.clone(), wiring, heard });
        routes.add_service(operations).add_service(health_service);
        if ground.config.reflection {
            let reflection = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(contracts::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .build_v1();
            match reflection {
                Ok(reflection) => drop(routes.add_service(reflection)),
                Err(error) => tracing::error!(error = %error, "reflection is not served"),
            }
        }
        let asked = ground.stop.clone();
        let served = builder(ground.config.connection_age)
            .layer(Gate::new(&ground))
            .add_routes(routes.routes())
            .serve_with_incoming_shutdown(incoming(listener), async move { asked.asked().await });
        if let Err(error) = served.await {
            tracing::error!(error = %error, "gRPC is no longer served; stopping");
            ground.stop.ask();
        }
    }
}

/// Connections as they come. Answers go out at once: the builder's own setting is for listeners that it opens itself,
/// and a longer answer would wait 40 ms for the acknowledgement of its first part.
fn incoming(listener: TcpListener) -> TcpIncoming {
    TcpIncoming::from(listener).with_nodelay(Some(true))
}

/// Waits until a service can work. False if it cannot within `at_most`.
pub async fn wait_until_ready(running: &Running, at_most: Duration) -> bool {
    let mut readiness = running.readiness.subscribe();
    tokio::time::timeout(at_most, readiness.wait_for(Result::is_ok)).await.is_ok_and(|seen| seen.is_ok())
}

/// How far a service is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceStatus {
    /// Facts committed and not yet on the bus.
    pub outbox_depth: u64,
    /// Messages that could not be handled.
    pub dead_letters: u64,
}

/// Looks how far a service is behind.
///
/// # Errors
/// If its store failed.
pub async fn status(ground: &Ground) -> Result<ServiceStatus, Error> {
    Ok(ServiceStatus { outbox_depth: relay::depth(ground).await?, dead_letters: dead_letter::count(ground).await? })
}

/// What every service offers to those who run it.
#[derive(Debug)]
struct Operations {
    ground: Ground,
    wiring: &'static Wiring,
    heard: Heard,
}

impl Operations {
    /// What is done with messages of this subject, if we listen to them.
    fn handler_of(&self, subject: &str) -> Option<Handler> {
        let is_its = |listen: &Listen| subject.strip_prefix(listen.package).is_some_and(|rest| rest.starts_with('.'));
        self.wiring.listens.iter().any(is_its).then(|| self.heard.0.clone()).flatten()
    }
}

#[tonic::async_trait]
impl OperationsService for Operations {
    async fn get_service_status(
        &self,
        _: Request<proto::GetServiceStatusRequest>,
    ) -> Result<Response<proto::GetServiceStatusResponse>, Status> {
        let status = status(&self.ground).await?;
        Ok(Response::new(proto::GetServiceStatusResponse {
            service: self.ground.service.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            outbox_depth: status.outbox_depth,
            dead_letters: status.dead_letters,
        }))
    }

    async fn list_dead_letters(
        &self,
        request: Request<proto::ListDeadLettersRequest>,
    ) -> Result<Response<proto::ListDeadLettersResponse>, Status> {
        let scope = Caller::of(&request)?.scope;
        let request = request.into_inner();
        let size = page_size(request.page_size, 50, 1_000).map_err(|one| invalid(vec![one]))?;
        let question = proto::ListDeadLettersRequest::default();
        let after: Option<Uuid> =
            PageToken::decode(&request.page_token, &question).map_err(|one| invalid(vec![one]))?;
        let dead_letters = dead_letter::list(&self.ground, &scope, after, size).await?;
        let next_page_token = match dead_letters.last() {
            Some(last) if dead_letters.len() as i64 == size => PageToken::encode(&question, &last.dead_letter_id),
            _ => String::new(),
        };
        Ok(Response::new(proto::ListDeadLettersResponse { dead_letters, next_page_token }))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<proto::ReplayDeadLettersRequest>,
    ) -> Result<Response<proto::ReplayDeadLettersResponse>, Status> {
        let scope = Caller::of(&request)?.scope;
        let wanted = request.into_inner().dead_letter_ids;
        let wanted: Result<Vec<Uuid>, _> = wanted.iter().map(|text| Uuid::try_parse(text)).collect();
        let wanted = wanted.map_err(|_| invalid(vec![Violation::new("dead_letter_ids", "must be UUIDs")]))?;
        let (replayed, failed) =
            dead_letter::replay(&self.ground, &scope, &wanted, |subject| self.handler_of(subject)).await?;
        Ok(Response::new(proto::ReplayDeadLettersResponse { replayed, failed }))
    }
}
