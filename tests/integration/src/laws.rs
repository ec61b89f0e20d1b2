//! The laws of the desk, held against its real stores and its bus after every step of a story.
//!
//! Cheap enough for that: connections stay open, the bus is read on from where it was read last, and clocks are
//! recomputed only of tickets that are alive or have changed.

mod bus;
mod clocks;
mod kept;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::reporting::v1::GetBacklogRequest;
use contracts::sla_timer::v1::ListClocksRequest;
use contracts::triage::v1::{GetSupportModelRequest, GetTicketRequest, ListTicketsRequest};
use jiff::SignedDuration;
use skranke::clients::Clients;
use sqlx::{Connection, PgConnection};
use tonic::Code;
use uuid::Uuid;

use crate::Story;
use crate::checker::{Post, check};
use crate::processes::wait_until;

/// How long what is due by itself may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look again because something happened while one looked.
const LOOKS: usize = 20;

/// Everything that must hold, whatever is done to a desk.
#[derive(Debug)]
pub struct Laws<'s> {
    story: &'s Story,
    stores: BTreeMap<&'static str, PgConnection>,
    admin: Clients,
    /// Each client as its own lead sees it.
    own: BTreeMap<String, Clients>,
    posts: Vec<Post>,
    keys: BTreeSet<(String, String)>,
    heard: bus::Heard,
    recomputed: clocks::Recomputed,
}

impl<'s> Laws<'s> {
    /// The laws of a desk with these clients.
    ///
    /// # Errors
    /// If a store or a service cannot be reached.
    pub async fn of(story: &'s Story, clients: &[&str]) -> anyhow::Result<Self> {
        let mut stores = BTreeMap::new();
        for service in &local::SERVICES {
            stores.insert(service.name(), story.store(service.name()).await?);
        }
        let own = |client: &&str| {
            let lead = story.as_one(&format!("lead@{client}.example"), &[(Role::Lead, client)])?;
            anyhow::Ok(((*client).to_owned(), lead))
        };
        Ok(Self {
            story,
            stores,
            admin: story.admin()?,
            own: clients.iter().map(own).collect::<anyhow::Result<_>>()?,
            posts: Vec::new(),
            keys: BTreeSet::new(),
            heard: bus::Heard::default(),
            recomputed: clocks::Recomputed::default(),
        })
    }

    /// From now on there is this ticket, for a caller was told its reference. Subjects are a client's own words: each
    /// once.
    pub fn acknowledged(&mut self, client: &str, subject: &str, reference: &str) {
        let request_id = kept::request_id(client, subject);
        let acks = vec![reference.to_owned()];
        match self.posts.iter_mut().find(|post| post.request_id == request_id) {
            Some(post) => post.acks.extend(acks),
            None => self.posts.push(Post { request_id, acks, surprises: Vec::new() }),
        }
    }

    /// From now on the desk may have registered this by itself.
    pub fn expected(&mut self, client: &str, subject: &str) {
        let request_id = kept::request_id(client, subject);
        self.posts.push(Post { request_id, acks: Vec::new(), surprises: Vec::new() });
    }

    /// From now on an alert of this key is known.
    pub fn alerted(&mut self, client: &str, dedup_key: &str) {
        self.keys.insert((client.to_owned(), dedup_key.to_owned()));
    }

    /// Lets time pass, and everything that is due by itself happen.
    ///
    /// # Errors
    /// What is due and does not happen.
    pub async fn pass(&mut self, by: SignedDuration) -> anyhow::Result<()> {
        self.story.advance(by).await?;
        self.nothing_is_due().await
    }

    /// Waits until nothing is due by itself: ends of claims, reminders, closings, ends of alerts.
    ///
    /// # Errors
    /// What does not happen.
    pub async fn nothing_is_due(&mut self) -> anyhow::Result<()> {
        const DUE: [(&str, &str); 2] = [
            (
                "triage",
                "SELECT (SELECT count(*) FROM claim WHERE lapses_at <= $1)
                      + (SELECT count(*) FROM closing WHERE due_at <= $1)
                      + (SELECT count(*) FROM watched WHERE next_at <= $1)",
            ),
            ("intake", "SELECT count(*) FROM alert WHERE clears_at <= $1 AND NOT is_over"),
        ];
        let now = jiff_sqlx::Timestamp::from(self.story.clock.now());
        for (service, due) in DUE {
            let store = store(&mut self.stores, service)?;
            let what = format!("nothing of {service} is due by itself");
            wait_until(&what, PATIENCE, async || {
                let due: i64 = sqlx::query_scalar(due).bind(now).fetch_one(&mut *store).await?;
                Ok(due == 0)
            })
            .await?;
        }
        self.story.settle().await
    }

