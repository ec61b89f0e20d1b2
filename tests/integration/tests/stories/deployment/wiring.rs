//! Services, ports, variables, streams, consumers, subjects, metrics and chapters: those of the code, both ways.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::stream::{DiscardPolicy, RetentionPolicy, StorageType};
use chassis::{Config, stream_for, telemetry};
use clap::Parser;
use integration::Story;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use local::SERVICES;
use serde_json::{Value, json};

use super::rendered::{Rendered, Workload, read, render, render_all, text};

/// Left as they are by default, with the reason.
const DEFAULTS: [(&str, &str); 6] = [
    ("SKRANKE_DATABASE_CONNECTIONS", "16, for which max_connections is made"),
    ("SKRANKE_GRPC_ADDRESS", "the port that Services and probes name"),
    ("SKRANKE_HTTP_ADDRESS", "the port that probes and Prometheus name"),
    ("SKRANKE_REFLECTION", "off but where one tries things out"),
    ("SKRANKE_OBJECTS", "nothing: without an object store the desk takes no files"),
    ("SKRANKE_CONNECTION_AGE_SECONDS", "five minutes, so that callers find new replicas"),
];

fn sorted<T: Ord>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_unstable();
    values
}

fn config_of(variables: &BTreeMap<String, String>) -> anyhow::Result<Config> {
    Config::read(|name| variables.get(name).cloned())
}

#[test]
fn every_service_of_the_code_is_deployed_and_no_other() -> anyhow::Result<()> {
    for rendered in render_all()? {
        let of_code = sorted(SERVICES.iter().map(|service| service.name()));
        assert_eq!(sorted(rendered.services()?.iter().map(|one| one.name.as_str())), of_code);
        for service in SERVICES {
            let name = service.name();
            for kind in ["Service", "ServiceAccount", "PodDisruptionBudget", "NetworkPolicy"] {
                rendered.object(kind, name)?;
            }
            let store = rendered.object("Cluster", &format!("{name}-store"))?;
            assert_eq!(text(store, "/spec/bootstrap/initdb/database"), service.database());
            rendered.object("Job", &format!("{name}-migrate"))?;
        }
        assert_eq!(rendered.of_kind("Cluster").count(), SERVICES.len(), "a store per service");
    }
    Ok(())
}

/// What containers of the desk's image are told to do is what the command line takes.
#[test]
fn every_command_is_one_of_the_command_line() -> anyhow::Result<()> {
    for rendered in render_all()? {
        let mut served = Vec::new();
        for workload in rendered.workloads()? {
            for container in workload.containers().filter(|one| one.name == "skranke") {
                let arguments = container.args.clone().unwrap_or_default();
                let line = std::iter::once("skranke".to_owned()).chain(arguments.clone());
                skranke::Arguments::try_parse_from(line)?;
                served.push(arguments);
                assert!(container.command.is_none(), "{}: the image's entry point is the program", workload.title());
            }
        }
        for service in SERVICES {
            assert!(served.contains(&vec!["serve".to_owned(), service.name().to_owned()]));
            assert!(served.contains(&["serve", service.name(), "--migrate"].map(str::to_owned).to_vec()));
        }
    }
    Ok(())
}

#[test]
fn every_variable_is_one_that_a_service_reads_and_every_setting_is_made() -> anyhow::Result<()> {
    for rendered in render_all()? {
        for workload in rendered.services()? {
            let variables = rendered.variables(&workload.pod.containers[0])?;
            for name in variables.keys() {
                let setting = name.strip_suffix("_FILE").unwrap_or(name);
                let is_known = Config::VARIABLES.contains(&setting)
                    || telemetry::Settings::VARIABLES.contains(&name.as_str())
                    // As S3's own tools read them.
                    || (workload.name == "intake" && name.starts_with("AWS_"));
                assert!(is_known, "{}: no service reads {name}", workload.title());
            }
            let defaults = DEFAULTS.map(|(name, _)| name);
            for setting in Config::VARIABLES {
                let is_made = variables.contains_key(setting) || defaults.contains(&setting);
                assert!(is_made, "{}: {setting} is not set", workload.title());
            }
            settings_point_to_the_right_places(&rendered, &workload, &config_of(&variables)?)?;
        }
    }
    Ok(())
}

