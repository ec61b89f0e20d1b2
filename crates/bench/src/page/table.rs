//! All figures of a benchmark as a table; on a narrow screen each row stands for itself.

use std::fmt::Write;

use super::escape;
use crate::outcome::{Figure, Outcome, number};

pub(super) fn figures(page: &mut String, outcome: &Outcome) -> anyhow::Result<()> {
    page.push_str(
        "<details class=\"all\"><summary>All figures</summary>\n<table>\n<thead><tr><th scope=\"col\">What</th>",
    );
    page.push_str(
        "<th scope=\"col\">Median</th><th scope=\"col\">Raw limit beside it</th><th scope=\"col\">Ratio</th>",
    );
    page.push_str("<th scope=\"col\">Target</th><th scope=\"col\">Rounds</th></tr></thead>\n");
    let mut at = None;
    for figure in &outcome.figures {
        if at != Some(&figure.at) {
            if at.is_some() {
                page.push_str("</tbody>\n");
            }
            page.push_str("<tbody>\n");
            if !figure.at.is_empty() {
                writeln!(
                    page,
                    "<tr class=\"at\"><th colspan=\"6\" scope=\"rowgroup\">{}</th></tr>",
                    escape(&figure.at)
                )?;
            }
            at = Some(&figure.at);
        }
        row(page, figure)?;
    }
    page.push_str("</tbody>\n</table></details>\n");
    Ok(())
}

fn row(page: &mut String, figure: &Figure) -> anyhow::Result<()> {
    let unit = escape(&figure.unit);
    let value = |value: f64| format!("{} <small>{unit}</small>", number(value));
    let cell = |label: &str, content: String| {
        if content.is_empty() {
            "<td class=\"none\"></td>".to_owned()
        } else {
            format!("<td data-label=\"{label}\">{content}</td>")
        }
    };
    let beside = figure.beside.as_ref();
    let target = figure.target.map(|target| {
        let (class, mark) = if figure.is_met() == Some(true) { ("met", "✓") } else { ("missed", "✗") };
        format!("<span class=\"{class}\">{mark}</span> {}", escape(&target.words(&figure.unit)))
    });
    let rounds: Vec<String> = figure.rounds.iter().map(|value| number(*value)).collect();
    let raw = beside.map(|raw| format!("{} <br><small>{}</small>", value(raw.value), escape(&raw.name)));
    write!(page, "<tr><th scope=\"row\">{}</th>", escape(&figure.name))?;
    page.push_str(&cell("median", value(figure.value)));
    page.push_str(&cell("raw limit", raw.unwrap_or_default()));
    page.push_str(&cell("ratio", beside.map(|raw| number(raw.ratio)).unwrap_or_default()));
    page.push_str(&cell("target", target.unwrap_or_default()));
    page.push_str(&cell("rounds", if rounds.len() > 1 { rounds.join(" · ") } else { String::new() }));
    page.push_str("</tr>\n");
    Ok(())
}
