//! The runner of the manifests and of compose.yaml: one name everywhere, its own word on NATS, nothing else in reach.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::{DiscardPolicy, StorageType};
use chassis::bus::Bus;
use contracts::{ClientId, runners};
use integration::processes::free_address;
use integration::{servers, skranke_binary};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use rand::SeedableRng;
use serde_json::{Value, json};

use super::rendered::{read, render, root, text};

const PATIENCE: Duration = Duration::from_secs(60);
const OF_KUBERNETES: &str = "deploy/k8s/components/runner/runner.yaml";
const OF_COMPOSE: &str = "deploy/compose/runner.yaml";

/// Whose runner a file makes, and its word.
fn named(file: &str) -> anyhow::Result<(ClientId, String)> {
    let file: Value = serde_saphyr::from_str(&read(file)?)?;
    Ok((ClientId::new(text(&file, "/client"))?, text(&file, "/runner").to_owned()))
}

/// A runner's permissions as the configuration of NATS has them, without its indentation.
fn permissions(client_id: &ClientId, runner: &str) -> String {
    let lines = |subjects: Vec<String>| subjects.iter().map(|one| format!("\"{one}\"\n")).collect::<String>();
    let subscribe = runners::may_subscribe(client_id, runner).join("\", \"");
    format!(
        "permissions: {{\npublish: [\n{}]\nsubscribe: [\"{subscribe}\"]\n}}\n",
        lines(runners::may_publish(client_id, runner))
    )
}

fn without_indentation(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim())).collect()
}

