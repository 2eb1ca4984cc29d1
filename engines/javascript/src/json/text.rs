//! Strings of JSON.

/// A string of JSON after its opening quote.
#[derive(Debug, PartialEq)]
pub(super) enum Text<'a> {
    /// It is as it stands there.
    Plain(&'a str),
    /// It had escapes.
    Unescaped(String),
    /// It has halves of surrogate pairs, so that it is not UTF-8.
    Halves(Vec<u16>),
}

/// Reads a string whose opening quote was before `text`, and says how many bytes it takes with its closing quote. `None` where
/// it is not a valid string, with the place of the mistake.
pub(super) fn read(text: &str) -> Result<(Text<'_>, usize), usize> {
    let bytes = text.as_bytes();
    let mut at = plain(bytes, 0);
    if bytes.get(at) == Some(&b'"') {
        return Ok((Text::Plain(&text[..at]), at + 1));
    }
    let mut units: Option<Vec<u16>> = None;
    let mut unescaped = text[..at].to_owned();
    loop {
        match bytes.get(at) {
            Some(b'"') => break,
            Some(b'\\') => {}
            Some(_) | None => return Err(at),
        }
        let (unit, length) = escape(bytes, at).ok_or(at)?;
        at += length;
        let end = plain(bytes, at);
        match (&mut units, char::from_u32(unit)) {
            (None, Some(character)) => {
                unescaped.push(character);
                unescaped.push_str(&text[at..end]);
            }
            (None, None) => {
                let mut all: Vec<u16> = unescaped.encode_utf16().collect();
                all.push(half(unit));
                all.extend(text[at..end].encode_utf16());
                units = Some(all);
            }
            (Some(all), Some(character)) => {
                all.extend_from_slice(character.encode_utf16(&mut [0; 2]));
                all.extend(text[at..end].encode_utf16());
            }
            (Some(all), None) => {
                all.push(half(unit));
                all.extend(text[at..end].encode_utf16());
            }
        }
        at = end;
    }
    Ok((units.map_or(Text::Unescaped(unescaped), Text::Halves), at + 1))
}

fn half(unit: u32) -> u16 {
    u16::try_from(unit).unwrap_or(0xfffd)
}

/// The next byte that is a quote, an escape or a control character.
fn plain(bytes: &[u8], from: usize) -> usize {
    first(bytes, from, special)
}

/// The next byte that is not written as it is, or may begin half of a surrogate pair.
fn escaped(bytes: &[u8], from: usize) -> usize {
    first(bytes, from, |eight| special(eight) | (zero(eight ^ all(0xed)) & all(0x80)))
}

