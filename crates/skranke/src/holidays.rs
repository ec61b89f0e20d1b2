//! `skranke holidays`: days off as `special_days` of a contract's calendar.

mod calendar;
mod known;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;

use anyhow::Context;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::arguments::Holidays;
use crate::client_file::limits::MAX_SPECIAL_DAYS;
use crate::output::{Output, plain};
use crate::preview::text_of;

#[cfg(test)]
mod tests;

/// Bytes of an iCalendar file.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Years at once.
const MOST_YEARS: i16 = 50;

/// Days off, with the names of what is celebrated.
pub(crate) type Days = BTreeMap<Date, Vec<String>>;

/// The first and the last year, both of them meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Years {
    first: i16,
    last: i16,
}

impl FromStr for Years {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let year = |text: &str| {
            let year: Option<i16> = text.trim().parse().ok();
            year.filter(|year| (1970..=2199).contains(year))
                .ok_or_else(|| format!("{text:?} is not a year of 1970 to 2199; write 2026 or 2026..2030"))
        };
        let (first, last) = match text.split_once("..") {
            Some((first, last)) => (year(first)?, year(last.trim_start_matches('='))?),
            None => (year(text)?, year(text)?),
        };
        if first > last {
            return Err(format!("{first} comes after {last}; write the first year first"));
        }
        if last - first >= MOST_YEARS {
            return Err(format!("these are more than {MOST_YEARS} years"));
        }
        Ok(Self { first, last })
    }
}

impl Years {
    fn contain(self, date: Date) -> bool {
        (self.first..=self.last).contains(&date.year())
    }
}

pub(crate) fn holidays(output: Output, options: &Holidays) -> anyhow::Result<()> {
    let now = chassis::Clock::System.now().to_zoned(TimeZone::UTC).year();
    let (days, of) = match (&options.calendar, &options.country) {
        (Some(file), _) => {
            let years = options.years.unwrap_or(Years { first: now, last: now + 4 });
            let text = text_of(file, MOST_BYTES)?;
            let read = calendar::read(&text, years).with_context(|| format!("{} cannot be used", file.display()))?;
            for one in &read.left_out {
                eprintln!("left out: {}", plain(one));
            }
            (read.days, file.display().to_string())
        }
        (None, Some(country)) => {
            let known = known::Country::of(country)?;
            let years = options.years.unwrap_or_else(|| known.known_of(Years { first: now, last: now + 4 }));
            let days = known.days(options.region.as_deref(), years, options.names.as_deref())?;
            (days, known.title(options.region.as_deref()))
        }
        (None, None) => anyhow::bail!("name a country ({}) or an iCalendar file with --calendar", known::codes()),
    };
    anyhow::ensure!(
        days.len() <= MAX_SPECIAL_DAYS,
        "these are {} days, and a calendar has at most {MAX_SPECIAL_DAYS}; ask for fewer years",
        days.len()
    );
    output.value(&value(&days), || yaml(&days, &of, options.indent))
}

/// As a client file has it, each date with its names beside it.
fn yaml(days: &Days, of: &str, indent: u8) -> String {
    let space = " ".repeat(indent.into());
    if days.is_empty() {
        return format!("{space}special_days: {{}}  # {}: none in these years", one_line(of));
    }
    let mut text = format!("{space}special_days:  # {}", one_line(of));
    for (date, names) in days {
        // Writing to a text cannot fail.
        let _written = write!(text, "\n{space}  {date}: []  # {}", one_line(&names.join(", ")));
    }
    text
}

fn value(days: &Days) -> Value {
    let special: Map<String, Value> = days.keys().map(|date| (date.to_string(), json!([]))).collect();
    let names: Map<String, Value> = days.iter().map(|(date, names)| (date.to_string(), json!(names))).collect();
    json!({ "special_days": special, "names": names })
}

/// What stands in a comment ends with its line.
fn one_line(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}
