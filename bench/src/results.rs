//! Figures by metric, contestant and round, and what is made of them: medians, and ratios pair by pair.

/// What is measured, in which unit. All of it is better when it is less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metric {
    /// What it is called in the report.
    pub(crate) name: &'static str,
    /// The unit of its figures.
    pub(crate) unit: &'static str,
}

/// From `spawn` to the first request for an event.
pub(crate) const START: Metric = Metric { name: "start to first /next, median", unit: "ms" };
/// From the event's last byte written to the answer's last byte read, with a pause before each event.
pub(crate) const EVENT: Metric = Metric { name: "event, median", unit: "µs" };
/// The same, for the slowest in a hundred.
pub(crate) const EVENT_P99: Metric = Metric { name: "event, p99", unit: "µs" };
/// From answer to answer where the next event is always there already.
pub(crate) const SATURATED: Metric = Metric { name: "event to event without a pause", unit: "µs" };
/// Time on a processor, of all threads, in user mode and in the kernel.
pub(crate) const PROCESSOR: Metric = Metric { name: "processor time per event", unit: "µs" };
/// Resident memory when the first event is asked for.
pub(crate) const FRESH_MEMORY: Metric = Metric { name: "resident memory before any event", unit: "MB" };
/// Resident memory after a hundred events.
pub(crate) const IDLE_MEMORY: Metric = Metric { name: "resident memory after 100 events", unit: "MB" };
/// The program's file.
pub(crate) const PROGRAM: Metric = Metric { name: "program", unit: "MB" };

/// The order of the report.
pub(crate) const METRICS: [Metric; 8] =
    [START, EVENT, EVENT_P99, SATURATED, PROCESSOR, FRESH_MEMORY, IDLE_MEMORY, PROGRAM];

/// All figures of a run.
#[derive(Debug)]
pub(crate) struct Results {
    /// The contestants; the first is what the others are compared with.
    pub(crate) contestants: Vec<&'static str>,
    series: Vec<(Metric, usize, Vec<f64>)>,
}

/// A figure relative to the first contestant's: the middle of all rounds, and the ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    /// The median of the rounds.
    pub(crate) median: f64,
    /// The least of them.
    pub(crate) low: f64,
    /// The greatest of them.
    pub(crate) high: f64,
}

impl Results {
    /// Nothing yet.
    pub(crate) fn of(contestants: impl Iterator<Item = &'static str>) -> Self {
        Self { contestants: contestants.collect(), series: Vec::new() }
    }

    /// Adds the figure of one more round.
    pub(crate) fn add(&mut self, metric: Metric, contestant: usize, figure: f64) {
        match self.series.iter_mut().find(|(of, who, _)| *of == metric && *who == contestant) {
            Some((.., figures)) => figures.push(figure),
            None => self.series.push((metric, contestant, vec![figure])),
        }
    }

    /// One figure for each round.
    pub(crate) fn figures(&self, metric: Metric, contestant: usize) -> &[f64] {
        let series = self.series.iter().find(|(of, who, _)| *of == metric && *who == contestant);
        series.map_or(&[], |(.., figures)| figures.as_slice())
    }

    /// How a contestant compares with the first one, round by round.
    pub(crate) fn ratio(&self, metric: Metric, contestant: usize) -> Ratio {
        let pairs = self.figures(metric, contestant).iter().zip(self.figures(metric, 0));
        let ratios: Vec<f64> = pairs.map(|(figure, base)| figure / base).collect();
        Ratio { median: quantile(&ratios, MEDIAN), low: quantile(&ratios, 0), high: quantile(&ratios, 1000) }
    }
}

/// The middle one of all figures, for [`quantile`].
pub(crate) const MEDIAN: usize = 500;

/// The figure that so many in a thousand do not exceed: 500 for the median, 990 for the p99.
pub(crate) fn quantile(figures: &[f64], in_thousand: usize) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = sorted.len().saturating_sub(1) * in_thousand / 1000;
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_figures_that_were_seen() {
        assert_eq!(quantile(&[3.0, 1.0, 2.0], MEDIAN), 2.0);
        assert_eq!(quantile(&[5.0, 1.0], 1000), 5.0);
        assert_eq!(quantile(&[5.0, 1.0], 0), 1.0);
        assert!(quantile(&[], MEDIAN).is_nan());
    }

    #[test]
    fn ratios_pair_the_rounds() {
        let mut results = Results::of(["a", "b"].into_iter());
        for (a, b) in [(1.0, 2.0), (10.0, 10.0), (4.0, 6.0)] {
            results.add(EVENT, 0, a);
            results.add(EVENT, 1, b);
        }
        assert_eq!(results.ratio(EVENT, 1), Ratio { median: 1.5, low: 1.0, high: 2.0 });
    }
}
