//! The figures as Markdown tables for people, and as JSON for programs.

use bulkhead_bench::figures::{MEDIAN, quantile};
use bulkhead_bench::machine;
use bulkhead_bench::markdown::{shown, table as markdown};
use serde_json::{Value, json};

use crate::contestant::{CWASM, ONE_THREAD};
use crate::results::{Metric, Ratio, Results};
use crate::targets::Verdict;

/// One line for each metric: the median of the rounds, followed by the ratio to the first contestant, with
/// the smallest and the largest of the rounds. Beside Bulkhead's figure is its ratio to `lambda_runtime` on one
/// thread.
pub(crate) fn table(results: &Results) -> String {
    let mut heading = vec![results.title.clone(), String::new()];
    heading.extend(results.contestants.iter().map(|name| (*name).to_owned()));
    if results.has_both_natives() {
        heading.insert(BESIDE_BULKHEAD, AGAINST_ONE_THREAD.to_owned());
    }
    let mut rows = vec![heading];
    rows.extend(results.metrics().iter().map(|metric| row(results, *metric)));
    markdown(&rows)
}

/// The column after those of the metric, its unit, and all contestants up to Bulkhead with `.cwasm`.
const BESIDE_BULKHEAD: usize = 2 + CWASM + 1;
const AGAINST_ONE_THREAD: &str = "…, to one thread";

fn row(results: &Results, metric: Metric) -> Vec<String> {
    let mut cells = vec![metric.name.to_owned(), metric.unit.to_owned()];
    for contestant in 0..results.contestants.len() {
        let median = quantile(results.figures(metric, contestant), MEDIAN);
        cells.push(match (median.is_nan(), contestant) {
            (true, _) => String::new(),
            (false, 0) => shown(median),
            (false, _) => format!("{} {}", shown(median), ratio(results.ratio(metric, contestant))),
        });
    }
    if results.has_both_natives() {
        cells.insert(BESIDE_BULKHEAD, ratio(results.relative(metric, [CWASM, ONE_THREAD])));
    }
    cells
}

/// `0.62× (0.59–0.67)`, or nothing if there is no figure to compare with.
pub(crate) fn ratio(ratio: Ratio) -> String {
    if !ratio.median.is_finite() {
        return String::new();
    }
    let [median, low, high] = [ratio.median, ratio.low, ratio.high].map(shown);
    format!("{median}× ({low}–{high})")
}

/// The figures of two builds that are smaller, or larger, in every round.
pub(crate) fn changes(tables: &[Results]) -> String {
    let heading = ["changed in every round", "unit", "before", "after"].map(str::to_owned).to_vec();
    let mut rows = vec![heading];
    for table in tables {
        for metric in table.metrics() {
            let Ratio { low, high, .. } = table.ratio(metric, 1);
            if low > 1.0 || high < 1.0 {
                let mut cells = row(table, metric);
                cells[0] = format!("{}: {}", table.title, metric.name);
                rows.push(cells);
            }
        }
    }
    markdown(&rows)
}

/// The targets, and the measured figures.
pub(crate) fn targets(verdicts: &[Verdict]) -> String {
    let heading = ["target", "against", "limit", "aim", "measured (rounds)", ""].map(str::to_owned).to_vec();
    let mut rows = vec![heading];
    for verdict in verdicts {
        let Verdict { target, measured } = verdict;
        let unit = target.against.unit();
        let within = if target.more_is_better { "at least" } else { "at most" };
        rows.push(vec![
            target.name.to_owned(),
            target.against.name().to_owned(),
            format!("{within} {:.2}{unit}", target.limit),
            target.aim.map_or_else(String::new, |aim| format!("{aim:.2}{unit}")),
            bounds(*measured, unit),
            verdict.word().to_owned(),
        ]);
    }
    markdown(&rows)
}

/// A figure and its range, if it was measured more than once.
fn bounds(Ratio { median, low, high }: Ratio, unit: &str) -> String {
    let range = if low < high { format!(" ({low:.2}–{high:.2})") } else { String::new() };
    format!("{median:.2}{unit}{range}")
}

/// Every figure of every round.
pub(crate) fn json(tables: &[Results], verdicts: &[Verdict]) -> Value {
    let targets: Vec<Value> = verdicts.iter().map(of_verdict).collect();
    let tables: Vec<Value> = tables.iter().map(of_table).collect();
    json!({ "machine": machine::description(), "targets": targets, "tables": tables })
}

fn of_verdict(verdict: &Verdict) -> Value {
    json!({
        "name": verdict.target.name,
        "against": verdict.target.against.name(),
        "limit": verdict.target.limit,
        "aim": verdict.target.aim,
        "measured": of_ratio(verdict.measured),
        "verdict": verdict.word(),
    })
}

