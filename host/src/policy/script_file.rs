//! Which files are scripts, by their names, and which engine runs them.

use std::ffi::OsStr;
use std::path::Path;

/// The endings of the files that can be the entry of a script.
const ENDINGS: [&str; 6] = ["js", "mjs", "cjs", "ts", "mts", "cts"];

/// The engine of all of these endings: the name of its file below [`ENGINES`], without `.wasm` or `.cwasm`.
pub const ENGINE: &str = "javascript";

/// The folder of the engines, in the task root.
pub const ENGINES: &str = "engines";

/// Whether a file of this name can be the entry of a script.
pub fn is_entry(name: &Path) -> bool {
    name.extension().and_then(OsStr::to_str).is_some_and(|ending| ENDINGS.contains(&ending))
}

/// Whether a script can read a file of this name.
pub fn is_file(name: &Path) -> bool {
    is_entry(name) || name.extension().is_some_and(|ending| ending == "json")
}

/// Whether the source of a component is that of an engine.
pub fn is_engine(source: &Path) -> bool {
    source.with_extension("") == Path::new(ENGINES).join(ENGINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_has_one_place() {
        for (source, is) in [
            ("engines/javascript.wasm", true),
            ("engines/javascript.cwasm", true),
            ("javascript.wasm", false),
            ("x/engines/javascript.wasm", false),
        ] {
            assert_eq!(is_engine(Path::new(source)), is, "{source}");
        }
    }

    #[test]
    fn endings_say_what_a_script_is_and_what_it_reads() {
        for name in ["index.js", "a.b.mjs", "x/y.cjs", "a.ts", "a.mts", "a.cts"] {
            assert!(is_entry(Path::new(name)) && is_file(Path::new(name)), "{name}");
        }
        assert!(is_file(Path::new("package.json")) && !is_entry(Path::new("package.json")));
        for name in ["hello.wasm", "index.JS", "js", ".js", "index.js~", "secrets.toml", "a.jsx", "a.js/b"] {
            assert!(!is_entry(Path::new(name)) && !is_file(Path::new(name)), "{name}");
        }
    }
}
