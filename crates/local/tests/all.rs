//! The two servers, run for real.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use local::servers::{Binaries, Nats, NatsOptions, Postgres, PostgresOptions, Wishes, find_or_fetch, scratch_folder};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio::time::timeout;

#[expect(clippy::disallowed_methods, reason = "the tests take the servers that the desk takes")]
fn wishes() -> Wishes {
    Wishes::read(|name| env::var_os(name))
}

async fn binaries() -> Result<Binaries> {
    find_or_fetch(&wishes(), &|line| println!("{line}")).await
}

fn postgres_in(folder: &Path) -> PostgresOptions {
    PostgresOptions { durable: false, ..PostgresOptions::new(folder.join("postgres")) }
}

fn nats_in(folder: &Path) -> NatsOptions {
    NatsOptions { sync_always: false, ..NatsOptions::new(folder.join("nats")) }
}

/// Runs SQL with the `psql` that came with Postgres; `None` where none came.
fn sql(binaries: &Binaries, postgres: &Postgres, statement: &str) -> Result<Option<String>> {
    let psql = binaries.pg_bin.join("psql");
    if !psql.is_file() {
        println!("skipped: {} is not there to run SQL", psql.display());
        return Ok(None);
    }
    let mut psql = Command::new(psql);
    psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, &postgres.superuser_url()]);
    let output = psql.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(Some(String::from_utf8(output.stdout)?.trim().to_owned()))
}

fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

#[tokio::test]
async fn what_was_committed_is_there_after_postgres_was_killed() -> Result<()> {
    let (binaries, folder) = (binaries().await?, scratch_folder()?);
    let options = PostgresOptions { durable: true, ..postgres_in(folder.path()) };
    let mut postgres = Postgres::start(&binaries, options).await?;
    let port = postgres.port();
    sql(&binaries, &postgres, "create table note(text text); insert into note values ('kept')")?;

    postgres.kill().await?;
    postgres.restart().await?;

    assert_eq!(postgres.port(), port);
    let Some(note) = sql(&binaries, &postgres, "select text from note")? else {
        return Ok(());
    };
    assert_eq!(note, "kept");
    postgres.stop().await
}

