//! From the bytes of a `.wasm` to a component that the compiler may see, and better texts than the compiler's for what it
//! refuses all the same.

use std::borrow::Cow;
use std::path::Path;

use super::{ComponentError, growth_check};
use crate::wasm::form::{Form, form};
#[cfg(feature = "compiler")]
use crate::wasm::{Kind, KindError, features, names};

/// What becomes of core modules that carry a description of their own world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worlds {
    /// It is read: by a command, that one module may well end.
    Read,
    /// They are refused: where other tenants would be ended too.
    Refused,
}

/// The component in the bytes of a `.wasm`: these themselves, or what the adapter makes of a core module.
///
/// # Errors
/// When they do not even start like WebAssembly, which is said with a better text than a parser's; when they are a core
/// module that cannot be adapted, or a component that a compiler had better not see.
pub fn ready<'a>(wasm: &'a [u8], worlds: Worlds, path: &Path) -> Result<Cow<'a, [u8]>, ComponentError> {
    let form =
        form(wasm).map_err(|error| ComponentError::Invalid { path: path.to_owned(), error: error.into() })?;
    let component = match form {
        Form::Component => Cow::Borrowed(wasm),
        Form::CoreModule => Cow::Owned(adapted(wasm, worlds, path)?),
    };
    growth_check(&component, path)?;
    Ok(component)
}

#[cfg(feature = "compiler")]
fn adapted(module: &[u8], worlds: Worlds, path: &Path) -> Result<Vec<u8>, ComponentError> {
    let adapted = match worlds {
        Worlds::Read => crate::wasm::adapt::adapt_with_world(module),
        Worlds::Refused => crate::wasm::adapt::adapt(module),
    };
    adapted.map_err(|error| ComponentError::CoreModule { path: path.to_owned(), error: error.into() })
}

/// What adapts is left out with the compiler.
#[cfg(not(feature = "compiler"))]
fn adapted(_: &[u8], _: Worlds, path: &Path) -> Result<Vec<u8>, ComponentError> {
    Err(ComponentError::NoCompiler { path: path.to_owned() })
}

/// A better text than the compiler's, where there is one, for why it has refused a component.
#[cfg(feature = "compiler")]
pub(crate) fn explain(wasm: &[u8], error: wasmtime::Error) -> wasmtime::Error {
    if let Some(missing) = features::missing(wasm) {
        // Whoever built it for WASI 0.3 wants to know that, and not which features that takes.
        let exports = names::read(wasm).map(|names| names.exports).unwrap_or_default();
        return match Kind::of(&exports) {
            Err(kind @ KindError::Preview3 { .. }) => kind.into(),
            Ok(_) | Err(_) => missing.into(),
        };
    }
    if is_cut(wasm, &error) { error.context("it is cut short; copy or build it again") } else { error }
}

/// Whether it ends too early. The parser has no code for that, and the compiler's text for a module that does.
#[cfg(feature = "compiler")]
fn is_cut(wasm: &[u8], error: &wasmtime::Error) -> bool {
    names::read(wasm).is_err_and(|error| error.message().starts_with("unexpected end"))
        || error.root_cause().to_string().contains("is out of bounds (bound = ")
}

#[cfg(all(test, feature = "compiler"))]
mod tests {
    use super::*;

    #[expect(clippy::unwrap_used, reason = "a helper of tests")]
    fn explained(wasm: &[u8]) -> String {
        let engine = crate::engine::start(1).unwrap().0;
        let error = wasmtime::component::Component::from_binary(&engine, wasm).err().unwrap();
        format!("{:#}", explain(wasm, error))
    }

    #[expect(clippy::unwrap_used, reason = "a helper of tests")]
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
            of(run).starts_with("it exports wasi:cli/run@0.3.0, of WASI 0.3, whose functions are async"),
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
            assert!(text.contains("cut short"), "cut to {length}: {text}");
        }
        assert!(of("(component (core module (func (result i32))))").contains("type mismatch"));
    }

    #[test]
    fn worlds_are_read_where_that_is_asked_for() {
        let wasm =
            wat::parse_str(r#"(module (func (export "_start")) (@custom "component-type:x" "?"))"#).unwrap();
        let text = |worlds| ready(&wasm, worlds, Path::new("a.wasm")).unwrap_err().to_string();
        assert!(text(Worlds::Refused).contains("make a .cwasm"), "{}", text(Worlds::Refused));
        assert!(text(Worlds::Read).contains("decoding custom section"), "{}", text(Worlds::Read));
    }
}
