//! What a promise comes to: service hours, contracts, facts, and the clocks they give.
//!
//! Everything here is a pure function. Nothing reads a clock, a database or a broker: the same
//! facts, contract and as-of instant give the same clocks for ever.
//!
//! Reading order: [`calendar`] (when is it open?), [`contract`] (what was promised?), [`fact`]
//! and [`field`] (what happened to what?), [`clock`] (so where do we stand?), [`told`] (what must be announced?),
//! [`explain`] (why?), [`edit`] (what does another contract change?), [`case`] (all of it as one JSON document).
//!
//! Time is kept in whole milliseconds; a finer part of an instant is cut off.

pub mod calendar;
pub mod case;
pub mod clock;
pub mod contract;
pub mod edit;
pub mod explain;
pub mod fact;
pub mod field;
pub mod told;
pub mod what_if;

mod fold;
mod hours;
mod once;
mod run;
pub mod zone;

#[cfg(test)]
mod strategies;

use jiff::{SignedDuration, Timestamp};

/// An instant as whole milliseconds since 1970, or a length of time in milliseconds.
type Millis = i64;

/// Back from milliseconds; what lies past the end of time is the end of time.
fn timestamp(millis: Millis) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// The whole milliseconds of a length of time.
fn millis(length: SignedDuration) -> Millis {
    Millis::try_from(length.as_millis()).unwrap_or(if length.is_negative() { Millis::MIN } else { Millis::MAX })
}
