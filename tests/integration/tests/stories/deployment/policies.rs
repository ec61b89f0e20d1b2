//! What a manifest must have, as the usual linters of Kubernetes ask for it (kube-score, kube-linter, Polaris). Each
//! policy is a function that tells what it finds; `sabotage.rs` sees each of them find something.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Container, ResourceRequirements, ServiceAccount, Volume};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::Value;

use super::rendered::{Rendered, Workload, render_all, text};

/// Belong to no namespace.
const CLUSTER_WIDE: [&str; 2] = ["Namespace", "PriorityClass"];
/// Pods of an operator: no workload of ours has these labels.
const OPERATORS: &str = "cnpg.io/cluster";
/// Made by hand, as docs/kubernetes.md tells.
const BY_HAND: [&str; 1] = ["token-keys"];

#[test]
fn nothing_is_found_in_the_manifests() -> anyhow::Result<()> {
    for rendered in render_all()? {
        assert_eq!(findings(&rendered)?, [""; 0], "{}", rendered.overlay);
    }
    Ok(())
}

/// Everything that any policy finds.
pub(crate) fn findings(rendered: &Rendered) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for workload in rendered.workloads()? {
        let containers = workload.containers().flat_map(|one| of_container(&workload, one));
        let said = containers.chain(of_pod(rendered, &workload)?).chain(of_volumes(rendered, &workload));
        found.extend(said.map(|words| format!("{}: {words}", workload.title())));
    }
    found.extend(of_replicas(rendered)?);
    found.extend(of_reach(rendered)?);
    found.extend(of_objects(rendered));
    Ok(found)
}

/// The words for what is not so.
fn unless<'a>(checks: impl IntoIterator<Item = (bool, &'a str)>) -> Vec<String> {
    checks.into_iter().filter(|(is_so, _)| !is_so).map(|(_, words)| words.to_owned()).collect()
}

fn of_container(workload: &Workload, container: &Container) -> Vec<String> {
    let image = container.image.as_deref().unwrap_or_default();
    let tag = image.rsplit_once('/').map_or(image, |(_, name)| name).split_once(':').map(|(_, tag)| tag);
    let is_exact = image.contains("@sha256:") || tag.is_some_and(|tag| tag != "latest" && tag.contains('.'));
    let security = container.security_context.clone().unwrap_or_default();
    let capabilities = security.capabilities.clone().unwrap_or_default();
    let mut found = unless([
        (is_exact, "its image has no exact tag"),
        (container.image_pull_policy.is_some(), "it is not said when its image is pulled"),
        (security.allow_privilege_escalation == Some(false), "it may get more privileges"),
        (security.privileged == Some(false), "it may be privileged"),
        (security.read_only_root_filesystem == Some(true), "it may write to its root"),
        (capabilities.drop == Some(vec!["ALL".to_owned()]), "it keeps capabilities"),
        (capabilities.add.is_none(), "it has capabilities added"),
        (container.env_from.is_none(), "its variables come from somewhere as a whole"),
        (has_no_secret_variables(container), "a secret is a variable"),
        (is_sized(container.resources.as_ref()), "its resources are not all requested and limited"),
    ]);
    let is_side_car = container.restart_policy.is_some();
    // Who opens no port has no door to be asked at: a runner ends when it cannot go on.
    if !workload.is_job() && !is_side_car && container.ports.is_some() {
        let (ready, alive) = (&container.readiness_probe, &container.liveness_probe);
        found.extend(unless([
            (ready.is_some() && alive.is_some() && container.startup_probe.is_some(), "it has not all three probes"),
            (asks(ready) != asks(alive), "readiness and liveness ask the same"),
        ]));
    }
    found
}

/// What a probe asks, whatever its timing.
fn asks(probe: &Option<k8s_openapi::api::core::v1::Probe>) -> Option<String> {
    probe.as_ref().map(|one| format!("{:?} {:?} {:?} {:?}", one.grpc, one.http_get, one.tcp_socket, one.exec))
}

fn has_no_secret_variables(container: &Container) -> bool {
    let mut variables = container.env.iter().flatten();
    let is_secret = |name: &str| ["PASSWORD", "SECRET"].iter().any(|word| name.contains(word));
    !variables.any(|one| {
        let is_referred = one.value_from.as_ref().is_some_and(|from| from.secret_key_ref.is_some());
        is_referred || is_secret(&one.name)
    })
}

