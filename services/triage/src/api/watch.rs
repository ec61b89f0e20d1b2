//! Every change from now on, as a stream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use contracts::triage::v1 as proto;
use futures::Stream;
use sqlx::PgConnection;
use tokio::sync::watch;
use tonic::Status;

use chassis::authorisation::Caller;
use chassis::status;
use chassis::{Error, Ground, Scope};

use super::read::within;
use super::{Api, discreet};
use crate::domain::Ticket;
use crate::handle::Models;
use crate::handle::confidential::hidden;
use crate::store::history::{self, Cursor, Entry};
use crate::store::list::{Filter, Hidden};
use crate::wire::{self, Check, request};

/// Changes read at once.
const BATCH: i64 = 200;
/// How soon other replicas' commits are seen; our own wake us.
const IDLE_POLL: Duration = Duration::from_secs(1);
/// How soon to look again while a commit may still be hidden behind an older running transaction.
const BUSY_POLL: Duration = Duration::from_millis(20);
/// How often to do so after a ring before it is taken for somebody else's.
const BUSY_ROUNDS: u32 = 25;

/// What a watcher gets.
pub type Changes = Pin<Box<dyn Stream<Item = Result<proto::WatchTicketsResponse, Status>> + Send>>;

struct Watcher {
    ground: Ground,
    models: Models,
    /// Who watches.
    agent: String,
    scope: Scope,
    filter: Filter,
    cursor: Cursor,
    rings: watch::Receiver<()>,
    busy: u32,
    read: VecDeque<proto::WatchTicketsResponse>,
}

impl Api {
    /// Everything that is committed after this returns is in the stream. It ends when the service stops.
    pub(super) async fn changes(&self, caller: Caller, asked: &proto::WatchTicketsRequest) -> Result<Changes, Status> {
        let filter = self.filter_of(&caller, &asked.view_id, asked.filter.as_ref()).await?;
        let mut check = Check::default();
        let (filter, named) = request::filter(filter.as_ref(), &mut check);
        check.done().map_err(status::invalid)?;
        let filter = within(&caller, filter, &named)?;
        let rings = self.news.listen();
        let cursor: Result<Cursor, Error> =
            self.ground.store.read(&caller.scope, |connection| Box::pin(history::end(connection))).await;
        let cursor = cursor?;
        let watcher = Watcher {
            ground: self.ground.clone(),
            models: self.desk.models.clone(),
            agent: caller.principal.subject.clone(),
            scope: caller.scope,
            filter,
            cursor,
            rings,
            busy: 0,
            read: VecDeque::new(),
        };
        Ok(Box::pin(futures::stream::unfold(Some(watcher), |watcher| async move {
            let mut watcher = watcher?;
            match watcher.next().await {
                Ok(Some(change)) => Some((Ok(change), Some(watcher))),
                Ok(None) => None,
                Err(error) => Some((Err(error.into()), None)),
            }
        })))
    }
}

impl Watcher {
    /// The next change; `None` once the service stops.
    async fn next(&mut self) -> Result<Option<proto::WatchTicketsResponse>, Error> {
        loop {
            if let Some(change) = self.read.pop_front() {
                return Ok(Some(change));
            }
            if self.ground.stop.is_asked() {
                return Ok(None);
            }
            if !self.look().await? {
                self.pause().await;
            }
        }
    }

    /// Reads on; returns whether there was something. Every look is a transaction of its own in the caller's scope, so
    /// that row-level security judges each event anew.
    async fn look(&mut self) -> Result<bool, Error> {
        let (cursor, mut filter) = (self.cursor, self.filter.clone());
        let (models, agent) = (self.models.clone(), self.agent.clone());
        let (read, cursor) = self
            .ground
            .store
            .read(&self.scope, move |connection| {
                Box::pin(async move {
                    filter.hidden = hidden(connection, &models, filter.clients.as_deref(), agent).await?;
                    let (news, cursor) = history::news(connection, cursor, &filter, BATCH).await?;
                    Ok::<_, Error>((told(connection, &filter.hidden, news).await?, cursor))
                })
            })
            .await?;
        self.cursor = cursor;
        self.read.extend(read);
        if !self.read.is_empty() {
            self.busy = BUSY_ROUNDS;
        }
        Ok(!self.read.is_empty())
    }

    async fn pause(&mut self) {
        let pause = if self.busy > 0 { BUSY_POLL } else { IDLE_POLL };
        self.busy = self.busy.saturating_sub(1);
        tokio::select! {
            rung = self.rings.changed() => {
                if rung.is_ok() {
                    self.busy = BUSY_ROUNDS;
                }
            }
            () = self.ground.stop.asked() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The changes as their watcher sees them.
async fn told(
    connection: &mut PgConnection,
    hidden: &Hidden,
    news: Vec<(Entry, Ticket)>,
) -> Result<Vec<proto::WatchTicketsResponse>, Error> {
    let (entries, tickets): (Vec<Entry>, Vec<Ticket>) = news.into_iter().unzip();
    let mut tickets: Vec<proto::Ticket> = tickets.iter().map(wire::ticket::listed).collect();
    let entries = if hidden.queues.is_empty() {
        entries.iter().map(wire::event::history_entry).collect::<Result<_, Error>>()?
    } else {
        discreet::listed(connection, &hidden.agent, &mut tickets).await?;
        discreet::entries(connection, &hidden.agent, &entries).await?
    };
    let change = |(ticket, entry)| proto::WatchTicketsResponse { ticket: Some(ticket), entry: Some(entry) };
    Ok(tickets.into_iter().zip(entries).map(change).collect())
}
