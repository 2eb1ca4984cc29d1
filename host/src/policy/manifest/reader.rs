//! Reads a text in TOML from the events of its parser, piece by piece.
//!
//! It understands what is in files that are right, and gives up on everything else: `toml` reads such a text once more, and
//! says what is wrong with it. So it may give up on what is right, but never understand what is wrong.

use std::borrow::Cow;

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::lexer::{Token, TokenKind};
use toml_parser::parser::{EventReceiver, parse_document};
use toml_parser::{ErrorSink, ParseError, Raw, Source, Span};

use super::tree::{Id, ROOT, Tree, Value};

/// The least number of tokens that are parsed together. All tokens of a file take more memory than its text.
const PIECE: usize = 256;

/// How many bytes a key with its value takes, to make room for all of them at once.
const ENTRY: usize = 16;

/// The most keys of a table in which each key is looked for before it is added.
const MANY: usize = 16;

/// How deep tables and arrays may be within each other, and how many keys may be in a row.
const DEEPEST: usize = 16;

/// The tree of a text; `None` if something is wrong with it, or unusual.
pub(super) fn read(text: &str) -> Option<Tree<'_>> {
    let mut reader = Reader {
        source: Source::new(text),
        tree: Tree::new(text.len() / ENTRY),
        origins: vec![Origin::Header],
        keys: Vec::new(),
        open: vec![ROOT],
        next: None,
        seen: Position { byte: 0, line: 1 },
        is_done: true,
    };
    let mut tokens: Vec<Token> = Vec::new();
    let mut depth = 0_usize;
    for token in reader.source.lex() {
        tokens.push(token);
        let kind = token.kind();
        if matches!(kind, TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket) {
            depth += 1;
        }
        if matches!(kind, TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket) {
            depth = depth.checked_sub(1)?;
        }
        // What is right on each side of the end of such a line is right together.
        let is_between = kind == TokenKind::Newline && depth == 0 && tokens.len() >= PIECE;
        if is_between || kind == TokenKind::Eof {
            let mut is_right = true;
            parse_document(&tokens, &mut reader, &mut |_: ParseError| is_right = false);
            if !is_right || !reader.is_done {
                return None;
            }
            tokens.clear();
        }
    }
    // A key that was there already, and was not found among many, is there twice now.
    reader.tree.sort()?;
    Some(reader.tree)
}

/// What has been read so far.
struct Reader<'t> {
    source: Source<'t>,
    tree: Tree<'t>,
    /// Of each node.
    origins: Vec<Origin>,
    /// The keys of a header, or before an equals sign.
    keys: Vec<Key<'t>>,
    /// The table of the last header, and the arrays and inline tables that are not closed.
    open: Vec<Id>,
    /// The key whose value comes next.
    next: Option<Id>,
    seen: Position,
    /// Whether everything was understood.
    is_done: bool,
}

struct Key<'t> {
    text: Cow<'t, str>,
    line: usize,
}

/// A byte and its line.
struct Position {
    byte: usize,
    line: usize,
}

/// How a node was made, which decides what may be added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// By a header: headers may add tables.
    Header,
    /// By the header of a table in it: headers may add tables, and one may be its own.
    Above,
    /// By a dot in a key: keys that begin in the same table may add to it.
    Dot,
    /// As the value of a key, or an element of an array.
    Value,
}

impl<'t> Reader<'t> {
    fn line(&mut self, byte: usize) -> usize {
        let between = self.source.input().as_bytes().get(self.seen.byte..byte).unwrap_or_default();
        self.seen.line += between.iter().filter(|byte| **byte == b'\n').count();
        self.seen.byte = self.seen.byte.max(byte);
        self.seen.line
    }

