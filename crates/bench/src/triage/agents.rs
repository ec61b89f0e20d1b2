//! Agents at work: each takes its tickets in turn a step further.

use std::collections::VecDeque;

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::{ResolutionCode, WaitingReason};
use contracts::intake::v1::intake_service_client::IntakeServiceClient;
use contracts::triage::v1::triage_service_client::TriageServiceClient;
use contracts::triage::v1::{
    ClaimTicketRequest, HandOverTicketRequest, ReopenTicketRequest, ResolveTicketRequest, ResumeTicketRequest, Ticket,
    WaitTicketRequest,
};
use tokio::task::JoinSet;
use tonic::Status;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

use crate::ground::Ground;
use crate::load::Caller;
use crate::post;

/// Connections that agents share.
const CHANNELS: u64 = 16;
/// Posts under way while tickets are registered.
const POSTS_AT_ONCE: u64 = 32;

/// A ticket on an agent's desk.
#[derive(Debug)]
struct Piece {
    ticket_id: String,
    step: usize,
    /// Where it lies, as last heard.
    queue: String,
}

/// Somebody who works on their own tickets.
pub(super) struct Agent {
    client: TriageServiceClient<Channel>,
    bearer: MetadataValue<Ascii>,
    pieces: VecDeque<Piece>,
    requests: u64,
}

/// A ticket goes round: claimed, handed over, claimed, waits, goes on, is resolved, comes back, is handed over.
const STEPS: usize = 8;

impl Caller for Agent {
    type Answer = ();

    async fn call(&mut self) -> Result<(), String> {
        let Some(mut piece) = self.pieces.pop_front() else { return Err("there is nothing to do".to_owned()) };
        self.requests += 1;
        let answer = self.step(&piece).await;
        if let Ok(ticket) = &answer {
            piece.step = (piece.step + 1) % STEPS;
            piece.queue.clone_from(&ticket.queue);
        }
        self.pieces.push_back(piece);
        answer.map(drop).map_err(|status| format!("{:?}: {}", status.code(), status.message()))
    }
}

impl Agent {
    /// Takes its tickets so far that there are as many before each step: whenever one looks, all kinds of commands are given.
    async fn spread(mut self) -> Result<Self, String> {
        for number in 0..self.pieces.len() {
            for _ in 0..number % STEPS {
                self.call().await?;
                self.pieces.rotate_right(1);
            }
            self.pieces.rotate_left(1);
        }
        Ok(self)
    }

    fn request<R>(&self, request: R) -> tonic::Request<R> {
        let mut request = tonic::Request::new(request);
        request.metadata_mut().insert("authorization", self.bearer.clone());
        request
    }

    async fn step(&mut self, piece: &Piece) -> Result<Ticket, Status> {
        let (request_id, ticket, expected_revision) = (format!("r-{}", self.requests), piece.ticket_id.clone(), 0);
        let reason = "theirs".to_owned();
        let ticket = match piece.step {
            0 | 2 => {
                let request = self.request(ClaimTicketRequest { request_id, ticket, expected_revision });
                self.client.claim_ticket(request).await?.into_inner().ticket
            }
            1 | 7 => {
                let queue = if piece.queue == "network" { "servers" } else { "network" }.to_owned();
                let note = "I have looked at the cable and the card; both are fine.".to_owned();
                let request = HandOverTicketRequest { request_id, ticket, expected_revision, queue, reason, note };
                let request = self.request(request);
                self.client.hand_over_ticket(request).await?.into_inner().ticket
            }
            3 => {
                let (reason, note) = (WaitingReason::Vendor.into(), "case 4711".to_owned());
                let request = self.request(WaitTicketRequest { request_id, ticket, expected_revision, reason, note });
                self.client.wait_ticket(request).await?.into_inner().ticket
            }
            4 => {
                let request = self.request(ResumeTicketRequest { request_id, ticket, expected_revision });
                self.client.resume_ticket(request).await?.into_inner().ticket
            }
            5 => {
                let request = self.request(ResolveTicketRequest {
                    request_id,
                    ticket,
                    expected_revision,
                    code: ResolutionCode::Solved.into(),
                    no_article_reason: "one of a kind".to_owned(),
                    note: "A new switch.".to_owned(),
                    ..ResolveTicketRequest::default()
                });
                self.client.resolve_ticket(request).await?.into_inner().ticket
            }
            _ => {
                let reason = "it came back".to_owned();
                let request = self.request(ReopenTicketRequest { request_id, ticket, expected_revision, reason });
                self.client.reopen_ticket(request).await?.into_inner().ticket
            }
        };
        Ok(ticket.unwrap_or_default())
    }
}

