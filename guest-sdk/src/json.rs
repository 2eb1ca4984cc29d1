//! [`from_slice`]: reads JSON into any type that implements serde's `Deserialize`, and [`to_vec`] writes it.
//!
//! Why not use serde_json's own reader? Its error texts can contain any number, so every component would
//! carry the tables and code for formatting floats; together with other parts, that would make the smallest
//! handler half as large again. This reader also reports where in the text an error is (`items[1].price`), in
//! addition to line and column. Both read the same texts to the same values, which `json/tests.rs` checks.
//!
//! `reader.rs` reads the tokens of a text, `deserializer.rs` answers serde's requests, `number.rs` converts
//! numbers, and `nested.rs` reads lists, objects and enums. `scan.rs` has the loops over bytes, and `writer.rs`
//! lets serde_json write into a vector by such a loop.

mod deserializer;
mod fault;
mod nested;
mod number;
mod reader;
mod scan;
mod writer;

use serde::de::DeserializeOwned;

use self::fault::Fault;
use self::reader::Reader;
pub(crate) use self::writer::to_vec;

type Result<T> = std::result::Result<T, Fault>;

/// Reads one value, which must not be followed by another.
///
/// # Errors
/// A sentence that describes the error and its place.
pub(crate) fn from_slice<T: DeserializeOwned>(text: &[u8]) -> std::result::Result<T, String> {
    let mut reader = Reader::new(text);
    T::deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|fault| fault.describe(reader.read()))
}

#[cfg(test)]
mod tests;