    /// Holds the desk against every law.
    ///
    /// # Errors
    /// What is broken, and after which step.
    pub async fn hold(&mut self, step: &str) -> anyhow::Result<()> {
        for _ in 0..LOOKS {
            let before = self.story.announcements().await?;
            self.story.settle().await?;
            if self.story.announcements().await? != before {
                continue;
            }
            let broken = self.broken().await.with_context(|| format!("after {step}"))?;
            // What happens by itself while one looks is no verdict; what stays is.
            self.story.settle().await?;
            if self.story.announcements().await? == before {
                anyhow::ensure!(broken.is_empty(), "after {step} the laws are broken: {broken:#?}");
                return Ok(());
            }
        }
        anyhow::bail!("after {step} the desk does not come to rest")
    }

    /// How many tickets there are that somebody was told of.
    pub fn tickets(&self) -> usize {
        self.posts.iter().filter(|post| !post.acks.is_empty()).count()
    }

    async fn broken(&mut self) -> anyhow::Result<Vec<String>> {
        let mut broken = Vec::new();
        let view = kept::view(&mut self.stores).await?;
        broken.extend(check(&self.posts, &view).iter().map(|fault| format!("kept: {fault:?}")));
        broken.extend(self.heard.broken(self.story, &view.given).await?);
        self.queues(&mut broken).await?;
        self.claims(&mut broken).await?;
        self.storms(&mut broken).await?;
        self.tenancy(&mut broken).await?;
        self.backlog(&mut broken).await?;
        broken.extend(self.recomputed.broken(&mut self.stores, &self.admin, self.story.clock.now()).await?);
        Ok(broken)
    }

    /// No ticket without a queue of its client's model, in the tier of that queue.
    async fn queues(&mut self, broken: &mut Vec<String>) -> anyhow::Result<()> {
        let mut queues = BTreeSet::new();
        for client in self.own.keys() {
            let request = GetSupportModelRequest { client_id: client.clone(), version: 0 };
            let model = self.admin.triage()?.get_support_model(request).await?.into_inner().model.unwrap_or_default();
            queues.extend(model.queues.into_iter().map(|queue| (client.clone(), queue.queue, queue.tier)));
        }
        let open: Vec<(String, String, i32, String)> =
            sqlx::query_as("SELECT client_id, queue, tier, reference FROM ticket WHERE is_open")
                .fetch_all(store(&mut self.stores, "triage")?)
                .await?;
        for (client, queue, tier, reference) in open {
            let place = (client, queue, tier);
            if !queues.contains(&place) {
                broken.push(format!("queues: {reference} lies in {place:?}, which its client's model does not have"));
            }
        }
        Ok(())
    }

    /// Whoever has a ticket has a claim that has not ended, and nobody else has one.
    async fn claims(&mut self, broken: &mut Vec<String>) -> anyhow::Result<()> {
        let odd: Vec<String> = sqlx::query_scalar(
            "SELECT coalesce(t.reference, c.ticket_id::text) FROM (SELECT * FROM ticket WHERE is_open AND owner IS NOT NULL) t
             FULL JOIN claim c ON c.client_id = t.client_id AND c.ticket_id = t.ticket_id
             WHERE t.owner IS DISTINCT FROM c.owner OR c.lapses_at <= $1",
        )
        .bind(jiff_sqlx::Timestamp::from(self.story.clock.now()))
        .fetch_all(store(&mut self.stores, "triage")?)
        .await?;
        broken.extend(odd.iter().map(|reference| format!("claims: {reference} and its claim differ")));
        Ok(())
    }

