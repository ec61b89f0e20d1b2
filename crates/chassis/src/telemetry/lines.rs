//! Log lines on standard error: with the ids of their trace and their ticket, and without the fields of spans.

use std::fmt::{Debug, Write as _};
use std::io::Write;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::place::{Place, Places};
use super::settings::LogForm;

/// Writes each event on one line.
pub(crate) struct Lines<W> {
    pub form: LogForm,
    pub is_coloured: bool,
    pub places: Places,
    pub writer: Mutex<W>,
}

impl<S: Subscriber, W: Write + Send + 'static> Layer<S> for Lines<W> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut words = Words::default();
        event.record(&mut words);
        let place = self.places.here();
        let now = Timestamp::now();
        let line = match self.form {
            LogForm::Json => json(now, event.metadata(), words, &place),
            LogForm::Human => human(now, event.metadata(), &words, &place, self.is_coloured),
        };
        if let Ok(mut writer) = self.writer.lock() {
            // There is nobody left to tell.
            drop(writer.write_all(line.as_bytes()));
        }
    }
}

/// What an event says.
#[derive(Debug, Default)]
struct Words {
    message: String,
    fields: Map<String, Value>,
}

impl Words {
    fn say(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            ("message", value) => self.message = value.to_string(),
            (name, value) => drop(self.fields.insert(name.to_owned(), value)),
        }
    }
}

impl Visit for Words {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.say(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.say(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.say(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.say(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.say(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.say(field, format!("{value:?}").into());
    }
}

fn json(now: Timestamp, metadata: &Metadata<'_>, words: Words, place: &Place) -> String {
    let mut line = words.fields;
    line.insert("timestamp".to_owned(), format!("{now:.6}").into());
    line.insert("level".to_owned(), metadata.level().as_str().into());
    line.insert("target".to_owned(), metadata.target().into());
    line.insert("message".to_owned(), words.message.into());
    for (name, value) in place.named() {
        // What the line itself names is nearer.
        line.entry(name).or_insert_with(|| value.into());
    }
    if let Some(context) = &place.context {
        line.insert("trace_id".to_owned(), context.trace_id().to_string().into());
        line.insert("span_id".to_owned(), context.span_id().to_string().into());
    }
    let mut line = Value::Object(line).to_string();
    line.push('\n');
    line
}

fn human(now: Timestamp, metadata: &Metadata<'_>, words: &Words, place: &Place, is_coloured: bool) -> String {
    let colour = match *metadata.level() {
        Level::ERROR => "31",
        Level::WARN => "33",
        Level::INFO => "32",
        _ => "34",
    };
    let painted = |text: &str, colour: &str| {
        if is_coloured { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let mut line = painted(&format!("{now:.6}"), "2");
    let level = painted(&format!("{:>5}", metadata.level().as_str()), colour);
    let mut say = |text: std::fmt::Arguments<'_>| line.write_fmt(text).unwrap_or_default();
    say(format_args!(" {level} {}", words.message));
    for (name, value) in &words.fields {
        match value {
            // Control characters stay in quotes: a line is a line.
            Value::String(text) if !text.chars().any(char::is_control) => say(format_args!(" {name}={text}")),
            value => say(format_args!(" {name}={value}")),
        }
    }
    for (name, value) in place.named().filter(|(name, _)| !words.fields.contains_key(*name)) {
        say(format_args!(" {}", painted(&format!("{name}={value}"), "2")));
    }
    if let Some(context) = &place.context {
        say(format_args!(" {}", painted(&format!("trace_id={}", context.trace_id()), "2")));
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests;
