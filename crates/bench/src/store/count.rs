//! What is in the services' stores, seen past their walls.

use local::Service;
use local::servers::Postgres;
use sqlx::Connection;
use uuid::Uuid;

use super::{Sizes, connect};

/// Ids looked up at once.
const AT_ONCE: usize = 10_000;

/// What intake has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Intake {
    /// Its tickets.
    pub(crate) tickets: u64,
    /// What it has to announce of them.
    pub(crate) outbox: u64,
    /// Of the ids asked for, how many are there.
    pub(crate) present: u64,
}

/// The mean sizes of intake's columns.
pub(crate) async fn sizes(postgres: &Postgres) -> anyhow::Result<Sizes> {
    let mut connection = connect(postgres, "intake").await?;
    let (body, payload): (i32, i32) = sqlx::query_as(
        "SELECT (SELECT coalesce(avg(octet_length(body)), 600)::int FROM ticket),
                (SELECT coalesce(avg(octet_length(payload)), 700)::int FROM outbox)",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok(Sizes { body: usize::try_from(body)?, payload: usize::try_from(payload)? })
}

/// Counts intake's tickets and looks for the acknowledged ones.
pub(crate) async fn intake(postgres: &Postgres, acknowledged: &[Uuid]) -> anyhow::Result<Intake> {
    let mut connection = connect(postgres, "intake").await?;
    let (tickets, outbox): (i64, i64) =
        sqlx::query_as("SELECT (SELECT count(*) FROM ticket), (SELECT count(*) FROM outbox)")
            .fetch_one(&mut connection)
            .await?;
    let mut present = 0;
    for ids in acknowledged.chunks(AT_ONCE) {
        let found: i64 = sqlx::query_scalar("SELECT count(*) FROM ticket WHERE ticket_id = ANY($1)")
            .bind(ids)
            .fetch_one(&mut connection)
            .await?;
        present += u64::try_from(found)?;
    }
    connection.close().await?;
    Ok(Intake { tickets: u64::try_from(tickets)?, outbox: u64::try_from(outbox)?, present })
}

/// Counts rows of a service's store that belong to tickets: `count(*)` and `count(DISTINCT ticket_id)`.
pub(crate) async fn rows(postgres: &Postgres, service: Service, of: Rows) -> anyhow::Result<(u64, u64)> {
    let mut connection = connect(postgres, &service.database()).await?;
    let sql = match of {
        Rows::Tickets => "SELECT count(*), count(DISTINCT ticket_id) FROM ticket",
        Rows::Announced => "SELECT count(*), count(DISTINCT ticket_id) FROM outbox",
        Rows::Facts => "SELECT count(*), count(DISTINCT ticket_id) FROM fact",
        Rows::DeadLetters => "SELECT count(*), 0::bigint FROM dead_letter",
    };
    let (rows, tickets): (i64, i64) = sqlx::query_as(sql).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok((u64::try_from(rows)?, u64::try_from(tickets)?))
}

/// Which rows are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Tickets, of which a service has one row each.
    Tickets,
    /// What it announced.
    Announced,
    /// What reporting knows.
    Facts,
    /// Messages that could not be handled.
    DeadLetters,
}
