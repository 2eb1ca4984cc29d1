//! Prints a report for people: the response on stdout, the rest on stderr. A limit that is nearly reached is
//! coloured.

use anstyle::{AnsiColor, Style};
use bulkhead_host::log::on_lines;

use super::report::{Report, Used};
use crate::label::label;
use crate::local::Printed;
use crate::output::{self, Coloured};
use crate::table::{Align, Table};

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
    text.push("\n");
    let mut table = Table::new(2, [Align::Left, Align::Right, Align::Left]);
    for used in &report.used {
        table.row([used.limit.to_owned(), used.text.clone(), format!("of {}", used.limit_text)]);
    }
    for (line, used) in table.to_string().lines().zip(&report.used) {
        text.push_in(style(used), line);
        text.push("\n");
    }
    if let Some(spread) = report.wall_ms.filter(|_| report.events > 1) {
        text.push(&format!(
            "  {} events, {} failed: wall_time {:.2} to {:.2} ms, median {:.2} ms\n",
            report.events, report.failed, spread.least, spread.most, spread.median
        ));
    }
    text
}

fn outcome(report: &Report) -> Style {
    match report.failed {
        0 => Style::new().fg_color(Some(AnsiColor::Green.into())),
        _ => Style::new().fg_color(Some(AnsiColor::Red.into())),
    }
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
    fn an_error_type_steers_no_terminal() {
        assert!(receipt(&report(0.0, false)).as_str().contains(r"Function.Timeout\u{1b}[2J"));
    }
}
