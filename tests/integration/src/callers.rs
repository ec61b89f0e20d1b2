//! Callers of all services through their balancers, who count what they are answered.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use contracts::intake::v1::intake_service_client::IntakeServiceClient;
use contracts::intake::v1::register_tickets_response::Outcome;
use contracts::intake::v1::{GetReceiptRequest, RegisterTicketsRequest};
use contracts::knowledge_base::v1::SearchArticlesRequest;
use contracts::knowledge_base::v1::knowledge_base_service_client::KnowledgeBaseServiceClient;
use contracts::reporting::v1::reporting_service_client::ReportingServiceClient;
use contracts::reporting::v1::{GetBacklogRequest, RebuildReportRequest};
use contracts::sla_timer::v1::ListClocksRequest;
use contracts::sla_timer::v1::sla_timer_service_client::SlaTimerServiceClient;
use contracts::triage::v1::triage_service_client::TriageServiceClient;
use contracts::triage::v1::{GetTicketRequest, ListTicketsRequest, WatchTicketsRequest};
use futures::StreamExt;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::{Code, Status, Streaming};

use crate::balancer::Balanced;
use crate::checker::Post;
use crate::load::{SUBJECT, is_passing};
use crate::post;
use crate::replicas::Fleet;

/// Between two calls of one caller.
const PAUSE: Duration = Duration::from_millis(15);
/// Posts on one stream.
const ON_A_STREAM: usize = 10;

/// What callers do with an answer that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Each call once. Only a call that never left the caller does not count as failed.
    Once,
    /// The same again, as long as it may pass.
    Again,
}

/// What the callers of one service were told.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Calls that were answered, streams not among them.
    pub answered: u64,
    /// Streams that ended in order, by the caller's wish or by the service's.
    pub streams: u64,
    /// Calls that may be sent again: see [`Manner`].
    pub passing: u64,
    /// What nobody should have been told.
    pub failed: Vec<String>,
}

