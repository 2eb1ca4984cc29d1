//! Whether a component has an init function: read from its bytes, so that this error comes before any other.

use super::PreinitError;
use crate::wasm::names;

/// The export of an init function.
pub const INITIALIZER: &str = "bulkhead:lambda/initializer@0.1.0";

/// Rejects a component without an init function. The compiler reports bytes that cannot be parsed.
pub(super) fn check(wasm: &[u8]) -> Result<(), PreinitError> {
    let exports = names::read(wasm).map(|names| names.exports).unwrap_or_default();
    if exports.iter().any(|name| name == INITIALIZER) {
        return Ok(());
    }
    let other = exports.into_iter().find(|name| name.starts_with("bulkhead:lambda/initializer@"));
    Err(other.map_or(PreinitError::NoInit, |found| PreinitError::OtherVersion { found }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(wat: &str) -> Result<(), String> {
        check(&wat::parse_str(wat).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn only_the_component_s_own_exports_count() {
        let init = r#"(instance $i) (export "bulkhead:lambda/initializer@0.1.0" (instance $i))"#;
        check_text(&format!("(component (core module) {init})")).unwrap();
        let error = check_text(&format!("(component (component {init}) (core module))")).unwrap_err();
        assert!(error.contains("#[bulkhead::init]"), "{error}");
    }

    #[test]
    fn another_version_is_named() {
        let other = r#"(component (instance $i) (export "bulkhead:lambda/initializer@0.2.0" (instance $i)))"#;
        let error = check_text(other).unwrap_err();
        assert!(error.contains("initializer@0.2.0") && error.contains(INITIALIZER), "{error}");
    }
}
