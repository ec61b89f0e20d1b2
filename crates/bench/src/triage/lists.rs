//! What people look at all day.

use std::time::{Duration, Instant};

use anyhow::Context;
use contracts::desk::v1::{Priority, TicketState};
use contracts::timestamp;
use contracts::triage::v1::{ListTicketsRequest, ListTicketsResponse, TicketFilter, TicketOrder};
use jiff::SignedDuration;

use super::Desk;
use crate::latency::{Latency, Times};
use crate::post;

/// Tickets on a page.
const PAGE: i32 = 50;
/// Pages that are turned before one is measured.
const TURNED: u32 = 20;
/// Never fewer looks than this, unless that takes several windows.
const AT_LEAST: u64 = 100;
const WINDOWS: u32 = 3;

const OPEN: [TicketState; 4] =
    [TicketState::Registered, TicketState::Queued, TicketState::InProgress, TicketState::Waiting];

/// One way to look at tickets.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    /// In words.
    pub(super) name: &'static str,
    /// The request of this number.
    request: fn(u64) -> ListTicketsRequest,
    /// Whether it is looked at far behind its first page.
    is_deep: bool,
}

/// All that are measured.
pub(super) const VIEWS: [View; 10] = [
    View { name: "what an agent has, by priority", request: mine, is_deep: false },
    View { name: "what waits in a queue, by priority", request: queue, is_deep: false },
    View { name: "P1 and P2 that are open, last changed first", request: urgent, is_deep: false },
    View { name: "everything of all clients, newest first", request: newest, is_deep: false },
    View { name: "the same, page 21", request: newest, is_deep: true },
    View { name: "all that are open, page 21, by priority", request: open, is_deep: true },
    View { name: "what a client had closed in a month", request: closed, is_deep: false },
    View { name: "a word in the open subjects", request: open_word, is_deep: false },
    View { name: "a rare text in all subjects", request: rare_text, is_deep: false },
    View { name: "two common words of a client that never meet", request: never_met, is_deep: false },
];

fn list(filter: TicketFilter, order: TicketOrder) -> ListTicketsRequest {
    ListTicketsRequest { filter: Some(filter), order: order.into(), page_size: PAGE, ..Default::default() }
}

fn states(states: &[TicketState]) -> Vec<i32> {
    states.iter().map(|state| i32::from(*state)).collect()
}

fn mine(number: u64) -> ListTicketsRequest {
    let owners = vec![format!("agent-{}@operator.example", number % 200)];
    list(TicketFilter { owners, states: states(&OPEN), ..TicketFilter::default() }, TicketOrder::Priority)
}

fn queue(number: u64) -> ListTicketsRequest {
    let queues = ["service-desk", "network", "servers", "workplace"];
    let queues = queues.iter().cycle().skip(usize::try_from(number % 4).unwrap_or_default()).take(1);
    let queues = queues.map(|queue| (*queue).to_owned()).collect();
    let states = states(&[TicketState::Queued]);
    list(TicketFilter { queues, states, unclaimed: true, ..TicketFilter::default() }, TicketOrder::Priority)
}

fn urgent(_number: u64) -> ListTicketsRequest {
    let priorities = vec![Priority::P1.into(), Priority::P2.into()];
    list(TicketFilter { priorities, states: states(&OPEN), ..TicketFilter::default() }, TicketOrder::ChangedAt)
}

fn newest(_number: u64) -> ListTicketsRequest {
    list(TicketFilter::default(), TicketOrder::RegisteredAt)
}

fn open(_number: u64) -> ListTicketsRequest {
    list(TicketFilter { states: states(&OPEN), ..TicketFilter::default() }, TicketOrder::Priority)
}

fn closed(number: u64) -> ListTicketsRequest {
    let until =
        chassis::Clock::System.now() - SignedDuration::from_hours(24 * 30 * i64::try_from(number % 30).unwrap_or(0));
    let filter = TicketFilter {
        client_ids: vec![post::client_id(number)],
        states: states(&[TicketState::Closed]),
        registered_from: Some(timestamp(until - SignedDuration::from_hours(24 * 30))),
        registered_until: Some(timestamp(until)),
        ..TicketFilter::default()
    };
    list(filter, TicketOrder::RegisteredAt)
}

fn open_word(number: u64) -> ListTicketsRequest {
    let words = ["printer", "loaned", "scanner", "wake up"];
    let word = words.iter().cycle().nth(usize::try_from(number % 4).unwrap_or_default()).copied().unwrap_or_default();
    let filter = TicketFilter { subject_contains: word.to_owned(), states: states(&OPEN), ..TicketFilter::default() };
    list(filter, TicketOrder::RegisteredAt)
}

fn never_met(number: u64) -> ListTicketsRequest {
    let words = ["printer scanner", "laptop screen", "headset phone", "keyboard projector"];
    let words = words.iter().cycle().nth(usize::try_from(number % 4).unwrap_or_default()).copied().unwrap_or_default();
    let client_ids = vec![post::client_id(number)];
    let filter = TicketFilter { client_ids, subject_contains: words.to_owned(), ..TicketFilter::default() };
    list(filter, TicketOrder::RegisteredAt)
}

fn rare_text(number: u64) -> ListTicketsRequest {
    let filter = TicketFilter { subject_contains: format!("({})", number * 37), ..TicketFilter::default() };
    list(filter, TicketOrder::RegisteredAt)
}

/// Looks again and again for a window, and so often that the ninety-ninth of a hundred means something.
pub(super) async fn measure(desk: &mut Desk, view: View, window: Duration, tickets: u64) -> anyhow::Result<Latency> {
    let mut times = Times::new()?;
    let until = Instant::now() + window;
    let token = if view.is_deep { turned(desk, view).await? } else { String::new() };
    let mut number = 0;
    let patience = Instant::now() + window * WINDOWS;
    while Instant::now() < until || (times.count() < AT_LEAST && Instant::now() < patience) {
        number += 1;
        // Numbers far apart: what is looked for lies anywhere.
        let mut request = (view.request)(number * 7_919 % tickets.max(1));
        request.page_token.clone_from(&token);
        let begun_at = Instant::now();
        look(desk, request).await?;
        times.record(begun_at.elapsed());
    }
    Ok(times.summary())
}

/// The token behind the twentieth page, or behind the last one.
async fn turned(desk: &mut Desk, view: View) -> anyhow::Result<String> {
    let mut token = String::new();
    for _ in 0..TURNED {
        let mut request = (view.request)(0);
        request.page_token.clone_from(&token);
        let next = look(desk, request).await?.next_page_token;
        if next.is_empty() {
            break;
        }
        token = next;
    }
    Ok(token)
}

async fn look(desk: &mut Desk, request: ListTicketsRequest) -> anyhow::Result<ListTicketsResponse> {
    let mut request = tonic::Request::new(request);
    request.metadata_mut().insert("authorization", desk.bearer.clone());
    Ok(desk.client.list_tickets(request).await.context("a list was refused")?.into_inner())
}
