//! From the bytes of a `.wasm` to a component that the compiler may see.

use std::borrow::Cow;
use std::path::Path;

use super::{ComponentError, growth_check};
use crate::wasm::form::{Form, form};

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

#[cfg(all(test, feature = "compiler"))]
mod tests {
    use super::*;

    #[test]
    fn worlds_are_read_where_that_is_asked_for() {
        let wasm =
            wat::parse_str(r#"(module (func (export "_start")) (@custom "component-type:x" "?"))"#).unwrap();
        let text = |worlds| ready(&wasm, worlds, Path::new("a.wasm")).unwrap_err().to_string();
        assert!(text(Worlds::Refused).contains("make a .cwasm"), "{}", text(Worlds::Refused));
        assert!(text(Worlds::Read).contains("decoding custom section"), "{}", text(Worlds::Read));
    }
}
