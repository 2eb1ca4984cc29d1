//! Mistakes in JSON that somebody has written, in plain words: where they are, what is there, and what belongs there.

use bulkhead_host::text::printable::name;
use serde_json::{Error, Value};

/// The longest piece of the text that is shown, in characters.
const LONGEST: usize = 30;

/// What is wrong with a text that is not JSON.
pub(crate) fn mistake(bytes: &[u8], error: &Error) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(wrong) => {
            let valid = bytes.get(..wrong.valid_up_to()).unwrap_or_default();
            let valid = str::from_utf8(valid).unwrap_or_default();
            return format!("{} is not UTF-8; save the text as UTF-8", place(valid, valid.len()));
        }
    };
    if text.starts_with('\u{feff}') {
        return "it begins with a byte order mark; save it as UTF-8 without one".to_owned();
    }
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let at = offset(text, error);
    // The parser stops at the first letter that is wrong, or after the word.
    let is_after = message == "expected ident" && !text[at..].starts_with(is_word);
    let (found, start) = found(text, if is_after { at.saturating_sub(1) } else { at });
    let here = place(text, start);
    if found.starts_with("`//") || found.starts_with("`/*") {
        return format!("{found} at {here} begins a comment, and JSON has none; remove it");
    }
    match message {
        "expected value" | "expected ident" | "key must be a string"
            if ["`]`", "`}`", "`,`", "`:`"].contains(&found.as_str()) =>
        {
            match text[..start].trim_end().ends_with(',') && found != "`,`" {
                true => format!("the comma before {found} at {here} is one too many"),
                false => format!("something is missing before {found} at {here}"),
            }
        }
        "expected value" | "expected ident" => format!("{found} at {here} is not a JSON value"),
        "key must be a string" => format!("the key {found} at {here} needs double quotes"),
        "expected `:`" => format!("a `:` is missing before {found} at {here}"),
        "expected `,` or `]`" => format!("a `,` or a `]` is missing before {found} at {here}"),
        "expected `,` or `}`" => format!("a `,` or a `}}` is missing before {found} at {here}"),
        "trailing comma" => format!("the comma before {found} at {here} is one too many"),
        "trailing characters" => format!("{found} at {here} comes after the end of the value"),
        "invalid number" => format!("{found} at {here} is not a valid number"),
        "number out of range" => format!("the number that ends at {here} is too large"),
        "recursion limit exceeded" => format!("it is nested deeper than 128 levels at {here}"),
        "invalid escape" => {
            format!("the escape in {found} at {here} does not exist; a backslash is written as `\\\\`")
        }
        "invalid unicode code point"
        | "lone leading surrogate in hex escape"
        | "unexpected end of hex escape" => format!("the escape `\\u…` at {here} is not a character"),
        message if message.starts_with("control character") => {
            format!(
                "the text at {} contains the end of a line or a tab; write them as `\\n` and `\\t`",
                place(text, at)
            )
        }
        message if message.starts_with("EOF") => unfinished(text),
        message => format!("{message} at {here}"),
    }
}

/// What a value is, within a sentence.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// What a text that ends too early lacks.
fn unfinished(text: &str) -> String {
    let text = text.trim_end();
    match open(text) {
        Some((at, '"')) => format!("the string that begins at {} is not closed; add `\"`", place(text, at)),
        _ if text.ends_with([':', ',']) || text.is_empty() => {
            format!("a value is missing at its end, after {}", place(text, text.len().saturating_sub(1)))
        }
        Some((at, '[')) => format!("the array that begins at {} is not closed; add `]`", place(text, at)),
        Some((at, _)) => format!("the object that begins at {} is not closed; add `}}`", place(text, at)),
        None => format!("{} at its end is not a JSON value", found(text, text.len().saturating_sub(1)).0),
    }
}

/// The innermost bracket or quote that is not closed, and where it is.
fn open(text: &str) -> Option<(usize, char)> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        let is_string = matches!(open.last(), Some((_, '"')));
        match character {
            '\\' if is_string => {
                characters.next();
            }
            '"' if is_string => {
                open.pop();
            }
            '"' | '[' | '{' if !is_string => open.push((at, character)),
            ']' | '}' if !is_string => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}

/// The byte at which the parser stopped. Its columns count bytes; an end of a line has column 0 of the next line.
fn offset(text: &str, error: &Error) -> usize {
    let before = error.line().saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(before).map(str::len).sum();
    text.floor_char_boundary((start + error.column()).saturating_sub(1).min(text.len()))
}

