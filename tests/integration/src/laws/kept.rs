//! Every client's tickets as all services keep them.

use std::collections::BTreeMap;

use anyhow::Context;
use sqlx::PgConnection;
use uuid::Uuid;

use super::store;
use crate::checker::{Kept, Told, View};

/// The announcing services by reporting's number for them.
const SOURCES: [&str; 3] = ["intake", "triage", "sla-timer"];
/// Before the subject of the ticket that takes a storm's alerts.
const STORM: &str = "Storm: ";

/// What makes a post recognisable wherever it is kept.
pub(super) fn request_id(client: &str, subject: &str) -> String {
    format!("{client}: {}", subject.strip_prefix(STORM).unwrap_or(subject))
}

/// What the checker wants to know, of all clients.
pub(super) async fn view(stores: &mut BTreeMap<&'static str, PgConnection>) -> anyhow::Result<View> {
    let mut view = View::default();
    let registered: Vec<(Uuid, String, i64)> =
        sqlx::query_as("SELECT ticket_id, reference, revision FROM ticket").fetch_all(store(stores, "intake")?).await?;
    let triaged: Vec<(String, Uuid, String, String, i64)> =
        sqlx::query_as("SELECT client_id, ticket_id, reference, subject, revision FROM ticket")
            .fetch_all(store(stores, "triage")?)
            .await?;
    // Intake keeps the matter as one encoded whole: the subject is read where it is a column.
    let mut subjects: BTreeMap<Uuid, String> = BTreeMap::new();
    for (client, ticket_id, reference, subject, revision) in triaged {
        let request_id = Some(request_id(&client, &subject));
        subjects.extend(request_id.clone().map(|it| (ticket_id, it)));
        let kept = Kept { ticket_id, reference: Some(reference), request_id };
        view.listeners.entry("triage").or_default().push(kept);
        view.given.insert((ticket_id, "triage"), revision);
    }
    for (ticket_id, reference, revision) in registered {
        let request_id = subjects.get(&ticket_id).cloned();
        view.registered.push(Kept { ticket_id, reference: Some(reference), request_id });
        view.given.insert((ticket_id, "intake"), revision);
    }
    let clocked: Vec<(Uuid, String, i64)> =
        sqlx::query_as("SELECT ticket_id, reference, revision FROM ticket WHERE is_registered")
            .fetch_all(store(stores, "sla-timer")?)
            .await?;
    for (ticket_id, reference, revision) in clocked {
        let kept = Kept { ticket_id, reference: Some(reference), request_id: None };
        view.listeners.entry("sla-timer").or_default().push(kept);
        view.given.insert((ticket_id, "sla-timer"), revision);
    }
    reporting(stores, &mut view).await?;
    for (service, store) in stores {
        let count = sqlx::query_scalar("SELECT count(*) FROM dead_letter").fetch_one(store).await?;
        view.dead_letters.insert(service, count);
    }
    Ok(view)
}

async fn reporting(stores: &mut BTreeMap<&'static str, PgConnection>, view: &mut View) -> anyhow::Result<()> {
    let figures: Vec<(String, Uuid, String, String)> = sqlx::query_as(
        "SELECT client_id, ticket_id, reference, subject FROM ticket_figures WHERE registered_at IS NOT NULL",
    )
    .fetch_all(store(stores, "reporting")?)
    .await?;
    let kept = figures.into_iter().map(|(client, ticket_id, reference, subject)| Kept {
        ticket_id,
        reference: Some(reference),
        request_id: Some(request_id(&client, &subject)),
    });
    view.listeners.insert("reporting", kept.collect());
    let facts: Vec<(Uuid, i16, i64, String)> = sqlx::query_as("SELECT ticket_id, source, revision, name FROM fact")
        .fetch_all(store(stores, "reporting")?)
        .await?;
    for (ticket_id, source, revision, fact) in facts {
        let service = SOURCES.get(usize::try_from(source)?.saturating_sub(1)).context("a fact of an unknown source")?;
        view.history.push(Told { ticket_id, service, revision, fact });
    }
    Ok(())
}
