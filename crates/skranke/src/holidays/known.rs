//! The public holidays that are known here: tables made by `xtask/make_holidays.py`.

use anyhow::Context;
use jiff::civil::Date;

use super::{Days, Years};

const COUNTRIES: [(&str, &str, &str); 5] = [
    ("NO", "Norway", include_str!("data/NO.txt")),
    ("NL", "the Netherlands", include_str!("data/NL.txt")),
    ("DE", "Germany", include_str!("data/DE.txt")),
    ("GB", "the United Kingdom", include_str!("data/GB.txt")),
    ("US", "the United States", include_str!("data/US.txt")),
];

/// The countries that are known.
pub(super) fn codes() -> String {
    COUNTRIES.map(|(code, ..)| code).join(", ")
}

/// A country's holidays.
#[derive(Debug)]
pub(super) struct Country {
    code: &'static str,
    name: &'static str,
    years: Years,
    /// The country's own first.
    languages: Vec<&'static str>,
    /// Code and name.
    regions: Vec<(&'static str, &'static str)>,
    rows: Vec<Row>,
}

/// A holiday by one name, where it is one, and when.
#[derive(Debug)]
struct Row {
    regions: &'static str,
    /// In the country's languages.
    names: Vec<&'static str>,
    dates: &'static str,
}

impl Row {
    fn holds_in(&self, region: Option<&str>) -> bool {
        let mut tokens = self.regions.split(' ');
        match region {
            None => tokens.next() == Some("*"),
            Some(region) => {
                let is_but = |token: &str| token.strip_prefix('-') == Some(region);
                let is_everywhere = self.regions.starts_with('*');
                if is_everywhere { !tokens.any(is_but) } else { tokens.any(|token| token == region) }
            }
        }
    }
}

impl Country {
    /// A country by its code.
    ///
    /// # Errors
    /// Which countries there are.
    pub(super) fn of(code: &str) -> anyhow::Result<Self> {
        let wanted = if code.eq_ignore_ascii_case("UK") { "GB" } else { code };
        let (code, name, table) = COUNTRIES
            .into_iter()
            .find(|(one, ..)| one.eq_ignore_ascii_case(wanted))
            .with_context(|| format!("the holidays of {code} are not known here; known are {}", codes()))?;
        let mut country =
            Self { code, name, years: Years { first: 0, last: 0 }, languages: vec![], regions: vec![], rows: vec![] };
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            country.take(line).with_context(|| format!("the table of {code} is damaged at {line:?}"))?;
        }
        Ok(country)
    }

    fn take(&mut self, line: &'static str) -> Option<()> {
        let fields: Vec<&'static str> = line.split(" | ").collect();
        if let [regions, names @ .., dates] = fields.as_slice()
            && !names.is_empty()
        {
            self.rows.push(Row { regions, names: names.to_vec(), dates });
            return Some(());
        }
        match line.split_once(' ')? {
            ("years", years) => {
                let (first, last) = years.split_once(' ')?;
                self.years = Years { first: first.parse().ok()?, last: last.parse().ok()? };
            }
            ("languages", languages) => self.languages = languages.split(' ').collect(),
            ("region", region) => self.regions.push(region.split_once(' ')?),
            _ => return None,
        }
        Some(())
    }

    /// As many of these years as are known.
    pub(super) fn known_of(&self, years: Years) -> Years {
        let within = |year: i16| year.clamp(self.years.first, self.years.last);
        Years { first: within(years.first), last: within(years.last) }
    }

    /// The country, or the region of it, for people.
    pub(super) fn title(&self, region: Option<&str>) -> String {
        match region.and_then(|region| self.region(region).ok()) {
            Some((_, region)) => format!("{region}, {}", self.code),
            None => self.code.to_owned(),
        }
    }

    /// The holidays of these years.
    ///
    /// # Errors
    /// Which regions, years or languages there are.
    pub(super) fn days(&self, region: Option<&str>, years: Years, language: Option<&str>) -> anyhow::Result<Days> {
        let region = region.map(|region| self.region(region)).transpose()?.map(|(code, _)| code);
        let Years { first, last } = self.years;
        anyhow::ensure!(
            first <= years.first && years.last <= last,
            "the holidays of {} are known for {first} to {last} only; ask for --years {}..{}",
            self.name,
            years.first.clamp(first, last),
            years.last.clamp(first, last)
        );
        let language = match language {
            None => 0,
            Some(language) => self
                .languages
                .iter()
                .position(|one| one.eq_ignore_ascii_case(language))
                .with_context(|| format!("names of {} are there in: {}", self.name, self.languages.join(", ")))?,
        };
        let mut days = Days::new();
        for row in self.rows.iter().filter(|row| row.holds_in(region)) {
            for date in row.dates.split(' ') {
                let date: Date = date.parse().with_context(|| format!("the table of {} has {date:?}", self.code))?;
                let name = row.names.get(language).copied().unwrap_or_default();
                if years.contain(date) {
                    days.entry(date).or_default().push(name.to_owned());
                }
            }
        }
        days.values_mut().for_each(|names| names.sort_unstable());
        Ok(days)
    }

    fn region(&self, wanted: &str) -> anyhow::Result<(&'static str, &'static str)> {
        if self.regions.is_empty() {
            anyhow::bail!("no part of {} has holidays of its own; leave --region out", self.name);
        }
        let is_wanted = |one: &str| one.to_lowercase() == wanted.to_lowercase();
        self.regions.iter().find(|(code, name)| is_wanted(code) || is_wanted(name)).copied().with_context(|| {
            let regions: Vec<String> = self.regions.iter().map(|(code, name)| format!("  {code} {name}")).collect();
            format!("{wanted} is no region of {}; there are\n{}", self.name, regions.join("\n"))
        })
    }
}
