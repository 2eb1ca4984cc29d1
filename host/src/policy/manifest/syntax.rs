//! Syntax errors of `bulkhead.toml`. The parser continues after an error, and may then read the rest of the file in
//! another way than its author means it. What follows from that is not reported: one slip is one mistake.

use std::ops::RangeInclusive;

use super::Mistake;
use super::document::Document;
use super::plain::plain;

/// One syntax error.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    /// The text before the `=` on its line.
    pub(super) key: String,
    pub(super) text: String,
}

/// An error of the parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParserError {
    pub(super) line: usize,
    /// In characters, from 1.
    pub(super) column: usize,
    pub(super) message: String,
}

/// The syntax errors, and the lines about which nothing else is reported.
#[derive(Debug, Default)]
pub(super) struct Syntax {
    pub(super) errors: Vec<SyntaxError>,
    pub(super) broken: Vec<RangeInclusive<usize>>,
}

impl Syntax {
    pub(super) fn of(text: &str, mut errors: Vec<ParserError>) -> Self {
        if errors.is_empty() {
            return Self::default();
        }
        let lines: Vec<&str> = text.lines().collect();
        let open = unclosed(&lines);
        let mut syntax = Self::default();
        // The parser finds some errors only after it has read all lines.
        errors.sort_by_key(|error| error.line);
        for ParserError { line, column, message } in errors {
            let source = lines.get(line - 1).copied().unwrap_or_default();
            if let Some(open) = open.as_ref().filter(|open| open.line <= line) {
                syntax.add(
                    open.line,
                    lines[open.line - 1],
                    &format!(
                        "`{}` in column {} is not closed; add `{}`",
                        open.opening, open.column, open.closing
                    ),
                );
                syntax.broken.push(open.line..=usize::MAX);
                break;
            }
            let is_empty = source.trim_end().ends_with('=');
            let plain = if is_empty { "there is no value after `=`".to_owned() } else { plain(&message) };
            syntax.add(line, source, &format!("column {column}: {plain}{}", hint(source)));
            // The keys below a header that is not valid belong to no table that is known.
            let is_header = !source.contains('=') && source.contains(['[', ']']);
            let below = lines.iter().skip(line).position(|line| is_table(line)).map(|after| line + after);
            let end = if is_header { below.unwrap_or(usize::MAX) } else { line };
            syntax.broken.push(line..=end);
            // A key whose line cannot be read is not missing in its table.
            let above = lines.iter().take(line).rposition(|line| is_table(line));
            syntax.broken.extend(above.map(|above| above + 1..=above + 1));
        }
        syntax
    }

    /// Adds an error, unless its line has one.
    fn add(&mut self, line: usize, source: &str, message: &str) {
        let key: String = source.split('=').next().unwrap_or_default().trim().chars().take(60).collect();
        if self.errors.iter().all(|error| error.line != line) {
            self.errors.push(SyntaxError { line, key, text: format!("not valid TOML: {message}") });
        }
    }
}

/// What is wrong with another file that is not TOML, such as a `Cargo.toml`.
pub fn not_toml(text: &str, error: &toml::de::Error) -> Mistake {
    let mistakes = Document::new(text, std::slice::from_ref(error)).into_mistakes();
    mistakes.into_iter().next().unwrap_or_else(|| Mistake {
        line: 1,
        key: String::new(),
        text: error.message().to_owned(),
    })
}

/// A value that is a single word without quotes, such as `64MiB`, with the quotes that it lacks.
fn hint(source: &str) -> String {
    let Some((key, value)) = source.split_once('=') else {
        // As in YAML and JSON.
        let pair = source
            .split_once(':')
            .filter(|(key, _)| !key.trim().is_empty() && !key.contains(['{', '[', '#']));
        let write = |(key, value): (&str, &str)| format!("; write {} = {}", key.trim(), value.trim());
        return pair.map_or_else(String::new, write);
    };
    let value = value.split('#').next().unwrap_or_default().trim();
    let is_word = |character: char| character.is_alphanumeric() || "-_.:/*".contains(character);
    let needs_none = value.is_empty() || value.parse::<f64>().is_ok() || matches!(value, "true" | "false");
    match !needs_none && value.chars().all(is_word) {
        true => format!("; write {} = {value:?}", key.trim()),
        false => String::new(),
    }
}

/// Whether a line is the header of a table.
fn is_table(line: &str) -> bool {
    let inner = line.split('#').next().unwrap_or_default().trim();
    let inner = inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    inner.is_some_and(|inner| {
        inner.starts_with(|c: char| c.is_ascii_alphanumeric() || "_-\"' [".contains(c))
            && !inner.contains(',')
    })
}

/// A bracket that is not closed.
#[derive(Debug, PartialEq, Eq)]
struct Open {
    line: usize,
    column: usize,
    opening: char,
    closing: char,
}

