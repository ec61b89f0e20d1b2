//! `skranke submit`

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skranke submit --client brightwater-energy --requester amelia.hughes@brightwater.example \\
      --impact high --urgency medium \"VPN drops every ten minutes\" --description \"Since this morning.\"
  skranke submit --client acme --channel phone --requester kari@acme.example --solved user_guidance \\
      --no-article \"shown on the phone\" \"Where is the printer?\"
  echo '{\"subject\":\"Disk full\",\"source\":\"zabbix\",\"externalRef\":\"42\"}' | skranke submit --client acme --json -")]
pub(crate) struct Submit {
    /// The client
    #[arg(long)]
    pub client: String,
    /// What it is about, on one line
    #[arg(required_unless_present = "json")]
    pub subject: Option<String>,
    /// More of it
    #[arg(long, default_value = "")]
    pub description: String,
    /// Who asks for help (e-mail address)
    #[arg(long, default_value = "")]
    pub requester: String,
    /// high, medium or low
    #[arg(long)]
    pub impact: Option<String>,
    /// high, medium or low
    #[arg(long)]
    pub urgency: Option<String>,
    /// phone, email, portal, chat, walk_in, api or monitoring
    #[arg(long, default_value = "api")]
    pub channel: String,
    /// incident, service_request, question, problem or change
    #[arg(long)]
    pub kind: Option<String>,
    /// The client's category
    #[arg(long, default_value = "")]
    pub category: String,
    /// The system that posts
    #[arg(long, default_value = "")]
    pub source: String,
    /// The matter's id there
    #[arg(long, default_value = "")]
    pub external_ref: String,
    /// What the category's form asks for: name=value (may be repeated)
    #[arg(long)]
    pub field: Vec<String>,
    /// Solved already, on the phone or at the desk: solved, workaround, user_guidance, …
    #[arg(long)]
    pub solved: Option<String>,
    /// The article that helped
    #[arg(long, default_value = "", requires = "solved")]
    pub article: String,
    /// Why no article is needed
    #[arg(long, default_value = "", requires = "solved")]
    pub no_article: String,
    /// What was done
    #[arg(long, default_value = "", requires = "solved")]
    pub note: String,
    /// Who approved it, for not_economical and not_repairable
    #[arg(long, default_value = "", requires = "solved")]
    pub approver: String,
    /// The same id again returns the first answer; default: a new one
    #[arg(long)]
    pub request_id: Option<String>,
    /// A file that belongs to it (may be repeated)
    #[arg(long)]
    pub attach: Vec<PathBuf>,
    /// Read the matter as JSON from a file, or - for standard input
    #[arg(long, conflicts_with = "subject")]
    pub json: Option<PathBuf>,
}
