//! Which file a specifier names. Nothing here leaves the folder of the script.

use crate::platform::{self, File};
use crate::state;

/// Why there is no file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unresolved(pub(crate) String);

/// Suffixes that a specifier may leave out.
const SUFFIXES: [&str; 9] = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".json", "/index.js", "/index.ts"];

/// The suffix of TypeScript's output, and that of its source: TypeScript wants imports to name the output.
const SOURCES: [(&str, &str); 3] = [(".js", ".ts"), (".mjs", ".mts"), (".cjs", ".cts")];

/// The path of the file that `specifier` names in the file `base`. The file is kept until it is loaded.
pub(crate) fn resolve(base: &str, specifier: &str) -> Result<String, Unresolved> {
    // A host may have modules of Node.js, as `bulkhead test` has some. They are files at these paths.
    if specifier.starts_with("node:") && find(specifier) {
        return Ok(specifier.to_owned());
    }
    if !(specifier.starts_with("./") || specifier.starts_with("../") || specifier == "." || specifier == "..")
    {
        return Err(bare(base, specifier));
    }
    if specifier.contains('\0') {
        return Err(Unresolved(format!(
            "'{specifier}', imported from {base}, has a zero in it, as no path has"
        )));
    }
    let Some(path) = join(base, specifier) else {
        return Err(Unresolved(format!(
            "'{specifier}', imported from {base}, is outside the script's folder"
        )));
    };
    let candidates = std::iter::once(path.clone())
        .chain(SOURCES.iter().filter_map(|(from, to)| Some(format!("{}{to}", path.strip_suffix(from)?))))
        .chain(SUFFIXES.iter().map(|suffix| format!("{path}{suffix}")));
    for candidate in candidates {
        if find(&candidate) {
            return Ok(candidate);
        }
    }
    Err(Unresolved(format!("cannot find the file '{path}', imported from {base}")))
}

fn bare(base: &str, specifier: &str) -> Unresolved {
    let what =
        if specifier.starts_with('/') || specifier.contains("://") { "the path" } else { "the package" };
    Unresolved(format!(
        "{what} '{specifier}', imported from {base}, is not there: a script imports files of its own folder, by paths that \
         begin with ./ or ../"
    ))
}

/// Whether there is a file at this path.
fn find(path: &str) -> bool {
    let is_known = state::with(|state| {
        state.found.borrow().contains_key(path) || state.required.borrow().contains_key(path)
    });
    if is_known {
        return true;
    }
    let file = platform::read(path);
    let is_there = file.is_some();
    state::with(|state| {
        if file.is_some() {
            state.found.borrow_mut().insert(path.to_owned(), file);
        }
    });
    is_there
}

/// Takes a file that was found, or reads it.
pub(crate) fn take(path: &str) -> Result<File, Unresolved> {
    let found = state::with(|state| state.found.borrow_mut().get_mut(path).and_then(Option::take));
    let file = found.or_else(|| platform::read(path));
    let file = file.ok_or_else(|| Unresolved(format!("cannot find the file '{path}'")))?;
    state::with(|state| state.found.borrow_mut().insert(path.to_owned(), None));
    Ok(file)
}

/// The specifier as a path from the script's folder. `None` if it leads out of it.
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
mod tests {
    use super::*;

    #[test]
    fn a_specifier_is_relative_to_its_file() {
        for (base, specifier, path) in [
            ("index.js", "./a.js", Some("a.js")),
            ("lib/b.js", "./a.js", Some("lib/a.js")),
            ("lib/b.js", "../a.js", Some("a.js")),
            ("lib/b.js", ".././/x/../a.js", Some("a.js")),
            ("index.js", "../a.js", None),
            ("lib/b.js", "../../a.js", None),
            ("lib/b.js", "..", Some("")),
        ] {
            assert_eq!(join(base, specifier).as_deref(), path, "{base} {specifier}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        for (specifier, message) in [
            ("./a", "cannot find the file 'a', imported from index.js"),
            (
                "../../etc/passwd",
                "'../../etc/passwd', imported from index.js, is outside the script's folder",
            ),
            (
                "lodash",
                "the package 'lodash', imported from index.js, is not there: a script imports files of its own folder, by \
                 paths that begin with ./ or ../",
            ),
            (
                "/etc/passwd",
                "the path '/etc/passwd', imported from index.js, is not there: a script imports files of its own folder, by \
                 paths that begin with ./ or ../",
            ),
        ] {
            assert_eq!(resolve("index.js", specifier), Err(Unresolved(message.to_owned())));
        }
    }

    #[test]
    fn a_module_of_node_is_what_the_host_has_of_it() {
        platform::with(|host| host.files.insert("node:test".to_owned(), File::default()));
        assert_eq!(resolve("lib/a.js", "node:test").as_deref(), Ok("node:test"));
        let missing = resolve("index.js", "node:fs").map_err(|Unresolved(message)| message);
        assert!(
            missing
                .is_err_and(|message| message.starts_with("the package 'node:fs', imported from index.js"))
        );
    }

    #[test]
    fn suffixes_may_be_left_out() {
        platform::with(|host| {
            for path in ["a.ts", "b.cts", "lib/index.js", "data.json"] {
                host.files.insert(path.to_owned(), File::default());
            }
        });
        for (specifier, path) in [
            ("./a.js", "a.ts"),
            ("./a", "a.ts"),
            ("./b.cjs", "b.cts"),
            ("./lib", "lib/index.js"),
            ("./data", "data.json"),
        ] {
            assert_eq!(resolve("index.js", specifier).as_deref(), Ok(path));
        }
    }
}
