//! The OTLP door: traces, logs and metrics over gRPC.

use opentelemetry_proto::tonic::collector::logs::v1 as logs;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::LogsService;
use opentelemetry_proto::tonic::collector::metrics::v1 as metrics;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::MetricsService;
use opentelemetry_proto::tonic::collector::trace::v1 as trace;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::TraceService;
use tonic::{Request, Response, Status};

use super::memory::Traces;
use super::span::{Line, Span, process_of};

/// Takes in what exporters send.
#[derive(Debug, Clone)]
pub(super) struct Receiver(pub Traces);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<trace::ExportTraceServiceRequest>,
    ) -> Result<Response<trace::ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let process = process_of(resource.resource.as_ref());
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.0.add(spans.filter_map(|span| Span::received(span, &process)));
        }
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: Request<logs::ExportLogsServiceRequest>,
    ) -> Result<Response<logs::ExportLogsServiceResponse>, Status> {
        for resource in request.into_inner().resource_logs {
            let process = process_of(resource.resource.as_ref());
            let records = resource.scope_logs.into_iter().flat_map(|scope| scope.log_records);
            self.0.add_lines(records.map(|record| Line::received(record, &process)));
        }
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<metrics::ExportMetricsServiceRequest>,
    ) -> Result<Response<metrics::ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics;
        let scopes = resources.iter().flat_map(|resource| &resource.scope_metrics);
        self.0.count_metrics(scopes.map(|scope| scope.metrics.len()).sum());
        Ok(Response::new(Default::default()))
    }
}
