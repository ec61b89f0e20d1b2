//! What NATS lets each service do: as much as its wiring says, and no more.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use chassis::bus::Bus;
use chassis::doors::{Running, wait_until_ready};
use chassis::{Clock, Config, Ground, Wiring, stream_for};
use contracts::runners;
use contracts::triage::v1::GetTicketRequest;
use integration::processes::free_address;
use integration::{Story, client_file, post, register, servers};
use local::SERVICES;
use rand::SeedableRng;
use skranke::client_file::ClientFile;
use skranke::clients::Clients;
use tokio::process::{Child, Command};
use tonic::transport::Channel;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::rendered::read;

const USERS: &str = "deploy/k8s/base/platform/nats/users.conf";
const PATIENCE: Duration = Duration::from_secs(60);

/// What a service with this wiring must be able to publish.
fn publishes(wiring: &Wiring) -> Vec<String> {
    let mut subjects = Vec::new();
    if let Some(package) = wiring.announces {
        subjects.extend([format!("{package}.>"), format!("$JS.API.STREAM.INFO.{}", stream_for(package))]);
    }
    for listen in wiring.listens {
        let (stream, name) = (stream_for(listen.package), wiring.service);
        subjects.extend([
            format!("$JS.API.STREAM.INFO.{stream}"),
            format!("$JS.API.CONSUMER.INFO.{stream}.{name}"),
            format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"),
            format!("$JS.ACK.{stream}.{name}.>"),
        ]);
    }
    if wiring.service == "triage" {
        // Runners are no service: their account passes on jobs and what they say.
        let (told, name) = (runners::TOLD, runners::TOLD_CONSUMER);
        subjects.extend([
            runners::JOB_SUBJECTS.to_owned(),
            format!("$JS.API.CONSUMER.INFO.{told}.{name}"),
            format!("$JS.API.CONSUMER.MSG.NEXT.{told}.{name}"),
            format!("$JS.ACK.{told}.{name}.>"),
        ]);
    }
    subjects
}

#[test]
fn permissions_are_those_of_the_wiring() -> anyhow::Result<()> {
    let mut expected = "users: [\n".to_owned();
    let mut user = |name: &str, publish: &str, subscribe: &str| {
        let permissions = format!("      publish: [{publish}]\n      subscribe: [\"{subscribe}\"]\n");
        expected.push_str(&format!("  {{\n    user: \"CN={name}\"\n    permissions: {{\n{permissions}    }}\n  }}\n"));
    };
    for service in SERVICES {
        let lines =
            publishes(service.wiring).iter().map(|subject| format!("        \"{subject}\"\n")).collect::<String>();
        user(service.name(), &format!("\n{lines}      "), &format!("_INBOX.{}.>", service.name()));
    }
    user("deployment", "\"$JS.API.>\"", "_INBOX.>");
    expected.push_str("]\n");
    let text = read(USERS)?;
    let written: String = text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    assert_eq!(written, expected);
    Ok(())
}

/// A nats-server with the users of the manifests, who have passwords here instead of certificates.
async fn guarded_nats(folder: &Path) -> anyhow::Result<(Child, String)> {
    let binaries = servers().await?;
    let address = free_address(&mut rand::rngs::StdRng::from_os_rng())?;
    let mut users = read(USERS)?;
    for name in SERVICES.iter().map(|service| service.name()).chain(["deployment"]) {
        users = users.replace(&format!("user: \"CN={name}\""), &format!("user: \"{name}\", password: \"of-{name}\""));
    }
    let streams = folder.join("guarded");
    let configuration = format!(
        "listen: \"{address}\"\njetstream {{\n  store_dir: {:?}\n}}\n\
         accounts {{\n  DESK {{\n    jetstream: enabled\n    {users}\n  }}\n}}\n",
        streams.display().to_string()
    );
    let file = folder.join("guarded.conf");
    std::fs::write(&file, configuration)?;
    let mut server = Command::new(binaries.nats_server);
    server.arg("--config").arg(file).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    Ok((server.spawn()?, address.to_string()))
}

