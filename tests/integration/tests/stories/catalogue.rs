//! The second wall: what Postgres itself lets each role see and do, in every store.

mod findings;

use anyhow::Context;
use findings::{client_tables, findings};
use integration::Story;
use local::{Desk, SERVICES};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::tenancy::filled::{add_dead_letters, clear_dead_letters, fill};

/// What Postgres says where a right or a policy is missing.
const DENIED: &str = "42501";

/// What would open a hole, and the word by which the finding is known.
const SABOTAGE: &[(&str, &str)] = &[
    ("ALTER TABLE ticket DISABLE ROW LEVEL SECURITY", "ticket: row-level security is not enabled"),
    ("ALTER TABLE ticket NO FORCE ROW LEVEL SECURITY", "ticket: row-level security is not forced"),
    ("DROP POLICY by_client ON ticket", "ticket: desk_app has no policy"),
    ("ALTER POLICY by_client ON ticket WITH CHECK (true)", "ticket: the policy by_client"),
    ("ALTER POLICY by_client ON ticket USING (true)", "ticket: the policy by_client"),
    ("ALTER POLICY by_client ON ticket TO PUBLIC", "ticket: the policy by_client"),
    ("CREATE POLICY open ON ticket TO desk_app USING (true)", "ticket: the policy open"),
    ("CREATE POLICY open ON ticket USING (true)", "ticket: the policy open"),
    ("CREATE TABLE scratch (client_id text NOT NULL, secret text)", "scratch: row-level security is not enabled"),
    ("CREATE TABLE scratch (secret text)", "scratch: has no client_id"),
    ("CREATE TABLE scratch PARTITION OF outbox FOR VALUES FROM ('2001-01-01') TO ('2001-01-02')", "scratch: row-level"),
    (
        "CREATE TABLE scratch PARTITION OF outbox FOR VALUES FROM ('2001-01-01') TO ('2001-01-02');
      GRANT SELECT ON scratch TO desk_app",
        "scratch: is a partition, and desk_app may SELECT",
    ),
    ("CREATE VIEW peek AS SELECT * FROM ticket", "peek: is a view without security_invoker"),
    ("CREATE MATERIALIZED VIEW peek AS SELECT * FROM ticket", "peek: is a materialized view"),
    ("GRANT SELECT ON ticket TO PUBLIC", "ticket: PUBLIC may SELECT"),
    ("GRANT TRUNCATE ON ticket TO desk_app", "ticket: desk_app may TRUNCATE"),
    ("GRANT SELECT ON support_model TO desk_machinery", "support_model: desk_machinery may SELECT"),
    ("GRANT SELECT (payload) ON support_model TO desk_machinery", "support_model: desk_machinery may SELECT"),
    ("GRANT UPDATE ON outbox TO desk_app", "outbox: desk_app may UPDATE"),
    ("GRANT CREATE ON SCHEMA public TO desk_app", "desk_app may CREATE in the schema public"),
    ("ALTER ROLE desk_app BYPASSRLS", "desk_app bypasses row-level security"),
    ("ALTER ROLE desk_machinery SUPERUSER", "desk_machinery is a superuser"),
    ("GRANT desk_owner TO desk_app", "desk_app is a member of desk_owner"),
    ("ALTER TABLE ticket OWNER TO desk_app", "desk_app owns ticket"),
    (
        "CREATE FUNCTION peek() RETURNS text LANGUAGE sql SECURITY DEFINER RETURN 1::text;
      REVOKE EXECUTE ON FUNCTION peek FROM PUBLIC",
        "peek: runs as its owner without a fixed search_path",
    ),
    (
        "CREATE FUNCTION peek() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = public RETURN 1::text",
        "peek: runs as its owner, and PUBLIC may execute it",
    ),
    (
        "CREATE FUNCTION peek() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = public RETURN 1::text;
      REVOKE EXECUTE ON FUNCTION peek FROM PUBLIC; GRANT EXECUTE ON FUNCTION peek TO desk_app",
        "peek: runs as its owner, and desk_app may execute it",
    ),
    ("CREATE FUNCTION peek() RETURNS text LANGUAGE sql LEAKPROOF RETURN 1::text", "peek: claims to be leakproof"),
    ("CREATE UNIQUE INDEX peek ON ticket (reference)", "peek: is unique across clients"),
    ("CREATE UNIQUE INDEX peek ON ticket (reference) INCLUDE (client_id)", "peek: is unique across clients"),
    (
        "ALTER TABLE suggestion ADD UNIQUE (client_id, event_id);
      ALTER TABLE reply ADD UNIQUE (event_id);
      ALTER TABLE suggestion ADD CONSTRAINT peek FOREIGN KEY (event_id) REFERENCES reply (event_id)",
        "peek: refers to another client's rows",
    ),
];

