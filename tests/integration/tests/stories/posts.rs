//! Posts outlive people: shifts, absences, assignment, hand-over, calls, swarms.

mod once;

use std::time::Duration;

use anyhow::Context;
use contracts::desk::v1::{Channel, Level, Priority, ResolutionCode, TicketState, Visibility, WaitingReason};
use contracts::intake::v1::{AddMessageRequest, Matter, RegisterTicketRequest};
use contracts::sla_timer::v1::{ClockState, ListClocksRequest, Metric};
use contracts::timestamp;
use contracts::triage::v1::{GetRosterRequest, HistoryEntry, ListHistoryRequest, SwarmKind, Ticket};
use integration::agent::{Agent, reason_of, refusal, refused};
use integration::processes::wait_until;
use integration::{Story, at, client_file, register};
use jiff::SignedDuration;
use tonic::Code;

const PATIENCE: Duration = Duration::from_secs(30);

/// The usual client with people: Ada is there 08–16, Bo 12–20, Nils and Nora of the network 08–16, Eve of the swarm.
fn manned(absences: &str, queues: &str) -> String {
    let week = |hours: &str| {
        let day = |day: &str| format!("{day}: [\"{hours}\"]");
        ["mon", "tue", "wed", "thu", "fri"].map(day).join(", ")
    };
    let agent = |name: &str, position: &str, hours: &str, more: &str| {
        let week = week(hours);
        format!(
            "    - agent: {name}@operator.example\n      name: {name}\n{more}      shifts:\n        - {{ position: \
             {position}, weekly: {{ {week} }} }}\n"
        )
    };
    let agents = [
        agent("ada", "first-line", "08:00-16:00", absences),
        agent("bo", "first-line", "12:00-20:00", ""),
        agent("nils", "network", "08:00-16:00", ""),
        agent("nora", "network", "08:00-16:00", ""),
        agent("eve", "swarmers", "08:00-16:00", ""),
    ]
    .concat();
    let swarmers = "    - { queue: swarm, name: Swarm, tier: 2, team: All, mode: swarm }\n";
    client_file("acme", "ACME")
        .replace(
            "team: Network }",
            "team: Network, assignment: round_robin, work_limit: 1, call_back_within: 30m, hours: office }",
        )
        .replace("  default_queue:", &format!("{swarmers}{queues}  default_queue:"))
        .replace(
            "routing:\n",
            &format!(
                "  positions:\n    - {{ position: first-line, name: First line, queues: [service-desk] }}\n    - {{ \
                 position: network, name: Network, queues: [network] }}\n    - {{ position: swarmers, name: Swarmers, \
                 queues: [swarm] }}\n  agents:\n{agents}routing:\n"
            ),
        )
        .replace("P2: {", "P2: { callback: { within: 1h, calendar: office },")
}

fn call(name: &str, subject: &str) -> RegisterTicketRequest {
    RegisterTicketRequest {
        request_id: name.to_owned(),
        client_id: "acme".to_owned(),
        matter: Some(Matter {
            subject: subject.to_owned(),
            channel: Channel::Email.into(),
            requester_email: "kari@acme.example".to_owned(),
            impact: Level::High.into(),
            urgency: Level::Medium.into(),
            ..Matter::default()
        }),
        solved: None,
        attachment_ids: Vec::new(),
    }
}

async fn becomes(story: &Story, ticket: &str, what: &str, is_so: impl Fn(&Ticket) -> bool) -> anyhow::Result<Ticket> {
    wait_until(&format!("{ticket} {what}"), PATIENCE, async || Ok(is_so(&story.ticket(ticket).await?))).await?;
    story.ticket(ticket).await
}

async fn history(agent: &mut Agent, ticket: &str, fact: &str) -> anyhow::Result<Vec<HistoryEntry>> {
    let request = ListHistoryRequest { ticket: ticket.to_owned(), page_size: 1_000, page_token: String::new() };
    let mut entries = agent.triage.list_history(request).await?.into_inner().entries;
    entries.retain(|entry| entry.fact == fact);
    Ok(entries)
}

