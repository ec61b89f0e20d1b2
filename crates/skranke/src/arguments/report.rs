//! `skranke report`

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Report {
    /// The figures of a period, per client
    #[command(after_help = "Examples:
  skranke report kpis --from 2026-11-01 --until 2026-12-01
  skranke report kpis --kind incident --kind question                        faults apart from requests
  skranke report kpis --by-kind                                              each kind on its own
  skranke report kpis --client uci --from 2016-01-01 --until 2018-01-01 --time-zone Europe/Lisbon")]
    Kpis {
        /// Only this client (may be repeated)
        #[arg(long)]
        client: Vec<String>,
        /// First day or instant; default: 30 days ago
        #[arg(long)]
        from: Option<String>,
        /// Day or instant after the last; default: now
        #[arg(long)]
        until: Option<String>,
        /// IANA time zone of days and months
        #[arg(long, default_value = "UTC")]
        time_zone: String,
        /// Only incident, service_request, question, problem or change (may be repeated)
        #[arg(long)]
        kind: Vec<String>,
        /// Each kind on its own
        #[arg(long)]
        by_kind: bool,
    },
    /// What was open at an instant
    Backlog {
        /// Only this client (may be repeated)
        #[arg(long)]
        client: Vec<String>,
        /// Day or instant; default: now
        #[arg(long)]
        at: Option<String>,
        /// Only incident, service_request, question, problem or change (may be repeated)
        #[arg(long)]
        kind: Vec<String>,
    },
    /// The tickets behind a figure
    #[command(after_help = "Examples:
  skranke report tickets --client fjellheim-kommune breached --kind service_request
  skranke report tickets --client fjellheim-kommune major_incidents --service mail    downtime and lost work
  skranke report tickets --client fjellheim-kommune changes                           outcomes, caused incidents")]
    Tickets {
        /// The client
        #[arg(long)]
        client: String,
        /// registered, resolved, closed, cancelled, reopened, backlog, breached, changes, changes_successful,
        /// caused_incidents or major_incidents
        kpi: String,
        /// Only incident, service_request, question, problem or change (may be repeated)
        #[arg(long)]
        kind: Vec<String>,
        /// Only major incidents that name this service
        #[arg(long, default_value = "")]
        service: String,
        /// First day or instant; default: 30 days ago
        #[arg(long)]
        from: Option<String>,
        /// Day or instant after the last; default: now
        #[arg(long)]
        until: Option<String>,
    },
    /// Compute everything again from the facts
    Rebuild {
        /// Only this client (may be repeated)
        #[arg(long)]
        client: Vec<String>,
    },
}