#[tokio::test]
async fn every_store_is_walled_in_and_every_hole_is_found() -> anyhow::Result<()> {
    let story = Story::empty(chassis::Clock::System, SERVICES.to_vec()).await?;
    for service in SERVICES {
        let mut root = as_role(&story.desk, &service.database(), "desk").await?;
        let found = findings(&mut root).await?;
        assert!(found.is_empty(), "{}: {found:#?}", service.name());
        assert!(client_tables(&mut root).await?.len() > 5, "{} has tables of clients", service.name());
        root.close().await?;
    }
    let mut root = as_role(&story.desk, "triage", "desk").await?;
    for (sabotage, finding) in SABOTAGE {
        let mut transaction = root.begin().await?;
        transaction.execute(*sabotage).await.with_context(|| sabotage.to_string())?;
        let found = findings(&mut transaction).await?;
        assert!(found.iter().any(|one| one.starts_with(finding)), "{sabotage} gives {found:?}");
        transaction.rollback().await?;
    }
    assert!(findings(&mut root).await?.is_empty(), "every hole was closed again");
    root.close().await?;
    story.end().await
}

#[tokio::test]
async fn a_service_reaches_no_row_beyond_its_clients() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    fill(&story).await?;
    add_dead_letters(&story.desk).await?;
    let (mut read, mut refused_inserts, mut refused_moves) = (0, 0, 0);
    for service in SERVICES {
        let database = service.database();
        let mut root = as_role(&story.desk, &database, "desk").await?;
        let mut app = as_role(&story.desk, &database, "desk_app").await?;
        for table in client_tables(&mut root).await? {
            let what = format!("{database}.{table}");
            read += usize::from(reads_its_own_only(&mut root, &mut app, &table).await.with_context(|| what.clone())?);
            refused_inserts +=
                usize::from(writes_no_others_row(&mut root, &mut app, &table).await.with_context(|| what.clone())?);
            refused_moves += usize::from(gives_no_row_away(&mut root, &mut app, &table).await.with_context(|| what)?);
        }
        has_no_way_around(&mut root, &mut app).await.context(database)?;
        app.close().await?;
        root.close().await?;
    }
    // Tables without rows show nothing.
    assert!(read >= 25 && refused_inserts >= 25 && refused_moves >= 10, "{read} {refused_inserts} {refused_moves}");
    clear_dead_letters(&story.desk).await?;
    story.end().await
}

async fn as_role(desk: &Desk, database: &str, role: &str) -> anyhow::Result<PgConnection> {
    Ok(PgConnection::connect(&desk.postgres.url(database, role)).await?)
}

async fn clients_seen(connection: &mut PgConnection, table: &str) -> anyhow::Result<Vec<String>> {
    let query = format!("SELECT DISTINCT client_id FROM {table} ORDER BY 1");
    Ok(sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(connection).await?)
}

/// Only within a transaction, only for the clients that it names. Returns whether the table had rows to show it.
async fn reads_its_own_only(root: &mut PgConnection, app: &mut PgConnection, table: &str) -> anyhow::Result<bool> {
    let there = clients_seen(root, table).await?;
    anyhow::ensure!(clients_seen(app, table).await?.is_empty(), "rows are seen without a scope");
    for end in ["COMMIT", "ROLLBACK"] {
        for (scope, wanted) in [
            ("acme", vec!["acme"]),
            ("", vec![]),
            (",", vec![]),
            ("nobody", vec![]),
            ("globe_", vec![]),
            ("acme'", vec![]),
            ("%", vec![]),
            ("acme,globex", vec!["acme", "globex"]),
        ] {
            app.execute("BEGIN").await?;
            sqlx::query("SELECT set_config('app.clients', $1, true)").bind(scope).execute(&mut *app).await?;
            let seen = clients_seen(app, table).await?;
            app.execute(end).await?;
            let wanted: Vec<&String> = there.iter().filter(|one| wanted.contains(&one.as_str())).collect();
            anyhow::ensure!(seen.iter().eq(wanted.iter().copied()), "scope {scope:?} sees {seen:?}, not {wanted:?}");
            anyhow::ensure!(clients_seen(app, table).await?.is_empty(), "the scope {scope:?} outlives its {end}");
        }
    }
    Ok(["acme", "globex"].iter().all(|client| there.iter().any(|one| one == client)))
}

