//! The targets of the figures, and whether they were met.

use anyhow::Result;

use crate::contestant::{CWASM, ONE_THREAD, REFERENCE};
use crate::elsewhere::{Elsewhere, Figure};
use crate::rest;
use crate::results::{self, Metric, Ratio, Results};
use Against::{Itself, OneThread, Readme, RunConcurrent};

/// A bound on a figure of Bulkhead with `.cwasm`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// The name of the target.
    pub(crate) name: &'static str,
    source: Source,
    /// What the figure is compared with.
    pub(crate) against: Against,
    /// The bound.
    pub(crate) limit: f64,
    /// A better figure that is hoped for.
    pub(crate) aim: Option<f64>,
    /// Whether the limit is a minimum.
    pub(crate) more_is_better: bool,
}

/// Where a figure comes from.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// A table of this run, and a metric.
    Table(&'static str, Metric),
    /// Another measurement.
    Elsewhere(Figure),
}

/// What a figure is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Against {
    /// `lambda_runtime` as its README sets it up, round by round.
    Readme,
    /// The same column where several events are handled at a time; the README has another call for this.
    RunConcurrent,
    /// `lambda_runtime` on one thread, round by round.
    OneThread,
    /// Nothing: the figure itself, in this unit.
    Itself(&'static str),
}

impl Against {
    /// Its name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Readme => "README form",
            Self::RunConcurrent => "run_concurrent",
            Self::OneThread => "one thread",
            Self::Itself(_) => "itself",
        }
    }

    /// The unit of the figure.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Readme | Self::RunConcurrent | Self::OneThread => "×",
            Self::Itself(unit) => unit,
        }
    }

    /// Bulkhead's figure in a table, compared with the other one.
    fn figure(self, table: &Results, metric: Metric) -> Ratio {
        match self {
            Self::Readme | Self::RunConcurrent => table.relative(metric, [CWASM, REFERENCE]),
            Self::OneThread => table.relative(metric, [CWASM, ONE_THREAD]),
            Self::Itself(_) => Ratio::of(table.figures(metric, CWASM)),
        }
    }
}

/// A target, and the measured figure.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The target.
    pub(crate) target: Target,
    /// The measured figure.
    pub(crate) measured: Ratio,
}

/// The figures of JavaScript and Python before the targets were set, in ms.
const JAVASCRIPT: f64 = 0.97;
const PYTHON: f64 = 1.04;

const TARGETS: [Target; 13] = [
    of_table("at-once-64", results::THROUGHPUT, "throughput, 64 at once")
        .at_least(RunConcurrent, 0.9)
        .aim(1.0),
    of_table("at-once-8", results::THROUGHPUT, "throughput, 8 at once").at_least(RunConcurrent, 0.8).aim(1.0),
    of_table("hello-100b", results::PROCESSOR, "processor time per event").at_most(OneThread, 1.0).aim(0.9),
    of_table("hello-100b", results::EVENT, "event, median").at_most(OneThread, 1.0).aim(0.9),
    of_table("hello-100b", results::EVENT_P99, "event, p99").at_most(OneThread, 1.0).aim(0.9),
    of(Source::Elsewhere(Figure::WholeLife), "a sandbox's whole life").at_most(Itself(" µs"), 12.0).aim(8.0),
    of_table("orders-1mb", results::EVENT, "orders of 1 MB, median").at_most(OneThread, 1.2).aim(1.0),
    of_table("orders-6mb", results::EVENT, "orders of 6 MB, median").at_most(OneThread, 1.2).aim(1.0),
    of_table("echo-6mb", results::EVENT, "echo of 6 MB, median").at_most(OneThread, 1.0).aim(0.8),
    of_table("start", results::START, "start to first /next").at_most(Readme, 1.25).aim(1.1),
    of_language("javascript", "JavaScript, an event").at_most(Itself(" ms"), JAVASCRIPT / 2.0),
    of_language("python", "Python, an event").at_most(Itself(" ms"), PYTHON / 2.0),
    of_table("rest", rest::FIRST, "first event after a rest").at_most(OneThread, 1.1),
];

/// A target, whose bounds follow.
const fn of(source: Source, name: &'static str) -> Target {
    Target { name, source, against: Readme, limit: 0.0, aim: None, more_is_better: false }
}

const fn of_table(table: &'static str, metric: Metric, name: &'static str) -> Target {
    of(Source::Table(table, metric), name)
}

