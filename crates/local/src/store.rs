//! A database per service in the desk's one Postgres, and the roles that the services use.

use anyhow::Context;
use chassis::{Error, Ground};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::servers::Postgres;
use crate::services::SERVICES;

/// Owns the tables.
const OWNER: &str = "desk_owner";
/// Neither owns nor bypasses anything.
const SERVANTS: [&str; 2] = ["desk_app", "desk_machinery"];

/// Makes roles and databases where they are missing and brings every schema up to date.
///
/// # Errors
/// If Postgres refuses, or a migration fails.
pub(crate) async fn prepare(postgres: &Postgres) -> anyhow::Result<()> {
    let mut connection =
        PgConnection::connect(&postgres.superuser_url()).await.context("Postgres does not let its superuser in")?;
    for role in [OWNER].iter().chain(&SERVANTS) {
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)")
            .bind(role)
            .fetch_one(&mut connection)
            .await?;
        if !exists {
            connection.execute(AssertSqlSafe(format!("CREATE ROLE {role} LOGIN NOBYPASSRLS"))).await?;
        }
    }
    for service in SERVICES {
        let database = service.database();
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
            .bind(&database)
            .fetch_one(&mut connection)
            .await?;
        if !exists {
            connection.execute(AssertSqlSafe(format!("CREATE DATABASE {database} OWNER {OWNER}"))).await?;
        }
    }
    connection.close().await?;
    for service in SERVICES {
        chassis::store::migrate(&postgres.url(&service.database(), OWNER), service.schema)
            .await
            .with_context(|| format!("the store of {}", service.name()))?;
    }
    Ok(())
}

/// How many tickets have a clock that is due and has not spoken yet.
///
/// # Errors
/// If the store failed.
pub(crate) async fn silent_clocks(sla_timer: &Ground) -> Result<i64, Error> {
    let clock = sla_timer.clock.clone();
    sla_timer
        .store
        .machinery(move |connection| {
            Box::pin(async move {
                let now = chassis::store::now(connection, &clock).await?;
                Ok(sqlx::query_scalar("SELECT count(*) FROM ticket WHERE next_at <= $1")
                    .bind(jiff_sqlx::Timestamp::from(now))
                    .fetch_one(connection)
                    .await?)
            })
        })
        .await
}
