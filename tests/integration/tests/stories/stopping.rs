//! Stopping loses nothing; starting waits for the world.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use chassis::Clock;
use chassis::authorisation::Role;
use contracts::intake::v1::GetReceiptRequest;
use integration::checker::check;
use integration::load::{Load, publish_article};
use integration::processes::{Processes, free_addresses, get, wait_until};
use integration::{ServiceProcess, Story, client_file, observe, post, register};
use local::SERVICES;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_starts_before_its_world_and_says_what_it_lacks() -> anyhow::Result<()> {
    let mut rng = StdRng::seed_from_u64(8);
    let mut story = Story::empty(Clock::System, Vec::new()).await?;
    story.desk.postgres.stop().await?;
    story.desk.nats.stop().await?;

    let mut processes = Processes { by_name: BTreeMap::new() };
    for service in SERVICES {
        let [grpc, http] = free_addresses(&mut rng)?;
        processes.by_name.insert(service.name(), ServiceProcess::start(&story.desk, service, grpc, http)?);
    }
    for (name, process) in &processes.by_name {
        let http = process.http_address();
        wait_until("/readyz names the store", PATIENCE, async || says(http, 503, "the store").await)
            .await
            .with_context(|| (*name).to_owned())?;
        assert_eq!(get(http, "/healthz").await?.0, 200, "{name} lives");
    }

    // Who listens is of no use without NATS; intake works.
    story.desk.postgres.restart().await?;
    for (name, process) in &processes.by_name {
        let (status, said) = if *name == "intake" { (200, "ready") } else { (503, "NATS is not connected") };
        let says = async || says(process.http_address(), status, said).await;
        wait_until(said, PATIENCE, says).await.with_context(|| (*name).to_owned())?;
    }
    let admin = processes.as_one(&story.desk, "admin@operator.example", &[(Role::Admin, "*")])?;
    let file = ClientFile::read("stopping.yaml", &client_file("acme", "ACME"))
        .map_err(|complaints| anyhow::anyhow!("{complaints:?}"))?;
    skranke::apply_file(&admin, &file).await?;
    let acknowledged = register(&admin, post("acme", "post-1", "Disk full")).await?.reference;
    let receipt = GetReceiptRequest {
        client_id: "acme".to_owned(),
        ticket: acknowledged.clone(),
        ..GetReceiptRequest::default()
    };
    let is_announced = async || anyhow::Ok(admin.intake()?.get_receipt(receipt.clone()).await?.into_inner().announced);
    assert!(!is_announced().await?, "{acknowledged} cannot be announced yet");

    // Ready means that it works.
    story.desk.nats.restart().await?;
    processes.ready().await?;
    wait_until("the ticket is announced", PATIENCE, is_announced).await?;
    let in_report = "SELECT count(*) FROM ticket_figures WHERE registered_at IS NOT NULL AND priority IS NOT NULL";
    for (service, has_it) in [
        ("triage", "SELECT count(*) FROM ticket"),
        ("sla-timer", "SELECT count(*) FROM ticket WHERE is_registered"),
        ("reporting", in_report),
    ] {
        let knows = async || Ok(observe::number(&story.desk, service, has_it).await? == 1);
        wait_until("the ticket is everywhere", PATIENCE, knows).await.with_context(|| service.to_owned())?;
    }
    let addresses: Vec<_> = processes.by_name.values().map(ServiceProcess::http_address).collect();
    assert!(processes.stop().await?, "a service did not exit with 0");
    for http in addresses {
        assert!(get(http, "/healthz").await.is_err(), "nobody answers after the stop");
    }
    story.end().await
}

/// Whether `/readyz` answers this; nobody may answer yet.
async fn says(http: SocketAddr, status: u16, what: &str) -> anyhow::Result<bool> {
    Ok(get(http, "/readyz").await.is_ok_and(|(found, body)| found == status && body.contains(what)))
}
