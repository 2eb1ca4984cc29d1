//! Which characters may be printed. All text from a guest, an event, a file or a server passes through here
//! before it is written: into records, receipts, the output of the command, and the page of `bulkhead dev`.
//!
//! These characters are escaped:
//! - those that *end a line or control a terminal*: the C0 controls (including CR and NUL), DEL, the C1
//!   controls, U+2028 and U+2029. A forged line looks like another record; a sequence moves the cursor, or
//!   types into the shell;
//! - those that *change the order of text*: U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069;
//! - those that *are invisible*: all others that Unicode calls default-ignorable (soft hyphen, U+200B,
//!   U+2060, U+FEFF, fillers, tags, selectors), and the annotation marks, U+FFF9 to U+FFFB. Names that differ
//!   only in these look equal.
//!
//! U+200C, U+200D, U+FE0E and U+FE0F are invisible too, but Persian, Hindi and emoji need them: they are kept
//! in text, and escaped in names and in JSON, where an escape loses nothing.
//!
//! Unassigned and private characters are kept: a terminal shows a box for them, and a list of them would
//! change with each release of Unicode. So are letters that look like others, which depends on the font.
//!
//! In text an escape is written as in Rust (`\u{9b}`, `\n`), in JSON as in JSON (`\u009b`), so that a program
//! reads the original.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::path::Path;

/// The characters that are always escaped, first and last of each range.
pub const HIDDEN: [(char, char); 20] = [
    ('\0', '\u{1f}'),
    ('\u{7f}', '\u{9f}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200b}'),
    ('\u{200e}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0d}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Characters that join letters, or select a form of the one before: escaped only in names and in JSON.
pub const JOINING: [(char, char); 2] = [('\u{200c}', '\u{200d}'), ('\u{fe0e}', '\u{fe0f}')];

/// Whether a character is visible, and has no other effect.
pub fn is_printable(character: char) -> bool {
    matches!(character, ' '..='~') || !is_in(&HIDDEN, character) && !is_in(&JOINING, character)
}

/// Text of several lines: line ends and tabs are kept.
pub fn text(text: &str) -> Cow<'_, str> {
    escaped(text, |character| matches!(character, '\n' | '\t') || !is_in(&HIDDEN, character))
}

/// Text of one line, in which tabs are kept.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |character| character == '\t' || !is_in(&HIDDEN, character))
}

/// A name, or a field between tabs: an id, a file, an interface, a function. Nothing invisible is kept.
pub fn name(name: &str) -> Cow<'_, str> {
    escaped(name, is_printable)
}

/// The error of a library with its causes, in one line: it may quote names of a guest.
pub fn told(error: &impl Display) -> String {
    line(&format!("{error:#}")).into_owned()
}

/// JSON, compact or on several lines, whose writer has escaped the controls in its strings already.
pub fn json(json: &str) -> Cow<'_, str> {
    // The remaining controls below a space are layout.
    let stays = |character: char| character < ' ' || is_printable(character);
    if is_plain(json) || json.chars().all(stays) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if stays(character) {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    Cow::Owned(escaped)
}

/// Paths for people. `Path::display` would print any characters of a file name.
pub trait Shown {
    /// The path as a [`name`], and without a `./` before it: each file is spelt in one way.
    fn shown(&self) -> String;
}

impl Shown for Path {
    fn shown(&self) -> String {
        let path = self.to_string_lossy();
        let mut short = &*path;
        while let Some(rest) = short.strip_prefix("./").map(|rest| rest.trim_start_matches('/')) {
            // A command would read `-x` as an option.
            if rest.is_empty() || rest.starts_with('-') {
                break;
            }
            short = rest;
        }
        name(if short == "./" { "." } else { short }).into_owned()
    }
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    if is_plain(text) || text.chars().all(&stays) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if stays(character) {
            escaped.push(character);
        } else {
            escaped.extend(character.escape_default());
        }
    }
    Cow::Owned(escaped)
}

