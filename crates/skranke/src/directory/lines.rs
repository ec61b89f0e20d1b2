//! People, sites and things as lines of a table.

use std::collections::BTreeMap;

use contracts::intake::v1::entry::Entry as Kind;
use contracts::intake::v1::{self as proto, AddressKind, Entry};
use csv::{ByteRecord, ReaderBuilder, StringRecord};

use super::{Read, address, yes};
use crate::words::number;

/// Mistakes after which reading ends.
const ENOUGH: usize = 100;

/// The columns that there are.
pub(crate) const COLUMNS: [&str; 26] = [
    "kind",
    "external_id",
    "name",
    "first_name",
    "last_name",
    "email",
    "phone",
    "chat",
    "login",
    "language",
    "site",
    "department",
    "title",
    "manager",
    "vip",
    "active",
    "address",
    "time_zone",
    "model",
    "serial_number",
    "person",
    "owned_count",
    "risk_class",
    "last_used_at",
    "username",
    "mail",
];

/// One line by its columns.
struct Line<'a> {
    columns: &'a BTreeMap<&'static str, usize>,
    record: &'a StringRecord,
    complaints: Vec<(usize, String)>,
}

impl Line<'_> {
    fn text(&self, column: &str) -> &str {
        self.columns.get(column).and_then(|at| self.record.get(*at)).unwrap_or_default().trim()
    }

    fn owned(&self, column: &str) -> String {
        self.text(column).to_owned()
    }

    fn complain(&mut self, column: &str, what: String) {
        let at = self.columns.get(column).map_or(1, |at| at + 1);
        self.complaints.push((at, format!("{column} {what}")));
    }

    fn yes(&mut self, column: &str, otherwise: bool) -> bool {
        let text = self.owned(column);
        if text.is_empty() {
            return otherwise;
        }
        yes(&text).unwrap_or_else(|| {
            self.complain(column, format!("is {text}; write yes or no"));
            otherwise
        })
    }

    fn addresses(&self) -> Vec<proto::Address> {
        let kinds = [
            ("email", AddressKind::Email),
            ("mail", AddressKind::Email),
            ("phone", AddressKind::Phone),
            ("chat", AddressKind::Chat),
            ("login", AddressKind::Login),
            ("username", AddressKind::Login),
        ];
        let each = kinds.iter().flat_map(|(column, kind)| {
            self.text(column).split('|').filter(|text| !text.trim().is_empty()).map(|text| address(*kind, text))
        });
        each.collect()
    }

    fn entry(&mut self) -> Entry {
        let name = match (self.text("name"), self.text("first_name"), self.text("last_name")) {
            ("", first, last) => format!("{first} {last}").trim().to_owned(),
            (name, ..) => name.to_owned(),
        };
        let entry = match self.text("kind").to_lowercase().as_str() {
            "" | "person" => Some(Kind::Person(self.person(name))),
            "site" => {
                let (address, time_zone) = (self.owned("address"), self.owned("time_zone"));
                Some(Kind::Site(proto::Site { name, address, time_zone }))
            }
            "device" => Some(Kind::Asset(self.asset(name, proto::AssetKind::Device))),
            "licence" | "license" => Some(Kind::Asset(self.asset(name, proto::AssetKind::Licence))),
            other => {
                let what = format!("is {other}; write person, site, device or licence");
                self.complain("kind", what);
                None
            }
        };
        let former = !self.yes("active", true);
        Entry { external_id: self.owned("external_id"), former, entry, ..Entry::default() }
    }

    fn person(&mut self, name: String) -> proto::Person {
        let vip = self.yes("vip", false);
        proto::Person {
            name,
            language: self.owned("language"),
            site: self.owned("site"),
            department: self.owned("department"),
            vip,
            manager: self.owned("manager"),
            title: self.owned("title"),
            addresses: self.addresses(),
        }
    }

    fn asset(&mut self, name: String, kind: proto::AssetKind) -> proto::Asset {
        let mut asset = proto::Asset {
            kind: kind.into(),
            name,
            serial_number: self.owned("serial_number"),
            model: self.owned("model"),
            person: self.owned("person"),
            site: self.owned("site"),
            ..proto::Asset::default()
        };
        let (owned, risk, used) = (self.owned("owned_count"), self.owned("risk_class"), self.owned("last_used_at"));
        match owned.parse() {
            Ok(count) => asset.owned_count = count,
            Err(_) if owned.is_empty() => {}
            Err(_) => self.complain("owned_count", format!("is {owned}; write a whole number")),
        }
        if !risk.is_empty() {
            match number::<proto::RiskClass>(&risk) {
                Ok(class) => asset.risk_class = class,
                Err(error) => self.complain("risk_class", error.to_string()),
            }
        }
        if !used.is_empty() {
            match instant(&used) {
                Some(at) => asset.last_used_at = Some(contracts::timestamp(at)),
                None => self.complain("last_used_at", format!("is {used}; write 2026-11-16 or an instant")),
            }
        }
        asset
    }
}

