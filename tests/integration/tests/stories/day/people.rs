//! Who works there: twelve agents for three clients, and what the client's file says of them.

use std::collections::BTreeMap;

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::{Channel, Level};
use contracts::intake::v1::{Matter, RegisterTicketRequest};
use contracts::triage::v1::{HistoryEntry, ListHistoryRequest, Ticket};
use integration::agent::Agent;
use integration::bound::Binder;
use integration::fulfilment::Worker;
use integration::laws::Laws;
use integration::processes::wait_until;
use integration::{Story, register};
use jiff::SignedDuration;
use skranke::clients::Clients;

use super::PATIENCE;

/// The three clients and their prefixes.
pub(super) const CLIENTS: [(&str, &str); 3] = [("acme", "ACME"), ("globex", "GLOBEX"), ("initech", "INITECH")];
/// Name, position, first and last hour.
const AGENTS: [(&str, &str, &str); 12] = [
    ("ada", "first-line", "08:00-16:00"),
    ("bo", "first-line", "08:00-16:00"),
    ("cas", "first-line", "08:00-16:00"),
    ("dag", "first-line", "12:00-20:00"),
    ("eli", "first-line", "12:00-20:00"),
    ("nils", "network", "08:00-16:00"),
    ("nora", "network", "08:00-16:00"),
    ("finn", "field", "08:00-16:00"),
    ("fay", "field", "12:00-20:00"),
    ("eve", "experts", "08:00-16:00"),
    ("sven", "experts", "08:00-16:00"),
    ("siri", "experts", "12:00-20:00"),
];

/// A client's file, with who is away and whether there are people in the field.
pub(super) fn file(client: &str, away: &[&str], has_field: bool) -> String {
    let prefix = CLIENTS.iter().find(|one| one.0 == client).map_or("NOBODY", |one| one.1);
    let agent = |(name, position, hours): &(&str, &str, &str)| {
        let days = ["mon", "tue", "wed", "thu", "fri"].map(|day| format!("{day}: [\"{hours}\"]")).join(", ");
        let absent = if away.contains(name) {
            "      absences: [{ from: 2026-11-16T12:00, until: 2026-11-17T23:00, reason: ill }]\n"
        } else {
            ""
        };
        format!(
            "    - agent: {}\n      name: {name}\n{absent}      shifts:\n        - {{ position: {position}, weekly: {{ \
             {days} }} }}\n",
            mail(name)
        )
    };
    let agents: String = AGENTS.iter().map(agent).collect();
    let field = "    - { queue: field, name: Field, tier: 2, team: Field }";
    include_str!("client.yaml")
        .replace("CLIENT", client)
        .replace("PREFIX", prefix)
        .replace("FIELD\n", &if has_field { format!("{field}\n") } else { String::new() })
        .replace("AGENTS\n", &agents)
}

/// An agent's address, which is the subject of their token.
pub(super) fn mail(name: &str) -> String {
    format!("{name}@operator.example")
}

/// The desk while the day goes by.
#[derive(Debug)]
pub(super) struct Day<'s> {
    pub(super) story: &'s Story,
    pub(super) laws: Laws<'s>,
    pub(super) admin: Clients,
    /// Bo, who also binds tickets and fulfils; Cem, who approves for acme.
    pub(super) binder: Binder,
    pub(super) bo: Worker,
    pub(super) cem: Worker,
    agents: BTreeMap<&'static str, Agent>,
    /// Where posts of each client come in.
    gates: BTreeMap<&'static str, Clients>,
    /// Subject → reference.
    references: BTreeMap<String, String>,
}

