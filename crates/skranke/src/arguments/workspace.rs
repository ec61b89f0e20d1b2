//! What is typed about many tickets, tags, watchers, time worked, mentions.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Which;

/// The part of `skranke ticket` that agents organise their work with.
#[derive(Debug, Subcommand)]
pub(crate) enum Workspace {
    /// Do one thing to many tickets; each is done or refused for itself, and ends with 1 if one was refused
    #[command(after_help = "Examples:
  skranke ticket bulk --close FJELL-1001 FJELL-1002
  skranke ticket bulk --hand-over network --reason 'all of one switch' --from-list tickets.txt
  skranke ticket list --state resolved | skranke ticket bulk --close --from-list -")]
    Bulk(Box<Bulk>),
    /// Set tags and take them away
    #[command(after_help = "Example:\n  skranke ticket tag FJELL-1001 --add vpn --add floor-3 --remove printer")]
    Tag {
        #[command(flatten)]
        which: Which,
        /// Small letters, digits and hyphens (may be repeated)
        #[arg(long)]
        add: Vec<String>,
        /// To take away (may be repeated)
        #[arg(long, required_unless_present = "add")]
        remove: Vec<String>,
    },
    /// Watch it: find it with `ticket list --watcher @me`
    Follow {
        #[command(flatten)]
        which: Which,
        /// Let this agent watch it; default: you
        #[arg(long, default_value = "")]
        agent: String,
    },
    /// Watch it no longer
    Unfollow {
        #[command(flatten)]
        which: Which,
        /// Let this agent watch it no longer; default: you
        #[arg(long, default_value = "")]
        agent: String,
    },
    /// Tell how long you worked on it, and on what
    #[command(after_help = "Examples:
  skranke ticket worked FJELL-1001 25 'replaced the cable'
  skranke ticket worked FJELL-1001 60 'on site' --at '2026-11-20 09:00' --time-zone Europe/Oslo")]
    Worked {
        #[command(flatten)]
        which: Which,
        /// 1 to 1440
        minutes: i32,
        /// On what
        what_for: String,
        /// When; default: now
        #[arg(long)]
        at: Option<String>,
        /// IANA time zone of that
        #[arg(long, default_value = "UTC")]
        time_zone: String,
    },
    /// Tell what is right of an entry of time; both stay in the history
    #[command(
        after_help = "Example:\n  skranke ticket correct-worked FJELL-1001 2 15 --reason 'it was the other ticket'"
    )]
    CorrectWorked {
        #[command(flatten)]
        which: Which,
        /// The number that `ticket show` tells
        entry: i32,
        /// What is right; 0 takes it away
        minutes: i32,
        /// What was wrong
        #[arg(long)]
        reason: String,
    },
    /// Say that you are at a ticket, for 30 seconds; shows who else is there
    #[command(after_help = "Examples:
  skranke ticket here FJELL-1001
  skranke ticket here FJELL-1001 --writing")]
    Here {
        /// The ticket's reference or its id
        ticket: String,
        /// You are writing
        #[arg(long)]
        writing: bool,
        /// You are there no longer
        #[arg(long, conflicts_with = "writing")]
        gone: bool,
    },
    /// What you are about to say; tells if others were faster
    Draft {
        #[command(subcommand)]
        command: Draft,
    },
    /// Notes in which somebody wrote @you
    Mentions {
        /// Only of this client (may be repeated)
        #[arg(long)]
        client: Vec<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: i32,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Draft {
    /// Keep what you are about to say
    #[command(after_help = "Example:\n  skranke ticket draft save FJELL-1001 'Hei Kari, vi har funnet feilen'")]
    Save {
        /// The ticket's reference or its id
        ticket: String,
        /// The text, instead of what is there
        text: String,
        /// Only for the desk
        #[arg(long)]
        internal: bool,
    },
    /// Your draft on a ticket, and what others have said since you began it
    Show {
        /// The ticket's reference or its id
        ticket: String,
    },
    /// Your drafts
    List {
        /// Only of this client (may be repeated)
        #[arg(long)]
        client: Vec<String>,
    },
    /// Write it on the ticket, unless others were faster
    #[command(after_help = "Examples:
  skranke ticket draft send FJELL-1001
  skranke ticket draft send FJELL-1001 --anyway")]
    Send {
        /// The ticket's reference or its id
        ticket: String,
        /// Also if others were faster
        #[arg(long)]
        anyway: bool,
    },
    /// Forget it
    Discard {
        /// The ticket's reference or its id
        ticket: String,
    },
}

/// One command for many tickets.
#[derive(Debug, Args)]
pub(crate) struct Bulk {
    /// References or ids
    pub tickets: Vec<String>,
    /// A file with one ticket a line (its first word); - for standard input
    #[arg(long)]
    pub from_list: Option<PathBuf>,
    /// The same id again does what was not done yet, and nothing twice
    #[arg(long)]
    pub request_id: Option<String>,
    #[command(flatten)]
    pub what: What,
    /// Why: of --assign, --hand-over, and of --priority
    #[arg(long, default_value = "")]
    pub reason: String,
    /// More about it: of --hand-over, --wait, --resolve, --cancel
    #[arg(long, default_value = "")]
    pub note: String,
    /// The article that helped: of --resolve
    #[arg(long, default_value = "")]
    pub article: String,
    /// Why there is none: of --resolve
    #[arg(long, default_value = "")]
    pub no_article: String,
    /// Who approved: of --resolve
    #[arg(long, default_value = "")]
    pub approver: String,
    /// The ticket that stays: of --cancel duplicate
    #[arg(long, default_value = "")]
    pub duplicate_of: String,
    /// Of --triage: incident, service_request, question, problem or change
    #[arg(long)]
    pub kind: Option<String>,
    /// Of --triage
    #[arg(long, default_value = "")]
    pub category: String,
    /// Of --triage: high, medium or low
    #[arg(long)]
    pub impact: Option<String>,
    /// Of --triage: high, medium or low
    #[arg(long)]
    pub urgency: Option<String>,
    /// Of --triage: overrides the matrix, with a --reason
    #[arg(long)]
    pub priority: Option<String>,
}

/// What is done.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct What {
    /// Take them
    #[arg(long)]
    pub claim: bool,
    /// Give them back to their queues
    #[arg(long)]
    pub release: bool,
    /// Give them to this agent
    #[arg(long, value_name = "AGENT")]
    pub assign: Option<String>,
    /// Send them to this queue
    #[arg(long, value_name = "QUEUE")]
    pub hand_over: Option<String>,
    /// Let them wait: requester, vendor, change, approval, parts or scheduled
    #[arg(long, value_name = "REASON")]
    pub wait: Option<String>,
    /// Go on with them
    #[arg(long)]
    pub resume: bool,
    /// Call them resolved: solved, workaround, …
    #[arg(long, value_name = "CODE")]
    pub resolve: Option<String>,
    /// Close what is resolved
    #[arg(long)]
    pub close: bool,
    /// Withdraw them: withdrawn, duplicate or spam
    #[arg(long, value_name = "REASON")]
    pub cancel: Option<String>,
    /// Classify them anew, with --kind, --category, --impact, --urgency, --priority
    #[arg(long)]
    pub triage: bool,
    /// Set these tags, and take away those that begin with ~: vpn,~printer
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub tag: Vec<String>,
}
