//! Whether the service lives and whether it can work, by HTTP and by `grpc.health.v1`.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::{Ground, Wiring, stream_for};

const EVERY: Duration = Duration::from_secs(2);

/// What readiness found out: `Ok`, or what is missing.
pub(crate) type Readiness = watch::Sender<Result<(), String>>;

/// Serves `/healthz` (alive: always) and `/readyz` (able to work; says what is missing).
pub(crate) fn serve(ground: &Ground, listener: TcpListener, readiness: &Arc<Readiness>) {
    let readiness = Arc::clone(readiness);
    let routes = axum::Router::new().route("/healthz", get(async || "alive\n")).route(
        "/readyz",
        get(async move || match &*readiness.borrow() {
            Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
            Err(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("{missing}\n")),
        }),
    );
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
    reporter: HealthReporter,
) {
    loop {
        let found = if ground.stop.is_asked() { Err("stopping".to_owned()) } else { look(&ground, wiring).await };
        let status = if found.is_ok() { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in wiring.serves.iter().chain(["", "readiness"].iter()) {
            reporter.set_service_status(*name, status).await;
        }
        reporter.set_service_status("liveness", ServingStatus::Serving).await;
        readiness.send_if_modified(|known| {
            let is_new = *known != found;
            if is_new {
                match &found {
                    Ok(()) => tracing::info!("ready"),
                    Err(missing) if ground.stop.is_asked() => tracing::info!(missing, "not ready"),
                    Err(missing) => tracing::warn!(missing, "not ready"),
                }
                known.clone_from(&found);
            }
            is_new
        });
        if ground.stop.is_asked() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = ground.stop.asked() => {}
        }
    }
}

/// A service that only announces works without NATS: its facts wait in the outbox. One that listens is of no use then.
async fn look(ground: &Ground, wiring: &Wiring) -> Result<(), String> {
    ground.store.check().await.map_err(|error| format!("the store does not answer: {}", error.chain()))?;
    if wiring.listens.is_empty() {
        return Ok(());
    }
    if !ground.bus.is_connected() {
        return Err("NATS is not connected".to_owned());
    }
    for listen in wiring.listens {
        let stream = stream_for(listen.package);
        let found = ground.bus.jetstream.get_stream(&stream).await;
        let found = found.map_err(|_| format!("the stream {stream} is missing; streams are made at deployment"))?;
        found.consumer_info(ground.service).await.map_err(|_| {
            format!(
                "the consumer {} of the stream {stream} is missing; consumers are made at deployment",
                ground.service
            )
        })?;
    }
    Ok(())
}