impl<'s> Day<'s> {
    /// The desk as it is before anybody comes.
    pub(super) async fn begin(story: &'s Story) -> anyhow::Result<Self> {
        let clients = CLIENTS.map(|one| one.0);
        for client in clients {
            story.apply(&file(client, &[], true)).await?;
        }
        let mut agents = BTreeMap::new();
        for (name, ..) in AGENTS {
            agents.insert(name, Agent::new(story, &mail(name), &clients)?);
        }
        let gate = |client: &'static str| anyhow::Ok((client, story.as_one("gate", &[(Role::Service, client)])?));
        Ok(Self {
            story,
            laws: Laws::of(story, &clients).await?,
            admin: story.admin()?,
            binder: Binder::new(story, &mail("bo"), &clients)?,
            bo: Worker::new(story, &mail("bo"), Role::Agent)?,
            cem: Worker::new(story, "cem@acme.example", Role::ClientManager)?,
            agents,
            gates: clients.into_iter().map(gate).collect::<anyhow::Result<_>>()?,
            references: BTreeMap::new(),
        })
    }

    /// Somebody at the desk.
    pub(super) fn agent(&mut self, name: &str) -> anyhow::Result<&mut Agent> {
        self.agents.get_mut(name).with_context(|| format!("{name} does not work here"))
    }

    /// The reference of what was posted with this subject.
    pub(super) fn of(&self, subject: &str) -> anyhow::Result<String> {
        self.references.get(subject).cloned().with_context(|| format!("nobody posted `{subject}`"))
    }

    /// Posts a matter, twice, as a gate does that was not sure.
    pub(super) async fn post(
        &mut self,
        client: &'static str,
        subject: &str,
        fill: impl FnOnce(&mut Matter),
    ) -> anyhow::Result<String> {
        let mut matter = Matter {
            subject: subject.to_owned(),
            channel: Channel::Email.into(),
            requester_email: format!("kari@{client}.example"),
            impact: Level::High.into(),
            urgency: Level::Medium.into(),
            ..Matter::default()
        };
        fill(&mut matter);
        let request = RegisterTicketRequest {
            request_id: subject.to_owned(),
            client_id: client.to_owned(),
            matter: Some(matter),
            solved: None,
            attachment_ids: Vec::new(),
        };
        let gate = self.gates.get(client).context("a gate")?.clone();
        for _ in 0..2 {
            let reference = register(&gate, request.clone()).await?.reference;
            self.acknowledged(client, subject, &reference);
        }
        self.of(subject)
    }

    /// Notes that somebody was told a reference.
    pub(super) fn acknowledged(&mut self, client: &str, subject: &str, reference: &str) {
        self.laws.acknowledged(client, subject, reference);
        self.references.insert(subject.to_owned(), reference.to_owned());
    }

    /// A gate of this client.
    pub(super) fn gate(&self, client: &str) -> anyhow::Result<Clients> {
        self.gates.get(client).cloned().with_context(|| format!("{client} is served elsewhere"))
    }

    /// Lets minutes pass, and holds the laws.
    pub(super) async fn minutes(&mut self, minutes: i64, step: &str) -> anyhow::Result<()> {
        self.laws.pass(SignedDuration::from_mins(minutes)).await?;
        self.laws.hold(step).await
    }

    /// The ticket with this subject, as soon as it is so.
    pub(super) async fn becomes(
        &self,
        subject: &str,
        what: &str,
        is_so: impl Fn(&Ticket) -> bool,
    ) -> anyhow::Result<Ticket> {
        let reference = self.of(subject)?;
        let look = async || Ok(self.story.ticket(&reference).await.is_ok_and(|ticket| is_so(&ticket)));
        wait_until(&format!("{subject} {what}"), PATIENCE, look)
            .await
            .with_context(|| format!("{subject} is {reference}"))?;
        self.story.ticket(&reference).await
    }

    /// What happened to the ticket with this subject.
    pub(super) async fn history(&self, subject: &str) -> anyhow::Result<Vec<HistoryEntry>> {
        let request = ListHistoryRequest { ticket: self.of(subject)?, page_size: 1_000, ..Default::default() };
        Ok(self.admin.triage()?.list_history(request).await?.into_inner().entries)
    }
}
