//! Where an instant of a trace is drawn.

use super::waterfall::{Waterfall, stretches};

/// A pause that is so many times as long as all work together is cut out of the drawing: a message that was tried again
/// minutes later would leave nothing else to see.
const CUT_FROM: u64 = 2;
/// What is drawn of it: this share of all work together.
const CUT_TO: u64 = 16;

/// From instants to places on a line.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// Pauses that are not drawn in full: from, until, the length that is drawn, all in microseconds.
    cuts: Vec<(u64, u64, u64)>,
    /// The line's length, in microseconds drawn.
    length: u64,
}

impl Scale {
    /// The scale on which all of a trace can be seen.
    pub fn of(waterfall: &Waterfall) -> Self {
        let busy = stretches(waterfall.spans.iter().map(|row| (row.started_after_us, row.ended_after_us())));
        let work: u64 = busy.iter().map(|(from, until)| until - from).sum::<u64>().max(1);
        let pauses = busy.iter().zip(busy.iter().skip(1)).map(|((_, from), (until, _))| (*from, *until));
        let cuts: Vec<(u64, u64, u64)> = pauses
            .filter(|(from, until)| until - from > work.saturating_mul(CUT_FROM))
            .map(|(from, until)| (from, until, (work / CUT_TO).max(1)))
            .collect();
        let cut_out: u64 = cuts.iter().map(|(from, until, drawn)| until - from - drawn).sum();
        Self { cuts, length: waterfall.took_for_us.saturating_sub(cut_out).max(1) }
    }

    /// Where an instant is: 0 is the line's beginning, 1 its end.
    pub fn place(&self, after_us: u64) -> f64 {
        let mut drawn = after_us;
        for (from, until, left) in &self.cuts {
            if after_us >= *until {
                drawn -= until - from - left;
            } else if after_us > *from {
                let share = (after_us - from) as f64 / (until - from) as f64;
                drawn -= (after_us - from) - (share * *left as f64) as u64;
            }
        }
        (drawn as f64 / self.length as f64).clamp(0.0, 1.0)
    }

    /// The pauses that were cut out: where they are drawn, and how long they took in microseconds.
    pub fn cuts(&self) -> impl Iterator<Item = (f64, f64, u64)> {
        self.cuts.iter().map(|(from, until, _)| (self.place(*from), self.place(*until), until - from))
    }

    /// Round instants along the line, at most about `most`; none where pauses were cut out, as they would mislead.
    pub fn ticks(&self, most: u64) -> Vec<u64> {
        if !self.cuts.is_empty() {
            return vec![0];
        }
        let wanted = self.length / most.max(1);
        let steps = (0..12).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)));
        let step = steps.into_iter().find(|step| *step >= wanted).unwrap_or(self.length).max(1);
        (0..=self.length / step).map(|count| count * step).collect()
    }
}

/// A length of time for people: `850 µs`, `12.3 ms`, `4.05 s`, `3 min 20 s`.
pub fn length(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..100_000 => format!("{:.1} ms", us as f64 / 1_000.0),
        100_000..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..60_000_000 => format!("{:.2} s", us as f64 / 1_000_000.0),
        60_000_000..3_600_000_000 => format!("{} min {} s", us / 60_000_000, us / 1_000_000 % 60),
        _ => format!("{} h {} min", us / 3_600_000_000, us / 60_000_000 % 60),
    }
}
