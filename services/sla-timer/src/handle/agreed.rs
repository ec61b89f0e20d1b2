//! Due instants that somebody agreed upon with the requester.

use std::collections::BTreeSet;

use chassis::inbox::{self, Seen};
use chassis::writes::Writes;
use chassis::{Error, Scope, new_id, store as kept};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Armed, Occasion, Timer, Touched};
use crate::domain::clock::clocks;
use crate::domain::contract::Metric;
use crate::domain::edit::is_alive;
use crate::domain::fact::{Fact, Key, Kind};
use crate::promises::{book, named};
use crate::store::{self, Ticket};

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Agreement {
    /// The ticket's reference or its id.
    pub ticket: String,
    pub metric: Metric,
    /// `DueAgreed` or `DueWithdrawn`.
    pub kind: Kind,
    /// Who says so.
    pub by: String,
    pub request_id: String,
    pub fingerprint: Vec<u8>,
}

/// Why nothing was noted.
#[derive(Debug, thiserror::Error)]
pub enum NotAgreed {
    #[error(transparent)]
    Failed(#[from] Error),
    #[error("the request_id was used for another request")]
    Reused,
    #[error("there is no such ticket")]
    NoTicket,
    #[error("no clock of that metric runs or pauses; see `skranke clock explain`")]
    NoClock,
}

impl Timer {
    /// Notes a due instant, or that it holds no longer, and announces what follows, in one unit of work.
    ///
    /// # Errors
    /// [`NotAgreed`]; then nothing was kept.
    pub async fn agree(&self, scope: &Scope, agreement: Agreement) -> Result<(), NotAgreed> {
        let work = self.clone();
        let armed = self
            .ground
            .store
            .unit_of_work(scope, move |connection| Box::pin(async move { work.note(connection, agreement).await }))
            .await?;
        self.near.arm(&self.ground.clock, armed);
        Ok(())
    }

    async fn note(&self, connection: &mut PgConnection, asked: Agreement) -> Result<Armed, NotAgreed> {
        let found = store::find(connection, &asked.ticket, &asked.by).await?.ok_or(NotAgreed::NoTicket)?;
        let request = inbox::request_key(&found.client_id, &asked.by, &asked.request_id);
        let seen =
            inbox::remember_request(connection, &found.client_id, request, &asked.fingerprint, found.ticket_id).await?;
        match seen {
            Seen::New => {}
            Seen::Before { .. } => return Ok(Vec::new()),
            Seen::Reused => return Err(NotAgreed::Reused),
        }
        let key = found.key();
        let locked = store::lock(connection, [&key], &BTreeSet::new()).await?;
        let ticket = locked.and_then(|locked| locked.tickets.into_iter().next());
        let ticket = ticket.ok_or_else(|| Error::internal("a ticket vanished while it was locked"))?;
        let now = kept::now(connection, &self.ground.clock).await?;
        let at = jiff::Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        let revision = ticket.revision.unsigned_abs() + 1;
        let fact = Fact { key: Key { at, source: store::AGREED, revision }, kind: asked.kind, by: Some(asked.by) };
        // The request is forgotten if it concerns no clock: it may be made again when there is one.
        let facts = store::facts(connection, std::slice::from_ref(&key)).await?.remove(&key).unwrap_or_default();
        if !self.concerns(connection, &ticket, facts, &fact, asked.metric).await? {
            return Err(NotAgreed::NoClock);
        }
        let news = vec![fact.key];
        let mut writes = Writes::default();
        store::add_facts(&mut writes, &[(key, new_id(), fact)]);
        writes.run(connection).await?;
        let touched = Touched {
            before: ticket.clone(),
            ticket: Ticket { changes: ticket.changes + 1, ..ticket },
            as_of: now,
            news,
            occasion: Occasion::Facts { at },
            cause_id: None::<Uuid>,
            traceparent: chassis::telemetry::traceparent(),
        };
        Ok(self.tell(connection, vec![touched], now).await?)
    }

    /// Whether a clock of that metric runs or pauses with the new fact: an agreement may begin one, where something is
    /// owed that no target promises.
    async fn concerns(
        &self,
        connection: &mut PgConnection,
        ticket: &Ticket,
        mut facts: Vec<Fact>,
        new: &Fact,
        metric: Metric,
    ) -> Result<bool, Error> {
        facts.push(new.clone());
        let promises = self.promises.of(connection, named(ticket, &facts).collect()).await?;
        let Some(book) = book(&promises, ticket, &facts)? else { return Ok(false) };
        Ok(clocks(book, &facts, new.key.at).iter().any(|clock| clock.metric == metric && is_alive(clock)))
    }
}
