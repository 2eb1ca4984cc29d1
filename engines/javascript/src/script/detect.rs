//! Whether a file is an ES module or a CommonJS module: by its suffix, else by its text, as Node.js does it.

use super::Kind;

/// What a file seems to be. For a guess, the other kind is tried if it is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seems {
    /// By its suffix.
    Certainly(Kind),
    /// By its text.
    Probably(Kind),
}

/// Looks at a path, and where that says nothing, at the text.
pub(super) fn detect(path: &str, source: &[u8]) -> Seems {
    match path.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("json") => Seems::Certainly(Kind::Json),
        Some("mjs" | "mts") => Seems::Certainly(Kind::Module),
        Some("cjs" | "cts") => Seems::Certainly(Kind::CommonJs),
        _ => Seems::Probably(if has_module_syntax(source) { Kind::Module } else { Kind::CommonJs }),
    }
}

/// Whether a statement begins with `import` or `export`. The text of templates and regular expressions may be taken for
/// statements, which is why the result is a guess.
fn has_module_syntax(source: &[u8]) -> bool {
    let mut at = 0;
    // Whether a statement may begin here.
    let mut begins = true;
    while let Some(byte) = source.get(at) {
        match byte {
            b'/' if source.get(at + 1) == Some(&b'/') => at = until(source, at, b"\n"),
            b'/' if source.get(at + 1) == Some(&b'*') => at = until(source, at + 2, b"*/"),
            b'"' | b'\'' | b'`' => {
                at = string(source, at);
                begins = false;
            }
            b'\n' | b';' | b'{' | b'}' => {
                begins = true;
                at += 1;
            }
            byte if byte.is_ascii_whitespace() => at += 1,
            byte if is_word(*byte) => {
                let end = at + source[at..].iter().take_while(|byte| is_word(**byte)).count();
                if begins && is_statement(&source[at..end], &source[end..]) {
                    return true;
                }
                begins = false;
                at = end;
            }
            _ => {
                begins = false;
                at += 1;
            }
        }
    }
    false
}

fn is_statement(word: &[u8], rest: &[u8]) -> bool {
    let next = rest.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    match word {
        b"import" => !matches!(next, Some(b'(' | b'=' | b':') | None),
        b"export" => matches!(next, Some(b'{' | b'*')) || next.is_some_and(is_word),
        _ => false,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

/// Behind the next occurrence of `end`.
fn until(source: &[u8], from: usize, end: &[u8]) -> usize {
    let rest = source.get(from..).unwrap_or_default();
    rest.windows(end.len())
        .position(|part| part == end)
        .map_or(source.len(), |place| from + place + end.len() - usize::from(end == b"\n"))
}

/// Behind the string that begins here.
fn string(source: &[u8], from: usize) -> usize {
    let quote = source[from];
    let mut at = from + 1;
    while let Some(byte) = source.get(at) {
        match byte {
            b'\\' => at += 2,
            b'\n' if quote != b'`' => return at,
            byte if *byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    source.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_decide() {
        assert_eq!(detect("a.mjs", b""), Seems::Certainly(Kind::Module));
        assert_eq!(detect("a.cjs", b"export {}"), Seems::Certainly(Kind::CommonJs));
        assert_eq!(detect("lib/a.json", b""), Seems::Certainly(Kind::Json));
        assert_eq!(detect("a.ts", b"export {}"), Seems::Probably(Kind::Module));
    }

    #[test]
    fn statements_decide() {
        for source in [
            "export default 1",
            "import './a.js'",
            "import.meta.url",
            "// a\n/* export */ export const a = 1;",
            "'use strict';\nimport a from 'a'",
            "const a = 1; export{a}",
            "let a = `\n`\nexport * from './b.js'",
        ] {
            assert!(has_module_syntax(source.as_bytes()), "{source}");
        }
        for source in [
            "",
            "exports.handler = 1",
            "module.exports = { import: 1 }",
            "// export default 1",
            "/* import a */",
            "import('./a.js')",
            "const a = 'x\\'\\\nexport default';",
            "f(`\nexport default 1\n`)",
            "const exported = 1; a.export = 2; exporter()",
            "/* never closed export",
        ] {
            assert!(!has_module_syntax(source.as_bytes()), "{source}");
        }
    }
}
