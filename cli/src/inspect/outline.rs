//! The contents of a component or core module and their sizes, summed over everything nested in it.

use std::collections::BTreeSet;

use wasmparser::{
    BinaryReaderError, CustomSectionReader, Encoding, KnownCustom, MemoryType, Parser, Payload,
};

use super::report::{Form, Producer, Report, Sizes};

/// The size of a page of memory.
const PAGE_LOG2: u32 = 16;

/// The part of a file that can be read; a damaged file may be read only in part.
#[derive(Debug)]
pub(super) struct Outline {
    form: Form,
    sizes: Sizes,
    producers: BTreeSet<Producer>,
}

impl Outline {
    /// Reads a file; `None` if it is not WebAssembly.
    pub(super) fn read(wasm: &[u8]) -> Option<Self> {
        let mut outline = Self { form: Form::Unknown, sizes: Sizes::default(), producers: BTreeSet::new() };
        for payload in Parser::new(0).parse_all(wasm) {
            // Errors are reported when the file is loaded.
            if payload.and_then(|payload| outline.add(&payload)).is_err() {
                break;
            }
        }
        (outline.form != Form::Unknown).then_some(outline)
    }

    pub(super) fn tell(self, report: &mut Report) {
        report.form = self.form;
        report.sizes = Sizes { file: report.sizes.file, ..self.sizes };
        report.producers = self.producers.into_iter().collect();
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is types, names and the like")]
    fn add(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        let sizes = &mut self.sizes;
        match payload {
            Payload::Version { encoding, .. } => {
                sizes.core_modules += usize::from(*encoding == Encoding::Module);
                if self.form == Form::Unknown {
                    self.form =
                        if *encoding == Encoding::Module { Form::CoreModule } else { Form::Component };
                }
            }
            Payload::CodeSectionStart { count, range, .. } => {
                sizes.functions += usize::try_from(*count).unwrap_or(usize::MAX);
                sizes.code += range.len();
            }
            Payload::DataSection(section) => sizes.data += section.range().len(),
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    sizes.memories += 1;
                    sizes.initial_memory = sizes.initial_memory.saturating_add(initial(memory?));
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    sizes.tables += 1;
                    sizes.initial_table_entries =
                        sizes.initial_table_entries.saturating_add(table?.ty.initial);
                }
            }
            Payload::CustomSection(section) => {
                sizes.custom += section.data().len();
                self.add_producers(section)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn add_producers(&mut self, section: &CustomSectionReader<'_>) -> Result<(), BinaryReaderError> {
        let KnownCustom::Producers(fields) = section.as_known() else { return Ok(()) };
        for field in fields {
            let field = field?;
            for value in field.values {
                let value = value?;
                self.producers.insert(Producer {
                    field: field.name.to_owned(),
                    name: value.name.to_owned(),
                    version: value.version.to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn initial(memory: MemoryType) -> u64 {
    let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(PAGE_LOG2)).unwrap_or(u64::MAX);
    memory.initial.saturating_mul(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_within_is_added_up() {
        let wat = r#"(component
            (core module (memory 2) (table 3 funcref) (func) (func) (data (i32.const 0) "abc")
                (@producers (language "Rust" "2024") (processed-by "rustc" "1.95.0")))
            (component (core module (memory 1) (memory 1) (table 4 funcref) (func) (@custom "x" "1234"))))"#;
        let wasm = wat::parse_str(wat).unwrap();
        let outline = Outline::read(&wasm).unwrap();
        let sizes = &outline.sizes;
        assert_eq!(outline.form, Form::Component);
        assert_eq!((sizes.core_modules, sizes.functions), (2, 3));
        assert_eq!((sizes.memories, sizes.initial_memory), (3, 4 * 65536));
        assert_eq!((sizes.tables, sizes.initial_table_entries), (2, 7));
        // The code sections: a count, and for each function its length, no locals and its end.
        assert_eq!(sizes.code, 1 + 2 * 3 + 1 + 3);
        assert_eq!(sizes.data, 1 + 1 + 3 + 1 + 3);
        let producers: Vec<&str> = outline.producers.iter().map(|producer| producer.name.as_str()).collect();
        assert_eq!(producers, ["Rust", "rustc"]);
    }

    #[test]
    fn half_a_file_has_half_an_outline_and_other_files_have_none() {
        let wasm = wat::parse_str("(module (memory 1) (func) (func))").unwrap();
        let half = Outline::read(&wasm[..wasm.len() - 2]).unwrap();
        assert_eq!((half.form, half.sizes.memories), (Form::CoreModule, 1));
        assert!(Outline::read(b"\x7fELF").is_none() && Outline::read(b"").is_none());
    }
}
