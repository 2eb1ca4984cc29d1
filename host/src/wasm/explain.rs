//! Better error texts than the compiler's, for components that it has rejected.

use super::{Kind, KindError, features, names};

/// A better text than the compiler's for a rejected component, if there is one.
pub(crate) fn explain(wasm: &[u8], error: wasmtime::Error) -> wasmtime::Error {
    if let Some(missing) = features::missing(wasm) {
        // The author of a component for WASI 0.3 needs to know that, rather than which features it uses.
        let exports = names::read(wasm).map(|names| names.exports).unwrap_or_default();
        return match Kind::of(&exports) {
            Err(kind @ KindError::Preview3 { .. }) => kind.into(),
            Ok(_) | Err(_) => missing.into(),
        };
    }
    if is_cut(wasm, &error) { error.context("it is truncated; copy or build it again") } else { error }
}

/// Whether it ends too early. The parser has no error code for that, and the compiler's text covers only
/// modules.
fn is_cut(wasm: &[u8], error: &wasmtime::Error) -> bool {
    names::read(wasm).is_err_and(|error| error.message().starts_with("unexpected end"))
        || error.root_cause().to_string().contains("is out of bounds (bound = ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(wasm: &[u8]) -> String {
        let engine = crate::engine::start(1).unwrap().0;
        let error = wasmtime::component::Component::from_binary(&engine, wasm).err().unwrap();
        format!("{:#}", explain(wasm, error))
    }

    fn of(wat: &str) -> String {
        explained(&wat::parse_str(wat).unwrap())
    }

    #[test]
    fn async_components_are_for_wasi_0_3() {
        let run = r#"(component
            (core module $m (func (export "f") (result i32) i32.const 0) (func (export "cb") (param i32 i32 i32) (result i32) i32.const 0))
            (core instance $m (instantiate $m))
            (func $f async (canon lift (core func $m "f") async (callback (core func $m "cb"))))
            (instance $i (export "run" (func $f)))
            (export "wasi:cli/run@0.3.0" (instance $i)))"#;
        assert!(
            of(run).starts_with("it exports wasi:cli/run@0.3.0 of WASI 0.3, whose functions are async"),
            "{}",
            of(run)
        );
        assert!(of(r#"(component (import "f" (func async)))"#).starts_with("it uses async functions of"));
    }

    #[test]
    fn what_is_cut_short_says_so_and_what_is_just_wrong_keeps_the_compiler_s_text() {
        let whole = wat::parse_str("(component (core module (func (export \"f\"))))").unwrap();
        for length in 9..whole.len() {
            let text = explained(&whole[..length]);
            assert!(text.contains("truncated"), "cut to {length}: {text}");
        }
        assert!(of("(component (core module (func (result i32))))").contains("type mismatch"));
    }
}
