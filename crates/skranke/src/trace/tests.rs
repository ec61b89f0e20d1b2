use std::time::Duration;

use local::traces::{Span, SpanId, TICKET_REFERENCE, Trace as Arrived, TraceId};

use super::*;

fn span(id: u8, parent: Option<u8>, kind: Kind, process: &str, from: u64, until: u64) -> Span {
    Span {
        trace_id: TraceId::of(&[1; 16]).expect("an id"),
        span_id: SpanId::of(&[id; 8]).expect("an id"),
        parent_span_id: parent.and_then(|parent| SpanId::of(&[parent; 8])),
        process: process.to_owned(),
        name: format!("skranke.x.v1.X/Span{id}"),
        kind,
        started_at: from * 1_000_000,
        ended_at: until * 1_000_000,
        attributes: vec![(TICKET_REFERENCE.to_owned(), "ACME-1001".to_owned())],
        events: Vec::new(),
        error: (id == 4).then(|| "no \u{1b}[31m luck".to_owned()),
    }
}

fn waterfall() -> Waterfall {
    let spans = vec![
        span(1, None, Kind::Server, "skranke-intake", 0, 10),
        span(2, Some(1), Kind::Client, "skranke-intake", 0, 5),
        span(3, Some(2), Kind::Client, "skranke-intake", 1, 2),
        span(4, Some(1), Kind::Client, "skranke-triage", 10, 20),
    ];
    Waterfall::of(Arrived { spans, left_off: 0, quiet_for: Duration::ZERO }, Vec::new()).expect("it has spans")
}

#[test]
fn every_line_is_as_wide_as_the_terminal_and_no_wider() {
    for width in [60, 80, 120, 200] {
        let lines = falls(&waterfall(), Drawing { width, coloured: false });
        for line in lines.lines() {
            assert_eq!(line.chars().count(), width, "{line}");
        }
        assert_eq!(lines.lines().count(), 4);
    }
}

#[test]
fn the_tree_and_the_bars_show_what_caused_what_and_when() {
    let lines = falls(&waterfall(), Drawing { width: 72, coloured: false });
    let expected = "\
intake Span1             0 µs ██████████████▌                    10.0 ms
intake ├ Span2           0 µs ███████▏                            5.0 ms
intake │ └ Span3       1.0 ms  █▌                                 1.0 ms
triage └ Span4 ✗      10.0 ms               ██████████████▌      10.0 ms
";
    let told = |text: &str| {
        text.lines().map(|line| line.split_whitespace().map(ToOwned::to_owned).collect()).collect::<Vec<Vec<String>>>()
    };
    let names = |text: &str| {
        told(text)
            .into_iter()
            .map(|words| words.into_iter().filter(|word| !word.starts_with(['█', '▌', '▏'])).collect())
            .collect::<Vec<Vec<String>>>()
    };
    assert_eq!(names(&lines), names(expected));
    let starts: Vec<Option<usize>> = lines.lines().map(|line| line.chars().position(|it| "█▌▏".contains(it))).collect();
    assert!(starts[0] == starts[1] && starts[1] < starts[2] && starts[2] < starts[3], "{lines}");
}

#[test]
fn colours_are_for_terminals_only() {
    let plain = text(&waterfall(), "http://127.0.0.1:1", Drawing { width: 100, coloured: false });
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let coloured = text(&waterfall(), "http://127.0.0.1:1", Drawing { width: 100, coloured: true });
    assert!(coloured.contains("\u{1b}[34m"), "intake is blue");
}
