//! The text of `bulkhead.toml` as a tree in which each value has its line, and the list of mistakes.
//!
//! Readers of the tree record mistakes and continue, so that one run reports all of them. This file does not
//! interpret the keys.

use std::cell::RefCell;
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::rc::Rc;

use toml::de::{DeTable, DeValue};

use super::Mistake;
use super::syntax::{ParserError, Syntax, SyntaxError};

/// The text, and the mistakes found in it so far.
#[derive(Debug)]
pub(super) struct Document {
    /// Where each line starts.
    lines: Vec<usize>,
    /// Lines that are not TOML, or whose meaning is not clear, for which no other mistake is reported.
    broken: Vec<RangeInclusive<usize>>,
    mistakes: RefCell<Vec<Mistake>>,
}

/// A table and the keys above it.
#[derive(Debug, Clone)]
pub(super) struct Table<'d> {
    document: &'d Document,
    path: Rc<str>,
    entries: &'d DeTable<'d>,
}

/// A value, and its key.
#[derive(Debug, Clone)]
pub(super) struct Entry<'d> {
    document: &'d Document,
    /// The path of the table that it is in.
    above: Rc<str>,
    /// Its key in that table; for an element of an array, the array's.
    last: &'d str,
    /// Its key, or empty for an element of an array.
    pub(super) key: &'d str,
    /// The line that it is on.
    pub(super) line: usize,
    value: &'d DeValue<'d>,
}

/// A parsed value, and its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spanned<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

impl Document {
    /// Parses the text as TOML, and records syntax errors.
    pub(super) fn new(text: &str, errors: &[toml::de::Error]) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut document = Self { lines, broken: Vec::new(), mistakes: RefCell::default() };
        let errors = errors.iter().map(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, column) = (document.line(at), document.column(text, at));
            ParserError { line, column, message: error.message().to_owned() }
        });
        let Syntax { errors, broken } = Syntax::of(text, errors.collect());
        let mistake = |SyntaxError { line, key, text }| Mistake { line, key, text };
        document.mistakes = RefCell::new(errors.into_iter().map(mistake).collect());
        document.broken = broken;
        document
    }

    /// The root table of the parsed text.
    pub(super) fn root<'d>(&'d self, entries: &'d DeTable<'d>) -> Table<'d> {
        Table { document: self, path: Rc::default(), entries }
    }

    pub(super) fn mistake(&self, line: usize, key: impl Into<String>, text: impl Into<String>) {
        if !self.broken.iter().any(|lines| lines.contains(&line)) {
            self.mistakes.borrow_mut().push(Mistake { line, key: key.into(), text: text.into() });
        }
    }

    /// The line of a byte.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|&start| start <= at).max(1)
    }

    /// The column of a byte of the text, in characters from 1.
    fn column(&self, text: &str, at: usize) -> usize {
        let start = self.lines[self.line(at) - 1];
        text.get(start..at).map_or(0, |before| before.chars().count()) + 1
    }

    /// All mistakes, in the order of their lines.
    pub(super) fn into_mistakes(self) -> Vec<Mistake> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|mistake| mistake.line);
        mistakes.dedup();
        mistakes
    }
}

impl<'d> Table<'d> {
    pub(super) fn entry(&self, key: &str) -> Option<Entry<'d>> {
        self.entries.get_key_value(key).map(|(key, value)| self.entry_of(key, value))
    }

    /// The table of that key. `example` is a table that it could be.
    pub(super) fn table(&self, key: &str, example: &str) -> Option<Self> {
        self.entry(key)?.table(example)
    }

    /// All entries, in the order of their keys.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'d>> + '_ {
        self.entries.iter().map(|(key, value)| self.entry_of(key, value))
    }

    fn entry_of(&self, key: &'d Key<'d>, value: &'d Value<'d>) -> Entry<'d> {
        let line = self.document.line(key.span().start);
        let (above, key) = (Rc::clone(&self.path), key.get_ref());
        Entry { document: self.document, above, last: key, key, line, value: value.get_ref() }
    }

    /// Records keys that are not in `known`. `hint` returns for some of them where they belong.
    pub(super) fn only(&self, known: &[&str], hint: impl Fn(&str) -> Option<String>) {
        for entry in self.entries().filter(|entry| !known.contains(&entry.key)) {
            let hint = hint(entry.key).or_else(|| did_you_mean(entry.key, known));
            let hint = hint.unwrap_or_else(|| match known {
                [only] => format!("the only key here is `{only}`"),
                _ => format!("the keys here are {}", known.join(", ")),
            });
            entry.mistake(format!("there is no such key; {hint}"));
        }
    }
}

