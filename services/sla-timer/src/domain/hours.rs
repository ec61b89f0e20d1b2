//! The opening hours of one day, as written (`"08:00-16:00"`) and as measured.

use super::Millis;

/// One day of wall-clock time.
pub(super) const DAY: Millis = 24 * 60 * 60 * 1000;

/// What can be wrong with an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Malformed,
    Backwards,
    Overlapping,
}

/// The open intervals of one date: sorted, apart, within `0..DAY` of wall-clock time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hours {
    intervals: Vec<(Millis, Millis)>,
    open_for: Millis,
}

impl Hours {
    /// Reads the intervals of a day. Faulty ones are handed to `fault` by their index and left out.
    pub(super) fn read(written: &[String], mut fault: impl FnMut(usize, Fault)) -> Self {
        let mut intervals = Vec::with_capacity(written.len());
        for (index, text) in written.iter().enumerate() {
            match interval(text) {
                Ok(read) => intervals.push((read, index)),
                Err(found) => fault(index, found),
            }
        }
        intervals.sort_unstable();
        let mut hours = Self::default();
        for ((from, until), index) in intervals {
            match hours.intervals.last_mut() {
                Some(before) if before.1 > from => {
                    fault(index, Fault::Overlapping);
                    continue;
                }
                Some(before) if before.1 == from => before.1 = until,
                _ => hours.intervals.push((from, until)),
            }
            hours.open_for += until - from;
        }
        hours
    }

    /// Never closed.
    pub(super) fn whole_day() -> Self {
        Self { intervals: vec![(0, DAY)], open_for: DAY }
    }

    /// The open time of the whole day.
    pub(super) const fn open_for(&self) -> Millis {
        self.open_for
    }

    /// The open intervals of the day.
    pub(super) fn intervals(&self) -> &[(Millis, Millis)] {
        &self.intervals
    }

    /// The open time before that time of day.
    pub(super) fn open_before(&self, time: Millis) -> Millis {
        self.intervals.iter().map(|&(from, until)| (time.min(until) - from).max(0)).sum()
    }

    /// The earliest time of day before which so much time was open: the inverse of
    /// [`Self::open_before`] for `0 < open ≤ open_for`.
    pub(super) fn reaching(&self, open: Millis) -> Millis {
        let mut rest = open;
        for &(from, until) in &self.intervals {
            if rest <= until - from {
                return from + rest;
            }
            rest -= until - from;
        }
        DAY
    }
}

fn interval(text: &str) -> Result<(Millis, Millis), Fault> {
    let (from, until) = text.split_once('-').ok_or(Fault::Malformed)?;
    let (from, until) = (time(from).ok_or(Fault::Malformed)?, time(until).ok_or(Fault::Malformed)?);
    if from < until { Ok((from, until)) } else { Err(Fault::Backwards) }
}

/// `HH:MM`, with `24:00` as the end of the day.
fn time(text: &str) -> Option<Millis> {
    let &[h1, h2, b':', m1, m2] = text.as_bytes() else {
        return None;
    };
    let two = |tens: u8, ones: u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit())
            .then(|| Millis::from(tens - b'0') * 10 + Millis::from(ones - b'0'))
    };
    let (hour, minute) = (two(h1, h2)?, two(m1, m2)?);
    let time = (hour * 60 + minute) * 60_000;
    (minute < 60 && time <= DAY).then_some(time)
}
