//! Lists of tickets: filters, orders, pages.

use chassis::authorisation::Role;
use contracts::desk::v1::{Level, Priority, ResolutionCode, TicketState, WaitingReason};
use contracts::triage::v1::triage_service_client::TriageServiceClient;
use contracts::triage::v1::{ListTicketsRequest, Ticket, TicketFilter, TicketOrder};
use integration::agent::{Agent, refused};
use integration::{Story, post, register};
use jiff::SignedDuration;
use skranke::clients::Wire;
use tonic::Code;

#[tokio::test]
async fn every_list_gives_every_ticket_exactly_once() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let sender = story.as_one("monitoring", &[(Role::Service, "acme"), (Role::Service, "globex")])?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme", "globex"])?;
    let mut only_acme = Agent::new(&story, "bo@operator.example", &["acme"])?;
    let levels = [Level::High, Level::Medium, Level::Low];
    for number in 0_usize..36 {
        let client = if number.is_multiple_of(3) { "globex" } else { "acme" };
        let subject = if number.is_multiple_of(4) { "VPN drops" } else { "Screen is dark" };
        let mut request = post(client, &format!("post-{number}"), subject);
        if let Some(matter) = &mut request.matter {
            matter.impact = levels[number % 3].into();
            matter.urgency = levels[number / 3 % 3].into();
        }
        register(&sender, request).await?;
        // Four at a time are registered in the same instant.
        if number.is_multiple_of(4) {
            story.clock.advance(SignedDuration::from_secs(7));
        }
    }
    story.settle().await?;
    for number in [1001, 1004, 1007, 1010] {
        ada.claim(&format!("ACME-{number}")).await?;
        story.clock.advance(SignedDuration::from_secs(1));
        ada.wait(&format!("GLOBEX-{number}"), WaitingReason::Change).await?;
    }
    ada.resolve("ACME-1004", ResolutionCode::Solved, "").await?;

    let all = list(&mut ada.triage, TicketFilter::default(), TicketOrder::Unspecified, 1_000).await?;
    assert_eq!(all.len(), 36);
    for order in [TicketOrder::Unspecified, TicketOrder::RegisteredAt, TicketOrder::Priority, TicketOrder::ChangedAt] {
        for page_size in [1, 7, 36, 1_000] {
            let listed = list(&mut ada.triage, TicketFilter::default(), order, page_size).await?;
            assert_eq!(references(&listed), references(&all), "{order:?} by {page_size}");
            assert!(listed.is_sorted_by_key(|ticket| key(order, ticket)), "{order:?} by {page_size}");
        }
    }
    let acme = list(&mut only_acme.triage, TicketFilter::default(), TicketOrder::Priority, 5).await?;
    assert_eq!(acme.len(), 24);
    assert!(acme.iter().all(|ticket| ticket.client_id == "acme"));

    filters_hold(&mut ada, &all).await?;
    a_list_goes_on_while_tickets_change(&mut ada).await?;
    story.end().await
}

