//! The reader: text to values.

use rquickjs::{Ctx, Value, qjs};

use super::calls::{
    define, free, free_atom, is_exception, new_array, new_atom, new_long_number, new_object, new_string,
    take_atom,
};
use super::number::{self, Number};
use super::text::{self, Text};

/// Why a text could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// It is not JSON: what is wrong, with its line and column, from 1.
    Syntax { what: &'static str, line: usize, column: usize },
    /// An exception is pending: there was no memory.
    Exception,
}

/// How many names of members are remembered. Events are lists of similar objects.
const NAMES: usize = 64;

/// Reads a text.
pub(crate) fn read<'js>(ctx: &Ctx<'js>, text: &[u8]) -> Result<Value<'js>, Mistake> {
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => return Err(mistake(text, error.valid_up_to(), "it is not UTF-8")),
    };
    let mut reader = Reader {
        ctx: ctx.as_raw().as_ptr(),
        text,
        at: 0,
        values: Vec::new(),
        open: Vec::new(),
        names: [const { None }; NAMES],
        last: 0,
        replaced: Vec::new(),
    };
    match reader.document() {
        Ok(value) => {
            #[expect(unsafe_code, reason = "the value was made here")]
            // SAFETY: it belongs to this context, and nobody else owns it.
            let value = unsafe { Value::from_raw(ctx.clone(), value) };
            Ok(value)
        }
        Err(Some(what)) => Err(mistake(text.as_bytes(), reader.at, what)),
        Err(None) => Err(Mistake::Exception),
    }
}

fn mistake(text: &[u8], at: usize, what: &'static str) -> Mistake {
    let before = &text[..at.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
    Mistake::Syntax { what, line, column }
}

/// `None` if an exception is pending.
type Failed = Option<&'static str>;

/// What is not closed yet.
enum Open {
    /// An array. Its elements are the values from this place on.
    Array(usize),
    /// An object, and the name of the member that is read.
    Object(qjs::JSValue, qjs::JSAtom),
}

/// A name that was seen.
struct Name<'a> {
    text: &'a str,
    atom: qjs::JSAtom,
    /// The place of the name that came after it the last time.
    next: usize,
}