fn is_sized(resources: Option<&ResourceRequirements>) -> bool {
    let resources = resources.cloned().unwrap_or_default();
    let (requests, limits) = (resources.requests.unwrap_or_default(), resources.limits.unwrap_or_default());
    ["cpu", "memory", "ephemeral-storage"].iter().all(|kind| {
        let of = |sizes: &BTreeMap<String, _>| {
            sizes.get(*kind).map(|size: &k8s_openapi::apimachinery::pkg::api::resource::Quantity| amount(&size.0))
        };
        matches!((of(&requests), of(&limits)), (Some(least), Some(most)) if 0.0 < least && least <= most)
    })
}

/// `100m`, `2`, `64Mi`, as a number.
fn amount(text: &str) -> f64 {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let factor = match &text[end..] {
        "m" => 0.001,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        _ => 1.0,
    };
    text[..end].parse::<f64>().unwrap_or_default() * factor
}

fn of_pod(rendered: &Rendered, workload: &Workload) -> anyhow::Result<Vec<String>> {
    let pod = &workload.pod;
    let security = pod.security_context.clone().unwrap_or_default();
    let account = pod.service_account_name.clone().unwrap_or_default();
    let accounts: Vec<ServiceAccount> = rendered.typed("ServiceAccount")?;
    let mut own = accounts.iter().filter(|one| one.metadata.name.as_deref() == Some(&account));
    let priorities = rendered.names_of("PriorityClass");
    let is_high = |id: Option<i64>| id.is_some_and(|id| id > 10_000);
    let label = |name: &str| workload.labels.get(&format!("app.kubernetes.io/{name}"));
    let mut found = unless([
        (security.run_as_non_root == Some(true), "it may run as root"),
        (is_high(security.run_as_user) && is_high(security.run_as_group), "its user or group is one of the machine's"),
        (security.seccomp_profile.is_some_and(|one| one.type_ == "RuntimeDefault"), "it has no seccomp profile"),
        (security.supplemental_groups_policy.as_deref() == Some("Strict"), "it gets groups from its image"),
        (pod.automount_service_account_token == Some(false), "it gets a token of the cluster"),
        (own.any(|one| one.automount_service_account_token == Some(false)), "it has no account of its own"),
        (pod.enable_service_links == Some(false), "it is told of all services by variables"),
        (pod.host_users == Some(false), "its users are the machine's"),
        (pod.host_network.is_none() && pod.host_pid.is_none() && pod.host_ipc.is_none(), "it shares the machine"),
        (pod.priority_class_name.as_deref().is_some_and(|one| priorities.contains(&one)), "it has no priority"),
        (label("name").is_some() && label("instance").is_some() && label("part-of").is_some(), "labels are missing"),
    ]);
    if workload.is_job() {
        let job = &rendered.object("Job", &workload.name)?["spec"];
        let is_bounded = ["backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"];
        found.extend(unless([
            (is_bounded.iter().all(|field| job[field].is_u64()), "it may try for ever, or stay for ever"),
            (pod.restart_policy.as_deref() == Some("OnFailure"), "it does not try again"),
        ]));
    } else if rendered.services()?.iter().any(|one| one.name == workload.name) {
        let sleep = |one: &Container| one.lifecycle.clone()?.pre_stop?.sleep.map(|sleep| sleep.seconds);
        let first = pod.containers.first().and_then(sleep).unwrap_or_default();
        let phases = 2 * 20;
        let grace = pod.termination_grace_period_seconds.unwrap_or_default();
        found.extend(unless([(first > 0 && grace >= first + phases, "it is not given the time to stop")]));
    }
    Ok(found)
}