#[tokio::test]
async fn work_goes_back_to_its_position_when_its_owner_goes() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let field = "    - { queue: field, name: Field, tier: 2, team: Field }\n";
    story.apply(&manned("", field)).await?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let mut bo = Agent::new(&story, "bo@operator.example", &["acme"])?;
    for (name, subject) in [("a-1", "No sound"), ("a-2", "No picture"), ("a-3", "Broken door")] {
        register(&story.admin()?, call(name, subject)).await?;
    }
    story.settle().await?;

    // Ada's shift ends at 16:00 in Oslo.
    let claimed = ada.claim("ACME-1001").await?;
    assert_eq!(claimed.claim_lapses_at, Some(timestamp(at("2026-11-16T15:00:00Z"))));
    ada.wait("ACME-1001", WaitingReason::Parts).await?;
    ada.resume("ACME-1001").await?;
    ada.claim("ACME-1002").await?;
    story.advance(SignedDuration::from_hours(4)).await?;
    let late = bo.claim("ACME-1003").await?;
    assert_eq!(late.claim_lapses_at, Some(timestamp(at("2026-11-16T19:00:00Z"))));
    story.advance(SignedDuration::from_mins(3 * 60 + 20)).await?;
    for ticket in ["ACME-1001", "ACME-1002"] {
        let back = becomes(&story, ticket, "is back with its queue", |ticket| ticket.owner.is_empty()).await?;
        assert_eq!((back.state(), back.queue.as_str()), (TicketState::Queued, "service-desk"));
        assert_eq!(back.claim_lapses_at, None);
    }
    let lapses = history(&mut ada, "ACME-1001", "claim_lapsed").await?;
    let [lapse] = lapses.as_slice() else { anyhow::bail!("{lapses:?}") };
    assert_eq!(lapse.occurred_at, Some(timestamp(at("2026-11-16T15:00:00Z"))), "at its true instant");
    assert_eq!(lapse.recorded_at, Some(timestamp(at("2026-11-16T15:20:00Z"))));
    assert_eq!(lapse.summary, "back with its queue: the shift of ada@operator.example is over");
    assert_eq!(story.ticket("ACME-1003").await?.owner, "bo@operator.example", "Bo is still there");

    // An absence that becomes known takes effect at once, and a queue that is no more leaves nothing behind.
    bo.hand_over("ACME-1002", "field").await?;
    let ill = "      absences: [{ from: 2026-11-16, until: 2026-11-18, reason: ill }]\n";
    let bos = |file: String| file.replace("      name: bo\n", &format!("      name: bo\n{ill}"));
    story.apply(&bos(manned("", ""))).await?;
    let back = becomes(&story, "ACME-1003", "is back", |ticket| ticket.owner.is_empty()).await?;
    assert_eq!(back.state(), TicketState::Queued);
    let lapses = history(&mut ada, "ACME-1003", "claim_lapsed").await?;
    assert_eq!(lapses[0].summary, "back with its queue: bo@operator.example is absent");
    let moved = becomes(&story, "ACME-1002", "has a queue", |ticket| ticket.queue == "service-desk").await?;
    assert_eq!(moved.queue_rule, "handed over by triage");
    let request = GetRosterRequest { client_id: "acme".to_owned(), at: None };
    let roster = story.admin()?.triage()?.get_roster(request).await?.into_inner();
    assert_eq!(roster.absent[0].agent, "bo@operator.example");
    assert!(roster.positions.iter().all(|position| position.agents.is_empty()), "it is 16:20: {roster:?}");
    assert_eq!(roster.queues.iter().find(|queue| queue.queue == "service-desk").map(|queue| queue.unclaimed), Some(3));
    story.end().await
}

