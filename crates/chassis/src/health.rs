//! Whether the service lives and whether it can work, by HTTP and by `grpc.health.v1`.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use futures::future::try_join_all;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::{Ground, Wiring, stream_for};

/// How often to look while all is well.
const EVERY: Duration = Duration::from_secs(2);
/// How soon to look again while something is missing, at first: who waits for us waits no longer than needed.
const AT_ONCE: Duration = Duration::from_millis(5);
/// The same, after some looks in vain.
const SOON: Duration = Duration::from_millis(100);

/// What readiness found out: `Ok`, or what is missing.
pub(crate) type Readiness = watch::Sender<Result<(), String>>;

/// Serves `/healthz` (alive: always), `/readyz` (able to work; says what is missing, and what is amiss although it can) and `/metrics` (for Prometheus).
pub(crate) fn serve(ground: &Ground, listener: TcpListener, readiness: &Arc<Readiness>) {
    let readiness = Arc::clone(readiness);
    let remarks = ground.remarks.clone();
    let ready = async move || match &*readiness.borrow() {
        Ok(()) => (StatusCode::OK, format!("ready\n{}", remarks.lines())),
        Err(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("{missing}\n")),
    };
    let metrics = Arc::clone(&ground.metrics);
    let page = async move || match metrics.page() {
        Ok(page) => (StatusCode::OK, [(CONTENT_TYPE, prometheus::TEXT_FORMAT)], page),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, [(CONTENT_TYPE, "text/plain")], format!("{error:#}\n")),
    };
    let routes = axum::Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(page));
    let stop = ground.stop.clone();
    ground.stop.spawn_machinery(async move {
        let served = axum::serve(listener, routes).with_graceful_shutdown(async move { stop.doors_closed().await });
        if let Err(error) = served.await {
            tracing::error!(error = %error, "health is no longer served");
        }
    });
}

/// Looks again and again whether the service can work, until it stops.
pub(crate) async fn watch(
    ground: Ground,
    wiring: &'static Wiring,
    readiness: Arc<Readiness>,
    mut reporter: HealthReporter,
) {
    let names = || wiring.serves.iter().chain(["", "readiness"].iter());
    let mut in_vain = 0;
    loop {
        let looked = tokio::select! {
            biased;
            () = ground.stop.asked() => None,
            found = look(&ground, wiring) => Some(found),
        };
        let is_stopping = looked.is_none();
        let found = looked.unwrap_or_else(|| Err("stopping".to_owned()));
        let status = if found.is_ok() { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in names() {
            reporter.set_service_status(*name, status).await;
        }
        reporter.set_service_status("liveness", ServingStatus::Serving).await;
        ground.metrics.ready(found.is_ok(), ground.remarks.count());
        readiness.send_if_modified(|known| {
            let is_new = *known != found;
            if is_new {
                match &found {
                    Ok(()) => tracing::info!("ready"),
                    Err(missing) if is_stopping => tracing::info!(missing, "not ready"),
                    Err(missing) => tracing::warn!(missing, "not ready"),
                }
                known.clone_from(&found);
            }
            is_new
        });
        if is_stopping {
            // Who watches is told that we stop, and then that this was all: an open stream would hold up the stop.
            for name in names().chain(["liveness"].iter()) {
                reporter.clear_service_status(name).await;
            }
            return;
        }
        let pause = if found.is_ok() { EVERY } else { again_after(in_vain) };
        in_vain = if found.is_ok() { 0 } else { in_vain + 1 };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = ground.stop.asked() => {}
        }
    }
}

/// How soon to look again after so many looks in vain before the last one.
fn again_after(in_vain: u32) -> Duration {
    AT_ONCE.saturating_mul(1 << in_vain.min(16)).min(SOON)
}

/// Whoever takes something in works without NATS: the facts wait in the outbox. Whoever only follows is of no use then.
async fn look(ground: &Ground, wiring: &Wiring) -> Result<(), String> {
    let (store, bus) = tokio::join!(ground.store.check(), look_at_bus(ground, wiring));
    store.map_err(|error| format!("the store does not answer: {}", error.chain()))?;
    bus
}

async fn look_at_bus(ground: &Ground, wiring: &Wiring) -> Result<(), String> {
    if wiring.works_without_bus {
        return Ok(());
    }
    if !ground.bus.is_connected() {
        return Err("NATS is not connected".to_owned());
    }
    try_join_all(wiring.listens.iter().map(|listen| look_at_stream(ground, stream_for(listen.package)))).await?;
    Ok(())
}

async fn look_at_stream(ground: &Ground, stream: String) -> Result<(), String> {
    let found = ground.bus.jetstream.get_stream(&stream).await;
    let found = found.map_err(|_| format!("the stream {stream} is missing; streams are made at deployment"))?;
    found.consumer_info(ground.service).await.map_err(|_| {
        format!("the consumer {} of the stream {stream} is missing; consumers are made at deployment", ground.service)
    })?;
    Ok(())
}
