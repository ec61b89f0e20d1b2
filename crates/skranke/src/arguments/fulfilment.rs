//! `skranke vendor …`, `approval …`, `task …`, `catalogue …`, `change …`

use clap::{Args, Subcommand};

use super::Which;

#[derive(Debug, Subcommand)]
pub(crate) enum Vendor {
    /// Those of a client
    #[command(after_help = "Example:\n  skranke vendor list --client fjellheim-kommune")]
    List {
        /// Whose
        #[arg(long)]
        client: String,
    },
    /// Ask one to help; the ticket stays with the desk
    #[command(after_help = "Example:
  skranke vendor open FJELL-1001 --vendor printco --reference P-77 --note 'error 50.4' --wait")]
    Open {
        #[command(flatten)]
        which: Which,
        /// The vendor
        #[arg(long)]
        vendor: String,
        /// The case's number there
        #[arg(long, default_value = "")]
        reference: String,
        /// What they were told
        #[arg(long, default_value = "")]
        note: String,
        /// Let the ticket wait for them
        #[arg(long)]
        wait: bool,
    },
    /// Note how far they are
    #[command(after_help = "Example:\n  skranke vendor update FJELL-1001 --vendor printco --status in_progress")]
    Update {
        #[command(flatten)]
        which: Which,
        /// The vendor
        #[arg(long)]
        vendor: String,
        /// The case's number there
        #[arg(long, default_value = "")]
        reference: String,
        /// opened, acknowledged, in_progress or waiting_for_desk
        #[arg(long)]
        status: Option<String>,
        /// More about it
        #[arg(long, default_value = "")]
        note: String,
    },
    /// End their case
    #[command(after_help = "Example:\n  skranke vendor close FJELL-1001 --vendor printco --outcome replaced")]
    Close {
        #[command(flatten)]
        which: Which,
        /// The vendor
        #[arg(long)]
        vendor: String,
        /// solved, workaround, replaced, refused or withdrawn
        #[arg(long, default_value = "solved")]
        outcome: String,
        /// More about it
        #[arg(long, default_value = "")]
        note: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Approval {
    /// Tickets on which an answer is wanted
    #[command(after_help = "Examples:
  skranke approval list
  skranke approval list --client fjellheim-kommune --approver ingrid@fjellheim.example")]
    List {
        /// Only of this client (may be repeated)
        #[arg(long)]
        client: Vec<String>,
        /// Whose answer; default: your own
        #[arg(long, default_value = "")]
        approver: String,
    },
    /// Ask others to agree; the ticket waits for it
    #[command(after_help = "Example:
  skranke approval ask FJELL-1001 --of ingrid@fjellheim.example --question 'A second screen, 3 200 kr?'")]
    Ask {
        #[command(flatten)]
        which: Which,
        /// Whom: the subject of their token (may be repeated)
        #[arg(long, required = true)]
        of: Vec<String>,
        /// To what
        #[arg(long)]
        question: String,
        /// The first to decide decides; else everybody has to approve
        #[arg(long)]
        any: bool,
        /// Until when an answer is wanted, like '2026-11-20 12:00'
        #[arg(long)]
        due: Option<String>,
        /// IANA time zone of that
        #[arg(long, default_value = "UTC")]
        time_zone: String,
    },
    /// Approve or reject, for good
    #[command(after_help = "Examples:
  skranke approval decide FJELL-1001 --approve
  skranke approval decide FJELL-1001 --reject --reason 'over budget'")]
    Decide {
        #[command(flatten)]
        which: Which,
        /// The approval's number; default: the only one that waits for you
        #[arg(long, default_value_t = 0)]
        number: i32,
        /// Yes
        #[arg(long, conflicts_with = "reject", required_unless_present = "reject")]
        approve: bool,
        /// No
        #[arg(long)]
        reject: bool,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// What you are asked, whoever you are: a requester as well
    #[command(after_help = "Example:
  skranke approval asked")]
    Asked {
        /// Only of this client (may be repeated)
        #[arg(long)]
        client: Vec<String>,
    },
    /// Answer what you are asked, for good; shows nothing else of the ticket
    #[command(after_help = "Examples:
  skranke approval answer FJELL-1001 --approve
  skranke approval answer FJELL-1001 --reject --reason 'over budget'")]
    Answer {
        /// The ticket's reference
        ticket: String,
        /// The approval's number; default: the only one that waits for you
        #[arg(long, default_value_t = 0)]
        number: i32,
        /// Yes
        #[arg(long, conflicts_with = "reject", required_unless_present = "reject")]
        approve: bool,
        /// No
        #[arg(long)]
        reject: bool,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Ask somebody else instead, as a lead
    #[command(after_help = "Example:
  skranke approval replace FJELL-1001 --number 1 --instead-of ingrid@fjellheim.example \\
      --with per@fjellheim.example --reason 'on leave until Monday'")]
    Replace {
        #[command(flatten)]
        which: Which,
        /// The approval's number
        #[arg(long, default_value_t = 1)]
        number: i32,
        /// Who was asked
        #[arg(long)]
        instead_of: String,
        /// Who is asked now
        #[arg(long)]
        with: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Add something that has to be done
    #[command(after_help = "Example:\n  skranke task add FJELL-1001 'Order the screen' --queue field --after 1")]
    Add {
        #[command(flatten)]
        which: Which,
        /// What
        title: String,
        /// Who does it; default: whoever has the ticket
        #[arg(long, default_value = "")]
        queue: String,
        /// The number of a task that comes before it (may be repeated)
        #[arg(long)]
        after: Vec<i32>,
    },
    /// It is done
    #[command(after_help = "Example:\n  skranke task done FJELL-1001 2")]
    Done {
        #[command(flatten)]
        which: Which,
        /// The task's number
        task: i32,
        /// More about it
        #[arg(long, default_value = "")]
        note: String,
    },
    /// It is not needed
    #[command(after_help = "Example:\n  skranke task skip FJELL-1001 2 --reason 'they have one'")]
    Skip {
        #[command(flatten)]
        which: Which,
        /// The task's number
        task: i32,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Catalogue {
    /// What there is
    #[command(after_help = "Example:\n  skranke catalogue list --client fjellheim-kommune")]
    List {
        /// Whose
        #[arg(long)]
        client: String,
    },
    /// One item: its form, who has to agree, what will be done
    #[command(after_help = "Example:\n  skranke catalogue show --client fjellheim-kommune new-laptop")]
    Show {
        /// Whose
        #[arg(long)]
        client: String,
        /// The item
        item: String,
    },
    /// Ask for one
    Request(Request),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skranke catalogue request --client fjellheim-kommune new-laptop --requester randi.moen@fjellheim.example \\
      --answers '{\"model\": \"13\"}'
  skranke catalogue request --client fjellheim-kommune new-laptop --answers '{}' --check     only look at the answers")]
pub(crate) struct Request {
    /// Whose
    #[arg(long)]
    pub client: String,
    /// The item
    pub item: String,
    /// The answers to its form: a JSON object
    #[arg(long, default_value = "{}")]
    pub answers: String,
    /// For whom: their e-mail address
    #[arg(long, default_value = "")]
    pub requester: String,
    /// One line; default: the item's name
    #[arg(long)]
    pub subject: Option<String>,
    /// phone, email, portal, chat, walk_in or api
    #[arg(long, default_value = "api")]
    pub channel: String,
    /// The same id again is the same request
    #[arg(long)]
    pub request_id: Option<String>,
    /// Only hold the answers against the form
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Change {
    /// Plan one on a ticket of kind change, at first or anew
    #[command(after_help = "Examples:
  skranke change plan FJELL-1001 --type standard --template restart-journal \\
      --from '2026-11-20 22:00' --until '2026-11-20 23:00' --time-zone Europe/Oslo
  skranke change plan FJELL-1001 --type normal --plan 'Replace the core switch' --back-out 'Put the old one back' \\
      --risk high --from '2026-11-21 06:00' --until '2026-11-21 10:00' --approver ingrid@fjellheim.example")]
    Plan {
        #[command(flatten)]
        which: Which,
        /// standard, normal or emergency
        #[arg(long = "type")]
        kind: String,
        /// The pre-approved template, for standard changes
        #[arg(long, default_value = "")]
        template: String,
        /// What will be done
        #[arg(long, default_value = "")]
        plan: String,
        /// How it is undone
        #[arg(long, default_value = "")]
        back_out: String,
        /// high, medium or low
        #[arg(long)]
        risk: Option<String>,
        /// When the window opens
        #[arg(long)]
        from: String,
        /// When it closes
        #[arg(long)]
        until: String,
        /// IANA time zone of the window
        #[arg(long, default_value = "UTC")]
        time_zone: String,
        /// Who approves (may be repeated); default: those of the client's model
        #[arg(long)]
        approver: Vec<String>,
    },
    /// Begin it, within its window
    #[command(after_help = "Example:\n  skranke change start FJELL-1001")]
    Start(Which),
    /// End it
    #[command(
        after_help = "Example:\n  skranke change end FJELL-1001 --outcome rolled_back --note 'no link on port 7'"
    )]
    End {
        #[command(flatten)]
        which: Which,
        /// successful, failed or rolled_back
        #[arg(long)]
        outcome: String,
        /// More about it
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Those whose windows touch a period
    #[command(
        after_help = "Example:\n  skranke change list --from 2026-11-16 --until 2026-12-01 --time-zone Europe/Oslo"
    )]
    List {
        /// Only of this client (may be repeated)
        #[arg(long)]
        client: Vec<String>,
        /// From then on
        #[arg(long)]
        from: String,
        /// Until then
        #[arg(long)]
        until: String,
        /// IANA time zone of the two
        #[arg(long, default_value = "UTC")]
        time_zone: String,
    },
}