fn of_table(results: &Results) -> Value {
    let metrics: Vec<Value> = results.metrics().iter().map(|metric| of_metric(results, *metric)).collect();
    json!({
        "id": results.id,
        "title": results.title,
        "compared_with": results.contestants.first(),
        "metrics": metrics,
    })
}

fn of_metric(results: &Results, metric: Metric) -> Value {
    let contestants = results.contestants.iter().enumerate().map(|(contestant, name)| {
        json!({
            "name": name,
            "median": quantile(results.figures(metric, contestant), MEDIAN),
            "ratio": of_ratio(results.ratio(metric, contestant)),
            "ratio_to_one_thread": to_one_thread(results, metric, contestant),
            "rounds": results.figures(metric, contestant),
        })
    });
    json!({ "name": metric.name, "unit": metric.unit, "contestants": contestants.collect::<Vec<_>>() })
}

/// The ratio to the second form of `lambda_runtime`, in tables that have both.
fn to_one_thread(results: &Results, metric: Metric, contestant: usize) -> Value {
    match results.has_both_natives() {
        true => of_ratio(results.relative(metric, [contestant, ONE_THREAD])),
        false => Value::Null,
    }
}

fn of_ratio(ratio: Ratio) -> Value {
    json!({ "median": ratio.median, "low": ratio.low, "high": ratio.high })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestant::ONE_THREAD_NAME;
    use crate::results::{EVENT, START};

    fn results() -> Results {
        let mut results = Results::of("hello-100b", "hello, 100 B", ["native", "bulkhead"].into_iter());
        for (native, bulkhead) in [(100.0, 50.0), (200.0, 120.0), (100.0, 70.0)] {
            results.add(EVENT, 0, native);
            results.add(EVENT, 1, bulkhead);
        }
        results.add(START, 1, 2.5);
        results
    }

    #[test]
    fn a_table_shows_medians_and_ratios() {
        let table = table(&results());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "| hello, 100 B         |    | native |               bulkhead |",
                "|----------------------|---:|-------:|-----------------------:|",
                "| event, median        | µs |    100 | 70.0 0.60× (0.50–0.70) |",
                "| start to first /next | ms |        |                  2.50  |",
            ]
        );
    }

    #[test]
    fn beside_bulkhead_is_the_ratio_to_one_thread() {
        let names = ["lambda_runtime", ONE_THREAD_NAME, "bulkhead", "floor"];
        let mut results = Results::of("hello", "hello", names.into_iter());
        for (contestant, figure) in [100.0, 40.0, 50.0, 20.0].into_iter().enumerate() {
            results.add(EVENT, contestant, figure);
        }
        let table = table(&results);
        let cells = |line: usize| -> Vec<&str> {
            table.lines().nth(line).unwrap().split('|').map(str::trim).collect()
        };
        assert_eq!(cells(0)[5..7], ["bulkhead", AGAINST_ONE_THREAD]);
        assert_eq!(cells(2)[5..8], ["50.0 0.50× (0.50–0.50)", "1.25× (1.25–1.25)", "20.0 0.20× (0.20–0.20)"]);
        let json = json(&[results], &[]);
        let bulkhead = &json["tables"][0]["metrics"][0]["contestants"][2];
        assert_eq!(bulkhead["ratio_to_one_thread"]["median"], 1.25);
    }

    #[test]
    fn a_change_is_one_that_every_round_shows() {
        let mut results = Results::of("hello", "hello", ["before", "after"].into_iter());
        for [before, faster, same] in [[10.0, 5.0, 9.0], [20.0, 15.0, 21.0]] {
            for (metric, after) in [(EVENT, faster), (START, same)] {
                results.add(metric, 0, before);
                results.add(metric, 1, after);
            }
        }
        let changes = changes(&[results]);
        assert_eq!(changes.lines().count(), 3, "{changes}");
        assert!(changes.contains("| hello: event, median ") && changes.contains("(0.50–0.75)"), "{changes}");
    }

    #[test]
    fn a_range_needs_more_than_one_figure() {
        assert_eq!(bounds(Ratio { median: 0.5, low: 0.4, high: 0.75 }, "×"), "0.50× (0.40–0.75)");
        assert_eq!(bounds(Ratio::of(&[25.0]), " µs"), "25.00 µs");
    }

    #[test]
    fn the_json_has_every_round() {
        let json = json(&[results()], &[]);
        let event = &json["tables"][0]["metrics"][0];
        assert_eq!(event["contestants"][1]["rounds"], json!([50.0, 120.0, 70.0]));
        assert_eq!(event["contestants"][1]["ratio"], json!({ "median": 0.6, "low": 0.5, "high": 0.7 }));
        assert_eq!(json["tables"][0]["compared_with"], "native");
    }
}
