//! JSON straight to JavaScript's values and back, for events, responses and the bodies of `fetch`.
//!
//! It does what `JSON.parse` and `JSON.stringify` do. Neither recurses: a value may be as deep as the memory of the sandbox
//! allows.

mod calls;
mod number;
mod read;
mod text;
mod write;

pub(crate) use read::{Mistake, read};
pub(crate) use write::write;

/// Writes a string.
pub(crate) fn text(out: &mut Vec<u8>, text: &[u8]) {
    text::write(out, text);
}
