//! Prints a report for people: the response on stdout, the rest on stderr. A limit that is nearly reached is
//! coloured.

use anstyle::{AnsiColor, Style};
use bulkhead_host::dispatch::receipt::{REPLIED, Receipt};
use bulkhead_host::log::on_lines;

use super::report::{Report, Used};
use crate::label::label;
use crate::local::Printed;
use crate::output::{self, Coloured};
use crate::table::{Align, Table};

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// From this part of a limit on, it is coloured.
const CLOSE: f64 = 0.8;

/// Prints everything.
pub(super) fn print(report: &Report) -> anyhow::Result<()> {
    report.log.iter().for_each(|line| output::tell(&on_lines(line)));
    let mut answer = report.body.clone();
    if !answer.ends_with(b"\n") {
        answer.push(b'\n');
    }
    output::print_answer(&answer)?;
    output::tell_in_colour(&receipt(report));
    Ok(())
}

/// The lines of a bootstrap that did not get as far as a response.
pub(super) fn log(printed: &Printed) {
    let lines = printed.stdout.lines().chain(printed.stderr.lines());
    lines.for_each(|line| output::tell(&on_lines(line)));
}

fn receipt(report: &Report) -> Coloured {
    let mut text = Coloured::default();
    text.push("\n  ");
    text.push_in(outcome(report), &label(&report.outcome));
    if !report.parts.is_empty() {
        text.push(&format!(", in {}", counted(report.parts.len(), "part")));
    }
    text.push("\n");
    let mut table = Table::new(2, [Align::Left, Align::Right, Align::Left]);
    for used in &report.used {
        table.row([used.limit.to_owned(), used.text.clone(), format!("of {}", used.limit_text)]);
    }
    for (line, used) in table.to_string().lines().zip(&report.used) {
        text.push_in(style(used), line);
        text.push("\n");
    }
    push_parts(&mut text, &report.parts);
    if let Some(spread) = report.wall_ms.filter(|_| report.events > 1) {
        text.push(&format!(
            "  {} events, {} failed: wall_time {:.2} to {:.2} ms, median {:.2} ms\n",
            report.events, report.failed, spread.least, spread.most, spread.median
        ));
    }
    text
}

/// A row for each part of a batch that was split: the batch is answered with a response even if all of them failed.
fn push_parts(text: &mut Coloured, parts: &[Receipt]) {
    if parts.is_empty() {
        return;
    }
    let mut columns = [Align::Right; 7];
    columns[..3].fill(Align::Left);
    let mut table = Table::new(2, columns);
    table.row(["part", "tenant", "handler", "records", "wall_time", "cpu_time", "memory"]);
    for part in parts {
        let memory = u64::try_from(part.peak_memory_bytes).unwrap_or(u64::MAX);
        table.row([
            label(&part.outcome),
            part.tenant_id.as_deref().map_or_else(|| "(no tenant)".to_owned(), label),
            part.handler.as_deref().map_or_else(|| "(no handler)".to_owned(), label),
            part.records.unwrap_or_default().to_string(),
            format!("{:.2} ms", part.wall_ms),
            format!("{:.2} ms", part.cpu_ms),
            bytesize::ByteSize(memory).display().iec().to_string(),
        ]);
    }
    let plain = Style::new();
    let styles = parts.iter().map(|part| if part.outcome == REPLIED { plain } else { failed() });
    for (line, style) in table.to_string().lines().zip([plain].into_iter().chain(styles)) {
        text.push_in(style, line);
        text.push("\n");
    }
}

fn outcome(report: &Report) -> Style {
    match report.failed {
        0 => Style::new().fg_color(Some(AnsiColor::Green.into())),
        _ => failed(),
    }
}

fn failed() -> Style {
    Style::new().fg_color(Some(AnsiColor::Red.into()))
}

fn style(used: &Used) -> Style {
    if used.hit || used.part >= 1.0 {
        Style::new().fg_color(Some(AnsiColor::Red.into()))
    } else if used.part >= CLOSE {
        Style::new().fg_color(Some(AnsiColor::Yellow.into()))
    } else {
        Style::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(part: f64, hit: bool) -> Report {
        let used =
            Used { limit: "cpu_time", part, text: "9.00 ms".to_owned(), limit_text: "10ms".to_owned(), hit };
        Report {
            outcome: "Function.Timeout\u{1b}[2J".to_owned(),
            answer: Default::default(),
            body: Vec::new(),
            receipt: None,
            parts: Vec::new(),
            used: vec![used],
            events: 1,
            failed: 1,
            wall_ms: None,
            log: Vec::new(),
        }
    }

    #[test]
    fn a_limit_has_a_colour_when_it_is_close_and_another_when_it_was_hit() {
        assert!(receipt(&report(0.79, false)).as_str().contains("\n  cpu_time  9.00 ms  of 10ms"));
        assert!(receipt(&report(0.9, false)).as_str().contains("\u{1b}[33m  cpu_time"));
        assert!(receipt(&report(0.1, true)).as_str().contains("\u{1b}[31m  cpu_time"));
    }

    #[test]
    fn each_part_of_a_batch_has_a_row_and_one_that_failed_is_red() {
        let part = |tenant: &str, outcome: &str| {
            let json = format!(
                r#"{{"type":"bulkhead.receipt","timestamp":"t","requestId":"r","tenantId":{tenant},"handler":"hello",
                "component":"c","outcome":"{outcome}","limit":null,"records":2,"wallMs":30.0,"cpuMs":1.5,"queueMs":0.0,
                "setupMs":0.0,"peakMemoryBytes":1048576,"bytesIn":1,"bytesOut":2,"logBytes":3,"outboundRequests":4,
                "outboundBytesOut":5,"outboundBytesIn":6}}"#
            );
            serde_json::from_str::<Receipt>(&json).unwrap()
        };
        let parts = vec![part("\"acme\"", "Replied"), part("null", "Runtime.UnknownTenant")];
        let report = Report {
            parts,
            used: Vec::new(),
            failed: 0,
            outcome: "Replied".to_owned(),
            ..report(0.0, false)
        };
        let plain = receipt(&report).plain();
        assert_eq!(
            plain,
            "\n  Replied, in 2 parts\n  \
               part                   tenant       handler  records  wall_time  cpu_time   memory\n  \
               Replied                acme         hello          2   30.00 ms   1.50 ms  1.0 MiB\n  \
               Runtime.UnknownTenant  (no tenant)  hello          2   30.00 ms   1.50 ms  1.0 MiB\n"
        );
        assert!(receipt(&report).as_str().contains("\u{1b}[31m  Runtime.UnknownTenant"));
    }

    #[test]
    fn an_error_type_steers_no_terminal() {
        assert!(receipt(&report(0.0, false)).as_str().contains(r"Function.Timeout\u{1b}[2J"));
    }
}
