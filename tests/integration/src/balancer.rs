//! What stands before the replicas of a service and gives each call to one that is ready.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};
use tonic::body::Body;
use tonic::codegen::http::header::AUTHORIZATION;
use tonic::codegen::http::{HeaderValue, Request, Response};
use tonic::codegen::{Service, StdError};
use tonic::transport::{Channel, Endpoint};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::processes::wait_until;

/// How long a replica may take to get ready, on a busy machine.
const READY_FOR: Duration = Duration::from_secs(60);

/// The ready replicas of one service. Cheap to clone; every clone is the same one.
#[derive(Debug, Clone, Default)]
pub struct Balancer(Arc<Mutex<Seats>>);

#[derive(Debug, Default)]
struct Seats {
    ready: Vec<Seat>,
    turn: usize,
}

/// One replica that gets calls.
#[derive(Debug, Clone)]
struct Seat {
    endpoint: String,
    channel: Channel,
    /// Held for reading while a call is on its way into the channel.
    sending: Arc<RwLock<()>>,
}

impl Balancer {
    /// Waits until a replica says that it is ready (`grpc.health.v1`), then gives it calls, over a new connection.
    ///
    /// # Errors
    /// If it does not get ready.
    pub async fn put_in(&self, endpoint: String) -> anyhow::Result<()> {
        let channel = Endpoint::from_shared(endpoint.clone())?.tcp_nodelay(true).connect_lazy();
        let is_ready = wait_until("the replica is ready", READY_FOR, async || Ok(is_ready(&channel).await));
        is_ready.await.with_context(|| endpoint.clone())?;
        self.seats(|seats| seats.ready.push(Seat { endpoint, channel, sending: Arc::default() }));
        Ok(())
    }

    /// Gives a replica no more calls. When this returns, those that it got before have reached it and may go on there.
    ///
    /// # Errors
    /// If it had none to begin with, or does not answer.
    pub async fn take_out(&self, endpoint: &str) -> anyhow::Result<()> {
        let seat = self.drop_out(endpoint).with_context(|| format!("{endpoint} is not in"))?;
        drop(seat.sending.write().await);
        // Calls travel in order: when this one is answered, all before it have arrived.
        let asked = HealthClient::new(seat.channel).check(HealthCheckRequest::default()).await;
        asked.map(drop).with_context(|| format!("{endpoint} does not answer"))
    }

    /// Gives a replica no more calls from now on, if it still got some.
    pub fn forget(&self, endpoint: &str) {
        drop(self.drop_out(endpoint));
    }

    /// Who calls with this token.
    ///
    /// # Errors
    /// If the token cannot be sent.
    pub fn caller(&self, token: &str) -> anyhow::Result<Balanced> {
        Ok(Balanced { balancer: self.clone(), authorization: format!("Bearer {token}").parse()? })
    }

    fn drop_out(&self, endpoint: &str) -> Option<Seat> {
        self.seats(|seats| {
            let index = seats.ready.iter().position(|seat| seat.endpoint == endpoint)?;
            Some(seats.ready.remove(index))
        })
    }

    /// The next replica in turn. Whoever takes it out waits until the guard is dropped.
    fn choose(&self) -> Option<(Channel, OwnedRwLockReadGuard<()>)> {
        self.seats(|seats| {
            seats.turn = seats.turn.wrapping_add(1);
            let seat = seats.ready.get(seats.turn.checked_rem(seats.ready.len())?)?;
            Some((seat.channel.clone(), Arc::clone(&seat.sending).try_read_owned().ok()?))
        })
    }

    fn seats<T>(&self, work: impl FnOnce(&mut Seats) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn is_ready(channel: &Channel) -> bool {
    let request = HealthCheckRequest { service: "readiness".to_owned() };
    let answer = HealthClient::new(channel.clone()).check(request).await;
    answer.is_ok_and(|answer| answer.get_ref().status == ServingStatus::Serving as i32)
}

/// A service behind its balancer, as somebody with a token. A call is sent once, to one replica.
#[derive(Debug, Clone)]
pub struct Balanced {
    balancer: Balancer,
    authorization: HeaderValue,
}

impl Service<Request<Body>> for Balanced {
    type Response = Response<Body>;
    type Error = StdError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, StdError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        let chosen = self.balancer.choose();
        Box::pin(async move {
            let (mut channel, sending) = chosen.ok_or("no replica is ready")?;
            poll_fn(|context| channel.poll_ready(context)).await?;
            let answer = channel.call(request);
            drop(sending);
            Ok(answer.await?)
        })
    }
}
