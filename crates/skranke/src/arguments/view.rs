//! What is typed about views.

use clap::Subcommand;

use super::Filter;

#[derive(Debug, Subcommand)]
pub(crate) enum View {
    /// Your own views and those of the teams
    List {
        /// Only of this client (may be repeated)
        #[arg(long)]
        client: Vec<String>,
    },
    /// Save a list under a name, or change what the name stands for
    #[command(after_help = "Examples:
  skranke view save 'My VPN matters' --client fjellheim-kommune --tag vpn --owner @me
  skranke view save 'What waits' --client fjellheim-kommune --team Network --queue network --unclaimed \\
      --order priority --column reference --column subject --column registered_at")]
    Save(Box<SaveView>),
    /// The tickets of a view
    #[command(after_help = "Examples:
  skranke view show 'My VPN matters'
  skranke view show 'What waits' --limit 200 --output json")]
    Show {
        /// Its name or its id
        view: String,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Forget a view
    Delete {
        /// Its name or its id
        view: String,
    },
}

/// A view as it shall be.
#[derive(Debug, clap::Args)]
pub(crate) struct SaveView {
    /// What it is called
    pub name: String,
    /// For everybody of the client, under the name of this team; leads only
    #[arg(long, default_value = "")]
    pub team: String,
    /// newest, priority or changed
    #[arg(long, default_value = "newest")]
    pub order: String,
    /// reference, priority, state, kind, category, queue, tier, owner, requester, subject, tags, watchers,
    /// minutes_worked, waiting_reason, registered_at or changed_at (may be repeated, in their order)
    #[arg(long)]
    pub column: Vec<String>,
    #[command(flatten)]
    pub filter: Filter,
}