/// A copy of globex's row is refused without a scope, in nobody's and in acme's. Returns whether there was one.
async fn writes_no_others_row(root: &mut PgConnection, app: &mut PgConnection, table: &str) -> anyhow::Result<bool> {
    let columns: Vec<String> = sqlx::query_scalar(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
           AND attgenerated = '' AND attidentity = ''",
    )
    .bind(table)
    .fetch_all(&mut *root)
    .await?;
    let one = format!("SELECT to_jsonb(t)::text FROM {table} t WHERE client_id = 'globex' LIMIT 1");
    let row: Option<String> = sqlx::query_scalar(AssertSqlSafe(one)).fetch_optional(root).await?;
    let columns = columns.join(", ");
    let insert = format!(
        "INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{table}, $1::text::jsonb)
         ON CONFLICT DO NOTHING"
    );
    for scope in ["", "nobody", "acme"] {
        let mut transaction = app.begin().await?;
        transaction.execute(AssertSqlSafe(format!("SET LOCAL app.clients = '{scope}'"))).await?;
        let inserted = sqlx::query(AssertSqlSafe(insert.clone())).bind(&row).execute(&mut *transaction).await;
        transaction.rollback().await?;
        anyhow::ensure!(row.is_none() || code_of(&inserted) == DENIED, "scope {scope:?} inserts: {inserted:?}");
        let mut transaction = app.begin().await?;
        transaction.execute(AssertSqlSafe(format!("SET LOCAL app.clients = '{scope}'"))).await?;
        let delete = AssertSqlSafe(format!("DELETE FROM {table} WHERE client_id = 'globex'"));
        let deleted = sqlx::query(delete).execute(&mut *transaction).await;
        transaction.rollback().await?;
        let untouched = deleted.as_ref().is_ok_and(|done| done.rows_affected() == 0) || code_of(&deleted) == DENIED;
        anyhow::ensure!(untouched, "scope {scope:?} deletes: {deleted:?}");
    }
    Ok(row.is_some())
}

/// Acme's rows cannot become globex's, and globex's cannot be touched. Returns whether the first could be tried.
async fn gives_no_row_away(root: &mut PgConnection, app: &mut PgConnection, table: &str) -> anyhow::Result<bool> {
    let has_rows = clients_seen(root, table).await?.contains(&"acme".to_owned());
    let query = "SELECT has_column_privilege('desk_app', $1, 'client_id', 'UPDATE')";
    let may_update: bool = sqlx::query_scalar(query).bind(table).fetch_one(root).await?;
    for (update, is_refused) in [
        (format!("UPDATE {table} SET client_id = 'globex' WHERE client_id = 'acme'"), has_rows),
        (format!("UPDATE {table} SET client_id = 'acme' WHERE client_id = 'globex'"), false),
    ] {
        let mut transaction = app.begin().await?;
        transaction.execute("SET LOCAL app.clients = 'acme'").await?;
        let updated = sqlx::query(AssertSqlSafe(update.clone())).execute(&mut *transaction).await;
        transaction.rollback().await?;
        let denied = code_of(&updated) == DENIED;
        let nothing = updated.as_ref().is_ok_and(|done| done.rows_affected() == 0);
        anyhow::ensure!(denied || (nothing && !is_refused), "{update}: {updated:?}");
    }
    Ok(has_rows && may_update)
}

/// Neither partitions, nor functions, nor files, nor another role, nor switching the guard off.
async fn has_no_way_around(root: &mut PgConnection, app: &mut PgConnection) -> anyhow::Result<()> {
    let partitions: Vec<String> = sqlx::query_scalar(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'outbox'::regclass ORDER BY 1",
    )
    .fetch_all(&mut *root)
    .await?;
    let partition = partitions.first().context("the outbox has partitions")?;
    let tries = [
        format!("SELECT * FROM {partition}"),
        format!("INSERT INTO {partition} SELECT * FROM outbox"),
        "SET LOCAL row_security = off; SELECT * FROM inbox".to_owned(),
        "ALTER TABLE inbox DISABLE ROW LEVEL SECURITY".to_owned(),
        "DROP POLICY by_client ON inbox".to_owned(),
        "TRUNCATE inbox".to_owned(),
        "SELECT keep_outbox(0)".to_owned(),
        "SELECT guard_by_client('inbox')".to_owned(),
        "SET ROLE desk_owner".to_owned(),
        "SET SESSION AUTHORIZATION desk".to_owned(),
        "CREATE TABLE own (x int)".to_owned(),
        "COPY inbox TO PROGRAM 'cat'".to_owned(),
        "SELECT pg_read_file('/etc/hostname')".to_owned(),
        "UPDATE outbox SET payload = ''".to_owned(),
        "DELETE FROM outbox".to_owned(),
    ];
    for attempt in tries {
        let mut transaction = app.begin().await?;
        transaction.execute("SET LOCAL app.clients = 'acme'").await?;
        let done = transaction.execute(AssertSqlSafe(attempt.clone())).await;
        transaction.rollback().await?;
        anyhow::ensure!(code_of(&done) == DENIED, "{attempt}: {done:?}");
    }
    // What is copied out is what is seen.
    let row =
        sqlx::query("SELECT current_user::text AS who, (SELECT count(*) FROM inbox) AS seen").fetch_one(app).await?;
    anyhow::ensure!(row.get::<&str, _>("who") == "desk_app" && row.get::<i64, _>("seen") == 0, "somebody else by now");
    Ok(())
}

fn code_of<T>(outcome: &Result<T, sqlx::Error>) -> String {
    let code = outcome.as_ref().err().and_then(sqlx::Error::as_database_error).and_then(|error| error.code());
    code.unwrap_or_default().into_owned()
}
