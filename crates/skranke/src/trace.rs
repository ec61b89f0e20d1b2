//! `skranke trace`

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use local::traces::{Kind, Row, Scale, Share, Waterfall, length};
use reqwest::StatusCode;

use crate::arguments::Trace;
use crate::clients::Reach;
use crate::output::{Output, plain, table};
use crate::serve::install_tls;

/// A trace is whole when nothing new has come for so long: exporters send what has gathered every second or so.
const QUIET_FOR: Duration = Duration::from_secs(1);
/// How long to wait for that.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The width where there is no terminal.
const WIDTH: u16 = 120;
/// Columns for an instant or a length of time: `99 min 59 s`.
const TIME: usize = 9;
/// Fewest columns for the bars.
const LEAST_BAR: usize = 12;

pub(crate) async fn trace(reach: &Reach, output: Output, options: Trace) -> anyhow::Result<()> {
    anyhow::ensure!(
        reach.endpoints.is_none(),
        "traces of a desk elsewhere are in its operator's own backend (OTEL_EXPORTER_OTLP_ENDPOINT says which); \
         `skranke trace` shows those of a desk that `skranke up` runs here"
    );
    let address = reach.local_address()?;
    let traces = address.traces.context(
        "this desk keeps no traces: it was started with an OTEL_EXPORTER_OTLP_ENDPOINT of its own and sends them there",
    )?;
    let url = traces.url;
    let is_key =
        !options.ticket.is_empty() && options.ticket.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    anyhow::ensure!(is_key, "{} is no reference and no id; a reference looks like ACME-1042", plain(&options.ticket));
    let waterfall = fetch(&url, &options.ticket).await?;
    output.value(&serde_json::to_value(&waterfall)?, || {
        let is_terminal = std::io::stdout().is_terminal();
        let width = if is_terminal { table(&[]).width().unwrap_or(WIDTH) } else { WIDTH };
        text(&waterfall, &url, Drawing { width: width.into(), coloured: is_terminal })
    })
}

