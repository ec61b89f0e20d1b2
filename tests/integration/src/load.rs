//! Callers that post tickets, whatever happens to the desk, and remember what they were told.

use std::time::Duration;

use chassis::authorisation::Role;
use contracts::knowledge_base::v1::{
    AddArticleRequest, ArticleText, Audience, PublishArticleRequest, SubmitArticleRequest,
};
use local::Desk;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use skranke::clients::Clients;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::{Code, Request, Status};

use crate::checker::Post;
use crate::post;
use crate::processes::Processes;

/// The words of every post's subject, before its request_id. An article on it makes the knowledge base answer.
pub const SUBJECT: &str = "Printer jammed";

/// Publishes an article on what the callers post about, so that the knowledge base answers each of them.
///
/// # Errors
/// What the knowledge base answers.
pub async fn publish_article(admin: &Clients, client: &str) -> anyhow::Result<()> {
    let mut knowledge_base = admin.knowledge_base()?;
    let text = ArticleText {
        article_key: "printer-jammed".to_owned(),
        language: "en".to_owned(),
        title: SUBJECT.to_owned(),
        body: "Open the lid and take the paper out.".to_owned(),
        keywords: vec!["printer".to_owned()],
        audience: Audience::Client.into(),
        review_by: None,
    };
    let request_id = |step: &str| format!("{client}-{step}");
    let add = AddArticleRequest { request_id: request_id("add"), client_id: client.to_owned(), text: Some(text) };
    let article_id = knowledge_base.add_article(add).await?.into_inner().article.unwrap_or_default().article_id;
    let submit = SubmitArticleRequest { request_id: request_id("submit"), article_id: article_id.clone() };
    knowledge_base.submit_article(submit).await?;
    let publish = PublishArticleRequest { request_id: request_id("publish"), article_id };
    knowledge_base.publish_article(publish).await?;
    Ok(())
}

/// Callers at work.
#[derive(Debug)]
pub struct Load {
    enough: watch::Sender<bool>,
    callers: JoinSet<Vec<Post>>,
}

/// What came of one try.
enum Try {
    Acked(String),
    /// UNAVAILABLE or too late: the same request again.
    Again,
    /// What no caller should have to handle.
    Surprise(String),
}

impl Load {
    /// Sends so many callers on their way, posting for `client` until [`Load::finish`].
    ///
    /// # Errors
    /// If a token cannot be signed.
    pub fn start(desk: &Desk, processes: &Processes, client: &str, callers: u64, seed: u64) -> anyhow::Result<Self> {
        let mut load = Self { enough: watch::Sender::new(false), callers: JoinSet::new() };
        for caller in 0..callers {
            let subject = format!("caller-{caller}");
            let clients = processes.as_one(desk, &subject, &[(Role::Service, client)])?;
            let rng = StdRng::seed_from_u64(seed.wrapping_add(caller));
            load.callers.spawn(call(clients, client.to_owned(), subject, rng, load.enough.subscribe()));
        }
        Ok(load)
    }

    /// Lets the callers go. What each was told last is in the history; a post under way stays unacknowledged.
    ///
    /// # Errors
    /// If a caller failed itself.
    pub async fn finish(mut self) -> anyhow::Result<Vec<Post>> {
        self.enough.send_replace(true);
        let mut history = Vec::new();
        while let Some(posts) = self.callers.join_next().await {
            history.extend(posts?);
        }
        Ok(history)
    }
}

async fn call(
    clients: Clients,
    client: String,
    caller: String,
    mut rng: StdRng,
    enough: watch::Receiver<bool>,
) -> Vec<Post> {
    let mut history = Vec::new();
    while !*enough.borrow() {
        let request_id = format!("{caller}-{}", history.len());
        let mut post = Post { request_id, acks: Vec::new(), surprises: Vec::new() };
        // Some callers do not ask again: then nobody knows whether there is a ticket, but there is at most one.
        let gives_up = rng.random_bool(0.1);
        while !*enough.borrow() {
            // Some have hardly any patience: what they posted may well be a ticket when they ask again.
            let patience = if rng.random_bool(0.2) { rng.random_range(1..50) } else { 3_000 };
            match attempt(&clients, &client, &post.request_id, Duration::from_millis(patience)).await {
                Try::Acked(reference) => {
                    post.acks.push(reference);
                    // Some have forgotten that they were answered.
                    if post.acks.len() > 1 || !rng.random_bool(0.1) {
                        break;
                    }
                }
                Try::Again if gives_up => break,
                Try::Again => sleep(Duration::from_millis(rng.random_range(20..200))).await,
                Try::Surprise(answer) => {
                    post.surprises.push(answer);
                    break;
                }
            }
        }
        history.push(post);
        sleep(Duration::from_millis(rng.random_range(10..60))).await;
    }
    history
}

async fn attempt(clients: &Clients, client: &str, request_id: &str, patience: Duration) -> Try {
    let mut intake = match clients.intake() {
        Ok(intake) => intake,
        Err(error) => return Try::Surprise(format!("{error:#}")),
    };
    let request = Request::new(post(client, request_id, &format!("{SUBJECT} {request_id}")));
    match timeout(patience, intake.register_ticket(request)).await {
        Err(_) => Try::Again,
        Ok(Ok(answer)) => Try::Acked(answer.into_inner().reference),
        Ok(Err(status)) if is_passing(&status) => Try::Again,
        Ok(Err(status)) => Try::Surprise(format!("{:?}: {}", status.code(), status.message())),
    }
}

/// Whether the caller may ask again: the desk said so, or the connection broke, which is nothing that the desk said.
pub fn is_passing(status: &Status) -> bool {
    let is_broken = std::error::Error::source(status).is_some();
    is_broken || matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded)
}
