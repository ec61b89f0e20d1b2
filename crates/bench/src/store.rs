//! The SQL of the benchmarks: the raw limits' own plain tables, and counting in the services' stores.

pub(crate) mod bare;
pub(crate) mod clocks;
pub(crate) mod count;
pub(crate) mod tickets;

use anyhow::Context;
use local::servers::Postgres;
use sqlx::postgres::PgCopyIn;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

/// The superuser of the desk's own Postgres.
const SUPERUSER: &str = "desk";
/// The database of the raw limits.
pub(crate) const RAW: &str = "bench_raw";

/// Tickets and their announcements without a guard, an inbox, a reference's counter or anything else.
const RAW_TABLES: &str = "
    CREATE TABLE ticket (
        client_id text NOT NULL, ticket_id uuid NOT NULL, reference text NOT NULL, source text NOT NULL,
        external_ref text NOT NULL, body bytea NOT NULL, registered_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (client_id, ticket_id));
    CREATE TABLE outbox (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid NOT NULL, client_id text NOT NULL,
        ticket_id uuid NOT NULL, subject text NOT NULL, payload bytea NOT NULL, traceparent text NOT NULL);";

/// What a ticket's columns have in the service's own store, on average: the raw rows get the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) body: usize,
    pub(crate) payload: usize,
}

/// A connection as the superuser.
pub(crate) async fn connect(postgres: &Postgres, database: &str) -> anyhow::Result<PgConnection> {
    let url = postgres.url(database, SUPERUSER);
    PgConnection::connect(&url).await.with_context(|| format!("cannot connect to {database}"))
}

/// Tables with something in them. What fits on fewer pages is planned for as if it had ten, until it has been looked at:
/// looked at now, it would be read from end to end while it grows.
const FILLED: &str = "
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname = 'public' AND pg_relation_size(c.oid) >= 10 * 8192";

/// Gives the tables of every store the statistics of what they hold now, as Postgres does by itself sooner or later;
/// then a checkpoint.
pub(crate) async fn freshen(postgres: &Postgres) -> anyhow::Result<()> {
    let mut connection = connect(postgres, "postgres").await?;
    let stores: Vec<String> = sqlx::query_scalar("SELECT datname::text FROM pg_database WHERE NOT datistemplate")
        .fetch_all(&mut connection)
        .await?;
    connection.close().await?;
    for store in stores {
        let mut connection = connect(postgres, &store).await?;
        let tables: Vec<String> = sqlx::query_scalar(FILLED).fetch_all(&mut connection).await?;
        if !tables.is_empty() {
            connection.execute(AssertSqlSafe(format!("ANALYZE {}", tables.join(", ")))).await?;
        }
        connection.close().await?;
    }
    checkpoint(postgres).await
}

/// Writes rows of the text form; with their columns behind the table's name.
pub(crate) async fn copy(connection: &mut PgConnection, table: &str, rows: &str) -> anyhow::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = format!("COPY {table} FROM STDIN");
    let mut copy: PgCopyIn<&mut PgConnection> = connection.copy_in_raw(&statement).await?;
    copy.send(rows.as_bytes()).await?;
    copy.finish().await.context("rows could not be copied")?;
    Ok(())
}

/// Writes all changed pages to disk, so that no measurement pays for the one before it.
pub(crate) async fn checkpoint(postgres: &Postgres) -> anyhow::Result<()> {
    let mut connection = connect(postgres, "postgres").await?;
    connection.execute("CHECKPOINT").await?;
    Ok(connection.close().await?)
}

/// Makes the raw limits' database with empty tables.
pub(crate) async fn prepare_raw(postgres: &Postgres) -> anyhow::Result<()> {
    let mut connection = connect(postgres, "postgres").await?;
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {RAW}"))).await?;
    connection.close().await?;
    let mut connection = connect(postgres, RAW).await?;
    sqlx::raw_sql(RAW_TABLES).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Rows of the raw limits, ready to be written.
#[derive(Debug)]
pub(crate) struct Writer {
    connection: PgConnection,
    body: Vec<u8>,
    payload: Vec<u8>,
}

const SUBJECT: &str = "skranke.intake.v1.ticket_registered.bench-00";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

impl Writer {
    pub(crate) async fn connect(postgres: &Postgres, sizes: Sizes) -> anyhow::Result<Self> {
        let connection = connect(postgres, RAW).await?;
        Ok(Self { connection, body: vec![b'x'; sizes.body], payload: vec![b'x'; sizes.payload] })
    }

    /// One ticket with its announcement: one prepared statement, one commit.
    pub(crate) async fn one(&mut self, number: u64) -> sqlx::Result<()> {
        let ticket_id = chassis::new_id();
        sqlx::query(
            "WITH registered AS (
                 INSERT INTO ticket (client_id, ticket_id, reference, source, external_ref, body)
                 VALUES ($1, $2, $3, 'monitoring', $3, $4) RETURNING client_id, ticket_id)
             INSERT INTO outbox (event_id, client_id, ticket_id, subject, payload, traceparent)
             SELECT $5, client_id, ticket_id, $6, $7, $8 FROM registered",
        )
        .bind("bench-00")
        .bind(ticket_id)
        .bind(format!("BENCH0-{number}"))
        .bind(self.body.as_slice())
        .bind(chassis::new_id())
        .bind(SUBJECT)
        .bind(self.payload.as_slice())
        .bind(TRACEPARENT)
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    /// Many at once.
    pub(crate) async fn many(&mut self, first: u64, rows: u64) -> sqlx::Result<()> {
        let ticket_ids: Vec<Uuid> = (0..rows).map(|_| chassis::new_id()).collect();
        let event_ids: Vec<Uuid> = (0..rows).map(|_| chassis::new_id()).collect();
        let references: Vec<String> = (first..first + rows).map(|number| format!("BENCH0-{number}")).collect();
        let bodies = vec![self.body.as_slice(); ticket_ids.len()];
        let payloads = vec![self.payload.as_slice(); ticket_ids.len()];
        sqlx::query(
            "WITH registered AS (
                 INSERT INTO ticket (client_id, ticket_id, reference, source, external_ref, body)
                 SELECT $1, ticket_id, reference, 'monitoring', reference, body
                 FROM (SELECT UNNEST($2::uuid[]) AS ticket_id, UNNEST($3::text[]) AS reference,
                       UNNEST($4::bytea[]) AS body) AS it)
             INSERT INTO outbox (event_id, client_id, ticket_id, subject, payload, traceparent)
             SELECT event_id, $1, ticket_id, $5, payload, $6
             FROM (SELECT UNNEST($7::uuid[]) AS event_id, UNNEST($2::uuid[]) AS ticket_id,
                   UNNEST($8::bytea[]) AS payload) AS it",
        )
        .bind("bench-00")
        .bind(&ticket_ids)
        .bind(&references)
        .bind(bodies)
        .bind(SUBJECT)
        .bind(TRACEPARENT)
        .bind(event_ids)
        .bind(payloads)
        .execute(&mut self.connection)
        .await
        .map(drop)
    }
}
