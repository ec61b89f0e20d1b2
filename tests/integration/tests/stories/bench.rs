//! Benchmarks measure something and lose nothing; how fast anything is, is no matter of tests.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context;
use integration::skranke_binary;
use local::servers::scratch_folder;
use serde_json::Value;
use tokio::process::Command;

/// Runs `skranke bench` in a folder and reads what it tells programs.
async fn bench(folder: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
    let output = Command::new(skranke_binary()?)
        .arg("bench")
        .args(arguments)
        .args(["--output", "json"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "skranke bench {arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).context("the answer is no JSON")
}

/// The value of a figure of one round.
fn value(outcome: &Value, at: &str, name: &str) -> anyhow::Result<f64> {
    let figures = outcome["figures"].as_array().context("there are no figures")?;
    let figure = figures.iter().find(|figure| figure["at"] == at && figure["name"] == name);
    let figure = figure.with_context(|| format!("{at}: {name} is not among {figures:?}"))?;
    anyhow::ensure!(figure["rounds"].as_array().map(Vec::len) == Some(1), "one round was measured: {figure}");
    figure["value"].as_f64().context("the value is no number")
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_are_measured_have_each_spoken_once() -> anyhow::Result<()> {
    let folder = scratch_folder()?;
    let few = ["clocks", "--clocks", "2000", "--burst", "200", "--rate", "100", "--rounds", "1", "--seconds", "1"];
    let clocks = bench(folder.path(), &few).await?;
    nothing_is_lost(&clocks)?;
    let checks = clocks["checks"].as_array().context("there are no checks")?;
    let found = |what: &str| checks.iter().find(|check| check["what"] == what).map(|check| check["found"].clone());
    // One for the start, the burst and the stream.
    assert_eq!(found("breaches on the stream"), Some(serde_json::json!(301)), "{checks:?}");
    for at in ["200 due within one second", "100 due a second, 1 s"] {
        assert!(value(&clocks, at, "due → breach on the stream, p99")? > 0.0, "{at}");
    }
    Ok(())
}

fn nothing_is_lost(outcome: &Value) -> anyhow::Result<()> {
    let checks = outcome["checks"].as_array().context("there are no checks")?;
    anyhow::ensure!(checks.len() >= 4, "{checks:?}");
    for check in checks {
        let (least, found, most) = (check["at_least"].as_u64(), check["found"].as_u64(), check["at_most"].as_u64());
        anyhow::ensure!(found.is_some() && least <= found && found <= most, "{check}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_benchmark_acknowledges_is_there_once_and_stands_on_its_page() -> anyhow::Result<()> {
    let folder = scratch_folder()?;
    let short = ["--rounds", "1", "--seconds", "1"];

    let intake = bench(folder.path(), &[["intake", "--connections", "4"].as_slice(), &short].concat()).await?;
    nothing_is_lost(&intake)?;
    for name in ["tickets acknowledged", "acknowledged, p99", "CPU of intake and Postgres", "CPU of Postgres"] {
        assert!(value(&intake, "4 connections", name)? > 0.0, "{name}");
    }
    assert!(intake["figures"][0]["beside"]["value"].as_f64() > Some(0.0), "no raw limit: {}", intake["figures"][0]);
    assert!(intake["machine"]["cores"].as_u64() > Some(0));

    let pipeline = bench(folder.path(), &[["pipeline", "--rate", "20"].as_slice(), &short].concat()).await?;
    nothing_is_lost(&pipeline)?;
    for name in ["post → acknowledged, p50", "post → triaged, p50", "post → clock started, p99", "CPU of all services"]
    {
        for at in ["20 posts/s", "20 posts/s, without those that follow"] {
            assert!(value(&pipeline, at, name)? > 0.0, "{at}: {name}");
        }
    }

    let report = bench(folder.path(), &["report", "--page", "page.html"]).await?;
    assert_eq!(report["benches"], serde_json::json!(["intake", "pipeline"]));
    let page = std::fs::read_to_string(folder.path().join("page.html"))?;
    assert!(page.contains("Nothing lost, nothing doubled") && page.contains("<svg"), "{page}");
    let left: Vec<_> = std::fs::read_dir(folder.path())?.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("skranke-bench")), "data was left: {left:?}");
    Ok(())
}
