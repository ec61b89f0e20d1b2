//! Vendors: a case with their reference and their own clock, while the ticket stays with the desk.

use chassis::authorisation::Role;
use contracts::desk::v1::{ResolutionCode, TicketState, WaitingReason};
use contracts::sla_timer::v1::{Clock, ClockState, ListClocksRequest, Metric};
use contracts::triage::v1::{ListVendorsRequest, OpenVendorCaseRequest, VendorCaseStatus, VendorOutcome};
use contracts::{duration, timestamp};
use integration::agent::{Agent, refusal, refused};
use integration::fulfilment::Worker;
use integration::{Story, at, client_file, post, register};
use jiff::SignedDuration;
use tonic::Code;

/// Printco has four hours, telco one.
fn with_vendors() -> String {
    client_file("acme", "ACME")
        .replace("P2: {", "P2: { vendor: { within: 4h, calendar: office },")
        .replace(
            "  pause_on:\n",
            "  rules:\n    - rule: telco is quick\n      when: { field: vendor, op: is, value: telco }\n      targets: \
             { P2: { vendor: { within: 1h, calendar: office } } }\n  pause_on:\n",
        )
        .replace(
            "contract:\n",
            "vendors:\n  - { vendor: printco, name: Printco AS, contact: +47 22 00 00 00 }\n  - { vendor: telco, name: \
             Telco }\ncontract:\n",
        )
}

async fn vendor_clocks(story: &Story, ticket: &str) -> anyhow::Result<Vec<Clock>> {
    let request = ListClocksRequest { ticket: story.ticket(ticket).await?.ticket_id };
    let mut clocks = story.admin()?.sla_timer()?.list_clocks(request).await?.into_inner().clocks;
    clocks.retain(|clock| clock.metric() == Metric::Vendor);
    Ok(clocks)
}

#[tokio::test]
async fn a_vendor_works_by_its_own_clock_while_the_ticket_stays_with_the_desk() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&with_vendors()).await?;
    register(&story.admin()?, post("acme", "r-1", "The printer is on fire")).await?;
    story.settle().await?;
    let mut ada = Worker::new(&story, "ada@operator.example", Role::Agent)?;
    let mut agent = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let listed = ada.fulfilment.list_vendors(ListVendorsRequest { client_id: "acme".to_owned() }).await?;
    let names: Vec<String> = listed.into_inner().vendors.into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["Printco AS", "Telco"]);

    agent.claim("ACME-1001").await?;
    let asked = ada.open("ACME-1001", "printco", true).await?;
    assert_eq!((asked.state(), asked.waiting_reason()), (TicketState::Waiting, WaitingReason::Vendor));
    assert_eq!((asked.queue.as_str(), asked.owner.as_str()), ("service-desk", "ada@operator.example"));
    story.advance(SignedDuration::from_hours(2)).await?;
    let known = ada.update("ACME-1001", "printco", "P-77", VendorCaseStatus::InProgress).await?;
    let case = &known.vendor_cases[0];
    assert_eq!((case.vendor_reference.as_str(), case.status()), ("P-77", VendorCaseStatus::InProgress));
    let running = vendor_clocks(&story, "ACME-1001").await?;
    assert_eq!(running.len(), 1);
    assert_eq!(running[0].due_at, Some(timestamp(at("2026-11-16T12:00:00Z"))), "four hours from nine");

    let over = ada.end_case("ACME-1001", "printco").await?;
    assert_eq!((over.state(), over.vendor_cases[0].outcome()), (TicketState::InProgress, VendorOutcome::Replaced));
    story.settle().await?;
    assert_eq!(vendor_clocks(&story, "ACME-1001").await?[0].state(), ClockState::Met);

    // The next one is asked beside the work, has a target of its own, and is late.
    let beside = ada.open("ACME-1001", "telco", false).await?;
    assert_eq!(beside.state(), TicketState::InProgress);
    story.advance(SignedDuration::from_mins(90)).await?;
    let clocks = vendor_clocks(&story, "ACME-1001").await?;
    let late = clocks.last().cloned().unwrap_or_default();
    assert_eq!((clocks.len(), late.cycle, late.state()), (2, 2, ClockState::Running));
    assert_eq!(late.target_for, Some(duration(SignedDuration::from_hours(1))));
    assert_eq!(late.breached_at, Some(timestamp(at("2026-11-16T11:00:00Z"))), "at its true instant");
    ada.end_case("ACME-1001", "telco").await?;
    agent.resolve("ACME-1001", ResolutionCode::Solved, "a new one").await?;
    story.settle().await?;
    assert_eq!(vendor_clocks(&story, "ACME-1001").await?[1].state(), ClockState::Breached);
    story.end().await
}

#[tokio::test]
async fn what_is_wrong_with_a_vendors_case_is_said_and_changes_nothing() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&with_vendors()).await?;
    register(&story.admin()?, post("acme", "r-1", "The printer is on fire")).await?;
    register(&story.admin()?, post("globex", "r-1", "Theirs")).await?;
    story.settle().await?;
    let mut ada = Worker::new(&story, "ada@operator.example", Role::Agent)?;
    assert_eq!(refusal(ada.open("ACME-1001", "nobody", true).await)?, "UNKNOWN_VENDOR");
    assert_eq!(refusal(ada.end_case("ACME-1001", "printco").await)?, "NO_VENDOR_CASE");
    let nothing = ada.update("ACME-1001", "printco", "P-1", VendorCaseStatus::Acknowledged).await;
    assert_eq!(refusal(nothing)?, "NO_VENDOR_CASE");
    for ticket in ["GLOBEX-1001", "ACME-9999"] {
        assert_eq!(refused(ada.open(ticket, "printco", true).await)?.code(), Code::NotFound, "{ticket}");
    }
    let opened = ada.open("ACME-1001", "printco", true).await?;
    assert_eq!(refusal(ada.open("ACME-1001", "printco", true).await)?, "VENDOR_CASE_OPEN");
    let stale = OpenVendorCaseRequest {
        request_id: "stale".to_owned(),
        ticket: "ACME-1001".to_owned(),
        expected_revision: opened.revision - 1,
        vendor: "telco".to_owned(),
        ..Default::default()
    };
    assert_eq!(refused(ada.fulfilment.open_vendor_case(stale.clone()).await)?.code(), Code::Aborted);
    // The same request twice is one case.
    let sure = OpenVendorCaseRequest { expected_revision: 0, ..stale };
    for _ in 0..2 {
        ada.fulfilment.open_vendor_case(sure.clone()).await?;
    }
    let ticket = story.ticket("ACME-1001").await?;
    assert_eq!(ticket.vendor_cases.len(), 2);
    assert_eq!(ticket.revision, opened.revision + 1);
    let mut agent = Agent::new(&story, "ada@operator.example", &["acme"])?;
    agent.resolve("ACME-1001", ResolutionCode::Solved, "done").await?;
    assert_eq!(refusal(ada.open("ACME-1001", "telco", false).await)?, "TICKET_RESOLVED");
    story.end().await
}
