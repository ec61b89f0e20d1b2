use super::chart::ticks;
use super::{escape, page};
use crate::outcome::{Chart, Check, Figure, Outcome, Series, Target};
use crate::tests::machine;

fn outcome() -> Outcome {
    Outcome {
        bench: "intake".to_owned(),
        about: "a < b & \"c\"".to_owned(),
        begun_at: jiff::Timestamp::UNIX_EPOCH,
        machine: machine(),
        options: std::collections::BTreeMap::new(),
        figures: vec![
            Figure::new("32 connections", "tickets acknowledged", "/s", vec![90.0, 100.0, 110.0])
                .beside("single-statement commits", vec![100.0, 100.0, 100.0])
                .target(Target::RatioAtLeast(0.7)),
        ],
        charts: vec![Chart {
            title: "Tickets".to_owned(),
            unit: "/s".to_owned(),
            groups: vec!["1".to_owned(), "32".to_owned()],
            series: vec![Series { name: "intake".to_owned(), values: vec![10.0, 100.0] }],
        }],
        checks: vec![Check::exactly("tickets", 3, 3)],
        notes: vec!["A note.".to_owned()],
    }
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let page = page(&[outcome()]).expect("a page");
    for foreign in ["<script", "src=", "@import", "url(", "href=\"http"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("<svg class=\"wide\""));
    assert!(page.contains("single-statement commits"));
}

#[test]
fn a_text_never_becomes_markup() {
    let page = page(&[outcome()]).expect("a page");
    assert!(page.contains("a &lt; b &amp; &quot;c&quot;"));
    assert_eq!(escape("<&>"), "&lt;&amp;&gt;");
}

#[test]
fn a_chart_has_only_colours_that_the_style_sheet_knows() {
    let page = page(&[outcome()]).expect("a page");
    for attribute in ["fill=\"#", "stroke=\"#"] {
        let svgs = page.split("<svg").skip(1).map(|svg| svg.split("</svg>").next().unwrap_or_default());
        for colour in svgs.flat_map(|svg| svg.split(attribute).skip(1)).filter_map(|rest| rest.get(..6)) {
            let selector = format!("[{}{colour}\"]", attribute);
            assert!(super::STYLE.contains(&selector), "{selector}");
        }
    }
}

#[test]
fn ticks_are_round_and_reach_the_longest_bar() {
    assert_eq!(ticks(100.0), [0.0, 25.0, 50.0, 75.0, 100.0]);
    assert_eq!(ticks(7.0), [0.0, 2.0, 4.0, 6.0]);
    assert_eq!(ticks(0.3), [0.0, 0.1, 0.2, 0.30000000000000004]);
}
