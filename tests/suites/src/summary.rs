//! One suite: what it has to run, what came of it, and whether that is what is expected.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::Result;

use crate::Arguments;
use crate::expected::Expected;
use crate::pool::{self, Answer, Job};

/// One test file of a suite.
pub(crate) trait Case: Sync {
    /// The row of the table that it counts in.
    fn row(&self) -> String;

    /// Why it is not run, if it is not.
    fn left_out(&self, expected: &Expected) -> Option<String>;

    /// The scripts to run for it.
    fn jobs(&self) -> Result<Vec<Job>>;

    /// The names of its tests, each with what is wrong if it fails.
    fn verdicts(&self, answers: &[Answer]) -> Vec<(String, Option<String>)>;
}

/// The counts of one row.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) expected: usize,
    pub(crate) left_out: usize,
}

/// What became of a suite.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    rows: BTreeMap<String, Counts>,
    /// Why tests were left out, and how many.
    reasons: BTreeMap<String, usize>,
    passed: BTreeSet<String>,
    /// Failures that are not expected, and those that are, each with what is wrong.
    failures: Vec<(String, String)>,
    known: Vec<(String, String)>,
}

impl Summary {
    /// Counts what became of one test.
    fn add(&mut self, row: &str, test: String, wrong: Option<String>, expected: &Expected) {
        let counts = self.rows.entry(row.to_owned()).or_default();
        match wrong {
            None => {
                counts.passed += 1;
                self.passed.insert(test);
            }
            Some(wrong) if expected.reason(&test).is_some() => {
                counts.expected += 1;
                self.known.push((test, wrong));
            }
            Some(wrong) => {
                counts.failed += 1;
                self.failures.push((test, wrong));
            }
        }
    }

    fn leave_out(&mut self, row: String, reason: String) {
        self.rows.entry(row).or_default().left_out += 1;
        *self.reasons.entry(reason).or_default() += 1;
    }

    fn total(&self) -> Counts {
        let mut total = Counts::default();
        for counts in self.rows.values() {
            total.passed += counts.passed;
            total.failed += counts.failed;
            total.expected += counts.expected;
            total.left_out += counts.left_out;
        }
        total
    }

    fn print(&self, suite: &str) {
        let width = self.rows.keys().map(String::len).max().unwrap_or_default().max(suite.len());
        let line = |name: &str, counts: &Counts| {
            let Counts { passed, failed, expected, left_out } = counts;
            println!("{name:<width$}  {passed:>7}  {failed:>7}  {expected:>7}  {left_out:>8}");
        };
        println!("{suite:<width$}   passed   failed    known  left out");
        self.rows.iter().for_each(|(name, counts)| line(name, counts));
        line("all", &self.total());
        for (reason, count) in &self.reasons {
            println!("left out {count:>6}: {reason}");
        }
    }
}

/// Runs a suite. Returns whether what failed is what is expected to fail.
pub(crate) fn run<C: Case>(suite: &str, cases: Vec<C>, arguments: &Arguments) -> Result<bool> {
    let started = Instant::now();
    let expected = Expected::read(&arguments.expected.join(format!("{suite}.txt")))?;
    let summary = tested(cases, &expected, arguments)?;
    summary.print(suite);
    if arguments.verbose {
        summary.known.iter().for_each(|(test, wrong)| println!("known: {test}: {wrong}"));
    }
    summary.failures.iter().for_each(|(test, wrong)| println!("failed: {test}: {wrong}"));
    let passed: BTreeSet<&str> = summary.passed.iter().map(String::as_str).collect();
    let stale = expected.stale(&passed);
    stale.iter().for_each(|test| println!("passes now, so take it off the list: {test}"));
    println!("{suite}: {:.1?}", started.elapsed());
    Ok(summary.failures.is_empty() && stale.is_empty())
}

fn tested<C: Case>(cases: Vec<C>, expected: &Expected, arguments: &Arguments) -> Result<Summary> {
    let mut summary = Summary::default();
    let mut wanted = Vec::new();
    let mut numbers = Vec::new();
    for case in cases {
        match case.left_out(expected) {
            Some(reason) => summary.leave_out(case.row(), reason),
            None => wanted.push(case),
        }
    }
    // A case may be several scripts.
    for (number, case) in wanted.iter().enumerate() {
        numbers.extend((0..case.jobs()?.len()).map(|job| (number, job)));
    }
    let job = |number: usize| -> Result<Job> {
        let (case, job) = numbers[number];
        Ok(wanted[case].jobs()?.swap_remove(job))
    };
    let mut answers = pool::run(&arguments.engine, numbers.len(), job)?.into_iter();
    let mut counts = vec![0; wanted.len()];
    numbers.iter().for_each(|(case, _)| counts[*case] += 1);
    for (case, count) in wanted.iter().zip(counts) {
        let answers: Vec<Answer> = answers.by_ref().take(count).collect();
        for (test, wrong) in case.verdicts(&answers) {
            summary.add(&case.row(), test, wrong, expected);
        }
    }
    Ok(summary)
}

#[cfg(test)]
mod tests {

    use std::path::Path;

    use super::*;

    #[test]
    fn a_failure_is_known_or_not_and_a_known_one_may_pass() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list.txt");
        std::fs::write(&list, "# a fault\na.js\nb.js\n").unwrap();
        let expected = Expected::read(Path::new(&list)).unwrap();
        let mut summary = Summary::default();
        let wrong = || Some("wrong".to_owned());
        for (test, wrong) in [("a.js", wrong()), ("b.js", None), ("c.js", wrong()), ("d.js", None)] {
            summary.add("row", test.to_owned(), wrong, &expected);
        }
        summary.leave_out("row".to_owned(), "no realms".to_owned());
        assert_eq!(summary.total(), Counts { passed: 2, failed: 1, expected: 1, left_out: 1 });
        assert_eq!(summary.failures, [("c.js".to_owned(), "wrong".to_owned())]);
        let passed: BTreeSet<&str> = summary.passed.iter().map(String::as_str).collect();
        assert_eq!(expected.stale(&passed), ["b.js"]);
    }
}
