//! The spans that were received lately, by trace.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::Clock;
use jiff::Timestamp;
use tokio::sync::watch;

use super::span::{Line, Span, TraceId};

/// Spans that are kept; where there are more, the oldest traces go, each as a whole. About half a kilobyte each.
pub const MOST_SPANS: usize = 100_000;
/// Spans that are kept of one trace; the import of a whole history is one trace.
pub const MOST_OF_ONE_TRACE: usize = 2_000;
/// Log records that are kept.
pub const MOST_LINES: usize = 10_000;

/// What was received. Cheap to clone; all clones share it.
#[derive(Debug, Clone)]
pub struct Traces(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    memory: Mutex<Memory>,
    /// Counts what arrives, for whoever waits for it.
    arrivals: watch::Sender<u64>,
}

#[derive(Debug)]
struct Memory {
    most_spans: usize,
    spans: usize,
    traces: HashMap<TraceId, Kept>,
    /// In the order of their first spans' arrival.
    order: VecDeque<TraceId>,
    /// A ticket's reference or id, in lower case → traces about it, in the order of arrival.
    by_ticket: HashMap<String, Vec<TraceId>>,
    lines: VecDeque<Line>,
    metrics: u64,
}

#[derive(Debug)]
struct Kept {
    spans: Vec<Span>,
    /// Spans beyond what is kept of one trace.
    left_off: usize,
    tickets: Vec<String>,
    heard_at: Timestamp,
}

/// A trace as far as it has arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Its spans, in the order of arrival.
    pub spans: Vec<Span>,
    /// Spans that arrived and were not kept, because there were too many.
    pub left_off: usize,
    /// How long nothing has arrived.
    pub quiet_for: Duration,
}

impl Default for Traces {
    fn default() -> Self {
        Self::keeping(MOST_SPANS)
    }
}

impl Traces {
    /// Keeps so many spans at most.
    pub fn keeping(most_spans: usize) -> Self {
        let memory = Memory {
            most_spans,
            spans: 0,
            traces: HashMap::new(),
            order: VecDeque::new(),
            by_ticket: HashMap::new(),
            lines: VecDeque::new(),
            metrics: 0,
        };
        Self(Arc::new(Shared { memory: Mutex::new(memory), arrivals: watch::Sender::new(0) }))
    }

    /// Keeps spans.
    pub fn add(&self, spans: impl IntoIterator<Item = Span>) {
        let now = Clock::System.now();
        {
            let mut memory = self.memory();
            spans.into_iter().for_each(|span| memory.add(span, now));
        }
        self.0.arrivals.send_modify(|count| *count += 1);
    }

    /// Keeps log records.
    pub fn add_lines(&self, lines: impl IntoIterator<Item = Line>) {
        {
            let mut memory = self.memory();
            memory.lines.extend(lines);
            let too_many = memory.lines.len().saturating_sub(MOST_LINES);
            memory.lines.drain(..too_many);
        }
        self.0.arrivals.send_modify(|count| *count += 1);
    }

    /// Counts metrics; nothing else is done with them.
    pub(super) fn count_metrics(&self, metrics: usize) {
        self.memory().metrics += metrics as u64;
        self.0.arrivals.send_modify(|count| *count += 1);
    }

    /// How many metrics have arrived.
    pub fn metrics(&self) -> u64 {
        self.memory().metrics
    }

    /// Tells of every arrival.
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.0.arrivals.subscribe()
    }

    /// A trace by its id.
    pub fn trace(&self, trace_id: TraceId) -> Option<Trace> {
        let memory = self.memory();
        let kept = memory.traces.get(&trace_id)?;
        let quiet_for = Clock::System.now().duration_since(kept.heard_at);
        Some(Trace {
            spans: kept.spans.clone(),
            left_off: kept.left_off,
            quiet_for: Duration::try_from(quiet_for).unwrap_or_default(),
        })
    }

    /// The traces that a trace's id, a ticket's reference or a ticket's id leads to, the first first: what made the
    /// ticket comes before what was done with it.
    pub fn find(&self, key: &str) -> Vec<TraceId> {
        let memory = self.memory();
        if let Ok(trace_id) = key.parse::<TraceId>()
            && memory.traces.contains_key(&trace_id)
        {
            return vec![trace_id];
        }
        memory.by_ticket.get(&key.to_lowercase()).cloned().unwrap_or_default()
    }

    /// The latest traces, newest first: those that `wanted` says of.
    pub fn latest(&self, most: usize, wanted: impl Fn(&[Span]) -> bool) -> Vec<Vec<Span>> {
        let memory = self.memory();
        let newest_first = memory.order.iter().rev().filter_map(|trace_id| memory.traces.get(trace_id));
        newest_first.filter(|kept| wanted(&kept.spans)).take(most).map(|kept| kept.spans.clone()).collect()
    }

    /// All spans that are kept.
    pub fn spans(&self) -> Vec<Span> {
        let memory = self.memory();
        memory.order.iter().filter_map(|one| memory.traces.get(one)).flat_map(|kept| kept.spans.clone()).collect()
    }

    /// The log records that are kept, the oldest first.
    pub fn lines(&self) -> Vec<Line> {
        self.memory().lines.iter().cloned().collect()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Whoever panicked while holding it has left at most one span half-counted.
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn add(&mut self, span: Span, now: Timestamp) {
        let trace_id = span.trace_id;
        let kept = self.traces.entry(trace_id).or_insert_with(|| {
            self.order.push_back(trace_id);
            Kept { spans: Vec::new(), left_off: 0, tickets: Vec::new(), heard_at: now }
        });
        kept.heard_at = now;
        if kept.spans.len() >= MOST_OF_ONE_TRACE {
            kept.left_off += 1;
            return;
        }
        for name in span.names_of_its_ticket() {
            let name = name.to_lowercase();
            if !kept.tickets.contains(&name) {
                self.by_ticket.entry(name.clone()).or_default().push(trace_id);
                kept.tickets.push(name);
            }
        }
        kept.spans.push(span);
        self.spans += 1;
        while self.spans > self.most_spans && self.order.len() > 1 {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.order.pop_front() else { return };
        let Some(kept) = self.traces.remove(&oldest) else { return };
        self.spans -= kept.spans.len();
        for ticket in kept.tickets {
            if let Some(traces) = self.by_ticket.get_mut(&ticket) {
                traces.retain(|one| *one != oldest);
                if traces.is_empty() {
                    self.by_ticket.remove(&ticket);
                }
            }
        }
    }
}
