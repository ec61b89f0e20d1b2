//! What can be typed.

mod alert;
mod automation;
mod bench;
mod directory;
mod fulfilment;
mod promises;
mod relations;
mod report;
mod runbook;
mod submit;
mod ticket;
mod view;
mod workspace;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use contracts::sla_timer::v1::OpenClocks;

use crate::clients::Reach;

pub(crate) use alert::{Alert, PostAlert};
pub(crate) use automation::Automation;
pub(crate) use bench::{Bench, BenchCommon};
pub(crate) use directory::{Directory, Files, PeopleForm};
pub(crate) use fulfilment::{Approval, Catalogue, Change, Request, Task, Vendor};
pub(crate) use promises::{Holidays, Preview, WhatIf};
pub(crate) use relations::{Bound, Incident, Problem};
pub(crate) use report::Report;
pub(crate) use runbook::{Runbook, Runner, RunnerCommand};
pub(crate) use submit::Submit;
pub(crate) use ticket::{Filter, Roster, Swarm, Ticket, Which};
pub(crate) use view::{SaveView, View};
pub(crate) use workspace::{Bulk, Draft, Workspace};

/// The desk: takes incidents, works on them, keeps its promises, shows what happened.
#[derive(Debug, Parser)]
#[command(
    name = "skranke",
    version,
    propagate_version = true,
    max_term_width = 110,
    after_help = "Examples:
  skranke up                                             run the whole desk here, with a demo
  skranke submit --client fjellheim-kommune \"Skriveren står\"   register a ticket
  skranke ticket list --state queued                     what waits
  skranke ticket show FJELL-1001                         everything about one ticket
  skranke trace FJELL-1001                               what its post caused, and where the time went
  skranke report kpis --client fjellheim-kommune         the figures
  skranke apply acme.yaml --dry-run                      what a client file would change

