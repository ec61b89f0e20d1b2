//! What the stores of a desk keep, read past every guard: as their superuser.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use contracts::intake::v1::RegisteredTicket;
use local::{Desk, SERVICES};
use prost::Message;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::checker::{Kept, Told, View};
use crate::load::SUBJECT;

/// The announcing services by reporting's number for them.
const SOURCES: [&str; 3] = ["intake", "triage", "sla-timer"];

/// A connection to a service's store that sees and may do everything.
///
/// # Errors
/// If Postgres does not answer.
pub async fn superuser(desk: &Desk, service: &str) -> anyhow::Result<PgConnection> {
    let url = desk.postgres.url(&service.replace('-', "_"), "desk");
    PgConnection::connect(&url).await.with_context(|| format!("the store of {service}"))
}

/// One number out of a service's store.
///
/// # Errors
/// If Postgres does not answer.
pub async fn number(desk: &Desk, service: &str, query: &'static str) -> anyhow::Result<i64> {
    let mut store = superuser(desk, service).await?;
    let number = sqlx::query_scalar(query).fetch_one(&mut store).await?;
    store.close().await?;
    Ok(number)
}

/// Facts that are committed and not on the bus yet, as far as the relays have noted; also of services that run as
/// processes of their own.
///
/// # Errors
/// If Postgres does not answer.
pub async fn unannounced(desk: &Desk) -> anyhow::Result<i64> {
    let mut waiting = 0;
    for service in SERVICES.iter().filter(|service| service.wiring.announces.is_some()) {
        waiting += number(
            desk,
            service.name(),
            "SELECT count(*) FROM outbox o JOIN relay_cursor c ON c.shard = o.shard
             WHERE (o.xid, o.position) > (c.xid, c.position)",
        )
        .await?;
    }
    Ok(waiting)
}

/// What the checker wants to know of a client's tickets.
///
/// # Errors
/// If Postgres does not answer.
pub async fn view(desk: &Desk, client: &str) -> anyhow::Result<View> {
    let mut view = View::default();
    let rows: Vec<(Uuid, String, Vec<u8>, i64)> =
        rows_of(desk, "intake", "SELECT ticket_id, reference, body, revision FROM ticket WHERE client_id = $1", client)
            .await?;
    for (ticket_id, reference, body, revision) in rows {
        let matter = RegisteredTicket::decode(body.as_slice())?.matter.unwrap_or_default();
        let request_id = request_of(&matter.subject);
        view.registered.push(Kept { ticket_id, reference: Some(reference), request_id });
        view.given.insert((ticket_id, "intake"), revision);
    }
    let rows: Vec<(Uuid, String, String, i64)> = rows_of(
        desk,
        "triage",
        "SELECT ticket_id, reference, subject, revision FROM ticket WHERE client_id = $1",
        client,
    )
    .await?;
    for (ticket_id, reference, subject, revision) in rows {
        let kept = Kept { ticket_id, reference: Some(reference), request_id: request_of(&subject) };
        view.listeners.entry("triage").or_default().push(kept);
        view.given.insert((ticket_id, "triage"), revision);
    }
    let query = "SELECT ticket_id, reference, revision FROM ticket WHERE client_id = $1 AND is_registered";
    let rows: Vec<(Uuid, String, i64)> = rows_of(desk, "sla-timer", query, client).await?;
    for (ticket_id, reference, revision) in rows {
        let kept = Kept { ticket_id, reference: Some(reference), request_id: None };
        view.listeners.entry("sla-timer").or_default().push(kept);
        view.given.insert((ticket_id, "sla-timer"), revision);
    }
    knowledge(desk, client, &mut view).await?;
    reporting(desk, client, &mut view).await?;
    for service in &SERVICES {
        let count = number(desk, service.name(), "SELECT count(*) FROM dead_letter").await?;
        view.dead_letters.insert(service.name(), count);
    }
    Ok(view)
}

