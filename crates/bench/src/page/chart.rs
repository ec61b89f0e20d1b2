//! Charts as SVG in the page. The colours in the SVG are names that the style sheet gives their values, light or dark.

use std::fmt::Write;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::escape;
use crate::outcome::{Chart, number};

/// Stand for `--ink`, `--soft` and `--grid`.
const INK: RGBColor = RGBColor(1, 1, 1);
const SOFT: RGBColor = RGBColor(2, 2, 2);
const GRID: RGBColor = RGBColor(3, 3, 3);
/// Series 0 … are `#0a0000`, `#0a0001`, …
const SERIES: u8 = 10;

/// For screens and for phones: a text is as large on both.
const WIDTHS: [(&str, i32); 2] = [("wide", 520), ("narrow", 330)];
const BAR: i32 = 16;
const BETWEEN_BARS: i32 = 4;
const HEADING: i32 = 24;
const BETWEEN_GROUPS: i32 = 12;
/// Below the bars, for the axis' numbers.
const AXIS: i32 = 24;
/// Texts; SVG makes a fifth less of it.
const LARGE: i32 = 17;
const SMALL: i32 = 16;
/// Right of the longest bar, for its number.
const ROOM: i32 = 60;

/// A chart with its title and what its colours mean.
pub(super) fn figure(chart: &Chart) -> anyhow::Result<String> {
    let mut html = String::from("<figure>\n");
    writeln!(html, "<figcaption>{} <small>{}</small></figcaption>", escape(&chart.title), escape(&chart.unit))?;
    if chart.series.len() > 1 {
        html.push_str("<ul class=\"legend\" aria-hidden=\"true\">");
        for (index, series) in chart.series.iter().enumerate() {
            write!(html, "<li><i style=\"background:var(--series-{index})\"></i>{}</li>", escape(&series.name))?;
        }
        html.push_str("</ul>\n");
    }
    for (class, width) in WIDTHS {
        let drawn = draw(chart, width)?;
        let label = escape(&words(chart));
        // One of the two is shown; the other is not there for anybody.
        html.push_str(&drawn.replacen(
            "<svg ",
            &format!("<svg class=\"{class}\" role=\"img\" aria-label=\"{label}\" "),
            1,
        ));
    }
    html.push_str("</figure>\n");
    Ok(html)
}

/// The chart for those who do not see it.
fn words(chart: &Chart) -> String {
    let group = |(index, name): (usize, &String)| {
        let values = bars(chart, index).into_iter().filter_map(|(series, value)| {
            Some(format!("{} {} {}", chart.series.get(series)?.name, number(value), chart.unit))
        });
        format!("{name}: {}", values.collect::<Vec<_>>().join(", "))
    };
    let groups: Vec<String> = chart.groups.iter().enumerate().map(group).collect();
    format!("{}. {}", chart.title, groups.join("; "))
}

/// The bars of a group; what was not measured there has none.
fn bars(chart: &Chart, group: usize) -> Vec<(usize, f64)> {
    let values =
        chart.series.iter().enumerate().filter_map(|(index, series)| Some((index, *series.values.get(group)?)));
    values.filter(|(_, value)| *value > 0.0).collect()
}

fn draw(chart: &Chart, width: i32) -> anyhow::Result<String> {
    let groups: Vec<(&String, Vec<(usize, f64)>)> =
        chart.groups.iter().enumerate().map(|(group, name)| (name, bars(chart, group))).collect();
    let group_height = |bars: usize| HEADING + i32::try_from(bars).unwrap_or(0) * (BAR + BETWEEN_BARS) + BETWEEN_GROUPS;
    let plot_height: i32 = groups.iter().map(|(_, bars)| group_height(bars.len())).sum();
    let height = plot_height + AXIS;
    let all = groups.iter().flat_map(|(_, bars)| bars.iter().map(|(_, value)| *value));
    let most = all.fold(0.0, f64::max).max(1e-9);
    let scale = f64::from(width - ROOM) / most;
    let x = |value: f64| (value * scale).round() as i32;
    let mut svg = String::new();
    {
        let area =
            SVGBackend::with_string(&mut svg, (u32::try_from(width)?, u32::try_from(height)?)).into_drawing_area();
        for tick in ticks(most) {
            let at = x(tick).max(0);
            area.draw(&PathElement::new([(at, HEADING), (at, plot_height)], GRID.stroke_width(1)))?;
            let anchor = if at == 0 { HPos::Left } else { HPos::Center };
            area.draw(&Text::new(number(tick), (at, plot_height + AXIS / 2), text(SMALL, &SOFT, anchor)))?;
        }
        let mut top = 0;
        for (name, bars) in groups {
            area.draw(&Text::new(name.clone(), (0, top + HEADING / 2), text(LARGE, &INK, HPos::Left)))?;
            let mut bar_top = top + HEADING;
            for (index, value) in &bars {
                let end = x(*value).max(2);
                let colour = RGBColor(SERIES, 0, u8::try_from(*index)?);
                area.draw(&Rectangle::new([(0, bar_top), (end, bar_top + BAR)], colour.filled()))?;
                let beside = (end + 6, bar_top + BAR / 2);
                area.draw(&Text::new(number(*value), beside, text(SMALL, &INK, HPos::Left)))?;
                bar_top += BAR + BETWEEN_BARS;
            }
            top += group_height(bars.len());
        }
        area.present()?;
    }
    Ok(svg)
}

fn text(size: i32, colour: &'static RGBColor, horizontal: HPos) -> TextStyle<'static> {
    let font = FontDesc::from(("system-ui", size));
    TextStyle::from(font).color(colour).pos(Pos::new(horizontal, VPos::Center))
}

/// Round numbers from zero on, four to six of them.
pub(super) fn ticks(most: f64) -> Vec<f64> {
    let rough = most / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|step| step * power >= rough).unwrap_or(10.0) * power;
    (0..=6).map(|number| f64::from(number) * step).take_while(|tick| *tick <= most * 1.000_001).collect()
}
