//! Bytes: encodings, random ones, and copies of values.

#![expect(clippy::needless_pass_by_value, reason = "rquickjs passes values")]

use rquickjs::{Array, Ctx, Error, Exception, Result, Value, qjs};

use super::Text;
use crate::platform;
use crate::quickjs::{length, new_array, new_text, owned, size};

/// Bytes of a `Uint8Array`, copied: the script may change or free them at any time.
pub(super) fn of(ctx: &Ctx<'_>, value: &Value<'_>) -> Result<Vec<u8>> {
    with(ctx, value, <[u8]>::to_vec)
}

/// Bytes of a `Uint8Array`, for a function that runs nothing of the script.
pub(super) fn with<T>(ctx: &Ctx<'_>, value: &Value<'_>, use_them: impl FnOnce(&[u8]) -> T) -> Result<T> {
    let mut found = 0;
    #[expect(unsafe_code, reason = "a call of QuickJS")]
    // SAFETY: the context and the value are valid, and nothing of the script runs while the bytes are used.
    unsafe {
        let bytes = qjs::JS_GetUint8Array(ctx.as_raw().as_ptr(), &raw mut found, value.as_raw());
        if bytes.is_null() {
            return if found == 0 && !ctx.has_exception() {
                Ok(use_them(&[]))
            } else {
                Err(Error::Exception)
            };
        }
        Ok(use_them(std::slice::from_raw_parts(bytes, length(found))))
    }
}

/// A new `Uint8Array`.
pub(crate) fn new<'js>(ctx: &Ctx<'js>, bytes: &[u8]) -> Result<Value<'js>> {
    #[expect(unsafe_code, reason = "a call of QuickJS")]
    // SAFETY: the context is valid, and QuickJS copies the bytes.
    let array =
        unsafe { qjs::JS_NewUint8ArrayCopy(ctx.as_raw().as_ptr(), bytes.as_ptr(), size(bytes.len())) };
    owned(ctx, array)
}

/// Most that one call may ask for; `crypto.getRandomValues` allows less.
const MOST_RANDOM: usize = 65536;

pub(super) fn random(ctx: Ctx<'_>, length: usize) -> Result<Value<'_>> {
    new(&ctx, &platform::random(length.min(MOST_RANDOM)))
}

pub(super) fn encode<'js>(ctx: Ctx<'js>, text: Text) -> Result<Value<'js>> {
    new(&ctx, text.0.as_bytes())
}

/// The encodings of `TextDecoder`, by their numbers in `encoding.js`.
const UTF_16: u32 = 1;
const WINDOWS_1252: u32 = 2;

/// Text, and how many bytes it took: in a stream, an unfinished character at the end is left for the next call.
pub(super) fn decode<'js>(
    ctx: Ctx<'js>,
    input: Value<'js>,
    encoding: u32,
    fatal: bool,
    streams: bool,
) -> Result<Array<'js>> {
    let bytes = of(&ctx, &input)?;
    let (text, used) = match encoding {
        UTF_16 => utf_16(&bytes, fatal, streams),
        WINDOWS_1252 => (Some(bytes.iter().map(|byte| windows_1252(*byte)).collect()), bytes.len()),
        _ => utf_8(&bytes, fatal, streams),
    };
    let Some(text) = text else {
        return Err(Exception::throw_type(&ctx, "the bytes are not valid text in this encoding"));
    };
    #[expect(clippy::cast_precision_loss, reason = "memory has far fewer bytes")]
    let used = Value::new_number(ctx.clone(), used as f64);
    new_array(&ctx, &[new_text(&ctx, &text)?, used])
}

fn utf_8(bytes: &[u8], fatal: bool, streams: bool) -> (Option<String>, usize) {
    let used = match std::str::from_utf8(bytes) {
        Ok(text) => return (Some(text.to_owned()), bytes.len()),
        // The end may be the beginning of a character.
        Err(_) if streams => bytes.len() - unfinished(bytes),
        Err(_) => bytes.len(),
    };
    let text = String::from_utf8_lossy(&bytes[..used]);
    let is_valid = matches!(text, std::borrow::Cow::Borrowed(_));
    ((is_valid || !fatal).then(|| text.into_owned()), used)
}

