//! `skranke alert …`

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Alert {
    /// Say that something is wrong, known of, or over
    #[command(after_help = "Examples:
  skranke alert post --client acme --key db1/disk --severity critical \"Disk of db1 is full\"
  skranke alert post --client acme --key db1/disk --action resolve
  skranke alert post --client acme --alertmanager webhook.json      what Alertmanager posts (- for standard input)")]
    Post(PostAlert),
    /// Alerts of a client, of a ticket, or under a key
    #[command(after_help = "Example:\n  skranke alert list --client acme --ticket ACME-1042")]
    List {
        /// Whose
        #[arg(long)]
        client: String,
        /// Only those of this ticket
        #[arg(long, default_value = "")]
        ticket: String,
        /// Only those under this key
        #[arg(long, default_value = "")]
        key: String,
        /// Only those whose ticket is not over
        #[arg(long)]
        open: bool,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Give a sign of life, and say when the next one is expected: one that stops is itself an incident
    #[command(after_help = "Examples:
  skranke alert heartbeat --client acme backup --every-minutes 1440 --grace-minutes 60
  skranke alert heartbeat --client acme backup --end")]
    Heartbeat {
        /// Whose
        #[arg(long)]
        client: String,
        /// What lives
        name: String,
        /// How often it comes
        #[arg(long, default_value_t = 5)]
        every_minutes: u32,
        /// How late it may be
        #[arg(long, default_value_t = 1)]
        grace_minutes: u32,
        /// critical, error, warning or info
        #[arg(long)]
        severity: Option<String>,
        /// It is expected no longer
        #[arg(long)]
        end: bool,
    },
    /// The signs of life that are expected
    Heartbeats {
        /// Whose
        #[arg(long)]
        client: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PostAlert {
    /// Whose
    #[arg(long)]
    pub client: String,
    /// What is wrong, on one line
    #[arg(default_value = "")]
    pub summary: String,
    /// Names the trouble: the same key is about the same ticket while that is open
    #[arg(long, required_unless_present = "alertmanager", default_value = "")]
    pub key: String,
    /// trigger, acknowledge or resolve
    #[arg(long, default_value = "trigger")]
    pub action: String,
    /// critical, error, warning or info
    #[arg(long, default_value = "error")]
    pub severity: String,
    /// Which system says so
    #[arg(long, default_value = "")]
    pub source: String,
    /// More of it
    #[arg(long, default_value = "")]
    pub details: String,
    /// What belongs together in a storm; else derived from labels and summary
    #[arg(long, default_value = "")]
    pub fingerprint: String,
    /// name=value (may be repeated)
    #[arg(long)]
    pub label: Vec<String>,
    /// Read a webhook of Alertmanager (version 4) from a file, or - for standard input
    #[arg(long, conflicts_with_all = ["key", "summary"])]
    pub alertmanager: Option<PathBuf>,
}
