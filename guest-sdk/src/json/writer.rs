//! [`to_vec`]: writes a value as JSON, by serde_json.

use std::io::{self, Write};

use serde::Serialize;

use super::scan::append;

/// The room that a text has at the beginning.
const FIRST: usize = 128;

/// Writes a value.
///
/// # Errors
/// If the value refuses, or has no form in JSON.
pub(crate) fn to_vec<T: Serialize>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut text = Text(Vec::with_capacity(FIRST));
    serde_json::to_writer(&mut text, value)?;
    Ok(text.0)
}

/// A vector, to which serde_json writes many short pieces: each sign, name and number is one.
struct Text(Vec<u8>);

impl Write for Text {
    #[inline]
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        append(&mut self.0, piece);
        Ok(piece.len())
    }

    #[inline]
    fn write_all(&mut self, piece: &[u8]) -> io::Result<()> {
        append(&mut self.0, piece);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::proptest;

    use super::*;
    use crate::json::tests::damage::json;

    #[test]
    fn any_value_is_written_as_serde_json_writes_it() {
        proptest!(|(value in json())| {
            assert_eq!(to_vec(&value).unwrap(), serde_json::to_vec(&value).unwrap());
        });
    }
}
