//! Tickets of confidential queues are for their positions' eyes, by whatever path of triage.

use std::time::Duration;

use chassis::authorisation::Role;
use contracts::desk::v1::{CancellationReason, ResolutionCode, TicketState};
use contracts::triage::v1::bulk_command_request::Command;
use contracts::triage::v1::{
    AttachTicketsRequest, BulkClaim, BulkCommandRequest, DeclareKnownErrorRequest, DeclareMajorIncidentRequest,
    GetDraftRequest, GetTicketRequest, LinkTicketsRequest, ListHistoryRequest, ListTicketsRequest, PushStatusRequest,
    RelationKind, TellPresenceRequest, WatchTicketsRequest,
};
use integration::agent::{Agent, refusal};
use integration::bound::Binder;
use integration::processes::wait_until;
use integration::{Answer, Story, client_file, post, register};

const ADA: &str = "ada@operator.example";
const NILS: &str = "nils@operator.example";
const NEWS: &str = "A disk is being replaced.";
const PATIENCE: Duration = Duration::from_secs(30);

/// Ada is of the service desk, Nils of the network, which is confidential.
fn file() -> String {
    let shift = |position: &str| format!("shifts: [{{ position: {position}, weekly: {{ mon: [\"00:00-24:00\"] }} }}]");
    let people = format!(
        "  positions:\n    - {{ position: first, name: First, queues: [service-desk] }}\n    - {{ position: net, name: \
         Net, queues: [network] }}\n  agents:\n    - {{ agent: {ADA}, name: Ada, {} }}\n    - {{ agent: {NILS}, name: \
         Nils, {} }}\nrouting:\n",
        shift("first"),
        shift("net")
    );
    client_file("acme", "ACME")
        .replace("team: Network }", "team: Network, confidential: true }")
        .replace("routing:\n", &people)
}

async fn listed(agent: &mut Agent) -> Answer<Vec<String>> {
    let tickets = agent.triage.list_tickets(ListTicketsRequest::default()).await?.into_inner().tickets;
    Ok(tickets.into_iter().map(|ticket| ticket.reference).collect())
}

#[tokio::test]
async fn a_confidential_ticket_is_absent_for_everybody_else() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&file()).await?;
    register(&story.admin()?, post("acme", "r-1", "Skriveren står")).await?;
    register(&story.admin()?, post("acme", "r-2", "vpn of the board")).await?;
    story.settle().await?;
    let mut ada = Agent::new(&story, ADA, &["acme"])?;
    let mut nils = Agent::new(&story, NILS, &["acme"])?;
    assert_eq!(listed(&mut nils).await?, ["ACME-1002", "ACME-1001"]);
    assert_eq!(listed(&mut ada).await?, ["ACME-1001"]);
    let mut seen = ada.triage.watch_tickets(WatchTicketsRequest::default()).await?.into_inner();

    let get = || GetTicketRequest { ticket: "ACME-1002".to_owned() };
    assert_eq!(refusal(ada.triage.get_ticket(get()).await)?, "NOT_FOUND");
    let history = ListHistoryRequest { ticket: "ACME-1002".to_owned(), ..Default::default() };
    assert_eq!(refusal(ada.triage.list_history(history).await)?, "NOT_FOUND");
    assert_eq!(refusal(ada.claim("ACME-1002").await)?, "NOT_FOUND");
    assert_eq!(refusal(ada.resolve("ACME-1002", ResolutionCode::Solved, "x").await)?, "NOT_FOUND");
    let clients = story.as_one(ADA, &[(Role::Agent, "acme")])?;
    let mut workspace = clients.workspace()?;
    let draft = GetDraftRequest { ticket: "ACME-1002".to_owned() };
    assert_eq!(refusal(workspace.get_draft(draft).await)?, "NOT_FOUND");
    let presence = TellPresenceRequest { ticket: "ACME-1002".to_owned(), doing: 1 };
    assert_eq!(refusal(workspace.tell_presence(presence).await)?, "NOT_FOUND");
    let tickets = vec!["ACME-1002".to_owned(), "ACME-1001".to_owned()];
    let (request_id, command) = ("b-1".to_owned(), Some(Command::Claim(BulkClaim {})));
    let results =
        workspace.bulk_command(BulkCommandRequest { request_id, tickets, command }).await?.into_inner().results;
    let told: Vec<String> = results.into_iter().map(|one| one.refused.unwrap_or_default().reason).collect();
    assert_eq!(told, ["NOT_FOUND", ""]);

    // Not as another one's relation, neither to make nor to see.
    let mut relations = clients.relations()?;
    let cause = DeclareKnownErrorRequest {
        request_id: "k-1".to_owned(),
        ticket: "ACME-1002".to_owned(),
        article_id: "a".to_owned(),
        ..Default::default()
    };
    assert_eq!(refusal(relations.declare_known_error(cause).await)?, "NOT_FOUND");
    let link = |request_id: &str, ticket: &str, other: &str| LinkTicketsRequest {
        request_id: request_id.to_owned(),
        ticket: ticket.to_owned(),
        kind: RelationKind::CausedBy.into(),
        other_ticket: other.to_owned(),
        ..Default::default()
    };
    assert_eq!(refusal(relations.link_tickets(link("l-1", "ACME-1001", "ACME-1002")).await)?, "NOT_FOUND");
    let mut by_nils = story.as_one(NILS, &[(Role::Agent, "acme")])?.relations()?;
    by_nils.link_tickets(link("l-2", "ACME-1001", "ACME-1002")).await?;
    let shown = ada.triage.get_ticket(GetTicketRequest { ticket: "ACME-1001".to_owned() }).await?.into_inner();
    let related = shown.ticket.unwrap_or_default().relations;
    assert_eq!((related.len(), related[0].subject.as_str()), (1, ""), "that there is one, not what it is about");

    // Who has it, works on it; who handed it over sees it no longer.
    nils.claim("ACME-1002").await?;
    ada.hand_over("ACME-1001", "network").await.map_err(|status| anyhow::anyhow!("{status}"))?;
    assert!(listed(&mut ada).await?.is_empty());
    nils.hand_over("ACME-1001", "service-desk").await?;
    loop {
        let change = seen.message().await?.unwrap_or_default();
        assert_eq!(change.ticket.unwrap_or_default().reference, "ACME-1001", "nothing of the other one was told");
        if change.entry.unwrap_or_default().summary.contains("to service-desk") {
            break;
        }
    }
    story.end().await
}

