//! Whether a file is an ES module or a CommonJS module: by its suffix, else by the `type` of its `package.json`, else by its text,
//! as Node.js does it.

use rquickjs::{Ctx, Result};

use super::compile::type_of;
use super::{Kind, commonjs};

/// What a file seems to be. For a guess, the other kind is tried if it is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seems {
    /// By its suffix, or by its `package.json`.
    Certainly(Kind),
    /// By its text.
    Probably(Kind),
}

/// What the suffix of a path says.
pub(super) fn by_suffix(path: &str) -> Option<Kind> {
    match path.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("json") => Some(Kind::Json),
        Some("mjs" | "mts") => Some(Kind::Module),
        Some("cjs" | "cts") => Some(Kind::CommonJs),
        _ => None,
    }
}

/// Looks at a path, then at the nearest `package.json`, and where both say nothing, at the text.
pub(super) fn detect(ctx: &Ctx<'_>, path: &str, source: &[u8]) -> Result<Seems> {
    let certain = match by_suffix(path) {
        Some(kind) => Some(kind),
        None => by_package(ctx, path)?,
    };
    let by_text = || if has_module_syntax(source) { Kind::Module } else { Kind::CommonJs };
    Ok(certain.map_or_else(|| Seems::Probably(by_text()), Seems::Certainly))
}

/// What the `type` says that the nearest `package.json` has.
fn by_package(ctx: &Ctx<'_>, path: &str) -> Result<Option<Kind>> {
    let mut folder = path;
    while !folder.is_empty() {
        folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
        let package = format!("{folder}{}package.json", if folder.is_empty() { "" } else { "/" });
        let Some(value) = commonjs::package(ctx, &package)? else { continue };
        // Whatever else it may be says nothing.
        let kind = type_of(&value).unwrap_or_default();
        return Ok(match kind.as_deref() {
            Some("module") => Some(Kind::Module),
            Some("commonjs") => Some(Kind::CommonJs),
            Some(_) | None => None,
        });
    }
    Ok(None)
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
        assert_eq!(by_suffix("a.mjs"), Some(Kind::Module));
        assert_eq!(by_suffix("lib.json/a.cjs"), Some(Kind::CommonJs));
        assert_eq!(by_suffix("lib/a.json"), Some(Kind::Json));
        assert_eq!(by_suffix("a.ts"), None);
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
