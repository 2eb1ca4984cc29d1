//! The reasons why a core module cannot be adapted, with advice.

use wasmparser::BinaryReaderError;

use crate::wasm::FeatureError;

/// A core module that cannot be made into a component.
#[derive(Debug, thiserror::Error)]
pub enum AdaptError {
    /// Its bytes cannot be parsed.
    #[error("it is damaged or truncated: {0}")]
    Malformed(BinaryReaderError),
    /// It uses a disabled feature.
    #[error(transparent)]
    Feature(#[from] FeatureError),
    /// It imports something that is not part of WASI.
    #[error("it imports {module} {name}, {what}")]
    Import {
        /// The module that the import names.
        module: String,
        /// The imported name.
        name: String,
        /// The origin of the import, and advice.
        what: &'static str,
    },
    /// It imports a function that preview 1 does not have.
    #[error(
        "it imports wasi_snapshot_preview1 {name}, which is not in WASI preview 1 but an extension of \
         another runtime; build it without this import"
    )]
    Function {
        /// The function.
        name: String,
    },
    /// It exports nothing to call.
    #[error(
        "it exports {exports}, and neither _start nor the interfaces of a world, so there is nothing to \
         call: build it as a program with a main, or with wit-bindgen for the world bulkhead:lambda/lambda, \
         or for the target wasm32-wasip2"
    )]
    NoEntry {
        /// The first few names.
        exports: String,
    },
    /// The description of its world is not read here.
    #[error(
        "it contains a description of its world, which `bulkhead compile` reads, but a bootstrap does not; \
         make a .cwasm with `bulkhead compile`"
    )]
    World,
    /// The adapter does not fit.
    #[error("the adapter for WASI preview 1 rejects it: {0}; build it for the target wasm32-wasip2")]
    Encoder(String),
}

impl AdaptError {
    pub(super) fn import(module: &str, name: &str) -> Self {
        Self::Import { module: module.to_owned(), name: name.to_owned(), what: whose(module, name) }
    }

    pub(super) fn no_entry(exports: &[&str]) -> Self {
        /// A tenant may export any number of functions.
        const NAMED: usize = 5;
        let more = if exports.len() > NAMED { ", …" } else { "" };
        let named = exports.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let exports = if named.is_empty() { "nothing".to_owned() } else { named + more };
        Self::NoEntry { exports }
    }
}

/// The origin of an import, and advice.
fn whose(module: &str, name: &str) -> &'static str {
    match module {
        "wasi_unstable" | "wasi_unstable_preview0" => {
            "from a preview before preview 1, for which there is no adapter; build it with a toolchain of 2020 or later"
        }
        "wasi" if name == "thread-spawn" => "but a sandbox has one thread; build it for wasm32-wasip1",
        "wasix_32v1" | "wasix_64v1" => "which is WASIX and exists only in Wasmer; build it for wasm32-wasip1",
        "gojs" | "go" => "which is Go's glue for JavaScript; build it with GOOS=wasip1",
        "wbg" | "__wbindgen_placeholder__" | "__wbindgen_externref_xform__" => {
            "which is wasm-bindgen's glue for JavaScript; build it for the target wasm32-wasip2, without wasm-bindgen"
        }
        "env"
            if name.starts_with("emscripten_")
                || name.starts_with("__syscall")
                || name.starts_with("invoke_") =>
        {
            "which is Emscripten's glue for JavaScript; build it with -sSTANDALONE_WASM, or with wasi-sdk"
        }
        "env" => {
            "which nothing provides: it was not found when the module was linked; link the library that \
             contains it (with Emscripten, build with -sSTANDALONE_WASM)"
        }
        _ if module.contains(':') => {
            "an interface, but the module does not describe its world; build it with wit-bindgen, and keep \
             the custom sections (component-type) when you strip it"
        }
        _ => "which this host does not have; build it without this import, or for WASI preview 1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_toolchain_s_own_imports_have_their_advice() {
        for (module, name, text) in [
            ("wasi_unstable", "fd_write", "before preview 1"),
            ("wasi", "thread-spawn", "one thread"),
            ("wasix_32v1", "proc_fork", "Wasmer"),
            ("gojs", "runtime.wasmExit", "GOOS=wasip1"),
            ("wbg", "__wbg_log", "wasm-bindgen"),
            ("env", "emscripten_notify_memory_growth", "-sSTANDALONE_WASM, or with wasi-sdk"),
            ("env", "sqlite3_open", "link the library"),
            ("acme:db/query@1.0.0", "run", "custom sections"),
            ("spectest", "print", "does not have"),
        ] {
            let error = AdaptError::import(module, name).to_string();
            assert!(
                error.starts_with(&format!("it imports {module} {name}, ")) && error.contains(text),
                "{error}"
            );
        }
    }

    #[test]
    fn without_an_entry_the_exports_are_named_but_not_all() {
        let text = |exports: &[&str]| AdaptError::no_entry(exports).to_string();
        assert!(text(&[]).starts_with("it exports nothing, and"), "{}", text(&[]));
        assert!(text(&["memory", "add"]).starts_with("it exports memory, add, and neither"));
        assert!(text(&["a"; 6]).starts_with("it exports a, a, a, a, a, …, and"));
    }
}
