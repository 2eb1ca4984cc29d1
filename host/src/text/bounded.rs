//! Text that a guest or an event controls, no longer than the part that is kept.
//!
//! A value that is formatted completely and cut afterwards costs as much as its author likes: a name of two
//! kilobytes can become a megabyte when it is demangled, and a control character takes ten times its size
//! when it is escaped. So such a value is formatted into a [`Sink`], which fails when it is full, and the
//! formatting ends there. This bounds the output, not the input: a text that may be long is cut with [`cut`]
//! before it is formatted.

use std::fmt::{self, Display, Write};

/// Replaces the rest of a text.
const MORE: char = '…';

/// Accepts a number of bytes, and no more.
#[derive(Debug)]
pub struct Sink {
    text: String,
    limit: usize,
}

impl Sink {
    /// A sink for `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { text: String::new(), limit }
    }

    /// The text so far.
    pub fn into_text(self) -> String {
        self.text
    }
}

impl Write for Sink {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let fits = cut(piece, self.limit - self.text.len());
        self.text.push_str(fits);
        if fits.len() < piece.len() {
            // After text was left out, no shorter text may follow.
            self.limit = self.text.len();
            return Err(fmt::Error);
        }
        Ok(())
    }
}

/// A value as text, of `limit` bytes at most, with a mark at the end if it is shortened.
pub fn text(value: impl Display, limit: usize) -> String {
    let mut sink = Sink::new(limit);
    if write!(sink, "{value}").is_ok() {
        return sink.into_text();
    }
    let mut text = sink.into_text();
    text.truncate(text.floor_char_boundary(limit.saturating_sub(MORE.len_utf8())));
    text.push(MORE);
    text
}

/// The beginning of a text, of `limit` bytes at most.
pub fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// Cuts a text that is longer than `limit` bytes, and frees its memory.
pub fn shorten(text: &mut String, limit: usize) {
    if text.len() > limit {
        *text = cut(text, limit).to_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// A text of a million pieces, which counts those that were asked of it.
    struct Endless<'a>(&'a Cell<usize>);

    impl Display for Endless<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for _ in 0..1_000_000 {
                self.0.set(self.0.get() + 1);
                f.write_str("piece ")?;
            }
            Ok(())
        }
    }

    #[test]
    fn formatting_ends_where_the_room_does() {
        let asked = Cell::new(0);
        let text = text(Endless(&asked), 20);
        assert_eq!((text.as_str(), asked.get()), ("piece piece piece…", 4));
    }

    #[test]
    fn what_fits_is_whole() {
        assert_eq!(text("exactly", 7), "exactly");
        assert_eq!(text(format_args!("{:?}", "\u{1}"), 100), "\"\\u{1}\"");
        assert_eq!(text("", 0), "");
        assert_eq!(text("é", 1), "…", "a sign is all that is left of it");
    }

    #[test]
    fn nothing_comes_after_what_was_left_out() {
        let mut sink = Sink::new(5);
        assert!(sink.write_str("four").is_ok());
        assert!(sink.write_str("éé").is_err());
        assert!(sink.write_str("x").is_err());
        assert_eq!(sink.into_text(), "four");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        let mut long = "é".repeat(1000);
        shorten(&mut long, 11);
        assert!(long == "ééééé" && long.capacity() < 100);
    }
}