fn settings_point_to_the_right_places(rendered: &Rendered, workload: &Workload, config: &Config) -> anyhow::Result<()> {
    let service = local::service(&workload.name).ok_or_else(|| anyhow::anyhow!("no service {}", workload.name))?;
    let (name, database) = (service.name(), service.database());
    for (role, url) in [("app", &config.database_url), ("machinery", &config.machinery_database_url)] {
        let at = format!("postgres://desk_{role}@{name}-store-rw:5432/{database}?sslmode=verify-full&");
        assert!(url.starts_with(&at), "{url} is not {at}…");
        for file in ["store/ca.crt", &format!("store/{role}.crt"), &format!("store/{role}.key")] {
            assert!(url.contains(&format!("=/run/skranke/{file}")), "{url}: {file}");
            assert!(mounted(workload).contains(file), "{}: {file} is not mounted", workload.title());
        }
    }
    let nats = rendered.object("Service", "nats")?;
    assert_eq!(config.nats_url, format!("tls://nats:{}", nats["spec"]["ports"][0]["port"]));
    let (certificate, key) = config.nats_certificate.clone().unwrap_or_default();
    for file in [config.nats_ca.clone().unwrap_or_default(), certificate, key] {
        let file = file.strip_prefix("/run/skranke")?.display().to_string();
        assert!(mounted(workload).contains(&file), "{}: {file} is not mounted", workload.title());
    }
    Ok(())
}

/// The files of the pod's credentials.
fn mounted(workload: &Workload) -> BTreeSet<String> {
    let volumes = workload.pod.volumes.iter().flatten().filter_map(|volume| volume.projected.as_ref());
    let secrets = volumes.flat_map(|one| one.sources.iter().flatten()).filter_map(|source| source.secret.as_ref());
    secrets.flat_map(|secret| secret.items.iter().flatten()).map(|item| item.path.clone()).collect()
}

#[test]
fn every_port_is_one_that_a_service_opens() -> anyhow::Result<()> {
    let needed = Config::VARIABLES.map(|name| (name.to_owned(), "x".to_owned()));
    let taken = needed.into_iter().filter(|(name, _)| !DEFAULTS.iter().any(|(default, _)| default == name));
    let defaults = config_of(&taken.collect())?;
    let (grpc, http) = (i32::from(defaults.grpc_address.port()), i32::from(defaults.http_address.port()));
    for rendered in render_all()? {
        for workload in rendered.services()? {
            let container = &workload.pod.containers[0];
            let ports = container.ports.iter().flatten().map(|port| (port.name.clone(), port.container_port));
            let expected = [("grpc", grpc), ("http", http)].map(|(name, port)| (Some(name.to_owned()), port));
            assert_eq!(ports.collect::<Vec<_>>(), expected, "{}", workload.title());
            let ready = container.readiness_probe.as_ref().and_then(|probe| probe.grpc.as_ref());
            assert_eq!(ready.map(|asked| asked.port), Some(grpc), "{}", workload.title());
            // gRPC is not served before the store is there, for which nobody is to be killed.
            for probe in [&container.startup_probe, &container.liveness_probe] {
                let asked = probe.as_ref().and_then(|probe| probe.http_get.as_ref());
                let asked = asked.map(|asked| (asked.path.as_deref(), &asked.port));
                let expected = (Some("/healthz"), &IntOrString::String("http".to_owned()));
                assert_eq!(asked, Some(expected), "{}", workload.title());
            }
        }
        for service in rendered.typed::<Service>("Service")? {
            let name = service.metadata.name.unwrap_or_default();
            if SERVICES.iter().any(|one| one.name() == name) {
                let ports = service.spec.and_then(|spec| spec.ports).unwrap_or_default();
                let ports: Vec<_> = ports.iter().map(|port| (port.port, port.app_protocol.as_deref())).collect();
                assert_eq!(ports, [(grpc, Some("kubernetes.io/h2c")), (http, Some("http"))], "{name}");
            }
        }
        for route in rendered.of_kind("GRPCRoute") {
            assert_eq!(route["spec"]["rules"][0]["backendRefs"][0]["port"], grpc);
        }
    }
    assert!(read("Dockerfile")?.contains(&format!("EXPOSE {grpc} {http}\n")));
    Ok(())
}

#[test]
fn every_grpc_service_is_reached_from_outside_and_operations_are_not() -> anyhow::Result<()> {
    let Some(rendered) = render("production")? else { return Ok(()) };
    let mut routes = BTreeMap::new();
    for route in rendered.of_kind("GRPCRoute") {
        for rule in route["spec"]["rules"].as_array().into_iter().flatten() {
            for one in rule["matches"].as_array().into_iter().flatten() {
                routes.insert(text(one, "/method/service"), text(rule, "/backendRefs/0/name"));
            }
        }
    }
    let served = SERVICES.iter().flat_map(|one| one.wiring.serves.iter().map(|grpc| (*grpc, one.name())));
    assert_eq!(routes, served.collect());
    Ok(())
}