#[tokio::test]
async fn with_their_permissions_services_do_their_work_and_nothing_else() -> anyhow::Result<()> {
    let story = Story::empty(Clock::System, Vec::new()).await?;
    let (server, address) = guarded_nats(&story.folder()).await?;
    let url = |name: &str| format!("nats://{name}:of-{name}@{address}");
    let deployment = Bus::connect(&url("deployment"), None, None, "deployment").await?;
    let wirings: Vec<Wiring> = SERVICES.iter().map(|service| *service.wiring).collect();
    tokio::time::timeout(PATIENCE, async {
        while chassis::bus::deploy(&deployment.jetstream, &wirings).await.is_err() {}
    })
    .await?;

    let mut running: Vec<(&str, Running)> = Vec::new();
    for service in SERVICES {
        let config = Config { nats_url: url(service.name()), ..story.desk.config_of(service) };
        let ground = Ground::lay(service.name(), config, Clock::System).await?;
        running.push((service.name(), (service.start)(ground).await?));
    }
    for (name, one) in &running {
        assert!(wait_until_ready(one, PATIENCE).await, "{name} does not get ready");
        what_probes_ask_is_answered(one).await?;
    }
    let endpoints = running.iter().map(|(name, one)| ((*name).to_owned(), format!("http://{}", one.grpc_address)));
    let clients = Clients::new(
        endpoints.collect(),
        &story.token(
            "ops",
            &[(chassis::authorisation::Role::Admin, "*"), (chassis::authorisation::Role::Service, "*")],
        )?,
    )?;
    let file = ClientFile::read("test.yaml", &client_file("acme", "ACME"));
    let file = file.map_err(|complaints| anyhow::anyhow!("{complaints:?}"))?;
    skranke::apply_file(&clients, &file).await?;
    register(&clients, post("acme", "one", "Cannot log in")).await?;
    tokio::time::timeout(PATIENCE, heard_by_all(&deployment))
        .await
        .context("somebody has not heard of the ticket")??;
    let request = GetTicketRequest { ticket: "ACME-1001".to_owned() };
    clients.triage()?.get_ticket(request).await?;

    strangers_are_kept_out(&deployment, &url("triage")).await?;
    for (_, one) in running {
        assert!(one.stop().await);
    }
    drop(server);
    story.end().await
}

/// Waits until every consumer has been sent something and has acknowledged everything.
async fn heard_by_all(deployment: &Bus) -> anyhow::Result<()> {
    for service in SERVICES {
        for stream in service.wiring.listens.iter().map(|listen| stream_for(listen.package)) {
            let found = deployment.jetstream.get_stream(&stream).await?;
            loop {
                let known = found.consumer_info(service.name()).await?;
                // Of the ticket that was registered nobody but triage's listeners may hear nothing.
                let is_quiet = known.num_pending == 0 && known.num_ack_pending == 0;
                if is_quiet && (known.delivered.stream_sequence > 0 || stream == "TRIAGE" || stream == "KNOWLEDGE_BASE")
                {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Triage's own user neither announces in intake's name nor touches streams.
async fn strangers_are_kept_out(deployment: &Bus, url: &str) -> anyhow::Result<()> {
    let length =
        async || anyhow::Ok(deployment.jetstream.get_stream("INTAKE").await?.cached_info().state.last_sequence);
    let before = length().await?;
    let triage = Bus::connect(url, None, None, "triage").await?;
    // Its own stream answers: the connection is there, and what follows is refused and not lost.
    triage.jetstream.get_stream("TRIAGE").await?;
    let mut context = triage.jetstream.clone();
    context.set_timeout(Duration::from_millis(300));
    let sent = context.publish("skranke.intake.v1.ticket_registered.acme", "forged".into()).await?;
    assert!(sent.await.is_err(), "triage announces in intake's name");
    assert!(context.delete_stream("INTAKE").await.is_err(), "triage deletes a stream");
    assert!(context.get_stream("SLA_TIMER").await.is_err(), "triage sees a stream that it does not listen to");
    let theirs =
        context.get_consumer_from_stream::<async_nats::jetstream::consumer::pull::Config, _, _>("reporting", "INTAKE");
    assert!(theirs.await.is_err(), "triage sees reporting's consumer");
    assert_eq!(length().await?, before);
    Ok(())
}

/// What the manifests' probes ask for.
async fn what_probes_ask_is_answered(running: &Running) -> anyhow::Result<()> {
    let template = read("deploy/k8s/base/shared/service/deployment.yaml")?;
    let channel = Channel::from_shared(format!("http://{}", running.grpc_address))?.connect().await?;
    let mut health = HealthClient::new(channel);
    assert!(template.contains("grpc: {port: 50051, service: readiness}"));
    assert!(template.contains("httpGet: {path: /healthz, port: http}"));
    assert_eq!(reqwest::get(format!("http://{}/healthz", running.http_address)).await?.status(), 200);
    for service in ["liveness", "readiness"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let status = health.check(request).await?.into_inner().status;
        assert_eq!(status, ServingStatus::Serving as i32, "{service}");
    }
    let unknown = health.check(HealthCheckRequest { service: "something".to_owned() }).await;
    assert!(unknown.is_err(), "any name is answered");
    Ok(())
}
