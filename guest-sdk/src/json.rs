//! Owns [`from_slice`]: JSON into any type that serde can deserialise.
//!
//! Why not serde_json's own reader? It can say any number in an error text, and for that alone every component would carry
//! tables and code for writing floats; with what else it brings, the smallest handler would be half as large again. This one also
//! knows where in the text an error is (`items[1].price`), not only at which line and column. The two read the same texts to the
//! same values: `json/tests.rs` compares them.
//!
//! `reader.rs` knows the signs of a text, `deserializer.rs` what serde asks for, `number.rs` what numbers become, `nested.rs` lists,
//! objects and enums.

mod deserializer;
mod fault;
mod nested;
mod number;
mod reader;

use serde::de::DeserializeOwned;

use self::fault::Fault;
use self::reader::Reader;

type Result<T> = std::result::Result<T, Fault>;

/// Reads one value, and nothing after it.
///
/// # Errors
/// A sentence that says what is wrong and where.
pub(crate) fn from_slice<T: DeserializeOwned>(text: &[u8]) -> std::result::Result<T, String> {
    let mut reader = Reader::new(text);
    T::deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|fault| fault.describe(reader.read()))
}

#[cfg(test)]
mod tests;