fn of_volumes(rendered: &Rendered, workload: &Workload) -> Vec<String> {
    let volumes: Vec<&Volume> = workload.pod.volumes.iter().flatten().collect();
    let certificates = rendered.of_kind("Certificate").map(|one| text(one, "/spec/secretName"));
    let secrets: BTreeSet<&str> = certificates.collect();
    let configs = rendered.names_of("ConfigMap");
    let mut found = Vec::new();
    for volume in &volumes {
        let projected = volume.projected.iter().flat_map(|one| one.sources.iter().flatten());
        let named = projected.filter_map(|source| source.secret.as_ref()).map(|secret| secret.name.as_str());
        let whole = volume.secret.as_ref().and_then(|secret| secret.secret_name.as_deref());
        found.extend(
            named
                .chain(whole)
                .filter(|name| !secrets.contains(name))
                .map(|name| format!("nobody makes the secret {name}")),
        );
        let config = volume.config_map.as_ref().map(|config| config.name.as_str());
        found.extend(
            config
                .filter(|name| !configs.contains(name) && !BY_HAND.contains(name))
                .map(|name| format!("there is no ConfigMap {name}")),
        );
        if volume.host_path.is_some() {
            found.push("it sees files of the machine".to_owned());
        }
    }
    let claims = &rendered.object(&workload.kind, &workload.name).ok().map(|one| &one["spec"]["volumeClaimTemplates"]);
    let claimed = claims.and_then(Value::as_array).into_iter().flatten().map(|one| text(one, "/metadata/name"));
    let there: BTreeSet<&str> = volumes.iter().map(|one| one.name.as_str()).chain(claimed).collect();
    let mounts = workload.containers().flat_map(|one| one.volume_mounts.iter().flatten());
    found.extend(mounts.filter(|one| !there.contains(one.name.as_str())).map(|one| format!("no volume {}", one.name)));
    found
}

/// Who owns the number of replicas, and what keeps enough of them.
fn of_replicas(rendered: &Rendered) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut scaled = BTreeSet::new();
    for scaler in rendered.of_kind("ScaledObject") {
        let range = (scaler["spec"]["minReplicaCount"].as_i64(), scaler["spec"]["maxReplicaCount"].as_i64());
        scaled.insert(text(scaler, "/spec/scaleTargetRef/name").to_owned());
        if !matches!(range, (Some(least), Some(most)) if 2 <= least && least < most) {
            found.push(format!("ScaledObject {}: not from 2 on to more", text(scaler, "/metadata/name")));
        }
    }
    for scaler in rendered.typed::<HorizontalPodAutoscaler>("HorizontalPodAutoscaler")? {
        let spec = scaler.spec;
        if !spec.min_replicas.is_some_and(|least| 2 <= least && least < spec.max_replicas) {
            found.push(format!("HorizontalPodAutoscaler {}: not from 2 on to more", spec.scale_target_ref.name));
        }
        scaled.insert(spec.scale_target_ref.name);
    }
    let budgets: Vec<PodDisruptionBudget> = rendered.typed("PodDisruptionBudget")?;
    for workload in rendered.workloads()?.iter().filter(|one| !one.is_job()) {
        let object = rendered.object(&workload.kind, &workload.name)?;
        let replicas = object["spec"]["replicas"].as_i64();
        let is_scaled = scaled.contains(&workload.name);
        let selector =
            LabelSelector { match_labels: labels_at(object, "/spec/selector/matchLabels"), ..Default::default() };
        let mut checks = vec![
            (is_scaled != replicas.is_some(), "its number has no owner, or two"),
            (selects(&selector, &workload.labels), "it does not select its own pods"),
        ];
        if is_scaled || replicas.is_some_and(|one| one > 1) {
            let mut own = budgets
                .iter()
                .filter_map(|one| one.spec.as_ref())
                .filter(|one| one.selector.as_ref().is_some_and(|selector| selects(selector, &workload.labels)));
            let gives = own.next().is_some_and(|one| {
                let one_at_a_time = one.max_unavailable.is_some() && one.min_available.is_none();
                one_at_a_time && one.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow")
            });
            let spreads = workload.pod.topology_spread_constraints.iter().flatten();
            let zones = spreads.map(|one| one.topology_key.as_str()).collect::<BTreeSet<_>>();
            checks.push((gives && own.next().is_none(), "no single budget lets one pod go at a time"));
            checks.push((zones.contains("topology.kubernetes.io/zone"), "it is not spread over zones"));
            checks.push((avoids_itself(workload), "its pods do not avoid each other"));
        }
        found.extend(unless(checks).into_iter().map(|words| format!("{}: {words}", workload.title())));
    }
    Ok(found)
}

fn labels_at(object: &Value, pointer: &str) -> Option<BTreeMap<String, String>> {
    serde_json::from_value(object.pointer(pointer)?.clone()).ok()
}

/// Whether a selector means pods with these labels. One without any condition means all.
fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    selector.match_labels.iter().flatten().all(|(name, value)| labels.get(name) == Some(value))
}

