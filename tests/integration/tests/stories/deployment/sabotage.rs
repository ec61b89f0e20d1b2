//! Each policy must be able to find something: manifests broken on purpose, one at a time.

use anyhow::Context;
use serde_json::{Value, json};

use super::policies::findings;
use super::rendered::{Rendered, render};

/// Where something is broken: kind, name, JSON pointer; what is put there (null takes it away); what is then found.
type Sabotage = (&'static str, &'static str, String, Value, &'static str);

const ENFORCE: &str = "pod-security.kubernetes.io~1enforce";

fn sabotages() -> Vec<Sabotage> {
    [of_containers(), of_pods(), of_other_workloads(), of_surroundings()].concat()
}

/// The container of a service.
fn of_containers() -> Vec<Sabotage> {
    let secret = json!({ "name": "A", "valueFrom": { "secretKeyRef": { "name": "x", "key": "y" } } });
    let fields = [
        ("image", json!("skranke"), "no exact tag"),
        ("image", json!("registry:5000/skranke:latest"), "no exact tag"),
        ("imagePullPolicy", Value::Null, "when its image is pulled"),
        ("securityContext/allowPrivilegeEscalation", json!(true), "more privileges"),
        ("securityContext/privileged", json!(true), "privileged"),
        ("securityContext/readOnlyRootFilesystem", Value::Null, "write to its root"),
        ("securityContext/capabilities/drop", json!(["NET_RAW"]), "keeps capabilities"),
        ("securityContext/capabilities/add", json!(["SYS_ADMIN"]), "capabilities added"),
        ("envFrom", json!([{ "secretRef": { "name": "x" } }]), "as a whole"),
        ("env/0", secret, "a secret is a variable"),
        ("env/0", json!({ "name": "DB_PASSWORD", "value": "x" }), "a secret is a variable"),
        ("resources/limits/memory", Value::Null, "requested and limited"),
        ("resources/requests/ephemeral-storage", Value::Null, "requested and limited"),
        ("resources/limits/cpu", json!("50m"), "requested and limited"),
        ("readinessProbe", Value::Null, "not all three probes"),
        ("startupProbe", Value::Null, "not all three probes"),
        ("readinessProbe", json!({ "httpGet": { "path": "/healthz", "port": "http" } }), "ask the same"),
        ("lifecycle", Value::Null, "time to stop"),
    ];
    let at = |field| format!("/spec/template/spec/containers/0/{field}");
    fields.map(|(field, value, found)| ("Deployment", "triage", at(field), value, found)).to_vec()
}

/// The pod of a service.
fn of_pods() -> Vec<Sabotage> {
    let of_machine = json!({ "name": "credentials", "hostPath": { "path": "/" } });
    let fields = [
        ("securityContext/runAsNonRoot", json!(false), "run as root"),
        ("securityContext/runAsUser", json!(1000), "one of the machine's"),
        ("securityContext/seccompProfile/type", json!("Unconfined"), "seccomp"),
        ("securityContext/supplementalGroupsPolicy", Value::Null, "groups from its image"),
        ("automountServiceAccountToken", Value::Null, "token of the cluster"),
        ("serviceAccountName", json!("default"), "no account of its own"),
        ("enableServiceLinks", Value::Null, "told of all services"),
        ("hostUsers", json!(true), "users are the machine's"),
        ("hostNetwork", json!(true), "shares the machine"),
        ("priorityClassName", json!("other"), "no priority"),
        ("terminationGracePeriodSeconds", json!(30), "time to stop"),
        ("volumes/0", of_machine, "files of the machine"),
        ("volumes/0/name", json!("other"), "no volume credentials"),
        ("volumes/0/projected/sources/0/secret/name", json!("other"), "nobody makes the secret other"),
        ("topologySpreadConstraints/0", Value::Null, "over zones"),
        ("affinity", Value::Null, "do not avoid each other"),
    ];
    let at = |field| format!("/spec/template/spec/{field}");
    fields.map(|(field, value, found)| ("Deployment", "intake", at(field), value, found)).to_vec()
}

fn of_other_workloads() -> Vec<Sabotage> {
    let (nats, job) = (("StatefulSet", "nats"), ("Job", "intake-migrate"));
    let fields = [
        (nats, "template/spec/initContainers/0/securityContext/privileged", json!(true), "privileged"),
        (nats, "template/spec/volumes/0/configMap/name", json!("other"), "no ConfigMap other"),
        (nats, "template/spec/affinity", Value::Null, "do not avoid each other"),
        (nats, "template/metadata/labels/app.kubernetes.io~1instance", Value::Null, "labels are missing"),
        (job, "ttlSecondsAfterFinished", Value::Null, "stay for ever"),
        (job, "template/spec/restartPolicy", json!("Never"), "does not try again"),
    ];
    let at = |field| format!("/spec/{field}");
    fields.map(|((kind, name), field, value, found)| (kind, name, at(field), value, found)).to_vec()
}

/// What stands around workloads.
fn of_surroundings() -> Vec<Sabotage> {
    let key = json!({ "key": "-----BEGIN PRIVATE KEY-----" });
    let name = "matchLabels/app.kubernetes.io~1name";
    let fields = [
        ("Deployment", "triage", "/spec/replicas".to_owned(), json!(3), "no owner, or two"),
        ("Deployment", "triage", format!("/spec/selector/{name}"), json!("other"), "select its own pods"),
        ("ScaledObject", "triage", "/spec/scaleTargetRef/name".to_owned(), json!("other"), "no owner, or two"),
        ("ScaledObject", "triage", "/spec/minReplicaCount".to_owned(), json!(1), "not from 2 on"),
        ("HorizontalPodAutoscaler", "intake", "/spec/minReplicas".to_owned(), json!(1), "not from 2 on"),
        ("HorizontalPodAutoscaler", "intake", "/spec/maxReplicas".to_owned(), json!(2), "not from 2 on"),
        ("PodDisruptionBudget", "triage", format!("/spec/selector/{name}"), json!("other"), "no single budget"),
        ("PodDisruptionBudget", "triage", "/spec/minAvailable".to_owned(), json!(2), "no single budget"),
        ("PodDisruptionBudget", "nats", "/spec/unhealthyPodEvictionPolicy".to_owned(), Value::Null, "no single budget"),
        ("Service", "triage", "/spec/selector/app.kubernetes.io~1name".to_owned(), json!("other"), "nobody opens"),
        ("Service", "triage", "/spec/ports/0/targetPort".to_owned(), json!("other"), "nobody opens"),
        ("Service", "triage", "/metadata/namespace".to_owned(), json!("default"), "no namespace of ours"),
        ("Service", "triage", "/metadata/annotations".to_owned(), key, "holds a secret"),
        ("NetworkPolicy", "nothing", "/spec/ingress".to_owned(), json!([{}]), "closes everything first"),
        ("NetworkPolicy", "triage", format!("/spec/podSelector/{name}"), json!("other"), "it means nobody"),
        ("NetworkPolicy", "triage", "/spec/policyTypes".to_owned(), json!(["Ingress"]), "no NetworkPolicy of its own"),
        ("NetworkPolicy", "triage", "/spec/ingress/0/from".to_owned(), Value::Null, "lets everybody in"),
        ("ServiceAccount", "triage", "/automountServiceAccountToken".to_owned(), Value::Null, "no account of its own"),
        ("Namespace", "skranke", format!("/metadata/labels/{ENFORCE}"), json!("baseline"), "not restricted"),
    ];
    fields.to_vec()
}

#[test]
fn every_policy_finds_what_it_is_for() -> anyhow::Result<()> {
    let Some(sound) = render("production")? else { return Ok(()) };
    assert_eq!(findings(&sound)?, [""; 0]);
    for (kind, name, pointer, value, expected) in sabotages() {
        let mut broken = sound.clone();
        put(&mut broken, kind, name, &pointer, value).with_context(|| format!("{kind} {name} {pointer}"))?;
        let found = findings(&broken)?;
        assert!(found.iter().any(|words| words.contains(expected)), "{kind} {name} {pointer}: {expected}? {found:?}");
    }
    Ok(())
}

/// Puts a value at a pointer, or takes away what is there. What is taken away must have been there.
fn put(rendered: &mut Rendered, kind: &str, name: &str, pointer: &str, value: Value) -> anyhow::Result<()> {
    let mut found = rendered.objects.iter_mut();
    let object = found.find(|one| one["kind"] == kind && one["metadata"]["name"] == name).context("no such object")?;
    let (parent, last) = pointer.rsplit_once('/').context("no pointer")?;
    let (parent, last) = (object.pointer_mut(parent).context("no such place")?, last.replace("~1", "/"));
    match (parent, value) {
        (Value::Object(fields), Value::Null) => drop(fields.remove(&last).context("it is not there")?),
        (Value::Object(fields), value) => drop(fields.insert(last, value)),
        (Value::Array(items), Value::Null) => drop(items.remove(last.parse()?)),
        (Value::Array(items), value) => *items.get_mut(last.parse::<usize>()?).context("it is not there")? = value,
        _ => anyhow::bail!("nothing can be put there"),
    }
    Ok(())
}
