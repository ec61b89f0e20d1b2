//! Rules that give commands by themselves.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Automation {
    /// The rules of a client, with what became of them
    #[command(after_help = "Example:\n  skranke automation list --client acme")]
    List {
        /// The client
        #[arg(long)]
        client: String,
    },
    /// What rules did, the newest first
    #[command(after_help = "Examples:
  skranke automation effects --client acme --rule vip-first
  skranke automation effects --ticket ACME-1042
  skranke automation effects --outcome refused --outcome loop_stopped")]
    Effects {
        /// Only this client (may be repeated)
        #[arg(long)]
        client: Vec<String>,
        /// Only this rule
        #[arg(long, default_value = "")]
        rule: String,
        /// Only this ticket, by reference or id
        #[arg(long, default_value = "")]
        ticket: String,
        /// done, nothing, refused, shadow or loop_stopped (may be repeated)
        #[arg(long)]
        outcome: Vec<String>,
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// What drafted rules would have done on recorded history; nothing is stored
    #[command(after_help = "Examples:
  skranke automation dry-run --rules draft.yaml --client acme --from 2026-10-01
  skranke automation dry-run --rules acme.yaml --from 2026-01-01 --to 2026-07-01   a whole client file")]
    DryRun {
        /// A client file, or its `automation` alone
        #[arg(long)]
        rules: PathBuf,
        /// Whose history; default: that of the client file
        #[arg(long)]
        client: Option<String>,
        /// First day or instant
        #[arg(long)]
        from: String,
        /// Day or instant after the last; default: now
        #[arg(long, alias = "until")]
        to: Option<String>,
        /// IANA time zone of days, and of times of day whose rules name none
        #[arg(long, default_value = "UTC")]
        time_zone: String,
        /// How many of the effects are shown as a table
        #[arg(long, default_value_t = 50)]
        show: usize,
    },
}
