//! Traces as pages: plain HTML and CSS, readable on a phone, in the dark, by keyboard and by ear.

use std::fmt::Write;

use crate::SERVICES;

use super::door::Listed;
use super::scale::{Scale, length};
use super::span::{Kind, Line};
use super::waterfall::{Row, Share, Waterfall};

const STYLE: &str = include_str!("page.css");
/// Instants on the ruler above the waterfall.
const TICKS: u64 = 5;

/// One trace.
pub(super) fn one(waterfall: &Waterfall, lines: Vec<Line>) -> String {
    let mut body = String::from("<a class=back href=\"/traces\">← All traces</a>\n");
    head(&mut body, waterfall);
    falls(&mut body, waterfall);
    shares(&mut body, &waterfall.services);
    log(&mut body, lines);
    page(&waterfall.title(), &body)
}

/// The last traces.
pub(super) fn list(listed: &[Listed]) -> String {
    let mut body =
        String::from("<h1>Traces</h1>\n<p class=soft>The last requests and what they caused. Newest first.</p>\n");
    if listed.is_empty() {
        body.push_str("<p>Nothing has arrived yet. Register a ticket: <code>skranke submit …</code></p>");
        return page("Traces", &body);
    }
    legend(&mut body);
    body.push_str(
        "<div class=\"card wide list\" tabindex=0 role=region aria-label=\"Traces\"><table><thead><tr>\
         <th scope=col>Trace</th><th scope=col class=text>Began with</th><th scope=col>Took</th>\
         <th scope=col class=text>Services</th><th scope=col>Spans</th><th scope=col>Began</th></tr></thead><tbody>\n",
    );
    for one in listed {
        let known = SERVICES.iter().filter(|known| one.services.iter().any(|service| service == known.name()));
        let services: String = known.map(|known| dot(known.name())).collect();
        let failed = if one.has_error { " <span class=bad>failed</span>" } else { "" };
        let title = if one.title == one.name { one.trace_id.get(..8).unwrap_or_default() } else { &one.title };
        put(
            &mut body,
            format_args!(
                "<tr><td><a href=\"/traces/{}\">{}</a></td><td class=text>{}{failed}</td><td>{}</td>\
                 <td class=text><span role=img aria-label=\"{}\">{services}</span></td><td>{}</td><td class=soft>{}</td></tr>\n",
                one.trace_id,
                text(title),
                text(&one.name),
                length(one.took_for_us),
                text(&one.services.join(", ")),
                one.spans,
                clock_time(one.started_at),
            ),
        );
    }
    body.push_str("</tbody></table></div>\n");
    page("Traces", &body)
}

/// Which colour is which service's.
fn legend(body: &mut String) {
    body.push_str("<p class=\"legend names\" aria-hidden=true>");
    for service in SERVICES {
        put(body, format_args!("<span>{}{}</span>", dot(service.name()), service.name()));
    }
    body.push_str("</p>\n");
}

/// Nothing is known of it.
pub(super) fn absent(key: &str) -> String {
    let body = format!(
        "<a class=back href=\"/traces\">← All traces</a>\n<h1>No trace of {}</h1>\n\
         <p>Only the last traces are kept, and only since the desk was started. \
         A ticket that was registered just now shows after a second or two.</p>",
        text(key)
    );
    page("No trace", &body)
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\n<title>{} · Skranke</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        text(title)
    )
}

