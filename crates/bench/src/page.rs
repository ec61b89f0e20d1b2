//! The last results as one page that needs nothing but itself.

mod chart;
mod table;

use std::fmt::Write;

use crate::outcome::{Figure, Outcome, Target, number};

/// Benchmarks as they stand on the page.
const ORDER: [&str; 5] = ["intake", "pipeline", "clocks", "import", "footprint"];
const STYLE: &str = include_str!("page/style.css");

/// Makes the page.
///
/// # Errors
/// If a chart cannot be drawn.
pub fn page(outcomes: &[Outcome]) -> anyhow::Result<String> {
    let mut body = String::new();
    let mut outcomes: Vec<&Outcome> = outcomes.iter().collect();
    // In the order of a ticket's way; what is not known here stands last.
    let place = |outcome: &&Outcome| ORDER.iter().position(|bench| *bench == outcome.bench).unwrap_or(ORDER.len());
    outcomes.sort_by_key(place);
    for outcome in &outcomes {
        section(&mut body, outcome)?;
    }
    let links: String = outcomes
        .iter()
        .map(|outcome| format!("<a href=\"#{0}\">{0}</a>", escape(&outcome.bench)))
        .collect::<Vec<_>>()
        .join("\n");
    let last = outcomes.iter().map(|outcome| outcome.begun_at).max();
    let when = last.map(|at| at.strftime("%-d %B %Y").to_string()).unwrap_or_default();
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Skranke, measured</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<p class=\"brand\">Skranke</p>\n\
         <h1>How fast the desk is, and what limits it</h1>\n\
         <p class=\"lead\">Each figure stands beside the raw limit of the same machine in the same minutes. \
         Medians of interleaved rounds. {when}</p>\n<nav aria-label=\"Benchmarks\">\n{links}\n</nav>\n</header>\n<main>\n\
         {body}</main>\n<footer>Made by <code>skranke bench report</code>.</footer>\n</body>\n</html>\n"
    ))
}

fn section(page: &mut String, outcome: &Outcome) -> anyhow::Result<()> {
    let id = escape(&outcome.bench);
    write!(
        page,
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{}</h2>\n",
        title(outcome)
    )?;
    writeln!(page, "<p class=\"about\">{}</p>", escape(&outcome.about))?;
    let aimed: Vec<&Figure> = outcome.figures.iter().filter(|figure| figure.target.is_some()).collect();
    if !aimed.is_empty() {
        page.push_str("<ul class=\"cards\">\n");
        for figure in aimed {
            card(page, figure)?;
        }
        page.push_str("</ul>\n");
    }
    page.push_str("<div class=\"charts\">\n");
    for one in &outcome.charts {
        page.push_str(&chart::figure(one)?);
    }
    page.push_str("</div>\n");
    table::figures(page, outcome)?;
    checks(page, outcome)?;
    machine(page, outcome)?;
    page.push_str("<details><summary>How to read this</summary>\n");
    for note in &outcome.notes {
        writeln!(page, "<p>{}</p>", escape(note))?;
    }
    page.push_str("</details>\n</section>\n");
    Ok(())
}

fn title(outcome: &Outcome) -> String {
    match outcome.bench.as_str() {
        "intake" => "From the post to the acknowledgement".to_owned(),
        "pipeline" => "From the post to the running clock".to_owned(),
        "clocks" => "Running clocks, and those that are due".to_owned(),
        "import" => "Importing history".to_owned(),
        "footprint" => "Memory, start and restart".to_owned(),
        other => escape(other),
    }
}

fn card(page: &mut String, figure: &Figure) -> anyhow::Result<()> {
    let is_ratio = matches!(figure.target, Some(Target::RatioAtMost(_) | Target::RatioAtLeast(_)));
    let (value, unit) = match figure.beside.as_ref().filter(|_| is_ratio) {
        Some(beside) if matches!(figure.target, Some(Target::RatioAtMost(_))) => {
            (number(beside.ratio), format!("× {}", beside.name))
        }
        Some(beside) => (number(beside.ratio), format!("of {}", beside.name)),
        None => (number(figure.value), figure.unit.clone()),
    };
    let (class, verdict) = match figure.is_met() {
        Some(true) => ("met", "met"),
        Some(false) => ("missed", "not met"),
        None => ("", ""),
    };
    write!(
        page,
        "<li class=\"card {class}\"><p class=\"at\">{}</p><p class=\"name\">{}</p>\
         <p class=\"value\">{value} <span>{}</span></p>",
        escape(&figure.at),
        escape(&figure.name),
        escape(&unit)
    )?;
    if let Some(beside) = &figure.beside {
        let unit = escape(&figure.unit);
        write!(
            page,
            "<p class=\"beside\">{} {unit}, beside {} {unit} of {}</p>",
            number(figure.value),
            number(beside.value),
            escape(&beside.name)
        )?;
    }
    let target = figure.target.map(|target| target.words(&figure.unit)).unwrap_or_default();
    writeln!(page, "<p class=\"target\"><b>{verdict}</b> target {}</p></li>", escape(&target))?;
    Ok(())
}

fn checks(page: &mut String, outcome: &Outcome) -> anyhow::Result<()> {
    let wrong = outcome.checks.iter().filter(|check| !check.holds()).count();
    let (class, verdict) =
        if wrong == 0 { ("met", "Nothing lost, nothing doubled") } else { ("missed", "Something is wrong") };
    writeln!(
        page,
        "<details class=\"checks {class}\"{}><summary>{verdict}</summary><ul>",
        if wrong > 0 { " open" } else { "" }
    )?;
    for check in &outcome.checks {
        let wanted = if check.at_least == check.at_most {
            number(check.at_least as f64)
        } else {
            format!("{} to {}", number(check.at_least as f64), number(check.at_most as f64))
        };
        let mark = if check.holds() { "✓" } else { "✗" };
        writeln!(page, "<li>{mark} {}: {} of {wanted}</li>", escape(&check.what), number(check.found as f64))?;
    }
    page.push_str("</ul></details>\n");
    Ok(())
}

fn machine(page: &mut String, outcome: &Outcome) -> anyhow::Result<()> {
    let machine = &outcome.machine;
    let options: Vec<String> = outcome.options.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let rows = [
        ("Processor", format!("{} × {}", machine.cores, machine.cpu)),
        ("Memory", format!("{} GB", number(machine.memory as f64 / 1e9))),
        ("Kernel", format!("Linux {}", machine.kernel)),
        ("Disk", format!("{}, a page synced in {} ms", machine.file_system, number(machine.sync_ms))),
        (
            "Versions",
            format!("skranke {}, Postgres {}, nats-server {}", machine.skranke, machine.postgres, machine.nats),
        ),
        ("Load average", format!("{} before, {} after", machine.load_before, machine.load_after)),
        ("Measured", outcome.begun_at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        ("Options", options.join(", ")),
    ];
    page.push_str("<dl class=\"machine\">\n");
    for (name, value) in rows {
        writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value))?;
    }
    page.push_str("</dl>\n");
    Ok(())
}

/// A text that stays text in HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