/// What `chassis::bus::deploy` makes on a real server is what the resources say.
#[tokio::test]
async fn streams_and_consumers_are_what_the_code_makes() -> anyhow::Result<()> {
    let Some(rendered) = render("production")? else { return Ok(()) };
    let story = Story::empty(chassis::Clock::System, Vec::new()).await?;
    let jetstream = &story.desk.bus.jetstream;
    let announcing: Vec<String> = SERVICES.iter().filter_map(|one| one.wiring.announces).map(stream_for).collect();
    // Those of runners are held against the code beside the runner.
    let is_runners =
        |one: &&Value| ["/spec/name", "/spec/streamName"].iter().any(|at| text(one, at).starts_with("RUN_"));
    assert_eq!(rendered.of_kind("Stream").filter(|one| !is_runners(one)).count(), announcing.len());
    for resource in rendered.of_kind("Stream").filter(|one| !is_runners(one)) {
        let name = text(resource, "/spec/name");
        assert_eq!(stream_resource(&jetstream.get_stream(name).await?.cached_info().config), resource["spec"]);
    }
    let listening = SERVICES.iter().flat_map(|one| one.wiring.listens);
    assert_eq!(rendered.of_kind("Consumer").filter(|one| !is_runners(one)).count(), listening.count());
    for resource in rendered.of_kind("Consumer").filter(|one| !is_runners(one)) {
        let (stream, name) = (text(resource, "/spec/streamName"), text(resource, "/spec/durableName"));
        let made = jetstream.get_stream(stream).await?.consumer_info(name).await?;
        assert_eq!(consumer_resource(&made.config, stream), resource["spec"], "{name} of {stream}");
    }
    story.end().await
}

/// A stream of the server as a resource of three replicas.
fn stream_resource(made: &async_nats::jetstream::stream::Config) -> Value {
    assert_eq!((made.retention, made.storage), (RetentionPolicy::Limits, StorageType::File));
    assert_eq!(made.discard, DiscardPolicy::New);
    assert_eq!((made.max_bytes, made.max_messages, made.max_messages_per_subject), (-1, -1, -1), "no other limits");
    json!({
        "account": "desk", "name": made.name, "subjects": made.subjects,
        "retention": "limits", "storage": "file", "discard": "new", "replicas": 3,
        "maxAge": format!("{}h", made.max_age.as_secs() / 3_600), "maxMsgSize": made.max_message_size,
        "duplicateWindow": format!("{}m", made.duplicate_window.as_secs() / 60),
        "denyDelete": made.deny_delete, "denyPurge": made.deny_purge, "allowDirect": made.allow_direct,
        "allowAtomicPublish": made.allow_atomic_publish, "preventDelete": true,
    })
}

/// A consumer of the server as a resource of three replicas.
fn consumer_resource(made: &consumer::Config, stream: &str) -> Value {
    assert_eq!((made.deliver_policy, made.ack_policy), (DeliverPolicy::All, AckPolicy::Explicit));
    assert_eq!(made.replay_policy, ReplayPolicy::Instant);
    assert_eq!(made.backoff, [] as [std::time::Duration; 0]);
    let mut resource = json!({
        "account": "desk", "streamName": stream, "durableName": made.durable_name,
        "deliverPolicy": "all", "ackPolicy": "explicit", "replayPolicy": "instant", "replicas": 3,
        "ackWait": format!("{}s", made.ack_wait.as_secs()), "maxDeliver": made.max_deliver,
        "maxAckPending": made.max_ack_pending, "preventDelete": true,
        "filterSubjects": made.filter_subjects,
    });
    if made.filter_subjects.is_empty() {
        resource["filterSubjects"] = json!([made.filter_subject]);
    }
    resource
}

