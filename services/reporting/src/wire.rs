//! Between the protos and reporting's own words.

pub mod answers;
pub mod facts;
mod impact;
pub mod requests;

use jiff::Timestamp;

/// The first and the last years that reporting takes: what Postgres and every calendar can keep.
const YEARS: std::ops::Range<i16> = 1..9_999;

/// An instant from the wire in microseconds, as the store keeps it; `None` if it is malformed or outside of `YEARS`.
fn instant(at: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    from_microsecond(contracts::from_timestamp(at?)?.as_microsecond())
}

/// An instant of `YEARS` by its microseconds since 1970.
pub fn from_microsecond(microseconds: i64) -> Option<Timestamp> {
    let at = Timestamp::from_microsecond(microseconds).ok()?;
    YEARS.contains(&jiff::tz::TimeZone::UTC.to_datetime(at).year()).then_some(at)
}

#[cfg(test)]
mod tests;
