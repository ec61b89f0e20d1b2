//! The rows of the log, one after the other, out of the zip.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use anyhow::{Context, Result, bail};
use csv::{Reader, StringRecord};
use flate2::read::DeflateDecoder;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use zip::{CompressionMethod, ZipArchive};

use super::{Dirt, DirtKind, TIME_ZONE};

macro_rules! columns {
    ($($column:ident = $name:literal),+ $(,)?) => {
        /// A column that is looked at. The verdicts are not among them.
        #[derive(Debug, Clone, Copy)]
        pub(super) enum Column { $($column),+ }

        impl Column {
            const NAMES: &[&str] = &[$($name),+];
        }
    };
}

columns!(
    Number = "number",
    State = "incident_state",
    ModCount = "sys_mod_count",
    Caller = "caller_id",
    OpenedBy = "opened_by",
    OpenedAt = "opened_at",
    UpdatedBy = "sys_updated_by",
    UpdatedAt = "sys_updated_at",
    ContactType = "contact_type",
    Location = "location",
    Category = "category",
    Subcategory = "subcategory",
    Symptom = "u_symptom",
    Item = "cmdb_ci",
    Impact = "impact",
    Urgency = "urgency",
    Priority = "priority",
    Group = "assignment_group",
    Knowledge = "knowledge",
    Problem = "problem_id",
    Change = "rfc",
    Vendor = "vendor",
    CausedBy = "caused_by",
);

/// One update of an incident.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) number: String,
    pub(super) mod_count: u32,
    /// Absent if the log does not say.
    pub(super) updated_at: Option<Timestamp>,
    fields: StringRecord,
}

impl Row {
    /// What a column says; `?` is nothing.
    pub(super) fn get(&self, column: Column) -> Option<&str> {
        self.fields.get(column as usize).filter(|text| !matches!(*text, "?" | ""))
    }

    /// When the incident was opened; asked of one row only, because all say the same.
    pub(super) fn opened_at(&self, time_zone: &TimeZone) -> Result<Timestamp> {
        let opened_at = self.get(Column::OpenedAt).unwrap_or_default();
        let (at, _) = instant(opened_at, time_zone).with_context(|| format!("line {}", self.line))?;
        Ok(at)
    }
}

/// The open log.
pub(super) struct Rows {
    reader: Reader<Box<dyn Read + Send>>,
    /// Where each [`Column`] stands in the file.
    places: Vec<usize>,
    time_zone: TimeZone,
    record: StringRecord,
}

impl Rows {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let content = content(path).with_context(|| format!("{} can not be opened", path.display()))?;
        let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 18).from_reader(content);
        let headers = reader.headers().context("the header line can not be read")?.clone();
        let place = |name: &&str| {
            let found = headers.iter().position(|header| header == *name);
            found.with_context(|| format!("the log has no column `{name}`; take the original file"))
        };
        let places = Column::NAMES.iter().map(place).collect::<Result<Vec<_>>>()?;
        let time_zone = TimeZone::get(TIME_ZONE)?;
        Ok(Self { reader, places, time_zone, record: StringRecord::new() })
    }

    /// The zone its dates are in.
    pub(super) fn time_zone(&self) -> &TimeZone {
        &self.time_zone
    }

    /// The next row, or `None` at the end.
    pub(super) fn next_row(&mut self, dirt: &mut Dirt) -> Result<Option<Row>> {
        if !self.reader.read_record(&mut self.record)? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        let mut fields = StringRecord::with_capacity(256, self.places.len());
        for place in &self.places {
            fields.push_field(self.record.get(*place).unwrap_or_default().trim());
        }
        let get = |column: Column| fields.get(column as usize).unwrap_or_default();
        let (number, count) = (get(Column::Number), get(Column::ModCount));
        if number.is_empty() {
            bail!("line {line}: the row has no `number`; give it one or remove it");
        }
        let mod_count = count.parse();
        let mod_count = mod_count.with_context(|| format!("line {line}: `{count}` is no sys_mod_count"))?;
        let updated_at = match get(Column::UpdatedAt) {
            "" | "?" => {
                dirt.add(DirtKind::MissingTime);
                None
            }
            text => {
                let (at, skipped) = instant(text, &self.time_zone).with_context(|| format!("line {line}"))?;
                if skipped {
                    dirt.add(DirtKind::SkippedHour);
                }
                Some(at)
            }
        };
        let number = number.to_owned();
        Ok(Some(Row { line, number, mod_count, updated_at, fields }))
    }
}

/// The CSV inside a zip, or the file itself.
fn content(path: &Path) -> Result<Box<dyn Read + Send>> {
    if path.extension().is_none_or(|extension| extension != "zip") {
        return Ok(Box::new(File::open(path)?));
    }
    let mut archive = ZipArchive::new(BufReader::new(File::open(path)?))?;
    let names: Vec<String> = archive.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
    let Some(name) = names.iter().find(|name| name.ends_with(".csv")) else {
        bail!("there is no .csv in the zip; take the original file");
    };
    // The archive lends its entries, so the place of the entry is looked up and read from a file of
    // its own: that is what lets the log be an iterator that owns what it reads.
    let entry = archive.by_name(name)?;
    let start = entry.data_start().context("the zip does not say where the .csv begins")?;
    let (length, method) = (entry.compressed_size(), entry.compression());
    drop(entry);
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let packed = BufReader::with_capacity(1 << 18, file.take(length));
    match method {
        CompressionMethod::Stored => Ok(Box::new(packed)),
        CompressionMethod::Deflated => Ok(Box::new(DeflateDecoder::new(packed))),
        other => bail!("the .csv is packed with {other}; pack it with deflate"),
    }
}

/// `29/2/2016 01:16` as an instant, and whether no clock ever showed it.
fn instant(text: &str, time_zone: &TimeZone) -> Result<(Timestamp, bool)> {
    let parts = || {
        let (date, time) = text.split_once(' ')?;
        let (hour, minute) = time.split_once(':')?;
        let mut date = date.split('/');
        let (day, month, year) = (date.next()?, date.next()?, date.next()?);
        let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
        let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
        let sane = (0..24).contains(&hour) && (0..60).contains(&minute);
        sane.then(|| date.at(hour, minute, 0, 0))
    };
    let local = parts().with_context(|| format!("`{text}` is not a date like 29/2/2016 01:16"))?;
    let ambiguous = time_zone.to_ambiguous_timestamp(local);
    let skipped = matches!(ambiguous.offset(), jiff::tz::AmbiguousOffset::Gap { .. });
    Ok((ambiguous.compatible()?, skipped))
}
