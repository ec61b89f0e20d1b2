//! Stopping loses nothing; starting waits for the world.

use std::time::Duration;

use chassis::Clock;
use chassis::authorisation::Role;
use integration::checker::check;
use integration::load::{Load, publish_article};
use integration::processes::{Processes, free_address, get, wait_for_status, wait_until};
use integration::{ServiceProcess, Story, client_file, observe, post, register};
use local::{SERVICES, service};
use rand::SeedableRng;
use rand::rngs::StdRng;
use skranke::client_file::ClientFile;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_asked_to_stop_under_load_finishes_what_it_began() -> anyhow::Result<()> {
    let mut rng = StdRng::seed_from_u64(7);
    let story = Story::empty(Clock::System, Vec::new()).await?;
    let mut processes = Processes::start(&story.desk, &SERVICES, &mut rng).await?;
    let admin = processes.as_one(&story.desk, "admin@operator.example", &[(Role::Admin, "*")])?;
    let file = ClientFile::read("stopping.yaml", &client_file("acme", "ACME"))
        .map_err(|complaints| anyhow::anyhow!("{complaints:?}"))?;
    skranke::apply_file(&admin, &file).await?;
    publish_article(&admin, "acme").await?;

    let load = Load::start(&story.desk, &processes, "acme", 8, 7)?;
    for service in &SERVICES {
        let before = observe::number(&story.desk, "intake", "SELECT count(*) FROM ticket").await?;
        wait_until("callers are answered", PATIENCE, async || {
            Ok(observe::number(&story.desk, "intake", "SELECT count(*) FROM ticket").await? >= before + 20)
        })
        .await?;
        let process = processes.by_name.get_mut(service.name()).expect("all services run");
        assert!(process.stop_and_restart().await?, "{} did not exit with 0", service.name());
        processes.ready().await?;
    }
    let posts = load.finish().await?;
    story.settle().await?;
    // What a service had in its outbox when it stopped, it announces when it is back.
    let mut faults = Vec::new();
    let healed = wait_until("the history holds", PATIENCE, async || {
        faults = check(&posts, &observe::view(&story.desk, "acme").await?);
        Ok(faults.is_empty())
    });
    let healed = healed.await;
    assert!(healed.is_ok(), "{faults:#?}");
    assert!(processes.stop().await?, "a service did not exit with 0");
    story.end().await
}

#[tokio::test]
async fn a_service_starts_before_its_world_and_says_what_it_lacks() -> anyhow::Result<()> {
    let mut rng = StdRng::seed_from_u64(8);
    let others = SERVICES.iter().copied().filter(|one| one.name() != "triage").collect();
    let mut story = Story::empty(Clock::System, others).await?;
    let triage = service("triage").expect("triage is a service");
    let (grpc, http) = (free_address(&mut rng)?, free_address(&mut rng)?);
    story.desk.postgres.stop().await?;
    story.desk.nats.stop().await?;

    let process = ServiceProcess::start(&story.desk, triage, grpc, http)?;
    let lacks_store = wait_for_status(http, "/readyz", 503, PATIENCE);
    lacks_store.await?;
    wait_until("/readyz names the store", PATIENCE, async || Ok(get(http, "/readyz").await?.1.contains("the store")))
        .await?;
    assert_eq!(get(http, "/healthz").await?.0, 200);

    story.desk.postgres.restart().await?;
    wait_until("/readyz names NATS", PATIENCE, async || {
        let (status, body) = get(http, "/readyz").await?;
        anyhow::ensure!(status == 503, "it is ready without NATS");
        Ok(body.contains("NATS is not connected"))
    })
    .await?;

    story.desk.nats.restart().await?;
    wait_for_status(http, "/readyz", 200, PATIENCE).await?;
    assert_eq!(get(http, "/healthz").await?.0, 200);

    // Ready means that it works.
    let mut endpoints = story.desk.address().endpoints;
    endpoints.insert("triage".to_owned(), process.endpoint());
    let token = story.token("admin@operator.example", &[(Role::Admin, "*")])?;
    let admin = skranke::clients::Clients::new(endpoints, &token)?;
    let file = ClientFile::read("stopping.yaml", &client_file("acme", "ACME"))
        .map_err(|complaints| anyhow::anyhow!("{complaints:?}"))?;
    skranke::apply_file(&admin, &file).await?;
    register(&admin, post("acme", "post-1", "Disk full")).await?;
    wait_until("triage has the ticket", PATIENCE, async || {
        Ok(observe::number(&story.desk, "triage", "SELECT count(*) FROM ticket").await? == 1)
    })
    .await?;
    assert!(process.stop().await?, "triage did not exit with 0");
    assert!(get(http, "/healthz").await.is_err(), "nobody answers after the stop");
    story.end().await
}
