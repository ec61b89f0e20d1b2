//! Commands: those that arrive together share one transaction, each decided for itself.
//!
//! A command that is refused leaves nothing behind, but it does not roll back the others of its group. So whatever
//! decides here reads first, then decides, and writes only what was decided (at best through [`record`]).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chassis::group::Commit;
use chassis::inbox::{self, Answered, request_key};
use chassis::metrics::Batch;
use chassis::{Error as World, Ground};
use contracts::ClientId;
use futures::future::BoxFuture;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Change, Done, Envelope, Error, Models, around, claims, happen, is_lead, record, waits_for_owner};
use crate::domain::workspace::mention;
use crate::domain::{ActorKind, Around, Command, Event, State, SupportModel, decide};
use crate::store::ticket::{Found, Name};
use crate::store::{self, Key};

/// Decides commands by the newest models.
#[derive(Debug)]
pub struct Decide {
    /// Store and clock.
    pub ground: Ground,
    /// The clients' models.
    pub models: Models,
}

impl Commit for Decide {
    type Job = Envelope;
    type Outcome = Result<Done, Error>;

    /// While one waits for a ticket that somebody else holds, the other goes on.
    const AT_ONCE: usize = 2;
    const BATCH: Batch = Batch::TriageGroup;

    /// Only callers with the same rights: the store lets the transaction see what each of them may see, and no more.
    fn may_share(first: &Envelope, other: &Envelope) -> bool {
        first.scope == other.scope
    }

    fn together(&self, jobs: Vec<Envelope>) -> BoxFuture<'_, Result<Vec<Self::Outcome>, World>> {
        Box::pin(async move {
            let Some(scope) = jobs.first().map(|job| job.scope.clone()) else { return Ok(Vec::new()) };
            let (models, now) = (self.models.clone(), self.ground.clock.now());
            let store = &self.ground.store;
            store.unit_of_work(&scope, move |connection| Box::pin(decide_all(connection, models, jobs, now))).await
        })
    }

    fn alone(&self, job: Envelope) -> BoxFuture<'_, Result<Self::Outcome, World>> {
        Box::pin(async move {
            let outcome = self.together(vec![job]).await?.into_iter().next();
            outcome.ok_or_else(|| World::internal("a command had no outcome"))
        })
    }
}

async fn decide_all(
    connection: &mut PgConnection,
    models: Models,
    jobs: Vec<Envelope>,
    now: Timestamp,
) -> Result<Vec<Result<Done, Error>>, World> {
    let mut table = Table::lay(connection, &models, &jobs, now).await?;
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        outcomes.push(match table.decide(connection, job).await {
            Err(Error::World(error)) => return Err(error),
            outcome => outcome,
        });
    }
    table.record(connection).await?;
    table.remember(connection).await?;
    Ok(outcomes)
}

/// A request that was done in this transaction.
struct Settled {
    client_id: ClientId,
    key: Uuid,
    fingerprint: Vec<u8>,
    ticket_id: Uuid,
}

/// What a group of commands is decided on: its tickets, locked.
struct Table {
    now: Timestamp,
    found: HashMap<Key, Found>,
    by_reference: HashMap<String, Key>,
    by_id: HashMap<Uuid, Key>,
    models: HashMap<ClientId, Arc<SupportModel>>,
    answered: HashMap<Uuid, Answered>,
    settled: Vec<Settled>,
    /// Decided, not yet recorded: at most one per ticket.
    pending: Vec<Change>,
}

impl Table {
    /// The locks come first: only the ticket says whose inbox a request belongs to, and what was answered before is
    /// certain only once nobody else can answer.
    async fn lay(
        connection: &mut PgConnection,
        models: &Models,
        jobs: &[Envelope],
        now: Timestamp,
    ) -> Result<Self, World> {
        let names: Vec<&Name> = jobs.iter().map(|job| &job.asked.ticket).collect();
        let mut table = Self {
            now,
            found: HashMap::new(),
            by_reference: HashMap::new(),
            by_id: HashMap::new(),
            models: HashMap::new(),
            answered: HashMap::new(),
            settled: Vec::new(),
            pending: Vec::new(),
        };
        for found in store::ticket::lock(connection, &names).await? {
            let key = (found.ticket.client_id.clone(), found.ticket.ticket_id);
            table.by_reference.insert(found.ticket.matter.reference.clone(), key.clone());
            table.by_id.insert(key.1, key.clone());
            table.found.insert(key, found);
        }
        let clients: BTreeSet<ClientId> = table.found.keys().map(|(client_id, _)| client_id.clone()).collect();
        table.models = models.of(connection, &Vec::from_iter(clients)).await?;
        let asked: Vec<(&str, Uuid)> = jobs
            .iter()
            .filter_map(|job| table.key(job).map(|key| (key.0.as_str(), table.request_key(key, job))))
            .collect();
        let answered = inbox::answered(connection, &asked).await?;
        table.answered = answered.into_iter().map(|one| (one.key, one)).collect();
        Ok(table)
    }

    fn key(&self, job: &Envelope) -> Option<&Key> {
        match &job.asked.ticket {
            Name::Reference(reference) => self.by_reference.get(reference),
            Name::Id(ticket_id) => self.by_id.get(ticket_id),
        }
    }

    fn request_key(&self, key: &Key, job: &Envelope) -> Uuid {
        request_key(&key.0, &job.by.actor_id, &job.asked.request_id)
    }

    /// Whether the request was done before, in another transaction or in this one.
    fn is_repeated(&self, request_key: Uuid, fingerprint: &[u8]) -> Result<bool, Error> {
        let before = self.answered.get(&request_key).map(|one| one.fingerprint.as_deref());
        let now = || self.settled.iter().find(|one| one.key == request_key).map(|one| Some(&*one.fingerprint));
        match before.or_else(now) {
            None => Ok(false),
            Some(known) if known == Some(fingerprint) => Ok(true),
            Some(_) => Err(Error::Reused),
        }
    }

