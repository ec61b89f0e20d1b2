//! Commands that arrive together share a transaction, and nothing else.

use std::collections::BTreeSet;

use contracts::desk::v1::{ResolutionCode, TicketState};
use contracts::triage::v1::{ClaimTicketRequest, CloseTicketRequest, Ticket};
use futures::future::join_all;
use integration::agent::{Agent, reason_of, refusal, refused as refused_of};
use integration::{Answer, Story, client_file, observe, post, register};
use tonic::Code;

const TICKETS: usize = 40;
const LIMIT: usize = 5;
const HISTORY: &str = "SELECT count(*) FROM history WHERE fact = 'ticket_claimed'";
const GROUPS: &str = "SELECT count(DISTINCT xid) FROM history WHERE fact = 'ticket_claimed'";

fn reference(n: usize) -> String {
    format!("ACME-{}", 1_001 + n)
}

async fn claim(agent: &Agent, request_id: &str, ticket: &str) -> Answer<Ticket> {
    let request =
        ClaimTicketRequest { request_id: request_id.to_owned(), ticket: ticket.to_owned(), expected_revision: 0 };
    Ok(agent.triage.clone().claim_ticket(request).await?.into_inner().ticket.unwrap_or_default())
}

/// A desk with tickets of two clients, on which nobody has done anything.
async fn desk(queue: &str) -> anyhow::Result<(Story, Agent, Agent)> {
    let story = Story::begin().await?;
    let limited = client_file("acme", "ACME").replace("team: First line }", &format!("team: First line{queue} }}"));
    anyhow::ensure!(queue.is_empty() || limited.contains(queue), "the usual client has another queue");
    story.apply(&limited).await?;
    let admin = story.admin()?;
    for n in 0..TICKETS {
        register(&admin, post("acme", &format!("a-{n}"), "No sound")).await?;
    }
    register(&admin, post("globex", "g-1", "No sound")).await?;
    story.settle().await?;
    let ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let bo = Agent::new(&story, "bo@operator.example", &["acme"])?;
    Ok((story, ada, bo))
}

#[tokio::test]
async fn commands_that_come_together_are_decided_each_for_itself() -> anyhow::Result<()> {
    let (story, mut ada, mut bo) = desk("").await?;
    // Everybody at once: two agents want each ticket, one asks twice, one means a ticket that is not theirs.
    let wishes = (0..TICKETS).flat_map(|n| {
        let (ada, bo) = (&ada, &bo);
        [(ada, format!("a-{n}"), n), (bo, format!("b-{n}"), n), (ada, format!("a-{n}"), n)]
    });
    let claims = join_all(wishes.map(async |(agent, request_id, n)| claim(agent, &request_id, &reference(n)).await));
    let (foreign, closed) = (claim(&ada, "a-foreign", "GLOBEX-1001"), claim(&ada, "a-none", "ACME-9999"));
    let (answers, foreign, none) = tokio::join!(claims, foreign, closed);
    assert_eq!(foreign.map_err(|status| status.code()), Err(Code::NotFound));
    assert_eq!(none.map_err(|status| status.code()), Err(Code::NotFound));
    let owners = |answers: &[Answer<Ticket>]| -> BTreeSet<String> {
        answers.iter().flatten().map(|ticket| ticket.owner.clone()).collect()
    };
    for answers in answers.chunks(3) {
        let refusals = answers.iter().filter_map(|answer| answer.as_ref().err().map(reason_of));
        assert!(refusals.clone().all(|reason| reason == "ALREADY_CLAIMED"), "{answers:?}");
        assert!((1..=2).contains(&refusals.count()), "one of two has it: {answers:?}");
        assert_eq!(owners(answers).len(), 1, "everybody who has an answer sees the same owner");
    }
    story.settle().await?;
    let tickets = i64::try_from(TICKETS)?;
    assert_eq!(observe::number(&story.desk, "triage", HISTORY).await?, tickets, "each was claimed once");
    let groups = observe::number(&story.desk, "triage", GROUPS).await?;
    assert!(groups < tickets, "{groups} transactions for {tickets} claims: nothing shared one");

    // What was refused together with others has left nothing behind: the same request counts once it is right.
    let refused = CloseTicketRequest { request_id: "again".to_owned(), ticket: reference(0), expected_revision: 0 };
    let others = (0..8).map(async |n| claim(&ada, &format!("c-{n}"), &reference(n)).await);
    let mut door = ada.triage.clone();
    let (answer, _) = tokio::join!(door.close_ticket(refused.clone()), join_all(others));
    assert_eq!(refusal(answer)?, "NOT_RESOLVED");
    let owner = story.ticket(&reference(0)).await?.owner;
    let owner = if owner == "ada@operator.example" { &mut ada } else { &mut bo };
    owner.resolve(&reference(0), ResolutionCode::Solved, "plugged in").await?;
    let closed = ada.triage.close_ticket(refused.clone()).await?.into_inner().ticket.unwrap_or_default();
    assert_eq!(closed.state(), TicketState::Closed);
    let twice = ada.triage.close_ticket(refused.clone()).await?.into_inner().ticket.unwrap_or_default();
    assert_eq!(twice.revision, closed.revision);
    let other = CloseTicketRequest { ticket: reference(1), ..refused };
    assert_eq!(reason_of(&refused_of(ada.triage.close_ticket(other).await)?), "IDEMPOTENCY_KEY_REUSED");
    story.end().await
}

#[tokio::test]
async fn callers_with_other_rights_never_share_what_they_see() -> anyhow::Result<()> {
    let (story, ada, _) = desk("").await?;
    let of_both = Agent::new(&story, "mo@operator.example", &["acme", "globex"])?;
    let stranger = Agent::new(&story, "eve@operator.example", &["globex"])?;
    let wishes = (0..TICKETS).flat_map(|n| [(&of_both, "mo", n), (&stranger, "eve", n), (&ada, "ada", n)]);
    let answers = wishes.map(async |(agent, name, n)| claim(agent, &format!("{name}-{n}"), &reference(n)).await);
    for (n, answers) in join_all(answers).await.chunks(3).enumerate() {
        let strange = answers[1].as_ref().map_err(tonic::Status::code).map(|ticket| &ticket.reference);
        assert_eq!(strange, Err(Code::NotFound), "a ticket of another client: {n}");
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    }
    assert!(claim(&of_both, "mo-globex", "GLOBEX-1001").await.is_ok());
    story.end().await
}

#[tokio::test]
async fn a_limit_holds_for_commands_that_come_together() -> anyhow::Result<()> {
    let (story, ada, _) = desk(&format!(", work_limit: {LIMIT}")).await?;
    let names: Vec<(String, String)> = (0..TICKETS).map(|n| (format!("a-{n}"), reference(n))).collect();
    let answers = join_all(names.iter().map(|(request_id, ticket)| claim(&ada, request_id, ticket))).await;
    let taken = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(taken, LIMIT, "{answers:?}");
    let reasons: BTreeSet<String> = answers.iter().filter_map(|answer| answer.as_ref().err().map(reason_of)).collect();
    assert_eq!(reasons, BTreeSet::from(["WORK_LIMIT_REACHED".to_owned()]));
    story.end().await
}