type Key<'d> = toml::Spanned<toml::de::DeString<'d>>;
type Value<'d> = toml::Spanned<DeValue<'d>>;

/// A path with one more key, quoted if TOML requires it.
pub(super) fn path(above: &str, key: &str) -> String {
    let mut path = String::with_capacity(above.len() + 1 + key.len());
    path.push_str(above);
    if !above.is_empty() {
        path.push('.');
    }
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !key.is_empty() && key.bytes().all(bare) {
        path.push_str(key);
    } else {
        // An accepted key contains no character that Rust escapes and TOML does not. Writing to a string does
        // not fail.
        let _ = write!(path, "{key:?}");
    }
    path
}

impl<'d> Entry<'d> {
    /// Made when it is needed: a file with ten thousand tenants has more keys than mistakes.
    fn path(&self) -> String {
        path(&self.above, self.last)
    }

    pub(super) fn mistake(&self, text: impl Into<String>) {
        self.document.mistake(self.line, self.path(), text);
    }

    /// Records that the value has the wrong type.
    pub(super) fn expected<T>(&self, what: &str) -> Option<T> {
        self.mistake(format!("this is {}; expected {what}", kind(self.value)));
        None
    }

    /// Returns a parsed value, or records the error.
    pub(super) fn understood<T>(&self, result: Result<T, impl std::fmt::Display>) -> Option<Spanned<T>> {
        match result {
            Ok(value) => Some(Spanned { value, line: self.line }),
            Err(error) => {
                self.mistake(error.to_string());
                None
            }
        }
    }

    /// The string, or a mistake with the expected value.
    pub(super) fn string(&self, what: &str) -> Option<&'d str> {
        self.as_string().or_else(|| self.expected(what))
    }

    pub(super) fn as_string(&self) -> Option<&'d str> {
        if let DeValue::String(text) = self.value { Some(text) } else { None }
    }

    /// The number, if it is an integer that fits.
    pub(super) fn as_integer(&self) -> Option<i128> {
        let DeValue::Integer(integer) = self.value else { return None };
        // A number that fits no type is too large for every key.
        i128::from_str_radix(integer.as_str(), integer.radix()).ok().or(Some(i128::MAX))
    }

    /// True or false, or a mistake.
    pub(super) fn boolean(&self) -> Option<bool> {
        if let DeValue::Boolean(value) = self.value { Some(*value) } else { self.expected("true or false") }
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    /// The table, or a mistake with an example of one.
    pub(super) fn table(&self, example: &str) -> Option<Table<'d>> {
        let DeValue::Table(entries) = self.value else {
            return self.expected(&format!("a table, such as {example}"));
        };
        Some(Table { document: self.document, path: self.path().into(), entries })
    }

    /// The elements of an array. They have the path of the array.
    pub(super) fn array(&self, what: &str) -> Option<Vec<Self>> {
        let DeValue::Array(elements) = self.value else { return self.expected(what) };
        let element = |element: &'d Value<'d>| Self {
            document: self.document,
            above: Rc::clone(&self.above),
            last: self.last,
            key: "",
            line: self.document.line(element.span().start),
            value: element.get_ref(),
        };
        Some(elements.iter().map(element).collect())
    }

    /// One of several words.
    pub(super) fn one_of<T: Clone>(&self, words: &[(&str, T)]) -> Option<T> {
        let known = || words.iter().map(|(word, _)| format!("{word:?}")).collect::<Vec<_>>().join(" or ");
        let word = self.as_string().or_else(|| self.expected(&known()))?;
        let found = words.iter().find(|(known, _)| *known == word).map(|(_, value)| value.clone());
        if found.is_none() {
            self.mistake(format!("this is {word:?}; expected {}", known()));
        }
        found
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// The known word that is most similar.
pub(super) fn similar<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    // A very long key is not a misspelling.
    let word = Some(word).filter(|word| word.len() <= 64)?;
    // Two letters that changed places are one slip.
    let near = known.iter().map(|key| (strsim::osa_distance(word, key), *key)).min()?;
    Some(near).filter(|(distance, key)| distance * 3 <= key.len().max(3)).map(|(_, key)| key)
}

