//! `skranke preview`, `skranke what-if` and `skranke holidays` as they can be typed.

use std::path::PathBuf;

use clap::Args;

use crate::holidays::Years;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skranke preview case.json             the clocks of a case, or of a list of cases
  skranke preview - < cases.json        from standard input
  skranke preview cases.json --check    compare with what each case expects

It needs no desk. A case is {contract, facts, until} as docs/contract.md describes it; the answer has a list of clocks
for each. With --check it ends with 1 if anything differs.")]
pub(crate) struct Preview {
    /// The case or cases as JSON, or - for standard input
    pub file: PathBuf,
    /// Compare with the `expect` of each case
    #[arg(long)]
    pub check: bool,
    /// Ask the running desk instead of computing here (up to 1,000 cases and 1 MiB)
    #[arg(long)]
    pub ask_desk: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skranke what-if --contract draft.yaml --client acme --from 2026-01-01 --to 2026-07-01
  skranke what-if --contract acme.yaml                         a whole client file: its contract, its client
  skranke what-if --contract draft.json --output json | jq '.changes[] | select(.gained)'

Nothing is stored. Tickets registered in [from, to) are computed again by the contract that each has and by the draft.")]
pub(crate) struct WhatIf {
    /// The draft: a client file, or its `contract` alone, as YAML or JSON
    #[arg(long)]
    pub contract: PathBuf,
    /// Only this client (may be repeated); default: that of the client file, otherwise all
    #[arg(long)]
    pub client: Vec<String>,
    /// First day or instant of registration; default: since ever
    #[arg(long)]
    pub from: Option<String>,
    /// Day or instant after the last; default: now
    #[arg(long, alias = "until")]
    pub to: Option<String>,
    /// IANA time zone of days
    #[arg(long, default_value = "UTC")]
    pub time_zone: String,
    /// How many of the changed clocks are shown as a table
    #[arg(long, default_value_t = 20)]
    pub show: usize,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skranke holidays NO --years 2026..2030                 Norway's, in Norwegian
  skranke holidays DE --region BY --names en             Bavaria's, in English
  skranke holidays GB --region SCT --indent 6            as deep as in a client file
  skranke holidays --calendar company.ics --years 2026   the all-day events of an iCalendar file

It prints `special_days`, all of them closed, for a calendar of a contract: docs/holidays.md.")]
pub(crate) struct Holidays {
    /// NO, NL, DE, GB or US
    #[arg(required_unless_present = "calendar", conflicts_with = "calendar")]
    pub country: Option<String>,
    /// A part of the country, by code or name; default: what holds in the whole country
    #[arg(long, conflicts_with = "calendar")]
    pub region: Option<String>,
    /// Language of the names; default: the country's own
    #[arg(long, conflicts_with = "calendar")]
    pub names: Option<String>,
    /// Read an iCalendar file instead, or - for standard input
    #[arg(long)]
    pub calendar: Option<PathBuf>,
    /// A year, or the first and the last as 2026..2030; default: this year and the four after it
    #[arg(long)]
    pub years: Option<Years>,
    /// Spaces before each line
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=40))]
    pub indent: u8,
}