/// The first bracket that is still open where the next table begins, or the next key after an array.
fn unclosed(lines: &[&str]) -> Option<Open> {
    let mut open: Vec<Open> = Vec::new();
    for (line, source) in (1..).zip(lines) {
        let ends = is_table(source) || open.last().is_some_and(|open| open.opening == '[') && is_key(source);
        if !open.is_empty() && ends {
            return Some(open.swap_remove(0));
        }
        // A header is closed on its line, or its end is missing there.
        if !open.is_empty() || !source.trim_start().starts_with('[') {
            brackets(source, line, &mut open);
        }
    }
    open.into_iter().next()
}

/// Whether a line begins with a key and its `=`.
fn is_key(source: &str) -> bool {
    let key = source.split_once('=').map(|(key, _)| key.trim()).unwrap_or_default();
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Adds the brackets that a line opens, and removes those that it closes. Strings and comments do not count.
fn brackets(source: &str, line: usize, open: &mut Vec<Open>) {
    let mut quote = None;
    let mut characters = (1..).zip(source.chars());
    while let Some((column, character)) = characters.next() {
        match (quote, character) {
            (Some('"'), '\\') => {
                characters.next();
            }
            (Some(end), character) if character == end => quote = None,
            (None, '#') => return,
            (None, '"' | '\'') => quote = Some(character),
            (None, '[') => open.push(Open { line, column, opening: '[', closing: ']' }),
            (None, '{') => open.push(Open { line, column, opening: '{', closing: '}' }),
            (None, ']' | '}') => drop(open.pop()),
            (Some(_) | None, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::manifest::Manifest;

    fn mistakes(text: &str) -> Vec<String> {
        Manifest::parse(text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    /// Each is one slip, so it is one mistake.
    #[test]
    fn one_slip_is_one_mistake() {
        for (text, expected) in [
            (
                "[limits]\nmemory = 64MiB\n",
                "2: memory: not valid TOML: column 10: text needs quotes; write memory = \"64MiB\"",
            ),
            (
                "[limits]\nmemory = \"64MiB\n[handlers.a]\nsource = \"a.wasm\"\n",
                "2: memory: not valid TOML: ",
            ),
            ("[limits]\nmemory \"64MiB\"\n", "2: memory \"64MiB\": not valid TOML: "),
            ("[limits]\nlogs = 1\nhandlers.a]\nsource = \"a.wasm\"\n", "3: handlers.a]: not valid TOML: "),
            ("[handlers.a\nsource = \"a.wasm\"\n", "1: [handlers.a: not valid TOML: "),
            ("[handlers.a]]\nsource = \"a.wasm\"\n[handlers.b]\n", "1: [handlers.a]]: not valid TOML: "),
            (
                "[handlers.a.grants]\nfiles = [\"x\"\ntmp = \"1MiB\"\n[handlers.b]\nsource = \"b.wasm\"\n",
                "2: files: not valid TOML: `[` in column 9 is not closed; add `]`",
            ),
            (
                "[handlers.a.grants]\nfiles = [\"x\",\n[handlers.b]\nsource = \"b.wasm\"\n",
                "2: files: not valid TOML: `[` in column 9 is not closed; add `]`",
            ),
            (
                "[handlers.a.grants]\nenvironment = { A = \"x\"\n[handlers.b]\nsource = \"b.wasm\"\n",
                "2: environment: not valid TOML: `{` in column 15 is not closed; add `}`",
            ),
            (
                "[handlers.a.grants]\nenvironment = { A = \"x\"\n",
                "2: environment: not valid TOML: `{` in column 15 is not closed",
            ),
            ("[build]\ncommand = make\n", "2: command: not valid TOML: "),
            ("[handlers.a]\nreuse = { events = ten }\n", "2: reuse: not valid TOML: "),
        ] {
            let found = mistakes(text);
            assert!(found.len() == 1 && found[0].starts_with(expected), "{text}{found:#?}");
        }
    }

    #[test]
    fn a_word_without_quotes_is_shown_with_them() {
        for (text, expected) in [
            ("limits.memory = 64MiB", "; write limits.memory = \"64MiB\""),
            ("limits.wall_time = 5s # short", "; write limits.wall_time = \"5s\""),
            ("limits.memory: \"64MiB\"", "; write limits.memory = \"64MiB\""),
            ("build.command = make", "; write build.command = \"make\""),
        ] {
            assert!(mistakes(text)[0].ends_with(expected), "{:?}", mistakes(text));
        }
    }

    #[test]
    fn two_slips_are_two_mistakes() {
        let found =
            mistakes("[limits]\nmemory = 64MiB\nlogs = true\n[handlers.a]\nsource = a.wasm\nsorce = \"\"\n");
        let lines: Vec<&str> = found.iter().map(|mistake| &mistake[..2]).collect();
        assert_eq!(lines, ["2:", "3:", "5:", "6:"], "{found:#?}");
    }
}
