//! Prometheus pages, read as strictly as they may be written.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};

/// One value of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its name, with `_bucket`, `_sum` or `_count` where it is a histogram's.
    pub series: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it says.
    pub value: f64,
}

/// A page as it was read.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Each family's type: `counter`, `gauge`, `histogram`.
    pub families: BTreeMap<String, String>,
    /// In their order.
    pub samples: Vec<Sample>,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// What Prometheus could not read, or would read wrongly.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut page = Self::default();
        let mut seen = BTreeSet::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix("# ") {
                page.comment(comment).with_context(|| line.to_owned())?;
                continue;
            }
            ensure!(seen.insert(line.rsplit_once(' ').map_or(line, |(series, _)| series)), "twice: {line}");
            let sample = sample(line).with_context(|| line.to_owned())?;
            ensure!(page.family_of(&sample.series).is_some(), "it is of no family: {line}");
            page.samples.push(sample);
        }
        page.check_histograms()?;
        Ok(page)
    }

    fn comment(&mut self, comment: &str) -> anyhow::Result<()> {
        if let Some(typed) = comment.strip_prefix("TYPE ") {
            let (name, kind) = typed.split_once(' ').context("no type")?;
            ensure!(["counter", "gauge", "histogram"].contains(&kind), "an unknown type");
            ensure!(self.families.insert(name.to_owned(), kind.to_owned()).is_none(), "a family is there twice");
        } else {
            ensure!(comment.starts_with("HELP "), "neither HELP nor TYPE");
        }
        Ok(())
    }

    fn family_of(&self, series: &str) -> Option<&str> {
        let of = |name: &str, is_histogram: bool| {
            let (name, kind) = self.families.get_key_value(name)?;
            ((kind == "histogram") == is_histogram).then_some(name.as_str())
        };
        let ends = ["_bucket", "_sum", "_count"].iter();
        of(series, false).or_else(|| ends.filter_map(|end| series.strip_suffix(end)).find_map(|name| of(name, true)))
    }

    /// Buckets grow, and the last of them is the count.
    fn check_histograms(&self) -> anyhow::Result<()> {
        let mut last: BTreeMap<(&str, BTreeMap<&str, &str>), (f64, f64)> = BTreeMap::new();
        for one in &self.samples {
            let Some(name) = one.series.strip_suffix("_bucket") else { continue };
            let bound = one.labels.get("le").context("a bucket without a bound")?;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse()? };
            let others = one.labels.iter().filter(|(label, _)| *label != "le");
            let key = (name, others.map(|(label, value)| (label.as_str(), value.as_str())).collect());
            let (before, count) = last.get(&key).copied().unwrap_or((f64::NEG_INFINITY, 0.0));
            ensure!(before < bound && count <= one.value, "buckets of {name} do not grow");
            last.insert(key, (bound, one.value));
        }
        for ((name, labels), (bound, most)) in last {
            ensure!(bound.is_infinite(), "{name} has no last bucket");
            let labels: Vec<(&str, &str)> = labels.into_iter().collect();
            let counts = self.samples.iter().filter(|one| one.series == format!("{name}_count"));
            let mut counts = counts.filter(|one| one.labels.len() == labels.len() && one.has(&labels));
            let count = counts.next().with_context(|| format!("{name} has no count"))?;
            ensure!((count.value - most).abs() < f64::EPSILON, "the count of {name} is not its last bucket");
        }
        Ok(())
    }

    /// All values of a family's label.
    pub fn labels(&self, series: &str, label: &str) -> BTreeSet<String> {
        let of_series = self.samples.iter().filter(|one| one.series == series);
        of_series.filter_map(|one| one.labels.get(label).cloned()).collect()
    }

    /// The sum of a series over all that have these labels.
    pub fn sum(&self, series: &str, labels: &[(&str, &str)]) -> f64 {
        self.samples.iter().filter(|one| one.series == series && one.has(labels)).map(|one| one.value).sum()
    }
}

impl Sample {
    fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(label, value)| self.labels.get(*label).is_some_and(|is| is == value))
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn sample(line: &str) -> anyhow::Result<Sample> {
    let (series, value) = line.rsplit_once(' ').context("no value")?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        value => value.parse()?,
    };
    let (name, mut rest) = series.split_once('{').map_or((series, ""), |(name, labels)| (name, labels));
    ensure!(is_name(name), "no name");
    let mut labels = BTreeMap::new();
    while !rest.is_empty() && rest != "}" {
        let (label, after) = rest.split_once("=\"").context("no label")?;
        ensure!(is_name(label), "no label");
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next().context("a label without its end")? {
                (_, '\\') => value.push(letters.next().context("half an escape")?.1),
                (at, '"') => break at,
                (_, letter) => value.push(letter),
            }
        };
        ensure!(labels.insert(label.to_owned(), value).is_none(), "a label twice");
        rest = after.get(end + 1..).unwrap_or_default();
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    ensure!(series.contains('{') == (rest == "}"), "labels without their end");
    Ok(Sample { series: name.to_owned(), labels, value })
}
