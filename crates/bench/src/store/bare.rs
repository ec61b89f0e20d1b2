//! The bare pipeline's tables: rows and outboxes as plain as can be.

use local::servers::Postgres;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{RAW, Sizes, connect};

const TABLES: &str = "
    CREATE TABLE first (ticket_id uuid PRIMARY KEY, body bytea NOT NULL);
    CREATE TABLE first_outbox (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ticket_id uuid NOT NULL, payload bytea NOT NULL);
    CREATE TABLE second (ticket_id uuid PRIMARY KEY, body bytea NOT NULL);
    CREATE TABLE second_outbox (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ticket_id uuid NOT NULL, payload bytea NOT NULL);
    CREATE TABLE third (ticket_id uuid PRIMARY KEY, body bytea NOT NULL);
    CREATE TABLE third_outbox (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ticket_id uuid NOT NULL, payload bytea NOT NULL);";

/// Makes them in the raw limits' database.
pub(crate) async fn prepare(postgres: &Postgres) -> anyhow::Result<()> {
    let mut connection = connect(postgres, RAW).await?;
    sqlx::raw_sql(TABLES).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// A listener of the bare pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Hears of posts.
    Second,
    /// Hears of what the second made of them.
    Third,
}

/// A connection of the bare pipeline.
#[derive(Debug)]
pub(crate) struct Bare {
    connection: PgConnection,
    body: Vec<u8>,
    payload: Vec<u8>,
}

impl Bare {
    pub(crate) async fn connect(postgres: &Postgres, sizes: Sizes) -> anyhow::Result<Self> {
        let connection = connect(postgres, RAW).await?;
        Ok(Self { connection, body: vec![b'x'; sizes.body], payload: vec![b'x'; sizes.payload] })
    }

    /// One post: its row and what is to be told of it, in one commit.
    pub(crate) async fn post(&mut self, ticket_id: Uuid) -> sqlx::Result<()> {
        sqlx::query(
            "WITH kept AS (INSERT INTO first (ticket_id, body) VALUES ($1, $2))
             INSERT INTO first_outbox (ticket_id, payload) VALUES ($1, $3)",
        )
        .bind(ticket_id)
        .bind(self.body.as_slice())
        .bind(self.payload.as_slice())
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    /// What a listener makes of a batch: rows and what is to be told of them, in one commit; repeats change nothing.
    pub(crate) async fn handle(&mut self, stage: Stage, ticket_ids: &[Uuid]) -> sqlx::Result<()> {
        let sql = match stage {
            Stage::Second => {
                "WITH kept AS (
                     INSERT INTO second (ticket_id, body) SELECT ticket_id, $2 FROM UNNEST($1::uuid[]) AS it (ticket_id)
                     ON CONFLICT DO NOTHING RETURNING ticket_id)
                 INSERT INTO second_outbox (ticket_id, payload) SELECT ticket_id, $3 FROM kept"
            }
            Stage::Third => {
                "WITH kept AS (
                     INSERT INTO third (ticket_id, body) SELECT ticket_id, $2 FROM UNNEST($1::uuid[]) AS it (ticket_id)
                     ON CONFLICT DO NOTHING RETURNING ticket_id)
                 INSERT INTO third_outbox (ticket_id, payload) SELECT ticket_id, $3 FROM kept"
            }
        };
        sqlx::query(sql)
            .bind(ticket_ids)
            .bind(self.body.as_slice())
            .bind(self.payload.as_slice())
            .execute(&mut self.connection)
            .await
            .map(drop)
    }
}
