//! A time zone as stretches of constant offset: inside one, local time is a plain sum.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{Millis, timestamp};

/// The zones that were compiled in, so that every replica gives the same answer whatever time
/// zone files its machine carries.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// 2000-01-01 and 2100-01-01: the years a zone keeps ready. Outside them the rules are asked.
const KEPT_FROM: Millis = 946_684_800_000;
const KEPT_UNTIL: Millis = 4_102_444_800_000;

/// `from ≤ t < until`: local time is `t + offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) until: Millis,
    pub(super) offset: Millis,
}

/// The rules of one zone.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    rules: TimeZone,
    kept: Box<[Stretch]>,
}

impl Zone {
    /// The zone of that IANA name, if there is one.
    pub(super) fn named(name: &str) -> Option<Self> {
        let rules = ZONES.get(name).ok()?;
        let mut kept = vec![ask(&rules, KEPT_FROM)];
        while let Some(last) = kept.last().copied().filter(|last| last.until < KEPT_UNTIL) {
            kept.push(ask(&rules, last.until));
        }
        Some(Self { rules, kept: kept.into() })
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

fn ask(rules: &TimeZone, at: Millis) -> Stretch {
    let instant = timestamp(at);
    let until = rules.following(instant).next().map_or(Millis::MAX / 4, |change| change.timestamp().as_millisecond());
    Stretch { until, offset: Millis::from(rules.to_offset(instant).seconds()) * 1000 }
}