#[test]
fn a_runner_has_one_name_in_its_file_its_certificate_and_at_nats() -> anyhow::Result<()> {
    let (client_id, runner) = named(OF_KUBERNETES)?;
    let user = runners::user(&client_id, &runner);
    let users = without_indentation(&read("deploy/k8s/components/runner/runners.conf")?);
    let expected = format!("user: \"CN={user}\"\n{}", permissions(&client_id, &runner));
    assert!(users.contains(&expected), "{expected}");
    let compose = named(OF_COMPOSE)?;
    let (user, rights) = (runners::user(&compose.0, &compose.1), permissions(&compose.0, &compose.1));
    let expected = format!("user: \"{user}\"\npassword: $RUNNER_PASSWORD\n{rights}");
    assert!(without_indentation(&read("deploy/compose/nats.conf")?).contains(&expected), "{expected}");
    let compose_file = read("compose.yaml")?;
    let streams = format!("[deploy, runners, --runner, {}/{}]", compose.0, compose.1);
    assert!(compose_file.contains(&streams), "{streams}");
    for file in [OF_KUBERNETES, OF_COMPOSE] {
        let mut command = Command::new(skranke_binary()?);
        let output = command.args(["runner", "--check", "--config"]).arg(root().join(file)).output()?;
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let Some(rendered) = render("production")? else { return Ok(()) };
    let certificate = rendered.object("Certificate", "runner-nats")?;
    assert_eq!(text(certificate, "/spec/commonName"), runners::user(&client_id, &runner));
    let nats = rendered.config("nats")?;
    assert!(nats["nats.conf"].contains("include \"runners.conf\"") && nats["runners.conf"].contains("CN=fjellheim"));
    let Some(dev) = render("dev")? else { return Ok(()) };
    assert!(!dev.config("nats")?["runners.conf"].contains("CN=fjellheim"), "who has no runner lets none in");
    Ok(())
}

/// Its certificate opens NATS; no policy lets it to anything else, and no store lets it in.
#[test]
fn a_runner_reaches_nats_and_nothing_else() -> anyhow::Result<()> {
    let Some(rendered) = render("production")? else { return Ok(()) };
    let workloads = rendered.workloads()?;
    let runner = workloads.iter().find(|one| one.name == "runner").context("a runner")?;
    let policies: Vec<NetworkPolicy> = rendered.typed("NetworkPolicy")?;
    let specs = policies.iter().filter_map(|one| one.spec.as_ref());
    let is_meant = |labels: Option<&std::collections::BTreeMap<String, String>>| {
        labels.into_iter().flatten().all(|(name, value)| runner.labels.get(name) == Some(value))
    };
    let own = specs.filter(|one| is_meant(one.pod_selector.as_ref().and_then(|it| it.match_labels.as_ref())));
    let mut ports = Vec::new();
    for spec in own {
        assert!(spec.ingress.iter().flatten().next().is_none(), "somebody may call it");
        for rule in spec.egress.iter().flatten() {
            let to = serde_json::to_value(&rule.to)?;
            let is_nats = to == json!([{ "podSelector": { "matchLabels": { "app.kubernetes.io/name": "nats" } } }]);
            let is_names = to.to_string().contains("kube-dns");
            assert!(is_nats || is_names, "it reaches {to}");
            ports.extend(
                serde_json::to_value(&rule.ports)?.as_array().into_iter().flatten().map(|one| one["port"].clone()),
            );
        }
    }
    assert_eq!(ports, [json!(53), json!(53), json!(4222)]);
    assert!(runner.labels.keys().all(|label| label != "skranke.dev/store"));
    let secrets = serde_json::to_value(&runner.pod.volumes)?.to_string();
    assert_eq!(secrets.matches("\"secret\"").count(), 1);
    assert!(secrets.contains("runner-nats") && !secrets.contains("store"), "{secrets}");

    // By compose: a network with NATS and it alone.
    let compose: Value = serde_saphyr::from_str(&read("compose.yaml")?)?;
    let services = compose["services"].as_object().context("services")?;
    let in_network = |name: &str| -> Vec<&str> {
        let is_in = |one: &Value| one["networks"].as_array().is_some_and(|all| all.contains(&json!(name)));
        services.iter().filter(|(_, one)| is_in(one)).map(|(name, _)| name.as_str()).collect()
    };
    let mut beside = in_network("runners");
    beside.sort_unstable();
    assert_eq!((beside, &services["runner"]["networks"]), (vec!["nats", "runner"], &json!(["runners"])));
    assert_eq!(compose["networks"]["runners"]["internal"], true);
    for name in ["runner", "runner-streams"] {
        assert_eq!(services[name]["profiles"], json!(["runner"]), "only where it is asked for");
    }
    Ok(())
}

/// The NATS of compose.yaml, on a free port.
async fn nats_of_compose(folder: &Path) -> anyhow::Result<(tokio::process::Child, String)> {
    let address = free_address(&mut rand::rngs::StdRng::from_os_rng())?;
    let configuration = read("deploy/compose/nats.conf")?
        .replace("0.0.0.0:4222", &address.to_string())
        .replace("http: \"127.0.0.1:8222\"\n", "")
        .replace("\"/data\"", &format!("{:?}", folder.join("data").display().to_string()));
    let file = folder.join("nats.conf");
    std::fs::write(&file, configuration)?;
    let mut server = tokio::process::Command::new(servers().await?.nats_server);
    for name in ["NATS", "RUNNERS", "RUNNER"] {
        server.env(format!("{name}_PASSWORD"), format!("\"of-{}\"", name.to_lowercase()));
    }
    server.arg("--config").arg(file).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    Ok((server.spawn()?, address.to_string()))
}

/// What the program makes with compose's credentials is what the manifests' resources say, and jobs pass as they should.
#[tokio::test]
async fn a_runners_streams_are_what_the_code_makes_and_jobs_reach_it() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (server, address) = nats_of_compose(folder.path()).await?;
    let url = |user: &str, of: &str| format!("nats://{user}:of-{of}@{address}");
    let desk = Bus::connect(&url("desk", "nats"), None, None, "triage").await?;
    let deployment = Bus::connect(&url("deployment-of-runners", "runners"), None, None, "deployment").await?;
    let (compose, kubernetes) = (named(OF_COMPOSE)?, named(OF_KUBERNETES)?);
    tokio::time::timeout(PATIENCE, async {
        while local::runners::deploy_told(&desk.jetstream).await.is_err() {}
        while local::runners::deploy_jobs(&deployment.jetstream, &[compose.clone(), kubernetes.clone()]).await.is_err()
        {
        }
    })
    .await?;
    as_the_resources_say(&desk, &deployment, &kubernetes).await?;

    let inbox = runners::inbox(&compose.0, &compose.1);
    let options = async_nats::ConnectOptions::with_user_and_password(
        runners::user(&compose.0, &compose.1),
        "of-runner".to_owned(),
    );
    let runner = options.custom_inbox_prefix(inbox).connect(&address).await?;
    let jetstream = async_nats::jetstream::new(runner);
    let job = runners::job_subject(&compose.0, &compose.1);
    desk.jetstream.publish(job, "do it".into()).await?.await?;
    let consumer = runners::consumer(&compose.0, &compose.1);
    let jobs: async_nats::jetstream::consumer::Consumer<pull::Config> =
        jetstream.get_consumer_from_stream(&consumer, runners::JOBS).await?;
    let mut batch = jobs.fetch().max_messages(1).expires(PATIENCE).messages().await?;
    let message = futures::StreamExt::next(&mut batch).await.context("the job comes")?;
    let message = message.map_err(|error| anyhow::anyhow!(error))?;
    assert_eq!(message.payload.as_ref(), b"do it");
    message.ack().await.map_err(|error| anyhow::anyhow!(error))?;
    jetstream.publish(runners::told_subject(&compose.0, &compose.1), "done".into()).await?.await?;
    let told = desk.jetstream.get_stream(runners::TOLD).await?.cached_info().state.messages;
    assert_eq!(told, 1, "its word is heard");
    let other = runners::consumer(&kubernetes.0, &kubernetes.1);
    let theirs = jetstream.get_consumer_from_stream::<pull::Config, _, _>(&other, runners::JOBS).await;
    assert!(theirs.is_err(), "it sees another runner's jobs");
    drop(server);
    Ok(())
}