/// Asks until the trace grows no more.
async fn fetch(url: &str, ticket: &str) -> anyhow::Result<Waterfall> {
    install_tls();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut last = None;
    let growing = async {
        loop {
            let answer =
                client.get(format!("{url}/traces/{ticket}")).send().await.context("the desk does not answer")?;
            if answer.status() != StatusCode::NOT_FOUND {
                let waterfall: Waterfall =
                    answer.error_for_status()?.json().await.context("the trace cannot be read")?;
                let is_quiet = u128::from(waterfall.quiet_for_ms) >= QUIET_FOR.as_millis();
                last = Some(waterfall);
                if is_quiet {
                    return anyhow::Ok(());
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    if let Ok(looked) = tokio::time::timeout(PATIENCE, growing).await {
        looked?;
    }
    last.with_context(|| {
        format!("no trace of {ticket} is kept: only the last ones are, since the desk was started. All: {url}/traces")
    })
}

/// How it is drawn.
#[derive(Debug, Clone, Copy)]
struct Drawing {
    width: usize,
    coloured: bool,
}

impl Drawing {
    /// In the colour of a service.
    fn toned(self, service: &str, text: &str) -> String {
        let colour = match service {
            "intake" => 34,
            "triage" => 35,
            "sla-timer" => 33,
            "knowledge-base" => 32,
            "reporting" => 31,
            _ => 36,
        };
        self.dressed(&colour.to_string(), text)
    }

    fn soft(self, text: &str) -> String {
        self.dressed("2", text)
    }

    fn dressed(self, code: &str, text: &str) -> String {
        if self.coloured && !text.trim().is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

fn text(waterfall: &Waterfall, url: &str, drawing: Drawing) -> String {
    let mut text = format!(
        "{}  {}\n\n",
        drawing.dressed("1", &plain(&waterfall.title())),
        drawing.soft(&format!(
            "{} UTC  trace {}",
            waterfall.started_at.strftime("%Y-%m-%d %H:%M:%S%.3f"),
            waterfall.trace_id
        )),
    );
    text.push_str(&falls(waterfall, drawing));
    text.push('\n');
    text.push_str(&shares(&waterfall.services));
    text.push_str("\n\n");
    if let Some(row) = waterfall.spans.iter().find(|row| row.kind == Kind::Server) {
        text.push_str(&format!("The caller was answered after {}. ", length(row.ended_after_us())));
    }
    text.push_str(&format!(
        "Everything was done after {}. Services work side by side: the parts add up to more.\n",
        length(waterfall.took_for_us)
    ));
    if !waterfall.is_whole() {
        text.push_str("Some of its spans are missing: not kept, not yet here, or kept elsewhere.\n");
    }
    for other in &waterfall.others {
        text.push_str(&format!("Later about the same ticket: skranke trace {other}\n"));
    }
    text.push_str(&drawing.soft(&format!("In the browser: {url}/traces/{}", waterfall.trace_id)));
    text
}

/// One line per span: service, tree, when it began, its bar, how long it took.
fn falls(waterfall: &Waterfall, drawing: Drawing) -> String {
    let scale = Scale::of(waterfall);
    let branches = branches(&waterfall.spans);
    let labels: Vec<String> = waterfall
        .spans
        .iter()
        .zip(branches)
        .map(|(row, branch)| {
            format!("{branch}{}{}", plain(&row.short_name()), if row.error.is_some() { " ✗" } else { "" })
        })
        .collect();
    let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or_default();
    let service = longest(&mut waterfall.spans.iter().map(|row| row.service.chars().count())).min(16);
    let fixed = service + 2 * TIME + 4;
    let most = drawing.width.saturating_sub(fixed + LEAST_BAR).min(drawing.width / 2);
    let name = longest(&mut labels.iter().map(|label| label.chars().count())).min(most);
    let bar = drawing.width.saturating_sub(fixed + name).max(LEAST_BAR);
    let mut text = String::new();
    for (row, label) in waterfall.spans.iter().zip(&labels) {
        let (before, own, after) = pieces(row, &scale, bar);
        text.push_str(&format!(
            "{} {} {} {}{}{after} {:>TIME$}\n",
            drawing.toned(&row.service, &fitted(&plain(&row.service), service)),
            fitted(label, name),
            drawing.soft(&format!("{:>TIME$}", length(row.started_after_us))),
            drawing.soft(&before),
            drawing.toned(&row.service, &own),
            length(row.took_for_us),
        ));
    }
    text
}

/// What stands left of each name: the lines of the tree.
fn branches(rows: &[Row]) -> Vec<String> {
    let mut branches = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let after = rows.get(index + 1..).unwrap_or_default();
        let has_sister =
            |depth: usize| after.iter().find(|later| later.depth <= depth).is_some_and(|later| later.depth == depth);
        let mut branch: String = (1..row.depth).map(|depth| if has_sister(depth) { "│ " } else { "  " }).collect();
        if row.depth > 0 {
            branch.push_str(if has_sister(row.depth) { "├ " } else { "└ " });
        }
        branches.push(branch);
    }
    branches
}

/// A bar in three pieces: what is before it (with the time that its matter lay waiting), itself, what is after it.
fn pieces(row: &Row, scale: &Scale, width: usize) -> (String, String, String) {
    let cell = |us: u64| (scale.place(us) * width as f64).floor() as usize;
    let from = cell(row.started_after_us).min(width - 1);
    let waited_from = cell(row.started_after_us.saturating_sub(row.waited_for_us)).min(from);
    let until = scale.place(row.ended_after_us()) * width as f64;
    let (full, rest) = ((until.floor() as usize).min(width), until.fract());
    let mut own = "█".repeat(full.saturating_sub(from));
    if own.is_empty() || (full < width && rest >= 0.5) {
        own.push(if rest >= 0.5 { '▌' } else { '▏' });
    }
    let waited = "╌".repeat(from - waited_from);
    let after = " ".repeat(width.saturating_sub(from + own.chars().count()));
    (format!("{}{waited}", " ".repeat(waited_from)), own, after)
}

/// Exactly so wide.
fn fitted(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return format!("{text:<width$}");
    }
    let mut shorter: String = text.chars().take(width.saturating_sub(1)).collect();
    shorter.push('…');
    shorter
}

fn shares(shares: &[Share]) -> String {
    let mut rows = table(&[
        "service",
        "on the bus before",
        "at work",
        "of it in the store",
        "in the outbox",
        "publishing",
        "spans",
    ]);
    for share in shares {
        let or_none = |us: u64| if us == 0 { "–".to_owned() } else { length(us) };
        rows.add_row([
            plain(&share.service),
            or_none(share.bus_for_us),
            or_none(share.work_for_us),
            or_none(share.database_for_us),
            or_none(share.outbox_for_us),
            or_none(share.publish_for_us),
            share.spans.to_string(),
        ]);
    }
    rows.to_string()
}

#[cfg(test)]
mod tests;
