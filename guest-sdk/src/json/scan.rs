//! The loops over bytes that decide how fast JSON is read and written: [`Plain`] looks for the end of a part
//! of a string, and [`append`] copies one.
//!
//! Both take eight bytes at a time. In a component a copy of variable length is a call of the host, which
//! takes longer than the copy of a short string, and every turn of a loop checks whether the sandbox was
//! stopped.

/// The longest text that is copied here rather than by the host.
const SHORT: usize = 64;
/// One in each byte of a word.
const ONES: u64 = u64::MAX / 255;
const HIGH_BITS: u64 = ONES << 7;

/// A part of a string that needs no treatment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plain<'de> {
    bytes: &'de [u8],
    /// Whether all of it is ASCII, as far as that was found out on the way.
    is_ascii: bool,
}

impl<'de> Plain<'de> {
    /// The bytes before the first one that needs treatment: a quote, a backslash or a control character.
    // One copy: this is long, and has several callers.
    #[inline(never)]
    pub(super) fn at_start_of(text: &'de [u8]) -> Self {
        let (words, rest) = text.as_chunks();
        let mut seen = 0;
        for (index, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let marks = marks(word);
            if marks != 0 {
                let before = (marks & marks.wrapping_neg()) >> 7;
                seen |= word & (before - 1);
                let length = index * 8 + marks.trailing_zeros() as usize / 8;
                return Self {
                    bytes: text.get(..length).unwrap_or_default(),
                    is_ascii: seen & HIGH_BITS == 0,
                };
            }
            seen |= word;
        }
        let special = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '));
        let length = text.len() - rest.len() + special.unwrap_or(rest.len());
        Self { bytes: text.get(..length).unwrap_or_default(), is_ascii: false }
    }

    #[inline]
    pub(super) fn bytes(self) -> &'de [u8] {
        self.bytes
    }

    /// Its text, if it is valid Unicode.
    #[inline]
    pub(super) fn text(self) -> Option<&'de str> {
        if self.is_ascii {
            // SAFETY: `is_ascii` is set only by `at_start_of`, after it has seen the high bit of every byte
            // of `bytes` to be 0; ASCII is UTF-8.
            #[expect(unsafe_code, reason = "every byte was looked at on the way")]
            return Some(unsafe { std::str::from_utf8_unchecked(self.bytes) });
        }
        std::str::from_utf8(self.bytes).ok()
    }

    /// A copy of its text, if it is valid Unicode.
    #[inline]
    pub(super) fn owned_text(self) -> Option<String> {
        let copy = copied(self.bytes);
        if self.is_ascii {
            // SAFETY: `is_ascii` is set only by `at_start_of`, after it has seen the high bit of every byte
            // of `bytes` to be 0; ASCII is UTF-8.
            #[expect(unsafe_code, reason = "every byte was looked at on the way")]
            return Some(unsafe { String::from_utf8_unchecked(copy) });
        }
        String::from_utf8(copy).ok()
    }
}

/// The high bit of the first byte that needs treatment, and perhaps of bytes after it, by the method of
/// Mycroft: subtraction borrows from the high bit of a byte that is smaller, and of no byte before it.
#[inline]
fn marks(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (control | zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\')))) & HIGH_BITS
}

/// Appends a text.
pub(crate) fn append(into: &mut Vec<u8>, text: &[u8]) {
    if text.len() > SHORT {
        return into.extend_from_slice(text);
    }
    into.reserve(text.len());
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        into.extend_from_slice(word);
    }
    for byte in rest {
        into.push(*byte);
    }
}

/// A vector with this text.
pub(super) fn copied(text: &[u8]) -> Vec<u8> {
    let mut copy = Vec::with_capacity(text.len());
    append(&mut copy, text);
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_of_a_word() {
        for length in 0..20 {
            let text = vec![b'n'; length];
            assert_eq!(Plain::at_start_of(&text).bytes.len(), length);
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut text = text.clone();
                    text[at] = byte;
                    let is_special = byte == b'"' || byte == b'\\' || byte < b' ';
                    assert_eq!(
                        Plain::at_start_of(&text).bytes.len(),
                        if is_special { at } else { length },
                        "{byte} at {at} of {length}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_first_of_several_is_found() {
        for (first, second) in [(b'"', b'\\'), (b'\n', b'"'), (b'\\', 0), (b' ', b'!'), (0x80, b'\x1f')] {
            let text = [b'a', first, second, b'"', b'z', 0xff, b'z', b'z'];
            let expected = text.iter().position(|byte| *byte == b'"' || *byte == b'\\' || *byte < b' ');
            assert_eq!(Some(Plain::at_start_of(&text).bytes.len()), expected, "{text:?}");
        }
    }

    #[test]
    fn only_unicode_becomes_text() {
        for length in 1..20 {
            for at in 0..length {
                for byte in 0x80..=u8::MAX {
                    let mut text = vec![b'n'; length];
                    text[at] = byte;
                    text.extend_from_slice(b"\" and more after it");
                    let plain = Plain::at_start_of(&text);
                    assert_eq!(plain.bytes().len(), length);
                    assert_eq!(
                        (plain.text(), plain.owned_text()),
                        (None, None),
                        "{byte} at {at} of {length}"
                    );
                }
            }
        }
        for text in ["é", "nnnnnnn€", "nnnnnnnn€nnnnnnnnnnnn", ""] {
            let whole = format!("{text}\"\u{ff}ÿ");
            let plain = Plain::at_start_of(whole.as_bytes());
            assert_eq!((plain.text(), plain.owned_text().as_deref()), (Some(text), Some(text)));
        }
    }

    #[test]
    fn texts_of_every_length_are_appended() {
        let text: Vec<u8> = (0..=200).collect();
        for length in 0..text.len() {
            let mut into = b"before".to_vec();
            append(&mut into, &text[..length]);
            assert_eq!(into, [b"before", &text[..length]].concat());
        }
    }
}
