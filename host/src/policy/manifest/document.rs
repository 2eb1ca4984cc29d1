//! The tables and values of `bulkhead.toml`, and the list of mistakes.
//!
//! Readers of the tables record mistakes and continue, so that one run reports all of them. This file does not
//! interpret the keys.

use std::cell::RefCell;
use std::fmt::Write;
use std::ops::RangeInclusive;

use toml::de::DeTable;

use super::Mistake;
use super::reader;
use super::syntax::{ParserError, Syntax, SyntaxError};
use super::tree::{Id, ROOT, Tree, Value};

/// The mistakes found in a text so far.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Lines that are not TOML, or whose meaning is not clear, for which no other mistake is reported.
    broken: Vec<RangeInclusive<usize>>,
    mistakes: RefCell<Vec<Mistake>>,
}

/// A table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'d> {
    document: &'d Document,
    tree: &'d Tree<'d>,
    id: Id,
}

/// A value, and its key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'d> {
    document: &'d Document,
    tree: &'d Tree<'d>,
    id: Id,
    /// Its key, or empty for an element of an array.
    pub(super) key: &'d str,
    /// The line that it is on.
    pub(super) line: usize,
    value: &'d Value<'d>,
}

/// A parsed value, and its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spanned<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

/// Where the lines of a text start.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// The line of a byte.
    fn line(&self, at: usize) -> usize {
        self.0.partition_point(|&start| start <= at).max(1)
    }

    /// The column of a byte of the text, in characters from 1.
    fn column(&self, text: &str, at: usize) -> usize {
        let start = self.0[self.line(at) - 1];
        text.get(start..at).map_or(0, |before| before.chars().count()) + 1
    }
}

/// Reads a text, and records syntax errors.
pub(super) fn read(text: &str) -> (Document, Tree<'_>) {
    if let Some(tree) = reader::read(text) {
        return (Document::default(), tree);
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    let lines = Lines::of(text);
    (Document::new(text, &errors), Tree::of(root.get_ref(), &|at| lines.line(at)))
}

impl Document {
    /// A text with these errors.
    pub(super) fn new(text: &str, errors: &[toml::de::Error]) -> Self {
        let lines = Lines::of(text);
        let errors = errors.iter().map(|error| {
            let at = error.span().map_or(0, |span| span.start);
            ParserError {
                line: lines.line(at),
                column: lines.column(text, at),
                message: error.message().to_owned(),
            }
        });
        let Syntax { errors, broken } = Syntax::of(text, errors.collect());
        let mistake = |SyntaxError { line, key, text }| Mistake { line, key, text };
        Self { broken, mistakes: RefCell::new(errors.into_iter().map(mistake).collect()) }
    }

    /// The root table of the text.
    pub(super) fn root<'d>(&'d self, tree: &'d Tree<'d>) -> Table<'d> {
        Table { document: self, tree, id: ROOT }
    }

    /// Whether all of the text was read.
    pub(super) fn is_whole(&self) -> bool {
        self.broken.is_empty()
    }

    pub(super) fn mistake(&self, line: usize, key: impl Into<String>, text: impl Into<String>) {
        if !self.broken.iter().any(|lines| lines.contains(&line)) {
            self.mistakes.borrow_mut().push(Mistake { line, key: key.into(), text: text.into() });
        }
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
        self.tree.find(self.id, key).map(|id| self.entry_of(id))
    }

    /// The table of that key. `example` is a table that it could be.
    pub(super) fn table(&self, key: &str, example: &str) -> Option<Self> {
        self.entry(key)?.table(example)
    }

    /// All entries, in the order of their keys.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'d>> + use<'d> {
        let table = *self;
        table.tree.node(table.id).within.iter().map(move |id| table.entry_of(*id))
    }

    fn entry_of(&self, id: Id) -> Entry<'d> {
        let node = self.tree.node(id);
        let Self { document, tree, .. } = *self;
        Entry { document, tree, id, key: &node.key, line: node.line, value: &node.value }
    }

    /// Elements of an array have the path of the array.
    fn path(&self) -> String {
        let node = self.tree.node(self.id);
        if self.id == ROOT {
            return String::new();
        }
        let above = Self { id: node.above, ..*self };
        match self.tree.node(above.id).value == Value::Array {
            true => above.path(),
            false => path(&above.path(), &node.key),
        }
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
    pub(super) fn mistake(&self, text: impl Into<String>) {
        self.document.mistake(self.line, self.within().path(), text);
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
        if let Value::String(text) = self.value { Some(text) } else { None }
    }

    /// The number, if it is an integer that fits.
    pub(super) fn as_integer(&self) -> Option<i128> {
        if let Value::Integer(integer) = self.value { Some(**integer) } else { None }
    }

    /// True or false, or a mistake.
    pub(super) fn boolean(&self) -> Option<bool> {
        if let Value::Boolean(value) = self.value { Some(*value) } else { self.expected("true or false") }
    }

    pub(super) fn is_table(&self) -> bool {
        *self.value == Value::Table
    }

    /// The table, or a mistake with an example of one.
    pub(super) fn table(&self, example: &str) -> Option<Table<'d>> {
        if !self.is_table() {
            return self.expected(&format!("a table, such as {example}"));
        }
        Some(self.within())
    }

    /// The elements of an array. They have the path of the array.
    pub(super) fn array(&self, what: &str) -> Option<Vec<Self>> {
        if *self.value != Value::Array {
            return self.expected(what);
        }
        Some(self.within().entries().collect())
    }

    /// What it contains, if it is a table or an array.
    fn within(&self) -> Table<'d> {
        Table { document: self.document, tree: self.tree, id: self.id }
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

fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "a whole number",
        Value::Float => "a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime => "a date or time",
        Value::Array => "an array",
        Value::Table => "a table",
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
        let lines = Lines::of("a\nbc\n");
        assert_eq!([0, 1, 2, 4, 5, 99].map(|at| lines.line(at)), [1, 1, 2, 2, 3, 3]);
        assert_eq!(Lines::of("").line(0), 1);
        assert_eq!([0, 2, 3, 4, 99].map(|at| lines.column("a\nbc\n", at)), [1, 1, 2, 3, 1]);
    }
}