async fn as_the_resources_say(desk: &Bus, deployment: &Bus, runner: &(ClientId, String)) -> anyhow::Result<()> {
    let Some(rendered) = render("production")? else { return Ok(()) };
    let consumer = runners::consumer(&runner.0, &runner.1);
    let both = [
        (desk, "desk", "run-told", "triage-of-run-told", runners::TOLD, runners::TOLD_CONSUMER),
        (deployment, "runners", "run-jobs", "runner-of-run-jobs", runners::JOBS, consumer.as_str()),
    ];
    for (bus, account, stream_resource, consumer_resource, stream, consumer) in both {
        let found = bus.jetstream.get_stream(stream).await?;
        let made = &found.cached_info().config;
        assert_eq!((made.storage, made.discard), (StorageType::File, DiscardPolicy::New));
        let spec = json!({
            "account": account, "name": made.name, "subjects": made.subjects, "retention": "workqueue",
            "storage": "file", "discard": "new", "replicas": 3, "preventDelete": true,
            "maxAge": format!("{}h", made.max_age.as_secs() / 3_600), "maxMsgSize": made.max_message_size,
            "duplicateWindow": format!("{}m", made.duplicate_window.as_secs() / 60),
        });
        assert_eq!(rendered.object("Stream", stream_resource)?["spec"], spec);
        let made = found.consumer_info(consumer).await?.config;
        let spec = json!({
            "account": account, "streamName": stream, "durableName": made.durable_name,
            "filterSubject": made.filter_subject, "deliverPolicy": "all", "ackPolicy": "explicit",
            "replayPolicy": "instant", "replicas": 3, "preventDelete": true,
            "ackWait": format!("{}s", made.ack_wait.as_secs()), "maxDeliver": made.max_deliver,
            "maxAckPending": made.max_ack_pending,
        });
        assert_eq!(rendered.object("Consumer", consumer_resource)?["spec"], spec);
    }
    Ok(())
}
