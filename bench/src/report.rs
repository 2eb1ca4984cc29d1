//! The figures as a table for people, in Markdown, and as JSON for whatever comes after.

use anyhow::Result;
use serde_json::{Value, json};

use crate::results::{MEDIAN, METRICS, Metric, Results, quantile};

/// One line for each metric: the median of the rounds and, behind it, the ratio to the first contestant with
/// the least and the greatest of the rounds.
pub(crate) fn table(results: &Results) -> String {
    let mut heading = vec![String::new(), String::new()];
    for (contestant, name) in results.contestants.iter().enumerate() {
        heading.push((*name).to_owned());
        if contestant > 0 {
            heading.push("ratio (rounds)".to_owned());
        }
    }
    let mut rows = vec![heading];
    rows.extend(METRICS.iter().map(|metric| row(results, *metric)));
    markdown(&rows)
}

/// A table that is also readable as it is.
fn markdown(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut lines = Vec::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        lines.push(format!("| {} |", cells.collect::<Vec<_>>().join(" | ")));
    }
    let rules = widths.iter().enumerate().map(|(column, width)| {
        let end = if column == 0 { '-' } else { ':' };
        format!("-{}{end}", "-".repeat(*width))
    });
    lines.insert(1, format!("|{}|", rules.collect::<Vec<_>>().join("|")));
    lines.join("\n")
}

fn row(results: &Results, metric: Metric) -> Vec<String> {
    let mut cells = vec![metric.name.to_owned(), metric.unit.to_owned()];
    for contestant in 0..results.contestants.len() {
        let median = quantile(results.figures(metric, contestant), MEDIAN);
        cells.push(if median < 100.0 { format!("{median:.2}") } else { format!("{median:.0}") });
        if contestant > 0 {
            let ratio = results.ratio(metric, contestant);
            cells.push(format!("{:.2}× ({:.2}–{:.2})", ratio.median, ratio.low, ratio.high));
        }
    }
    cells
}

/// Every figure of every round.
pub(crate) fn json(results: &Results) -> Result<String> {
    let metrics: Vec<Value> = METRICS.iter().map(|metric| of_metric(results, *metric)).collect();
    Ok(serde_json::to_string_pretty(&json!({ "compared_with": results.contestants[0], "metrics": metrics }))?)
}

fn of_metric(results: &Results, metric: Metric) -> Value {
    let contestants: Vec<Value> = results
        .contestants
        .iter()
        .enumerate()
        .map(|(contestant, name)| {
            let ratio = results.ratio(metric, contestant);
            json!({
                "name": name,
                "median": quantile(results.figures(metric, contestant), MEDIAN),
                "ratio": { "median": ratio.median, "low": ratio.low, "high": ratio.high },
                "rounds": results.figures(metric, contestant),
            })
        })
        .collect();
    json!({ "name": metric.name, "unit": metric.unit, "contestants": contestants })
}
