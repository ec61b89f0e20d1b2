//! Callers that give up at any instant: no acknowledged ticket suffers, no connection is poisoned.

use std::time::Duration;

use chassis::authorisation::Role;
use chassis::store::{Store, StoreConfig};
use chassis::{Error, Scope};
use contracts::intake::v1::intake_service_client::IntakeServiceClient;
use futures::StreamExt;
use futures::stream;
use integration::checker::{Post, check};
use integration::load::{SUBJECT, is_passing};
use integration::processes::wait_until;
use integration::{Story, observe, post, register};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use skranke::clients::Wire;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, Executor, PgPool};
use tokio::time::timeout;
use tonic::{Code, Request};

const POSTS: u64 = 4_000;
const AT_ONCE: usize = 12;
const ROUNDS: i32 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_callers_that_give_up_loses_and_doubles_nothing() -> anyhow::Result<()> {
    let story = Story::begin_now().await?;
    let caller = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let intake = caller.intake()?;
    let posts: Vec<Post> = stream::iter(0..POSTS)
        .map(|number| give_up_soon(intake.clone(), number))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let acked = posts.iter().filter(|post| !post.acks.is_empty()).count();
    let kept = observe::number(&story.desk, "intake", "SELECT count(*) FROM ticket").await?;
    println!("storm: {POSTS} posts, {acked} acknowledged, {kept} kept");
    assert!(acked > 0 && (acked as u64) < POSTS, "some give up, some do not: {acked}");

    // A transaction that was left open would stay for ten seconds, until Postgres ends it.
    wait_until("no session is idle in a transaction", Duration::from_secs(5), async || {
        const IDLE: &str = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
        Ok(observe::number(&story.desk, "intake", IDLE).await? == 0)
    })
    .await?;
    let more = register(&caller, post("acme", "afterwards", &format!("{SUBJECT} afterwards"))).await?;
    let afterwards = Post { request_id: "afterwards".to_owned(), acks: vec![more.reference], surprises: Vec::new() };
    story.settle().await?;
    let posts: Vec<Post> = posts.into_iter().chain([afterwards]).collect();
    let faults = check(&posts, &observe::view(&story.desk, "acme").await?);
    assert!(faults.is_empty(), "{faults:#?}");
    story.end().await
}

/// One post, given up after up to 20 ms: by a deadline that the service knows, or by leaving without a word. One in ten
/// waits.
async fn give_up_soon(mut intake: IntakeServiceClient<Wire>, number: u64) -> Post {
    let mut rng = StdRng::seed_from_u64(number);
    let patience = Duration::from_micros(rng.random_range(0..20_000));
    let request_id = format!("storm-{number}");
    let mut outcome = Post { request_id: request_id.clone(), acks: Vec::new(), surprises: Vec::new() };
    let mut request = Request::new(post("acme", &request_id, &format!("{SUBJECT} {request_id}")));
    let answer = match rng.random_range(0..10) {
        0 => Ok(intake.register_ticket(request).await),
        1..5 => {
            request.set_timeout(patience);
            Ok(intake.register_ticket(request).await)
        }
        _ => timeout(patience, intake.register_ticket(request)).await,
    };
    match answer {
        Ok(Ok(registered)) => outcome.acks.push(registered.into_inner().reference),
        // The deadline of a request is told as CANCELLED by tonic's own timer.
        Ok(Err(status)) if is_passing(&status) || status.code() == Code::Cancelled => {}
        Ok(Err(status)) => outcome.surprises.push(format!("{:?}: {}", status.code(), status.message())),
        Err(_) => {}
    }
    outcome
}