#[test]
fn every_listener_follows_its_lag_and_intake_its_work() -> anyhow::Result<()> {
    let Some(rendered) = render("production")? else { return Ok(()) };
    let nats = rendered.config("nats")?;
    for service in SERVICES {
        let name = service.name();
        let cluster = rendered.object("Cluster", &format!("{name}-store"))?;
        let connections: i64 = text(cluster, "/spec/postgresql/parameters/max_connections").parse()?;
        // Intake listens too, but what it takes in is its work.
        let most = if name == "intake" {
            let scaler = rendered.object("HorizontalPodAutoscaler", name)?;
            assert_eq!(text(scaler, "/spec/scaleTargetRef/name"), name);
            scaler["spec"]["maxReplicas"].as_i64()
        } else {
            let scaler = rendered.object("ScaledObject", name)?;
            assert_eq!(text(scaler, "/spec/scaleTargetRef/name"), name);
            let triggers = scaler["spec"]["triggers"].as_array().cloned().unwrap_or_default();
            let followed = triggers.iter().map(|one| {
                assert_eq!(one["type"], "nats-jetstream");
                let account = text(one, "/metadata/account");
                assert!(
                    nats["nats.conf"].contains(&format!("\n  {account} {{\n    jetstream: enabled\n")),
                    "{account}"
                );
                assert_eq!(text(one, "/metadata/natsServerMonitoringEndpoint"), "nats-headless.skranke.svc:8222");
                (text(one, "/metadata/stream").to_owned(), text(one, "/metadata/consumer").to_owned())
            });
            let heard = service.wiring.listens.iter().map(|one| (stream_for(one.package), name.to_owned()));
            assert_eq!(sorted(followed), sorted(heard));
            scaler["spec"]["maxReplicaCount"].as_i64()
        };
        let most = most.unwrap_or(i64::MAX);
        assert!(most <= 64, "{name}: more replicas than shards");
        // 16 of the application and 4 of the machinery; the rollout's extra replica, and a tenth for people.
        assert!((most + 1) * 20 <= connections * 9 / 10, "{name}: {most} replicas and {connections} connections");
    }
    assert_eq!(rendered.of_kind("ScaledObject").count() + rendered.of_kind("HorizontalPodAutoscaler").count(), 5);
    Ok(())
}

/// The metrics in an expression: words of ours and of those whom we scrape.
fn metrics_in(expression: &str) -> BTreeSet<&str> {
    let words = expression.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'));
    let is_metric = |word: &&str| ["skranke", "rpc_", "process_"].iter().any(|start| word.starts_with(start));
    words.filter(is_metric).filter(|word| *word != "skranke" && !LABELS.contains(word)).collect()
}

/// Labels that look like metrics.
const LABELS: [&str; 2] = ["rpc_method", "rpc_response_status_code"];

#[test]
fn every_alert_asks_for_figures_that_exist_and_names_a_chapter_that_exists() -> anyhow::Result<()> {
    let Some(rendered) = render("production")? else { return Ok(()) };
    let runbook = read("docs/runbook.md")?;
    let titles = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    let anchor = |title: &str| title.to_lowercase().replace(' ', "-").replace(['?', ','], "");
    let anchors: BTreeSet<String> = titles.map(anchor).collect();
    let mut recorded = BTreeSet::new();
    let mut asked = BTreeSet::new();
    for rule in
        rendered.of_kind("PrometheusRule").flat_map(|one| one["spec"]["groups"].as_array().into_iter().flatten())
    {
        for rule in rule["rules"].as_array().into_iter().flatten() {
            asked.extend(metrics_in(text(rule, "/expr")));
            if let Some(name) = rule["record"].as_str() {
                recorded.insert(name);
                continue;
            }
            let url = text(rule, "/annotations/runbook_url");
            let chapter = url.split_once("/docs/runbook.md#").map(|(_, chapter)| chapter.to_owned());
            assert!(chapter.is_some_and(|chapter| anchors.contains(&chapter)), "{}: {url}", rule["alert"]);
            assert!(["page", "ticket"].contains(&text(rule, "/labels/severity")), "{}", rule["alert"]);
        }
    }
    for metric in &asked {
        let is_known = chassis::metrics::NAMES.contains(&family(metric));
        assert!(recorded.contains(metric) || is_known, "nobody has {metric}");
    }
    assert!(asked.len() > 8, "{asked:?}");
    Ok(())
}

/// The dashboard asks for every figure that there is, and for no other; each of its panels says what it shows.
#[test]
fn the_dashboard_shows_the_figures_that_exist() -> anyhow::Result<()> {
    let Some(rendered) = render("production")? else { return Ok(()) };
    let dashboard: Value = serde_json::from_str(&rendered.config("dashboard")?["skranke.json"])?;
    let mut asked = BTreeSet::new();
    let panels = dashboard["panels"].as_array().cloned().unwrap_or_default();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(!text(panel, "/title").is_empty() && !panel["fieldConfig"]["defaults"]["unit"].is_null(), "{panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let found = metrics_in(text(target, "/expr"));
            assert!(!found.is_empty(), "{}: it asks for nothing of ours", panel["title"]);
            asked.extend(found.into_iter().map(|metric| family(metric).to_owned()));
        }
    }
    assert_eq!(asked, chassis::metrics::NAMES.map(str::to_owned).into_iter().collect());
    let ids: BTreeSet<i64> = panels.iter().filter_map(|panel| panel["id"].as_i64()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has its own id");
    Ok(())
}

/// A metric's name without what histograms put behind it.
fn family(metric: &str) -> &str {
    if chassis::metrics::NAMES.contains(&metric) {
        return metric;
    }
    ["_bucket", "_sum", "_count"].iter().find_map(|end| metric.strip_suffix(end)).unwrap_or(metric)
}
