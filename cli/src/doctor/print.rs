//! What the doctor found, as lines.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{Finding, State};

/// A line for each, with what to do below it.
pub(super) fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.what.len()).max().unwrap_or_default();
    let mut text = String::new();
    for finding in findings {
        let (word, colour) = match finding.state {
            State::Fine => ("fine", AnsiColor::Green),
            State::Without => ("without", AnsiColor::Yellow),
            State::Wrong => ("wrong", AnsiColor::Red),
        };
        let style = Style::new().fg_color(Some(colour.into()));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{style}{word:7}{style:#}  {:width$}  {}", finding.what, finding.found);
        if let Some(advice) = &finding.advice {
            let _ = writeln!(text, "{:7}  {:width$}  → {advice}", "", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_stands_below_what_is_missing() {
        let findings = [Finding::fine("rust", "1.95.0"), Finding::wrong("target", "not there", "add it")];
        let plain = anstream::adapter::strip_str(&text(&findings)).to_string();
        assert_eq!(plain, "fine     rust    1.95.0\nwrong    target  not there\n                 → add it\n");
    }
}