/// The tallies by service. Cheap to clone; every clone is the same one.
#[derive(Debug, Clone, Default)]
pub struct Tallies(Arc<Mutex<BTreeMap<&'static str, Tally>>>);

impl Tallies {
    /// What the callers of a service were told until now.
    pub fn of(&self, service: &str) -> Tally {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(service).cloned().unwrap_or_default()
    }

    fn note(&self, service: &'static str, work: impl FnOnce(&mut Tally)) {
        work(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(service).or_default());
    }
}

/// Callers at work.
#[derive(Debug)]
pub struct Callers {
    /// What they were told until now.
    pub tallies: Tallies,
    enough: watch::Sender<bool>,
    at_work: JoinSet<Vec<Post>>,
}

/// One of them.
#[derive(Debug, Clone)]
struct Caller {
    name: String,
    client: String,
    /// A ticket that every service knows.
    known: String,
    manner: Manner,
    tallies: Tallies,
    enough: watch::Receiver<bool>,
    doors: BTreeMap<&'static str, Balanced>,
}

impl Callers {
    /// Sends callers of every service on their way, all with this token. They post for `client` and ask for the ticket
    /// `known`, which every service must have.
    ///
    /// # Errors
    /// If the token cannot be sent.
    pub fn start(fleet: &Fleet, token: &str, client: &str, known: &str, manner: Manner) -> anyhow::Result<Self> {
        let mut callers =
            Self { tallies: Tallies::default(), enough: watch::Sender::new(false), at_work: JoinSet::new() };
        let doors = fleet.by_name.iter().map(|(name, it)| Ok((*name, it.balancer.caller(token)?)));
        let doors: BTreeMap<_, _> = doors.collect::<anyhow::Result<_>>()?;
        let caller = |name: String| Caller {
            name,
            client: client.to_owned(),
            known: known.to_owned(),
            manner,
            tallies: callers.tallies.clone(),
            enough: callers.enough.subscribe(),
            doors: doors.clone(),
        };
        for number in 0..3 {
            callers.at_work.spawn(caller(format!("poster-{number}")).posts());
        }
        callers.at_work.spawn(caller("streamer".to_owned()).streams());
        callers.at_work.spawn(caller("watcher".to_owned()).watches());
        callers.at_work.spawn(caller("rebuilder".to_owned()).rebuilds());
        for name in doors.keys() {
            for number in 0..2 {
                callers.at_work.spawn(caller(format!("reader-{number}")).reads(name));
            }
        }
        Ok(callers)
    }

    /// Lets the callers go, each after its last answer, and returns everything that was posted.
    ///
    /// # Errors
    /// If a caller failed itself.
    pub async fn finish(mut self) -> anyhow::Result<Vec<Post>> {
        self.enough.send_replace(true);
        let mut history = Vec::new();
        while let Some(posts) = self.at_work.join_next().await {
            history.extend(posts?);
        }
        Ok(history)
    }
}

macro_rules! door {
    ($name:ident, $client:ident, $service:literal) => {
        fn $name(&self) -> Result<$client<Balanced>, Status> {
            let door = self.doors.get($service).ok_or_else(|| Status::internal("there is no such service"))?;
            Ok($client::new(door.clone()))
        }
    };
}

impl Caller {
    door!(intake, IntakeServiceClient, "intake");
    door!(triage, TriageServiceClient, "triage");
    door!(sla_timer, SlaTimerServiceClient, "sla-timer");
    door!(knowledge_base, KnowledgeBaseServiceClient, "knowledge-base");
    door!(reporting, ReportingServiceClient, "reporting");

    fn is_enough(&self) -> bool {
        *self.enough.borrow()
    }

    /// Counts a call. Returns whether the same may be asked again.
    fn note<T>(&self, service: &'static str, what: &str, answer: &Result<T, Status>) -> bool {
        let Err(status) = answer else {
            self.tallies.note(service, |tally| tally.answered += 1);
            return false;
        };
        let may_pass = match self.manner {
            Manner::Once => never_left(status),
            Manner::Again => is_passing(status),
        };
        self.tallies.note(service, |tally| match may_pass {
            true => tally.passing += 1,
            false => tally.failed.push(format!("{what}: {status:?}")),
        });
        may_pass && self.manner == Manner::Again
    }

    /// Counts a stream by how it ended.
    fn note_end(&self, service: &'static str, what: &str, ended: &Result<(), Status>) {
        match ended {
            Ok(()) => self.tallies.note(service, |tally| tally.streams += 1),
            Err(_) => drop(self.note(service, what, ended)),
        }
    }

    async fn posts(self) -> Vec<Post> {
        let mut history = Vec::new();
        while !self.is_enough() {
            let mut one = new_post(&self.name, history.len());
            let request = post(&self.client, &one.request_id, &format!("{SUBJECT} {}", one.request_id));
            loop {
                let answer = match self.intake() {
                    Ok(mut intake) => intake.register_ticket(request.clone()).await,
                    Err(status) => Err(status),
                };
                let again = self.note("intake", "RegisterTicket", &answer);
                one.acks.extend(answer.ok().map(|answer| answer.into_inner().reference));
                if !again || self.is_enough() {
                    break;
                }
                sleep(PAUSE).await;
            }
            history.push(one);
            sleep(PAUSE).await;
        }
        history
    }

    /// Posts on streams that take a while. What a stream leaves unanswered when it ends is in doubt.
    async fn streams(self) -> Vec<Post> {
        let mut history = Vec::new();
        while !self.is_enough() {
            let mut posts: BTreeMap<String, Post> = (0..ON_A_STREAM)
                .map(|number| new_post(&self.name, history.len() + number))
                .map(|one| (one.request_id.clone(), one))
                .collect();
            let ended = self.one_stream(&mut posts).await;
            self.note_end("intake", "RegisterTickets", &ended);
            history.extend(posts.into_values());
            sleep(PAUSE).await;
        }
        history
    }

    async fn one_stream(&self, posts: &mut BTreeMap<String, Post>) -> Result<(), Status> {
        let requests: Vec<_> =
            posts.keys().map(|id| post(&self.client, id, &format!("{SUBJECT} {id}"))).map(Some).collect();
        let requests = futures::stream::iter(requests).then(|ticket| async {
            sleep(PAUSE).await;
            RegisterTicketsRequest { ticket }
        });
        let mut answers = self.intake()?.register_tickets(requests).await?.into_inner();
        while let Some(answer) = answers.message().await? {
            match answer.outcome {
                Some(Outcome::Registered(registered)) => {
                    let one = posts.get_mut(&answer.request_id).ok_or_else(|| Status::internal("nobody asked"))?;
                    one.acks.push(registered.reference);
                }
                Some(Outcome::Refused(it)) if self.manner == Manner::Again && it.code == Code::Unavailable as i32 => {}
                other => return Err(Status::internal(format!("the outcome of a post is {other:?}"))),
            }
        }
        Ok(())
    }

    /// Watches until the service ends the stream, and then again.
    async fn watches(mut self) -> Vec<Post> {
        while !self.is_enough() {
            let ended = self.watch_once().await;
            self.note_end("triage", "WatchTickets", &ended);
            sleep(PAUSE).await;
        }
        Vec::new()
    }

    async fn watch_once(&mut self) -> Result<(), Status> {
        let mut changes = self.triage()?.watch_tickets(WatchTicketsRequest::default()).await?.into_inner();
        let mut enough = self.enough.clone();
        tokio::select! {
            ended = drain(&mut changes) => ended,
            _ = enough.wait_for(|enough| *enough) => Ok(()),
        }
    }

    async fn rebuilds(self) -> Vec<Post> {
        while !self.is_enough() {
            let ended = async {
                let request = RebuildReportRequest { client_ids: vec![self.client.clone()] };
                drain(&mut self.reporting()?.rebuild_report(request).await?.into_inner()).await
            };
            // A rebuilding that is cut short says so: to end as if it were done would be a lie.
            let ended = ended.await.or_else(|status| match is_said(&status) {
                true => Ok(()),
                false => Err(status),
            });
            self.note_end("reporting", "RebuildReport", &ended);
            sleep(PAUSE).await;
        }
        Vec::new()
    }

    async fn reads(self, service: &'static str) -> Vec<Post> {
        while !self.is_enough() {
            let answer = self.read(service).await;
            self.note(service, "a read", &answer);
            sleep(PAUSE).await;
        }
        Vec::new()
    }

    async fn read(&self, service: &str) -> Result<(), Status> {
        let (client_id, ticket) = (self.client.clone(), self.known.clone());
        match service {
            "intake" => {
                let request = GetReceiptRequest { client_id, ticket, ..GetReceiptRequest::default() };
                self.intake()?.get_receipt(request).await.map(drop)
            }
            "triage" => {
                self.triage()?.list_tickets(ListTicketsRequest::default()).await?;
                self.triage()?.get_ticket(GetTicketRequest { ticket }).await.map(drop)
            }
            "sla-timer" => self.sla_timer()?.list_clocks(ListClocksRequest { ticket }).await.map(drop),
            "knowledge-base" => {
                let query = SUBJECT.to_owned();
                let request = SearchArticlesRequest { client_id, query, ..SearchArticlesRequest::default() };
                self.knowledge_base()?.search_articles(request).await.map(drop)
            }
            "reporting" => {
                let request = GetBacklogRequest { client_ids: vec![client_id], ..Default::default() };
                self.reporting()?.get_backlog(request).await.map(drop)
            }
            other => Err(Status::internal(format!("{other} is never read"))),
        }
    }
}

fn new_post(caller: &str, number: usize) -> Post {
    Post { request_id: format!("{caller}-{number}"), acks: Vec::new(), surprises: Vec::new() }
}

async fn drain<T>(stream: &mut Streaming<T>) -> Result<(), Status> {
    while stream.message().await?.is_some() {}
    Ok(())
}

/// Whether the desk itself said that it cannot go on and that one may ask again.
fn is_said(status: &Status) -> bool {
    status.code() == Code::Unavailable && status.source().is_none()
}

/// Whether no service has begun with a call: nobody took the connection, it was closed before the call was written to
/// it, or the call met the GOAWAY of a service that takes no more of them. Most libraries send such a call again by
/// themselves; tonic leaves that to the caller.
pub fn never_left(status: &Status) -> bool {
    let is_refused = |error: &(dyn Error + 'static)| {
        error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    };
    let closed = ["operation was canceled", "connection error received: not a result of an error"];
    let mut causes = std::iter::successors(status.source(), |error| (*error).source());
    causes.any(|error| is_refused(error) || closed.contains(&error.to_string().as_str()))
}

/// The middle one.
///
/// # Errors
/// If there are none.
pub fn median<T: Ord + Copy>(mut values: Vec<T>) -> anyhow::Result<T> {
    values.sort_unstable();
    values.get(values.len() / 2).copied().context("there is none to choose from")
}
