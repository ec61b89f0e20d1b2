//! The overlays as kubectl renders them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use k8s_openapi::api::core::v1::{Container, PodSpec};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A file of the workspace.
pub(crate) fn read(path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(root().join(path)).with_context(|| path.to_owned())
}

/// All objects of one overlay.
#[derive(Debug, Clone)]
pub(crate) struct Rendered {
    pub(crate) overlay: &'static str,
    pub(crate) objects: Vec<Value>,
}

/// What runs pods: a Deployment, a StatefulSet or a Job.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) pod: PodSpec,
}

impl Workload {
    /// `Deployment intake`
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    pub(crate) fn is_job(&self) -> bool {
        self.kind == "Job"
    }

    /// All containers, side-cars too.
    pub(crate) fn containers(&self) -> impl Iterator<Item = &Container> {
        self.pod.containers.iter().chain(self.pod.init_containers.iter().flatten())
    }
}

/// An overlay, rendered once per process; `None`, and says so, where there is no kubectl.
pub(crate) fn render(overlay: &'static str) -> anyhow::Result<Option<Rendered>> {
    static KNOWN: Mutex<Vec<Rendered>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(rendered) = known.iter().find(|one| one.overlay == overlay) {
        return Ok(Some(rendered.clone()));
    }
    let rendered = render_anew(overlay)?;
    known.extend(rendered.clone());
    Ok(rendered)
}

#[expect(clippy::disallowed_methods, reason = "xtask names the kubectl that it has fetched")]
fn render_anew(overlay: &'static str) -> anyhow::Result<Option<Rendered>> {
    let kubectl = std::env::var_os("SKRANKE_TEST_KUBECTL").unwrap_or_else(|| "kubectl".into());
    let folder = root().join("deploy/k8s/overlays").join(overlay);
    let Ok(output) = Command::new(kubectl).arg("kustomize").arg(folder).output() else {
        println!("skipped: there is no kubectl to render {overlay} with");
        return Ok(None);
    };
    anyhow::ensure!(output.status.success(), "{overlay}: {}", String::from_utf8_lossy(&output.stderr));
    let objects = serde_saphyr::from_multiple(&String::from_utf8(output.stdout)?)?;
    Ok(Some(Rendered { overlay, objects }))
}

/// Both overlays.
pub(crate) fn render_all() -> anyhow::Result<Vec<Rendered>> {
    Ok([render("dev")?, render("production")?].into_iter().flatten().collect())
}

/// The text at a JSON pointer, or nothing.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

impl Rendered {
    /// Objects of a kind, as they are.
    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    /// Names of the objects of a kind, sorted.
    pub(crate) fn names_of(&self, kind: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self.of_kind(kind).map(|object| text(object, "/metadata/name")).collect();
        names.sort_unstable();
        names
    }

    /// One object.
    pub(crate) fn object(&self, kind: &str, name: &str) -> anyhow::Result<&Value> {
        let mut found = self.of_kind(kind).filter(|object| object["metadata"]["name"] == name);
        found.next().with_context(|| format!("{}: there is no {kind} {name}", self.overlay))
    }

    /// Objects of a kind, as Kubernetes' own types.
    pub(crate) fn typed<T: DeserializeOwned>(&self, kind: &str) -> anyhow::Result<Vec<T>> {
        let read = |object: &Value| {
            let name = text(object, "/metadata/name").to_owned();
            T::deserialize(object.clone()).with_context(|| format!("{kind} {name}"))
        };
        self.of_kind(kind).map(read).collect()
    }

    /// Everything that runs pods of ours.
    pub(crate) fn workloads(&self) -> anyhow::Result<Vec<Workload>> {
        let mut all = Vec::new();
        for object in ["Deployment", "StatefulSet", "Job"].iter().flat_map(|kind| self.of_kind(kind)) {
            let template = &object["spec"]["template"];
            let (kind, name) = (text(object, "/kind").to_owned(), text(object, "/metadata/name").to_owned());
            let labels = BTreeMap::deserialize(template["metadata"]["labels"].clone())?;
            let pod = PodSpec::deserialize(template["spec"].clone()).with_context(|| format!("{kind} {name}"))?;
            all.push(Workload { kind, name, labels, pod });
        }
        Ok(all)
    }

    /// The Deployments of the desk's services.
    pub(crate) fn services(&self) -> anyhow::Result<Vec<Workload>> {
        let is_service = |one: &Workload| one.labels["app.kubernetes.io/component"] == "service";
        Ok(self.workloads()?.into_iter().filter(|one| one.kind == "Deployment" && is_service(one)).collect())
    }

    /// The ConfigMap whose name begins so (kustomize adds a hash), as its data.
    pub(crate) fn config(&self, name: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let prefix = format!("{name}-");
        let mut found = self.of_kind("ConfigMap").filter(|one| text(one, "/metadata/name").starts_with(&prefix));
        let map = found.next().with_context(|| format!("there is no ConfigMap {name}"))?;
        Ok(BTreeMap::deserialize(map["data"].clone())?)
    }

    /// A container's variables, with what ConfigMaps say put in.
    pub(crate) fn variables(&self, container: &Container) -> anyhow::Result<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        for variable in container.env.iter().flatten() {
            let reference = variable.value_from.as_ref().and_then(|from| from.config_map_key_ref.as_ref());
            let value = match (&variable.value, reference) {
                (Some(value), _) => value.clone(),
                (None, Some(key)) => {
                    let map = self.object("ConfigMap", &key.name)?;
                    text(map, &format!("/data/{}", key.key)).to_owned()
                }
                (None, None) => anyhow::bail!("{} is neither a value nor from a ConfigMap", variable.name),
            };
            found.insert(variable.name.clone(), value);
        }
        Ok(found)
    }
}
