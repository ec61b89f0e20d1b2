//! Replicas are restarted in turn and nobody notices.
//!
//! More often than in every test run: `SKRANKE_ROLLING_RESTARTS=50 cargo test --workspace --test stories rolling --
//! --nocapture` restarts each service fifty times.

use std::time::Duration;

use chassis::Clock;
use chassis::authorisation::Role;
use futures::future::try_join_all;
use integration::callers::{Callers, Manner, Tallies, median};
use integration::checker::{Post, check};
use integration::load::{SUBJECT, publish_article};
use integration::processes::wait_until;
use integration::replicas::{Fleet, Replicas, Restart, Warning};
use integration::{Story, client_file, observe, post, register, skranke_binary};
use local::SERVICES;
use rand::SeedableRng;
use rand::rngs::StdRng;
use skranke::client_file::ClientFile;

/// Restarts of each service unless the environment says otherwise.
const RESTARTS: usize = 4;
/// Calls that a service answers between two restarts at least.
const BETWEEN: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(120);

/// How many restarts the developer wishes.
#[expect(clippy::disallowed_methods, reason = "how often is the developer's wish")]
fn restarts() -> usize {
    std::env::var("SKRANKE_ROLLING_RESTARTS").ok().and_then(|wish| wish.parse().ok()).unwrap_or(RESTARTS)
}

/// A client with an article on what is posted, and a ticket that all services know. Returns its reference.
pub(crate) async fn set_up(story: &Story, fleet: &Fleet, token: &str) -> anyhow::Result<String> {
    let admin = fleet.clients(token)?;
    let file = ClientFile::read("rolling.yaml", &client_file("acme", "ACME"))
        .map_err(|complaints| anyhow::anyhow!("{complaints:?}"))?;
    skranke::apply_file(&admin, &file).await?;
    publish_article(&admin, "acme").await?;
    let known = register(&admin, post("acme", "known", &format!("{SUBJECT} known"))).await?;
    holds(story, Vec::new(), &known.reference).await?;
    Ok(known.reference)
}

/// Waits until what was posted is everywhere exactly once, and checks that it stays so.
pub(crate) async fn holds(story: &Story, mut posts: Vec<Post>, known: &str) -> anyhow::Result<()> {
    posts.push(Post { request_id: "known".to_owned(), acks: vec![known.to_owned()], surprises: Vec::new() });
    let mut faults = Vec::new();
    let healed = wait_until("the history holds", PATIENCE, async || {
        faults = check(&posts, &observe::view(&story.desk, "acme").await?);
        Ok(faults.is_empty())
    });
    let healed = healed.await;
    anyhow::ensure!(healed.is_ok(), "{faults:#?}");
    // What is told last (a clock of a ticket that was posted last) goes through an outbox once more, which settling does
    // not see of a service that is a process of its own.
    story.settle().await?;
    wait_until("all is announced", PATIENCE, async || Ok(observe::unannounced(&story.desk).await? == 0)).await?;
    story.settle().await?;
    let faults = check(&posts, &observe::view(&story.desk, "acme").await?);
    anyhow::ensure!(faults.is_empty(), "{faults:#?}");
    Ok(())
}

/// Restarts one service's replicas in turn, each after some more calls.
async fn roll(
    service: &str,
    replicas: &mut Replicas,
    tallies: &Tallies,
    warning: Warning,
    times: usize,
) -> anyhow::Result<Vec<Restart>> {
    let mut restarts = Vec::new();
    for _ in 0..times {
        let before = tallies.of(service).answered;
        let answered = async || Ok(tallies.of(service).answered >= before + BETWEEN);
        wait_until("callers are answered", PATIENCE, answered).await?;
        let restart = replicas.restart(warning, None).await?;
        anyhow::ensure!(restart.in_order, "a replica of {service} did not exit with 0");
        restarts.push(restart);
    }
    Ok(restarts)
}

/// Rolls all services at the same time under load and checks what became of everything. Returns the tallies.
async fn roll_all(warning: Warning, times: usize, seed: u64) -> anyhow::Result<Tallies> {
    let story = Story::empty(Clock::System, Vec::new()).await?;
    let mut fleet = Fleet::start(&story.desk, &skranke_binary()?, &mut StdRng::seed_from_u64(seed)).await?;
    let token = story.token("admin@operator.example", &[(Role::Admin, "*")])?;
    let known = set_up(&story, &fleet, &token).await?;
    let callers = Callers::start(&fleet, &token, "acme", &known, Manner::Once)?;
    let rolling = fleet.by_name.iter_mut().map(|(name, it)| roll(name, it, &callers.tallies, warning, times));
    let all: Vec<Restart> = try_join_all(rolling).await?.into_iter().flatten().collect();
    let tallies = callers.tallies.clone();
    let posts = callers.finish().await?;
    println!(
        "rolling ({warning:?}): {} restarts, stopped within {} ms and serving again after {} ms (medians), {} posts",
        all.len(),
        median(all.iter().map(|restart| restart.stopped_for.as_millis()).collect())?,
        median(all.iter().map(|restart| restart.started_for.as_millis()).collect())?,
        posts.len(),
    );
    for service in &SERVICES {
        println!("  {}: {:?}", service.name(), tallies.of(service.name()));
    }
    holds(&story, posts, &known).await?;
    anyhow::ensure!(fleet.stop().await?, "a replica did not exit with 0");
    story.end().await?;
    Ok(tallies)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_restart_in_turn_and_no_call_fails() -> anyhow::Result<()> {
    let tallies = roll_all(Warning::Foretold, restarts(), 11).await?;
    for service in &SERVICES {
        let tally = tallies.of(service.name());
        assert!(tally.failed.is_empty() && tally.passing == 0, "{}: {tally:#?}", service.name());
    }
    assert!(tallies.of("intake").streams > 0, "posts on streams were answered");
    assert!(tallies.of("triage").streams > 0, "who watches is told that the replica stops");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_has_reached_a_replica_is_answered_though_nobody_knew_of_its_stop() -> anyhow::Result<()> {
    let tallies = roll_all(Warning::Sudden, restarts() / 2, 12).await?;
    for service in &SERVICES {
        let tally = tallies.of(service.name());
        assert!(tally.failed.is_empty(), "{}: {tally:#?}", service.name());
    }
    Ok(())
}
