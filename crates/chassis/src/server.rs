//! The gRPC server: who may come in, how many, for how long.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rand::Rng;
use tokio::sync::Semaphore;
use tonic::body::Body;
use tonic::transport::Server;
use tower::{Layer, Service};
use tracing::Instrument;

use crate::authorisation::{Caller, allowed, denied};
use crate::{Ground, status, telemetry};

/// Largest request message. A ticket's description is at most 64 KiB.
pub const MAX_REQUEST: usize = 1024 * 1024;
/// Largest answer message.
pub const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// The longest that an RPC may take; a caller may name a shorter deadline. Streams have it for their first answer.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// RPCs under way on one connection; one more is shed with RESOURCE_EXHAUSTED.
pub const PER_CONNECTION: usize = 1_024;
/// RPCs under way in the service; one more is shed with RESOURCE_EXHAUSTED and the time to wait.
pub const PER_SERVICE: usize = 8_192;
/// Largest metadata of a call.
pub const MAX_METADATA: u32 = 32 * 1024;
/// What a caller may send on one stream before it is read: a stream of posts then comes in groups worth a commit.
pub const STREAM_WINDOW: u32 = 1024 * 1024;
/// The same for all streams of a connection.
pub const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// Replicas ask their connections to make way at different ages, or all callers would come back to one of them at once.
const AGE_SPREAD: Range<f64> = 0.8..1.2;
/// So long before a caller's deadline it is answered: the transport's own timer must not be first.
const BEFORE_DEADLINE: Duration = Duration::from_millis(1);

/// A server with the desk's limits. At `connection_age`, a fifth more or less, a connection is asked to make way, so that
/// callers find replicas that came later; what is under way on it goes on to its end.
pub(crate) fn builder(connection_age: Duration) -> Server {
    Server::builder()
        .concurrency_limit_per_connection(PER_CONNECTION)
        .load_shed(true)
        .max_concurrent_streams(Some(PER_CONNECTION as u32))
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .http2_max_header_list_size(Some(MAX_METADATA))
        .http2_max_pending_accept_reset_streams(Some(64))
        .initial_stream_window_size(Some(STREAM_WINDOW))
        .initial_connection_window_size(Some(CONNECTION_WINDOW))
        .max_connection_age(connection_age.mul_f64(rand::rng().random_range(AGE_SPREAD)))
}

/// Lets nobody in without a genuine token and a role for this RPC, and not too many at once.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    ground: Ground,
    places: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new(ground: &Ground) -> Self {
        Self { ground: ground.clone(), places: Arc::new(Semaphore::new(PER_SERVICE)) }
    }

    /// Adds the caller to the request, or says why not.
    async fn admit<B>(&self, request: &mut http::Request<B>) -> Result<(), tonic::Status> {
        let action = request.uri().path();
        let token = request
            .headers()
            .get(http::header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer ")))
            .ok_or_else(unauthenticated)?;
        let now = self.ground.clock.now().as_second();
        let principal = self.ground.verifier.verify(token, now).await.map_err(|why| {
            tracing::info!(%why, "a token was refused");
            unauthenticated()
        })?;
        let scope = allowed(&principal, action);
        if scope.is_empty() {
            return Err(denied());
        }
        request.extensions_mut().insert(Caller { principal, scope });
        Ok(())
    }
}

/// An answer that is only a status: INTERNAL for an unreadable message becomes what it is.
fn without_false_blame(response: http::Response<Body>) -> http::Response<Body> {
    match tonic::Status::from_header_map(response.headers()) {
        Some(status) if status.code() == tonic::Code::Internal => status::or_unreadable(status).into_http(),
        _ => response,
    }
}

fn unauthenticated() -> tonic::Status {
    status::with_reason(
        tonic::Code::Unauthenticated,
        "UNAUTHENTICATED",
        "send a valid token as metadata: authorization: Bearer …",
    )
}

fn out_of_time() -> tonic::Status {
    status::with_reason(
        tonic::Code::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
        "the desk did not manage it in time; ask again with the same request_id",
    )
}

/// What anybody may call: health, and reflection where it is offered.
fn is_open(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.") || path.starts_with("/grpc.reflection.v1")
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;
    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, gate: self.clone() }
    }
}

/// A service behind the gate.
#[derive(Debug, Clone)]
pub(crate) struct Gated<S> {
    inner: S,
    gate: Gate,
}

impl<S, B> Service<http::Request<B>> for Gated<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        let waiting = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, waiting);
        let gate = self.gate.clone();
        let patience = time_for(request.headers());
        // From now on, not from the first poll: the transport's own timer for the caller's deadline starts after this.
        let too_late = tokio::time::sleep(patience);
        if is_open(request.uri().path()) {
            return Box::pin(async move { ready.call(request).await });
        }
        let call = telemetry::Call::begin(gate.ground.service, &gate.ground.metrics, &request);
        let span = call.span().clone();
        let answer = async move {
            // Both timers would end within the same tick, and the transport's might be looked at first.
            if patience.is_zero() {
                return Ok(out_of_time().into_http());
            }
            let Ok(_place) = gate.places.try_acquire() else {
                return Ok(status::too_much("too many calls are under way; try again shortly").into_http());
            };
            let answer = async {
                match gate.admit(&mut request).await {
                    Ok(()) => ready.call(request).await.map(without_false_blame),
                    Err(refusal) => Ok(refusal.into_http()),
                }
            };
            // Not by the server's own timeout, which would answer CANCELLED: that is the caller's word.
            tokio::select! {
                biased;
                answer = answer => answer,
                () = too_late => Ok(out_of_time().into_http()),
            }
        };
        Box::pin(async move { answer.await.map(|response| call.watch(response)) }.instrument(span))
    }
}

/// How long an RPC may take: as long as its caller waits, but never longer than [`DEADLINE`].
fn time_for(headers: &http::HeaderMap) -> Duration {
    let patience = headers.get("grpc-timeout").and_then(|value| patience(value.to_str().ok()?));
    patience.map_or(DEADLINE, |patience| patience.saturating_sub(BEFORE_DEADLINE).min(DEADLINE))
}

/// A `grpc-timeout`: up to eight digits and a unit. What is none is no deadline.
fn patience(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3_600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
