//! The examples of docs/api.md do what they say: another language posts to the desk by its contracts alone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::{Channel, Priority};
use integration::Story;
use tokio::process::Command;

/// How long Python may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Python with the gRPC packages, in a folder with the desk's stubs.
struct Python {
    folder: PathBuf,
    packages: OsString,
}

impl Python {
    /// `None` where the packages are not to be had.
    #[expect(clippy::disallowed_methods, reason = "tests take the developer's wishes from the environment")]
    async fn with_stubs(folder: &Path) -> anyhow::Result<Option<Self>> {
        let packages = std::env::var_os("SKRANKE_TEST_PYTHONPATH").or_else(|| std::env::var_os("PYTHONPATH"));
        let python = Self { folder: folder.to_owned(), packages: packages.unwrap_or_default() };
        let has_packages = python.command().args(["-c", "import grpc, grpc_tools"]).output().await;
        if !has_packages.is_ok_and(|answer| answer.status.success()) {
            return Ok(None);
        }
        let proto = project().join("proto").canonicalize()?;
        let mut files = Vec::new();
        let mut waiting = vec![proto.clone()];
        while let Some(folder) = waiting.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    waiting.push(path);
                } else if path.extension().is_some_and(|ending| ending == "proto") {
                    files.push(path);
                }
            }
        }
        std::fs::create_dir(folder.join("stubs"))?;
        let mut protoc = python.command();
        protoc.args(["-m", "grpc_tools.protoc", "--python_out=stubs", "--grpc_python_out=stubs", "-I"]);
        python.run(protoc.arg(proto).args(files)).await?;
        Ok(Some(python))
    }

    fn command(&self) -> Command {
        let mut command = Command::new("python3");
        command.current_dir(&self.folder).env("PYTHONPATH", &self.packages).kill_on_drop(true);
        command
    }

    /// Runs an example of docs/api.md against the desk; returns what it prints, line by line.
    async fn example(&self, name: &str, story: &Story, token: &str) -> anyhow::Result<Vec<String>> {
        std::fs::write(self.folder.join(name), example(name)?)?;
        let mut command = self.command();
        command
            .arg(name)
            .env("SKRANKE_ENDPOINT", story.desk.endpoint("intake").context("intake runs")?)
            .env("SKRANKE_TOKEN", token)
            .env("SKRANKE_CLIENT", "acme");
        self.run(&mut command).await
    }

    async fn run(&self, command: &mut Command) -> anyhow::Result<Vec<String>> {
        let output = tokio::time::timeout(PATIENCE, command.output()).await.context("Python does not end")??;
        let (said, complained) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr));
        anyhow::ensure!(output.status.success(), "{command:?} failed:\n{said}{complained}");
        Ok(said.lines().map(ToOwned::to_owned).collect())
    }
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The code block below `<!-- example: name -->`.
fn example(name: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(project().join("docs/api.md"))?;
    let marked = text.split_once(&format!("<!-- example: {name} -->\n```python\n"));
    let (_, code) = marked.with_context(|| format!("docs/api.md has no example {name}"))?;
    let (code, _) = code.split_once("\n```\n").context("the example has an end")?;
    Ok(code.to_owned())
}

#[tokio::test]
async fn the_documented_python_examples_register_tickets() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(python) = Python::with_stubs(folder.path()).await? else {
        println!("skipped: python3 has no grpcio and grpcio-tools here; `cargo xtask test` fetches them");
        return Ok(());
    };
    let story = Story::begin_now().await?;
    let token = story.token("monitoring", &[(Role::Service, "acme")])?;

    assert_eq!(python.example("register.py", &story, &token).await?, ["ACME-1001 registered"]);
    assert_eq!(python.example("register.py", &story, &token).await?, ["ACME-1001 again"]);
    story.settle().await?;
    let ticket = story.ticket("ACME-1001").await?;
    assert_eq!((ticket.subject.as_str(), ticket.channel()), ("Disk full on fs-02", Channel::Monitoring));
    assert_eq!((ticket.source.as_str(), ticket.external_ref.as_str()), ("zabbix", "4711"));
    assert_eq!(ticket.classification.unwrap_or_default().priority(), Priority::P2);

    // Answers come in the order of completion.
    let mut said = python.example("stream.py", &story, &token).await?;
    said.sort();
    let refused = "stream-2 INVALID_REQUEST matter.subject is missing";
    let orders = [["ACME-1002", "ACME-1003"], ["ACME-1003", "ACME-1002"]].map(|[first, third]| {
        let lines = ["0 to post again", &format!("stream-1 {first}"), refused, &format!("stream-3 {third}")];
        lines.map(ToOwned::to_owned)
    });
    assert!(orders.iter().any(|lines| *lines == *said), "{said:?}");
    story.settle().await?;
    for reference in ["ACME-1002", "ACME-1003"] {
        assert_eq!(story.ticket(reference).await?.reference, reference);
    }

    let stranger = python.example("register.py", &story, "no token").await;
    let complaint = stranger.expect_err("the token is none").to_string();
    assert!(complaint.contains("UNAUTHENTICATED"), "{complaint}");
    story.end().await
}
