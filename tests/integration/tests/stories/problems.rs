//! Problems: recurrence finds itself, causes and known errors are kept, and what comes back is told.

use std::time::Duration;

use anyhow::Context;
use contracts::desk::v1::{ResolutionCode, TicketKind};
use contracts::triage::v1::{
    AcceptProblemProposalRequest, DeclareKnownErrorRequest, DismissProblemProposalRequest, ListProblemProposalsRequest,
    ProblemProposal, ProposalState, RecordRootCauseRequest, RelationKind,
};
use integration::agent::{Agent, refusal, refused};
use integration::bound::Binder;
use integration::processes::wait_until;
use integration::{Story, post, register};
use jiff::SignedDuration;
use tonic::Code;

const PATIENCE: Duration = Duration::from_secs(30);

async fn incidents(story: &Story, what: &str, names: &[&str], subject: &str) -> anyhow::Result<()> {
    for name in names {
        let mut ticket = post("acme", &format!("{what}-{name}"), &format!("{subject} {name}"));
        if let Some(matter) = &mut ticket.matter {
            matter.kind = TicketKind::Incident.into();
        }
        register(&story.admin()?, ticket).await?;
    }
    story.settle().await
}

async fn proposals(binder: &mut Binder, decided: bool) -> anyhow::Result<Vec<ProblemProposal>> {
    let request = ListProblemProposalsRequest { decided, ..Default::default() };
    Ok(binder.relations.list_problem_proposals(request).await?.into_inner().proposals)
}

/// A minute later, when the watch has looked through the client's incidents.
async fn later(story: &Story) -> anyhow::Result<()> {
    story.advance(SignedDuration::from_mins(2)).await
}

/// It is fixed. What comes back is told on the problem: by itself, and by whoever links it.
async fn it_comes_back(story: &Story, ada: &mut Agent, binder: &mut Binder, problem: &str) -> anyhow::Result<()> {
    ada.resolve(problem, ResolutionCode::Solved, "longer leases").await?;
    story.advance(SignedDuration::from_hours(1)).await?;
    incidents(story, "drop", &["gerd"], "Tunnel to the head office drops for").await?;
    later(story).await?;
    let recurrences = async |count: i32| {
        wait_until("it is told", PATIENCE, async || {
            Ok(story.ticket(problem).await?.problem.is_some_and(|problem| problem.recurrences == count))
        })
        .await
    };
    recurrences(1).await?;
    incidents(story, "else", &["hanne"], "No network at noon").await?;
    binder.link("ACME-1011", RelationKind::InstanceOf, problem).await?;
    recurrences(2).await?;
    later(story).await?;
    story.settle().await?;
    recurrences(2).await?;
    assert_eq!(proposals(binder, false).await?.len(), 0, "known problems are not proposed again");
    Ok(())
}

async fn its_cause_is_kept(binder: &mut Binder, problem: &str) -> anyhow::Result<()> {
    let cause = RecordRootCauseRequest {
        request_id: "cause".to_owned(),
        ticket: problem.to_owned(),
        root_cause: "the lease ends at noon".to_owned(),
        workaround: "reconnect".to_owned(),
        ..Default::default()
    };
    binder.relations.record_root_cause(cause.clone()).await?;
    let known = DeclareKnownErrorRequest {
        request_id: "known".to_owned(),
        ticket: problem.to_owned(),
        article_id: "tunnel-drops".to_owned(),
        ..Default::default()
    };
    let known = binder.relations.declare_known_error(known).await?.into_inner().ticket.context("a ticket")?;
    let record = known.problem.context("a problem")?;
    assert_eq!(
        (record.root_cause.as_str(), record.known_error_article_id.as_str()),
        ("the lease ends at noon", "tunnel-drops")
    );
    let incident =
        RecordRootCauseRequest { request_id: "no".to_owned(), ticket: "ACME-1003".to_owned(), ..cause.clone() };
    assert_eq!(refusal(binder.relations.record_root_cause(incident).await)?, "NOT_A_PROBLEM");
    let empty = RecordRootCauseRequest { request_id: "empty".to_owned(), root_cause: String::new(), ..cause };
    assert_eq!(refused(binder.relations.record_root_cause(empty).await)?.code(), Code::InvalidArgument);
    Ok(())
}

