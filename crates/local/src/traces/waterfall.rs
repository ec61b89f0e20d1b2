//! A trace as people read it: what caused what, when, how long, and where the time went.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::memory::Trace;
use super::span::{Kind, SERVICE, Span, SpanId, TICKET_REFERENCE, TraceId};
use crate::SERVICES;

/// The attribute of a published fact's span: how long its row waited in the outbox, in microseconds.
const OUTBOX_WAIT: &str = "skranke.outbox.wait_us";
/// The attribute that spans of a store have.
const DATABASE: &str = "db.system.name";
/// Deepest row; what is deeper is drawn at this depth.
const DEEPEST: usize = 24;

/// A trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waterfall {
    /// Its id.
    pub trace_id: TraceId,
    /// The references of the tickets that it is about.
    pub tickets: Vec<String>,
    /// Other traces about the same ticket, in the order of arrival.
    pub others: Vec<TraceId>,
    /// When its first span began.
    pub started_at: Timestamp,
    /// From the beginning of the first span to the end of the last.
    pub took_for_us: u64,
    /// How long nothing new has arrived.
    pub quiet_for_ms: u64,
    /// Spans that arrived and were not kept.
    pub left_off: usize,
    /// Its spans: each below the one that caused it, sisters in the order of their beginning.
    pub spans: Vec<Row>,
    /// Where the time went, by service, in the order of their first spans.
    pub services: Vec<Share>,
}

/// A span in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// How many spans stand above it.
    pub depth: usize,
    /// Itself.
    pub span_id: SpanId,
    /// What caused it.
    pub parent_span_id: Option<SpanId>,
    /// Whether what caused it has arrived, or nothing did.
    pub is_linked: bool,
    /// Whose work it is.
    pub service: String,
    /// What it is called.
    pub name: String,
    /// Its part.
    pub kind: Kind,
    /// From the trace's beginning to its own.
    pub started_after_us: u64,
    /// How long it took.
    pub took_for_us: u64,
    /// How long its matter lay before it began: in the outbox before it was published, on the bus before it was handled.
    pub waited_for_us: u64,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What is known of it.
    pub attributes: BTreeMap<String, String>,
}

/// A service's share. Services work side by side: the shares of all add up to more than the trace took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The service.
    pub service: String,
    /// How many spans are its own.
    pub spans: usize,
    /// How long it was at work: answering, handling.
    pub work_for_us: u64,
    /// How long of it a unit of work was open in its store.
    pub database_for_us: u64,
    /// How long its facts lay in its outbox, all together.
    pub outbox_for_us: u64,
    /// How long it took until its facts were acknowledged by the bus, all together.
    pub publish_for_us: u64,
    /// How long facts of others were on the bus until it handled them, all together.
    pub bus_for_us: u64,
}

impl Row {
    /// When it ended, from the trace's beginning.
    pub fn ended_after_us(&self) -> u64 {
        self.started_after_us.saturating_add(self.took_for_us)
    }

    /// Its name without packages: `RegisterTicket`, `publish ticket_registered`.
    pub fn short_name(&self) -> String {
        let last = |text: &str, separator| text.rsplit(separator).next().unwrap_or(text).to_owned();
        match (self.kind, self.name.split_once(' ')) {
            (Kind::Server | Kind::Client, _) => last(&self.name, '/'),
            (Kind::Producer | Kind::Consumer, Some((verb, fact))) => format!("{verb} {}", last(fact, '.')),
            _ => self.name.clone(),
        }
    }
}

impl Waterfall {
    /// Puts a trace in order; `None` if it has no spans.
    pub fn of(trace: Trace, others: Vec<TraceId>) -> Option<Self> {
        let spans = trace.spans;
        let trace_id = spans.first()?.trace_id;
        let begins = spans.iter().map(|span| span.started_at).min()?;
        let ends = spans.iter().map(|span| span.ended_at).max()?;
        let mut tickets: Vec<String> =
            spans.iter().filter_map(|span| span.attribute(TICKET_REFERENCE)).map(ToOwned::to_owned).collect();
        tickets.sort_unstable();
        tickets.dedup();
        let rows = rows(&spans, begins);
        Some(Self {
            trace_id,
            tickets,
            others,
            started_at: Timestamp::from_nanosecond(i128::from(begins)).unwrap_or_default(),
            took_for_us: (ends - begins) / 1_000,
            quiet_for_ms: u64::try_from(trace.quiet_for.as_millis()).unwrap_or(u64::MAX),
            left_off: trace.left_off,
            services: shares(&rows),
            spans: rows,
        })
    }

    /// What to call it: its ticket, else its first span.
    pub fn title(&self) -> String {
        match (self.tickets.as_slice(), self.spans.first()) {
            ([only], _) => only.clone(),
            (_, Some(first)) => first.short_name(),
            (_, None) => "a trace".to_owned(),
        }
    }

    /// Whether the span that caused a span is there, for every span.
    pub fn is_whole(&self) -> bool {
        self.left_off == 0 && self.spans.iter().all(|row| row.is_linked)
    }
}