/// The knowledge base keeps which tickets it answered, triage what the answer was. Both only if there is an article.
async fn knowledge(desk: &Desk, client: &str, view: &mut View) -> anyhow::Result<()> {
    if number(desk, "knowledge-base", "SELECT count(*) FROM published_article").await? == 0 {
        return Ok(());
    }
    let by_ticket = |rows: Vec<(Uuid,)>| {
        rows.into_iter()
            .map(|(ticket_id,)| Kept { ticket_id, reference: None, request_id: None })
            .collect::<Vec<Kept>>()
    };
    let answered =
        rows_of(desk, "knowledge-base", "SELECT ticket_id FROM suggested_ticket WHERE client_id = $1", client);
    view.listeners.insert("knowledge-base", by_ticket(answered.await?));
    let heard = rows_of(desk, "triage", "SELECT ticket_id FROM suggestion WHERE client_id = $1", client);
    view.listeners.insert("triage (suggestions)", by_ticket(heard.await?));
    Ok(())
}

async fn reporting(desk: &Desk, client: &str, view: &mut View) -> anyhow::Result<()> {
    let query = "SELECT ticket_id, reference, subject FROM ticket_figures
                 WHERE client_id = $1 AND registered_at IS NOT NULL";
    let figures: Vec<(Uuid, String, String)> = rows_of(desk, "reporting", query, client).await?;
    let kept = figures.into_iter().map(|(ticket_id, reference, subject)| Kept {
        ticket_id,
        reference: Some(reference),
        request_id: request_of(&subject),
    });
    view.listeners.insert("reporting", kept.collect());
    let query = "SELECT ticket_id, source, revision, name FROM fact WHERE client_id = $1";
    let facts: Vec<(Uuid, i16, i64, String)> = rows_of(desk, "reporting", query, client).await?;
    for (ticket_id, source, revision, fact) in facts {
        let service = SOURCES.get(usize::try_from(source)?.saturating_sub(1)).context("a fact of an unknown source")?;
        view.history.push(Told { ticket_id, service, revision, fact });
    }
    Ok(())
}

fn request_of(subject: &str) -> Option<String> {
    Some(subject.strip_prefix(SUBJECT)?.trim().to_owned())
}

async fn rows_of<R>(desk: &Desk, service: &str, query: &'static str, client: &str) -> anyhow::Result<Vec<R>>
where
    R: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    let mut store = superuser(desk, service).await?;
    let rows = sqlx::query_as(query).bind(client).fetch_all(&mut store).await?;
    store.close().await?;
    Ok(rows)
}

/// All rows of some tables as text, to be compared before and after something that must change nothing.
///
/// # Errors
/// If Postgres does not answer.
pub async fn everything(desk: &Desk) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    const TABLES: [(&str, &[&str]); 5] = [
        ("intake", &["ticket", "message"]),
        ("triage", &["ticket", "history", "suggestion", "reply"]),
        ("sla-timer", &["ticket", "fact", "clock"]),
        ("knowledge-base", &["suggested_ticket", "ticket_outcome"]),
        ("reporting", &["fact", "ticket_figures", "clock_figures", "open_interval"]),
    ];
    let mut everything = BTreeMap::new();
    for (service, tables) in TABLES {
        let mut store = superuser(desk, service).await?;
        for table in tables {
            let query = format!("SELECT row_to_json(t)::text FROM {table} t");
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut store).await?;
            let count = rows.len();
            let rows: BTreeSet<String> = rows.into_iter().collect();
            anyhow::ensure!(rows.len() == count, "{service}.{table} has two equal rows");
            everything.insert(format!("{service}.{table}"), rows);
        }
        let announced: Vec<String> =
            sqlx::query_scalar("SELECT event_id::text FROM outbox").fetch_all(&mut store).await?;
        everything.insert(format!("{service}.outbox"), announced.into_iter().collect());
        store.close().await?;
    }
    Ok(everything)
}
