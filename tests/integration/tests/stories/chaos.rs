//! An acknowledged ticket is never lost and never doubled, whatever is killed.
//!
//! Longer than in every test run: `SKRANKE_CHAOS_SECONDS=300 cargo nextest run -p integration chaos`; the same faults
//! again: `SKRANKE_CHAOS_SEED=…`.

use std::collections::BTreeMap;
use std::time::Duration;

use chassis::Clock;
use chassis::authorisation::Role;
use contracts::operations::v1::GetServiceStatusRequest;
use integration::checker::{Fault, Post, check};
use integration::load::{Load, publish_article};
use integration::observe;
use integration::processes::Processes;
use integration::{client_file, servers};
use local::servers::scratch_folder;
use local::{Desk, DeskOptions, SERVICES};
use rand::rngs::StdRng;
use rand::seq::{IteratorRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use skranke::client_file::ClientFile;
use skranke::clients::Clients;
use tokio::time::{sleep, timeout};

/// Faults strike for so long unless the environment says otherwise.
const SECONDS: u64 = 22;
/// After the last fault, all must be well within this time: a message whose acknowledgement was lost comes again after
/// half a minute.
const HEAL_FOR: Duration = Duration::from_secs(120);
const CALLERS: u64 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strike {
    KillService,
    KillNats,
    KillPostgres,
    WipeJetStream,
}

const STRIKES: [Strike; 4] = [Strike::KillService, Strike::KillNats, Strike::KillPostgres, Strike::WipeJetStream];

#[expect(clippy::disallowed_methods, reason = "how long and with which seed is the developer's wish")]
fn wish(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_ticket_is_never_lost_or_doubled() -> anyhow::Result<()> {
    let seconds = wish("SKRANKE_CHAOS_SECONDS").unwrap_or(SECONDS);
    let seed = wish("SKRANKE_CHAOS_SEED").unwrap_or_else(|| u64::from(std::process::id()) ^ seed_of_now());
    println!("chaos: seed {seed}, {seconds} s of faults");
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = scratch_folder()?;
    let mut options = DeskOptions::new(folder.path().join("desk"));
    options.services = Vec::new();
    let mut desk = Desk::start(&servers().await?, options, &|_| {}).await?;
    let mut processes = Processes::start(&desk, &SERVICES, &mut rng).await?;
    set_up(&processes.as_one(&desk, "admin@operator.example", &[(Role::Admin, "*")])?).await?;

    let load = Load::start(&desk, &processes, "acme", CALLERS, rng.random())?;
    let strikes = strike(&mut desk, &mut processes, &mut rng, Duration::from_secs(seconds)).await?;
    // The desk is whole again: callers that were refused last are answered.
    processes.ready().await?;
    sleep(Duration::from_secs(1)).await;
    let posts = load.finish().await?;
    let faults = heal(&desk, &processes, &posts).await?;

    let acked = posts.iter().filter(|post| !post.acks.is_empty()).count();
    println!("chaos: {} posts, {acked} acknowledged, faults {strikes:?}, verdict {faults:?}", posts.len());
    assert!(faults.is_empty(), "seed {seed}: {faults:#?}");
    assert!(acked > 100, "seed {seed}: the callers were hardly ever answered: {acked} of {}", posts.len());
    assert!(STRIKES.iter().all(|kind| strikes.contains_key(kind)), "every kind of fault strikes: {strikes:?}");
    assert!(processes.stop().await?, "a service did not stop by itself");
    desk.stop().await?;
    Ok(())
}

fn seed_of_now() -> u64 {
    Clock::System.now().as_microsecond().unsigned_abs()
}

/// The client, and an article on what the callers post about.
async fn set_up(admin: &Clients) -> anyhow::Result<()> {
    let file = ClientFile::read("chaos.yaml", &client_file("acme", "ACME"))
        .map_err(|complaints| anyhow::anyhow!("the client file is wrong: {complaints:?}"))?;
    skranke::apply_file(admin, &file).await?;
    publish_article(admin, "acme").await
}

/// Faults until the time is over: first one of each kind, then any. Returns how many of each.
async fn strike(
    desk: &mut Desk,
    processes: &mut Processes,
    rng: &mut StdRng,
    at_most: Duration,
) -> anyhow::Result<BTreeMap<Strike, usize>> {
    let mut counts = BTreeMap::new();
    let mut first = STRIKES.to_vec();
    first.shuffle(rng);
    let until = std::pin::pin!(sleep(at_most));
    tokio::pin!(until);
    loop {
        tokio::select! {
            () = &mut until, if first.is_empty() => return Ok(counts),
            () = sleep(Duration::from_millis(rng.random_range(200..1_800))) => {}
        }
        let kind = first.pop().or_else(|| STRIKES.iter().copied().choose(rng)).unwrap_or(Strike::KillService);
        let down_for = Duration::from_millis(rng.random_range(0..1_000));
        match kind {
            Strike::KillService => {
                if let Some(process) = processes.by_name.values_mut().choose(rng) {
                    process.kill_and_restart().await?;
                }
            }
            Strike::KillNats => {
                desk.nats.kill().await?;
                sleep(down_for).await;
                desk.nats.restart().await?;
            }
            Strike::KillPostgres => {
                desk.postgres.kill().await?;
                sleep(down_for).await;
                desk.postgres.restart().await?;
            }
            Strike::WipeJetStream => desk.nats.wipe().await?,
        }
        *counts.entry(kind).or_default() += 1;
    }
}

/// Waits until the history holds and nothing is under way any more that could break it. Returns what is still wrong.
async fn heal(desk: &Desk, processes: &Processes, posts: &[Post]) -> anyhow::Result<Vec<Fault>> {
    let admin = processes.as_one(desk, "admin@operator.example", &[(Role::Admin, "*")])?;
    let converged = timeout(HEAL_FOR, async {
        loop {
            if check(posts, &observe::view(desk, "acme").await?).is_empty() && is_announced(&admin).await? {
                return anyhow::Ok(());
            }
            sleep(Duration::from_millis(500)).await;
        }
    });
    if let Ok(checked) = converged.await {
        checked?;
        // What is still waiting to be delivered once more must change nothing.
        desk.settle(HEAL_FOR).await?;
    }
    Ok(check(posts, &observe::view(desk, "acme").await?))
}

async fn is_announced(admin: &Clients) -> anyhow::Result<bool> {
    for service in admin.services() {
        let status = admin.operations(service)?.get_service_status(GetServiceStatusRequest {}).await;
        if !status.is_ok_and(|status| status.into_inner().outbox_depth == 0) {
            return Ok(false);
        }
    }
    Ok(true)
}
