//! Running clocks in the SLA timer's store, written past its walls; and the raw limit of firing them.

use jiff::Timestamp;
use local::Service;
use local::servers::Postgres;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use super::{RAW, connect, copy};
use crate::clocks::Armed;
use crate::clocks::Rows as ArmedRows;

/// Writes tickets, facts and clocks as the service would have.
#[derive(Debug)]
pub(crate) struct Loader(PgConnection);

impl Loader {
    pub(crate) async fn connect(postgres: &Postgres, service: &Service) -> anyhow::Result<Self> {
        Ok(Self(connect(postgres, &service.database()).await?))
    }

    /// Writes them, in one transaction.
    pub(crate) async fn write(&mut self, rows: &ArmedRows) -> anyhow::Result<()> {
        let mut transaction = self.0.begin().await?;
        copy(
            &mut transaction,
            "ticket (client_id, ticket_id, reference, is_registered, contract_version, revision, shard, next_at,
                     is_settled)",
            &rows.tickets,
        )
        .await?;
        copy(
            &mut transaction,
            "fact (client_id, ticket_id, event_id, source, revision, occurred_at, kind)",
            &rows.facts,
        )
        .await?;
        copy(
            &mut transaction,
            "clock (client_id, clock_id, ticket_id, metric, cycle, state, started_at, due_at, elapsed_ms,
                    target_ms, calendar, next_at, next_alarm, generation, warned)",
            &rows.clocks,
        )
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Once all are written: what Postgres does by itself sooner or later.
    pub(crate) async fn tidy(&mut self) -> anyhow::Result<()> {
        for table in ["ticket", "alarm", "fact", "clock"] {
            self.0.execute(sqlx::AssertSqlSafe(format!("VACUUM (ANALYZE) {table}"))).await?;
        }
        Ok(())
    }

    /// Bytes of tickets, alarms, facts and clocks with their indexes.
    pub(crate) async fn bytes(&mut self) -> anyhow::Result<u64> {
        let bytes: i64 = sqlx::query_scalar(
            "SELECT (pg_total_relation_size('ticket') + pg_total_relation_size('alarm')
                     + pg_total_relation_size('fact') + pg_total_relation_size('clock'))::bigint",
        )
        .fetch_one(&mut self.0)
        .await?;
        Ok(u64::try_from(bytes)?)
    }

    /// Lets the service look at these tickets at once. Returns when it would have looked.
    pub(crate) async fn look_now(&mut self, ticket_ids: &[Uuid]) -> anyhow::Result<Vec<(Uuid, Timestamp)>> {
        let before = self.next(ticket_ids).await?;
        sqlx::query("UPDATE ticket SET next_at = clock_timestamp() WHERE ticket_id = ANY($1)")
            .bind(ticket_ids)
            .execute(&mut self.0)
            .await?;
        Ok(before)
    }

    /// When the service looks at these tickets next.
    pub(crate) async fn next(&mut self, ticket_ids: &[Uuid]) -> anyhow::Result<Vec<(Uuid, Timestamp)>> {
        let rows: Vec<(Uuid, jiff_sqlx::Timestamp)> = sqlx::query_as(
            "SELECT ticket_id, next_at FROM ticket WHERE ticket_id = ANY($1) AND next_at IS NOT NULL ORDER BY 1",
        )
        .bind(ticket_ids)
        .fetch_all(&mut self.0)
        .await?;
        Ok(rows.into_iter().map(|(ticket_id, at)| (ticket_id, at.to_jiff())).collect())
    }

    /// Clocks of these tickets whose row is still the one that was loaded.
    pub(crate) async fn untouched(&mut self, ticket_ids: &[Uuid], generation: i64) -> anyhow::Result<u64> {
        let rows: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM clock WHERE ticket_id = ANY($1) AND state = 'running' AND breached_at IS NULL
             AND generation = $2",
        )
        .bind(ticket_ids)
        .bind(generation)
        .fetch_one(&mut self.0)
        .await?;
        Ok(u64::try_from(rows)?)
    }

    /// Clocks in all, of them breached, and breaches in the outbox by their rows and by their event.
    pub(crate) async fn count(&mut self) -> anyhow::Result<Counted> {
        let (clocks, breached, told, distinct): (i64, i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM clock), (SELECT count(*) FROM clock WHERE breached_at IS NOT NULL),
                    count(*), count(DISTINCT event_id)
             FROM outbox WHERE subject LIKE '%.clock_breached.%'",
        )
        .fetch_one(&mut self.0)
        .await?;
        Ok(Counted {
            clocks: u64::try_from(clocks)?,
            breached: u64::try_from(breached)?,
            told: u64::try_from(told)?,
            distinct: u64::try_from(distinct)?,
        })
    }

    /// What the outbox has to tell of these tickets.
    pub(crate) async fn told_of(&mut self, ticket_ids: &[Uuid]) -> anyhow::Result<u64> {
        let told: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE ticket_id = ANY($1)")
            .bind(ticket_ids)
            .fetch_one(&mut self.0)
            .await?;
        Ok(u64::try_from(told)?)
    }

    pub(crate) async fn close(self) -> anyhow::Result<()> {
        Ok(self.0.close().await?)
    }
}

