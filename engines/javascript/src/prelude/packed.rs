//! The text of the prelude as `build.rs` packs it: in turn, bytes as they are, and a place before them from which bytes are copied.

/// The shortest copy.
const SHORTEST: usize = 4;

/// The text of all files. What is not packed as `build.rs` does it, is cut off.
///
/// There is room for all of it from the beginning, because what is freed while the engine is initialised stays in its snapshot.
pub(super) fn unpack(packed: &[u8]) -> Vec<u8> {
    let mut reader = Reader(packed);
    let mut text = Vec::with_capacity(packed.len() * 3);
    while let Some(lengths) = reader.byte() {
        let plain = reader.number(lengths >> 4);
        let (bytes, left) = reader.0.split_at(plain.min(reader.0.len()));
        text.extend_from_slice(bytes);
        reader.0 = left;
        let copied = reader.number(lengths & 15);
        if copied == 0 {
            break;
        }
        let distance =
            usize::from(u16::from_le_bytes([reader.byte().unwrap_or(0), reader.byte().unwrap_or(0)]));
        for _ in 0..copied - 1 + SHORTEST {
            // It may reach into what it copies.
            let Some(byte) = text.len().checked_sub(distance).and_then(|place| text.get(place)).copied()
            else {
                return text;
            };
            text.push(byte);
        }
    }
    text
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, left) = self.0.split_first()?;
        self.0 = left;
        Some(*first)
    }

    /// A number whose first four bits were read.
    fn number(&mut self, first: u8) -> usize {
        let mut number = usize::from(first);
        let mut more = first == 15;
        while more {
            let byte = self.byte().unwrap_or(0);
            number += usize::from(byte);
            more = byte == 255;
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_as_they_are_and_from_before() {
        // "abc", and six bytes from three before.
        assert_eq!(unpack(b"\x33abc\x03\x00\x10d"), b"abcabcabcd".map(|byte| byte));
        let long = [&b"\xf0\x01"[..], &[b'x'; 16]].concat();
        assert_eq!(unpack(&long), [b'x'; 16]);
        let copies = b"\x1fa\xff\x01\x01\x00\x00";
        assert_eq!(unpack(copies), [b'a'; 1 + 15 + 255 + 1 - 1 + SHORTEST]);
    }

    #[test]
    fn what_is_damaged_ends() {
        assert_eq!(unpack(b""), b"");
        assert_eq!(unpack(b"\x13a\x02\x00"), b"a");
        assert_eq!(unpack(b"\xf3a"), b"");
    }
}
