//! Where a log line was written: in which trace, by which service, about which ticket. Spans know.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use opentelemetry::trace::{SpanContext, TraceContextExt};
use tracing::dispatcher::WeakDispatch;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

/// What a log line says besides its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The span in whose course it was written.
    pub context: Option<SpanContext>,
    pub service: Option<String>,
    pub client_id: Option<String>,
    pub ticket_id: Option<String>,
}

impl Place {
    /// What is known, as attributes.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [("service", &self.service), ("client_id", &self.client_id), ("ticket_id", &self.ticket_id)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

/// Finds the place of the work in hand. Everything that writes log lines shares one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Arc<OnceLock<WeakDispatch>>);

impl Places {
    /// The place of the current span. What the innermost does not know, those around it may.
    pub(crate) fn here(&self) -> Place {
        let mut place = Place::default();
        let Some(dispatch) = self.0.get().and_then(WeakDispatch::upgrade) else { return place };
        let Some(registry) = dispatch.downcast_ref::<Registry>() else { return place };
        let current = registry.current_span();
        let Some(span) = current.id().and_then(|id| registry.span(id)) else { return place };
        for span in span.scope() {
            if let Some(known) = span.extensions().get::<Known>() {
                fill(&mut place.service, known.service.as_ref());
                fill(&mut place.client_id, known.client_id.as_ref());
                fill(&mut place.ticket_id, known.ticket_id.as_ref());
            }
            if place.context.is_none() {
                let context = tracing_opentelemetry::get_otel_context(&span.id(), &dispatch);
                place.context =
                    context.map(|context| context.span().span_context().clone()).filter(SpanContext::is_valid);
            }
        }
        place
    }
}

fn fill(place: &mut Option<String>, known: Option<&String>) {
    if place.is_none() {
        *place = known.cloned();
    }
}

/// What one span knows.
#[derive(Debug, Default)]
struct Known {
    service: Option<String>,
    client_id: Option<String>,
    ticket_id: Option<String>,
}

impl Known {
    fn of(&mut self, field: &Field) -> Option<&mut Option<String>> {
        match field.name() {
            "skranke.service" => Some(&mut self.service),
            "skranke.client_id" => Some(&mut self.client_id),
            "skranke.ticket_id" => Some(&mut self.ticket_id),
            _ => None,
        }
    }
}

impl Visit for Known {
    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(known) = self.of(field) {
            *known = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if let Some(known) = self.of(field) {
            *known = Some(format!("{value:?}"));
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Places {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        drop(self.0.set(dispatch.downgrade()));
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut known = Known::default();
        attributes.record(&mut known);
        span.extensions_mut().insert(known);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(known) = span.extensions_mut().get_mut::<Known>() {
            values.record(known);
        }
    }
}