struct Reader<'a> {
    ctx: *mut qjs::JSContext,
    text: &'a str,
    at: usize,
    /// Finished elements of open arrays.
    values: Vec<qjs::JSValue>,
    open: Vec<Open>,
    names: [Option<Name<'a>>; NAMES],
    /// The place of the last name.
    last: usize,
    /// Atoms that are not among the names any more, or never were. Open objects may have them.
    replaced: Vec<qjs::JSAtom>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<qjs::JSValue, Failed> {
        let value = loop {
            let Some(mut value) = self.begin()? else { continue };
            // A value is complete. It may complete what it is in.
            let done = loop {
                match self.put(value)? {
                    Put::Next => break None,
                    Put::Closed(closed) => value = closed,
                    Put::Document(value) => break Some(value),
                }
            };
            if let Some(value) = done {
                break value;
            }
        };
        self.space();
        if self.at < self.text.len() {
            self.values.push(value);
            return Err(Some("there is something behind its end"));
        }
        Ok(value)
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    /// Reads a simple or empty value, or opens an array or an object.
    fn begin(&mut self) -> Result<Option<qjs::JSValue>, Failed> {
        self.space();
        match self.byte() {
            Some(b'[') => {
                self.at += 1;
                self.space();
                if self.byte() == Some(b']') {
                    self.at += 1;
                    return self.array(self.values.len()).map(Some);
                }
                self.open.push(Open::Array(self.values.len()));
                Ok(None)
            }
            Some(b'{') => {
                self.at += 1;
                let object = made(new_object(self.ctx))?;
                self.space();
                if self.byte() == Some(b'}') {
                    self.at += 1;
                    return Ok(Some(object));
                }
                self.open.push(Open::Object(object, qjs::JS_ATOM_NULL));
                self.name()?;
                Ok(None)
            }
            Some(b'"') => self.string().map(Some),
            Some(b't') => self.word("true", qjs::JS_TRUE),
            Some(b'f') => self.word("false", qjs::JS_FALSE),
            Some(b'n') => self.word("null", qjs::JS_NULL),
            Some(b'-' | b'0'..=b'9') => self.number().map(Some),
            Some(_) => Err(Some("a value is expected")),
            None => Err(Some("it ends too early")),
        }
    }

    fn word(&mut self, word: &str, value: qjs::JSValue) -> Result<Option<qjs::JSValue>, Failed> {
        if !self.text[self.at..].starts_with(word) {
            return Err(Some("a value is expected"));
        }
        self.at += word.len();
        Ok(Some(value))
    }

    fn number(&mut self) -> Result<qjs::JSValue, Failed> {
        let text = &self.text.as_bytes()[self.at..];
        let (number, length) = number::read(text).ok_or(Some("a number is not valid"))?;
        self.at += length;
        let Number::Known(number) = number else { return made(new_long_number(self.ctx, &text[..length])) };
        #[expect(clippy::cast_possible_truncation, reason = "it is compared")]
        let integer = number as i32;
        let is_integer = f64::from(integer) == number && (integer != 0 || number.is_sign_positive());
        Ok(match is_integer {
            true => qjs::JS_MKVAL(qjs::JS_TAG_INT, integer),
            false => qjs::JS_NewFloat64(number),
        })
    }

    fn string(&mut self) -> Result<qjs::JSValue, Failed> {
        let text = self.text()?;
        made(new_string(self.ctx, &text))
    }

    /// A string, from its opening quote.
    fn text(&mut self) -> Result<Text<'a>, Failed> {
        let text: &'a str = self.text;
        match text::read(&text[self.at + 1..]) {
            Ok((text, length)) => {
                self.at += 1 + length;
                Ok(text)
            }
            Err(at) => {
                self.at += 1 + at;
                Err(Some(if self.at < text.len() { "a string is not valid" } else { "it ends too early" }))
            }
        }
    }

    /// The name of a member and the colon behind it.
    fn name(&mut self) -> Result<(), Failed> {
        self.space();
        if self.byte() != Some(b'"') {
            return Err(Some("the name of a member is expected"));
        }
        let atom = match self.expected() {
            Some(atom) => atom,
            None => {
                let text = self.text()?;
                self.atom(&text)?
            }
        };
        if let Some(Open::Object(_, name)) = self.open.last_mut() {
            *name = atom;
        }
        self.space();
        if self.byte() != Some(b':') {
            return Err(Some("a colon is expected"));
        }
        self.at += 1;
        Ok(())
    }

    /// The name that came after the last one before, if it comes again.
    fn expected(&mut self) -> Option<qjs::JSAtom> {
        let next = self.names[self.last].as_ref()?.next;
        let Name { text, atom, .. } = self.names[next].as_ref()?;
        let rest = self.text.as_bytes()[self.at + 1..].strip_prefix(text.as_bytes())?;
        if rest.first() != Some(&b'"') {
            return None;
        }
        self.at += text.len() + 2;
        self.last = next;
        Some(*atom)
    }

    fn atom(&mut self, text: &Text<'a>) -> Result<qjs::JSAtom, Failed> {
        let Text::Plain(text) = text else {
            let atom = known(take_atom(self.ctx, new_string(self.ctx, text)))?;
            self.replaced.push(atom);
            return Ok(atom);
        };
        let bytes = text.as_bytes();
        let [first, last] = [bytes.first(), bytes.last()].map(|byte| usize::from(*byte.unwrap_or(&0)));
        let place = (bytes.len() * 31 + first * 7 + last) % NAMES;
        if let Some(before) = &mut self.names[self.last] {
            before.next = place;
        }
        self.last = place;
        match &self.names[place] {
            Some(name) if name.text == *text => return Ok(name.atom),
            Some(name) => self.replaced.push(name.atom),
            None => {}
        }
        self.names[place] = None;
        let atom = known(new_atom(self.ctx, text))?;
        self.names[place] = Some(Name { text, atom, next: place });
        Ok(atom)
    }

    /// Puts a complete value where it belongs, and reads on to the next one.
    fn put(&mut self, value: qjs::JSValue) -> Result<Put, Failed> {
        match self.open.last_mut() {
            None => return Ok(Put::Document(value)),
            Some(Open::Array(_)) => self.values.push(value),
            Some(Open::Object(object, name)) => {
                if !define(self.ctx, *object, *name, value) {
                    return Err(None);
                }
            }
        }
        self.space();
        match (self.byte(), self.open.last()) {
            (Some(b','), Some(Open::Object(..))) => {
                self.at += 1;
                self.name()?;
                Ok(Put::Next)
            }
            (Some(b','), _) => {
                self.at += 1;
                Ok(Put::Next)
            }
            (Some(b']'), Some(Open::Array(first))) => {
                let first = *first;
                self.at += 1;
                self.open.pop();
                self.array(first).map(Put::Closed)
            }
            (Some(b'}'), Some(Open::Object(object, _))) => {
                let object = *object;
                self.at += 1;
                self.open.pop();
                Ok(Put::Closed(object))
            }
            (Some(_), _) => Err(Some("a comma or a closing bracket is expected")),
            (None, _) => Err(Some("it ends too early")),
        }
    }

    /// The array of the values from this place on.
    fn array(&mut self, first: usize) -> Result<qjs::JSValue, Failed> {
        let array = new_array(self.ctx, &self.values[first..]);
        // They belong to the array, or were freed.
        self.values.truncate(first);
        made(array)
    }
}

fn made(value: qjs::JSValue) -> Result<qjs::JSValue, Failed> {
    if is_exception(value) { Err(None) } else { Ok(value) }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        for value in self.values.drain(..) {
            free(self.ctx, value);
        }
        for open in self.open.drain(..) {
            if let Open::Object(object, _) = open {
                free(self.ctx, object);
            }
        }
        let names = self.names.iter().flatten().map(|name| name.atom);
        for atom in names.chain(self.replaced.drain(..)) {
            free_atom(self.ctx, atom);
        }
    }
}

/// What a value has completed.
enum Put {
    /// Nothing: the next value is expected.
    Next,
    /// What it was in.
    Closed(qjs::JSValue),
    /// The document.
    Document(qjs::JSValue),
}

fn known(atom: qjs::JSAtom) -> Result<qjs::JSAtom, Failed> {
    if atom == qjs::JS_ATOM_NULL { Err(None) } else { Ok(atom) }
}
