//! Makes the bytes of a `.wasm` into a component that the compiler may see.

use std::borrow::Cow;

use super::format::{Format, detect};

/// The treatment of core modules with a description of their own world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worlds {
    /// It is read: by a command that one module may crash.
    Read,
    /// They are rejected: in a process in which other tenants would be affected.
    Refused,
}

/// Bytes that cannot be made into a component that a compiler may see.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    /// They do not have the form of WebAssembly, or are a component that must not reach the compiler.
    #[error("{0:#}")]
    Invalid(wasmtime::Error),
    /// A core module that cannot be made into a component.
    #[error("{0:#}")]
    CoreModule(wasmtime::Error),
    /// A core module, but the adapter is not part of this build, which has no compiler.
    #[error("this bootstrap has no compiler")]
    NoCompiler,
}

/// The component in the bytes of a `.wasm`: the bytes themselves, or the adapter's result for a core module.
///
/// # Errors
/// If they do not have the form of WebAssembly, with a better text than a parser's; if they are a core module
/// that cannot be adapted, or a component that must not reach the compiler.
pub fn ready(wasm: &[u8], worlds: Worlds) -> Result<Cow<'_, [u8]>, ReadyError> {
    let component = match detect(wasm).map_err(|error| ReadyError::Invalid(error.into()))? {
        Format::Component => Cow::Borrowed(wasm),
        Format::CoreModule => Cow::Owned(adapted(wasm, worlds)?),
    };
    check_growth(&component)?;
    Ok(component)
}

#[cfg(feature = "compiler")]
fn adapted(module: &[u8], worlds: Worlds) -> Result<Vec<u8>, ReadyError> {
    let adapted = match worlds {
        Worlds::Read => super::adapt::adapt_with_world(module),
        Worlds::Refused => super::adapt::adapt(module),
    };
    adapted.map_err(|error| ReadyError::CoreModule(error.into()))
}

/// This build has no adapter.
#[cfg(not(feature = "compiler"))]
fn adapted(_: &[u8], _: Worlds) -> Result<Vec<u8>, ReadyError> {
    Err(ReadyError::NoCompiler)
}

/// Rejects a component that must not reach the compiler.
#[cfg(feature = "compiler")]
fn check_growth(component: &[u8]) -> Result<(), ReadyError> {
    super::growth::check(component).map_err(|error| ReadyError::Invalid(error.into()))
}

/// This build has no compiler.
#[cfg(not(feature = "compiler"))]
fn check_growth(_: &[u8]) -> Result<(), ReadyError> {
    Ok(())
}

#[cfg(all(test, feature = "compiler"))]
mod tests {
    use super::*;

    #[test]
    fn worlds_are_read_where_that_is_asked_for() {
        let wasm =
            wat::parse_str(r#"(module (func (export "_start")) (@custom "component-type:x" "?"))"#).unwrap();
        let text = |worlds| ready(&wasm, worlds).unwrap_err().to_string();
        assert!(text(Worlds::Refused).contains("make a .cwasm"), "{}", text(Worlds::Refused));
        assert!(text(Worlds::Read).contains("decoding custom section"), "{}", text(Worlds::Read));
    }
}