fn head(body: &mut String, waterfall: &Waterfall) {
    let about = match waterfall.tickets.as_slice() {
        [] => "One trace".to_owned(),
        [one] => format!("From the post of {} to the report", text(one)),
        several => format!("{} tickets", several.len()),
    };
    put(
        body,
        format_args!(
            "<h1>{}</h1>\n<p class=soft>{about} · {} UTC · trace <code>{}</code></p>\n",
            text(&waterfall.title()),
            waterfall.started_at.strftime("%Y-%m-%d %H:%M:%S%.3f"),
            waterfall.trace_id
        ),
    );
    if !waterfall.is_whole() {
        body.push_str("<p class=bad>Some of its spans are missing: not kept, not yet here, or kept elsewhere.</p>\n");
    }
    for other in &waterfall.others {
        put(
            body,
            format_args!("<p class=soft>Later about the same ticket: <a href=\"/traces/{other}\">{other}</a></p>\n"),
        );
    }
    let answered = waterfall.spans.iter().find(|row| row.kind == Kind::Server);
    let failed = waterfall.spans.iter().filter(|row| row.error.is_some()).count();
    let mut figures = vec![("Everything done after", length(waterfall.took_for_us))];
    if let Some(row) = answered {
        figures.insert(0, ("Caller answered after", length(row.ended_after_us())));
    }
    figures.push(("Services", waterfall.services.iter().filter(|share| is_known(&share.service)).count().to_string()));
    figures.push(("Spans", waterfall.spans.len().to_string()));
    if failed > 0 {
        figures.push(("Failed", failed.to_string()));
    }
    body.push_str("<dl class=figures>");
    for (what, figure) in figures {
        put(body, format_args!("<div><dt>{what}</dt><dd>{figure}</dd></div>"));
    }
    body.push_str("</dl>\n");
}

fn falls(body: &mut String, waterfall: &Waterfall) {
    let scale = Scale::of(waterfall);
    let ticks = scale.ticks(TICKS);
    let step = percent(ticks.get(1).map_or(1.0, |tick| scale.place(*tick)));
    put(
        body,
        format_args!(
            "<h2 id=falls>Waterfall</h2>\n<div class=card style=\"--step:{step}\">\n\
             <div class=axis aria-hidden=true><span>Service and span</span><div class=ruler>"
        ),
    );
    for tick in ticks {
        let place = scale.place(tick);
        let class = if place > 0.94 { " class=end" } else { "" };
        let left = percent(place);
        put(body, format_args!("<span{class} style=\"left:{left}\">{}</span>", length(tick).replace(".0 ", " ")));
    }
    body.push_str("</div><span class=took>Took</span></div>\n<ol class=falls aria-labelledby=falls>\n");
    let mut open = 0;
    for (index, row) in waterfall.spans.iter().enumerate() {
        fall(body, row, &scale);
        let next = waterfall.spans.get(index + 1).map_or(0, |next| next.depth);
        if next > row.depth {
            body.push_str("<ol>\n");
            open += 1;
        } else {
            body.push_str("</li>\n");
            for _ in next..row.depth {
                body.push_str("</ol></li>\n");
                open -= 1;
            }
        }
    }
    for _ in 0..open {
        body.push_str("</ol></li>\n");
    }
    body.push_str(
        "</ol>\n</div>\n<p class=legend><span><span class=key></span>at work</span>\
         <span><span class=\"key pale\"></span>unit of work in the store</span>\
         <span><span class=\"key wait\"></span>waiting: in the outbox before it is published, on the bus before it is \
         handled</span></p>\n",
    );
}

