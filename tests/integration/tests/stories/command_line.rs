//! The whole desk by one command, as somebody new would use it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use integration::skranke_binary;
use local::servers::scratch_folder;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const PATIENCE: Duration = Duration::from_secs(90);

/// `skranke up`, as far as its welcome.
pub(crate) async fn up(folder: &Path, options: &[&str]) -> anyhow::Result<(Child, String)> {
    let mut child = Command::new(skranke_binary()?)
        .args(["up", "--free-ports", "--desk"])
        .arg(folder)
        .args(options)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("it has an output")?).lines();
    let mut welcome = String::new();
    let reading = async {
        while let Some(line) = lines.next_line().await? {
            welcome.push_str(&line);
            welcome.push('\n');
            if line.starts_with("Ctrl-C") {
                return anyhow::Ok(());
            }
        }
        anyhow::bail!("it ended before the desk was up")
    };
    tokio::time::timeout(PATIENCE, reading).await.context("the desk does not come up")??;
    Ok((child, welcome))
}

pub(crate) async fn interrupt(mut child: Child) -> anyhow::Result<()> {
    let pid = child.id().context("it runs")?;
    kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGINT)?;
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.context("it does not stop")??;
    anyhow::ensure!(status.success(), "it ended with {status}");
    Ok(())
}

async fn skranke(folder: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
    let output = Command::new(skranke_binary()?)
        .args(["--output", "json", "--desk"])
        .arg(folder)
        .args(arguments)
        .output()
        .await?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(output.status.success(), "skranke {}: {complaint}", arguments.join(" "));
    serde_json::from_slice(&output.stdout).with_context(|| format!("skranke {}", arguments.join(" ")))
}

#[tokio::test]
async fn one_command_shows_a_working_desk_that_keeps_its_data() -> anyhow::Result<()> {
    let scratch = scratch_folder()?;
    let folder = scratch.path().join("desk");
    let (child, welcome) = up(&folder, &[]).await?;
    assert!(welcome.contains("cargo desk submit"), "a first command to paste: {welcome}");

    let clients = skranke(&folder, &["kb", "list"]).await?;
    assert!(clients.as_array().is_some_and(|articles| articles.len() >= 24), "the demo has articles");
    let subject = "The VPN drops every ten minutes";
    let submit = ["submit", "--client", "brightwater-energy", "--impact", "high", "--urgency", "medium", subject];
    let submitted = skranke(&folder, &submit).await?;
    let reference = submitted["reference"].as_str().context("a reference")?.to_owned();

    // The other services hear of it within a moment.
    let shown = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Ok(shown) = skranke(&folder, &["ticket", "show", &reference]).await
                && shown["clocks"].as_array().is_some_and(|clocks| clocks.len() == 2)
                && shown["ticket"]["suggestions"].is_array()
            {
                return shown;
            }
        }
    })
    .await?;
    assert_eq!(shown["ticket"]["classification"]["priority"], "PRIORITY_P1");
    assert!(shown["ticket"]["suggestions"][0]["title"].as_str().is_some_and(|title| title.contains("VPN")));

    skranke(&folder, &["ticket", "claim", &reference]).await?;
    skranke(&folder, &["ticket", "resolve", &reference, "--no-article", "one of a kind"]).await?;
    let closed = skranke(&folder, &["ticket", "close", &reference]).await?;
    assert_eq!(closed["state"], "TICKET_STATE_CLOSED");
    interrupt(child).await?;

    let (child, _) = up(&folder, &[]).await?;
    let again = skranke(&folder, &["ticket", "show", &reference]).await?;
    assert_eq!(again["ticket"]["state"], "TICKET_STATE_CLOSED");
    let history = skranke(&folder, &["ticket", "history", &reference]).await?;
    assert_eq!(history.as_array().map(Vec::len), Some(4));
    interrupt(child).await
}