fn rows(spans: &[Span], begins: u64) -> Vec<Row> {
    let by_id: HashMap<SpanId, &Span> = spans.iter().map(|span| (span.span_id, span)).collect();
    let parent_of = |span: &Span| span.parent_span_id.and_then(|parent| by_id.get(&parent).copied());
    let mut children: HashMap<Option<SpanId>, Vec<&Span>> = HashMap::new();
    // A span that arrives twice stands once.
    for span in by_id.values() {
        children.entry(parent_of(span).map(|parent| parent.span_id)).or_default().push(span);
    }
    for sisters in children.values_mut() {
        // The last is taken first.
        sisters.sort_unstable_by_key(|span| std::cmp::Reverse((span.started_at, span.span_id)));
    }
    let mut rows: Vec<Row> = Vec::with_capacity(by_id.len());
    let mut services: HashMap<SpanId, String> = HashMap::new();
    let mut seen = HashSet::new();
    let mut waiting: Vec<(usize, &Span)> = children.get(&None).into_iter().flatten().map(|span| (0, *span)).collect();
    while let Some((depth, span)) = waiting.pop() {
        if !seen.insert(span.span_id) {
            continue;
        }
        let parent = parent_of(span);
        let inherited = parent.filter(|parent| parent.process == span.process);
        let service = service_of(span, inherited.and_then(|parent| services.get(&parent.span_id)));
        services.insert(span.span_id, service.clone());
        rows.push(row(span, parent, service, depth, begins));
        let below = children.get(&Some(span.span_id)).into_iter().flatten();
        waiting.extend(below.map(|child| ((depth + 1).min(DEEPEST), *child)));
    }
    rows
}

fn row(span: &Span, parent: Option<&Span>, service: String, depth: usize, begins: u64) -> Row {
    let waited_for_us = match span.kind {
        Kind::Producer => span.attribute(OUTBOX_WAIT).and_then(|text| text.parse().ok()).unwrap_or_default(),
        Kind::Consumer => parent.map_or(0, |parent| span.started_at.saturating_sub(parent.started_at) / 1_000),
        Kind::Internal | Kind::Server | Kind::Client => 0,
    };
    let started_after_us = (span.started_at - begins) / 1_000;
    Row {
        depth,
        span_id: span.span_id,
        parent_span_id: span.parent_span_id,
        is_linked: span.parent_span_id.is_none() || parent.is_some(),
        service,
        name: span.name.clone(),
        kind: span.kind,
        started_after_us,
        took_for_us: (span.ended_at - span.started_at) / 1_000,
        waited_for_us: waited_for_us.min(started_after_us),
        error: span.error.clone(),
        attributes: span.attributes.iter().cloned().collect(),
    }
}

/// Several services may share a process and then say by an attribute whose a span is; below it, what says nothing is of
/// the same service.
fn service_of(span: &Span, inherited: Option<&String>) -> String {
    if let Some(service) = span.attribute(SERVICE) {
        return service.to_owned();
    }
    let process = span.process.strip_prefix("skranke-").unwrap_or(&span.process);
    let is_service = SERVICES.iter().any(|service| service.name() == process);
    match inherited {
        Some(inherited) if !is_service => inherited.clone(),
        _ => process.to_owned(),
    }
}

fn shares(rows: &[Row]) -> Vec<Share> {
    let mut order: Vec<&Row> = rows.iter().collect();
    order.sort_by_key(|row| row.started_after_us);
    let mut shares: Vec<Share> = Vec::new();
    for row in order {
        if !shares.iter().any(|share| share.service == row.service) {
            shares.push(share(&row.service, rows));
        }
    }
    shares
}

fn share(service: &str, rows: &[Row]) -> Share {
    let own = || rows.iter().filter(|row| row.service == service);
    let is_of_store = |row: &&Row| row.attributes.contains_key(DATABASE);
    let published = || own().filter(|row| row.kind == Kind::Producer);
    Share {
        service: service.to_owned(),
        spans: own().count(),
        work_for_us: covered(own().filter(|row| row.kind != Kind::Producer)),
        database_for_us: covered(own().filter(is_of_store)),
        outbox_for_us: published().map(|row| row.waited_for_us).sum(),
        publish_for_us: published().map(|row| row.took_for_us).sum(),
        bus_for_us: own().filter(|row| row.kind == Kind::Consumer).map(|row| row.waited_for_us).sum(),
    }
}

/// The time in which at least one of them was under way.
fn covered<'a>(rows: impl Iterator<Item = &'a Row>) -> u64 {
    stretches(rows.map(|row| (row.started_after_us, row.ended_after_us())))
        .iter()
        .map(|(from, until)| until - from)
        .sum()
}

/// Stretches of time joined where they meet, in order.
pub(super) fn stretches(all: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut sorted: Vec<(u64, u64)> = all.collect();
    sorted.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, until) in sorted {
        match joined.last_mut() {
            Some((_, end)) if *end >= from => *end = (*end).max(until),
            _ => joined.push((from, until)),
        }
    }
    joined
}
