//! Recorded history against a drafted contract, in pages: each page is read on its own and folded away from what must
//! answer at once. Nothing is kept but the sums.

pub mod wire;

use std::collections::HashSet;
use std::sync::Arc;

use chassis::{Error, Scope};
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::clock::clocks;
use crate::domain::contract::Terms;
use crate::domain::fact::{Fact, Kind};
use crate::domain::what_if::{Summary, TicketName};
use crate::handle::Timer;
use crate::promises::{Promises, Record};
use crate::store::history::{self, Place, Registration};

#[cfg(test)]
mod tests;

/// Registrations in a page: some ten milliseconds of folding.
const PAGE: i64 = 500;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The draft.
    pub terms: Arc<Terms>,
    /// Those that were named; nobody: all in the scope.
    pub clients: Vec<ClientId>,
    /// The first instant of registration.
    pub from: Timestamp,
    /// The first after the last.
    pub until: Timestamp,
}

/// How far it has come, and in the end what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Progress { done: u64, total: u64 },
    Result { as_of: Timestamp, summary: Summary },
}

/// A run. Given up, it leaves nothing behind.
#[derive(Debug)]
pub struct WhatIf {
    timer: Timer,
    /// Whatever is read is within it.
    scope: Scope,
    /// Who gets the result: it names nothing that is confidential and not theirs.
    reader: String,
    terms: Arc<Terms>,
    /// Still to do; the last one first.
    clients: Vec<ClientId>,
    from: Timestamp,
    until: Timestamp,
    after: Place,
    as_of: Timestamp,
    total: u64,
    /// Taken by the result.
    summary: Option<Summary>,
}

impl WhatIf {
    /// Prepares a run over what is in the scope.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn begin(timer: &Timer, scope: &Scope, question: Question, reader: String) -> Result<Self, Error> {
        let Question { terms, clients: named, from, until } = question;
        // Whoever may see only some is not made to look for them among all.
        let named = match scope {
            Scope::Clients(own) if named.is_empty() => own.iter().cloned().collect(),
            _ => named,
        };
        let scope = if named.is_empty() { scope.clone() } else { scope.narrowed_to(&named) };
        let (clients, total) = timer
            .ground
            .store
            .read(&scope, move |connection| {
                Box::pin(async move {
                    let mut clients = if named.is_empty() { history::clients(connection).await? } else { named };
                    let total = history::count(connection, &clients, from, until).await?;
                    clients.reverse();
                    Ok::<_, Error>((clients, total.unsigned_abs()))
                })
            })
            .await?;
        let as_of = timer.ground.clock.now();
        let (after, summary) = ((from, Uuid::nil()), Some(Summary::default()));
        Ok(Self { timer: timer.clone(), scope, reader, terms, clients, from, until, after, as_of, total, summary })
    }

    /// Does the next page; `None` after the result.
    ///
    /// # Errors
    /// If the store failed, or the service is stopping.
    pub async fn next(&mut self) -> Result<Option<Step>, Error> {
        if self.timer.ground.stop.is_asked() {
            return Err(Error::Unavailable("the SLA timer is stopping".into()));
        }
        let Some(client_id) = self.clients.last().cloned() else {
            let Some(mut summary) = self.summary.take() else { return Ok(None) };
            let named =
                summary.changes.iter().map(|one| (one.ticket.client_id.clone(), one.ticket.ticket_id)).collect();
            let hidden = hidden(&self.timer, &self.scope, named, self.reader.clone()).await?;
            summary.leave_out(|ticket| hidden.contains(&ticket.ticket_id));
            return Ok(Some(Step::Result { as_of: self.as_of, summary }));
        };
        let page = self.read(client_id).await?;
        match page.next {
            Some(place) => self.after = place,
            None => {
                self.clients.pop();
                self.after = (self.from, Uuid::nil());
            }
        }
        let (terms, as_of) = (Arc::clone(&self.terms), self.as_of);
        let mut summary = self.summary.take().unwrap_or_default();
        let fold = move || page.fold(&terms, as_of, &mut summary).map(|()| summary);
        let summary = tokio::task::spawn_blocking(fold).await.map_err(|error| Error::Internal(error.into()))??;
        let done = summary.tickets;
        self.summary = Some(summary);
        let total = if self.clients.is_empty() { done } else { self.total.max(done) };
        Ok(Some(Step::Progress { done, total }))
    }

    async fn read(&self, client_id: ClientId) -> Result<Page, Error> {
        let (after, until, promises) = (self.after, self.until, self.timer.promises.clone());
        let scope = self.scope.narrowed_to(std::slice::from_ref(&client_id));
        let read = self.timer.ground.store.read(&scope, move |connection| {
            Box::pin(async move { Page::read(connection, &promises, client_id, after, until).await })
        });
        read.await
    }
}

/// Those of these tickets that are not for the reader's eyes.
pub(crate) async fn hidden(
    timer: &Timer,
    scope: &Scope,
    tickets: Vec<(String, Uuid)>,
    reader: String,
) -> Result<HashSet<Uuid>, Error> {
    let read = timer.ground.store.read(scope, move |connection| {
        Box::pin(async move { chassis::confidential::hidden_among(connection, &tickets, &reader).await })
    });
    read.await
}

/// A client's registrations with all that their clocks are computed from.
#[derive(Debug)]
struct Page {
    tickets: Vec<Registration>,
    record: Record,
    /// Where the next begins; `None`: the client is done.
    next: Option<Place>,
}

impl Page {
    async fn read(
        connection: &mut PgConnection,
        promises: &Promises,
        client_id: ClientId,
        after: Place,
        until: Timestamp,
    ) -> Result<Self, Error> {
        let mut tickets = history::registrations(connection, &client_id, after, until, PAGE).await?;
        let is_last = tickets.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        let next = tickets.last().filter(|_| !is_last).map(Registration::place);
        tickets.dedup_by_key(|one| one.ticket.ticket_id);
        let record = Record::read(connection, promises, tickets.iter().map(|one| &one.ticket)).await?;
        Ok(Self { tickets, record, next })
    }

    fn fold(self, draft: &Terms, as_of: Timestamp, summary: &mut Summary) -> Result<(), Error> {
        for Registration { ticket, registered_at } in self.tickets {
            let facts = self.record.facts(&ticket);
            // A ticket that several events registered counts where the first of them stands.
            if first_registered_at(facts) != Some(registered_at) {
                continue;
            }
            let recorded = self.record.book(&ticket)?.map_or_else(Vec::new, |book| clocks(book, facts, as_of));
            // Edits of the recorded contract are none of the draft's.
            let drafted = clocks(draft, facts, as_of);
            let (client_id, ticket_id) = (ticket.client_id.to_string(), ticket.ticket_id);
            summary.add(&TicketName { client_id, ticket_id, reference: ticket.reference }, &recorded, &drafted);
        }
        Ok(())
    }
}

/// When a ticket was registered, if it was.
fn first_registered_at(facts: &[Fact]) -> Option<Timestamp> {
    facts.iter().filter(|fact| matches!(fact.kind, Kind::Registered { .. })).map(|fact| fact.key.at).min()
}
