//! Splits a log into lines, and recognises receipts.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use bulkhead_host::dispatch::receipt::{KIND, Receipt};
use serde::Deserialize;

/// The longest line that can be a receipt, in bytes. A tenant's id has up to 1024, each of which may be
/// escaped.
const LONGEST: u64 = 32 * 1024;

/// Reads the lines of a log of any size, one at a time.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn of(reader: R) -> Self {
        Self { reader, line: Vec::new() }
    }

    /// The next line; an empty one in place of a line that is too long.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let mut length = self.piece()?;
        if length == 0 {
            return Ok(None);
        }
        if length == LONGEST && !self.line.ends_with(b"\n") {
            while length > 0 && !self.line.ends_with(b"\n") {
                length = self.piece()?;
            }
            self.line.clear();
        }
        Ok(Some(&self.line))
    }

    fn piece(&mut self) -> io::Result<u64> {
        self.line.clear();
        let length = self.reader.by_ref().take(LONGEST).read_until(b'\n', &mut self.line)?;
        Ok(u64::try_from(length).unwrap_or(LONGEST))
    }
}

/// The kind of a line.
#[derive(Debug)]
pub(super) enum Line {
    Receipt(Box<Receipt>),
    /// The line claims to be a receipt, but this version cannot read it.
    Malformed,
    /// Something else precedes what looks like a receipt, such as the time and the stream in the output of `aws logs`.
    Prefixed,
    Other,
}

/// The field that tells what kind of object it is.
#[derive(Deserialize)]
struct Kind<'l> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'l, str>,
}

/// How the host begins a receipt, unless it has embedded metrics.
const START: &[u8] = br#"{"type":"bulkhead.receipt""#;

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

impl Line {
    pub(super) fn of(line: &[u8]) -> Self {
        let line = line.trim_ascii();
        // Most lines are not receipts, and are recognised without parsing them as JSON.
        if !line.starts_with(b"{") || !contains(line, KIND.as_bytes()) {
            return if contains(line, START) { Self::Prefixed } else { Self::Other };
        }
        match serde_json::from_slice(line) {
            Ok(Kind { kind }) if kind == KIND => {
                serde_json::from_slice(line).map_or(Self::Malformed, Self::Receipt)
            }
            // Probably a line that was cut; a record that only mentions receipts begins differently.
            Err(_) if line.starts_with(START) => Self::Malformed,
            Ok(_) | Err(_) => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(text: &[u8]) -> Vec<usize> {
        let mut lines = Lines::of(text);
        let mut lengths = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            lengths.push(line.len());
        }
        lengths
    }

    #[test]
    fn lines_that_are_too_long_are_passed_over() {
        assert_eq!(lengths(b""), [] as [usize; 0]);
        assert_eq!(lengths(b"a\n\nbc"), [2, 1, 2]);
        let longest = usize::try_from(LONGEST).unwrap();
        let with = |length: usize| [&vec![b'x'; length][..], b"\nafter\n"].concat();
        assert_eq!(lengths(&with(longest - 1)), [longest, 6]);
        for length in [longest, longest * 2 - 1, longest * 2, longest * 3 + 7] {
            assert_eq!(lengths(&with(length)), [0, 6], "{length}");
        }
        assert_eq!(lengths(&vec![b'x'; longest * 2]), [0]);
    }

    #[test]
    fn only_a_whole_line_is_a_receipt() {
        for other in [
            r#"{"message":{"type":"bulkhead.receipt"}}"#,
            r#"{"message":"{\"type\":\"bulkhead.receipt\"}"}"#,
            r#"{"type":"platform.report","note":"bulkhead.receipt"}"#,
            r#"{"type":"bulkhead.receipts"}"#,
            r#"{"type":7,"a":"bulkhead.receipt"}"#,
            "",
            "\u{feff}",
        ] {
            assert!(matches!(Line::of(other.as_bytes()), Line::Other), "{other}");
        }
        for malformed in [
            r#"{"type":"bulkhead.receipt"}"#,
            r#"{"type":"bulkhead.receipt","tenantId":"#,
            r#"{"type":"bulkhead.receipt"} {"type":"bulkhead.receipt"}"#,
        ] {
            assert!(matches!(Line::of(malformed.as_bytes()), Line::Malformed), "{malformed}");
        }
        assert!(matches!(Line::of(b"{\xff bulkhead.receipt"), Line::Other));
        let printed = br#"2026-11-22T00:00:00.000Z	r-1	INFO	{"type":"bulkhead.receipt"}"#;
        assert!(matches!(Line::of(printed), Line::Prefixed), "a handler can print this");
    }
}
