//! A desk for one story: its own Postgres and nats-server on free ports, all services in this process, a clock that
//! the story moves.

pub mod agent;
pub mod balancer;
pub mod bound;
pub mod bucket;
pub mod callers;
pub mod checker;
pub mod dynamic;
pub mod figures;
pub mod files;
pub mod fulfilment;
pub mod laws;
mod ledger;
pub mod load;
pub mod moved;
pub mod observe;
mod process;
pub mod processes;
pub mod replicas;
pub mod site;

use std::path::PathBuf;
use std::time::Duration;

use chassis::Clock;
use chassis::authorisation::Role;
use chassis::token::Grant;
use contracts::desk::v1::{Channel, Level};
use contracts::intake::v1::{Matter, RegisterTicketRequest, RegisterTicketResponse};
use contracts::triage::v1::{GetTicketRequest, Ticket};
use jiff::{SignedDuration, Timestamp};
use local::servers::{Binaries, Wishes, find_or_fetch, scratch_folder};
use local::{Desk, DeskOptions, Service};
use skranke::client_file::ClientFile;
use skranke::clients::Clients;
use tempfile::TempDir;
use tonic::Status;

pub use process::{Launch, ServiceProcess, Surroundings, skranke_binary};

/// Monday 2026-11-16, nine o'clock in Oslo.
pub const MORNING: &str = "2026-11-16T08:00:00Z";
/// How long a desk may take to settle, on a busy machine.
const SETTLE_FOR: Duration = Duration::from_secs(60);

/// What went wrong with a call that should have worked, or the other way round.
pub type Answer<T> = Result<T, Status>;

/// A desk and the folder it lives in.
#[derive(Debug)]
pub struct Story {
    /// The desk.
    pub desk: Desk,
    /// Its time.
    pub clock: Clock,
    folder: TempDir,
}

/// The servers of this machine; fetched once if it has none.
///
/// # Errors
/// If there are none and they cannot be fetched.
#[expect(clippy::disallowed_methods, reason = "tests take the developer's wishes from the environment")]
pub async fn servers() -> anyhow::Result<Binaries> {
    find_or_fetch(&Wishes::read(|name| std::env::var_os(name)), &|_| {}).await
}

impl Story {
    /// A desk with the two clients `acme` and `globex`, at nine on a Monday morning.
    ///
    /// # Errors
    /// If the desk does not start.
    pub async fn begin() -> anyhow::Result<Self> {
        let story = Self::empty(Clock::manual(MORNING.parse()?), local::SERVICES.to_vec()).await?;
        for (client, prefix) in [("acme", "ACME"), ("globex", "GLOBEX")] {
            story.apply(&client_file(client, prefix)).await?;
        }
        Ok(story)
    }

    /// The same by the system's clock.
    ///
    /// # Errors
    /// If the desk does not start.
    pub async fn begin_now() -> anyhow::Result<Self> {
        let story = Self::empty(Clock::System, local::SERVICES.to_vec()).await?;
        for (client, prefix) in [("acme", "ACME"), ("globex", "GLOBEX")] {
            story.apply(&client_file(client, prefix)).await?;
        }
        Ok(story)
    }

    /// A desk without clients and with only these services in this process.
    ///
    /// # Errors
    /// If the desk does not start.
    pub async fn empty(clock: Clock, services: Vec<Service>) -> anyhow::Result<Self> {
        let folder = scratch_folder()?;
        let mut options = DeskOptions::new(folder.path().join("desk"));
        options.durable = false;
        options.clock = clock.clone();
        options.services = services;
        let desk = Desk::start(&servers().await?, options, &|_| {}).await?;
        Ok(Self { desk, clock, folder })
    }

