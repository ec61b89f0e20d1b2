//! The way to intake: a call for each post, or all posts of a connection over one stream.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use contracts::intake::v1::intake_service_client::IntakeServiceClient;
use contracts::intake::v1::register_tickets_response::Outcome;
use contracts::intake::v1::{RegisterTicketRequest, RegisterTicketsRequest, RegisterTicketsResponse};
use futures::StreamExt;
use tokio::sync::{mpsc, oneshot};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use uuid::Uuid;

/// A connection on which posts are sent. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Door {
    /// By a call for each.
    Call { client: IntakeServiceClient<Channel>, bearer: MetadataValue<Ascii> },
    /// Over one stream.
    Stream(Line),
}

impl Door {
    /// Connects, with a token of one's own.
    pub(crate) async fn open(endpoint: &str, token: &str, on_a_stream: bool) -> anyhow::Result<Self> {
        let channel = Endpoint::from_shared(endpoint.to_owned())?.tcp_nodelay(true).connect().await?;
        let bearer: MetadataValue<Ascii> = format!("Bearer {token}").parse()?;
        let client = IntakeServiceClient::new(channel);
        Ok(match on_a_stream {
            true => Self::Stream(Line::open(client, bearer).await?),
            false => Self::Call { client, bearer },
        })
    }

    /// Posts; returns the ticket's id, or why there is none.
    pub(crate) async fn post(&mut self, post: RegisterTicketRequest) -> Result<Uuid, String> {
        let ticket_id = match self {
            Self::Call { client, bearer } => {
                let mut request = tonic::Request::new(post);
                request.metadata_mut().insert("authorization", bearer.clone());
                let answer = client.register_ticket(request).await;
                answer.map_err(|status| format!("{:?}: {}", status.code(), status.message()))?.into_inner().ticket_id
            }
            Self::Stream(line) => line.post(post).await?,
        };
        Uuid::try_parse(&ticket_id).map_err(|_| "the answer has no ticket_id".to_owned())
    }
}

/// One stream that several posters share.
#[derive(Clone)]
pub(crate) struct Line {
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
