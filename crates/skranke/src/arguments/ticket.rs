//! `skranke ticket …`

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The ticket's reference (ACME-1042) or its id
    pub ticket: String,
    /// Only if triage's revision of the ticket is still this one
    #[arg(long, default_value_t = 0)]
    pub expected_revision: u64,
}

#[derive(Debug, Args, Clone, Default)]
pub(crate) struct Filter {
    /// Only this client (may be repeated)
    #[arg(long)]
    pub client: Vec<String>,
    /// registered, queued, in_progress, waiting, resolved, closed or cancelled (may be repeated)
    #[arg(long)]
    pub state: Vec<String>,
    /// P1 … P5 (may be repeated)
    #[arg(long)]
    pub priority: Vec<String>,
    /// Only this queue (may be repeated)
    #[arg(long)]
    pub queue: Vec<String>,
    /// Only this agent's (may be repeated)
    #[arg(long)]
    pub owner: Vec<String>,
    /// Nobody has claimed it
    #[arg(long)]
    pub unclaimed: bool,
    /// Only with this tag (may be repeated: any of them)
    #[arg(long)]
    pub tag: Vec<String>,
    /// Only what this agent watches; @me for yourself (may be repeated)
    #[arg(long)]
    pub watcher: Vec<String>,
    /// Words of the subject, or their beginnings, in any order
    #[arg(long, default_value = "")]
    pub subject: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ticket {
    #[command(flatten)]
    Bound(super::Bound),
    #[command(flatten)]
    Workspace(super::Workspace),
    /// Which tickets there are
    List {
        #[command(flatten)]
        filter: Filter,
        /// newest, oldest, priority or changed
        #[arg(long, default_value = "newest")]
        order: String,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Everything about one ticket: classification, queue, promises, suggestions, conversation
    Show {
        /// The ticket's reference or its id
        ticket: String,
    },
    /// What happened to it, in order
    History {
        /// The ticket's reference or its id
        ticket: String,
    },
    /// Follow changes as they happen
    Watch {
        #[command(flatten)]
        filter: Filter,
        /// As a saved view says; then without a filter
        #[arg(long, default_value = "")]
        view: String,
    },
    /// What becomes of what you posted, from a position on
    #[command(after_help = "Example:\n  skranke ticket receipts --client acme --source zabbix --follow --output json")]
    Receipts {
        /// Whose tickets
        #[arg(long)]
        client: String,
        /// Only what was posted with this source
        #[arg(long, default_value = "")]
        source: String,
        /// Only what comes after this position
        #[arg(long, default_value = "")]
        after: String,
        /// Go on as things happen
        #[arg(long)]
        follow: bool,
    },
    /// Write on a ticket
    Say {
        /// The ticket's reference or its id
        ticket: String,
        /// The text
        text: String,
        /// Only for the desk
        #[arg(long)]
        internal: bool,
        /// It is this requester's message
        #[arg(long, default_value = "")]
        requester: String,
    },
    #[command(flatten)]
    Files(super::Files),
    /// Classify anew
    Triage {
        #[command(flatten)]
        which: Which,
        /// incident, service_request, question, problem or change
        #[arg(long)]
        kind: Option<String>,
        /// The client's category
        #[arg(long, default_value = "")]
        category: String,
        /// high, medium or low
        #[arg(long)]
        impact: Option<String>,
        /// high, medium or low
        #[arg(long)]
        urgency: Option<String>,
        /// Overrides the matrix
        #[arg(long, requires = "reason")]
        priority: Option<String>,
        /// Why it is overridden
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Take it
    Claim(Which),
    /// Give it back to its queue
    Release(Which),
    /// Send it to another queue
    HandOver {
        #[command(flatten)]
        which: Which,
        /// The queue
        #[arg(long)]
        queue: String,
        /// Why
        #[arg(long)]
        reason: String,
        /// What the next one should know
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Let it wait
    Wait {
        #[command(flatten)]
        which: Which,
        /// requester, vendor, change, approval, parts or scheduled
        #[arg(long)]
        reason: String,
        /// For whom, until when; what the requester was asked, if that was not in writing
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Give it to an agent: a lead to anybody, everybody else to themselves
    #[command(
        after_help = "Example:\n  skranke ticket assign FJELL-1001 --to ada@operator.example --reason 'knows the switch'"
    )]
    Assign {
        #[command(flatten)]
        which: Which,
        /// The agent: the subject of their token
        #[arg(long)]
        to: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Send it back to where it came from, because too little is known
    #[command(after_help = "Example:\n  skranke ticket return FJELL-1001 --reason 'which floor, since when?'")]
    Return {
        #[command(flatten)]
        which: Which,
        /// What is missing
        #[arg(long)]
        reason: String,
        /// More about it
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Note that the requester was called, as promised
    #[command(after_help = "Example:\n  skranke ticket call-back FJELL-1001 --note 'left word with a colleague'")]
    CallBack {
        #[command(flatten)]
        which: Which,
        /// What was said
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Solve it together
    Swarm {
        #[command(subcommand)]
        command: Swarm,
    },
    /// Go on with it
    Resume(Which),
    /// Say that it is solved
    Resolve {
        #[command(flatten)]
        which: Which,
        /// solved, workaround, user_guidance, known_error, duplicate, withdrawn, no_answer, not_reproducible,
        /// not_economical or not_repairable
        #[arg(long, default_value = "solved")]
        code: String,
        /// The article that helped
        #[arg(long, default_value = "", required_unless_present = "no_article")]
        article: String,
        /// Why no article is needed
        #[arg(long, default_value = "")]
        no_article: String,
        /// What was done
        #[arg(long, default_value = "")]
        note: String,
        /// Who approved it, for not_economical and not_repairable
        #[arg(long, default_value = "")]
        approver: String,
    },
    /// The requester says that it is solved
    Confirm(Which),
    /// The matter came back
    Reopen {
        #[command(flatten)]
        which: Which,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Close it for good
    Close(Which),
    /// Withdraw it
    Cancel {
        #[command(flatten)]
        which: Which,
        /// withdrawn, duplicate or spam
        #[arg(long, default_value = "withdrawn")]
        reason: String,
        /// The ticket that stays, for duplicates
        #[arg(long, default_value = "")]
        duplicate_of: String,
        /// More about it
        #[arg(long, default_value = "")]
        note: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Swarm {
    /// Help its owner
    #[command(after_help = "Example:\n  skranke ticket swarm join FJELL-1001")]
    Join(Which),
    /// Ask an agent to help
    #[command(
        after_help = "Example:\n  skranke ticket swarm invite FJELL-1001 nils@operator.example --note 'the switch in B2'"
    )]
    Invite {
        #[command(flatten)]
        which: Which,
        /// The agent: the subject of their token
        agent: String,
        /// With what
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Help no longer; the credit stays
    #[command(after_help = "Example:\n  skranke ticket swarm leave FJELL-1001")]
    Leave(Which),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skranke roster --client fjellheim-kommune
  skranke roster --client fjellheim-kommune --at '2026-12-24 12:00' --time-zone Europe/Oslo
  skranke roster --client fjellheim-kommune --output json | jq '.positions[] | select(.agents == null)'")]
pub(crate) struct Roster {
    /// Whose desk
    #[arg(long)]
    pub client: String,
    /// When; default: now
    #[arg(long)]
    pub at: Option<String>,
    /// IANA time zone of that, and of what is shown
    #[arg(long, default_value = "UTC")]
    pub time_zone: String,
}
