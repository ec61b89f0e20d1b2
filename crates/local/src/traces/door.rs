//! The HTTP door: the last traces, and one trace, as a page for people and as JSON for programs.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, LOCATION, REFERRER_POLICY};
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

use super::memory::{Trace, Traces};
use super::page;
use super::span::{Kind, Span};
use super::waterfall::{Row, Waterfall};

/// Traces on the list.
const LISTED: usize = 100;

pub(super) fn routes(traces: Traces) -> Router {
    Router::new()
        .route("/", get(async || (StatusCode::SEE_OTHER, [(LOCATION, "/traces")])))
        .route("/traces", get(list))
        .route("/traces/{key}", get(one))
        .layer(middleware::from_fn(only_from_here))
        .with_state(traces)
}

/// A page of somebody else, opened in a browser here, must not read the desk's traces under a name of its own.
async fn only_from_here(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !["127.0.0.1", "localhost", "[::1]"].contains(&name) {
        return (StatusCode::FORBIDDEN, "ask by the address 127.0.0.1\n").into_response();
    }
    next.run(request).await
}

/// A trace on the list.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub(super) trace_id: String,
    pub(super) title: String,
    pub(super) name: String,
    pub(super) started_at: jiff::Timestamp,
    pub(super) took_for_us: u64,
    pub(super) spans: usize,
    pub(super) services: Vec<String>,
    pub(super) has_error: bool,
}

async fn list(State(traces): State<Traces>, headers: HeaderMap) -> Response {
    let latest = traces.latest(LISTED, is_of_interest).into_iter();
    let listed: Vec<Listed> = latest.filter_map(listed).collect();
    if wants_page(&headers) { html(&page::list(&listed)) } else { json(&listed) }
}

fn listed(spans: Vec<Span>) -> Option<Listed> {
    let waterfall = Waterfall::of(Trace { spans, left_off: 0, quiet_for: Default::default() }, Vec::new())?;
    Some(Listed {
        trace_id: waterfall.trace_id.to_string(),
        title: waterfall.title(),
        name: waterfall.spans.first().map(Row::short_name).unwrap_or_default(),
        started_at: waterfall.started_at,
        took_for_us: waterfall.took_for_us,
        spans: waterfall.spans.len(),
        services: waterfall.services.iter().map(|share| share.service.clone()).collect(),
        has_error: waterfall.spans.iter().any(|row| row.error.is_some()),
    })
}

/// Somebody asked for something, or a fact was handled. What the machinery does for itself is not listed.
fn is_of_interest(spans: &[Span]) -> bool {
    spans.iter().any(|span| matches!(span.kind, Kind::Server | Kind::Producer | Kind::Consumer))
}

async fn one(State(traces): State<Traces>, Path(key): Path<String>, headers: HeaderMap) -> Response {
    let mut found = traces.find(&key).into_iter();
    let first = found.next().and_then(|trace_id| traces.trace(trace_id));
    match (first.and_then(|trace| Waterfall::of(trace, found.collect())), wants_page(&headers)) {
        (Some(waterfall), true) => {
            let lines = traces.lines().into_iter().filter(|line| line.trace_id == Some(waterfall.trace_id)).collect();
            html(&page::one(&waterfall, lines))
        }
        (Some(waterfall), false) => json(&waterfall),
        (None, true) => (StatusCode::NOT_FOUND, html(&page::absent(&key))).into_response(),
        (None, false) => (StatusCode::NOT_FOUND, "no trace of it is kept\n").into_response(),
    }
}

/// Browsers say that they take HTML; programs that say nothing get JSON.
fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

fn html(text: &str) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, text.to_owned()).into_response()
}

fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec_pretty(value) {
        Ok(text) => ([(CONTENT_TYPE, "application/json"), (X_CONTENT_TYPE_OPTIONS, "nosniff")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
