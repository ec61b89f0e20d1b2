//! Two versions side by side on the same stores: expand, migrate, contract.
//!
//! `cargo xtask skew --with <revision>` builds the other version and runs this.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use chassis::Clock;
use chassis::authorisation::Role;
use futures::future::try_join_all;
use integration::callers::{Callers, Manner, Tallies};
use integration::processes::wait_until;
use integration::replicas::{Fleet, Replicas, Warning};
use integration::{Story, skranke_binary};
use local::{Desk, SERVICES};
use rand::SeedableRng;
use rand::rngs::StdRng;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::process::Command;

use crate::rolling::{holds, set_up};

/// Calls that a service answers between two changes at least.
const BETWEEN: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(120);

#[expect(clippy::disallowed_methods, reason = "which other version is the developer's wish")]
fn other_binary() -> Option<PathBuf> {
    std::env::var_os("SKRANKE_OTHER_BINARY").map(PathBuf::from)
}

/// Makes all stores as empty as a first deployment finds them.
async fn empty_stores(desk: &Desk) -> anyhow::Result<()> {
    let mut postgres = PgConnection::connect(&desk.postgres.superuser_url()).await?;
    for service in SERVICES {
        let database = service.database();
        postgres.execute(AssertSqlSafe(format!("DROP DATABASE {database}"))).await?;
        postgres.execute(AssertSqlSafe(format!("CREATE DATABASE {database} OWNER desk_owner"))).await?;
    }
    Ok(postgres.close().await?)
}

/// Brings all stores up to what this version knows, as a deployment does.
async fn migrate(desk: &Desk, binary: &Path) -> anyhow::Result<()> {
    for service in SERVICES {
        let mut command = Command::new(binary);
        command
            .args(["serve", service.name(), "--migrate"])
            .env("SKRANKE_OWNER_DATABASE_URL", desk.postgres.url(&service.database(), "desk_owner"))
            .env("SKRANKE_LOG", "warn");
        ensure!(command.status().await?.success(), "{} cannot migrate {}", binary.display(), service.name());
    }
    Ok(())
}

/// Waits until callers of a service were answered some more.
async fn answers(service: &str, tallies: &Tallies) -> anyhow::Result<()> {
    let before = tallies.of(service).answered;
    let answered = async || Ok(tallies.of(service).answered >= before + BETWEEN);
    wait_until("callers are answered", PATIENCE, answered).await
}

/// From the old version to the new one and back, each half-way state under fire.
async fn change(
    service: &str,
    replicas: &mut Replicas,
    tallies: &Tallies,
    old: &Path,
    new: &Path,
) -> anyhow::Result<()> {
    for (binary, is_half_way) in [(new, true), (new, false), (old, true), (old, false)] {
        answers(service, tallies).await?;
        let restart = replicas.restart(Warning::Foretold, Some(binary)).await?;
        ensure!(restart.in_order, "a replica of {service} did not exit with 0");
        if is_half_way {
            for _ in 0..2 {
                answers(service, tallies).await?;
                replicas.kill_and_restart().await?;
            }
        }
    }
    answers(service, tallies).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_versions_work_side_by_side_on_the_same_stores() -> anyhow::Result<()> {
    let Some(old) = other_binary() else {
        println!("skipped: SKRANKE_OTHER_BINARY names no other version; `cargo xtask skew` does");
        return Ok(());
    };
    let new = skranke_binary()?;
    let story = Story::empty(Clock::System, Vec::new()).await?;
    empty_stores(&story.desk).await?;
    migrate(&story.desk, &old).await?;
    let mut fleet = Fleet::start(&story.desk, &old, &mut StdRng::seed_from_u64(31)).await?;
    let token = story.token("admin@operator.example", &[(Role::Admin, "*")])?;
    let known = set_up(&story, &fleet, &token).await?;
    let callers = Callers::start(&fleet, &token, "acme", &known, Manner::Again)?;
    for service in &SERVICES {
        answers(service.name(), &callers.tallies).await?;
    }

    // Expand: the old version works on what the new one has added.
    migrate(&story.desk, &new).await?;
    let changing = fleet.by_name.iter_mut().map(|(name, it)| change(name, it, &callers.tallies, &old, &new));
    try_join_all(changing).await?;
    let tallies = callers.tallies.clone();
    let posts = callers.finish().await?;
    println!("skew with {}: {} posts", old.display(), posts.len());
    for service in &SERVICES {
        let tally = tallies.of(service.name());
        println!("  {}: {tally:?}", service.name());
        assert!(tally.failed.is_empty(), "{}: {tally:#?}", service.name());
    }
    holds(&story, posts, &known).await?;
    ensure!(fleet.stop().await?, "a replica did not exit with 0");
    story.end().await
}
