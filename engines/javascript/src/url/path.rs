//! The path of a URL.

use super::percent::{self, PATH};

/// Appends the segments of a text, and resolves `.` and `..`.
pub(super) fn append(segments: &mut Vec<String>, text: &str, is_special: bool) {
    let is_slash = |character: char| character == '/' || (is_special && character == '\\');
    let mut parts = text.split(is_slash).peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        match dots(part) {
            2 => {
                segments.pop();
                if is_last {
                    segments.push(String::new());
                }
            }
            1 if is_last => segments.push(String::new()),
            1 => {}
            _ => segments.push(percent::encode(part, PATH)),
        }
    }
}

/// 1 of a dot, 2 of two dots, each of which may be encoded; else 0.
fn dots(part: &str) -> usize {
    match part.to_ascii_lowercase().as_str() {
        "." | "%2e" => 1,
        ".." | ".%2e" | "%2e." | "%2e%2e" => 2,
        _ => 0,
    }
}