/// Rows at the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) clocks: u64,
    pub(crate) breached: u64,
    pub(crate) told: u64,
    pub(crate) distinct: u64,
}

/// The raw limit: clocks in a plain table, and a plain table for what they say.
const TABLES: &str = "
    CREATE TABLE due (
        client_id text NOT NULL, clock_id uuid NOT NULL, ticket_id uuid NOT NULL, due_at timestamptz NOT NULL,
        fired_at timestamptz, PRIMARY KEY (client_id, clock_id));
    CREATE INDEX due_at ON due (due_at) WHERE fired_at IS NULL;
    CREATE TABLE due_outbox (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, clock_id uuid NOT NULL, subject text NOT NULL,
        payload bytea NOT NULL);";

/// Clocks that one statement of the raw limit claims.
pub(crate) const CLAIMED: i64 = 200;
/// Bytes of an announcement; about those of a breach.
const PAYLOAD: usize = 420;

/// Makes the raw limit's tables in its database.
pub(crate) async fn prepare_bare(postgres: &Postgres) -> anyhow::Result<()> {
    let mut connection = connect(postgres, RAW).await?;
    sqlx::raw_sql(TABLES).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// One that claims and marks.
#[derive(Debug)]
pub(crate) struct Claimer {
    connection: PgConnection,
    payload: Vec<u8>,
}

impl Claimer {
    pub(crate) async fn connect(postgres: &Postgres) -> anyhow::Result<Self> {
        Ok(Self { connection: connect(postgres, RAW).await?, payload: vec![b'x'; PAYLOAD] })
    }

    /// Writes clocks to fire.
    pub(crate) async fn load(&mut self, all: &[Armed]) -> anyhow::Result<()> {
        let clients: Vec<String> = all.iter().map(|one| crate::post::client_id(one.client)).collect();
        let clocks: Vec<Uuid> = all.iter().map(Armed::clock_id).collect();
        let tickets: Vec<Uuid> = all.iter().map(|one| one.ticket_id).collect();
        let due: Vec<jiff_sqlx::Timestamp> = all.iter().map(|one| one.due_at.into()).collect();
        sqlx::query(
            "INSERT INTO due (client_id, clock_id, ticket_id, due_at)
             SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::uuid[]), UNNEST($4::timestamptz[])",
        )
        .bind(clients)
        .bind(clocks)
        .bind(tickets)
        .bind(due)
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    /// Claims, marks and tells of a batch of what is due, in one statement and commit. Returns the due instants.
    pub(crate) async fn claim(&mut self) -> sqlx::Result<Vec<Timestamp>> {
        let rows: Vec<jiff_sqlx::Timestamp> = sqlx::query_scalar(
            "WITH claimed AS (
                 SELECT client_id, clock_id FROM due WHERE fired_at IS NULL AND due_at <= clock_timestamp()
                 ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED),
             marked AS (
                 UPDATE due SET fired_at = clock_timestamp() FROM claimed
                 WHERE due.client_id = claimed.client_id AND due.clock_id = claimed.clock_id
                 RETURNING due.clock_id, due.due_at),
             told AS (
                 INSERT INTO due_outbox (clock_id, subject, payload)
                 SELECT clock_id, 'skranke.sla_timer.v1.clock_breached.bench-00', $2 FROM marked)
             SELECT due_at FROM marked",
        )
        .bind(CLAIMED)
        .bind(self.payload.as_slice())
        .fetch_all(&mut self.connection)
        .await?;
        Ok(rows.into_iter().map(jiff_sqlx::Timestamp::to_jiff).collect())
    }
}