/// Whether there is nothing to escape, which is nearly always so.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn is_in(ranges: &[(char, char)], character: char) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

/// One character of each kind, for tests.
#[cfg(test)]
pub(crate) const HOSTILE: &str = "\0\u{7}\r\u{1b}]8;;x\u{7f}\u{85}\u{9b}2J\u{ad}\u{61c}\u{200b}\u{200e}\u{2028}\u{2029}\u{202e}\u{2060}\u{2066}\
    \u{2069}\u{feff}\u{fffb}\u{e0041}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_hidden_is_escaped_by_every_rule() {
        for character in ('\0'..=char::MAX).filter(|character| is_in(&HIDDEN, *character)) {
            let whole = format!("a{character}b");
            assert!(!is_printable(character), "{character:?}");
            if !matches!(character, '\t' | '\n') {
                assert_eq!(text(&whole), format!("a{}b", character.escape_default()));
                assert_eq!(line(&whole), text(&whole));
            }
            assert_eq!(name(&whole), format!("a{}b", character.escape_default()));
            let json = serde_json::to_string(&whole).unwrap();
            let printed = super::json(&json);
            assert!(printed.chars().all(is_printable), "{printed}");
            assert_eq!(serde_json::from_str::<String>(&printed).unwrap(), whole, "nothing is lost");
        }
    }

    #[test]
    fn controls_and_what_turns_text_around_are_hidden() {
        let turning = ['\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{feff}'];
        let turning = turning.into_iter().chain('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
        for character in ('\0'..=char::MAX).filter(|c| c.is_control()).chain(turning) {
            assert!(!is_printable(character), "{character:?}");
        }
        assert!(HIDDEN.is_sorted() && HIDDEN.iter().all(|(first, last)| first <= last));
    }

    #[test]
    fn a_path_is_spelt_in_one_way() {
        for (path, expected) in [
            ("./bulkhead.toml", "bulkhead.toml"),
            ("././/a/./b", "a/./b"),
            (".", "."),
            ("./", "."),
            ("./.", "."),
            ("../a", "../a"),
            ("/a", "/a"),
            ("./-x", "./-x"),
            ("./a\nb", "a\\nb"),
        ] {
            assert_eq!(Path::new(path).shown(), expected, "{path}");
        }
    }

    #[test]
    fn what_people_write_stays() {
        for written in [
            "plain",
            "überall 🚢",
            "日本語\u{3000}",
            "a\u{a0}b",
            "e\u{301}",
            "نامه\u{200c}ها",
            "\u{26a0}\u{fe0f}",
        ] {
            assert_eq!(text(written), written);
            assert_eq!(line(written), written);
        }
        assert_eq!(name("acme\u{200d}"), r"acme\u{200d}");
        assert_eq!(json("\"\u{26a0}\u{fe0f}\""), "\"\u{26a0}\\ufe0f\"");
    }

    #[test]
    fn each_rule_keeps_its_own_layout() {
        assert_eq!(text("a\tb\nc\rd"), "a\tb\nc\\rd");
        assert_eq!(line("a\tb\nc"), "a\tb\\nc");
        assert_eq!(name("a\tb\nc"), "a\\tb\\nc");
        assert_eq!(json("{\n\t\"a\": \"\u{9b}\"\n}"), "{\n\t\"a\": \"\\u009b\"\n}");
        assert_eq!(json("\"\u{e0041}\""), r#""\udb40\udc41""#);
    }

    #[test]
    fn what_was_escaped_is_not_escaped_again() {
        let once = name(HOSTILE).into_owned();
        assert!(once.is_ascii() && once.starts_with(r"\u{0}\u{7}\r\u{1b}]8;;x"), "{once}");
        assert_eq!(text(&once), once);
        assert_eq!(json(r#""\u009b""#), r#""\u009b""#);
    }

    #[test]
    fn a_path_is_a_name() {
        assert_eq!(Path::new("a/\u{1b}[2J\nb").shown(), r"a/\u{1b}[2J\nb");
    }
}