#[tokio::test]
async fn recurrence_proposes_a_problem_once_and_is_watched_after_the_fix() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let mut binder = Binder::new(&story, "ada@operator.example", &["acme"])?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    incidents(&story, "toner", &["red", "blue"], "The toner is empty again").await?;
    incidents(&story, "drop", &["anna", "berit", "carl", "dora"], "Tunnel to the head office drops for").await?;
    later(&story).await?;
    story.settle().await?;
    assert_eq!(proposals(&mut binder, true).await?.len(), 0, "four are not five");
    incidents(&story, "drop", &["emil"], "Tunnel to the head office drops for").await?;
    later(&story).await?;
    wait_until("a problem is proposed", PATIENCE, async || Ok(!proposals(&mut binder, false).await?.is_empty()))
        .await?;
    let found = proposals(&mut binder, false).await?;
    let [proposal] = found.as_slice() else { anyhow::bail!("{found:?}") };
    let speak: Vec<&str> = proposal.tickets.iter().map(|ticket| ticket.reference.as_str()).collect();
    assert_eq!(speak, ["ACME-1007", "ACME-1006", "ACME-1005", "ACME-1004", "ACME-1003"], "the newest first");
    incidents(&story, "drop", &["frida"], "Tunnel to the head office drops for").await?;
    later(&story).await?;
    wait_until("the sixth joins them", PATIENCE, async || {
        Ok(proposals(&mut binder, false).await?.iter().map(|one| one.ticket_count).eq([6]))
    })
    .await?;

    // It is accepted as a problem, with its cause and its article.
    incidents(&story, "problem", &["one"], "Why does the tunnel drop").await?;
    let accept = |request_id: &str, ticket: &str| AcceptProblemProposalRequest {
        request_id: request_id.to_owned(),
        ticket: ticket.to_owned(),
        expected_revision: 0,
        proposal_id: proposal.proposal_id.clone(),
    };
    let problem = "ACME-1009";
    assert_eq!(refusal(binder.relations.accept_problem_proposal(accept("x-1", problem)).await)?, "NOT_A_PROBLEM");
    let triage = contracts::triage::v1::TriageTicketRequest {
        request_id: "kind".to_owned(),
        ticket: problem.to_owned(),
        kind: TicketKind::Problem.into(),
        ..Default::default()
    };
    ada.triage.triage_ticket(triage).await?;
    let accepted = binder.relations.accept_problem_proposal(accept("x-2", problem)).await?.into_inner().ticket;
    assert_eq!(accepted.context("a ticket")?.relation_count, 6);
    binder.relations.accept_problem_proposal(accept("x-3", problem)).await?;
    assert_eq!(proposals(&mut binder, true).await?[0].state(), ProposalState::Accepted);
    let dismiss = |reason: &str| DismissProblemProposalRequest {
        proposal_id: proposal.proposal_id.clone(),
        reason: reason.to_owned(),
    };
    let decided = binder.relations.dismiss_problem_proposal(dismiss("late")).await;
    assert_eq!(refusal(decided)?, "PROPOSAL_DECIDED");
    its_cause_is_kept(&mut binder, problem).await?;
    it_comes_back(&story, &mut ada, &mut binder, problem).await?;
    story.end().await
}

#[tokio::test]
async fn a_dismissed_proposal_does_not_come_again() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let mut binder = Binder::new(&story, "ada@operator.example", &["acme"])?;
    let names = ["anna", "berit", "carl", "dora", "emil"];
    incidents(&story, "course", &names, "How do I book the course for").await?;
    later(&story).await?;
    wait_until("a problem is proposed", PATIENCE, async || Ok(!proposals(&mut binder, false).await?.is_empty()))
        .await?;
    let proposal = proposals(&mut binder, false).await?.remove(0);
    let dismiss = |id: &str, reason: &str| DismissProblemProposalRequest {
        proposal_id: id.to_owned(),
        reason: reason.to_owned(),
    };
    let bad = [
        dismiss("nonsense", "x"),
        dismiss(&proposal.proposal_id, " "),
        dismiss(&proposal.proposal_id, &"x".repeat(1_001)),
    ];
    for bad in bad {
        assert_eq!(refused(binder.relations.dismiss_problem_proposal(bad).await)?.code(), Code::InvalidArgument);
    }
    for (proposal_id, ticket) in [("", "ACME-1001"), ("nonsense", "ACME-1001"), (&*proposal.proposal_id, "")] {
        let bad = AcceptProblemProposalRequest {
            request_id: "bad".to_owned(),
            ticket: ticket.to_owned(),
            expected_revision: 0,
            proposal_id: proposal_id.to_owned(),
        };
        assert_eq!(refused(binder.relations.accept_problem_proposal(bad).await)?.code(), Code::InvalidArgument);
    }
    let unknown = dismiss("1f0c7f2e-5b0a-4d6e-9a53-0d5c3f0e7a11", "x");
    assert_eq!(refused(binder.relations.dismiss_problem_proposal(unknown).await)?.code(), Code::NotFound);
    let mut stranger = Binder::new(&story, "eve@operator.example", &["globex"])?;
    let foreign = dismiss(&proposal.proposal_id, "x");
    assert_eq!(refused(stranger.relations.dismiss_problem_proposal(foreign).await)?.code(), Code::NotFound);
    assert_eq!(proposals(&mut stranger, true).await?.len(), 0);
    let done = binder.relations.dismiss_problem_proposal(dismiss(&proposal.proposal_id, "a course")).await?;
    assert_eq!(done.into_inner().proposal.context("it")?.reason, "a course");
    incidents(&story, "course", &["frida", "gerd", "hanne", "ida", "jon"], "How do I book the course for").await?;
    later(&story).await?;
    story.settle().await?;
    assert_eq!(proposals(&mut binder, false).await?.len(), 0);
    assert_eq!(proposals(&mut binder, true).await?.len(), 1);
    story.end().await
}
