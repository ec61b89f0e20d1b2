//! The service's Postgres store: the one way to read and write it.

use std::collections::HashSet;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures::future::BoxFuture;
use jiff::Timestamp;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, Transaction};
use tokio::sync::Notify;
use tracing::{Instrument, Span};

use crate::metrics::Metrics;
use crate::{Clock, Error, Scope, outbox, telemetry};

/// The chassis' own tables; versions below 100. A service's begin at 100 and go to the same database.
pub(crate) static CHASSIS: Migrator = sqlx::migrate!("./migrations");

/// Statements that take longer are ended by Postgres; below every RPC deadline of ours.
const STATEMENT_FOR: &str = "20s";
/// A transaction that its owner has forgotten is ended by Postgres.
const IDLE_FOR: &str = "10s";

/// How often a migration is tried again after a deadlock.
const MOST_DEADLOCKS: u32 = 20;

/// How long nobody used a connection that is asked whether it still lives.
const ASK_AFTER: Duration = Duration::from_secs(1);
/// Begins a transaction, on a connection where none is open: it sets what can be set before the first query only, so that
/// beginning within another's transaction fails instead of joining it.
const BEGIN: &str = "BEGIN NOT DEFERRABLE";

/// A store: the application's connections, guarded by client, and the machinery's.
#[derive(Debug, Clone)]
pub struct Store {
    app: PgPool,
    machinery: PgPool,
    committed: Arc<Notify>,
    service: &'static str,
    metrics: Option<Arc<Metrics>>,
}

/// How to reach a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// As `desk_app`.
    pub app_url: String,
    /// As `desk_machinery`.
    pub machinery_url: String,
    /// Most connections of the application.
    pub connections: u32,
}

impl Store {
    /// Prepares the pools without connecting: Postgres may come up later than we do.
    ///
    /// # Errors
    /// If a URL cannot be read.
    pub fn open(config: &StoreConfig, service: &'static str) -> anyhow::Result<Self> {
        let pool = |url: &str, connections: u32| -> anyhow::Result<PgPool> {
            let options = PgConnectOptions::from_str(url)
                .context("the database URL cannot be read; it looks like postgres://desk_app@host:5432/intake")?
                .application_name(service)
                .options([
                    ("statement_timeout", STATEMENT_FOR),
                    ("idle_in_transaction_session_timeout", IDLE_FOR),
                    ("TimeZone", "UTC"),
                    // A statement is planned once: planning each execution costs more than it gains, since everything
                    // has its index. The plan may be made while the table is still empty, where reading all of it
                    // looks cheap, and be kept while it grows: so the index is always taken.
                    ("plan_cache_mode", "force_generic_plan"),
                    ("enable_seqscan", "off"),
                    // The costs of a plan that must read a whole table after all would call for compiling it.
                    ("jit", "off"),
                ]);
            Ok(PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(5))
                .idle_timeout(Duration::from_secs(600))
                .test_before_acquire(false)
                // Whether a connection that nobody used for a while still lives. Of one that was just used, the
                // beginning of the next transaction tells; asking each time would cost as much as a statement.
                .before_acquire(|connection, known| {
                    Box::pin(async move {
                        if known.idle_for >= ASK_AFTER {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                })
                .connect_lazy_with(options))
        };
        Ok(Self {
            app: pool(&config.app_url, config.connections)?,
            machinery: pool(&config.machinery_url, 4)?,
            committed: Arc::default(),
            service,
            metrics: None,
        })
    }

    /// Tells these how long units of work take.
    pub(crate) fn measured_by(self, metrics: &Arc<Metrics>) -> Self {
        Self { metrics: Some(Arc::clone(metrics)), ..self }
    }

    /// Runs a whole unit of work in one transaction, scoped to clients, in a task of its own.
    ///
    /// The task is what makes it safe: a caller that gives up (deadline, disconnect) drops only its handle. With
    /// sqlx 0.9.0 a dropped `begin()` could leave its transaction open on a pooled connection, and the next
    /// borrower's acknowledged writes would vanish with it.
    ///
    /// # Errors
    /// What `work` returns (rolled back), or that the store failed.
    pub async fn unit_of_work<T, E, W>(&self, scope: &Scope, work: W) -> Result<T, E>
    where
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let begin = format!("{BEGIN}; SET LOCAL app.clients = '{}'", scope.setting());
        self.transact(self.app.clone(), "write", begin, work).await
    }

    /// Like [`Store::unit_of_work`], but nothing can be written.
    ///
    /// # Errors
    /// What `work` returns, or that the store failed.
    pub async fn read<T, E, W>(&self, scope: &Scope, work: W) -> Result<T, E>
    where
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let begin = format!("{BEGIN} READ ONLY; SET LOCAL app.clients = '{}'", scope.setting());
        self.transact(self.app.clone(), "read", begin, work).await
    }