fn avoids_itself(workload: &Workload) -> bool {
    let anti = workload.pod.affinity.clone().unwrap_or_default().pod_anti_affinity.unwrap_or_default();
    let preferred = anti.preferred_during_scheduling_ignored_during_execution.into_iter().flatten();
    let required = anti.required_during_scheduling_ignored_during_execution.into_iter().flatten();
    preferred.map(|one| one.pod_affinity_term).chain(required).any(|term| {
        let is_own = term.label_selector.is_some_and(|selector| selects(&selector, &workload.labels));
        is_own && term.topology_key == "kubernetes.io/hostname"
    })
}

/// Services and network policies: everything that is named is there, and nothing is open.
fn of_reach(rendered: &Rendered) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let workloads = rendered.workloads()?;
    for service in rendered.of_kind("Service") {
        let selector = LabelSelector { match_labels: labels_at(service, "/spec/selector"), ..Default::default() };
        let targets = workloads.iter().filter(|one| selects(&selector, &one.labels));
        let ports: BTreeSet<&str> = targets
            .flat_map(|one| one.containers().flat_map(|one| one.ports.iter().flatten()))
            .filter_map(|port| port.name.as_deref())
            .collect();
        for port in service["spec"]["ports"].as_array().into_iter().flatten() {
            if !ports.contains(text(port, "/targetPort")) {
                found.push(format!("Service {}: nobody opens {}", text(service, "/metadata/name"), port["name"]));
            }
        }
    }
    let policies: Vec<NetworkPolicy> = rendered.typed("NetworkPolicy")?;
    let specs = || policies.iter().filter_map(|one| Some((one.metadata.name.clone()?, one.spec.clone()?)));
    let both = ["Ingress", "Egress"].map(str::to_owned);
    let is_closed = specs().any(|(_, spec)| {
        let nothing = spec.ingress.is_none() && spec.egress.is_none();
        let selector = spec.pod_selector.unwrap_or_default();
        let all = selector.match_labels.is_none() && selector.match_expressions.is_none();
        all && nothing && spec.policy_types == Some(both.to_vec())
    });
    found.extend(unless([(is_closed, "no NetworkPolicy closes everything first")]));
    for (name, spec) in specs() {
        let selector = spec.pod_selector.clone().unwrap_or_default();
        let is_operators = selector.match_labels.iter().flatten().any(|(label, _)| label == OPERATORS);
        if !is_operators && !workloads.iter().any(|one| selects(&selector, &one.labels)) {
            found.push(format!("NetworkPolicy {name}: it means nobody"));
        }
        if spec.ingress.iter().flatten().any(|rule| rule.from.iter().flatten().next().is_none()) {
            found.push(format!("NetworkPolicy {name}: it lets everybody in"));
        }
    }
    for workload in &workloads {
        let of_own = specs().any(|(_, spec)| {
            let selector = spec.pod_selector.unwrap_or_default();
            let is_named = selector.match_labels.as_ref().is_some_and(|labels| !labels.is_empty());
            is_named && selects(&selector, &workload.labels) && spec.policy_types == Some(both.to_vec())
        });
        found.extend(
            unless([(of_own, "no NetworkPolicy of its own")])
                .iter()
                .map(|words| format!("{}: {words}", workload.title())),
        );
    }
    Ok(found)
}

/// Every object: its namespace, and that it holds no secret.
fn of_objects(rendered: &Rendered) -> Vec<String> {
    let mut found = Vec::new();
    for object in &rendered.objects {
        let kind = text(object, "/kind");
        let is_placed = CLUSTER_WIDE.contains(&kind) || text(object, "/metadata/namespace") == "skranke";
        let has_no_secret = kind != "Secret" && !object.to_string().contains("PRIVATE KEY");
        let checks = unless([(is_placed, "it is in no namespace of ours"), (has_no_secret, "it holds a secret")]);
        found.extend(checks.iter().map(|words| format!("{kind} {}: {words}", text(object, "/metadata/name"))));
    }
    let namespace = rendered.of_kind("Namespace").next().cloned().unwrap_or_default();
    let level = text(&namespace, "/metadata/labels/pod-security.kubernetes.io~1enforce");
    found.extend(unless([(level == "restricted", "the namespace is not restricted")]));
    found
}
