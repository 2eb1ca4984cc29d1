//! The output of an init, on both streams, in its order, for the user who compiles.

use wasmtime_wasi::cli::StdoutStream;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;

use crate::text::printable;

/// More than anyone would read. An init that prints more is stopped.
const MOST: usize = 1024 * 1024;

/// The output so far.
#[derive(Debug, Clone)]
pub(super) struct Printed(MemoryOutputPipe);

impl Default for Printed {
    fn default() -> Self {
        Self(MemoryOutputPipe::new(MOST))
    }
}

impl Printed {
    /// Either stream, for WASI.
    pub(super) fn stream(&self) -> impl StdoutStream + 'static {
        self.0.clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.text()
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| printable::line(line).into_owned())
            .collect()
    }

    /// The last panic, beginning with the line that Rust starts it with.
    pub(super) fn panic_text(&self) -> Option<String> {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        let start =
            lines.iter().rposition(|line| line.starts_with("thread '") && line.contains(" panicked at "))?;
        Some(lines.get(start..)?.join("\n"))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.contents()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime_wasi::p2::OutputStream as _;

    fn printed(text: &str) -> Printed {
        let printed = Printed::default();
        printed.0.clone().write(text.to_owned().into()).unwrap();
        printed
    }

    #[test]
    fn lines_do_nothing_to_a_terminal() {
        assert_eq!(printed("one\r\n\n\u{1b}[31mtwo\tand\n").lines(), ["one", "\\u{1b}[31mtwo\tand"]);
    }

    #[test]
    fn the_last_panic_is_told_from_what_was_printed_before() {
        let text = "read\n\nthread 'main' (1) panicked at a.rs:1:1:\nboom\nnote: more\n";
        let expected = "thread 'main' (1) panicked at a.rs:1:1:\nboom\nnote: more";
        assert_eq!(printed(text).panic_text().as_deref(), Some(expected));
        assert_eq!(printed("thread 'main' is tired\n").panic_text(), None);
    }
}
