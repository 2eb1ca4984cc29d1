//! Prints the findings as lines.

use anstyle::{AnsiColor, Style};
use bulkhead_host::text::printable::line;

use super::{Finding, State};
use crate::output::Coloured;

/// One line for each finding, and the advice below it.
pub(super) fn text(findings: &[Finding]) -> Coloured {
    let width = findings.iter().map(|finding| finding.what.len()).max().unwrap_or_default();
    let mut text = Coloured::default();
    for finding in findings {
        let (word, colour) = match finding.state {
            State::Fine => ("fine", AnsiColor::Green),
            State::Without => ("without", AnsiColor::Yellow),
            State::Wrong => ("wrong", AnsiColor::Red),
        };
        let style = Style::new().fg_color(Some(colour.into()));
        text.push_in(style, &format!("{word:7}"));
        text.push(&format!("  {:width$}  {}\n", finding.what, line(&finding.found)));
        if let Some(advice) = &finding.advice {
            text.push(&format!("{:7}  {:width$}  → {}\n", "", "", line(advice)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_stands_below_what_is_missing() {
        let findings =
            [Finding::fine("rust", "1.95.0\u{1b}[2J"), Finding::wrong("target", "not there", "add it")];
        let plain = text(&findings).plain();
        assert_eq!(
            plain,
            "fine     rust    1.95.0\\u{1b}[2J\nwrong    target  not there\n                 → add it\n"
        );
    }
}