fn instant(text: &str) -> Option<jiff::Timestamp> {
    let of_day = || {
        let day: jiff::civil::Date = text.parse().ok()?;
        Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    text.parse().ok().or_else(of_day)
}

/// What most stands between the words of the first line.
fn delimiter(text: &[u8]) -> u8 {
    let first: Vec<u8> = text.iter().copied().take_while(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    let mut is_quoted = false;
    for byte in first {
        if byte == b'"' {
            is_quoted = !is_quoted;
        }
        if let Some(count) = counts.iter_mut().find(|(delimiter, _)| !is_quoted && *delimiter == byte) {
            count.1 += 1;
        }
    }
    counts.iter().max_by_key(|(byte, count)| (*count, *byte == b',')).map_or(b',', |(byte, _)| *byte)
}

/// Our columns by their number in the file.
fn columns(
    header: &StringRecord,
    renamed: &[String],
    ignored: &[String],
) -> Result<BTreeMap<&'static str, usize>, Vec<(usize, String)>> {
    let mut found = BTreeMap::new();
    let mut complaints = Vec::new();
    let is_like = |a: &str, b: &str| a.trim().eq_ignore_ascii_case(b.trim());
    for (at, theirs) in header.iter().enumerate() {
        if theirs.trim().is_empty() || ignored.iter().any(|one| is_like(one, theirs)) {
            continue;
        }
        let pair = renamed.iter().filter_map(|one| one.split_once('=')).find(|(their, _)| is_like(their, theirs));
        let ours = pair.map_or(theirs, |(_, ours)| ours).trim().to_lowercase().replace([' ', '-'], "_");
        match COLUMNS.iter().find(|known| **known == ours) {
            Some(known) if found.insert(*known, at).is_none() => {}
            Some(known) => complaints.push((at + 1, format!("the column {known} stands twice"))),
            None => {
                let advice = "write --column theirs=ours or --ignore theirs";
                complaints.push((at + 1, format!("the column {} is none of ours; {advice}", theirs.trim())));
            }
        }
    }
    for column in renamed.iter().filter(|one| !one.contains('=')) {
        complaints.push((1, format!("--column {column} is not theirs=ours")));
    }
    if complaints.is_empty() { Ok(found) } else { Err(complaints) }
}

/// Counts lines: the reader's own count is one behind where lines end in two characters.
struct Lines<'a> {
    text: &'a [u8],
    counted: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of what begins at a byte, or right after it.
    fn of(&mut self, position: &csv::Position) -> usize {
        let from = usize::try_from(position.byte()).unwrap_or(usize::MAX).min(self.text.len());
        let rest = self.text.get(from..).unwrap_or_default();
        let begins = from + rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = self.text.get(self.counted..begins).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.counted = begins.max(self.counted);
        self.line
    }
}

/// Reads a table; mistakes come with line and column.
pub(crate) fn read(file: &str, text: &[u8], renamed: &[String], ignored: &[String]) -> anyhow::Result<Read> {
    let is_utf16 = text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]);
    anyhow::ensure!(!is_utf16, "{file} is UTF-16; save it as CSV UTF-8");
    let mut read = Read::default();
    let mut reader = ReaderBuilder::new().delimiter(delimiter(text)).from_reader(text);
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => anyhow::bail!("{file}:1: {}", why(&error)),
    };
    let columns = match columns(&header, renamed, ignored) {
        Ok(columns) => columns,
        Err(complaints) => {
            read.complaints.extend(complaints.into_iter().map(|(at, what)| format!("{file}:1:{at}: {what}")));
            return Ok(read);
        }
    };
    let mut bytes = ByteRecord::new();
    let mut lines = Lines { text, counted: 0, line: 1 };
    while read.complaints.len() < ENOUGH {
        let before = reader.position().clone();
        match reader.read_byte_record(&mut bytes) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                let line = lines.of(error.position().unwrap_or(&before));
                read.complaints.push(format!("{file}:{line}: {}", why(&error)));
                continue;
            }
        }
        let line = lines.of(bytes.position().unwrap_or(&before));
        let record = match StringRecord::from_byte_record(bytes.clone()) {
            Ok(record) => record,
            Err(error) => {
                let column = error.utf8_error().field() + 1;
                read.complaints.push(format!("{file}:{line}:{column}: is not UTF-8; save the file as CSV UTF-8"));
                continue;
            }
        };
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let mut one = Line { columns: &columns, record: &record, complaints: Vec::new() };
        let entry = one.entry();
        read.complaints.extend(one.complaints.iter().map(|(at, what)| format!("{file}:{line}:{at}: {what}")));
        read.entries.push(entry);
        read.places.push(format!("{file}:{line}"));
    }
    Ok(read)
}

fn why(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} columns where the header has {expected_len}; is a quotation mark missing?")
        }
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8; save the file as CSV UTF-8".to_owned(),
        _ => error.to_string(),
    }
}
