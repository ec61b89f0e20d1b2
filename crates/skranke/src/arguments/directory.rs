//! `skranke directory …` and the files of tickets.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// How a file of people is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PeopleForm {
    /// By its first character
    Auto,
    /// Lines with a header
    Csv,
    /// Users as RFC 7643 has them: a ListResponse, an array, or one a line
    Scim,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Directory {
    /// Bring people, sites, devices and licences from a file: all of it or nothing
    #[command(after_help = "Columns of a CSV file (any order, any case; `,` `;` or tabs; UTF-8):
  kind            person (default), site, device or licence
  external_id     the id where it comes from; finds the entry again
  name            or first_name and last_name
  email           several with | between them, the main one first; so phone, chat, login
  language, site, department, title, manager, vip, active          people
  address, time_zone                                               sites
  model, serial_number, person, site, owned_count, risk_class, last_used_at   devices and licences

Examples:
  skranke directory import --client fjellheim-kommune people.csv --dry-run
  skranke directory import --client fjellheim-kommune --source hr --full people.csv
  skranke directory import --client acme --column Mail=email --ignore Salary export.csv
  skranke directory import --client acme --source entra --full users.json")]
    Import {
        /// The client
        #[arg(long)]
        client: String,
        /// The file
        file: PathBuf,
        /// What it comes from: a full import makes former only what came from the same
        #[arg(long, default_value = "import")]
        source: String,
        /// Whoever is not in the file is gone (never deleted)
        #[arg(long)]
        full: bool,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
        /// Yes, even if more than half are gone
        #[arg(long)]
        many_gone: bool,
        /// How the file is written
        #[arg(long, value_enum, default_value_t = PeopleForm::Auto)]
        form: PeopleForm,
        /// What a column is called here: theirs=ours (may be repeated)
        #[arg(long)]
        column: Vec<String>,
        /// A column that is left out (may be repeated)
        #[arg(long)]
        ignore: Vec<String>,
    },
    /// Who and what there is
    #[command(after_help = "Examples:
  skranke directory list --client fjellheim-kommune holm
  skranke directory list --client fjellheim-kommune --kind asset --former")]
    List {
        /// The client
        #[arg(long)]
        client: String,
        /// A part of a name or an address
        #[arg(default_value = "")]
        contains: String,
        /// person, site or asset
        #[arg(long, default_value = "person")]
        kind: String,
        /// Those of former times as well
        #[arg(long)]
        former: bool,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Everything about one person
    #[command(after_help = "Examples:
  skranke directory show --client fjellheim-kommune kari.holm@fjellheim.example
  skranke directory show --client fjellheim-kommune FJELL-1001      who brought this ticket")]
    Show {
        /// The client
        #[arg(long)]
        client: String,
        /// An address, an entry's id, or a ticket's reference
        person: String,
    },
    /// Two entries are one person
    #[command(after_help = "Example:
  skranke directory merge --client fjellheim-kommune kari@old.example --into kari.holm@fjellheim.example")]
    Merge {
        /// The client
        #[arg(long)]
        client: String,
        /// An address or an entry's id
        person: String,
        /// The one that stays
        #[arg(long)]
        into: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// They were not: undo a merge
    #[command(after_help = "Example:
  skranke directory unmerge --client fjellheim-kommune 0193b1c2-… --reason 'two people of one name'")]
    Unmerge {
        /// The client
        #[arg(long)]
        client: String,
        /// The id of the entry that was merged (`skranke directory show` lists it)
        person: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Files {
    /// Add a file to a ticket
    #[command(after_help = "Example:\n  skranke ticket attach FJELL-1001 screenshot.png")]
    Attach {
        /// The ticket's reference or its id
        ticket: String,
        /// The file
        file: PathBuf,
        /// Another name for it
        #[arg(long)]
        name: Option<String>,
        /// Only for the desk
        #[arg(long)]
        internal: bool,
    },
    /// The files of a ticket
    Attachments {
        /// The ticket's reference or its id
        ticket: String,
    },
    /// Get a file of a ticket
    #[command(after_help = "Example:\n  skranke ticket fetch FJELL-1001 screenshot.png --to shot.png")]
    Fetch {
        /// The ticket's reference or its id
        ticket: String,
        /// The file's name or its id
        attachment: String,
        /// Where to; default: its name, in this folder
        #[arg(long)]
        to: Option<PathBuf>,
    },
}
