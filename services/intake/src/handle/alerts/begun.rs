//! A storm is recognised: its first tickets, which had their own until then, are told that they belong to it.

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::Error;

use super::tell::{Telling, telling};
use crate::domain::alert::Note;
use crate::store::{self, Alerted};
use crate::wire::alert::Post;

/// A storm that began here.
#[derive(Debug)]
pub(super) struct Begun {
    /// The post that made it one.
    post: Post,
    /// Its ticket.
    ticket_id: Uuid,
    /// Since when alerts belong to it.
    since: Timestamp,
}

impl Begun {
    pub(super) fn of(post: &Post, ticket_id: Uuid, since: Timestamp) -> Self {
        Self { post: post.clone(), ticket_id, since }
    }

    /// The open tickets that came before it was one. What was kept in this transaction is among them.
    pub(super) async fn early(&self, connection: &mut PgConnection) -> Result<Vec<Alerted>, Error> {
        let storm = (self.post.client_id.as_str(), self.post.fingerprint.as_str(), self.since);
        store::before_storm(connection, &storm).await
    }

    pub(super) fn telling(&self, early: &Alerted, now: Timestamp) -> Telling {
        let told = telling(&self.post, early.ticket_id, Note::OfStorm, now);
        Telling { storm: Some(self.ticket_id), dedup_key: String::new(), ..told }
    }
}