/// Nils binds what everybody sees to what only the network sees, in every way that there is.
async fn bind(story: &Story, secret: &str) -> anyhow::Result<()> {
    let mut nils = Binder::new(story, NILS, &["acme"])?;
    nils.link("ACME-1001", RelationKind::CausedBy, secret).await?;
    nils.link("ACME-1001", RelationKind::RelatedTo, secret).await?;
    nils.unlink("ACME-1001", RelationKind::RelatedTo, secret).await?;
    nils.merge("ACME-1003", secret).await?;
    nils.merge("ACME-1005", secret).await?;
    nils.unmerge("ACME-1005").await?;
    let (request_id, ticket) = ("declare".to_owned(), secret.to_owned());
    let declare = DeclareMajorIncidentRequest { request_id, ticket, affected_users: 3, ..Default::default() };
    nils.relations.declare_major_incident(declare).await?;
    let child_tickets = vec!["ACME-1004".to_owned()];
    let (request_id, ticket) = ("attach".to_owned(), secret.to_owned());
    let attach = AttachTicketsRequest { request_id, ticket, child_tickets, ..Default::default() };
    nils.relations.attach_tickets(attach).await?;
    let (request_id, ticket, text) = ("push".to_owned(), secret.to_owned(), NEWS.to_owned());
    nils.relations.push_status(PushStatusRequest { request_id, ticket, text, ..Default::default() }).await?;
    let child = || story.ticket("ACME-1004");
    wait_until("the child is told", PATIENCE, async || Ok(child().await?.status_news.is_some())).await?;
    let mut nils = Agent::new(story, NILS, &["acme"])?;
    nils.cancel("ACME-1006", CancellationReason::Duplicate, secret).await?;
    nils.resolve(secret, ResolutionCode::Solved, "the board has a new key").await?;
    let is_over = async || Ok(child().await?.state() == TicketState::Resolved);
    wait_until("the child is resolved with it", PATIENCE, is_over).await
}

/// All that somebody is shown of these tickets.
async fn shown(agent: &mut Agent, tickets: &[&str]) -> Answer<String> {
    let mut shown = format!("{:?}", agent.triage.list_tickets(ListTicketsRequest::default()).await?.into_inner());
    for ticket in tickets.iter().map(|ticket| (*ticket).to_owned()) {
        let history = ListHistoryRequest { ticket: ticket.clone(), ..Default::default() };
        shown += &format!("{:?}", agent.triage.list_history(history).await?.into_inner());
        shown += &format!("{:?}", agent.triage.get_ticket(GetTicketRequest { ticket }).await?.into_inner());
    }
    Ok(shown)
}

#[tokio::test]
async fn nothing_names_a_confidential_ticket_to_whom_it_is_not_for() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&file()).await?;
    let mut secret = Default::default();
    for (n, subject) in ["Skriveren", "vpn of the board", "a", "b", "c", "d"].into_iter().enumerate() {
        let known = register(&story.admin()?, post("acme", &format!("r-{n}"), subject)).await?;
        if n == 1 {
            secret = known;
        }
    }
    story.settle().await?;
    let mut ada = Agent::new(&story, ADA, &["acme"])?;
    let mut nils = Agent::new(&story, NILS, &["acme"])?;
    let mut seen = ada.triage.watch_tickets(WatchTicketsRequest::default()).await?.into_inner();
    bind(&story, &secret.reference).await?;
    let bound = ["ACME-1001", "ACME-1003", "ACME-1004", "ACME-1005", "ACME-1006"];
    let (to_ada, to_nils) = (shown(&mut ada, &bound).await?, shown(&mut nils, &bound).await?);
    for secret in [&secret.reference, &secret.ticket_id, "of the board", "a new key"] {
        assert!(to_nils.contains(secret), "{secret} is there for those whom it is for");
        let at = to_ada.find(secret).map(|at| to_ada.get(at.saturating_sub(200)..at + 40));
        assert_eq!(at, None, "{secret} is named");
    }
    for told in [
        "linked as caused by another ticket",
        "merged into another ticket",
        "of another ticket",
        "duplicate of another",
    ] {
        assert!(to_ada.contains(told), "{told}: {to_ada}");
    }
    let one = ada.triage.get_ticket(GetTicketRequest { ticket: "ACME-1001".to_owned() }).await?.into_inner();
    assert_eq!(one.ticket.unwrap_or_default().relations.len(), 1, "that there is one");
    let child = ada.triage.get_ticket(GetTicketRequest { ticket: "ACME-1004".to_owned() }).await?.into_inner();
    assert_eq!(child.ticket.unwrap_or_default().status_news.unwrap_or_default().text, NEWS);
    // Nor as it happens.
    loop {
        let change = seen.message().await?.unwrap_or_default();
        let told = format!("{change:?}");
        assert!(!told.contains(&secret.reference) && !told.contains(&secret.ticket_id), "{told}");
        if change.entry.unwrap_or_default().fact == "ticket_resolved" {
            break;
        }
    }
    story.end().await
}
