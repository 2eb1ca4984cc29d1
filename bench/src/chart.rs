//! The figures as a chart: for each row two bars, whose lengths are Bulkhead's figure relative to those of
//! `lambda_runtime` as its README sets it up, and of `lambda_runtime` on one thread, with the spread of the
//! rounds at their ends. A bar that is longer than the chart ends in an arrow. The SVG is written by hand, and
//! follows the reader's light or dark theme.

use std::fmt::Write as _;

use bulkhead_bench::markdown::shown;

use crate::contestant::{CWASM, ONE_THREAD, REFERENCE};
use crate::results::{Metric, Ratio, Results};
use crate::{rate, rest, results};

const WIDTH: f64 = 880.0;
/// The start of all bars, and the end of the longest.
const BARS: (f64, f64) = (250.0, 690.0);
const ROW: f64 = 46.0;
const TOP: f64 = 92.0;
/// The ratio at the end of the longest bar.
const FULL: f64 = 3.0;

const STYLE: &str = "\
text { font: 13px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; }
.faint { fill: #59636e; font-size: 12px; }
.readme { fill: #0969da; }
.thread { fill: #80b3f0; }
.line { stroke: #1f2328; stroke-width: 1.5; }
.grid { stroke: #d1d9e0; stroke-width: 1; }
.even { stroke: #59636e; stroke-width: 1; stroke-dasharray: 4 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .faint { fill: #9198a1; }
  .readme { fill: #4493f8; }
  .thread { fill: #264f85; }
  .line { stroke: #f0f6fc; }
  .grid { stroke: #3d444d; }
  .even { stroke: #9198a1; }
}";

/// The rows of the chart: table, metric and label.
const ROWS: [(&str, Metric, &str); 16] = [
    ("hello-100b", results::EVENT, "hello, 100 B: median"),
    ("hello-100b", results::EVENT_P99, "hello, 100 B: p99"),
    ("hello-100b", results::PROCESSOR, "hello, 100 B: processor time"),
    ("rate", rate::DUE, "1000 a second: median"),
    ("rate", rate::DUE_P99, "1000 a second: p99"),
    ("rest", rest::FIRST, "after a rest: first event"),
    ("echo-10kb", results::EVENT, "echo, 10 KB: median"),
    ("echo-1mb", results::EVENT, "echo, 1 MB: median"),
    ("echo-6mb", results::EVENT, "echo, 6 MB: median"),
    ("orders-10kb", results::EVENT, "orders, 10 KB: median"),
    ("orders-1mb", results::EVENT, "orders, 1 MB: median"),
    ("orders-6mb", results::EVENT, "orders, 6 MB: median"),
    ("at-once-8", results::SATURATED, "8 at once: event to event"),
    ("at-once-64", results::SATURATED, "64 at once: event to event"),
    ("at-once-64", results::PROCESSOR, "64 at once: processor time"),
    ("start", results::START, "start to first /next"),
];

/// The chart of all measured tables.
pub(crate) fn svg(tables: &[Results]) -> String {
    let rows: Vec<_> = ROWS
        .iter()
        .filter_map(|(id, metric, label)| {
            let table = tables.iter().find(|table| table.id == *id)?;
            let is_there = |who: &usize| !table.figures(*metric, *who).is_empty();
            let has_all = [REFERENCE, ONE_THREAD, CWASM].iter().all(is_there);
            has_all.then_some((table, *metric, *label))
        })
        .collect();
    let bottom = TOP + ROW * f64::from(u32::try_from(rows.len()).unwrap_or(0));
    let mut svg = frame(bottom);
    let mut y = TOP;
    for (table, metric, label) in rows {
        row(&mut svg, y, label, table, metric);
        y += ROW;
    }
    upright(&mut svg, "even", place(1.0), bottom);
    svg.push_str("</svg>\n");
    svg
}

/// Everything except the rows.
fn frame(bottom: f64) -> String {
    let height = bottom + 16.0;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-label="Bulkhead relative to lambda_runtime">"#
    );
    let _ = writeln!(svg, "\n<style>\n{STYLE}\n</style>");
    text(
        &mut svg,
        "title",
        Point { x: 16.0, y: 28.0 },
        "Bulkhead, a fresh sandbox for every event, relative to lambda_runtime",
    );
    let legend = Size { width: 12.0, height: 12.0 };
    rectangle(&mut svg, "readme", Point { x: 16.0, y: 42.0 }, legend);
    text(&mut svg, "faint", Point { x: 34.0, y: 52.0 }, "to its README's form");
    rectangle(&mut svg, "thread", Point { x: 190.0, y: 42.0 }, legend);
    text(&mut svg, "faint", Point { x: 208.0, y: 52.0 }, "to its form on one thread");
    text(&mut svg, "faint", Point { x: 390.0, y: 52.0 }, "shorter is better; the thin line spans the rounds");
    for ratio in [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0] {
        upright(&mut svg, "grid", place(ratio), bottom);
        let label = Point { x: place(ratio) - 10.0, y: TOP - 18.0 };
        text(&mut svg, "faint", label, &format!("{ratio:.1}×"));
    }
    svg
}

fn row(svg: &mut String, y: f64, label: &str, table: &Results, metric: Metric) {
    text(svg, "", Point { x: 16.0, y: y + 18.0 }, label);
    let bars = [("readme", REFERENCE, y + 3.0), ("thread", ONE_THREAD, y + 20.0)];
    for (class, against, top) in bars {
        let ratio = table.relative(metric, [CWASM, against]);
        bar(svg, class, top, ratio);
        let [mine, theirs] = [CWASM, against].map(|who| Ratio::of(table.figures(metric, who)).median);
        let figures = format!("{:.2}×  {}", ratio.median, pair(mine, theirs, metric.unit));
        text(
            svg,
            if against == REFERENCE { "" } else { "faint" },
            Point { x: BARS.1 + 24.0, y: top + 12.0 },
            &figures,
        );
    }
}

/// Two figures in a suitable unit.
fn pair(mine: f64, theirs: f64, unit: &str) -> String {
    let (unit, scale) = if unit == "µs" && mine.min(theirs) >= 1000.0 { ("ms", 1e3) } else { (unit, 1.0) };
    let [mine, theirs] = [mine, theirs].map(|figure| shown(figure / scale));
    format!("{mine} : {theirs} {unit}")
}

/// The height of a bar.
const BAR: f64 = 15.0;

/// A bar, with a line at its end that shows the spread of the rounds, or an arrow if it is too long.
fn bar(svg: &mut String, class: &str, y: f64, ratio: Ratio) {
    let size = Size { width: place(ratio.median) - BARS.0, height: BAR };
    rectangle(svg, class, Point { x: BARS.0, y }, size);
    let middle = y + BAR / 2.0;
    let [from, to] = [ratio.low, ratio.high].map(|ratio| Point { x: place(ratio), y: middle });
    line(svg, "line", from, to);
    if ratio.median > FULL {
        text(svg, "", Point { x: BARS.1 + 6.0, y: y + 12.0 }, "▸");
    }
}

/// The position of a ratio. A longer bar ends at the edge.
fn place(ratio: f64) -> f64 {
    BARS.0 + (BARS.1 - BARS.0) * ratio.clamp(0.0, FULL) / FULL
}

/// A line from above the rows to their end.
fn upright(svg: &mut String, class: &str, x: f64, bottom: f64) {
    line(svg, class, Point { x, y: TOP - 14.0 }, Point { x, y: bottom });
}

/// A position in the chart, from the left and the top.
#[derive(Clone, Copy)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Clone, Copy)]
struct Size {
    width: f64,
    height: f64,
}

// Writing into a string does not fail.

fn text(svg: &mut String, class: &str, Point { x, y }: Point, content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{content}</text>"#);
}

fn rectangle(svg: &mut String, class: &str, Point { x, y }: Point, Size { width, height }: Size) {
    let _ = writeln!(
        svg,
        r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="2"/>"#
    );
}

fn line(svg: &mut String, class: &str, from: Point, to: Point) {
    let _ = writeln!(
        svg,
        r#"<line class="{class}" x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}"/>"#,
        from.x, from.y, to.x, to.y
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(id: &str, metric: Metric, ratio: f64) -> Results {
        let mut results = Results::of(id, id, ["native", "one thread", "cwasm"].into_iter());
        for round in [1.0, 1.1] {
            results.add(metric, REFERENCE, 100.0);
            results.add(metric, ONE_THREAD, 40.0);
            results.add(metric, CWASM, 100.0 * ratio * round);
        }
        results
    }

    #[test]
    fn every_row_has_its_label_and_its_figures() {
        let tables = [
            table("hello-100b", results::EVENT, 0.5),
            table("echo-6mb", results::EVENT, 1.5),
            table("x", results::EVENT, 1.0),
        ];
        let svg = svg(&tables);
        for part in [
            "hello, 100 B: median",
            "echo, 6 MB: median",
            "0.50×  50.0 : 100 µs",
            "1.25×  50.0 : 40.0 µs",
            "1.50×",
            "3.75×",
        ] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
        assert!(!svg.contains("start to first"));
        assert_eq!(svg.matches("▸").count(), 1, "only the bar of 3.75 is longer than the chart");
    }

    #[test]
    fn elements_are_closed_and_nothing_is_off_the_picture() {
        let svg = svg(&[table("start", results::START, 40.0)]);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<text ").count(), svg.matches("</text>").count());
        let open = svg.matches("<rect ").count() + svg.matches("<line ").count();
        assert_eq!(open, svg.matches("/>").count());
        assert!(!svg.contains("NaN"));
        assert_eq!(place(40.0), BARS.1);
        assert_eq!(svg.matches("▸").count(), 2, "both bars are longer than the chart");
        assert_eq!(place(FULL / 4.0), (BARS.1 - BARS.0) / 4.0 + BARS.0);
    }

    #[test]
    fn long_times_are_in_milliseconds() {
        assert_eq!(pair(51_753.0, 25_355.0, "µs"), "51.8 : 25.4 ms");
        assert_eq!(pair(999.0, 2000.0, "µs"), "999 : 2000 µs");
    }

    #[test]
    fn text_is_escaped() {
        let mut svg = String::new();
        text(&mut svg, "", Point { x: 0.0, y: 0.0 }, "a < b & c");
        assert!(svg.contains("a &lt; b &amp; c"));
    }
}
