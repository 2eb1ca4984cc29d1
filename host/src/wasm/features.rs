//! WebAssembly features that a component uses and this host disables: their names, and advice.
//!
//! This runs only after the compiler has rejected a component, since the compiler's own text names a byte
//! offset rather than a feature.

use wasmparser::{Validator, WasmFeatures};

use super::kind::INSTEAD_OF_PREVIEW3;

/// A disabled feature.
struct Feature {
    flags: WasmFeatures,
    name: &'static str,
    instead: &'static str,
}

/// The features that toolchains use; all of them are disabled in [`crate::engine`].
const OFF: [Feature; 7] = [
    Feature {
        flags: WasmFeatures::THREADS.union(WasmFeatures::SHARED_EVERYTHING_THREADS),
        name: "threads",
        instead: "a sandbox has one thread: build it without `+atomics`, and not for wasm32-wasip1-threads",
    },
    Feature {
        flags: WasmFeatures::MEMORY64.union(WasmFeatures::CM64),
        name: "memory64",
        instead: "build it for wasm32, not wasm64",
    },
    Feature {
        flags: WasmFeatures::EXCEPTIONS.union(WasmFeatures::LEGACY_EXCEPTIONS),
        name: "exceptions",
        instead: "build it without exceptions (C++: -fno-exceptions; others: a mode that needs none)",
    },
    Feature {
        flags: WasmFeatures::GC.union(WasmFeatures::GC_TYPES).union(WasmFeatures::FUNCTION_REFERENCES),
        name: "gc",
        instead: "build it with a toolchain that manages its own memory; for Kotlin, Dart and Java there is none yet",
    },
    Feature {
        flags: WasmFeatures::STACK_SWITCHING,
        name: "stack switching",
        instead: "build it without stack switching",
    },
    Feature {
        flags: WasmFeatures::CUSTOM_PAGE_SIZES
            .union(WasmFeatures::WIDE_ARITHMETIC)
            .union(WasmFeatures::MEMORY_CONTROL)
            .union(WasmFeatures::CUSTOM_DESCRIPTORS)
            .union(WasmFeatures::COMPACT_IMPORTS),
        name: "a proposal that is not a standard yet",
        instead: "build it without that feature (in Rust, without that `-C target-feature`)",
    },
    Feature {
        flags: WasmFeatures::CM_ASYNC
            .union(WasmFeatures::CM_ASYNC_STACKFUL)
            .union(WasmFeatures::CM_MORE_ASYNC_BUILTINS)
            .union(WasmFeatures::CM_THREADING)
            .union(WasmFeatures::CM_ERROR_CONTEXT),
        name: "async functions of the component model (WASI 0.3)",
        instead: INSTEAD_OF_PREVIEW3,
    },
];

/// A component that would be valid with disabled features.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it uses {}, which this host disables; {instead}", .names.join(" and "))]
pub struct FeatureError {
    names: Vec<&'static str>,
    instead: String,
}

/// The disabled features that a component or module needs; `None` if it would not be valid with them either.
pub(super) fn missing(wasm: &[u8]) -> Option<FeatureError> {
    let all = OFF.iter().fold(base(), |all, feature| all | feature.flags);
    if is_valid(wasm, base()) || !is_valid(wasm, all) {
        return None;
    }
    let needed: Vec<&Feature> = OFF.iter().filter(|feature| !is_valid(wasm, all - feature.flags)).collect();
    let instead: Vec<&str> = needed.iter().map(|feature| feature.instead).collect();
    let names = needed.iter().map(|feature| feature.name).collect();
    (!needed.is_empty()).then(|| FeatureError { names, instead: instead.join("; ") })
}

/// Whether a component or module is valid with the enabled features.
pub(super) fn is_taken(wasm: &[u8]) -> bool {
    is_valid(wasm, base())
}

/// The enabled features: the third release of WebAssembly, without those in [`OFF`].
fn base() -> WasmFeatures {
    let on = WasmFeatures::WASM3 | WasmFeatures::COMPONENT_MODEL;
    OFF.iter().fold(on, |on, feature| on - feature.flags)
}

fn is_valid(wasm: &[u8], features: WasmFeatures) -> bool {
    Validator::new_with_features(features).validate_all(wasm).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(wat: &str) -> Option<String> {
        missing(&wat::parse_str(wat).unwrap()).map(|error| error.to_string())
    }

    #[test]
    fn each_feature_is_named_with_what_to_do() {
        for (wat, name, instead) in [
            ("(component (core module (memory 1 1 shared)))", "threads", "+atomics"),
            ("(module (memory i64 1))", "memory64", "wasm32"),
            ("(component (core module (tag)))", "exceptions", "-fno-exceptions"),
            ("(component (core module (type (struct))))", "gc", "manages its own memory"),
            ("(module (memory 1 (pagesize 1)))", "a proposal that is not a standard yet", "target-feature"),
            (
                r#"(component (import "f" (func async)))"#,
                "async functions of the component model (WASI 0.3)",
                "spin-sdk 5",
            ),
        ] {
            let text = text(wat).unwrap();
            assert!(text.starts_with(&format!("it uses {name}, which")) && text.contains(instead), "{text}");
        }
        let both = text("(module (memory i64 1) (tag))").unwrap();
        assert!(both.starts_with("it uses memory64 and exceptions, which"), "{both}");
    }

    #[test]
    fn what_is_valid_or_would_never_be_has_no_missing_feature() {
        assert_eq!(text("(component (core module (func (result v128) v128.const i64x2 0 0)))"), None);
        assert_eq!(text("(module (func (result i32) i64.const 0))"), None);
        assert_eq!(missing(b"\0asm\x0d\0\x01\0garbage"), None);
    }

    #[test]
    fn what_counts_as_on_is_what_the_engine_takes() {
        let engine = crate::engine::start(1).unwrap().0;
        for wat in [
            "(module (memory 1 1 shared))",
            "(module (memory i64 1))",
            "(module (tag))",
            "(module (type (struct)))",
            "(module (func (param (ref func))))",
            "(module (memory 1) (memory 1))",
            "(module (func return_call 0))",
            "(module (func (result v128) v128.const i64x2 0 0))",
            "(module (table 1 externref))",
        ] {
            let wasm = wat::parse_str(wat).unwrap();
            let taken = wasmtime::Module::validate(&engine, &wasm).is_ok();
            assert_eq!(is_valid(&wasm, base()), taken, "{wat}");
        }
    }
}
