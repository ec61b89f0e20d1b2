//! What is typed about tickets that belong together.

use clap::Subcommand;

use super::Which;

/// The part of `skranke ticket` that binds tickets together.
#[derive(Debug, Subcommand)]
pub(crate) enum Bound {
    /// Say what it is to another ticket of the same client
    #[command(after_help = "Examples:
  skranke ticket link FJELL-1002 --as caused-by FJELL-1001
  skranke ticket link FJELL-1003 --as child-of FJELL-1001 --note 'same floor'")]
    Link {
        #[command(flatten)]
        which: Which,
        /// child-of, duplicate-of, related-to, caused-by, instance-of or follow-up-of
        #[arg(long = "as")]
        kind: String,
        /// The other ticket's reference or its id
        other: String,
        /// Why
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Say so no longer
    #[command(after_help = "Example:\n  skranke ticket unlink FJELL-1002 --as caused-by FJELL-1001")]
    Unlink {
        #[command(flatten)]
        which: Which,
        /// As it was linked
        #[arg(long = "as")]
        kind: String,
        /// The other ticket's reference or its id
        other: String,
    },
    /// End it as part of another ticket, to which its requester's messages go from now on
    #[command(after_help = "Example:\n  skranke ticket merge FJELL-1003 --into FJELL-1001 --note 'reported twice'")]
    Merge {
        #[command(flatten)]
        which: Which,
        /// The ticket that stays
        #[arg(long)]
        into: String,
        /// Why
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Undo the merge: state, queue, owner, wait and promises are as without it
    #[command(after_help = "Example:\n  skranke ticket unmerge FJELL-1003 --reason 'another printer'")]
    Unmerge {
        #[command(flatten)]
        which: Which,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Register another matter that it has as a ticket of its own
    #[command(after_help = "Examples:
  skranke ticket split FJELL-1001 --subject 'The door is stuck' --description 'mentioned by the way'
  skranke ticket split FJELL-1001 --subject 'The door is stuck' --message 01990c1e-5b0a-7d6e-9a53-0d5c3f0e7a11")]
    Split {
        /// The ticket's reference or its id
        ticket: String,
        /// What the other matter is about
        #[arg(long)]
        subject: String,
        /// The message that brought it
        #[arg(long, default_value = "", conflicts_with = "description")]
        message: String,
        /// More about it
        #[arg(long, default_value = "")]
        description: String,
    },
}

/// `skranke incident`
#[derive(Debug, Subcommand)]
pub(crate) enum Incident {
    /// Declare a major incident: one parent, whose children are pushed along
    #[command(after_help = "Example:
  skranke incident declare FJELL-1001 --service mail --service calendar --users 400")]
    Declare {
        #[command(flatten)]
        which: Which,
        /// P1 … P5: what an hour of it costs those affected
        #[arg(long, default_value = "P1")]
        severity: String,
        /// What is down (may be repeated)
        #[arg(long = "service")]
        services: Vec<String>,
        /// How many are hit
        #[arg(long, default_value_t = 0)]
        users: i32,
        /// Since when; default: since the ticket's registration
        #[arg(long)]
        from: Option<String>,
        /// IANA time zone of that
        #[arg(long, default_value = "UTC")]
        time_zone: String,
    },
    /// Tell the requesters of all children how it stands
    #[command(after_help = "Example:
  skranke incident status FJELL-1001 'A disk is being replaced.' --next '2026-11-22 14:00' --time-zone Europe/Oslo")]
    Status {
        #[command(flatten)]
        which: Which,
        /// The text, for requesters
        text: String,
        /// Until when there will be more
        #[arg(long)]
        next: Option<String>,
        /// IANA time zone of that
        #[arg(long, default_value = "UTC")]
        time_zone: String,
    },
    /// Make tickets its children
    #[command(after_help = "Example:\n  skranke incident attach FJELL-1001 FJELL-1002 FJELL-1003 FJELL-1004")]
    Attach {
        #[command(flatten)]
        which: Which,
        /// The children, by reference or id
        #[arg(required = true)]
        children: Vec<String>,
    },
    /// Correct whom it hit, and when
    #[command(after_help = "Example:
  skranke incident amend FJELL-1001 --users 250 --until '2026-11-22 13:10' --reason 'counted again'")]
    Amend {
        #[command(flatten)]
        which: Which,
        /// How many were hit
        #[arg(long)]
        users: Option<i32>,
        /// Since when
        #[arg(long)]
        from: Option<String>,
        /// Until when
        #[arg(long)]
        until: Option<String>,
        /// IANA time zone of both
        #[arg(long, default_value = "UTC")]
        time_zone: String,
        /// Why the figures change
        #[arg(long)]
        reason: String,
    },
    /// Say that it is over; resolve the ticket to resolve its children
    #[command(after_help = "Example:\n  skranke incident end FJELL-1001 --note 'mail flows again'")]
    End {
        #[command(flatten)]
        which: Which,
        /// Until when it hit anybody; default: now
        #[arg(long)]
        until: Option<String>,
        /// IANA time zone of that
        #[arg(long, default_value = "UTC")]
        time_zone: String,
        /// More about it
        #[arg(long, default_value = "")]
        note: String,
    },
}

/// `skranke problem`
#[derive(Debug, Subcommand)]
pub(crate) enum Problem {
    /// Which problems there are
    #[command(after_help = "Example:\n  skranke problem list --client fjellheim-kommune")]
    List {
        /// Only this client (may be repeated)
        #[arg(long)]
        client: Vec<String>,
    },
    /// Incidents that look like one problem
    #[command(after_help = "Examples:
  skranke problem proposals --client fjellheim-kommune
  skranke problem proposals --all --output json | jq '.[].terms'")]
    Proposals {
        /// Only this client (may be repeated)
        #[arg(long)]
        client: Vec<String>,
        /// Also those that were accepted or dismissed
        #[arg(long)]
        all: bool,
    },
    /// Take a proposal: its tickets become instances of a problem, which is registered if none is named
    #[command(after_help = "Examples:
  skranke problem accept 1f0c7f2e-5b0a-4d6e-9a53-0d5c3f0e7a11 --client fjellheim-kommune --subject 'VPN drops at noon'
  skranke problem accept 1f0c7f2e-5b0a-4d6e-9a53-0d5c3f0e7a11 --ticket FJELL-1010")]
    Accept {
        /// The proposal's id
        proposal: String,
        /// A ticket of kind problem
        #[arg(long, conflicts_with_all = ["client", "subject"])]
        ticket: Option<String>,
        /// Whose problem is registered
        #[arg(long, required_unless_present = "ticket")]
        client: Option<String>,
        /// What the problem is about
        #[arg(long, required_unless_present = "ticket")]
        subject: Option<String>,
    },
    /// Refuse a proposal
    #[command(after_help = "Example:
  skranke problem dismiss 1f0c7f2e-5b0a-4d6e-9a53-0d5c3f0e7a11 --reason 'a course, everybody asks the same'")]
    Dismiss {
        /// The proposal's id
        proposal: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Record why it keeps happening, and what helps meanwhile
    #[command(after_help = "Example:
  skranke problem cause FJELL-1010 'The lease time is shorter than the lunch break.' --workaround 'reconnect'")]
    Cause {
        #[command(flatten)]
        which: Which,
        /// Why
        root_cause: String,
        /// What helps meanwhile
        #[arg(long, default_value = "")]
        workaround: String,
    },
    /// Declare a known error: an article describes it
    #[command(after_help = "Example:\n  skranke problem known-error FJELL-1010 --article vpn-drops")]
    KnownError {
        #[command(flatten)]
        which: Which,
        /// The article
        #[arg(long)]
        article: String,
        /// More about it
        #[arg(long, default_value = "")]
        note: String,
    },
}
