//! How answers look: tables for people, JSON for programs.

use std::io::{IsTerminal, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table, TableComponent};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use tonic_types::StatusExt;

use crate::arguments::Form;

/// Writes answers in one form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    form: Form,
}

impl Output {
    pub(crate) fn new(form: Form) -> Self {
        Self { form }
    }

    pub(crate) fn is_json(self) -> bool {
        self.form == Form::Json
    }

    /// A word beside the answer, for people.
    pub(crate) fn aside(self, text: &str) {
        if !self.is_json() {
            eprintln!("note: {}", plain(text));
        }
    }

    /// A message as JSON, or as whatever `table` writes for people.
    pub(crate) fn message<M: Message + Name>(
        self,
        message: &M,
        table: impl FnOnce(&M) -> String,
    ) -> anyhow::Result<()> {
        if self.is_json() { line(&serde_json::to_string_pretty(&json(message)?)?) } else { line(&table(message)) }
    }

    /// Several messages: a JSON array, or what `table` writes for people.
    pub(crate) fn messages<M: Message + Name>(
        self,
        messages: &[M],
        table: impl FnOnce(&[M]) -> String,
    ) -> anyhow::Result<()> {
        if self.is_json() {
            let all = messages.iter().map(json).collect::<anyhow::Result<Vec<_>>>()?;
            line(&serde_json::to_string_pretty(&all)?)
        } else {
            line(&table(messages))
        }
    }

    /// Any value as JSON, or text for people.
    pub(crate) fn value(self, value: &serde_json::Value, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        if self.is_json() { line(&serde_json::to_string_pretty(value)?) } else { line(&text()) }
    }

    /// A progress bar on standard error; invisible where nobody looks.
    pub(crate) fn progress(self, total: Option<u64>, what: &str) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(8));
        let template = match total {
            Some(_) => "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}",
            None => "{spinner} {msg} {human_pos} {per_sec} {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar
    }
}

/// A message in protobuf's JSON form.
pub(crate) fn json<M: Message + Name>(message: &M) -> anyhow::Result<serde_json::Value> {
    use std::sync::OnceLock;
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    let pool = match POOL.get() {
        Some(pool) => pool,
        None => {
            let pool = DescriptorPool::decode(contracts::DESCRIPTORS)?;
            POOL.get_or_init(|| pool)
        }
    };
    let descriptor = pool
        .get_message_by_name(&M::full_name())
        .ok_or_else(|| anyhow::anyhow!("the message {} is not described", M::full_name()))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())?;
    let options = SerializeOptions::new().skip_default_fields(true).use_proto_field_name(true);
    Ok(dynamic.serialize_with_options(serde_json::value::Serializer, &options)?)
}

/// A message from protobuf's JSON form.
pub(crate) fn from_json<M: Message + Name + Default>(text: &str) -> anyhow::Result<M> {
    let pool = DescriptorPool::decode(contracts::DESCRIPTORS)?;
    let descriptor = pool
        .get_message_by_name(&M::full_name())
        .ok_or_else(|| anyhow::anyhow!("the message {} is not described", M::full_name()))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let dynamic = DynamicMessage::deserialize(descriptor, &mut reader)?;
    reader.end()?;
    Ok(M::decode(dynamic.encode_to_vec().as_slice())?)
}

/// Writes a line to standard output; whoever closed it has seen enough.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// A table in the width of the terminal.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    for component in [TableComponent::HeaderLines, TableComponent::MiddleHeaderIntersections] {
        table.set_style(component, '─');
    }
    if !std::io::stdout().is_terminal() {
        table.set_width(160);
    }
    table.set_header(header);
    table
}

/// What people may see of a foreign text: no control characters, so that it cannot move the cursor or colour lines.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() && char != '\n' { ' ' } else { char }).collect()
}

/// Says what went wrong, with the desk's own words where it answered.
pub(crate) fn complain(error: &anyhow::Error) {
    let red = std::io::stderr().is_terminal();
    let head = if red { "\u{1b}[31merror\u{1b}[0m" } else { "error" };
    match error.chain().find_map(|cause| cause.downcast_ref::<tonic::Status>()) {
        Some(status) => {
            let reason = status.get_details_error_info().map(|info| format!(" ({})", info.reason)).unwrap_or_default();
            let text = if status.code() == tonic::Code::Unavailable && status.message().contains("transport") {
                "the desk does not answer; is it running?".to_owned()
            } else {
                status.message().to_owned()
            };
            eprintln!("{head}: {}{reason}", plain(&text));
            let violations = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
            for violation in violations {
                eprintln!("  {} {}", violation.field, plain(&violation.description));
            }
        }
        None => eprintln!("{head}: {error:#}"),
    }
}
