//! Conversions of figures to the units of reports, and quantiles.

use std::time::Duration;

/// The median, for [`quantile`].
pub const MEDIAN: usize = 500;

/// The figure that a part of all figures, in thousandths, does not exceed: 500 for the median, 990 for the
/// p99.
pub fn quantile(figures: &[f64], in_thousand: usize) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = sorted.len().saturating_sub(1) * in_thousand / 1000;
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}

/// The median of all figures.
pub fn median(figures: &[f64]) -> f64 {
    quantile(figures, MEDIAN)
}

/// A time in ms.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A time in µs.
pub fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// A count as a figure. The counts are small enough that no digit is lost.
pub fn count(number: impl TryInto<u32>) -> f64 {
    number.try_into().map_or(f64::NAN, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_figures_that_were_seen() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(quantile(&[5.0, 1.0], 1000), 5.0);
        assert_eq!(quantile(&[5.0, 1.0], 0), 1.0);
        assert!(median(&[]).is_nan());
    }
}
