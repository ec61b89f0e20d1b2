//! What a benchmark found, in one form for the terminal, for programs and for the page.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::latency::median;
use crate::machine::Machine;

/// A benchmark's outcome; kept as `<results>/<bench>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which benchmark: `intake`.
    pub bench: String,
    /// What it measured, in a sentence.
    pub about: String,
    /// When it began.
    pub begun_at: Timestamp,
    /// On what.
    pub machine: Machine,
    /// How it was run.
    pub options: BTreeMap<String, Value>,
    /// What came out: medians with what stands beside them.
    pub figures: Vec<Figure>,
    /// The same to look at.
    pub charts: Vec<Chart>,
    /// Whether nothing was lost or doubled.
    pub checks: Vec<Check>,
    /// How to read the figures.
    pub notes: Vec<String>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Under which circumstances: `32 connections`. May be empty.
    pub at: String,
    /// What was measured: `tickets acknowledged`.
    pub name: String,
    /// `/s`, `ms`, `CPU-ms/ticket`, `MB`, …
    pub unit: String,
    /// The median.
    pub value: f64,
    /// Each round's.
    pub rounds: Vec<f64>,
    /// The raw limit of the same minutes.
    pub beside: Option<Beside>,
    /// What it should be.
    pub target: Option<Target>,
}

/// A raw limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// What it is: `single-statement commits`.
    pub name: String,
    /// Its median, in the figure's unit.
    pub value: f64,
    /// Each round's.
    pub rounds: Vec<f64>,
    /// The median of the rounds' own ratios, figure to raw limit.
    pub ratio: f64,
}

/// What a figure, or its ratio to the raw limit, should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The figure.
    AtMost(f64),
    /// The figure.
    AtLeast(f64),
    /// The ratio.
    RatioAtMost(f64),
    /// The ratio.
    RatioAtLeast(f64),
}

/// Something counted that must come out right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What: `intake's tickets`.
    pub what: String,
    /// What was found.
    pub found: u64,
    /// What had to be found, at least.
    pub at_least: u64,
    /// And at most: more where calls ended in doubt.
    pub at_most: u64,
}

/// Bars or lines side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// The unit of its values.
    pub unit: String,
    /// Along the bottom.
    pub groups: Vec<String>,
    /// Each with one value per group.
    pub series: Vec<Series>,
}

/// One colour of a chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Whose values.
    pub name: String,
    /// One per group.
    pub values: Vec<f64>,
}

impl Figure {
    /// A figure from its rounds.
    pub fn new(at: &str, name: &str, unit: &str, rounds: Vec<f64>) -> Self {
        let value = median(&rounds);
        Self { at: at.into(), name: name.into(), unit: unit.into(), value, rounds, beside: None, target: None }
    }

    /// With the raw limit of the same rounds beside it.
    #[must_use]
    pub fn beside(mut self, name: &str, rounds: Vec<f64>) -> Self {
        let pairs = self.rounds.iter().zip(&rounds).filter(|(_, raw)| **raw > 0.0);
        let ratios: Vec<f64> = pairs.map(|(figure, raw)| figure / raw).collect();
        self.beside = Some(Beside { name: name.into(), value: median(&rounds), rounds, ratio: median(&ratios) });
        self
    }

    /// With what it should be.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// Whether it is what it should be; `None` where nothing was set.
    pub fn is_met(&self) -> Option<bool> {
        let ratio = self.beside.as_ref().map(|raw| raw.ratio);
        match self.target? {
            Target::AtMost(most) => Some(self.value <= most),
            Target::AtLeast(least) => Some(self.value >= least),
            Target::RatioAtMost(most) => Some(ratio? <= most),
            Target::RatioAtLeast(least) => Some(ratio? >= least),
        }
    }
}

impl Target {
    /// In words: `≥ 0.7 of it`.
    pub fn words(&self, unit: &str) -> String {
        match self {
            Self::AtMost(value) => format!("≤ {} {unit}", number(*value)),
            Self::AtLeast(value) => format!("≥ {} {unit}", number(*value)),
            Self::RatioAtMost(value) => format!("≤ {} × it", number(*value)),
            Self::RatioAtLeast(value) => format!("≥ {} of it", number(*value)),
        }
    }
}

impl Check {
    /// A count that must be exactly this.
    pub fn exactly(what: impl Into<String>, found: u64, wanted: u64) -> Self {
        Self { what: what.into(), found, at_least: wanted, at_most: wanted }
    }

    /// Whether it came out right.
    pub fn holds(&self) -> bool {
        (self.at_least..=self.at_most).contains(&self.found)
    }
}

impl Outcome {
    /// Whether every check holds.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(Check::holds)
    }

    /// Keeps it; returns where.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn keep(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let file = folder.join(format!("{}.json", self.bench));
        fs::write(&file, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    }

    /// All that are kept in a folder, in the order of their names.
    ///
    /// # Errors
    /// If there are none, or one cannot be read.
    pub fn kept(folder: &Path) -> anyhow::Result<Vec<Self>> {
        let entries = fs::read_dir(folder)
            .with_context(|| format!("{} has no results: run `skranke bench intake` first", folder.display()))?;
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        let read = |file: &PathBuf| {
            let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            serde_json::from_slice(&text).with_context(|| format!("{} is no result of a benchmark", file.display()))
        };
        let kept: Vec<Self> = files.iter().map(read).collect::<anyhow::Result<_>>()?;
        anyhow::ensure!(!kept.is_empty(), "{} has no results: run `skranke bench intake` first", folder.display());
        Ok(kept)
    }
}

/// A number as people read it: three digits that say something, thousands apart.
pub fn number(value: f64) -> String {
    let size = value.abs();
    let digits = match size {
        _ if size == 0.0 || size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |rest| ("-", rest));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { format!("{sign}{grouped}") } else { format!("{sign}{grouped}.{fraction}") }
}
