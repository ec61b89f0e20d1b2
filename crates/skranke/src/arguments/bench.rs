//! `skranke bench …` as it can be typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// How fast posts become tickets that are kept
    #[command(after_help = "Examples:
  skranke bench intake                                   1, 8 and 32 connections, three rounds
  skranke bench intake --connections 32 --no-raw         only the desk, to profile it
  skranke bench intake --connections 4 --in-flight 16    many posts under way on few connections")]
    Intake {
        /// Numbers of connections, each measured on its own
        #[arg(long, value_delimiter = ',', default_value = "1,8,32", value_parser = clap::value_parser!(u64).range(1..=128))]
        connections: Vec<u64>,
        /// Posts under way on each connection
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1024))]
        in_flight: u64,
        /// Posts under way on each connection where all of them go over one stream; measured besides, on the most
        /// connections; 0 leaves it out
        #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(0..=1024))]
        on_streams: u64,
        /// Leave the raw limits out
        #[arg(long)]
        no_raw: bool,
        #[command(flatten)]
        common: BenchCommon,
    },
    /// How soon a post is triaged and its clock runs, at a fixed rate through all services
    #[command(after_help = "Examples:
  skranke bench pipeline                                 1,000 posts a second for 20 s, three rounds
  skranke bench pipeline --on-streams                    as systems post that have much to post
  skranke bench pipeline --rate 200 --seconds 60         a calm day, for longer
  skranke bench pipeline --rounds 1 --highest            then the highest rate that still holds")]
    Pipeline {
        /// Posts per second
        #[arg(long, default_value_t = 1_000.0, value_parser = rate)]
        rate: f64,
        /// Raise the rate until the desk does not keep up, and tell the highest that it held
        #[arg(long)]
        highest: bool,
        /// Send the posts of each of the 16 connections over one stream (RegisterTickets), not by a call for each
        #[arg(long)]
        on_streams: bool,
        #[command(flatten)]
        common: BenchCommon,
    },
    /// How late clocks speak, with a multitude of others running
    #[command(after_help = "Examples:
  skranke bench clocks                                   100,000 clocks run, 10,000 due in a second, 1,000/s
  skranke bench clocks --clocks 1000000                  a million; about 1.5 GB on disk
  skranke bench clocks --burst 2000 --rounds 1           a smaller burst, once")]
    Clocks {
        /// Clocks that run
        #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
        clocks: u64,
        /// Clocks due within one second
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
        burst: u64,
        /// Clocks due per second in the steady stream
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=50_000))]
        rate: u64,
        #[command(flatten)]
        common: BenchCommon,
    },
    /// How many commands a second agents can give, and how soon lists are there among a multitude of tickets
    #[command(after_help = "Examples:
  skranke bench triage                                   a million tickets, 128 agents; about 3 GB on disk
  skranke bench triage --tickets 100000 --rounds 1       a smaller desk, once")]
    Triage {
        /// Tickets that are listed
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
        tickets: u64,
        /// Agents at work, each waiting for its answer before the next command
        #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u64).range(1..=1_024))]
        agents: u64,
        /// Tickets that they work on
        #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
        worked_on: u64,
        #[command(flatten)]
        common: BenchCommon,
    },
    /// How fast a real log with its histories is imported
    #[command(after_help = "Example:
  skranke bench import uci_incident_event_log.zip --rounds 1")]
    Import {
        /// The UCI \"Incident management process enriched event log\" (data set 498), as zip
        file: PathBuf,
        #[command(flatten)]
        common: BenchCommon,
    },
    /// How well the desk learns from a real log what its tickets end as
    #[command(after_help = "Examples:
  skranke bench classify uci_incident_event_log.zip                     learn the first 70 %, predict the rest
  skranke bench classify uci_incident_event_log.zip --memory 5000       with a smaller memory
  skranke bench classify uci_incident_event_log.zip --threshold 0.9     apply only what is surer")]
    Classify {
        /// The UCI \"Incident management process enriched event log\" (data set 498), as zip
        file: PathBuf,
        /// The part that is learned, the first by time of registration
        #[arg(long, default_value_t = 0.7, value_parser = part)]
        train: f64,
        /// The confidence from which on a prediction would be applied
        #[arg(long, default_value_t = 0.8, value_parser = part)]
        threshold: f64,
        /// Tickets that the memory keeps
        #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        memory: u64,
        #[command(flatten)]
        common: BenchCommon,
    },
    /// Memory of the services when idle; how soon they start and restart
    #[command(after_help = "Example:
  skranke bench footprint --rounds 5")]
    Footprint {
        #[command(flatten)]
        common: BenchCommon,
    },
    /// Put the last results into a page with charts
    #[command(after_help = "Example:
  skranke bench report --page measured.html")]
    Report {
        /// Where the results are kept
        #[arg(long, default_value = "bench-results")]
        results: PathBuf,
        /// The page [default: index.html beside the results]
        #[arg(long)]
        page: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct BenchCommon {
    /// How often everything is measured; medians are told
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// How long each measurement counts [default: 5, pipeline 20, clocks and triage 10]
    #[arg(long, value_parser = seconds)]
    pub seconds: Option<f64>,
    /// Where a temporary folder for the data is made: on a real disk
    #[arg(long, default_value = ".")]
    pub folder: PathBuf,
    /// Where the results are kept
    #[arg(long, default_value = "bench-results")]
    pub results: PathBuf,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "is not a number".to_owned())?;
    if (1.0..=50_000.0).contains(&rate) { Ok(rate) } else { Err("must be from 1 to 50000".to_owned()) }
}

fn part(text: &str) -> Result<f64, String> {
    let part: f64 = text.parse().map_err(|_| "is not a number".to_owned())?;
    if part > 0.0 && part < 1.0 { Ok(part) } else { Err("must be between 0 and 1".to_owned()) }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "is not a number".to_owned())?;
    if (0.1..=3_600.0).contains(&seconds) { Ok(seconds) } else { Err("must be from 0.1 to 3600".to_owned()) }
}