    fn raw(&self, span: Span, encoding: Option<Encoding>) -> Option<Raw<'t>> {
        let text = self.source.input().get(span.start()..span.end())?;
        Some(Raw::new_unchecked(text, encoding, span))
    }

    fn key(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) -> Option<()> {
        let mut text = Cow::Borrowed("");
        self.raw(span, encoding)?.decode_key(&mut text, errors);
        let line = self.line(span.start());
        self.keys.push(Key { text, line });
        (self.keys.len() <= DEEPEST).then_some(())
    }

    /// The node of a key in a table. If there are many, only the last one is found.
    fn find(&self, table: Id, key: &str) -> Option<Id> {
        let within = &self.tree.node(table).within;
        if within.len() <= MANY {
            return self.tree.find(table, key);
        }
        within.last().copied().filter(|id| self.tree.node(*id).key == key)
    }

    fn add(&mut self, above: Id, key: Key<'t>, origin: Origin) -> Id {
        self.origins.push(origin);
        self.tree.add(above, key.text, key.line)
    }

    /// The table to which all keys but the last lead, and the last key. Tables that are missing are made.
    fn descend(&mut self, from: Id, missing: Origin) -> Option<(Id, Key<'t>)> {
        let last = self.keys.pop()?;
        let mut keys = std::mem::take(&mut self.keys);
        let mut table = from;
        for key in keys.drain(..) {
            table = match self.find(table, &key.text) {
                None => self.add(table, key, missing),
                Some(id) if self.origins[id] == missing => id,
                Some(id) if missing == Origin::Above && self.origins[id] == Origin::Header => id,
                Some(_) => return None,
            };
        }
        self.keys = keys;
        Some((table, last))
    }

    fn header(&mut self) -> Option<()> {
        let (above, key) = self.descend(ROOT, Origin::Above)?;
        let table = match self.find(above, &key.text) {
            None => self.add(above, key, Origin::Header),
            Some(id) if self.origins[id] == Origin::Above => {
                self.origins[id] = Origin::Header;
                self.tree.node_mut(id).line = key.line;
                id
            }
            Some(_) => return None,
        };
        self.open.clear();
        self.open.push(table);
        Some(())
    }

    fn equals(&mut self) -> Option<()> {
        let from = *self.open.last()?;
        let (table, key) = self.descend(from, Origin::Dot)?;
        if self.find(table, &key.text).is_some() {
            return None;
        }
        self.next = Some(self.add(table, key, Origin::Value));
        Some(())
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) -> Option<()> {
        let mut text = Cow::Borrowed("");
        let value = match self.raw(span, encoding)?.decode_scalar(&mut text, errors) {
            ScalarKind::String => Value::String(text),
            ScalarKind::Integer(radix) => Value::integer(&text, radix.value()),
            ScalarKind::Float => Value::Float,
            ScalarKind::Boolean(value) => Value::Boolean(value),
            ScalarKind::DateTime => return None,
        };
        self.value(value, span).map(drop)
    }

    /// The value of the last key, or an element of an array.
    fn value(&mut self, value: Value<'t>, span: Span) -> Option<Id> {
        let id = match self.next.take() {
            Some(id) => id,
            None => {
                let array =
                    self.open.last().copied().filter(|id| self.tree.node(*id).value == Value::Array)?;
                let line = self.line(span.start());
                self.add(array, Key { text: Cow::Borrowed(""), line }, Origin::Value)
            }
        };
        self.tree.node_mut(id).value = value;
        Some(id)
    }

    fn open(&mut self, value: Value<'t>, span: Span) -> Option<()> {
        let id = self.value(value, span)?;
        self.open.push(id);
        (self.open.len() <= DEEPEST).then_some(())
    }

    fn check(&mut self, understood: Option<()>) {
        self.is_done &= understood.is_some();
    }
}

impl EventReceiver for Reader<'_> {
    fn std_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        let understood = self.header();
        self.check(understood);
    }

    fn array_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.check(None);
    }

    fn inline_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        let understood = self.open(Value::Table, span);
        self.check(understood);
        self.is_done
    }

    fn inline_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.open.pop();
    }

    fn array_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        let understood = self.open(Value::Array, span);
        self.check(understood);
        self.is_done
    }

    fn array_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.open.pop();
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        let understood = self.key(span, encoding, errors);
        self.check(understood);
    }

    fn key_val_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        let understood = self.equals();
        self.check(understood);
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        let understood = self.scalar(span, encoding, errors);
        self.check(understood);
    }

    fn comment(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        if let Some(raw) = self.raw(span, None) {
            raw.decode_comment(errors);
        }
    }

    fn newline(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        if let Some(raw) = self.raw(span, None) {
            raw.decode_newline(errors);
        }
    }

    fn error(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.check(None);
    }
}

#[cfg(test)]
mod tests;
