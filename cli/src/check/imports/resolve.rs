//! Which file of a script a specifier names: the rules of the engine (`engines/javascript/src/script/resolve.rs`), applied to
//! files that were read.

use bulkhead_host::script::Script;

use super::node;

/// Why a specifier names no file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// A module of Node.js.
    Node,
    /// A package of npm.
    Package,
    /// An absolute path or a URL.
    Path,
    /// It leads out of the script's folder.
    Outside,
    /// There is no file at this path.
    NoFile(String),
}

/// Suffixes that a specifier may leave out.
const SUFFIXES: [&str; 9] = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".json", "/index.js", "/index.ts"];

/// TypeScript wants imports to name its output; a script has the source.
const SOURCES: [(&str, &str); 3] = [(".js", ".ts"), (".mjs", ".mts"), (".cjs", ".cts")];

/// The path of the file that `specifier` names in the file `base`.
pub(super) fn resolve(script: &Script, base: &str, specifier: &str) -> Result<String, Unresolved> {
    if !(specifier.starts_with("./") || specifier.starts_with("../") || specifier == "." || specifier == "..")
    {
        return Err(match specifier {
            _ if node::is_module(specifier) => Unresolved::Node,
            _ if specifier.starts_with('/') || specifier.contains(':') => Unresolved::Path,
            _ => Unresolved::Package,
        });
    }
    let path = join(base, specifier).ok_or(Unresolved::Outside)?;
    let sources = SOURCES.iter().filter_map(|(from, to)| Some(format!("{}{to}", path.strip_suffix(from)?)));
    let suffixed = SUFFIXES.iter().map(|suffix| format!("{path}{suffix}"));
    let found =
        std::iter::once(path.clone()).chain(sources).chain(suffixed).find(|path| script.file(path).is_some());
    found.ok_or(Unresolved::NoFile(path))
}

fn join(base: &str, specifier: &str) -> Option<String> {
    let mut parts: Vec<&str> = base.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
