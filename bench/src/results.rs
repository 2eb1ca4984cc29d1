//! Figures by metric, contestant and round, and their evaluation: medians, and ratios of pairs.

use bulkhead_bench::figures::{median, quantile};

use crate::contestant::{CWASM, ONE_THREAD, ONE_THREAD_NAME};

/// A metric and its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metric {
    /// The name in the report.
    pub(crate) name: &'static str,
    /// The unit of its figures.
    pub(crate) unit: &'static str,
}

/// From `spawn` to the first request for an event.
pub(crate) const START: Metric = Metric { name: "start to first /next", unit: "ms" };
/// From just before the event is written to the last byte of its answer, with a pause before each event.
pub(crate) const EVENT: Metric = Metric { name: "event, median", unit: "µs" };
/// The time of an event, for the slowest in a hundred.
pub(crate) const EVENT_P99: Metric = Metric { name: "event, p99", unit: "µs" };
/// The time of an event, for the slowest in a thousand.
pub(crate) const EVENT_P999: Metric = Metric { name: "event, p99.9", unit: "µs" };
/// The processor time of a start, with the first sandbox, which is made after the call for an event.
pub(crate) const START_PROCESSOR: Metric = Metric { name: "processor time of a start", unit: "ms" };
/// From answer to answer, if the next event is always available.
pub(crate) const SATURATED: Metric = Metric { name: "event to event without a pause", unit: "µs" };
/// Events per second, with as many in flight as the contestant asks for. The only metric of which more is
/// better.
pub(crate) const THROUGHPUT: Metric = Metric { name: "throughput (more is better)", unit: "/s" };
/// The processor time of all threads, in user mode and in the kernel.
pub(crate) const PROCESSOR: Metric = Metric { name: "processor time per event", unit: "µs" };
/// The processor time of an event, if the next one is always available.
pub(crate) const SATURATED_PROCESSOR: Metric = Metric { name: "processor time without a pause", unit: "µs" };
/// The processor time of this program, most of which is the server: the part that measuring adds for every
/// contestant.
pub(crate) const SERVER: Metric = Metric { name: "the server's, per event", unit: "µs" };
/// Resident memory when the process calls for the first event.
pub(crate) const FRESH_MEMORY: Metric = Metric { name: "memory before any event", unit: "MB" };
/// Resident memory after the events that warm up, or after all events.
pub(crate) const IDLE_MEMORY: Metric = Metric { name: "memory after events", unit: "MB" };
/// The size of the program's file.
pub(crate) const PROGRAM: Metric = Metric { name: "program", unit: "MB" };
/// The number of pending calls for an event.
pub(crate) const CALLS: Metric = Metric { name: "calls for an event at once", unit: "" };

/// All figures of one table.
#[derive(Debug)]
pub(crate) struct Results {
    /// The name in JSON and in the targets.
    pub(crate) id: String,
    /// The title for people.
    pub(crate) title: String,
    /// The contestants; the others are compared with the first.
    pub(crate) contestants: Vec<&'static str>,
    series: Vec<(Metric, usize, Vec<f64>)>,
}

/// A figure relative to the first contestant's: the median of all rounds, and the extremes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    /// The median of the rounds.
    pub(crate) median: f64,
    /// The smallest ratio.
    pub(crate) low: f64,
    /// The largest ratio.
    pub(crate) high: f64,
}

impl Ratio {
    /// The median and the extremes of some figures.
    pub(crate) fn of(figures: &[f64]) -> Self {
        Self { median: median(figures), low: quantile(figures, 0), high: quantile(figures, 1000) }
    }
}

impl Results {
    /// Without figures.
    pub(crate) fn of(id: &str, title: &str, contestants: impl Iterator<Item = &'static str>) -> Self {
        let contestants = contestants.collect();
        Self { id: id.to_owned(), title: title.to_owned(), contestants, series: Vec::new() }
    }

    /// Adds the figure of one more round.
    pub(crate) fn add(&mut self, metric: Metric, contestant: usize, figure: f64) {
        match self.series.iter_mut().find(|(of, who, _)| *of == metric && *who == contestant) {
            Some((.., figures)) => figures.push(figure),
            None => self.series.push((metric, contestant, vec![figure])),
        }
    }

    /// The metrics with figures, in the order in which they came.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let mut metrics = Vec::new();
        for (metric, ..) in &self.series {
            if !metrics.contains(metric) {
                metrics.push(*metric);
            }
        }
        metrics
    }

    /// One figure for each round.
    pub(crate) fn figures(&self, metric: Metric, contestant: usize) -> &[f64] {
        let series = self.series.iter().find(|(of, who, _)| *of == metric && *who == contestant);
        series.map_or(&[], |(.., figures)| figures.as_slice())
    }

    /// The comparison of a contestant with another, round by round.
    pub(crate) fn paired(&self, metric: Metric, pair: [usize; 2], compare: fn(f64, f64) -> f64) -> Ratio {
        let [figures, base] = pair.map(|contestant| self.figures(metric, contestant));
        let pairs: Vec<f64> =
            figures.iter().zip(base).map(|(figure, base)| compare(*figure, *base)).collect();
        Ratio::of(&pairs)
    }

    /// The ratio of a contestant's figure to the first contestant's.
    pub(crate) fn ratio(&self, metric: Metric, contestant: usize) -> Ratio {
        self.relative(metric, [contestant, 0])
    }

    /// The ratio of one contestant's figure to another's.
    pub(crate) fn relative(&self, metric: Metric, pair: [usize; 2]) -> Ratio {
        self.paired(metric, pair, |figure, base| figure / base)
    }

    /// Whether this table compares Bulkhead with both forms of `lambda_runtime`.
    pub(crate) fn has_both_natives(&self) -> bool {
        self.contestants.get(ONE_THREAD).is_some_and(|name| *name == ONE_THREAD_NAME)
            && self.contestants.len() > CWASM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_pair_the_rounds() {
        let mut results = Results::of("t", "a test", ["a", "b"].into_iter());
        for (a, b) in [(1.0, 2.0), (10.0, 10.0), (4.0, 6.0)] {
            results.add(EVENT, 0, a);
            results.add(EVENT, 1, b);
        }
        assert_eq!(results.ratio(EVENT, 1), Ratio { median: 1.5, low: 1.0, high: 2.0 });
        let more = results.paired(EVENT, [1, 0], |figure, base| figure - base);
        assert_eq!(more, Ratio { median: 1.0, low: 0.0, high: 2.0 });
    }

    #[test]
    fn metrics_come_in_the_order_of_the_first_figure() {
        let mut results = Results::of("t", "a test", ["a", "b"].into_iter());
        for (metric, contestant) in [(START, 1), (EVENT, 0), (START, 0)] {
            results.add(metric, contestant, 1.0);
        }
        assert_eq!(results.metrics(), [START, EVENT]);
    }
}
