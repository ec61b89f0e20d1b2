//! Tickets of confidential queues are for their positions' eyes, by whatever path of triage.

use chassis::authorisation::Role;
use contracts::desk::v1::ResolutionCode;
use contracts::triage::v1::bulk_command_request::Command;
use contracts::triage::v1::{
    BulkClaim, BulkCommandRequest, DeclareKnownErrorRequest, GetDraftRequest, GetTicketRequest, LinkTicketsRequest,
    ListHistoryRequest, ListTicketsRequest, RelationKind, TellPresenceRequest, WatchTicketsRequest,
};
use integration::agent::{Agent, refusal};
use integration::{Answer, Story, client_file, post, register};

const ADA: &str = "ada@operator.example";
const NILS: &str = "nils@operator.example";

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