/// How many bytes at the end begin a character that is not complete.
fn unfinished(bytes: &[u8]) -> usize {
    for length in 1..=bytes.len().min(3) {
        let tail = &bytes[bytes.len() - length..];
        match std::str::from_utf8(tail) {
            Err(error) if error.valid_up_to() == 0 && error.error_len().is_none() => return length,
            Ok(_) | Err(_) => {}
        }
    }
    0
}

fn utf_16(bytes: &[u8], fatal: bool, streams: bool) -> (Option<String>, usize) {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    let is_half = units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit));
    if streams && is_half {
        units.pop();
    }
    let used = if streams { units.len() * 2 } else { bytes.len() };
    // Half of a unit at the end, and half of a surrogate pair, are not text.
    let is_cut = !streams && !odd.is_empty();
    let mut is_valid = !is_cut;
    let mut text: String = char::decode_utf16(units)
        .map(|read| {
            is_valid &= read.is_ok();
            read.unwrap_or('\u{fffd}')
        })
        .collect();
    if is_cut {
        text.push('\u{fffd}');
    }
    ((is_valid || !fatal).then_some(text), used)
}

fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        byte => char::from(byte),
    }
}

/// A deep copy: QuickJS writes the value as bytes and reads it again. It has no functions, and may refer to itself.
pub(super) fn clone<'js>(ctx: Ctx<'js>, value: Value<'js>) -> Result<Value<'js>> {
    let mut written = 0;
    let raw = ctx.as_raw().as_ptr();
    #[expect(unsafe_code, reason = "calls of QuickJS")]
    // SAFETY: the context and the value are valid. What is read is what was written, without bytecode.
    let copy = unsafe {
        let bytes = qjs::JS_WriteObject(
            raw,
            &raw mut written,
            value.as_raw(),
            qjs::JS_WRITE_OBJ_REFERENCE.cast_signed(),
        );
        if bytes.is_null() {
            return Err(Error::Exception);
        }
        let copy = qjs::JS_ReadObject(raw, bytes, written, qjs::JS_READ_OBJ_REFERENCE.cast_signed());
        qjs::js_free(raw, bytes.cast());
        copy
    };
    owned(&ctx, copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_character_is_left() {
        let bytes = "aä😀".as_bytes();
        assert_eq!(utf_8(bytes, true, true), (Some("aä😀".into()), 7));
        assert_eq!(utf_8(&bytes[..6], true, true), (Some("aä".into()), 3));
        assert_eq!(utf_8(&bytes[..2], true, true), (Some("a".into()), 1));
        assert_eq!(utf_8(&bytes[..2], true, false), (None, 2));
        assert_eq!(utf_8(b"a\xff", false, true), (Some("a\u{fffd}".into()), 2));
        assert_eq!(utf_16(&[0x61, 0, 0x3d, 0xd8], true, true), (Some("a".into()), 2));
        assert_eq!(utf_16(&[0x61, 0, 0x3d], false, false), (Some("a\u{fffd}".into()), 3));
    }

    #[test]
    fn half_of_a_pair_is_not_text_and_a_replacement_character_is() {
        for (bytes, lossy, strict) in [
            (&[0xfd, 0xff][..], "\u{fffd}", Some("\u{fffd}")),
            (&[0x3d, 0xd8], "\u{fffd}", None),
            (&[0, 0xde, 0x61, 0], "\u{fffd}a", None),
            (&[0x61, 0, 0x3d], "a\u{fffd}", None),
            (&[0x3d, 0xd8, 0, 0xde], "😀", Some("😀")),
        ] {
            let read = bytes.len();
            assert_eq!(utf_16(bytes, false, false), (Some(lossy.to_owned()), read));
            assert_eq!(utf_16(bytes, true, false), (strict.map(str::to_owned), read));
        }
    }

    #[test]
    fn the_other_encoding() {
        assert_eq!([0x41, 0x80, 0x9f, 0xe4].map(windows_1252), ['A', '€', 'Ÿ', 'ä']);
    }
}
