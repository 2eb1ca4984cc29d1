//! Files of Rust, without what is not code: comments, and the contents of strings.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// One file.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Its path in the checkout, as mistakes show it.
    pub(super) name: String,
    /// The path of its module below the folder; empty for `lib.rs` and `main.rs`.
    pub(super) module: Vec<String>,
    /// All of it.
    pub(super) text: String,
    /// The same with spaces in place of comments and of what is in strings. Lines and bytes stay where they were.
    pub(super) code: String,
}

impl SourceFile {
    /// A file at this path below `folder`, such as `policy/manifest.rs`.
    pub(super) fn new(folder: &str, path: &str, text: String) -> Self {
        let module = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        let module = if matches!(path, "lib.rs" | "main.rs") { Vec::new() } else { module };
        Self { name: format!("{folder}/{path}"), module, code: code(&text), text }
    }

    /// Whether it stands above all rooms.
    pub(super) fn is_root(&self) -> bool {
        self.module.is_empty()
    }

    /// Whether it is the file in which a room begins.
    pub(super) fn is_first_of_room(&self) -> bool {
        self.module.len() == 1
    }

    /// The room that it is in; empty for the file above all rooms.
    pub(super) fn room(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// Whether all of it is tests.
    pub(super) fn is_test(&self) -> bool {
        self.module.iter().skip(1).any(|name| name == "tests")
    }

    /// The line of a byte.
    pub(super) fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    /// How long it is without its tests, which come last.
    pub(super) fn lines_without_tests(&self) -> usize {
        let tests = self.code.find("\nmod tests {").unwrap_or(self.code.len());
        if self.is_test() { 0 } else { self.code[..tests].lines().count() }
    }
}

/// All files below a folder of the checkout, in the order of their names.
pub(super) fn read(root: &Path, folder: &str) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(below) = folders.pop() {
        let path = root.join(folder).join(&below);
        let entries = fs::read_dir(&path).with_context(|| format!("listing {}", path.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push(name + "/");
            } else if name.ends_with(".rs") {
                let path = entry.path();
                let text =
                    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
                files.push(SourceFile::new(folder, &name, text));
            }
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

/// The text with spaces in place of comments and of what is in strings.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (length, is_code) = next(rest, code.chars().next_back());
        let (piece, after) = rest.split_at(length);
        if is_code {
            code.push_str(piece);
        } else {
            // Bytes keep their places, and lines their numbers.
            code.extend(piece.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        }
        rest = after;
    }
    code
}

/// How long the next piece of a text is, and whether it is code; `before` is the character before it.
fn next(rest: &str, before: Option<char>) -> (usize, bool) {
    let first = rest.chars().next().map_or(0, char::len_utf8);
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (end_of_comment(rest), false);
    }
    if rest.starts_with('"') {
        return (end_of_string(rest), false);
    }
    let is_in_word = before.is_some_and(|before| before.is_alphanumeric() || before == '_');
    if !is_in_word && (rest.starts_with('r') || rest.starts_with("br")) {
        let hashes = rest.trim_start_matches('b').trim_start_matches('r');
        let count = hashes.len() - hashes.trim_start_matches('#').len();
        if hashes[count..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(count));
            let start = rest.len() - hashes.len() + count + 1;
            return (rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len()), false);
        }
    }
    if let Some(inner) = rest.strip_prefix('\'') {
        // A character ends with another apostrophe, a lifetime does not.
        let length = match inner.strip_prefix('\\') {
            Some(escape) => escape.char_indices().skip(1).find(|(_, c)| *c == '\'').map(|(at, _)| at + 3),
            None => {
                let one = inner.chars().next().map_or(0, char::len_utf8);
                inner[one..].starts_with('\'').then_some(one + 2)
            }
        };
        return length.map_or((first, true), |length| (length, false));
    }
    (first, true)
}

fn end_of_string(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn end_of_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_code_is_left_out_and_the_rest_stays_where_it_was() {
        for (text, expected) in [
            ("a // crate::b\nc", "a            \nc"),
            ("a /* x /* y */ z */ c", "a                   c"),
            (r#"a("crate::b \" c", d)"#, r#"a(               , d)"#),
            (r##"r#"a" b"# c"##, "          c"),
            (r"<'a> 'b' '\'' '\u{1}' x", "<'a>                  x"),
            ("a(\"é\")", "a(    )"),
            ("for \"x\" our\"y\"", "for     our   "),
        ] {
            let code = code(text);
            assert_eq!(code, expected, "{text}");
            assert_eq!(code.len(), text.len(), "{text}");
        }
    }

    #[test]
    fn a_file_knows_its_room() {
        let file = |path| SourceFile::new("host/src", path, String::new());
        assert!(file("lib.rs").is_root() && file("policy.rs").is_first_of_room());
        assert_eq!(
            (file("policy/manifest/tests.rs").room(), file("policy/manifest/tests.rs").is_test()),
            ("policy", true)
        );
        assert_eq!(
            SourceFile::new("a", "b.rs", "1\n2\n\n#[cfg(test)]\nmod tests {\n}\n".to_owned())
                .lines_without_tests(),
            4
        );
    }
}