/// Agents of all clients, each with their part of the tickets.
pub(super) async fn hired(ground: &Ground, agents: u64, ticket_ids: &[String]) -> anyhow::Result<Vec<Agent>> {
    let endpoint = ground.doors()?.endpoints.get("triage").context("triage does not run")?.clone();
    let mut channels = Vec::new();
    for _ in 0..CHANNELS.min(agents) {
        channels.push(Endpoint::from_shared(endpoint.clone())?.tcp_nodelay(true).connect().await?);
    }
    let clients: Vec<String> = (0..post::CLIENTS).map(post::client_id).collect();
    let grants: Vec<(Role, &str)> = clients.iter().map(|client| (Role::Agent, client.as_str())).collect();
    let part = ticket_ids.len().div_ceil(usize::try_from(agents)?);
    let mut hired = Vec::new();
    for (number, part) in ticket_ids.chunks(part.max(1)).enumerate() {
        let token = ground.token(&format!("colleague-{number}@operator.example"), &grants)?;
        let channel = channels.iter().cycle().nth(number).context("there is no connection")?.clone();
        let pieces = part
            .iter()
            .map(|ticket_id| Piece { ticket_id: ticket_id.clone(), step: 0, queue: String::new() })
            .collect();
        let (client, bearer) = (TriageServiceClient::new(channel), format!("Bearer {token}").parse()?);
        hired.push(Agent { client, bearer, pieces, requests: 0 });
    }
    Ok(hired)
}

/// Lets all of them take their tickets to different steps.
pub(super) async fn spread(agents: Vec<Agent>) -> anyhow::Result<Vec<Agent>> {
    let mut working: JoinSet<_> = agents.into_iter().map(Agent::spread).collect();
    let mut spread = Vec::new();
    while let Some(agent) = working.join_next().await {
        spread.push(agent.context("an agent panicked")?.map_err(anyhow::Error::msg)?);
    }
    Ok(spread)
}

/// Registers tickets through the one way in. Returns their ids.
pub(super) async fn register(ground: &Ground, tickets: u64) -> anyhow::Result<Vec<String>> {
    let endpoint = ground.doors()?.endpoints.get("intake").context("intake does not run")?.clone();
    let channel = Endpoint::from_shared(endpoint)?.tcp_nodelay(true).connect().await?;
    let grants = post::grants();
    let grants: Vec<_> = grants.iter().map(|(role, client)| (*role, client.as_str())).collect();
    let bearer: MetadataValue<Ascii> = format!("Bearer {}", ground.token("system", &grants)?).parse()?;
    let mut posting = JoinSet::new();
    for poster in 0..POSTS_AT_ONCE {
        let (mut client, bearer) = (IntakeServiceClient::new(channel.clone()), bearer.clone());
        posting.spawn(async move {
            let mut ticket_ids = Vec::new();
            for number in (poster..tickets).step_by(usize::try_from(POSTS_AT_ONCE).unwrap_or(1)) {
                let mut request = tonic::Request::new(post::post("worked-on", number));
                request.metadata_mut().insert("authorization", bearer.clone());
                ticket_ids.push(client.register_ticket(request).await?.into_inner().ticket_id);
            }
            Ok::<_, Status>(ticket_ids)
        });
    }
    let mut ticket_ids = Vec::new();
    while let Some(posted) = posting.join_next().await {
        ticket_ids.extend(posted.context("a poster panicked")??);
    }
    Ok(ticket_ids)
}