    /// A unit of work of the machinery: sees only what its policies name (outbox, leases, dead letters, due clocks).
    ///
    /// # Errors
    /// What `work` returns (rolled back), or that the store failed.
    pub async fn machinery<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.transact(self.machinery.clone(), "machinery", BEGIN.to_owned(), work).await
    }

    /// One reading statement of the machinery, without a transaction around it: for what is asked all the time.
    ///
    /// # Errors
    /// What `look` returns, or that the store failed.
    pub(crate) async fn look<T, E, W>(&self, look: W) -> Result<T, E>
    where
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let pool = self.machinery.clone();
        let unit = async move {
            let mut connection = pool.acquire().await.map_err(Error::from)?;
            look(&mut connection).await
        };
        tokio::spawn(unit.in_current_span()).await.unwrap_or_else(|join| Err(panicked(&join).into()))
    }

    async fn transact<T, E, W>(&self, pool: PgPool, kind: &'static str, begin: String, work: W) -> Result<T, E>
    where
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let committed = Arc::clone(&self.committed);
        let unit = async move {
            let mut transaction = begin_on(&pool, begin).await?;
            match outbox::watched(work(&mut transaction)).await {
                (Ok(value), announces) => {
                    transaction.commit().await.map_err(Error::from)?;
                    if announces {
                        committed.notify_one();
                    }
                    Ok(value)
                }
                (Err(error), _) => {
                    // A failed rollback closes the connection, which rolls back as well.
                    let _rolled_back = transaction.rollback().await;
                    Err(error)
                }
            }
        };
        let begun_at = Instant::now();
        let span = match telemetry::unit_of_work(self.service, kind) {
            span if span.is_none() => Span::current(),
            span => span,
        };
        let outcome = tokio::spawn(unit.instrument(span)).await;
        if let Some(metrics) = &self.metrics {
            metrics.unit_of_work(kind, begun_at.elapsed());
        }
        outcome.unwrap_or_else(|join| Err(panicked(&join).into()))
    }

    /// Resolves after a commit of this process that announces something, so that the relay need not poll.
    pub(crate) async fn committed(&self) {
        self.committed.notified().await;
    }

    /// The migrations that the store has.
    ///
    /// # Errors
    /// If the store failed, or was never migrated.
    pub(crate) async fn schema(&self) -> Result<HashSet<i64>, Error> {
        self.read(&Scope::Clients(Default::default()), |connection| {
            Box::pin(async move {
                let versions: Vec<i64> = sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
                    .fetch_all(connection)
                    .await?;
                Ok(versions.into_iter().collect())
            })
        })
        .await
    }

    /// Whether a row could be read now.
    ///
    /// # Errors
    /// That it could not, and why.
    pub async fn check(&self) -> Result<(), Error> {
        self.machinery(|connection| {
            Box::pin(async move {
                sqlx::query("SELECT 1").execute(connection).await?;
                Ok(())
            })
        })
        .await
    }

    /// Refuses to serve from a store whose role could see more than it should.
    ///
    /// # Errors
    /// If the application's role is a superuser, bypasses row-level security or owns tables; or the store failed.
    pub async fn check_roles(&self) -> Result<(), Error> {
        let too_mighty: bool = self
            .read(&Scope::Clients(Default::default()), |connection| {
                Box::pin(async move {
                    Ok::<_, Error>(
                        sqlx::query_scalar(
                            "SELECT rolsuper OR rolbypassrls OR EXISTS (SELECT 1 FROM pg_class WHERE relowner = r.oid)
                             FROM pg_roles r WHERE rolname = current_user",
                        )
                        .fetch_one(connection)
                        .await?,
                    )
                })
            })
            .await?;
        if too_mighty {
            return Err(Error::internal(
                "the service's database role is a superuser, bypasses row-level security or owns tables; \
                 use the role desk_app, which may do none of it",
            ));
        }
        Ok(())
    }

    /// Name, connections and idle connections of each pool.
    pub(crate) fn connections(&self) -> [(&'static str, usize, usize); 2] {
        [("app", &self.app), ("machinery", &self.machinery)]
            .map(|(name, pool)| (name, pool.size() as usize, pool.num_idle()))
    }

    /// Closes all connections.
    pub async fn close(&self) {
        tokio::join!(self.app.close(), self.machinery.close());
    }
}