fn fall(body: &mut String, row: &Row, scale: &Scale) {
    let mut class = tone(&row.service).to_owned();
    if row.attributes.contains_key("db.system.name") {
        class.push_str(" store");
    }
    if row.error.is_some() {
        class.push_str(" failed");
    }
    let (from, until) = (scale.place(row.started_after_us), scale.place(row.ended_after_us()));
    let began = scale.place(row.started_after_us.saturating_sub(row.waited_for_us));
    put(
        body,
        format_args!(
            "<li><details class=\"{class}\" style=\"--depth:{}\"><summary><span class=name>{}<b>{}</b><small>{}</small>\
             </span><span class=lane aria-hidden=true>",
            row.depth,
            dot(&row.service),
            text(&row.short_name()),
            text(&row.service),
        ),
    );
    for (cut_from, cut_until, _) in scale.cuts() {
        put(body, format_args!("<s style=\"left:{};width:{}\"></s>", percent(cut_from), percent(cut_until - cut_from)));
    }
    if row.waited_for_us > 0 {
        put(body, format_args!("<u style=\"left:{};width:{}\"></u>", percent(began), percent(from - began)));
    }
    let left = percent(from.min(0.998));
    put(body, format_args!("<i style=\"left:{left};width:{}\"></i></span>", percent(until - from)));
    put(body, format_args!("<span class=took>{}</span></summary>\n<dl class=facts>", length(row.took_for_us)));
    let mut facts = vec![("began after", length(row.started_after_us))];
    if row.waited_for_us > 0 {
        facts.push((
            if row.kind == Kind::Producer { "was in the outbox" } else { "was on the bus" },
            length(row.waited_for_us),
        ));
    }
    if let Some(error) = &row.error {
        facts.push(("failed", if error.is_empty() { "yes".to_owned() } else { error.clone() }));
    }
    if !row.is_linked {
        facts.push((
            "caused by",
            format!("{}, which is not here", row.parent_span_id.map(|id| id.to_string()).unwrap_or_default()),
        ));
    }
    let facts = facts.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in facts.chain(row.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()))) {
        put(body, format_args!("<dt>{}</dt><dd>{}</dd>", text(name), text(value)));
    }
    body.push_str("</dl></details>");
}

fn shares(body: &mut String, shares: &[Share]) {
    body.push_str(
        "<h2>Where the time went</h2>\n<div class=\"card wide\" tabindex=0 role=region aria-label=\"Where the time went\">\
         <table><thead><tr><th scope=col>Service</th><th scope=col>On the bus before</th><th scope=col>At work</th>\
         <th scope=col>of it in the store</th><th scope=col>In the outbox</th><th scope=col>Publishing</th>\
         <th scope=col>Spans</th></tr></thead><tbody>\n",
    );
    for share in shares {
        let or_none = |us: u64| if us == 0 { "<span class=soft>–</span>".to_owned() } else { length(us) };
        put(
            body,
            format_args!(
                "<tr><td>{}{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                dot(&share.service),
                text(&share.service),
                or_none(share.bus_for_us),
                or_none(share.work_for_us),
                or_none(share.database_for_us),
                or_none(share.outbox_for_us),
                or_none(share.publish_for_us),
                share.spans,
            ),
        );
    }
    body.push_str(
        "</tbody></table></div>\n<p class=legend>Services work side by side, so the parts add up to more than the whole. \
         Time on the bus counts from publishing to handling.</p>\n",
    );
}

fn log(body: &mut String, lines: Vec<Line>) {
    if lines.is_empty() {
        return;
    }
    body.push_str(
        "<h2>Log lines</h2>\n<div class=\"card wide\" tabindex=0 role=region aria-label=\"Log lines\"><table><tbody>\n",
    );
    for line in lines {
        let fields: Vec<String> = line.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
        put(
            body,
            format_args!(
                "<tr><td>{}</td><td class=text>{} <span class=soft>{}</span></td></tr>\n",
                text(&line.severity),
                text(&line.body),
                text(&fields.join(" "))
            ),
        );
    }
    body.push_str("</tbody></table></div>\n");
}

fn is_known(service: &str) -> bool {
    SERVICES.iter().any(|one| one.name() == service)
}

/// The class with a service's colour.
fn tone(service: &str) -> &'static str {
    SERVICES.iter().find(|one| one.name() == service).map_or("caller", |one| one.name())
}

fn dot(service: &str) -> String {
    format!("<span class=\"dot {}\"></span>", tone(service))
}

fn clock_time(instant: jiff::Timestamp) -> String {
    instant.strftime("%H:%M:%S UTC").to_string()
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// Foreign text, harmless in HTML.
fn text(foreign: &str) -> String {
    let mut safe = String::with_capacity(foreign.len());
    for character in foreign.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn put(body: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _written = body.write_fmt(text);
}