/// A path of 80 bytes leaves room for the socket's own name; with one more there is none, and it is TCP.
#[tokio::test]
async fn a_store_is_reached_over_a_socket_where_its_path_is_short_enough() -> Result<()> {
    let (binaries, scratch) = (binaries().await?, scratch_folder()?);
    let scratch = fs::canonicalize(scratch.path())?;
    let taken = scratch.to_str().context("a path that is no text")?.len() + "//data".len();
    for (bytes, is_by_socket) in [(80, true), (81, false)] {
        let name = "p".repeat(bytes - taken);
        let options = PostgresOptions { durable: false, ..PostgresOptions::new(scratch.join(name)) };
        let mut postgres = Postgres::start(&binaries, options).await?;
        let mut connection = PgConnection::connect(&postgres.superuser_url()).await?;
        let found: bool = sqlx::query_scalar("SELECT inet_client_addr() IS NULL").fetch_one(&mut connection).await?;
        assert_eq!(found, is_by_socket, "{bytes} bytes");
        connection.close().await?;
        let by_psql = sql(&binaries, &postgres, "select inet_client_addr() is null")?;
        assert!(by_psql.is_none_or(|answer| answer == if is_by_socket { "t" } else { "f" }), "{bytes} bytes by psql");
        postgres.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_durable_postgres_syncs_and_a_fast_one_does_not() -> Result<()> {
    let (binaries, folder) = (binaries().await?, scratch_folder()?);
    let question = "select current_setting('fsync') || current_setting('synchronous_commit') \
                    || current_setting('full_page_writes')";
    let mut options = PostgresOptions {
        settings: vec![("max_connections".to_owned(), "33".to_owned())],
        ..postgres_in(folder.path())
    };
    let mut fast = Postgres::start(&binaries, options.clone()).await?;
    let Some(answer) = sql(&binaries, &fast, question)? else {
        return Ok(());
    };
    assert_eq!(answer, "offoffoff");
    let limit = sql(&binaries, &fast, "show max_connections")?;
    assert_eq!(limit.as_deref(), Some("33"), "the caller's own settings win");
    fast.stop().await?;
    drop(fast);

    options.durable = true;
    let durable = Postgres::start(&binaries, options).await?;
    assert_eq!(sql(&binaries, &durable, question)?.as_deref(), Some("ononon"));
    Ok(())
}

#[tokio::test]
async fn text_is_utf8_and_ordered_by_code_point() -> Result<()> {
    let (binaries, folder) = (binaries().await?, scratch_folder()?);
    let postgres = Postgres::start(&binaries, postgres_in(folder.path())).await?;
    let question = "select current_setting('server_encoding') || ' ' || upper('blåbær') || ' ' \
                    || string_agg(word, '' order by word) from unnest('{b,A,a,B}'::text[]) word";
    let Some(answer) = sql(&binaries, &postgres, question)? else {
        return Ok(());
    };
    assert_eq!(answer, "UTF8 BLÅBÆR ABab");
    Ok(())
}

#[tokio::test]
async fn two_of_each_run_side_by_side() -> Result<()> {
    let (binaries, one, two) = (binaries().await?, scratch_folder()?, scratch_folder()?);
    let (first, second, east, west) = tokio::try_join!(
        Postgres::start(&binaries, postgres_in(one.path())),
        Postgres::start(&binaries, postgres_in(two.path())),
        Nats::start(&binaries, nats_in(one.path())),
        Nats::start(&binaries, nats_in(two.path())),
    )?;
    let mut ports = vec![first.port(), second.port(), east.port(), west.port()];
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 4);
    Ok(())
}

#[tokio::test]
async fn a_folder_in_use_is_refused() -> Result<()> {
    let (binaries, folder) = (binaries().await?, scratch_folder()?);
    let _first = Nats::start(&binaries, nats_in(folder.path())).await?;
    let second = Nats::start(&binaries, nats_in(folder.path())).await;
    let refusal = second.err().context("the second one started")?.to_string();
    assert!(refusal.contains(&format!("process {}", std::process::id())), "{refusal}");
    Ok(())
}

#[tokio::test]
async fn a_taken_port_is_named() -> Result<()> {
    let (binaries, folder) = (binaries().await?, scratch_folder()?);
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = Some(taken.local_addr()?.port());
    let expected = format!("port {} on 127.0.0.1", taken.local_addr()?.port());

    let nats = Nats::start(&binaries, NatsOptions { port, ..nats_in(folder.path()) }).await;
    let refusal = nats.err().context("nats-server started")?.to_string();
    assert!(refusal.starts_with(&expected), "{refusal}");

    let options = PostgresOptions { port, ..postgres_in(folder.path()) };
    let refusal = Postgres::start(&binaries, options).await.err().context("Postgres started")?;
    assert!(refusal.to_string().starts_with(&expected), "{refusal}");
    Ok(())
}

#[tokio::test]
async fn data_of_another_release_are_left_alone() -> Result<()> {
    let (binaries, folder) = (binaries().await?, scratch_folder()?);
    let options = postgres_in(folder.path());
    fs::create_dir_all(options.dir.join("data"))?;
    fs::write(options.dir.join("data/PG_VERSION"), "9\n")?;
    assert_eq!(Postgres::release_of(&options.dir), Some(9));

    let refusal = Postgres::start(&binaries, options).await.err().context("Postgres started")?;
    assert!(refusal.to_string().contains("were made by Postgres 9"), "{refusal}");
    Ok(())
}

#[tokio::test]
async fn a_wiped_nats_is_empty_and_on_the_same_port() -> Result<()> {
    let (binaries, folder) = (binaries().await?, scratch_folder()?);
    let options = NatsOptions { monitor: true, sync_always: true, ..nats_in(folder.path()) };
    let mut nats = Nats::start(&binaries, options).await?;
    let (url, monitor) = (nats.url(), nats.monitor_url());
    assert!(monitor.is_some());
    let mark = folder.path().join("nats/streams/mark");
    fs::write(&mark, "")?;

    nats.kill().await?;
    nats.restart().await?;
    assert!(mark.exists(), "a restart keeps what is stored");

    nats.wipe().await?;
    assert!(!mark.exists());
    assert_eq!((nats.url(), nats.monitor_url()), (url, monitor));
    nats.stop().await
}

#[tokio::test]
async fn a_server_that_dies_is_noticed() -> Result<()> {
    let (binaries, folder) = (binaries().await?, scratch_folder()?);
    let mut nats = Nats::start(&binaries, nats_in(folder.path())).await?;
    assert!(timeout(Duration::from_millis(50), nats.ended()).await.is_err(), "it runs");

    let pid = nats.pid().context("it runs")?;
    kill(Pid::from_raw(pid.try_into()?), Signal::SIGKILL)?;

    assert!(!nats.ended().await?.success());
    Ok(())
}

/// Holds both servers until killed when another test asks for it; on its own it starts them and
/// lets them go.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "another test tells this one what to do")]
async fn dropped_servers_end() -> Result<()> {
    let held = env::var_os("SKRANKE_TEST_HOLD").map(PathBuf::from);
    let scratch = held.is_none().then(scratch_folder).transpose()?;
    let folder = held.as_deref().or(scratch.as_ref().map(TempDir::path));
    let (binaries, folder) = (binaries().await?, folder.context("there is a folder")?);
    let postgres = Postgres::start(&binaries, postgres_in(folder)).await?;
    let nats = Nats::start(&binaries, nats_in(folder)).await?;
    let pids = [postgres.pid().context("it runs")?, nats.pid().context("it runs")?];
    if held.is_some() {
        fs::write(folder.join("pids.new"), format!("{} {}", pids[0], pids[1]))?;
        fs::rename(folder.join("pids.new"), folder.join("pids"))?;
        std::future::pending::<()>().await;
    }
    drop((postgres, nats));
    assert!(!pids.into_iter().any(is_alive));
    Ok(())
}

#[tokio::test]
async fn a_killed_desk_leaves_no_servers_to_the_next_one() -> Result<()> {
    let (binaries, folder) = (binaries().await?, scratch_folder()?);
    let mut desk = Command::new(env::current_exe()?);
    desk.args(["--exact", "dropped_servers_end"]).env("SKRANKE_TEST_HOLD", folder.path());
    let mut desk = desk.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()?;
    let pids = loop {
        if let Ok(pids) = fs::read_to_string(folder.path().join("pids")) {
            break pids;
        }
        ensure!(desk.try_wait()?.is_none(), "the desk ended before its servers were up");
        tokio::task::yield_now().await;
    };
    desk.kill()?;
    desk.wait()?;

    Postgres::start(&binaries, postgres_in(folder.path())).await?.stop().await?;
    Nats::start(&binaries, nats_in(folder.path())).await?.stop().await?;

    for pid in pids.split(' ') {
        assert!(!is_alive(pid.parse()?), "process {pid} is left behind");
    }
    Ok(())
}

#[tokio::test]
async fn many_who_fetch_at_once_fetch_once() -> Result<()> {
    let cache = scratch_folder()?;
    let path = env::split_paths(&path_variable()).collect();
    // With nothing installed to be found but the package clients, everything must be fetched.
    let wishes = Wishes {
        search_folders: path,
        cache: cache.path().join("servers"),
        pg_bin: Some(binaries().await?.pg_bin),
        ..Wishes::default()
    };
    let fetches = AtomicUsize::new(0);
    let count = |line: &str| {
        fetches.fetch_add(usize::from(line.starts_with("fetching")), Ordering::Relaxed);
    };

    let (one, two, three) = tokio::try_join!(
        find_or_fetch(&wishes, &count),
        find_or_fetch(&wishes, &count),
        find_or_fetch(&wishes, &count),
    )?;

    assert_eq!((&one, &two), (&two, &three));
    if !one.nats_server.starts_with(cache.path()) {
        println!("skipped: {} is new enough, nothing to fetch", one.nats_server.display());
        return Ok(());
    }
    assert_eq!(fetches.into_inner(), 1);
    let entries = fs::read_dir(&wishes.cache)?.count();
    assert_eq!(entries, 2, "the server and the lock, no half-made folder");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "pip is wherever this machine has it")]
fn path_variable() -> std::ffi::OsString {
    env::var_os("PATH").unwrap_or_default()
}
