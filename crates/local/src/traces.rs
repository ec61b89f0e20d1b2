//! Where a local desk's traces go: an OTLP receiver that keeps the last of them, and a door to look at them.

mod door;
mod memory;
mod page;
mod receive;
mod scale;
mod span;
mod waterfall;

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::LogsServiceServer;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::MetricsServiceServer;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::TraceServiceServer;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

pub use memory::{MOST_LINES, MOST_OF_ONE_TRACE, MOST_SPANS, Trace, Traces};
pub use scale::{Scale, length};
pub use span::{Kind, Line, SERVICE, Span, SpanId, TICKET_ID, TICKET_REFERENCE, TraceId};
pub use waterfall::{Row, Share, Waterfall};

use crate::TracesAddress;

/// Largest batch that an exporter may send.
const MAX_BATCH: usize = 16 * 1024 * 1024;

/// Receives OTLP and shows what it received, both on loopback only. Dropping it ends both.
#[derive(Debug)]
pub struct Sink {
    /// What was received.
    pub traces: Traces,
    /// Where exporters send to, by OTLP over gRPC.
    pub otlp_address: SocketAddr,
    /// Where people look: `/traces` and `/traces/{trace id, ticket reference or ticket id}`.
    pub http_address: SocketAddr,
    doors: JoinSet<()>,
}

impl Sink {
    /// Starts it; ports that are `None` or taken are replaced by free ones.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(otlp_port: Option<u16>, http_port: Option<u16>) -> anyhow::Result<Self> {
        let (otlp, http) = (bind(otlp_port).await?, bind(http_port).await?);
        let (otlp_address, http_address) = (otlp.local_addr()?, http.local_addr()?);
        let traces = Traces::default();
        let receiver = receive::Receiver(traces.clone());
        let server = Server::builder()
            .add_service(
                TraceServiceServer::new(receiver.clone()).accept_compressed(Gzip).max_decoding_message_size(MAX_BATCH),
            )
            .add_service(
                LogsServiceServer::new(receiver.clone()).accept_compressed(Gzip).max_decoding_message_size(MAX_BATCH),
            )
            .add_service(
                MetricsServiceServer::new(receiver).accept_compressed(Gzip).max_decoding_message_size(MAX_BATCH),
            );
        let pages = door::routes(traces.clone());
        let mut doors = JoinSet::new();
        doors.spawn(async move {
            if let Err(error) = server.serve_with_incoming(TcpIncoming::from(otlp)).await {
                tracing::warn!(error = %error, "traces are no longer received");
            }
        });
        doors.spawn(async move {
            if let Err(error) = axum::serve(http, pages).await {
                tracing::warn!(error = %error, "traces are no longer shown");
            }
        });
        Ok(Self { traces, otlp_address, http_address, doors })
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.otlp_address)
    }

    /// Where it is, for a desk's address.
    pub fn whereabouts(&self) -> TracesAddress {
        TracesAddress { endpoint: self.endpoint(), url: format!("http://{}", self.http_address) }
    }

    /// Ends both doors.
    pub async fn stop(mut self) {
        self.doors.shutdown().await;
    }
}

async fn bind(port: Option<u16>) -> anyhow::Result<TcpListener> {
    if let Some(port) = port
        && let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
    {
        return Ok(listener);
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free to receive traces on")
}

#[cfg(test)]
mod tests;
