//! The parts of a core module that decide whether and how it can be adapted.

use wasmparser::{BinaryReaderError, Parser, Payload};

/// The names that a core module imports and exports.
#[derive(Debug, Default)]
pub(super) struct Module<'a> {
    pub(super) imports: Vec<Import<'a>>,
    pub(super) exports: Vec<&'a str>,
    /// Whether it describes the interfaces of its functions, as `wit-bindgen` does.
    pub(super) has_world: bool,
}

/// A function, memory or other thing that is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Import<'a> {
    pub(super) module: &'a str,
    pub(super) name: &'a str,
}

impl<'a> Module<'a> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "most sections have no names")]
    pub(super) fn read(wasm: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import?;
                        module.imports.push(Import { module: import.module, name: import.name });
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        module.exports.push(export?.name);
                    }
                }
                Payload::CustomSection(section) => {
                    module.has_world |= section.name().starts_with("component-type");
                }
                _ => {}
            }
        }
        Ok(module)
    }

    /// Whether it is a program with a `main`.
    pub(super) fn is_command(&self) -> bool {
        self.exports.contains(&"_start")
    }
}

impl Import<'_> {
    /// Whether the module name of an import is that of an interface, or of the rest of a world. This does not
    /// check whether the interface exists.
    pub(super) fn may_be_of_a_world(self) -> bool {
        self.module.contains(':')
            || self.module.starts_with('$')
            || self.module.starts_with('[')
            || self.module.starts_with("cm32p2")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        let wasm = wat::parse_str(
            r#"(module
                (import "wasi_snapshot_preview1" "fd_write" (func))
                (import "env" "memory" (memory 1))
                (func (export "_start")) (@custom "component-type:handler" "x"))"#,
        );
        let wasm = wasm.unwrap();
        let module = Module::read(&wasm).unwrap();
        assert_eq!(module.imports[0], Import { module: "wasi_snapshot_preview1", name: "fd_write" });
        assert_eq!(module.imports[1], Import { module: "env", name: "memory" });
        assert!(module.is_command() && module.has_world);
        assert!(Module::read(&wasm[..wasm.len() - 3]).is_err());
    }

    #[test]
    fn imports_of_worlds_are_told_by_their_names() {
        for (module, is) in [
            ("wasi:io/streams@0.2.0", true),
            ("$root", true),
            ("[export]acme:db/query", true),
            ("cm32p2|acme:db/query@1", true),
            ("env", false),
            ("wasi_unstable", false),
            ("wbg", false),
        ] {
            assert_eq!(Import { module, name: "f" }.may_be_of_a_world(), is, "{module}");
        }
    }
}
