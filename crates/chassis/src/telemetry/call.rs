//! One RPC as it is watched: its span, how long it took, how it ended.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http_body::{Frame, SizeHint};
use opentelemetry_semantic_conventions::attribute::{ERROR_TYPE, RPC_RESPONSE_STATUS_CODE};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Span;

use super::spans;
use crate::authorisation::TABLE;
use crate::metrics::Metrics;

/// An RPC under way. Dropped before its end, its caller has left.
#[derive(Debug)]
pub(crate) struct Call {
    span: Span,
    method: &'static str,
    metrics: Arc<Metrics>,
    begun_at: Instant,
    is_over: bool,
}

impl Call {
    /// Begins with the arrival of the request.
    pub(crate) fn begin<B>(service: &'static str, metrics: &Arc<Metrics>, request: &http::Request<B>) -> Self {
        let method = known(request.uri().path());
        let traceparent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
        let span = spans::rpc(service, method, traceparent);
        Self { span, method, metrics: Arc::clone(metrics), begun_at: Instant::now(), is_over: false }
    }

    /// Its span.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Ends with the end of the answer: at once if it is only a status, else with its last word.
    pub(crate) fn watch(mut self, response: http::Response<Body>) -> http::Response<Body> {
        if let Some(code) = code_of(response.headers()) {
            self.end(code);
            return response;
        }
        response.map(|body| Body::new(Watched { body, call: self }))
    }

    fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.metrics.rpc(self.method, name_of(code), self.begun_at.elapsed());
        tell(&self.span, code, is_our_fault(code));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// Notes on a call's span how it ended.
pub(super) fn tell(span: &Span, code: Code, is_error: bool) {
    span.record(RPC_RESPONSE_STATUS_CODE, name_of(code));
    if is_error {
        span.record(ERROR_TYPE, name_of(code));
        span.record("otel.status_code", "ERROR");
    }
}

/// How a call ended, if its headers or trailers say so.
pub(super) fn code_of(headers: &http::HeaderMap) -> Option<Code> {
    Some(Code::from_i32(headers.get("grpc-status")?.to_str().ok()?.parse().ok()?))
}

/// Names of methods are few: what nobody knows is one of them.
fn known(path: &str) -> &'static str {
    let rule = TABLE.iter().find(|rule| rule.action == path);
    rule.and_then(|rule| rule.action.strip_prefix('/')).unwrap_or("_OTHER")
}

/// What the server answers for; the rest is the caller's.
fn is_our_fault(code: Code) -> bool {
    use Code::{DataLoss, DeadlineExceeded, Internal, Unavailable, Unimplemented, Unknown};
    matches!(code, Unknown | DeadlineExceeded | Unimplemented | Internal | Unavailable | DataLoss)
}

fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// An answer on its way out, within its call's span.
struct Watched {
    body: Body,
    call: Call,
}

impl http_body::Body for Watched {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let span = self.call.span.clone();
        let _inside = span.enter();
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let ended = match &frame {
            Some(Ok(frame)) => frame.trailers_ref().map(|trailers| code_of(trailers).unwrap_or(Code::Unknown)),
            Some(Err(status)) => Some(status.code()),
            None => Some(Code::Unknown),
        };
        if let Some(code) = ended {
            self.call.end(code);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
