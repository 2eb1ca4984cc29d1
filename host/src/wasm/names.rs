//! The names of a component's exports and imports, from a compiled component or from the bytes of another.

#[cfg(feature = "compiler")]
use wasmparser::{BinaryReaderError, Parser, Payload};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The exports and imports of a component: names of interfaces, such as `wasi:cli/environment@0.2.6`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// What it exports.
    pub exports: Vec<String>,
    /// What it imports.
    pub imports: Vec<String>,
}

impl Description {
    /// The exports and imports of the component in these bytes, whether or not it is valid; `None` if it
    /// cannot be parsed.
    #[cfg(feature = "compiler")]
    pub fn read(wasm: &[u8]) -> Option<Self> {
        read(wasm).ok()
    }

    /// The exports and imports of a compiled component.
    pub(crate) fn of(engine: &Engine, component: &Component) -> Self {
        let kind = component.component_type();
        Self {
            exports: kind.exports(engine).map(|(name, _)| name.to_owned()).collect(),
            imports: kind.imports(engine).map(|(name, _)| name.to_owned()).collect(),
        }
    }
}

/// The exports and imports of the component itself, without nested ones.
///
/// # Errors
/// If the bytes cannot be parsed. Names that were read before are not returned, since more may have followed.
#[cfg(feature = "compiler")]
#[expect(clippy::wildcard_enum_match_arm, reason = "most sections have no names")]
pub(crate) fn read(wasm: &[u8]) -> Result<Description, BinaryReaderError> {
    let mut depth = 0_usize;
    let mut names = Description { exports: Vec::new(), imports: Vec::new() };
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentExportSection(exports) if depth == 1 => {
                for export in exports {
                    names.exports.push(export?.name.name.to_owned());
                }
            }
            Payload::ComponentImportSection(imports) if depth == 1 => {
                for import in imports {
                    names.imports.push(import?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

#[cfg(all(test, feature = "compiler"))]
mod tests {
    use super::*;

    #[test]
    fn names_within_are_not_those_of_the_component() {
        let wat = r#"(component
            (import "acme:db/query@1.0.0" (instance))
            (component (import "within" (instance $i)) (export "also-within" (instance $i)))
            (core module (import "core" "f" (func)) (func (export "g")))
            (instance $i) (export "wasi:cli/run@0.2.6" (instance $i)))"#;
        let names = read(&wat::parse_str(wat).unwrap()).unwrap();
        assert_eq!(names.exports, ["wasi:cli/run@0.2.6"]);
        assert_eq!(names.imports, ["acme:db/query@1.0.0"]);
    }

    #[test]
    fn half_a_component_has_no_names() {
        let wasm =
            wat::parse_str(r#"(component (instance $i) (export "x" (instance $i)) (core module))"#).unwrap();
        assert!(read(&wasm).is_ok());
        assert!(read(&wasm[..wasm.len() - 1]).is_err());
        assert!(read(b"text").is_err());
    }
}