    async fn decide(&mut self, connection: &mut PgConnection, job: Envelope) -> Result<Done, Error> {
        let key = self.key(&job).cloned().ok_or(Error::NotFound("ticket"))?;
        let request_key = self.request_key(&key, &job);
        let model = self.models.get(&key.0).cloned().unwrap_or_default();
        let repeated = self.is_repeated(request_key, &job.fingerprint)?;
        let Some(found) = self.found.get(&key) else { return Err(Error::NotFound("ticket")) };
        // What is not for their eyes is absent; the desk's own rules have none.
        if job.by.kind != ActorKind::Desk && !model.may_read(&found.ticket.work, &job.by.actor_id) {
            return Err(Error::NotFound("ticket"));
        }
        if repeated {
            return Ok(Done { found: found.clone(), model, may_give: false });
        }
        let revision = found.ticket.work.revision;
        if job.asked.expected_revision != 0 && job.asked.expected_revision != revision {
            return Err(Error::Changed(revision));
        }
        let is_pending = |change: &Change| change.ticket.ticket_id == key.1;
        if self.pending.iter().any(is_pending) || around::looks(&found.ticket, &job.asked.command, &model) {
            self.record(connection).await?;
        }
        let Some(found) = self.found.get_mut(&key) else { return Err(Error::NotFound("ticket")) };
        let change = decided(connection, found, &job, &model, self.now).await?;
        let may_give = may_give(found, &change, &model);
        if !change.happened.is_empty() {
            let (made, _) = claims(std::slice::from_ref(&change), |_| Some(&*model));
            found.lapses_at = made.first().map_or(found.lapses_at, |claim| claim.lapses_at);
            found.ticket = change.ticket.clone();
            self.pending.push(change);
        }
        if !found.ticket.work.is_claimed() {
            found.lapses_at = None;
        }
        let Envelope { fingerprint, .. } = job;
        self.settled.push(Settled { client_id: key.0, key: request_key, fingerprint, ticket_id: key.1 });
        Ok(Done { found: found.clone(), model, may_give })
    }

    /// Writes what was decided so far, so that it is seen by those who look around.
    async fn record(&mut self, connection: &mut PgConnection) -> Result<(), World> {
        let pending = std::mem::take(&mut self.pending);
        if !pending.is_empty() {
            record(connection, &pending, |client_id| self.models.get(client_id).map(|model| &**model)).await?;
        }
        Ok(())
    }

    /// Remembers what was done. A request_id that somebody used meanwhile on another ticket lets the group fail: each for
    /// itself then finds it answered.
    async fn remember(&self, connection: &mut PgConnection) -> Result<(), World> {
        let requests = self.settled.iter().map(|one| inbox::Asked {
            client_id: &one.client_id,
            key: one.key,
            fingerprint: &one.fingerprint,
            outcome_id: one.ticket_id,
        });
        let requests: Vec<_> = requests.collect();
        let count = requests.len();
        if count > 0 && inbox::remember_requests(connection, requests).await?.len() != count {
            return Err(World::Unavailable("a request_id was used twice at once; try again".into()));
        }
        Ok(())
    }
}

/// What one command does to its ticket. Reads what it needs to know; writes nothing.
async fn decided(
    connection: &mut PgConnection,
    found: &Found,
    job: &Envelope,
    model: &SupportModel,
    now: Timestamp,
) -> Result<Change, Error> {
    let ticket = &found.ticket;
    let mut command = job.asked.command.clone();
    if let Command::Cancel { duplicate_of, duplicate_is_known, .. } = &mut command
        && !duplicate_of.is_empty()
    {
        let (named, who) = (std::slice::from_ref(duplicate_of), job.by.actor_id.as_str());
        let hidden = store::confidential::hidden_among(connection, &ticket.client_id, named, who).await?;
        let is_another = store::ticket::is_another(connection, ticket, duplicate_of).await?;
        *duplicate_is_known = is_another && (job.by.kind == ActorKind::Desk || hidden.is_empty());
    }
    if let Command::Fulfilment(errand) = &mut command {
        super::fulfilment::look(connection, ticket, errand).await?;
    }
    let loads = around::loads(connection, ticket, &command, &job.by, model, now).await?;
    let around = Around {
        model,
        at: now,
        loads: &loads,
        is_lead: is_lead(&job.principal, &ticket.client_id),
        is_asked: around::is_asked(connection, ticket, &command).await?,
        has_requester: !ticket.matter.requester_email.is_empty(),
    };
    let mut change = Change { ticket: ticket.clone(), happened: Vec::new(), traceparent: job.traceparent.clone() };
    for event in decide(&ticket.work, &command, &job.by, &around)? {
        happen(&mut change, event, &job.by, now, &job.asked.request_id);
    }
    if !change.happened.is_empty() {
        let mentioned = mention::of(mention::note_of(&command), "", &job.by.actor_id, &change.ticket.work, model);
        if let Some(step) = mentioned {
            happen(&mut change, Event::Workspace(step), &job.by, now, &job.asked.request_id);
        }
    }
    Ok(change)
}

/// Somebody may get something by itself now: this ticket, or another in its place.
fn may_give(before: &Found, change: &Change, model: &SupportModel) -> bool {
    let is_done = before.ticket.work.state == State::InProgress && change.ticket.work.state != State::InProgress;
    let has_room = is_done && model.queues.keys().any(|queue| model.assigns(queue));
    // The children of a major incident go along with it.
    let is_major = change.ticket.work.ties.major.is_some();
    is_major || has_room || waits_for_owner(&change.ticket, model)
}
