//! From the bytes of a `.wasm` to a component that the compiler may see.

use std::borrow::Cow;

use super::format::{Format, detect};

/// What becomes of core modules that carry a description of their own world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worlds {
    /// It is read: by a command, that one module may well end.
    Read,
    /// They are refused: where other tenants would be ended too.
    Refused,
}

/// Bytes of which no component can be made that a compiler may see.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    /// They do not even start like WebAssembly, or are a component that a compiler had better not see.
    #[error("{0:#}")]
    Invalid(wasmtime::Error),
    /// A core module that no component can be made of.
    #[error("{0:#}")]
    CoreModule(wasmtime::Error),
    /// A core module, and no adapter, which is left out with the compiler.
    #[error("this bootstrap has no compiler")]
    NoCompiler,
}

/// The component in the bytes of a `.wasm`: these themselves, or what the adapter makes of a core module.
///
/// # Errors
/// When they do not even start like WebAssembly, which is said with a better text than a parser's; when they are a core
/// module that cannot be adapted, or a component that a compiler had better not see.
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

/// There is no adapter in this build.
#[cfg(not(feature = "compiler"))]
fn adapted(_: &[u8], _: Worlds) -> Result<Vec<u8>, ReadyError> {
    Err(ReadyError::NoCompiler)
}

/// Refuses a component that a compiler had better not see.
#[cfg(feature = "compiler")]
fn check_growth(component: &[u8]) -> Result<(), ReadyError> {
    super::growth::check(component).map_err(|error| ReadyError::Invalid(error.into()))
}

/// There is no compiler in this build.
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
