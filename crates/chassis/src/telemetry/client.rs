//! Calls that we make, each with a span whose context travels in its metadata.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::HeaderValue;
use tower::Service;
use tracing::{Instrument, Span};

use super::call::{code_of, tell};
use super::context::traceparent_of;
use super::spans;

/// A connection whose calls are traced, where the work in hand is.
#[derive(Debug, Clone)]
pub struct Traced<S>(S);

impl<S> Traced<S> {
    /// Over this connection.
    pub fn new(connection: S) -> Self {
        Self(connection)
    }
}

impl<S, A, B> Service<http::Request<A>> for Traced<S>
where
    S: Service<http::Request<A>, Response = http::Response<B>>,
    S::Future: Send + 'static,
    S::Error: Send,
    B: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<A>) -> Self::Future {
        // A call in the course of nothing is traced by whoever serves it.
        if Span::current().is_none() {
            return Box::pin(self.0.call(request));
        }
        let span = spans::call(request.uri().path().trim_start_matches('/'));
        if let Some(value) = traceparent_of(&span).and_then(|text| HeaderValue::try_from(text).ok()) {
            request.headers_mut().insert("traceparent", value);
        }
        let answer = self.0.call(request);
        let within = span.clone();
        Box::pin(
            async move {
                let answer = answer.await;
                if let Ok(response) = &answer
                    && let Some(code) = code_of(response.headers())
                {
                    tell(&within, code, true);
                }
                answer
            }
            .instrument(span),
        )
    }
}
