//! The bytecode of a script: what its engine has made of its files, and which of them are worth it.
//!
//! Bytecode is an engine's own format. It is made in this process, by the engine that runs the script, or by the same engine when the
//! function was packaged ([`packaged`](super::packaged)). Nobody else can hand in some.

use std::sync::Arc;

use super::{File, MOST_BYTES, Script};

/// A file of at least this many bytes is compiled by its first event, and a smaller one by each event. One of 2.4 KB takes 0.22 ms
/// of an event, and where it is compiled once, the first event takes some 0.4 ms more. In an environment that sees one event of a
/// tenant, that would be a loss; a small script must not have it.
pub const SMALLEST: usize = 2 * 1024;

/// A file of at least this many bytes is compiled when a function is built, since no event waits for that.
pub const SMALLEST_PACKAGED: usize = 1;

/// The most bytes of files that are compiled, if the entry has not more: as many as are compiled in some 40 ms.
pub const MOST_COMPILED: usize = 1024 * 1024;

/// The most bytes of bytecode that a script has: no more than four times as many as it may have in files.
pub const MOST_BYTECODE: usize = 4 * MOST_BYTES;

/// The suffixes that an import may leave out, and those of what TypeScript imports by the name of its output.
const SUFFIXES: [&str; 10] =
    ["", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".json", "/index.js", "/index.ts"];
const OUTPUTS: [(&str, &str); 3] = [(".js", ".ts"), (".mjs", ".mts"), (".cjs", ".cts")];

/// The bytecode of some files of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytecode {
    /// The digest of the engine that has made it.
    pub engine: Arc<str>,
    /// That of each file, in the order of the script's files.
    pub files: Vec<Option<Arc<[u8]>>>,
}

impl Bytecode {
    /// What it takes in memory.
    pub(super) fn size(&self) -> usize {
        self.files.iter().map(|file| size_of_val(file) + file.as_ref().map_or(0, |bytes| bytes.len())).sum()
    }
}

impl Script {
    /// The places of the files of at least so many bytes that are worth compiling: the entry, and what it names as an import, directly
    /// or by other files. A file that nothing names may be there for something else.
    ///
    /// What looks like an import may be a text. Then a file is compiled in vain, within the bound.
    pub fn worth_compiling(&self, smallest: usize) -> Vec<usize> {
        let mut open = vec![self.place_of(&self.entry)];
        let mut seen = vec![false; self.files.len()];
        let (mut found, mut bytes, mut next) = (Vec::new(), 0, 0);
        while let Some(place) = open.get(next).copied() {
            next += 1;
            let Some((place, file)) = place.and_then(|place| Some((place, self.files.get(place)?))) else {
                continue;
            };
            let Some(seen) = seen.get_mut(place) else { continue };
            if file.path.ends_with(".json") || std::mem::replace(seen, true) {
                continue;
            }
            bytes += file.content.len();
            // Each event needs the entry, however large it is.
            if bytes > MOST_COMPILED && next > 1 {
                break;
            }
            if file.content.len() >= smallest {
                found.push(place);
            }
            self.named(file, &mut open);
        }
        found
    }

    /// The places of the files that a file names: in quotes, with `./` or `../` at the beginning.
    fn named(&self, file: &File, open: &mut Vec<Option<usize>>) {
        let mut rest: &[u8] = &file.content;
        let mut looked_at = 0;
        while open.len() + looked_at < MOST_NAMED
            && let Some(begin) = rest.windows(2).position(|pair| pair[1] == b'.' && is_quote(pair[0]))
        {
            let (quote, text) = (rest[begin], &rest[begin + 1..]);
            looked_at += 1;
            let end = text.iter().take(MOST_NAME).position(|byte| *byte == quote || *byte == b'\n');
            let specifier = end.and_then(|end| std::str::from_utf8(&text[..end]).ok());
            open.extend(specifier.and_then(|specifier| Some(self.imported(&join(&file.path, specifier)?))));
            rest = text;
        }
    }

    /// The place of the file that a path means.
    fn imported(&self, path: &str) -> Option<usize> {
        let whole = SUFFIXES.iter().find_map(|suffix| self.place_of(&format!("{path}{suffix}")));
        let output = |(from, to): &(&str, &str)| self.place_of(&format!("{}{to}", path.strip_suffix(from)?));
        whole.or_else(|| OUTPUTS.iter().find_map(output))
    }
}

/// The most imports of a script that are looked at.
const MOST_NAMED: usize = 2_000;

/// Longer than any specifier of a file.
const MOST_NAME: usize = 1024;

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// A specifier as a path in the folder of the script.
fn join(base: &str, specifier: &str) -> Option<String> {
    let mut parts: Vec<&str> = base.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests;