    /// One open ticket per storm, and every alert that was taken is found once.
    async fn storms(&mut self, broken: &mut Vec<String>) -> anyhow::Result<()> {
        let storms: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT client_id, fingerprint, count(*) FROM alerted WHERE is_storm AND NOT is_over
             GROUP BY client_id, fingerprint HAVING count(*) > 1",
        )
        .fetch_all(store(&mut self.stores, "intake")?)
        .await?;
        broken.extend(storms.iter().map(|storm| format!("storms: more than one parent, {storm:?}")));
        let (clients, keys): (Vec<&str>, Vec<&str>) =
            self.keys.iter().map(|(client, key)| (client.as_str(), key.as_str())).unzip();
        let odd: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT DISTINCT client_id, dedup_key FROM alert) kept
             FULL JOIN (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::text[]) AS dedup_key) taken
                       USING (client_id, dedup_key)
             WHERE kept IS NULL OR taken IS NULL",
        )
        .bind(clients)
        .bind(keys)
        .fetch_one(store(&mut self.stores, "intake")?)
        .await?;
        if odd > 0 {
            broken.push(format!("storms: {odd} of {} alerts are lost or nobody's", self.keys.len()));
        }
        Ok(())
    }

    /// Each client's lead sees all of their own and nothing else.
    async fn tenancy(&mut self, broken: &mut Vec<String>) -> anyhow::Result<()> {
        let rows: Vec<(String, String)> = sqlx::query_as("SELECT client_id, reference FROM ticket")
            .fetch_all(store(&mut self.stores, "triage")?)
            .await?;
        for (client, lead) in &self.own {
            let all: BTreeSet<&str> = rows.iter().filter(|row| row.0 == *client).map(|row| row.1.as_str()).collect();
            let request = ListTicketsRequest { page_size: 1_000, ..Default::default() };
            let seen = lead.triage()?.list_tickets(request).await?.into_inner().tickets;
            let seen: BTreeSet<&str> = seen.iter().map(|ticket| ticket.reference.as_str()).collect();
            if seen != all {
                broken.push(format!("tenancy: {client} has {} tickets and sees {}", all.len(), seen.len()));
            }
            let request = GetBacklogRequest::default();
            let told = lead.reporting()?.get_backlog(request).await?.into_inner().clients;
            if told.iter().any(|one| one.client_id != *client) {
                broken.push(format!("tenancy: {client} sees another's backlog"));
            }
            let Some((_, foreign)) = rows.iter().rev().find(|row| row.0 != *client) else { continue };
            let ticket = GetTicketRequest { ticket: foreign.clone() };
            let clocks = ListClocksRequest { ticket: foreign.clone() };
            let answers =
                [lead.triage()?.get_ticket(ticket).await.err(), lead.sla_timer()?.list_clocks(clocks).await.err()];
            if answers.iter().any(|answer| answer.as_ref().map(tonic::Status::code) != Some(Code::NotFound)) {
                broken.push(format!("tenancy: {client} gets {foreign}: {answers:?}"));
            }
        }
        Ok(())
    }

    /// Reporting's backlog is what triage has open.
    async fn backlog(&mut self, broken: &mut Vec<String>) -> anyhow::Result<()> {
        let open: Vec<(String, i64)> =
            sqlx::query_as("SELECT client_id, count(*) FROM ticket WHERE is_open GROUP BY client_id")
                .fetch_all(store(&mut self.stores, "triage")?)
                .await?;
        let open: BTreeMap<String, i64> = open.into_iter().collect();
        let request = GetBacklogRequest { client_ids: self.own.keys().cloned().collect(), ..Default::default() };
        let told = self.admin.reporting()?.get_backlog(request).await?.into_inner().clients;
        for client in self.own.keys() {
            let open = open.get(client).copied().unwrap_or_default();
            let told = told.iter().find(|one| one.client_id == *client).map_or(0, |one| one.open);
            if i64::try_from(told)? != open {
                broken.push(format!("backlog: {client} has {open} open tickets, reporting tells {told}"));
            }
        }
        Ok(())
    }

    /// Lets the stores go.
    ///
    /// # Errors
    /// If a connection does not end in order.
    pub async fn end(self) -> anyhow::Result<()> {
        for store in self.stores.into_values() {
            store.close().await?;
        }
        Ok(())
    }
}

fn store<'c>(
    stores: &'c mut BTreeMap<&'static str, PgConnection>,
    service: &str,
) -> anyhow::Result<&'c mut PgConnection> {
    stores.get_mut(service).with_context(|| format!("{service} has no store here"))
}

/// A ticket and whose count of it.
type Counted = (Uuid, &'static str);
