//! A span as it is kept: what OTLP says, taken apart once.

use std::fmt;
use std::str::FromStr;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as otlp;
use serde::{Deserialize, Serialize};

/// The attribute that says which service a span is of where several share one process.
pub const SERVICE: &str = "skranke.service";
/// The attribute with the reference of the ticket that a span is about: `ACME-1042`.
pub const TICKET_REFERENCE: &str = "skranke.ticket_reference";
/// The attribute with the id of the ticket that a span is about.
pub const TICKET_ID: &str = "skranke.ticket_id";

macro_rules! hex_id {
    ($name:ident, $bytes:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// From its bytes; `None` where they are too few, too many, or all zero.
            pub fn of(bytes: &[u8]) -> Option<Self> {
                <[u8; $bytes]>::try_from(bytes).ok().filter(|bytes| bytes.iter().any(|byte| *byte != 0)).map(Self)
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                let digits = || format!("{text} is not {} hexadecimal digits", 2 * $bytes);
                if text.len() != 2 * $bytes || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(digits());
                }
                let number = u128::from_str_radix(text, 16).map_err(|_| digits())?;
                Self::of(number.to_be_bytes().get(16 - $bytes..).unwrap_or_default()).ok_or_else(digits)
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }
    };
}

hex_id!(TraceId, 16, "A trace, written as 32 hexadecimal digits.");
hex_id!(SpanId, 8, "A span, written as 16 hexadecimal digits.");

/// What part a span has in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Work inside of a service.
    Internal,
    /// An RPC as its service sees it.
    Server,
    /// A call as its caller sees it: an RPC, a unit of work.
    Client,
    /// A fact that is published.
    Producer,
    /// A fact that is handled.
    Consumer,
}

/// A span.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its trace.
    pub trace_id: TraceId,
    /// Itself.
    pub span_id: SpanId,
    /// The span that caused it; `None`: the trace begins here.
    pub parent_span_id: Option<SpanId>,
    /// The process that sent it, by `service.name`.
    pub process: String,
    /// What it is called.
    pub name: String,
    /// Its part.
    pub kind: Kind,
    /// When it began, in nanoseconds since 1970.
    pub started_at: u64,
    /// When it ended, in nanoseconds since 1970.
    pub ended_at: u64,
    /// What is known of it, as it was sent.
    pub attributes: Vec<(String, String)>,
    /// What happened in it: name and attributes of each event.
    pub events: Vec<(String, Vec<(String, String)>)>,
    /// What went wrong; empty where it says only that something did.
    pub error: Option<String>,
}

impl Span {
    /// Takes a span apart; `None` if it has no proper ids.
    pub(super) fn received(span: otlp::Span, process: &str) -> Option<Self> {
        let status = span.status.unwrap_or_default();
        let events = span.events.into_iter().map(|event| (event.name, texts(event.attributes))).collect();
        Some(Self {
            trace_id: TraceId::of(&span.trace_id)?,
            span_id: SpanId::of(&span.span_id)?,
            parent_span_id: SpanId::of(&span.parent_span_id),
            process: process.to_owned(),
            name: span.name,
            kind: match otlp::span::SpanKind::try_from(span.kind).unwrap_or_default() {
                otlp::span::SpanKind::Unspecified | otlp::span::SpanKind::Internal => Kind::Internal,
                otlp::span::SpanKind::Server => Kind::Server,
                otlp::span::SpanKind::Client => Kind::Client,
                otlp::span::SpanKind::Producer => Kind::Producer,
                otlp::span::SpanKind::Consumer => Kind::Consumer,
            },
            started_at: span.start_time_unix_nano,
            ended_at: span.end_time_unix_nano.max(span.start_time_unix_nano),
            attributes: texts(span.attributes),
            events,
            error: (status.code == i32::from(otlp::status::StatusCode::Error)).then_some(status.message),
        })
    }

    /// What is known of it under this name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// By what people may ask for its trace, beside the trace's id.
    pub(super) fn names_of_its_ticket(&self) -> impl Iterator<Item = &str> {
        [TICKET_REFERENCE, TICKET_ID].into_iter().filter_map(|name| self.attribute(name))
    }
}

/// A log record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The trace in which it was written, if in any.
    pub trace_id: Option<TraceId>,
    /// The process that sent it, by `service.name`.
    pub process: String,
    /// When, in nanoseconds since 1970.
    pub written_at: u64,
    /// `WARN`
    pub severity: String,
    /// The line itself.
    pub body: String,
    /// Its fields.
    pub attributes: Vec<(String, String)>,
}

impl Line {
    pub(super) fn received(record: LogRecord, process: &str) -> Self {
        Self {
            trace_id: TraceId::of(&record.trace_id),
            process: process.to_owned(),
            written_at: record.time_unix_nano.max(record.observed_time_unix_nano),
            severity: record.severity_text,
            body: record.body.map(text).unwrap_or_default(),
            attributes: texts(record.attributes),
        }
    }
}

/// The `service.name` of a resource.
pub(super) fn process_of(resource: Option<&Resource>) -> String {
    let attributes = resource.map(|resource| resource.attributes.as_slice()).unwrap_or_default();
    let name = attributes.iter().find(|one| one.key == "service.name").and_then(|one| one.value.clone());
    name.map(text).unwrap_or_default()
}

fn texts(attributes: Vec<KeyValue>) -> Vec<(String, String)> {
    attributes.into_iter().map(|one| (one.key, one.value.map(text).unwrap_or_default())).collect()
}

fn text(value: AnyValue) -> String {
    match value.value {
        None => String::new(),
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        Some(Value::ArrayValue(array)) => array.values.into_iter().map(text).collect::<Vec<_>>().join(", "),
        Some(Value::KvlistValue(list)) => {
            texts(list.values).into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
        }
        Some(Value::BytesValue(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Some(Value::StringValueStrindex(_)) => String::new(),
    }
}
