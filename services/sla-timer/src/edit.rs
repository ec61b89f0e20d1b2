//! What an edited contract would do to the tickets that are open, in pages, storing nothing.

pub mod wire;

use std::sync::Arc;

use chassis::{Error, Scope};
use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::clock::clocks;
use crate::domain::contract::Terms;
use crate::domain::edit::EditSummary;
use crate::domain::fact::{Fact, Key, Kind, Since};
use crate::handle::Timer;
use crate::promises::{Promises, Record};
use crate::store::{self, Ticket};
use crate::what_if::hidden;

/// Tickets in a page.
const PAGE: i64 = 500;

/// How far it has come, and in the end what came of it.
#[derive(Debug)]
pub enum Step {
    Progress { done: u64, total: u64 },
    Preview { as_of: Timestamp, summary: EditSummary },
}

/// A preview under way. Given up, it leaves nothing behind.
#[derive(Debug)]
pub struct EditPreview {
    timer: Timer,
    client_id: ClientId,
    /// Who gets the preview: it names nothing that is confidential and not theirs.
    reader: String,
    draft: Arc<Terms>,
    /// The number that the draft would get.
    version: i64,
    /// `None`: there is nothing to look at any more; from the beginning if it would hold for new tickets only.
    from: Option<Since>,
    after: Uuid,
    as_of: Timestamp,
    total: u64,
    /// Taken when the preview is told.
    summary: Option<EditSummary>,
}

impl EditPreview {
    /// Prepares the preview of a draft for a client.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn begin(
        timer: &Timer,
        client_id: ClientId,
        draft: Terms,
        from: Option<Since>,
        reader: String,
    ) -> Result<Self, Error> {
        let whose = client_id.clone();
        let (newest, total) = timer
            .ground
            .store
            .read(&Scope::of(&client_id), move |connection| {
                Box::pin(async move {
                    let newest = store::newest(connection, &whose).await?;
                    Ok::<_, Error>((newest, store::count_unsettled(connection, &whose).await?))
                })
            })
            .await?;
        Ok(Self {
            timer: timer.clone(),
            client_id,
            reader,
            draft: Arc::new(draft),
            version: newest.map_or(1, |newest| newest.version + 1),
            from,
            after: Uuid::nil(),
            as_of: timer.ground.clock.now(),
            total: if from.is_some() { total.unsigned_abs() } else { 0 },
            summary: Some(EditSummary::default()),
        })
    }

    /// Does the next page; `None` after the preview.
    ///
    /// # Errors
    /// If the store failed, or the service is stopping.
    pub async fn next(&mut self) -> Result<Option<Step>, Error> {
        if self.timer.ground.stop.is_asked() {
            return Err(Error::Unavailable("the SLA timer is stopping".into()));
        }
        let as_of = self.as_of;
        let Some(from) = self.from else {
            let Some(mut summary) = self.summary.take() else { return Ok(None) };
            let named = summary.edited.iter().map(|(ticket_id, ..)| (self.client_id.to_string(), *ticket_id)).collect();
            let hidden = hidden(&self.timer, &Scope::of(&self.client_id), named, self.reader.clone()).await?;
            summary.leave_out(|ticket_id| hidden.contains(&ticket_id));
            return Ok(Some(Step::Preview { as_of, summary }));
        };
        let page = self.read().await?;
        match page.tickets.last() {
            Some(last) => self.after = last.ticket_id,
            None => self.from = None,
        }
        let edit = Edit { draft: Arc::clone(&self.draft), version: self.version.unsigned_abs(), from, at: as_of };
        let mut summary = self.summary.take().unwrap_or_default();
        let fold = move || page.fold(&edit, &mut summary).map(|()| summary);
        let summary = tokio::task::spawn_blocking(fold).await.map_err(|error| Error::Internal(error.into()))??;
        let done = summary.tickets;
        self.summary = Some(summary);
        Ok(Some(Step::Progress { done, total: self.total.max(done) }))
    }

    async fn read(&self) -> Result<Page, Error> {
        let (client_id, after, promises) = (self.client_id.clone(), self.after, self.timer.promises.clone());
        let scope = Scope::of(&client_id);
        let read = self.timer.ground.store.read(&scope, move |connection| {
            Box::pin(async move { Page::read(connection, &promises, &client_id, after).await })
        });
        read.await
    }
}

/// What would be done, and when.
struct Edit {
    draft: Arc<Terms>,
    version: u64,
    from: Since,
    at: Timestamp,
}

/// Open tickets of a client with all that their clocks are computed from.
struct Page {
    tickets: Vec<Ticket>,
    record: Record,
}

impl Page {
    async fn read(
        connection: &mut PgConnection,
        promises: &Promises,
        client_id: &ClientId,
        after: Uuid,
    ) -> Result<Self, Error> {
        let tickets = store::unsettled(connection, client_id, after, PAGE).await?;
        let record = Record::read(connection, promises, tickets.iter()).await?;
        Ok(Self { tickets, record })
    }

    fn fold(self, edit: &Edit, summary: &mut EditSummary) -> Result<(), Error> {
        // What the edit breaks has happened just after it.
        let until = edit.at.saturating_add(SignedDuration::from_millis(1)).unwrap_or(edit.at);
        for ticket in &self.tickets {
            let Some(former) = self.record.book(ticket)? else { continue };
            let before = self.record.facts(ticket);
            let key = Key { at: edit.at, source: store::EDIT, revision: edit.version };
            let changed = Fact::new(key, Kind::TermsChanged { version: edit.version, from: edit.from });
            let after: Vec<Fact> = before.iter().cloned().chain([changed]).collect();
            let before = clocks(former.clone(), before, until);
            let after = clocks(former.with(edit.version, &edit.draft), &after, until);
            summary.add(ticket.ticket_id, &ticket.reference, &before, &after);
        }
        Ok(())
    }
}