#[tokio::test]
async fn owned_work_without_a_claim_gets_one_again() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&manned("", "")).await?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    for name in ["a-1", "a-2", "a-3"] {
        register(&story.admin()?, call(name, "No sound")).await?;
    }
    story.settle().await?;
    ada.claim("ACME-1001").await?;
    ada.claim("ACME-1002").await?;
    let mut store = story.store("triage").await?;
    // As an older version or an import leaves it: an owner, and no claim.
    let lost = "DELETE FROM claim WHERE ticket_id = (SELECT ticket_id FROM ticket WHERE reference = 'ACME-1001')";
    let gone = sqlx::query(lost).execute(&mut store).await?;
    assert_eq!(gone.rows_affected(), 1);
    let shift_ends = Some(timestamp(at("2026-11-16T15:00:00Z")));
    assert_eq!(story.ticket("ACME-1001").await?.claim_lapses_at, None);
    story.advance(SignedDuration::from_mins(2)).await?;
    becomes(&story, "ACME-1001", "has its claim", |ticket| ticket.claim_lapses_at == shift_ends).await?;
    assert_eq!(story.ticket("ACME-1002").await?.claim_lapses_at, shift_ends);
    let claims: i64 = sqlx::query_scalar("SELECT count(*) FROM claim").fetch_one(&mut store).await?;
    assert_eq!(claims, 2, "nobody has ACME-1003");
    story.end().await
}

#[tokio::test]
async fn work_is_given_in_turn_handed_over_warm_or_cold_and_returned() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&manned("", "")).await?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let mut nils = Agent::new(&story, "nils@operator.example", &["acme"])?;
    let mut lea = Agent::lead(&story, "lea@operator.example", &["acme"])?;
    for name in ["a-1", "a-2", "a-3", "a-4"] {
        register(&story.admin()?, call(name, if name == "a-4" { "No sound" } else { "vpn drops" })).await?;
        story.settle().await?;
    }
    // Three came to the network by a rule; two agents, one ticket each.
    let owner_of = async |ticket: &str| {
        becomes(&story, ticket, "has an owner", |ticket| !ticket.owner.is_empty()).await.map(|ticket| ticket.owner)
    };
    assert_eq!(owner_of("ACME-1001").await?, "nils@operator.example");
    assert_eq!(owner_of("ACME-1002").await?, "nora@operator.example");
    assert_eq!(story.ticket("ACME-1003").await?.owner, "", "it waits until somebody has room");
    assert_eq!(refusal(nils.claim("ACME-1003").await)?, "WORK_LIMIT_REACHED");

    // Nobody is free: the fourth is handed over cold, and Kari is promised a call.
    ada.claim("ACME-1004").await?;
    let cold = ada.hand_over("ACME-1004", "network").await?;
    assert_eq!(cold.callback_due_at, Some(timestamp(at("2026-11-16T08:30:00Z"))));
    story.settle().await?;
    let callback = async |state: ClockState| {
        let request = ListClocksRequest { ticket: "ACME-1004".to_owned() };
        let clocks = story.admin()?.sla_timer()?.list_clocks(request).await?.into_inner().clocks;
        let clock = clocks.into_iter().find(|clock| clock.metric() == Metric::Callback).context("a promise")?;
        assert_eq!((clock.state(), clock.due_at), (state, cold.callback_due_at));
        anyhow::Ok(())
    };
    callback(ClockState::Running).await?;
    only_the_front_speaks(&mut ada, &mut nils).await?;
    assert_eq!(ada.call_back("ACME-1004").await?.callback_due_at, None);
    story.settle().await?;
    callback(ClockState::Met).await?;

    // Nils is done, and so the oldest that waits is his.
    nils.resolve("ACME-1001", ResolutionCode::Solved, "").await?;
    assert_eq!(owner_of("ACME-1003").await?, "nils@operator.example");
    let given = history(&mut nils, "ACME-1003", "ticket_assigned").await?;
    assert_eq!(given[0].summary, "assigned to nils@operator.example in turn");
    let returned = nils.send_back("ACME-1003", "since when?").await;
    let returned = returned?;
    assert_eq!((returned.queue.as_str(), returned.returns, returned.ping_pongs), ("service-desk", 1, 0));
    // Nils has room again: the next in the network's queue is given to him before this is handed over again.
    assert_eq!(owner_of("ACME-1004").await?, "nils@operator.example");
    let again = ada.hand_over("ACME-1003", "network").await?;
    assert_eq!((again.hand_overs, again.ping_pongs), (2, 1));

    assert_eq!(refusal(ada.assign("ACME-1003", "bo@operator.example").await)?, "LEAD_NEEDED");
    assert_eq!(refusal(lea.assign("ACME-1003", "who@operator.example").await)?, "UNKNOWN_AGENT");
    assert_eq!(lea.assign("ACME-1003", "bo@operator.example").await?.owner, "bo@operator.example");
    assert_eq!(refusal(ada.send_back("ACME-9999", "what?").await)?, "NOT_FOUND");
    story.end().await
}