    /// Sets a client up as a file says.
    ///
    /// # Errors
    /// What a service refuses.
    pub async fn apply(&self, file: &str) -> anyhow::Result<()> {
        let file = ClientFile::read("test.yaml", file)
            .map_err(|complaints| anyhow::anyhow!("the test's client file is wrong: {complaints:?}"))?;
        skranke::apply_file(&self.admin()?, &file).await.map(drop)
    }

    /// A token.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn token(&self, subject: &str, grants: &[(Role, &str)]) -> anyhow::Result<String> {
        let grants = grants.iter().map(|(role, client)| Grant { client: (*client).to_owned(), role: *role }).collect();
        self.desk.issuer.issue(subject, grants, self.clock.now(), SignedDuration::from_hours(24 * 365))
    }

    /// The services, as somebody with these rights.
    ///
    /// # Errors
    /// If the token cannot be signed.
    pub fn as_one(&self, subject: &str, grants: &[(Role, &str)]) -> anyhow::Result<Clients> {
        Clients::new(self.desk.address().endpoints, &self.token(subject, grants)?)
    }

    /// The services, as the operator's admin.
    ///
    /// # Errors
    /// If the token cannot be signed.
    pub fn admin(&self) -> anyhow::Result<Clients> {
        self.as_one("admin@operator.example", &[(Role::Admin, "*")])
    }

    /// Waits until everything announced is handled.
    ///
    /// # Errors
    /// What is still undone.
    pub async fn settle(&self) -> anyhow::Result<()> {
        self.desk.settle(SETTLE_FOR).await
    }

    /// Moves the clock and lets everybody notice.
    ///
    /// # Errors
    /// What is still undone.
    pub async fn advance(&self, by: SignedDuration) -> anyhow::Result<()> {
        self.clock.advance(by);
        if self.desk.services.contains_key("sla-timer") {
            self.rung().await?;
        }
        self.settle().await
    }

    /// Ends the story in order: everything settled, no dead letters, every service stopped by itself.
    ///
    /// # Errors
    /// What was left.
    pub async fn end(self) -> anyhow::Result<()> {
        self.settle().await?;
        let in_order = self.desk.stop().await?;
        anyhow::ensure!(in_order, "a service did not stop by itself");
        self.folder.close()?;
        Ok(())
    }

    /// Where the desk keeps its files.
    pub fn folder(&self) -> PathBuf {
        self.desk.folder().to_owned()
    }

    /// The ticket of triage.
    ///
    /// # Errors
    /// What triage answers.
    pub async fn ticket(&self, ticket: &str) -> anyhow::Result<Ticket> {
        let mut triage = self.admin()?.triage()?;
        let answer = triage.get_ticket(GetTicketRequest { ticket: ticket.to_owned() }).await?.into_inner();
        answer.ticket.ok_or_else(|| anyhow::anyhow!("the answer has no ticket"))
    }
}

/// A post to register.
pub fn post(client: &str, request_id: &str, subject: &str) -> RegisterTicketRequest {
    RegisterTicketRequest {
        request_id: request_id.to_owned(),
        client_id: client.to_owned(),
        matter: Some(Matter {
            subject: subject.to_owned(),
            channel: Channel::Api.into(),
            impact: Level::High.into(),
            urgency: Level::Medium.into(),
            ..Matter::default()
        }),
        solved: None,
        attachment_ids: Vec::new(),
    }
}

/// Registers a ticket.
///
/// # Errors
/// What intake answers.
pub async fn register(clients: &Clients, request: RegisterTicketRequest) -> anyhow::Result<RegisterTicketResponse> {
    Ok(clients.intake()?.register_ticket(request).await?.into_inner())
}

/// An instant.
///
/// # Panics
/// If the text is not one.
#[expect(clippy::expect_used, reason = "a test's own literals")]
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// A small client: office hours in Oslo, P2 answered in 1 h and resolved in 8 h, waiting for the requester pauses.
pub fn client_file(client: &str, prefix: &str) -> String {
    include_str!("client.yaml").replace("CLIENT", client).replace("PREFIX", prefix)
}
