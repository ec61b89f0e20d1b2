//! `skranke preview`: what clocks would do, without a desk.

use std::io::{IsTerminal, Read};
use std::path::Path;

use anyhow::Context;
use contracts::sla_timer::v1::PreviewClocksRequest;
use serde_json::{Value, json};
use sla_timer::domain::case::{Case, Shown};
use sla_timer::preview::{Cases, Fault, Limits};

use crate::arguments::Preview;
use crate::clients::Reach;
use crate::output::{Output, line, plain};

#[cfg(test)]
mod tests;

/// Differences of one case that are told.
const MOST_TOLD: usize = 20;

pub(crate) async fn preview(reach: &Reach, output: Output, options: Preview) -> anyhow::Result<()> {
    let name = if is_stdin(&options.file) { "standard input".to_owned() } else { options.file.display().to_string() };
    let text = text_of(&options.file, Limits::FILE.bytes)?;
    let cases = Cases::read(&text, Limits::FILE).map_err(|fault| anyhow::anyhow!(complaint(&name, &fault)))?;
    let shown = if options.ask_desk {
        let request = PreviewClocksRequest { cases_json: text.clone() };
        let answer = reach.clients()?.sla_timer()?.preview_clocks(request).await?.into_inner();
        serde_json::from_str(&answer.clocks_json).context("the desk's answer is no list of clocks")?
    } else {
        let faults = |all: Vec<Fault>| all.iter().map(|one| complaint(&name, one)).collect::<Vec<_>>().join("\n");
        cases.clocks().map_err(|all| anyhow::anyhow!(faults(all)))?
    };
    if options.check { check(output, &text, &cases.all, &shown) } else { print(&shown) }
}

/// People get it indented, programs in one line.
fn print(shown: &[Vec<Shown>]) -> anyhow::Result<()> {
    let text = if std::io::stdout().is_terminal() {
        serde_json::to_string_pretty(shown)
    } else {
        serde_json::to_string(shown)
    };
    line(&text?)
}

/// A file's text, or that of standard input for `-`.
///
/// # Errors
/// If it cannot be read, is no text, or is longer than `most` bytes.
pub(crate) fn text_of(file: &Path, most: usize) -> anyhow::Result<String> {
    let name = if is_stdin(file) { "standard input".to_owned() } else { file.display().to_string() };
    let mut text = String::new();
    let limit = most as u64 + 1;
    let read = if is_stdin(file) {
        std::io::stdin().lock().take(limit).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read {name}"))?;
    anyhow::ensure!(text.len() <= most, "{name} has more than {most} bytes");
    Ok(text)
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// `cases.json: case 4 "Easter": contract.calendars.office.time_zone is refused: …`
fn complaint(file: &str, fault: &Fault) -> String {
    let case = fault.case.map(|index| format!(" {}:", title(index, &fault.name))).unwrap_or_default();
    let path = if fault.path.is_empty() { String::new() } else { format!(" {}", fault.path) };
    format!("{file}:{case}{path} {}", plain(&fault.text))
}

/// Cases are counted from 1 for people.
fn title(index: usize, name: &str) -> String {
    if name.is_empty() { format!("case {}", index + 1) } else { format!("case {} {:?}", index + 1, plain(name)) }
}

/// Compares, tells each difference, and fails if there is any.
fn check(output: Output, text: &str, cases: &[Case], shown: &[Vec<Shown>]) -> anyhow::Result<()> {
    let differences = differences(&expected(text, cases.len())?, shown)?;
    let differing = differences.iter().filter(|of| !of.is_empty()).count();
    let value: Vec<Value> = cases
        .iter()
        .zip(&differences)
        .enumerate()
        .filter(|(_, (_, of))| !of.is_empty())
        .map(|(index, (case, of))| json!({ "case": index + 1, "name": case.name, "differences": of }))
        .collect();
    output.value(&json!({ "cases": cases.len(), "differing": value }), || {
        let mut lines = Vec::new();
        for (index, (case, of)) in cases.iter().zip(&differences).enumerate().filter(|(_, (_, of))| !of.is_empty()) {
            lines.push(title(index, &case.name));
            lines.extend(of.iter().take(MOST_TOLD).map(|one| format!("  {one}")));
            if of.len() > MOST_TOLD {
                lines.push(format!("  … and {} more", of.len() - MOST_TOLD));
            }
        }
        if lines.is_empty() {
            lines.push(format!("{} cases, all as expected", cases.len()));
        }
        lines.join("\n")
    })?;
    anyhow::ensure!(differing == 0, "{differing} of {} cases differ from what they expect", cases.len());
    Ok(())
}

/// The `expect` of each case as it is written; `None` where a case has none.
fn expected(text: &str, cases: usize) -> anyhow::Result<Vec<Option<Value>>> {
    let whole: Value = serde_json::from_str(text)?;
    let all = match whole {
        Value::Array(all) => all,
        one => vec![one],
    };
    anyhow::ensure!(all.len() == cases, "the file changed while it was read");
    Ok(all.into_iter().map(|mut case| case.get_mut("expect").map(Value::take)).collect())
}

/// What differs, case by case, in words.
fn differences(expected: &[Option<Value>], shown: &[Vec<Shown>]) -> anyhow::Result<Vec<Vec<String>>> {
    anyhow::ensure!(expected.len() == shown.len(), "{} cases got {} answers", expected.len(), shown.len());
    let one = |(expected, shown): (&Option<Value>, &Vec<Shown>)| {
        let Some(expected) = expected else {
            return Ok(vec!["it has no `expect` to compare with".to_owned()]);
        };
        // Read as what they mean: an instant can be written in several ways.
        match serde_json::from_value::<Vec<Shown>>(expected.clone()) {
            Ok(expected) => differing(&expected, shown),
            Err(error) => Ok(vec![format!("its `expect` cannot be read: {error}")]),
        }
    };
    expected.iter().zip(shown).map(one).collect()
}

fn differing(expected: &[Shown], came: &[Shown]) -> anyhow::Result<Vec<String>> {
    let mut told = Vec::new();
    let of = |clock: &Shown| format!("{} (cycle {})", clock.metric.name(), clock.cycle);
    let twin =
        |of: &Shown, among: &[Shown]| among.iter().position(|one| (one.metric, one.cycle) == (of.metric, of.cycle));
    for clock in expected {
        let Some(came) = twin(clock, came).map(|at| &came[at]) else {
            told.push(format!("{}: expected, did not come", of(clock)));
            continue;
        };
        let (expected, came) = (serde_json::to_value(clock)?, serde_json::to_value(came)?);
        for (field, value) in expected.as_object().into_iter().flatten() {
            if came.get(field) != Some(value) {
                let came = came.get(field).cloned().unwrap_or_default();
                told.push(format!("{} {field}: expected {value}, came {came}", of(clock)));
            }
        }
    }
    told.extend(
        came.iter().filter(|one| twin(one, expected).is_none()).map(|one| format!("{}: came, not expected", of(one))),
    );
    if told.is_empty() && expected != came {
        told.push("the clocks come in another order, or twice".to_owned());
    }
    Ok(told)
}
