//! `skranke runbook …` and `skranke runner`

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Runbook {
    /// What may be run for a client, and whether its runners are there
    #[command(after_help = "Example:\n  skranke runbook list --client fjellheim-kommune")]
    List {
        /// Whose
        #[arg(long)]
        client: String,
    },
    /// Run one for a ticket, once it is approved if that is needed
    #[command(after_help = "Examples:
  skranke runbook start FJELL-1001 restart-spooler --set host=print-01 --follow
  skranke runbook start FJELL-1001 unlock-account --set user='kari nordmann'")]
    Start {
        /// Reference or id of the ticket
        ticket: String,
        /// Which
        runbook: String,
        /// A parameter, name=value (may be repeated)
        #[arg(long)]
        set: Vec<String>,
        /// The revision of the ticket that you saw; refuse if it has changed since
        #[arg(long, default_value_t = 0)]
        expected_revision: u64,
        /// Show what it writes until it is over
        #[arg(long)]
        follow: bool,
    },
    /// The runs of a ticket, or of all, the newest first
    #[command(after_help = "Example:\n  skranke runbook runs --ticket FJELL-1001")]
    Runs {
        /// Of this ticket
        #[arg(long, default_value = "")]
        ticket: String,
        /// Only of this client (may be repeated)
        #[arg(long)]
        client: Vec<String>,
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: i32,
    },
    /// A run and what it wrote
    Show {
        /// The run's id
        run: String,
        /// Show what it writes until it is over
        #[arg(long)]
        follow: bool,
    },
    /// End a run, or let it never begin
    Cancel {
        /// The run's id
        run: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// `skranke runner`
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  skranke runner enrol --client fjellheim-kommune --runner server-room --into /etc/skranke   on the local desk
  skranke runner --config /etc/skranke/runner.yaml --check                                   look at the file
  skranke runner --config /etc/skranke/runner.yaml                                           at the client's"
)]
pub(crate) struct Runner {
    #[command(subcommand)]
    pub command: Option<RunnerCommand>,
    /// The runner's file
    #[arg(long, required = true)]
    pub config: Option<PathBuf>,
    /// Only look whether the file can be as it says, and print the hashes of its scripts
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunnerCommand {
    /// Let a runner in on the local desk: a user of its own on NATS, a file to begin with
    Enrol {
        /// Whose
        #[arg(long)]
        client: String,
        /// Its word, as the client's runbooks name it
        #[arg(long)]
        runner: String,
        /// The folder for runner.yaml and runner.password
        #[arg(long)]
        into: PathBuf,
    },
    /// Print the user that NATS must have for a runner, for a deployment's own configuration
    Permissions {
        /// Whose
        #[arg(long)]
        client: String,
        /// Its word, as the client's runbooks name it
        #[arg(long)]
        runner: String,
    },
}
