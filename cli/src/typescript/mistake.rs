//! What is not a type in a file of TypeScript, with its place, and what to write in its place.

use std::fmt;
use std::path::Path;

use bulkhead_host::text::printable::{self, Shown as _};
use swc_common::{SourceMap, Span};

/// The most mistakes of one file that are shown.
const MOST: usize = 10;

/// What has an effect at run time, by a word of the parser's message, and what to write in its place.
const NOT_TYPES: [(&str, &str, &str); 8] = [
    (
        "enum",
        "an `enum`",
        "write `const Colour = { Red: \"red\" } as const`, and `type Colour = (typeof Colour)[keyof typeof Colour]`",
    ),
    ("namespace", "a `namespace` with values in it", "put them into a file of their own, and import that"),
    ("import equals", "`import … = require(…)`", "write `import name from \"./file.ts\"`"),
    ("export assignment", "`export = …`", "write `export default …`"),
    (
        "parameter property",
        "a parameter that is a property",
        "declare the property in the class, and set it in the constructor: `this.name = name`",
    ),
    ("angle-bracket", "a type before an expression, `<T>value`", "write `value as T`"),
    (
        "`module` keyword",
        "a `module` with values in it",
        "put them into a file of their own, and import that",
    ),
    (
        "must be parenthesized",
        "a type assertion to the left of `**`",
        "put it into parentheses: `(value as T) ** 2`",
    ),
];

/// One mistake. Lines and columns count from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) text: String,
}

impl Mistake {
    /// What the parser says of a part of the text.
    pub(super) fn new(text: &str, map: &SourceMap, message: &str, span: Option<Span>) -> Self {
        let Some(span) = span else { return Self { line: 1, column: 1, text: message.to_owned() } };
        let place = map.lookup_char_pos(span.lo);
        let line = text.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
        let is_decorator = line.chars().nth(place.col.0) == Some('@');
        Self { line: place.line, column: place.col.0 + 1, text: described(message, is_decorator) }
    }
}

fn described(message: &str, is_decorator: bool) -> String {
    let not_a_type =
        |what: &str, instead: &str| format!("{what} cannot be taken off as types are; {instead}");
    if is_decorator {
        return not_a_type("a decorator", "call the function yourself, with the class or the method");
    }
    match NOT_TYPES.iter().find(|(word, ..)| message.contains(word)) {
        Some((_, what, instead)) => not_a_type(what, instead),
        None => message.to_owned(),
    }
}

/// A line for each mistake.
pub(super) fn lines(path: &Path, mistakes: &[Mistake]) -> String {
    let mut lines: Vec<String> =
        mistakes.iter().take(MOST).map(|mistake| format!("{}:{mistake}", path.shown())).collect();
    if mistakes.len() > MOST {
        lines.push(format!("{}: and {} more", path.shown(), mistakes.len() - MOST));
    }
    lines.join("\n")
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, printable::line(&self.text))
    }
}
