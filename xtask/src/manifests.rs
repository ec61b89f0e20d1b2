//! Renders deploy/k8s and lets others judge it: schemas, checkov, hadolint.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::{shell::Shell, tools};

/// What is rendered: each overlay is a desk that somebody runs.
const OVERLAYS: [&str; 2] = ["dev", "production"];
/// The oldest and the newest Kubernetes that the manifests are for.
const KUBERNETES: [&str; 2] = ["1.34", "1.37"];
/// Schemas of what operators add to Kubernetes, handed to the project beside its sources.
const SCHEMAS: &str = "../shared/k8s/crd-schemas";
/// Validates files of manifests against both kinds of schemas.
const VALIDATE: &str = include_str!("manifests/validate.py");

/// Renders every overlay and has it checked. `false` if there is nothing to render with.
pub(crate) fn check(shell: &Shell) -> Result<bool> {
    let Some(kubectl) = tools::kubectl(shell)? else { return Ok(false) };
    let folder = shell.target.join("manifests");
    fs::create_dir_all(&folder)?;
    let mut rendered = Vec::new();
    for overlay in OVERLAYS {
        let source = format!("deploy/k8s/overlays/{overlay}");
        let output = shell.command(&kubectl).args(["kustomize", &source]).output()?;
        ensure!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr).trim());
        let file = folder.join(format!("{overlay}.yaml"));
        fs::write(&file, output.stdout).with_context(|| format!("cannot write {}", file.display()))?;
        rendered.push(file);
    }
    let (home, script) = (tools::kubernetes_validate(shell)?, folder.join("validate.py"));
    fs::write(&script, VALIDATE)?;
    let mut validate = shell.command("python3");
    validate.env("PYTHONPATH", home).arg(&script).arg(shell.root.join(SCHEMAS)).arg(KUBERNETES.join(","));
    shell.run(validate.args(&rendered))?;

    shell.run(shell.command(tools::hadolint(shell)?).arg("Dockerfile"))?;
    let home = tools::checkov(shell)?;
    let mut checkov = shell.command("python3");
    // Without these it looks for newer rules on the network.
    checkov.env("PYTHONPATH", &home).env("BC_SKIP_MAPPING", "TRUE").env("CKV_IGNORE_HIDDEN_DIRECTORIES", "false");
    checkov.arg(home.join("bin/checkov")).args(["--config-file", "deploy/k8s/.checkov.yaml"]);
    for file in &rendered {
        checkov.arg("--file").arg(file);
    }
    shell.run(checkov.args(["--file", "Dockerfile"]))?;
    Ok(true)
}
