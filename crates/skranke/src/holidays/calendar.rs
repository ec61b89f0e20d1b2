//! The all-day events of an iCalendar file (RFC 5545).

use std::collections::BTreeMap;
use std::fmt::Display;

use calcard::common::timezone::Tz;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarProperty, ICalendarStatus, ICalendarValue,
};
use calcard::{Entry, Parser};
use jiff::ToSpan;
use jiff::civil::Date;

use super::{Days, Years};

/// Times that one event may repeat itself until the end of the years asked for: weekly for most of a century.
pub(super) const MOST_REPEATS: usize = 4_000;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// The days of all-day events.
    pub days: Days,
    /// Why others are not among them.
    pub left_out: Vec<String>,
}

/// The days of these years' all-day events.
///
/// # Errors
/// If the text is no calendar or has no all-day event.
pub(super) fn read(text: &str, years: Years) -> anyhow::Result<Read> {
    let mut read = Read::default();
    let mut all_day: BTreeMap<String, Vec<ICalendarComponent>> = BTreeMap::new();
    for (nth, event) in events(text)?.into_iter().enumerate() {
        let name = text_of(&event, &ICalendarProperty::Summary).unwrap_or_else(|| "an event without a name".to_owned());
        let start = event.property(&ICalendarProperty::Dtstart).or(event.property(&ICalendarProperty::RecurrenceId));
        let start = start.and_then(|start| start.values.first()).and_then(ICalendarValue::as_partial_date_time);
        match start {
            _ if event.status() == Some(&ICalendarStatus::Cancelled) => {
                read.left_out.push(format!("{name}: it is cancelled"));
            }
            None => read.left_out.push(format!("{name}: it has no beginning")),
            Some(start) if start.has_time() => {
                read.left_out.push(format!("{name}: it is at a time of day; only all-day events are days off"));
            }
            Some(_) => {
                // An event and its exceptions have one id. One without an id stands alone.
                let uid = text_of(&event, &ICalendarProperty::Uid).unwrap_or_else(|| format!("\u{0}{nth}"));
                all_day.entry(uid).or_default().push(event);
            }
        }
    }
    anyhow::ensure!(!all_day.is_empty(), "it has no all-day event (DTSTART;VALUE=DATE:…){}", told(&read.left_out));
    for components in all_day.into_values() {
        expand(ICalendar { components }, years, &mut read);
    }
    read.days.values_mut().for_each(|names| names.sort_unstable());
    Ok(read)
}

fn told(left_out: &[String]) -> String {
    if left_out.is_empty() { String::new() } else { format!("; left out: {}", left_out.join("; ")) }
}

/// All events in the text.
fn events(text: &str) -> anyhow::Result<Vec<ICalendarComponent>> {
    let mut parser = Parser::new(text);
    let (mut calendars, mut events) = (0, Vec::new());
    loop {
        match parser.entry() {
            Entry::ICalendar(calendar) => {
                calendars += 1;
                let is_event = |one: &ICalendarComponent| one.component_type == ICalendarComponentType::VEvent;
                events.extend(calendar.components.into_iter().filter(is_event));
            }
            Entry::Eof => break,
            Entry::UnterminatedComponent(what) => anyhow::bail!("it ends within {what}; is the file complete?"),
            Entry::UnexpectedComponentEnd { expected, found } => {
                anyhow::bail!("END:{} stands where END:{} belongs", found.as_str(), expected.as_str());
            }
            Entry::TooManyComponents => anyhow::bail!("it has too many components"),
            // Strange lines between calendars change nothing.
            _ => {}
        }
    }
    anyhow::ensure!(calendars > 0, "it is no iCalendar file: nothing begins with BEGIN:VCALENDAR");
    Ok(events)
}

/// Adds the days of one event with its repetitions and exceptions.
fn expand(calendar: ICalendar, years: Years, read: &mut Read) {
    let name_of = |id: u32| {
        let component = usize::try_from(id).ok().and_then(|id| calendar.components.get(id));
        component.and_then(|one| text_of(one, &ICalendarProperty::Summary)).unwrap_or_else(|| "day off".to_owned())
    };
    let expanded = calendar.expand_dates(Tz::Floating, MOST_REPEATS);
    for error in &expanded.errors {
        read.left_out.push(format!("{}: {}", name_of(error.comp_id), error.error));
    }
    let is_cut = expanded.events.len() >= MOST_REPEATS;
    let last = expanded.events.iter().filter_map(|one| date(one.start.naive_local().date())).max();
    if is_cut && last.is_some_and(|last| last.year() <= years.last) {
        read.left_out.push(format!("{}: it repeats itself more than {MOST_REPEATS} times", name_of(0)));
        return;
    }
    for occurrence in expanded.events {
        let name = name_of(occurrence.comp_id);
        let Some(span) = occurrence.try_into_date_time() else {
            read.left_out.push(format!("{name}: it has no end"));
            continue;
        };
        let bounds = date(span.start.naive_local().date()).zip(date(span.end.naive_local().date()));
        let Some((first, end)) = bounds else { continue };
        // The end is the first day after it; a file may leave it out or say the same day.
        let mut day = first.max(new_year(years.first));
        while years.contain(day) && (day < end || day == first) {
            let names = read.days.entry(day).or_default();
            // One that repeats itself while it lasts is still one.
            if !names.contains(&name) {
                names.push(name.clone());
            }
            match day.checked_add(1.day()) {
                Ok(next) => day = next,
                Err(_) => break,
            }
        }
    }
}

fn new_year(year: i16) -> Date {
    Date::new(year, 1, 1).unwrap_or(Date::MIN)
}

/// Another library's date.
fn date(of: impl Display) -> Option<Date> {
    of.to_string().parse().ok()
}

fn text_of(component: &ICalendarComponent, property: &ICalendarProperty) -> Option<String> {
    let text = component.property(property)?.values.first()?.as_text()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
