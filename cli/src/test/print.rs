//! Prints the report as text: the tests of each file, and below each that failed, why.

use anstyle::{AnsiColor, Style};

use super::report::{Entry, Failure, FileReport, Kind, Report, Verdict};
use crate::output::Coloured;

/// How far what belongs to a test is indented below it.
const BELOW: usize = 4;
/// How many places of a stack are shown.
const PLACES: usize = 5;

/// The whole report.
pub(super) fn text(report: &Report, filter: &str) -> Coloured {
    let mut text = Coloured::default();
    for file in report.files.iter().filter(|file| !file.is_empty()) {
        text.push(&format!("{}\n", file.path));
        lines(&mut text, &file.output, BELOW);
        file.tests.iter().for_each(|test| entry(&mut text, test));
        if let Some(error) = &file.error {
            text.push_in(colour(Verdict::Failed), &format!("  {} the file failed\n", mark(Verdict::Failed)));
            failure(&mut text, error, BELOW);
        }
        text.push("\n");
    }
    let Report { passed, failed, skipped, todo, .. } = report;
    if !report.has_tests() {
        text.push(&match filter {
            "" => "The files have no tests.\n".to_owned(),
            filter => format!("No test has a name that contains `{filter}`.\n"),
        });
    }
    let style = colour(if *failed > 0 { Verdict::Failed } else { Verdict::Passed });
    text.push_in(style, &format!("{passed} passed, {failed} failed"));
    for (count, what) in [(skipped, "skipped"), (todo, "todo")] {
        if *count > 0 {
            text.push(&format!(", {count} {what}"));
        }
    }
    text.push("\n");
    text
}

impl FileReport {
    /// Whether there is nothing to print.
    fn is_empty(&self) -> bool {
        self.tests.is_empty() && self.error.is_none() && self.output.is_empty()
    }
}

fn entry(text: &mut Coloured, test: &Entry) {
    let indent = 2 * (test.depth + 1);
    let outcome = test.outcome.unwrap_or(Verdict::Failed);
    let is_plain_suite = test.kind == Kind::Suite && outcome != Verdict::Failed;
    text.push(&" ".repeat(indent));
    if is_plain_suite {
        text.push(&format!("{}\n", test.name));
    } else {
        text.push_in(colour(outcome), mark(outcome));
        text.push(&format!(" {}", test.name));
        // A test that was stopped does not say how long it took.
        if test.ms > 0.0 {
            text.push_in(Style::new().dimmed(), &format!(" ({:.1}ms)", test.ms));
        }
        text.push(&match (outcome, test.reason.as_str()) {
            (Verdict::Skipped, "") => " # skipped\n".to_owned(),
            (Verdict::Skipped, reason) => format!(" # skipped: {reason}\n"),
            (Verdict::Todo, "") => " # todo\n".to_owned(),
            (Verdict::Todo, reason) => format!(" # todo: {reason}\n"),
            (Verdict::Passed | Verdict::Failed | Verdict::Mixed, _) => "\n".to_owned(),
        });
    }
    lines(text, &test.output, indent + BELOW);
    if let Some(error) = test.error.as_ref().filter(|_| outcome == Verdict::Failed) {
        if error.stack.is_empty() && !test.place.is_empty() {
            text.push(&format!("{}{}\n", " ".repeat(indent + BELOW), test.place));
        }
        failure(text, error, indent + BELOW);
    }
}

fn failure(text: &mut Coloured, failure: &Failure, indent: usize) {
    let Failure { name, message, stack } = failure;
    for place in stack.iter().take(PLACES) {
        text.push(&format!("{}{place}\n", " ".repeat(indent)));
    }
    let message = if name.is_empty() { message.clone() } else { format!("{name}: {message}") };
    for line in message.lines() {
        let style = match line.as_bytes() {
            [b'+', b' ', ..] => colour(Verdict::Passed),
            [b'-', b' ', ..] => colour(Verdict::Failed),
            _ => Style::new(),
        };
        match line.is_empty() {
            true => text.push("\n"),
            false => text.push_in(style, &format!("{}{line}\n", " ".repeat(indent))),
        }
    }
}

fn lines(text: &mut Coloured, lines: &[String], indent: usize) {
    for line in lines.iter().flat_map(|output| output.lines()) {
        text.push_in(Style::new().dimmed(), &format!("{}{line}\n", " ".repeat(indent)));
    }
}

fn mark(outcome: Verdict) -> &'static str {
    match outcome {
        Verdict::Passed => "✔",
        Verdict::Failed | Verdict::Mixed => "✖",
        Verdict::Skipped | Verdict::Todo => "-",
    }
}

fn colour(outcome: Verdict) -> Style {
    match outcome {
        Verdict::Passed => AnsiColor::Green.on_default(),
        Verdict::Failed | Verdict::Mixed => AnsiColor::Red.on_default(),
        Verdict::Skipped | Verdict::Todo => AnsiColor::Yellow.on_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::run::MARK;
    use super::*;

    #[test]
    fn a_failure_has_its_place_its_message_and_the_difference() {
        let mut file = FileReport::new("a.test.js");
        let error = json!({ "name": "AssertionError", "message": "not equal\n\n+ 1\n- 2", "stack": ["f (a.test.js:3:9)"] });
        for event in [
            json!({ "type": "begin", "id": "0.1", "parent": "0", "name": "math", "kind": "suite", "place": "" }),
            json!({ "type": "begin", "id": "0.1.1", "parent": "0.1", "name": "adds", "kind": "test", "place": "" }),
            json!({ "type": "end", "id": "0.1.1", "outcome": "failed", "ms": 0.25, "error": error }),
            json!({ "type": "begin", "id": "0.1.2", "parent": "0.1", "name": "later", "kind": "test", "place": "" }),
            json!({ "type": "end", "id": "0.1.2", "outcome": "skipped", "ms": 0, "reason": "not yet" }),
            json!({ "type": "end", "id": "0.1", "outcome": "mixed", "ms": 1 }),
        ] {
            file.record(&json!({ "level": "INFO", "message": { MARK: event } }).to_string());
        }
        let report = Report::new(vec![file, FileReport::new("b.test.js")]);
        let expected = "a.test.js\n  math\n    ✖ adds (0.2ms)\n        f (a.test.js:3:9)\n        AssertionError: not equal\n\n        + 1\n        \
                        - 2\n    - later # skipped: not yet\n\n0 passed, 1 failed, 1 skipped\n";
        assert_eq!(text(&report, "").plain(), expected);
    }

    #[test]
    fn where_nothing_ran_that_is_said() {
        let report = Report::new(vec![FileReport::new("b.test.js")]);
        let told = "No test has a name that contains `x`.\n0 passed, 0 failed\n";
        assert_eq!(text(&report, "x").plain(), told);
    }
}