/// Tier 2 speaks through the front: nobody of it calls the requester, asks them or writes to them.
async fn only_the_front_speaks(ada: &mut Agent, nils: &mut Agent) -> anyhow::Result<()> {
    let write = |request_id: &str, visibility: Visibility| AddMessageRequest {
        request_id: request_id.to_owned(),
        ticket: "ACME-1004".to_owned(),
        visibility: visibility.into(),
        channel: Channel::Email.into(),
        body: "Since when?".to_owned(),
        ..Default::default()
    };
    assert_eq!(refusal(nils.call_back("ACME-1004").await)?, "CONTACT_THROUGH_FRONT");
    let words = refused(nils.intake.add_message(write("n-1", Visibility::Public)).await)?;
    assert_eq!(reason_of(&words), "CONTACT_THROUGH_FRONT");
    assert!(words.message().contains("through service-desk: write a note"), "{}", words.message());
    nils.intake.add_message(write("n-2", Visibility::Internal)).await?;
    let of_requester =
        AddMessageRequest { requester_email: "kari@acme.example".to_owned(), ..write("n-3", Visibility::Public) };
    nils.intake.add_message(of_requester).await?;
    ada.intake.add_message(write("a-1", Visibility::Public)).await?;
    Ok(())
}

#[tokio::test]
async fn a_swarm_has_an_owner_and_everybody_who_helps() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&manned("", "")).await?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let mut eve = Agent::new(&story, "eve@operator.example", &["acme"])?;
    let mut stranger = Agent::new(&story, "eve@operator.example", &["globex"])?;
    for name in ["a-1", "a-2"] {
        register(&story.admin()?, call(name, "Everything is slow")).await?;
    }
    story.settle().await?;
    assert_eq!(refusal(eve.join("ACME-1001").await)?, "NOT_SWARMING");
    let swarms = ada.hand_over("ACME-1001", "swarm").await?;
    assert_eq!(swarms.contact_through, "service-desk", "tier 2 works in peace");
    assert_eq!(refusal(eve.join("ACME-1001").await)?, "NOT_CLAIMED");
    ada.claim("ACME-1001").await?;
    ada.invite("ACME-1001", "eve@operator.example").await?;
    eve.join("ACME-1001").await?;
    assert_eq!(refusal(ada.hand_over("ACME-1001", "network").await)?, "SWARM_KEEPS_OWNER");
    eve.leave("ACME-1001").await?;
    let joined = eve.join("ACME-1001").await?;
    let swarm = joined.swarm.context("a swarm")?;
    assert_eq!((swarm.kind(), swarm.members.len()), (SwarmKind::Local, 2));
    for code in [
        stranger.join("ACME-1001").await.err(),
        stranger.leave("ACME-1001").await.err(),
        stranger.invite("ACME-1001", "eve@operator.example").await.err(),
        stranger.assign("ACME-1001", "eve@operator.example").await.err(),
    ] {
        assert_eq!(code.context("it was not refused")?.code(), Code::NotFound, "another client's is nobody's");
    }
    let resolved = ada.resolve("ACME-1001", ResolutionCode::Solved, "together").await?;
    let credit: Vec<String> = resolved.swarm.unwrap_or_default().members.into_iter().map(|it| it.agent).collect();
    assert_eq!(credit, ["ada@operator.example", "eve@operator.example"]);

    // P1 swarms in any queue.
    ada.claim("ACME-1002").await?;
    let mut request = contracts::triage::v1::TriageTicketRequest {
        request_id: "p1".to_owned(),
        ticket: "ACME-1002".to_owned(),
        ..Default::default()
    };
    (request.priority, request.override_reason) = (Priority::P1.into(), "the board meets".to_owned());
    ada.triage.triage_ticket(request).await?;
    let severe = eve.join("ACME-1002").await?.swarm.context("a swarm")?;
    assert_eq!(severe.kind(), SwarmKind::Severe);
    story.end().await
}
