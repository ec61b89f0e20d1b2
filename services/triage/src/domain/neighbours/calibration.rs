//! How often votes came true.

/// Ranges of shares that are counted apart.
const BINS: usize = 20;
/// So many votes that never were stand at the beginning of each range, as true as their share says.
const BEFORE: f64 = 8.0;
/// When so many votes are counted, all count half: what was long ago fades.
const FADE: f64 = 6_000.0;

/// From a vote's share to the likelihood that it is right, by the votes whose outcome is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    right: [f64; BINS],
    all: [f64; BINS],
}

impl Default for Calibration {
    fn default() -> Self {
        Self { right: [0.0; BINS], all: [0.0; BINS] }
    }
}

impl Calibration {
    /// A vote's outcome is known.
    pub fn learn(&mut self, share: f64, was_right: bool) {
        let bin = bin_of(share);
        if let (Some(right), Some(all)) = (self.right.get_mut(bin), self.all.get_mut(bin)) {
            *all += 1.0;
            *right += f64::from(u8::from(was_right));
        }
        if self.all.iter().sum::<f64>() > FADE {
            self.right.iter_mut().chain(&mut self.all).for_each(|count| *count /= 2.0);
        }
    }

    /// How likely a vote with this share is right. A greater share is never less likely.
    pub fn confidence(&self, share: f64) -> f64 {
        // Neighbouring ranges that contradict the order are one range: (right, all, how many ranges).
        let mut pools: Vec<(f64, f64, usize)> = Vec::with_capacity(BINS);
        for (bin, (right, all)) in self.right.iter().zip(&self.all).enumerate() {
            let middle = (bin as f64 + 0.5) / BINS as f64;
            let mut pool = (right + BEFORE * middle, all + BEFORE, 1);
            while let Some(last) = pools.last()
                && last.0 / last.1 >= pool.0 / pool.1
            {
                pool = (pool.0 + last.0, pool.1 + last.1, pool.2 + last.2);
                pools.pop();
            }
            pools.push(pool);
        }
        let mut left = bin_of(share);
        for (right, all, bins) in pools {
            if left < bins {
                return right / all;
            }
            left -= bins;
        }
        share
    }
}

fn bin_of(share: f64) -> usize {
    ((share * BINS as f64) as usize).min(BINS - 1)
}