/// Each filter gives what a caller would pick out of the whole list.
async fn filters_hold(ada: &mut Agent, all: &[Ticket]) -> anyhow::Result<()> {
    let middle = all[all.len() / 2].registered_at;
    let none = TicketFilter::default;
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    type Picks<'p> = &'p dyn Fn(&Ticket) -> bool;
    let is_before = |ticket: &Ticket| nanos(ticket.registered_at) < nanos(middle);
    let is_after = |ticket: &Ticket| !is_before(ticket);
    let is_extreme = |ticket: &Ticket| {
        let priority = ticket.classification.clone().unwrap_or_default().priority();
        matches!(priority, Priority::P1 | Priority::P5)
    };
    let cases: Vec<(TicketFilter, Picks<'_>)> = vec![
        (TicketFilter { client_ids: names(&["globex"]), ..none() }, &|ticket| ticket.client_id == "globex"),
        (
            TicketFilter { states: vec![TicketState::Waiting.into(), TicketState::Resolved.into()], ..none() },
            &|ticket| matches!(ticket.state(), TicketState::Waiting | TicketState::Resolved),
        ),
        (TicketFilter { priorities: vec![Priority::P1.into(), Priority::P5.into()], ..none() }, &is_extreme),
        (TicketFilter { queues: names(&["network"]), ..none() }, &|ticket| ticket.queue == "network"),
        (TicketFilter { owners: names(&["ada@operator.example"]), ..none() }, &|ticket| {
            ticket.owner == "ada@operator.example"
        }),
        (TicketFilter { unclaimed: true, ..none() }, &|ticket| ticket.owner.is_empty()),
        (TicketFilter { subject_contains: "vpn DR".to_owned(), ..none() }, &|ticket| ticket.subject == "VPN drops"),
        (TicketFilter { registered_until: middle, ..none() }, &is_before),
        (TicketFilter { registered_from: middle, ..none() }, &is_after),
        (
            TicketFilter { queues: names(&["network"]), client_ids: names(&["acme"]), unclaimed: true, ..none() },
            &|ticket| ticket.queue == "network" && ticket.client_id == "acme" && ticket.owner.is_empty(),
        ),
    ];
    for (filter, picks) in cases {
        let picked: Vec<Ticket> = all.iter().filter(|ticket| picks(ticket)).cloned().collect();
        assert!(!picked.is_empty() && picked.len() < all.len(), "the case tells something: {filter:?}");
        for order in [TicketOrder::Unspecified, TicketOrder::Priority, TicketOrder::ChangedAt] {
            let listed = list(&mut ada.triage, filter.clone(), order, 3).await?;
            assert_eq!(references(&listed), references(&picked), "{filter:?} {order:?}");
        }
    }
    Ok(())
}

/// By registration and by priority a ticket keeps its place, whoever works on it between two pages.
async fn a_list_goes_on_while_tickets_change(ada: &mut Agent) -> anyhow::Result<()> {
    let question = ListTicketsRequest { page_size: 10, ..Default::default() };
    let mut listed = ada.triage.list_tickets(question.clone()).await?.into_inner();
    let stranger = TicketFilter { unclaimed: true, ..Default::default() };
    let other =
        ListTicketsRequest { filter: Some(stranger), page_token: listed.next_page_token.clone(), ..question.clone() };
    assert_eq!(refused(ada.triage.list_tickets(other).await)?.code(), Code::InvalidArgument);
    let mut all = listed.tickets;
    while !listed.next_page_token.is_empty() {
        for reference in ["ACME-1020", "GLOBEX-1002"] {
            ada.claim(reference).await?;
            ada.release(reference).await?;
        }
        let request = ListTicketsRequest { page_token: listed.next_page_token, ..question.clone() };
        listed = ada.triage.list_tickets(request).await?.into_inner();
        all.extend(listed.tickets);
    }
    let mut references = references(&all);
    references.dedup();
    assert_eq!((all.len(), references.len()), (36, 36));
    Ok(())
}

async fn list(
    triage: &mut TriageServiceClient<Wire>,
    filter: TicketFilter,
    order: TicketOrder,
    page_size: i32,
) -> anyhow::Result<Vec<Ticket>> {
    let mut tickets = Vec::new();
    let mut page_token = String::new();
    loop {
        let filter = Some(filter.clone());
        let request = ListTicketsRequest { filter, order: order.into(), page_size, page_token, ..Default::default() };
        let page = triage.list_tickets(request).await?.into_inner();
        anyhow::ensure!(page.tickets.len() <= usize::try_from(page_size)?, "a page is longer than asked for");
        tickets.extend(page.tickets);
        anyhow::ensure!(tickets.len() <= 36, "the list does not end");
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(tickets);
        }
    }
}

fn references(tickets: &[Ticket]) -> Vec<&str> {
    let mut references: Vec<&str> = tickets.iter().map(|ticket| ticket.reference.as_str()).collect();
    references.sort_unstable();
    references
}

fn nanos(at: Option<prost_types::Timestamp>) -> i128 {
    at.map_or(0, |at| i128::from(at.seconds) * 1_000_000_000 + i128::from(at.nanos))
}

/// What a list in this order grows by.
fn key(order: TicketOrder, ticket: &Ticket) -> (i32, i128) {
    match order {
        TicketOrder::Unspecified | TicketOrder::RegisteredAt => (0, -nanos(ticket.registered_at)),
        TicketOrder::ChangedAt => (0, -nanos(ticket.changed_at)),
        TicketOrder::Priority => {
            (ticket.classification.as_ref().map_or(0, |known| known.priority), nanos(ticket.registered_at))
        }
    }
}
