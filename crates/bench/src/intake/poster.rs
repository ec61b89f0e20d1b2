//! Who posts: one call for each post, or all posts of a connection over one stream.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use contracts::intake::v1::intake_service_client::IntakeServiceClient;
use contracts::intake::v1::register_tickets_response::Outcome;
use contracts::intake::v1::{RegisterTicketRequest, RegisterTicketsRequest, RegisterTicketsResponse};
use futures::StreamExt;
use tokio::sync::{mpsc, oneshot};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use uuid::Uuid;

use super::Way;
use crate::ground::Ground;
use crate::load::Caller;
use crate::post;

/// One post after the other, each when the one before is answered.
pub(super) struct Poster {
    door: Door,
    name: String,
    next: u64,
    /// Numbers of this caller are so far apart.
    stride: u64,
}

enum Door {
    Call { client: IntakeServiceClient<Channel>, bearer: MetadataValue<Ascii> },
    Stream(Line),
}

impl Caller for Poster {
    type Answer = Uuid;

    async fn call(&mut self) -> Result<Uuid, String> {
        let post = post::post(&self.name, self.next);
        self.next += self.stride;
        let ticket_id = match &mut self.door {
            Door::Call { client, bearer } => {
                let mut request = tonic::Request::new(post);
                request.metadata_mut().insert("authorization", bearer.clone());
                let answer = client.register_ticket(request).await;
                answer.map_err(|status| format!("{:?}: {}", status.code(), status.message()))?.into_inner().ticket_id
            }
            Door::Stream(line) => line.post(post).await?,
        };
        Uuid::try_parse(&ticket_id).map_err(|_| "the answer has no ticket_id".to_owned())
    }
}

/// One stream that several posters share.
#[derive(Clone)]
struct Line {
    posts: mpsc::UnboundedSender<RegisterTicketsRequest>,
    /// By request_id.
    waiting: Arc<Mutex<HashMap<String, oneshot::Sender<Outcome>>>>,
}

impl Line {
    /// Opens a stream and hands out its answers until it ends.
    async fn open(mut client: IntakeServiceClient<Channel>, bearer: MetadataValue<Ascii>) -> anyhow::Result<Self> {
        let (posts, receiver) = mpsc::unbounded_channel();
        let sent = futures::stream::unfold(receiver, async |mut receiver: mpsc::UnboundedReceiver<_>| {
            receiver.recv().await.map(|post| (post, receiver))
        });
        let mut request = tonic::Request::new(sent);
        request.metadata_mut().insert("authorization", bearer);
        let mut answers = client.register_tickets(request).await?.into_inner();
        let waiting = Arc::new(Mutex::new(HashMap::new()));
        let line = Self { posts, waiting: Arc::clone(&waiting) };
        tokio::spawn(async move {
            while let Some(Ok(RegisterTicketsResponse { request_id, outcome: Some(outcome) })) = answers.next().await {
                let reply: Option<oneshot::Sender<Outcome>> = locked(&waiting).remove(&request_id);
                // Whoever gave up hears nothing.
                reply.map(|reply| reply.send(outcome));
            }
            locked(&waiting).clear();
        });
        Ok(line)
    }

    async fn post(&self, ticket: RegisterTicketRequest) -> Result<String, String> {
        let (reply, outcome) = oneshot::channel();
        locked(&self.waiting).insert(ticket.request_id.clone(), reply);
        self.posts.send(RegisterTicketsRequest { ticket: Some(ticket) }).map_err(|_| "the stream ended".to_owned())?;
        match outcome.await.map_err(|_| "the stream ended".to_owned())? {
            Outcome::Registered(registered) => Ok(registered.ticket_id),
            Outcome::Refused(refused) => Err(format!("{}: {}", refused.reason, refused.message)),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection and a token of its own for each; several posters share them where more than one post is under way.
pub(super) async fn posters(ground: &Ground, round: u32, way: Way) -> anyhow::Result<Vec<Poster>> {
    let endpoint = ground.doors()?.endpoints.get("intake").context("intake does not run")?.clone();
    let grants = post::grants();
    let grants: Vec<_> = grants.iter().map(|(role, client)| (*role, client.as_str())).collect();
    let mut posters = Vec::new();
    for connection in 0..way.connections {
        let channel = Endpoint::from_shared(endpoint.clone())?.tcp_nodelay(true).connect().await?;
        let kind = if way.on_streams { "s" } else { "c" };
        let name = format!("r{round}-{kind}{}-{connection}", way.connections);
        let bearer: MetadataValue<Ascii> = format!("Bearer {}", ground.token(&name, &grants)?).parse()?;
        let client = IntakeServiceClient::new(channel);
        let line = if way.on_streams { Some(Line::open(client.clone(), bearer.clone()).await?) } else { None };
        posters.extend((0..way.in_flight).map(|next| {
            let door = match &line {
                Some(line) => Door::Stream(line.clone()),
                None => Door::Call { client: client.clone(), bearer: bearer.clone() },
            };
            Poster { door, name: name.clone(), next, stride: way.in_flight }
        }));
    }
    Ok(posters)
}
