//! The targets of the figures, and whether they were met.

use crate::results::{self, Metric, Ratio, Results};
use crate::{CWASM, REFERENCE, faults};

/// A bound on a figure of Bulkhead with `.cwasm`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// The name of the target.
    pub(crate) name: &'static str,
    /// The table.
    table: &'static str,
    metric: Metric,
    /// How the figure is taken from the table.
    take: Take,
    /// The bound.
    pub(crate) limit: f64,
    /// A better figure that is hoped for.
    pub(crate) aim: Option<f64>,
    /// The unit of both.
    pub(crate) unit: &'static str,
    /// Whether the limit is a minimum.
    pub(crate) more_is_better: bool,
}

#[derive(Debug, Clone, Copy)]
enum Take {
    /// Relative to `lambda_runtime`'s figure, round by round.
    Ratio,
    /// The difference to `lambda_runtime`'s figure, round by round.
    Difference,
    /// The figure itself.
    Alone,
}

/// A target, and the measured figure.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The target.
    pub(crate) target: Target,
    /// The measured figure.
    pub(crate) measured: Ratio,
}

const fn at_most(
    name: &'static str,
    table: &'static str,
    metric: Metric,
    limit: f64,
    aim: Option<f64>,
) -> Target {
    Target { name, table, metric, take: Take::Ratio, limit, aim, unit: "×", more_is_better: false }
}

const TARGETS: [Target; 10] = [
    at_most("event, median", "hello-100b", results::EVENT, 0.97, Some(0.90)),
    at_most("event, p99", "hello-100b", results::EVENT_P99, 1.10, None),
    at_most("start to first /next", "start", results::START, 1.50, Some(1.25)),
    at_most("processor time per event", "hello-100b", results::PROCESSOR, 1.40, Some(1.20)),
    Target {
        more_is_better: true,
        ..at_most("throughput, 64 at once", "at-once-64", results::THROUGHPUT, 0.90, None)
    },
    at_most("echo of 6 MB, median", "echo-6mb", results::EVENT, 2.00, None),
    Target {
        take: Take::Difference,
        unit: " MB",
        ..at_most("idle memory above lambda_runtime", "hello-100b", results::FRESH_MEMORY, 4.0, None)
    },
    after("event after a panic", "fault-panic"),
    after("event after an exit", "fault-exit"),
    after("event after a stuck handler", "fault-stuck"),
];

const fn after(name: &'static str, table: &'static str) -> Target {
    Target { take: Take::Alone, ..at_most(name, table, faults::RELATIVE, 1.10, None) }
}

/// All targets that have a measured figure.
pub(crate) fn judge(tables: &[Results]) -> Vec<Verdict> {
    let measured = |target: &Target| {
        let table = tables.iter().find(|table| table.id == target.table)?;
        let measured = match target.take {
            Take::Ratio => table.ratio(target.metric, CWASM),
            Take::Difference => table.paired(target.metric, [CWASM, REFERENCE], |figure, base| figure - base),
            Take::Alone => Ratio::of(table.figures(target.metric, CWASM)),
        };
        measured.median.is_finite().then_some(Verdict { target: *target, measured })
    };
    TARGETS.iter().filter_map(measured).collect()
}

impl Verdict {
    /// The verdict in a word or two.
    pub(crate) fn word(&self) -> &'static str {
        let meets = |bound: f64| match self.target.more_is_better {
            true => self.measured.median >= bound,
            false => self.measured.median <= bound,
        };
        match (meets(self.target.limit), self.target.aim) {
            (false, _) => "MISSED",
            (true, Some(aim)) if !meets(aim) => "met, not the aim",
            (true, _) => "met",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(id: &str, metric: Metric, figures: [f64; 2]) -> Results {
        let mut results = Results::of(id, id, ["native", "one thread", "cwasm"].into_iter());
        results.add(metric, REFERENCE, figures[0]);
        results.add(metric, CWASM, figures[1]);
        results
    }

    fn words(tables: &[Results]) -> Vec<&'static str> {
        judge(tables).iter().map(Verdict::word).collect()
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        assert!(judge(&[]).is_empty());
    }

    #[test]
    fn limits_and_aims_are_told_apart() {
        let word = |cwasm| words(&[table("start", results::START, [2.0, cwasm])]);
        assert_eq!([3.1, 2.9, 2.5].map(word), [["MISSED"], ["met, not the aim"], ["met"]]);
    }

    #[test]
    fn throughput_must_be_high_and_memory_low() {
        let word = |cwasm| words(&[table("at-once-64", results::THROUGHPUT, [100.0, cwasm])]);
        assert_eq!([89.0, 91.0].map(word), [["MISSED"], ["met"]]);
        let word = |cwasm| words(&[table("hello-100b", results::FRESH_MEMORY, [3.5, cwasm])]);
        assert_eq!([7.6, 7.4].map(word), [["MISSED"], ["met"]]);
    }

    #[test]
    fn an_event_after_a_fault_is_compared_with_those_before() {
        let tables = [table("fault-exit", faults::RELATIVE, [5.0, 1.05])];
        assert_eq!(words(&tables), ["met"]);
    }
}
