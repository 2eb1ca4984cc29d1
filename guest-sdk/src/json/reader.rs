//! [`Reader`]: a position in a text. Reads whitespace, words, numbers and strings, and skips values.
//!
//! This module implements JSON, without serde.

use std::borrow::Cow;

use super::Result;
use super::fault::Fault;
use super::scan::{Plain, append, copied};

/// The limit for nested lists and objects. A handler's stack is small.
const DEEPEST: u8 = 127;

const CONTROL: &str = "a string contains a control character that is not escaped";
const END_OF_STRING: &str = "the end of a string";

/// The longest string with escapes that is copied to a vector of its own length. A longer one keeps the
/// vector that it was read into.
const COPIED: usize = 4096;

pub(crate) struct Reader<'de> {
    text: &'de [u8],
    at: usize,
    depth: u8,
    /// The vector that strings with escapes are read into.
    unescaped: Vec<u8>,
}

impl<'de> Reader<'de> {
    pub(crate) fn new(text: &'de [u8]) -> Self {
        Self { text, at: 0, depth: 0, unescaped: Vec::new() }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The text between two positions.
    pub(crate) fn between(&self, start: usize, end: usize) -> &'de [u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    /// The text that was read so far.
    pub(crate) fn read(&self) -> &'de [u8] {
        self.between(0, self.at)
    }

    #[inline]
    fn here(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.here()?;
        self.at += 1;
        Some(byte)
    }

    /// The next character that is not whitespace. It is not consumed.
    #[inline]
    pub(crate) fn token(&mut self) -> Option<u8> {
        match self.here() {
            Some(..=b' ') => self.token_after_whitespace(),
            other => other,
        }
    }

    fn token_after_whitespace(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.here() {
            self.at += 1;
        }
        self.here()
    }

    /// Consumes the next character if it is this one.
    #[inline]
    pub(crate) fn accept(&mut self, sign: u8) -> bool {
        let is_next = self.token() == Some(sign);
        self.at += usize::from(is_next);
        is_next
    }

    /// Consumes the next character, which must be this one.
    #[inline]
    pub(crate) fn require(&mut self, sign: u8) -> Result<()> {
        if self.accept(sign) { Ok(()) } else { Err(self.missing(sign)) }
    }

    #[cold]
    fn missing(&self, sign: u8) -> Fault {
        self.expected(&format!("`{}`", char::from(sign)))
    }

    /// The next token is not the expected one.
    #[cold]
    pub(crate) fn expected(&self, what: &str) -> Fault {
        match self.here() {
            None => Fault::new(format!("the text ends, expected {what}")),
            Some(_) => Fault::new(format!("expected {what}")),
        }
    }

    pub(crate) fn end(&mut self) -> Result<()> {
        if self.token().is_none() { Ok(()) } else { Err(self.expected("nothing after the value")) }
    }

    /// Enters a list or an object; [`Reader::leave`] leaves it again.
    pub(crate) fn enter(&mut self) -> Result<()> {
        if self.depth == DEEPEST {
            return Err(Fault::new("values are nested too deeply"));
        }
        self.depth += 1;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }

    pub(crate) fn word(&mut self, word: &[u8]) -> Result<()> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.expected("a value"))
        }
    }

    /// An integer without a sign that surely fits into 64 bits. If the next value is not one, nothing is
    /// consumed.
    #[inline]
    pub(crate) fn short_integer(&mut self) -> Option<u64> {
        let mut value: u64 = 0;
        let mut end = self.at;
        while let Some(digit @ b'0'..=b'9') = self.text.get(end) {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            end += 1;
        }
        let goes_on = matches!(self.text.get(end), Some(b'.' | b'e' | b'E'));
        let fits = match end - self.at {
            1 => true,
            2..=19 => self.here() != Some(b'0'),
            _ => false,
        };
        if goes_on || !fits {
            return None;
        }
        self.at = end;
        Some(value)
    }

    /// The text of a number, and whether it has the form of an integer.
    pub(crate) fn number(&mut self) -> Result<(&'de str, bool)> {
        let start = self.at;
        if self.here() == Some(b'-') {
            self.at += 1;
        }
        if self.here() == Some(b'0') {
            self.at += 1;
            if matches!(self.here(), Some(b'0'..=b'9')) {
                return Err(Fault::new("a number cannot begin with a zero"));
            }
        } else {
            self.digits()?;
        }
        let mut is_integer = true;
        if self.here() == Some(b'.') {
            is_integer = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.here() {
            is_integer = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.here() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok((std::str::from_utf8(self.between(start, self.at)).unwrap_or_default(), is_integer))
    }

    /// Reads the quote before a quoted number, which must follow at once, ...
    pub(crate) fn quoted_number(&mut self) -> Result<()> {
        self.require(b'"')?;
        if let Some(b'-' | b'0'..=b'9') = self.here() {
            Ok(())
        } else {
            Err(self.expected("a number in quotes"))
        }
    }

    /// ... and the quote after it.
    pub(crate) fn close_quoted_number(&mut self) -> Result<()> {
        if self.take() == Some(b'"') { Ok(()) } else { Err(Fault::new("expected only a number in quotes")) }
    }

    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.here() {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    pub(crate) fn string(&mut self) -> Result<Cow<'de, str>> {
        self.require(b'"')?;
        let plain = self.plain();
        if self.here() == Some(b'"') {
            self.at += 1;
            return plain.text().map(Cow::Borrowed).ok_or_else(not_unicode);
        }
        self.string_with_escapes(plain).map(Cow::Owned)
    }

    /// Like [`Reader::string`], for a type that keeps the text.
    pub(crate) fn owned_string(&mut self) -> Result<String> {
        self.require(b'"')?;
        let plain = self.plain();
        if self.here() == Some(b'"') {
            self.at += 1;
            return plain.owned_text().ok_or_else(not_unicode);
        }
        self.string_with_escapes(plain)
    }

    /// A string that need not be valid Unicode. A string without escapes is not copied.
    pub(crate) fn bytes(&mut self) -> Result<Cow<'de, [u8]>> {
        self.require(b'"')?;
        let plain = self.plain();
        if self.here() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain.bytes()));
        }
        self.bytes_with_escapes(plain).map(Cow::Owned)
    }

    fn string_with_escapes(&mut self, plain: Plain<'de>) -> Result<String> {
        String::from_utf8(self.bytes_with_escapes(plain)?).map_err(|_| not_unicode())
    }

    /// The rest of a string that is not plain to its end.
    fn bytes_with_escapes(&mut self, mut plain: Plain<'de>) -> Result<Vec<u8>> {
        let mut unescaped = std::mem::take(&mut self.unescaped);
        unescaped.clear();
        loop {
            append(&mut unescaped, plain.bytes());
            match self.take() {
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut unescaped)?,
                Some(_) => return Err(Fault::new(CONTROL)),
                None => return Err(self.expected(END_OF_STRING)),
            }
            plain = self.plain();
        }
        if unescaped.len() > COPIED {
            return Ok(unescaped);
        }
        let copy = copied(&unescaped);
        self.unescaped = unescaped;
        Ok(copy)
    }

    /// The part of a string before the next character that needs treatment.
    #[inline]
    fn plain(&mut self) -> Plain<'de> {
        let plain = Plain::at_start_of(self.text.get(self.at..).unwrap_or_default());
        self.at += plain.bytes().len();
        plain
    }

    fn escape(&mut self, into: &mut Vec<u8>) -> Result<()> {
        let byte = match self.take() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.unicode(into),
            _ => return Err(Fault::new("a string contains an escape that is not valid in JSON")),
        };
        into.push(byte);
        Ok(())
    }

    /// One code unit, or a surrogate pair. A lone surrogate is encoded like a character: byte strings may
    /// contain it, and in other strings it is not valid Unicode.
    fn unicode(&mut self, into: &mut Vec<u8>) -> Result<()> {
        let mut unit = self.hex()?;
        while let 0xD800..=0xDBFF = unit {
            if self.here() != Some(b'\\') || self.text.get(self.at + 1) != Some(&b'u') {
                break;
            }
            self.at += 2;
            let low = self.hex()?;
            if let 0xDC00..=0xDFFF = low {
                unit = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            } else {
                encode(unit, into);
                unit = low;
            }
        }
        encode(unit, into);
        Ok(())
    }

    fn hex(&mut self) -> Result<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.take().and_then(|byte| char::from(byte).to_digit(16));
            unit = unit * 16
                + digit.ok_or_else(|| Fault::new("a \\u in a string must have four hexadecimal digits"))?;
        }
        Ok(unit)
    }

    /// Skips a value, however deeply nested.
    pub(crate) fn skip(&mut self) -> Result<()> {
        let mut open = Vec::new();
        loop {
            match self.token() {
                Some(b'"') => self.skip_string()?,
                Some(b'-' | b'0'..=b'9') => drop(self.number()?),
                Some(b'n') => self.word(b"null")?,
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(bracket @ (b'[' | b'{')) => {
                    self.at += 1;
                    let close = if bracket == b'[' { b']' } else { b'}' };
                    if !self.accept(close) {
                        open.push(close);
                        self.skip_key(close)?;
                        continue;
                    }
                }
                _ => return Err(self.expected("a value")),
            }
            loop {
                let Some(close) = open.last().copied() else {
                    return Ok(());
                };
                if self.accept(b',') {
                    self.skip_key(close)?;
                    break;
                }
                self.require(close)?;
                open.pop();
            }
        }
    }

    /// The key of an object's value; an element of a list has none.
    fn skip_key(&mut self, close: u8) -> Result<()> {
        if close == b']' {
            return Ok(());
        }
        self.skip_string()?;
        self.require(b':')
    }

    /// Like [`Reader::bytes`], without keeping the string.
    fn skip_string(&mut self) -> Result<()> {
        self.require(b'"')?;
        let mut unescaped = Vec::new();
        loop {
            self.plain();
            match self.take() {
                Some(b'"') => return Ok(()),
                Some(b'\\') => {
                    unescaped.clear();
                    self.escape(&mut unescaped)?;
                }
                Some(_) => return Err(Fault::new(CONTROL)),
                None => return Err(self.expected(END_OF_STRING)),
            }
        }
    }
}

#[cold]
fn not_unicode() -> Fault {
    Fault::new("a string is not valid Unicode")
}

/// UTF-8, and also lone surrogates.
fn encode(unit: u32, into: &mut Vec<u8>) {
    if let Some(character) = char::from_u32(unit) {
        into.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        let [_, _, high, low] = unit.to_be_bytes();
        into.extend_from_slice(&[0xE0 | high >> 4, 0x80 | (high & 0x0F) << 2 | low >> 6, 0x80 | low & 0x3F]);
    }
}