Commands find the desk through the folder that `skranke up` uses (--desk, default .desk), or through
SKRANKE_ENDPOINTS and SKRANKE_TOKEN for a desk elsewhere."
)]
pub struct Arguments {
    /// How answers are written
    #[arg(long, global = true, value_enum, default_value_t = Form::Table)]
    pub output: Form,
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people
    Table,
    /// For programs
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole desk on this machine: real servers, all services, a demo to look at
    Up(Up),
    /// Run one service by its environment variables (what a container runs), or migrate its store
    Serve(Serve),
    /// Register a ticket
    Submit(Box<Submit>),
    /// Work on tickets
    Ticket {
        #[command(subcommand)]
        command: Ticket,
    },
    /// Lists of tickets under a name: your own and your team's
    View {
        #[command(subcommand)]
        command: View,
    },
    /// Push the children of a major incident along
    Incident {
        #[command(subcommand)]
        command: Incident,
    },
    /// Find why incidents keep coming
    Problem {
        #[command(subcommand)]
        command: Problem,
    },
    /// Say what machines say, and look at it
    Alert {
        #[command(subcommand)]
        command: Alert,
    },
    /// What rules do by themselves, and what they would have done
    Automation {
        #[command(subcommand)]
        command: Automation,
    },
    /// Show who is at the desk, and what waits there
    Roster(Roster),
    /// Who and what there is at a client: people, sites, devices, licences
    Directory {
        #[command(subcommand)]
        command: Directory,
    },
    /// Ask vendors to help
    Vendor {
        #[command(subcommand)]
        command: Vendor,
    },
    /// Ask others to agree, and decide
    Approval {
        #[command(subcommand)]
        command: Approval,
    },
    /// What has to be done on a ticket
    Task {
        #[command(subcommand)]
        command: Task,
    },
    /// What the client's people may ask for
    Catalogue {
        #[command(subcommand)]
        command: Catalogue,
    },
    /// Plan, begin and end changes
    Change {
        #[command(subcommand)]
        command: Change,
    },
    /// Run scripts for tickets behind a client's firewall
    Runbook {
        #[command(subcommand)]
        command: Runbook,
    },
    /// Carry out runbooks: what runs behind a client's firewall
    Runner(Runner),
    /// Look at promises
    Clock {
        #[command(subcommand)]
        command: Clock,
    },
    /// Tell what clocks would do, given a contract and facts as JSON
    Preview(Preview),
    /// Compute recorded history again by a drafted contract
    WhatIf(WhatIf),
    /// Print public holidays, or those of an iCalendar file, for a contract's calendar
    Holidays(Holidays),
    /// Write and find articles
    Kb {
        #[command(subcommand)]
        command: Kb,
    },
    /// Figures
    Report {
        #[command(subcommand)]
        command: Report,
    },
    /// Show what a post caused, span by span, on the desk that runs here
    Trace(Trace),
    /// Set a client up as its file says
    Apply(Apply),
    /// Bring history from another system
    Import {
        #[command(subcommand)]
        command: Import,
    },
    /// Issue a token for the local desk
    Token(Token),
    /// What a deployment needs besides services: streams, an issuer of tokens
    Deploy {
        #[command(subcommand)]
        command: Deploy,
    },
    /// Ask whether the service of this environment (SKRANKE_HTTP_ADDRESS) can work: a container's health check
    Ready,
    /// Messages that could not be handled
    DeadLetters {
        #[command(subcommand)]
        command: DeadLetters,
    },
    /// Measure the desk beside the raw limits of this machine
    Bench {
        #[command(subcommand)]
        command: Bench,
    },
    /// Print completions for a shell: skranke completions bash > /etc/bash_completion.d/skranke
    Completions {
        /// Which shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// First of the ports to use (services from here, health +10, NATS +20, Postgres +21); taken ones are replaced
    #[arg(long, default_value_t = 7400)]
    pub port: u16,
    /// Use any free ports
    #[arg(long, conflicts_with = "port")]
    pub free_ports: bool,
    /// Do not set up the demo clients
    #[arg(long)]
    pub no_demo: bool,
    /// What to log, as in RUST_LOG
    #[arg(long, default_value = "warn")]
    pub log: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skranke serve intake             run it by SKRANKE_DATABASE_URL, SKRANKE_NATS_URL, …
  skranke serve intake --migrate   bring its store up to date (SKRANKE_OWNER_DATABASE_URL) and end")]
pub(crate) struct Serve {
    /// intake, triage, sla-timer, knowledge-base or reporting
    pub service: String,
    /// Only migrate the store, as its owner
    #[arg(long)]
    pub migrate: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Clock {
    /// Tell a ticket's promises as stretches of time that add up
    #[command(after_help = "Example:\n  skranke clock explain FJELL-1001 --metric resolution")]
    Explain {
        /// The ticket's reference or its id
        ticket: String,
        /// first_response, next_response, resolution, …; default: all
        #[arg(long)]
        metric: Option<String>,
    },
    /// Note a due instant that was agreed upon with the requester, in place of the target's
    #[command(after_help = "Example:
  skranke clock agree FJELL-1001 --due '2027-01-15 12:00' --time-zone Europe/Oslo --note 'with Kari, by phone'")]
    Agree {
        /// The ticket's reference or its id
        ticket: String,
        /// For which promise
        #[arg(long, default_value = "resolution")]
        metric: String,
        /// The day or instant
        #[arg(long)]
        due: String,
        /// IANA time zone of it
        #[arg(long, default_value = "UTC")]
        time_zone: String,
        /// What was agreed, with whom
        #[arg(long, default_value = "")]
        note: String,
    },
    /// What was agreed upon holds no longer
    #[command(after_help = "Example:\n  skranke clock withdraw FJELL-1001 --metric resolution")]
    Withdraw {
        /// The ticket's reference or its id
        ticket: String,
        /// For which promise
        #[arg(long, default_value = "resolution")]
        metric: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Kb {
    /// Write an article (Markdown with a front matter of title, language, audience, keywords) as a draft
    #[command(after_help = "Example:\n  skranke kb add --client fjellheim-kommune demo/articles/vpn-nb.md --publish")]
    Add {
        /// The client it is for
        #[arg(long)]
        client: String,
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Publish at once
        #[arg(long)]
        publish: bool,
    },
    /// Publish an article
    Publish {
        /// Its id
        article_id: String,
    },
    /// Find articles
    Search {
        /// The client they are for
        #[arg(long)]
        client: String,
        /// Words
        query: String,
        /// Preferred language: nb, nn, en or nl
        #[arg(long, default_value = "")]
        language: String,
    },
    /// Which articles there are
    List {
        /// Only this client
        #[arg(long)]
        client: Vec<String>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skranke trace FJELL-1001                                      from the post to the report
  skranke trace 4bf92f3577b34da6a3ce929d0e0e4736                a trace by its id, as in the log lines
  skranke trace FJELL-1001 --output json | jq '.services'       where the time went

A ticket that was registered just now is waited for, five seconds at most. Traces of a desk elsewhere are in its
operator's own backend.")]
pub(crate) struct Trace {
    /// The ticket's reference or id, or a trace's id
    pub ticket: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skranke apply demo/clients/fjellheim-kommune.yaml --dry-run
  skranke apply acme.yaml --open-clocks from-now --dry-run    what another contract would do to clocks that run
  skranke apply --schema > skranke-client.schema.json    for editors: yaml-language-server")]
pub(crate) struct Apply {
    /// The client's file
    #[arg(required_unless_present = "schema")]
    pub file: Option<PathBuf>,
    /// Only show what would change
    #[arg(long)]
    pub dry_run: bool,
    /// Which clocks another contract holds for: new-only (tickets registered from then on), from-now (what has elapsed
    /// stays elapsed) or from-start (as if it had held from the start)
    #[arg(long, default_value = "new-only", value_parser = open_clocks)]
    pub open_clocks: OpenClocks,
    /// Print the JSON schema of client files
    #[arg(long)]
    pub schema: bool,
}

fn open_clocks(text: &str) -> Result<OpenClocks, String> {
    match text {
        "new-only" => Ok(OpenClocks::NewOnly),
        "from-now" => Ok(OpenClocks::FromNow),
        "from-start" => Ok(OpenClocks::FromStart),
        _ => Err("write new-only, from-now or from-start".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// The UCI "Incident management process enriched event log" (data set 498), as zip
    #[command(after_help = "Example:\n  skranke import uci uci_incident_event_log.zip --client uci")]
    Uci {
        /// The zip file
        file: PathBuf,
        /// The client that gets the tickets; set up with a plain file of its own if it does not exist
        #[arg(long, default_value = "uci")]
        client: String,
        /// Do not wait until the report has everything
        #[arg(long)]
        no_wait: bool,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  skranke token --subject monitoring --grant service:fjellheim-kommune --days 30")]
pub(crate) struct Token {
    /// Whom it speaks for
    #[arg(long)]
    pub subject: String,
    /// role:client; roles: requester, agent, lead, knowledge_manager, client_manager, admin, service; client * for all
    #[arg(long, required = true)]
    pub grant: Vec<String>,
    /// How long it is valid
    #[arg(long, default_value_t = 1)]
    pub days: u16,
    /// The issuer's folder; default: that of the local desk
    #[arg(long)]
    pub issuer: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Deploy {
    /// Make or update the streams and consumers on the NATS that SKRANKE_NATS_URL names
    Streams,
    /// Make or update the stream of jobs and the runners' consumers; SKRANKE_NATS_URL is of the runners' account
    Runners {
        /// client/runner (may be repeated)
        #[arg(long, required = true)]
        runner: Vec<String>,
    },
    /// Make the key of an issuer of tokens, unless it is there
    Issuer {
        /// Where the key is kept
        #[arg(long)]
        folder: PathBuf,
        /// Write the public keys here too, for the services (SKRANKE_TOKEN_KEYS)
        #[arg(long)]
        key_set: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetters {
    /// What lies there, of all services
    List,
    /// Handle them again; those that succeed are gone
    Replay {
        /// Which service
        #[arg(long)]
        service: String,
        /// Which letters; default: all
        ids: Vec<String>,
    },
}

/// The completions of a shell.
pub(crate) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "skranke", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
