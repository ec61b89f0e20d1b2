//! A database whose clock is wrong, and jumps.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use local::Desk;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::observe;

/// Functions that are found before Postgres' own, and a note of what is announced when by them. Nothing that is named with
/// its schema, and no default of a column, goes by them.
const MOVED: &str = "
    CREATE SCHEMA moved;
    CREATE TABLE moved.ahead (ahead_by interval NOT NULL);
    INSERT INTO moved.ahead VALUES ('0');
    CREATE FUNCTION moved.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS 'SELECT pg_catalog.clock_timestamp() + ahead_by FROM moved.ahead';
    CREATE FUNCTION moved.now() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS 'SELECT pg_catalog.now() + ahead_by FROM moved.ahead';
    CREATE TABLE moved.noted (event_id uuid NOT NULL, at timestamptz NOT NULL);
    CREATE FUNCTION moved.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            INSERT INTO moved.noted VALUES (NEW.event_id, moved.clock_timestamp());
            RETURN NULL;
        END $$;
    CREATE TRIGGER note AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION moved.note();
    GRANT USAGE ON SCHEMA moved TO PUBLIC;
    GRANT SELECT ON moved.ahead TO PUBLIC";

/// The clock of a service's store.
#[derive(Debug)]
pub struct MovedStore {
    store: PgConnection,
}

impl MovedStore {
    /// Takes the clock of a store over, for all connections that are made from now on. It is right until it is moved.
    ///
    /// # Errors
    /// If Postgres does not let us.
    pub async fn take_over(desk: &Desk, service: &str) -> anyhow::Result<Self> {
        let mut first = observe::superuser(desk, service).await?;
        first.execute(MOVED).await?;
        let database: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&mut first).await?;
        let path = format!("ALTER DATABASE {database} SET search_path = moved, pg_catalog, public");
        first.execute(AssertSqlSafe(path)).await?;
        first.close().await?;
        Ok(Self { store: observe::superuser(desk, service).await? })
    }

    /// The instant now, by it.
    ///
    /// # Errors
    /// If Postgres does not answer.
    pub async fn now(&mut self) -> anyhow::Result<Timestamp> {
        let now: jiff_sqlx::Timestamp =
            sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&mut self.store).await?;
        Ok(now.to_jiff())
    }

    /// Lets it jump; back, if that is negative.
    ///
    /// # Errors
    /// If Postgres does not answer.
    pub async fn jump(&mut self, by: SignedDuration) -> anyhow::Result<()> {
        sqlx::query("UPDATE moved.ahead SET ahead_by = ahead_by + make_interval(secs => $1)")
            .bind(by.as_secs_f64())
            .execute(&mut self.store)
            .await?;
        Ok(())
    }

    /// When each fact was written to the outbox, by it.
    ///
    /// # Errors
    /// If Postgres does not answer.
    pub async fn noted(&mut self) -> anyhow::Result<BTreeMap<String, Timestamp>> {
        let noted: Vec<(Uuid, jiff_sqlx::Timestamp)> =
            sqlx::query_as("SELECT event_id, at FROM moved.noted").fetch_all(&mut self.store).await?;
        Ok(noted.into_iter().map(|(event_id, at)| (event_id.to_string(), at.to_jiff())).collect())
    }
}
