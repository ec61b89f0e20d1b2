//! Instants and durations between protobuf and jiff.

use jiff::{SignedDuration, Timestamp};

/// An instant on the wire.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    // jiff splits instants before 1970 with a negative fraction; protobuf wants it in 0..1e9.
    let nanos = at.as_nanosecond().rem_euclid(1_000_000_000) as i32;
    let seconds = at.as_nanosecond().div_euclid(1_000_000_000) as i64;
    prost_types::Timestamp { seconds, nanos }
}

/// An instant from the wire; `None` if it is malformed or outside of the years −9999 … 9999.
pub fn from_timestamp(at: &prost_types::Timestamp) -> Option<Timestamp> {
    if !(0..1_000_000_000).contains(&at.nanos) {
        return None;
    }
    Timestamp::new(at.seconds, at.nanos).ok()
}

/// A duration on the wire.
pub fn duration(length: SignedDuration) -> prost_types::Duration {
    prost_types::Duration { seconds: length.as_secs(), nanos: length.subsec_nanos() }
}

/// A duration from the wire; `None` if seconds and nanoseconds disagree in sign or overflow.
pub fn from_duration(length: &prost_types::Duration) -> Option<SignedDuration> {
    if length.nanos.unsigned_abs() >= 1_000_000_000 || length.seconds.signum() * i64::from(length.nanos.signum()) < 0 {
        return None;
    }
    SignedDuration::from_secs(length.seconds).checked_add(SignedDuration::from_nanos(i64::from(length.nanos)))
}