/// The word or the character at a byte, in quotes, and where it begins.
fn found(text: &str, at: usize) -> (String, usize) {
    let at = text.floor_char_boundary(at);
    let (before, after) = text.split_at(at);
    let start = before
        .rfind(|character: char| !is_word(character))
        .map_or(0, |end| end + before[end..].chars().next().map_or(0, char::len_utf8));
    let quoted = || after.strip_prefix('"').and_then(|rest| rest.find('"')).map(|end| &after[..end + 2]);
    let (piece, start) = match after.chars().next() {
        Some('"') => (quoted().unwrap_or("\""), at),
        Some(character) if is_word(character) => {
            let rest = &text[start..];
            (&rest[..rest.find(|character: char| !is_word(character)).unwrap_or(rest.len())], start)
        }
        Some(character) => (&after[..character.len_utf8()], at),
        None => return ("the end".to_owned(), at),
    };
    let short: String = piece.chars().take(LONGEST).collect();
    let dots = if short.len() < piece.len() { "…" } else { "" };
    (format!("`{}{dots}`", name(&short)), start)
}

/// Whether a character is part of a word: of a number, or of what was meant to be a string.
fn is_word(character: char) -> bool {
    !character.is_whitespace() && !",:{}[]\"".contains(character)
}

/// `line 1, column 2`, both from 1.
fn place(text: &str, at: usize) -> String {
    let before = &text[..text.floor_char_boundary(at)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    fn wrong(text: impl AsRef<[u8]>) -> String {
        let error = serde_json::from_slice::<IgnoredAny>(text.as_ref()).unwrap_err();
        mistake(text.as_ref(), &error)
    }

    #[test]
    fn every_mistake_is_in_plain_words() {
        for (text, expected) in [
            ("event.json", "`event.json` at line 1, column 1 is not a JSON value"),
            ("notjson", "`notjson` at line 1, column 1 is not a JSON value"),
            ("{\"a\": tru}", "`tru` at line 1, column 7 is not a JSON value"),
            ("{name: \"x\"}", "the key `name` at line 1, column 2 needs double quotes"),
            ("{'name': 1}", "the key `'name'` at line 1, column 2 needs double quotes"),
            ("{\"a\" \"b\"}", "a `:` is missing before `\"b\"` at line 1, column 6"),
            ("{\"a\": 1\n \"b\": 2}", "a `,` or a `}` is missing before `\"b\"` at line 2, column 2"),
            ("[1 2]", "a `,` or a `]` is missing before `2` at line 1, column 4"),
            ("{\"a\": 1,}", "the comma before `}` at line 1, column 9 is one too many"),
            ("{\"a\": 1,\n}", "the comma before `}` at line 2, column 1 is one too many"),
            ("// a\n{}", "`//` at line 1, column 1 begins a comment, and JSON has none; remove it"),
            ("{\"a\": }", "something is missing before `}` at line 1, column 7"),
            ("[1,]", "the comma before `]` at line 1, column 4 is one too many"),
            ("{} {}", "`{` at line 1, column 4 comes after the end of the value"),
            ("{}\nabc", "`abc` at line 2, column 1 comes after the end of the value"),
            ("[01]", "`01` at line 1, column 2 is not a valid number"),
            ("[-]", "`]` at line 1, column 3 is not a valid number"),
            (
                "[\"\\q\"]",
                "the escape in `\\q` at line 1, column 3 does not exist; a backslash is written as `\\\\`",
            ),
            (
                "{\"a\": \"ü\n\"}",
                "the text at line 1, column 8 contains the end of a line or a tab; write them as `\\n` and `\\t`",
            ),
            ("{\"a\": 1", "the object that begins at line 1, column 1 is not closed; add `}`"),
            ("{\n\"a\": [1\n", "the array that begins at line 2, column 6 is not closed; add `]`"),
            ("{\n", "the object that begins at line 1, column 1 is not closed; add `}`"),
            ("{\"a\": \"b}", "the string that begins at line 1, column 7 is not closed; add `\"`"),
            ("{\"a\":\n", "a value is missing at its end, after line 1, column 5"),
            ("nul", "`nul` at its end is not a JSON value"),
            ("\u{feff}{}", "it begins with a byte order mark; save it as UTF-8 without one"),
        ] {
            assert_eq!(wrong(text), expected, "{text:?}");
        }
        // What is not read is not looked at so closely.
        let wrong = |text: &[u8]| mistake(text, &serde_json::from_slice::<Value>(text).unwrap_err());
        assert_eq!(wrong(b"{\n\"a\": \"\xff\"}"), "line 2, column 7 is not UTF-8; save the text as UTF-8");
        let deep = wrong("[".repeat(200).as_bytes());
        assert!(deep.starts_with("it is nested deeper than 128 levels at line 1, column 1"), "{deep}");
        let long = wrong("x".repeat(100).as_bytes());
        assert!(long.starts_with(&format!("`{}…` at", "x".repeat(30))), "{long}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_answered_in_the_words_of_the_parser(text in "[\\[\\]{}:,\"'\\\\aeu01 .\n\u{fc}-]{0,12}") {
            if let Err(error) = serde_json::from_str::<IgnoredAny>(&text) {
                let told = mistake(text.as_bytes(), &error);
                for word in ["EOF", "ident", "expected", "trailing", "column 0", "surrogate"] {
                    proptest::prop_assert!(!told.contains(word), "{text:?}: {told}");
                }
            }
        }
    }
}