/// The known keys that a key may stand for: the most similar one, or those that contain the whole word, such as
/// `wall_time` and `cpu_time` for `time`.
pub(super) fn did_you_mean(word: &str, known: &[&str]) -> Option<String> {
    const MOST: usize = 3;
    let quoted = |key: &str| format!("`{key}`");
    if let Some(key) = similar(word, known) {
        return Some(format!("did you mean {}?", quoted(key)));
    }
    let has_part = |key: &&&str| key.split('_').any(|part| part == word);
    let with_part: Vec<String> = known.iter().filter(has_part).map(|key| quoted(key)).collect();
    let is_clear = (1..=MOST).contains(&with_part.len());
    is_clear.then(|| format!("did you mean {}?", with_part.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_is_recognised() {
        assert_eq!(similar("memroy", &["logs", "memory"]), Some("memory"));
        assert_eq!(similar("wall-time", &["wall_time", "cpu_time"]), Some("wall_time"));
        assert_eq!(similar("tpm", &["tmp"]), Some("tmp"), "two letters changed places");
        assert_eq!(similar("pmt", &["tmp"]), None);
        assert_eq!(similar("tmpp", &["tmp"]), Some("tmp"));
        assert_eq!(similar("hosts", &["wall_time", "cpu_time"]), None);
        assert_eq!(similar(&"memory".repeat(100), &["memory"]), None);
    }

    #[test]
    fn a_part_of_a_key_stands_for_the_keys_that_have_it() {
        let known = ["wall_time", "cpu_time", "outbound_requests", "outbound_bytes"];
        assert_eq!(did_you_mean("time", &known).as_deref(), Some("did you mean `wall_time` or `cpu_time`?"));
        assert_eq!(did_you_mean("cpu", &known).as_deref(), Some("did you mean `cpu_time`?"));
        assert_eq!(did_you_mean("requests", &known).as_deref(), Some("did you mean `outbound_requests`?"));
        assert_eq!(did_you_mean("bound", &known), None);
        assert_eq!(did_you_mean("a", &["a_b", "a_c", "a_d", "a_e"]), None, "too many to choose from");
    }

    #[test]
    fn paths_are_quoted_where_toml_wants_it() {
        assert_eq!(path("", "limits"), "limits");
        assert_eq!(path("tenants", "a.b"), "tenants.\"a.b\"");
        assert_eq!(path("tenants", ""), "tenants.\"\"");
        assert_eq!(path("tenants", "say \"hi\""), r#"tenants."say \"hi\"""#);
    }

    #[test]
    fn lines_are_counted_from_one() {
        let document = Document::new("a\nbc\n", &[]);
        assert_eq!([0, 1, 2, 4, 5, 99].map(|at| document.line(at)), [1, 1, 2, 2, 3, 3]);
        assert_eq!(Document::new("", &[]).line(0), 1);
        assert_eq!([0, 2, 3, 4, 99].map(|at| document.column("a\nbc\n", at)), [1, 1, 2, 3, 1]);
    }
}
