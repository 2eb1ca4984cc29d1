//! Percentiles of any number of values, in little memory.

use std::collections::BTreeMap;

/// Values below this are counted exactly; above, each power of two is divided into half as many steps.
const EXACT: u64 = 128;
const STEPS: u64 = EXACT / 2;

/// The number of values in each step. A step is at most 1/64 of its values wide and stands for its middle, so
/// a percentile is off by less than 1 %. There are at most 3,712 steps, however many values are added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Histogram {
    counts: BTreeMap<u64, u64>,
    values: u64,
}

impl Histogram {
    pub(super) fn add(&mut self, value: u64) {
        *self.counts.entry(step(value)).or_default() += 1;
        self.values += 1;
    }

    /// Adds all values of another one.
    pub(super) fn merge(&mut self, other: &Self) {
        other.counts.iter().for_each(|(step, count)| *self.counts.entry(*step).or_default() += count);
        self.values += other.values;
    }

    /// The value that this percentage of all values do not exceed; 0 if there are no values.
    pub(super) fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.values.saturating_mul(percent).div_ceil(100)).max(1);
        let mut seen = 0;
        for (step, count) in &self.counts {
            seen += count;
            if seen >= rank {
                return middle(*step);
            }
        }
        0
    }
}

/// The number of the step of a value.
fn step(value: u64) -> u64 {
    if value < EXACT {
        return value;
    }
    // The leading bits of the value select the step; the first of them is always set.
    let shift = u64::from(value.ilog2() - STEPS.ilog2());
    shift * STEPS + (value >> shift)
}

/// The value in the middle of a step.
fn middle(step: u64) -> u64 {
    if step < EXACT {
        return step;
    }
    let shift = step / STEPS - 1;
    let first = (step - shift * STEPS) << shift;
    first + (1 << shift >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_one_percent_off() {
        let values = (0..1000).chain((0..64).flat_map(|bit| {
            let power = 1_u64 << bit;
            [power - 1, power, power + 1, power + power / 3]
        }));
        for value in values.chain([u64::MAX]) {
            let shown = middle(step(value));
            assert!(shown.abs_diff(value) <= value / 100, "{value} is shown as {shown}");
        }
    }

    #[test]
    fn steps_are_in_the_order_of_values() {
        let steps: Vec<u64> = (0..100_000).map(step).collect();
        assert!(steps.is_sorted());
        assert!(step(u64::MAX) < 3_712 + EXACT);
    }

    #[test]
    fn percentiles_are_by_rank() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), 0);
        histogram.add(7);
        assert_eq!((histogram.percentile(50), histogram.percentile(99)), (7, 7));
        let mut histogram = Histogram::default();
        (1..=100).rev().for_each(|value| histogram.add(value));
        assert_eq!((histogram.percentile(50), histogram.percentile(99)), (50, 99));
        assert_eq!((histogram.percentile(0), histogram.percentile(100)), (1, 100));
    }
}