const fn of_language(component: &'static str, name: &'static str) -> Target {
    of(Source::Elsewhere(Figure::Language(component)), name)
}

impl Target {
    const fn at_most(self, against: Against, limit: f64) -> Self {
        Self { against, limit, ..self }
    }

    const fn at_least(self, against: Against, limit: f64) -> Self {
        Self { against, limit, more_is_better: true, ..self }
    }

    const fn aim(self, aim: f64) -> Self {
        Self { aim: Some(aim), ..self }
    }

    /// The measured figure, if there is one.
    fn measure(&self, tables: &[Results], elsewhere: &Elsewhere) -> Result<Option<Ratio>> {
        let measured = match self.source {
            Source::Elsewhere(figure) => elsewhere.find(figure)?.map(|figure| Ratio::of(&[figure])),
            Source::Table(id, metric) => tables
                .iter()
                .find(|table| table.id == id && table.has_both_natives())
                .map(|table| self.against.figure(table, metric)),
        };
        Ok(measured.filter(|measured| measured.median.is_finite()))
    }
}

/// All targets that have a measured figure. A run that compares two builds has none.
pub(crate) fn judge(tables: &[Results], elsewhere: &Elsewhere) -> Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for target in TARGETS {
        let measured = target.measure(tables, elsewhere)?;
        verdicts.extend(measured.map(|measured| Verdict { target, measured }));
    }
    Ok(verdicts)
}

/// The names of the targets that have no measured figure.
pub(crate) fn others(verdicts: &[Verdict]) -> String {
    let is_judged = |target: &Target| verdicts.iter().any(|verdict| verdict.target.name == target.name);
    let others = TARGETS.iter().filter(|target| !is_judged(target));
    let names: Vec<&str> = others.map(|target| target.name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join("; ") }
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
    use crate::contestant::ONE_THREAD_NAME;
    use crate::results::EVENT;

    /// A table with the figures of both forms of `lambda_runtime`, and of Bulkhead.
    fn table(id: &str, metric: Metric, figures: [f64; 3]) -> Results {
        let mut results = Results::of(id, id, ["native", ONE_THREAD_NAME, "cwasm"].into_iter());
        for (contestant, figure) in figures.into_iter().enumerate() {
            results.add(metric, contestant, figure);
        }
        results
    }

    fn words(tables: &[Results]) -> Vec<&'static str> {
        judge(tables, &Elsewhere::default()).unwrap().iter().map(Verdict::word).collect()
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        assert!(words(&[]).is_empty());
    }

    #[test]
    fn limits_and_aims_are_told_apart() {
        let word = |cwasm| words(&[table("start", results::START, [2.0, 1.0, cwasm])]);
        assert_eq!([2.6, 2.4, 2.2].map(word), [["MISSED"], ["met, not the aim"], ["met"]]);
    }

    #[test]
    fn each_target_has_its_own_column() {
        let word = |one_thread| words(&[table("hello-100b", EVENT, [1000.0, one_thread, 95.0])]);
        assert_eq!([90.0, 100.0].map(word), [["MISSED"], ["met, not the aim"]]);
        let word = |readme| words(&[table("at-once-64", results::THROUGHPUT, [readme, 1.0, 95.0])]);
        assert_eq!([110.0, 100.0, 95.0].map(word), [["MISSED"], ["met, not the aim"], ["met"]]);
    }

    #[test]
    fn targets_without_a_figure_are_named() {
        let tables = [table("start", results::START, [2.0, 1.0, 2.0])];
        let verdicts = judge(&tables, &Elsewhere::default()).unwrap();
        let others = others(&verdicts);
        assert!(others.contains("Python, an event") && !others.contains("start to first"), "{others}");
    }

    #[test]
    fn two_builds_are_not_judged() {
        let mut results = Results::of("hello-100b", "hello", ["before", "after"].into_iter());
        [0, 1].into_iter().for_each(|build| results.add(EVENT, build, 1.0));
        assert!(words(&[results]).is_empty());
    }

    #[test]
    fn every_target_has_a_limit_and_an_aim_beyond_it() {
        for target in TARGETS {
            assert!(target.limit > 0.0, "{} has no limit", target.name);
            let is_beyond = |aim: f64| (aim > target.limit) == target.more_is_better;
            assert!(target.aim.is_none_or(is_beyond), "{} has an aim within its limit", target.name);
        }
    }
}