/// sqlx 0.9.0: a `begin()` whose future is dropped at the wrong instant leaves its transaction open on the pooled
/// connection; the next borrower's write succeeds inside it and vanishes when the connection closes.
///
/// Two guards keep that away from a unit of work: its own task, and the look at each connection before it is lent.
///
/// The second half of this test does it the bare way and prints what is left: between 0.5 and 17.5 % of the acknowledged
/// rows are lost in a run (177 of 200 kept when this was written). Nothing is asserted about that half: a run can be lucky.
#[tokio::test]
async fn a_unit_of_work_that_is_given_up_takes_no_later_write_with_it() -> anyhow::Result<()> {
    let story = Story::empty(chassis::Clock::System, Vec::new()).await?;
    let config = ledger(&story).await?;

    let store = Store::open(&config, "storm")?;
    let everybody = Scope::Every;
    let mut rng = StdRng::seed_from_u64(1);
    let mut watch = sqlx::PgConnection::connect(&config.app_url).await?;
    let mut left_open = 0;
    for round in 0..ROUNDS {
        let begun = store.unit_of_work(&everybody, |_| Box::pin(async { Ok::<_, Error>(()) }));
        drop(timeout(Duration::from_micros(rng.random_range(0..390)), begun).await);
        let before: String = sqlx::query_scalar("SELECT clock_timestamp()::text").fetch_one(&mut watch).await?;
        let inserted = store.unit_of_work(&everybody, move |connection| {
            Box::pin(async move {
                connection.execute(sqlx::query("INSERT INTO ledger VALUES ('ours', $1)").bind(round)).await?;
                // A transaction that began before us is somebody else's.
                let is_own = sqlx::query_scalar("SELECT now() >= $1::timestamptz").bind(before);
                Ok::<bool, Error>(is_own.fetch_one(connection).await?)
            })
        });
        left_open += i32::from(!inserted.await?);
    }
    store.close().await;

    let bare = PgPoolOptions::new().max_connections(1).connect(&config.app_url).await?;
    for round in 0..ROUNDS {
        give_up_beginning(&bare, Duration::from_micros(rng.random_range(0..390))).await;
        bare.execute(sqlx::query("INSERT INTO ledger VALUES ('bare', $1)").bind(round)).await?;
    }
    bare.close().await;

    let count = async |who: &'static str| -> anyhow::Result<i64> {
        let mut ledger = sqlx::PgConnection::connect(&story.desk.postgres.url("ledger", "desk")).await?;
        Ok(sqlx::query_scalar("SELECT count(*) FROM ledger WHERE who = $1").bind(who).fetch_one(&mut ledger).await?)
    };
    let (ours, bare) = (count("ours").await?, count("bare").await?);
    println!("acknowledged {ROUNDS} each; kept by unit_of_work {ours}, by the bare pool {bare}");
    assert_eq!((ours, left_open), (i64::from(ROUNDS), 0), "rows kept, transactions taken over from who gave up");
    story.end().await
}

#[expect(clippy::disallowed_methods, reason = "shows why it is disallowed")]
async fn give_up_beginning(pool: &PgPool, patience: Duration) {
    drop(timeout(patience, pool.begin()).await);
}

/// The check before each unit of work must not throw healthy connections away: a new one costs more than the work.
#[tokio::test]
async fn a_healthy_connection_is_kept() -> anyhow::Result<()> {
    let story = Story::empty(chassis::Clock::System, Vec::new()).await?;
    let store = Store::open(&ledger(&story).await?, "storm")?;
    let mut sessions = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let session: i32 = store
            .read(&Scope::Every, |connection| {
                Box::pin(async move {
                    Ok::<_, Error>(sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(connection).await?)
                })
            })
            .await?;
        sessions.insert(session);
    }
    assert_eq!(sessions.len(), 1, "one connection serves one caller after the other");
    store.close().await;
    story.end().await
}

/// A database with one table, reached with one connection.
async fn ledger(story: &Story) -> anyhow::Result<StoreConfig> {
    let mut server = sqlx::PgConnection::connect(&story.desk.postgres.superuser_url()).await?;
    server.execute("CREATE DATABASE ledger").await?;
    server.close().await?;
    let mut ledger = sqlx::PgConnection::connect(&story.desk.postgres.url("ledger", "desk")).await?;
    ledger.execute("CREATE TABLE ledger (who text, round int, PRIMARY KEY (who, round))").await?;
    ledger.execute("GRANT INSERT, SELECT ON ledger TO desk_app").await?;
    ledger.close().await?;
    Ok(StoreConfig {
        app_url: story.desk.postgres.url("ledger", "desk_app"),
        machinery_url: story.desk.postgres.url("ledger", "desk_machinery"),
        connections: 1,
    })
}