/// The first byte that is found among eight.
fn first(bytes: &[u8], from: usize, find: impl Fn(u64) -> u64) -> usize {
    let mut at = from;
    while let Some(eight) = bytes[at..].first_chunk() {
        let found = find(u64::from_le_bytes(*eight));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    // The last eight, of which some were seen before.
    if let Some((before, eight)) = bytes.split_last_chunk()
        && before.len() >= from
    {
        let found = find(u64::from_le_bytes(*eight));
        return if found == 0 { bytes.len() } else { before.len() + found.trailing_zeros() as usize / 8 };
    }
    let rest = bytes[at..].iter().position(|byte| find(u64::from(*byte) | all(b' ') << 8) != 0);
    rest.map_or(bytes.len(), |length| at + length)
}

/// Eight times a byte.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Has the highest bit of each byte that is zero, up to the first one. What is behind that one means nothing, nor do other bits.
fn zero(eight: u64) -> u64 {
    eight.wrapping_sub(all(1)) & !eight
}

/// The same for each byte that is a quote, an escape or a control character.
fn special(eight: u64) -> u64 {
    let control = eight.wrapping_sub(all(b' ')) & !eight;
    (zero(eight ^ all(b'"')) | zero(eight ^ all(b'\\')) | control) & all(0x80)
}

/// The character that an escape stands for, a pair of surrogates together, and the length of the escape.
fn escape(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let simple = |character: char| Some((u32::from(character), 2));
    match bytes.get(at + 1)? {
        b'"' => simple('"'),
        b'\\' => simple('\\'),
        b'/' => simple('/'),
        b'b' => simple('\u{8}'),
        b'f' => simple('\u{c}'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'u' => {
            let first = hex(bytes, at + 2)?;
            let is_pair = (0xd800..0xdc00).contains(&first) && bytes.get(at + 6..at + 8) == Some(b"\\u");
            let second =
                is_pair.then(|| hex(bytes, at + 8)).flatten().filter(|unit| (0xdc00..0xe000).contains(unit));
            match second {
                Some(second) => Some((0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12)),
                None => Some((first, 6)),
            }
        }
        _ => None,
    }
}

fn hex(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}

/// Writes a string, which may have halves of surrogate pairs: QuickJS encodes them as if they were characters.
pub(super) fn write(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let mut from = 0;
    let mut next = 0;
    loop {
        let at = escaped(text, next);
        let Some(byte) = text.get(at) else { break };
        next = at + 1;
        if *byte == 0xed && text.get(at + 1).is_none_or(|next| *next < 0xa0) {
            continue;
        }
        out.extend_from_slice(&text[from..at]);
        from = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            8 => out.extend_from_slice(b"\\b"),
            9 => out.extend_from_slice(b"\\t"),
            10 => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            13 => out.extend_from_slice(b"\\r"),
            0xed => {
                let part = |place: usize| u32::from(text.get(place).copied().unwrap_or(0x80) & 0x3f);
                unicode(out, 0xd000 | (part(at + 1) << 6) | part(at + 2));
                from = (at + 3).min(text.len());
            }
            _ => unicode(out, u32::from(*byte)),
        }
    }
    out.extend_from_slice(&text[from..]);
    out.push(b'"');
}

fn unicode(out: &mut Vec<u8>, unit: u32) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = char::from_digit((unit >> shift) & 0xf, 16).unwrap_or('0');
        out.extend_from_slice(digit.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read() {
        assert_eq!(read("ab\"c"), Ok((Text::Plain("ab"), 3)));
        assert_eq!(read("\""), Ok((Text::Plain(""), 1)));
        assert_eq!(read(r#"a\n\"\u0041é""#), Ok((Text::Unescaped("a\n\"Aé".into()), 14)));
        assert_eq!(read(r#"\ud83d\ude00""#), Ok((Text::Unescaped("😀".into()), 13)));
        assert_eq!(read(r#"a\ud83d""#), Ok((Text::Halves(vec![0x61, 0xd83d]), 8)));
        assert_eq!(
            read(r#"\ude00\ud83d\u0041b\n\ud800""#),
            Ok((Text::Halves(vec![0xde00, 0xd83d, 0x41, 0x62, 0xa, 0xd800]), 28))
        );
        for (text, at) in
            [("ab", 2), ("a\nb\"", 1), (r#"\x""#, 0), (r#"ab\u00g0""#, 2), (r"\u12", 0), ("\\", 0)]
        {
            assert_eq!(read(text), Err(at), "{text}");
        }
    }

    #[test]
    fn a_special_byte_is_found_wherever_it_is() {
        for length in 0..20 {
            for other in [b' ', b'a', 0x7f, 0x80, 0xff, 0x5d, 0x23] {
                let mut text = vec![other; length];
                assert_eq!(plain(&text, 0), length);
                for at in 0..length {
                    for special in [b'"', b'\\', 0, 0x1f] {
                        text[at] = special;
                        assert_eq!((plain(&text, 0), plain(&text, at), escaped(&text, 0)), (at, at, at));
                    }
                    text[at] = 0xed;
                    assert_eq!((plain(&text, 0), escaped(&text, 0)), (length, at));
                    text[at] = other;
                }
            }
        }
    }

    #[test]
    fn strings_are_written() {
        for (text, written) in [
            (&b"ab"[..], r#""ab""#),
            (b"a\"\\\n\x08\x01\x7f", "\"a\\\"\\\\\\n\\b\\u0001\x7f\""),
            ("é😀\u{d000}".as_bytes(), "\"é😀\u{d000}\""),
            (b"\xed\xa0\xbd!\xed\xb8\x80", r#""\ud83d!\ude00""#),
        ] {
            let mut out = Vec::new();
            write(&mut out, text);
            assert_eq!(String::from_utf8_lossy(&out), written);
        }
    }
}