/// Begins on a connection that lives: of those that were lost with their server, each is found out by its beginning.
async fn begin_on(pool: &PgPool, begin: String) -> Result<Transaction<'static, Postgres>, Error> {
    let mut lost = 0;
    loop {
        match pool.begin_with(AssertSqlSafe(begin.clone())).await {
            Err(error) if is_lost(&error) && lost < pool.options().get_max_connections() => {
                tracing::debug!(%error, "a connection to the store cannot be used any more");
                lost += 1;
            }
            begun => return Ok(begun?),
        }
    }
}

/// Whether it is the connection that fails: its server ended, said so before (57P01, 57P02), or a transaction is open on
/// it (25001), which is rolled back by that.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| ["57P01", "57P02", "25001"].contains(&code.as_ref()))
        }
        _ => false,
    }
}

fn panicked(join: &tokio::task::JoinError) -> Error {
    Error::internal(format!("a unit of work panicked: {join}"))
}

/// What time it is for a decision about due rows: the database's clock, or the test's.
///
/// # Errors
/// If the store failed.
pub async fn now(connection: &mut PgConnection, clock: &Clock) -> Result<Timestamp, Error> {
    if !clock.passes() {
        return Ok(clock.now());
    }
    let now: jiff_sqlx::Timestamp = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(connection).await?;
    Ok(now.to_jiff())
}

/// Brings a store's schema up to date, as `desk_owner`: the chassis' tables, then the service's.
///
/// Safe to run at the same time and again: sqlx takes an advisory lock and skips what is done. It may run while services
/// work: where its locks and theirs wait for each other, whichever Postgres ends is tried again.
///
/// # Errors
/// If the database cannot be reached or a migration fails; what was done before stays.
pub async fn migrate(owner_url: &str, service: &Migrator) -> anyhow::Result<()> {
    for migrator in [&CHASSIS, service] {
        let mut deadlocks = 0;
        loop {
            let mut connection =
                PgConnection::connect(owner_url).await.context("the store cannot be reached to migrate it")?;
            let mut migrator = Migrator { migrations: migrator.migrations.clone(), ..Migrator::DEFAULT };
            let outcome = migrator.set_ignore_missing(true).run(&mut connection).await;
            // With it goes the advisory lock.
            connection.close().await?;
            match outcome {
                Err(MigrateError::ExecuteMigration(error, number))
                    if is_deadlock(&error) && deadlocks < MOST_DEADLOCKS =>
                {
                    tracing::warn!(number, "a migration and the services waited for each other; trying it again");
                    deadlocks += 1;
                }
                outcome => break outcome.context("a migration failed")?,
            }
        }
    }
    Ok(())
}

fn is_deadlock(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "40P01")
}
