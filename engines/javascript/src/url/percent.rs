//! Percent-encoding.

/// The characters that are encoded in one part of a URL, beside controls and everything beyond ASCII.
pub(crate) type Set = &'static [u8];

pub(crate) const CONTROLS: Set = b"";
pub(crate) const FRAGMENT: Set = b" \"<>`";
pub(crate) const QUERY: Set = b" \"#<>";
pub(crate) const SPECIAL_QUERY: Set = b" \"#<>'";
pub(crate) const PATH: Set = b" \"#<>?^`{}";
pub(crate) const USERINFO: Set = b" \"#<>?^`{}/:;=@[\\]|";

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Appends a byte as it is encoded.
pub(crate) fn push(out: &mut String, byte: u8) {
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

/// Encodes the characters of the set.
pub(crate) fn encode(text: &str, set: Set) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (0x20..0x7f).contains(&byte) && !set.contains(&byte) {
            out.push(char::from(byte));
        } else {
            push(&mut out, byte);
        }
    }
    out
}

/// Decodes all that is encoded.
pub(crate) fn decode(text: &[u8]) -> Vec<u8> {
    let digit = |place: usize| text.get(place).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(0));
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}
