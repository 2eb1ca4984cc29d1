//! [`Fault`]: an error in a text, and its place. The path is built from the inside out while the fault is
//! returned.

use std::fmt::Display;

use serde::de::{Error, Expected, Unexpected};

/// The part of a string that an error shows.
const MOST_SHOWN: usize = 64;

/// Boxed, because every result of every step reserves space for it.
#[derive(Debug)]
pub(crate) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    message: String,
    path: String,
}

impl Fault {
    #[cold]
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Inner { message: message.into(), path: String::new() }))
    }

    /// The fault is in the value of this key.
    #[cold]
    pub(crate) fn in_object(mut self, key: &[u8]) -> Self {
        let mut path = String::from_utf8(key.into()).unwrap_or_else(|_| "?".into());
        if !self.0.path.is_empty() && !self.0.path.starts_with('[') {
            path.push('.');
        }
        path.push_str(&self.0.path);
        self.0.path = path;
        self
    }

    /// The fault is in this element.
    #[cold]
    pub(crate) fn in_list(mut self, index: usize) -> Self {
        let separator = if self.0.path.is_empty() || self.0.path.starts_with('[') { "" } else { "." };
        self.0.path = format!("[{index}]{separator}{}", self.0.path);
        self
    }

    /// The complete sentence, given the text up to the fault. A fault of the whole text has no place in it.
    pub(crate) fn describe(&self, read: &[u8]) -> String {
        if read.is_empty() {
            return self.0.message.clone();
        }
        let line = read.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = read.iter().rev().take_while(|byte| **byte != b'\n').count().max(1);
        let Inner { message, path } = &*self.0;
        if path.is_empty() {
            format!("{message} at line {line} column {column}")
        } else {
            format!("at `{path}`: {message} at line {line} column {column}")
        }
    }
}

impl Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    // serde's own texts for these two would add the formatting of floats to every component.
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("this is {}; expected {expected}", name(&unexpected)))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("this is {}; expected {expected}", name(&unexpected)))
    }
}

impl std::error::Error for Fault {}

impl Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.message)
    }
}

fn name(unexpected: &Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => format!("the value `{value}`"),
        Unexpected::Unsigned(value) => format!("the number `{value}`"),
        Unexpected::Signed(value) => format!("the number `{value}`"),
        Unexpected::Float(_) => "a number with a fraction".into(),
        Unexpected::Char(value) => shown(value.encode_utf8(&mut [0; 4])),
        Unexpected::Str(value) => shown(value),
        Unexpected::Bytes(_) => "byte array".into(),
        Unexpected::Unit => "null".into(),
        Unexpected::Option => "Option value".into(),
        Unexpected::NewtypeStruct => "newtype struct".into(),
        Unexpected::Seq => "an array".into(),
        Unexpected::Map => "an object".into(),
        Unexpected::Enum => "enum".into(),
        Unexpected::UnitVariant => "unit variant".into(),
        Unexpected::NewtypeVariant => "newtype variant".into(),
        Unexpected::TupleVariant => "tuple variant".into(),
        Unexpected::StructVariant => "struct variant".into(),
        Unexpected::Other(other) => (*other).into(),
    }
}

/// An event may consist of a string of several megabytes.
fn shown(text: &str) -> String {
    let mut shown = String::from("the string \"");
    let mut chars = text.chars();
    shown.extend(chars.by_ref().take(MOST_SHOWN));
    shown.push_str(if chars.next().is_some() { "…\"" } else { "\"" });
    shown
}
