//! The compiler's images of the initial contents of memories and tables: one image each, from the first byte
//! that is not zero to the last, including everything between.
//!
//! Two bytes that are far apart become megabytes in the `.cwasm`, and twice as many while it is made. The
//! compiler makes no image that is larger than [`LARGEST`] and mostly gaps, but it considers each module and
//! each memory by itself.

use std::ops::Range;

use wasmparser::{
    ConstExpr, Data, DataKind, Element, ElementItems, ElementKind, Operator, Payload, TableInit, TypeRef,
};

/// An image up to this size is always made, however sparse: the compiler's setting in [`crate::engine`].
pub(super) const LARGEST: u64 = 64 << 20;
/// The compiler makes no image of a longer table.
const LONGEST_TABLE: u64 = 1 << 20;

/// The memories and tables of one module, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Images {
    imported_memories: u32,
    imported_tables: u32,
    memories: Vec<Image>,
    tables: Vec<Image>,
    /// Whether the contents of memories are copied at instantiation, without an image.
    is_copied: bool,
}

/// An image: the part that it covers, and the number of bytes that the module itself contains.
#[derive(Debug, Clone, Default)]
struct Image {
    covers: Option<Range<u64>>,
    given: u64,
}

/// The sizes that images add to their modules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Gaps {
    /// In memories.
    pub(super) bytes: u64,
    /// In tables.
    pub(super) entries: u64,
    /// The number of memory images. Each is padded to whole pages, of 64 KiB for arm64.
    pub(super) images: u64,
}

impl Image {
    /// Extends it to this part, of which this much is given.
    fn add(&mut self, part: Range<u64>, given: u64) {
        if given == 0 {
            return;
        }
        self.covers = Some(match &self.covers {
            Some(covers) => covers.start.min(part.start)..covers.end.max(part.end),
            None => part,
        });
        self.given = self.given.saturating_add(given);
    }

    fn size(&self) -> u64 {
        self.covers.as_ref().map_or(0, |covers| covers.end - covers.start)
    }

    /// Whether it is too large and sparse for an image.
    fn is_too_sparse(&self) -> bool {
        self.size() >= LARGEST && self.size() >= self.given.saturating_mul(2)
    }
}

impl Images {
    /// Notes what a section adds.
    ///
    /// # Errors
    /// If it cannot be read.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most sections add no contents")]
    pub(super) fn note(&mut self, payload: &Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    match import?.ty {
                        TypeRef::Memory(_) => self.imported_memories += 1,
                        TypeRef::Table(_) => self.imported_tables += 1,
                        _ => {}
                    }
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    let table = table?;
                    let mut image = Image::default();
                    // All entries are the same function, which is written for each.
                    if matches!(table.init, TableInit::Expr(_)) && table.ty.initial <= LONGEST_TABLE {
                        image.covers = Some(0..table.ty.initial);
                    }
                    self.tables.push(image);
                }
            }
            Payload::ElementSection(section) => {
                for element in section.clone() {
                    self.element(&element?);
                }
            }
            Payload::DataSection(section) => {
                for data in section.clone() {
                    self.data(&data?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn data(&mut self, data: &Data<'_>) {
        let DataKind::Active { memory_index, offset_expr } = &data.kind else { return };
        let place =
            memory_index.checked_sub(self.imported_memories).and_then(|place| usize::try_from(place).ok());
        let (Some(place), Some(start)) = (place, constant(offset_expr)) else {
            self.is_copied = true;
            return;
        };
        // No module has more than a hundred, which the compiler enforces.
        if place < 1_000 {
            self.memories.resize_with(self.memories.len().max(place + 1), Image::default);
            let given = data.data.len() as u64;
            self.memories[place].add(start..start.saturating_add(given), given);
        }
    }

    fn element(&mut self, element: &Element<'_>) {
        let ElementKind::Active { table_index, offset_expr } = &element.kind else { return };
        let place = table_index.unwrap_or(0).checked_sub(self.imported_tables);
        let image = place.and_then(|place| self.tables.get_mut(usize::try_from(place).ok()?));
        let (Some(image), Some(start)) = (image, constant(offset_expr)) else { return };
        let given = match &element.items {
            ElementItems::Functions(functions) => functions.count(),
            ElementItems::Expressions(_, expressions) => expressions.count(),
        };
        let end = start.saturating_add(given.into());
        if end <= LONGEST_TABLE {
            // A table's image begins with its first entry.
            image.add(0..end, given.into());
        }
    }

    /// The sizes that the compiler would add.
    pub(super) fn gaps(&self) -> Gaps {
        let is_copied = self.is_copied || self.memories.iter().any(Image::is_too_sparse);
        let gap = |image: &Image| image.size().saturating_sub(image.given);
        Gaps {
            bytes: if is_copied { 0 } else { self.memories.iter().map(gap).sum() },
            entries: self.tables.iter().map(gap).sum(),
            images: if is_copied {
                0
            } else {
                self.memories.iter().filter(|image| image.covers.is_some()).map(|_| 1).sum()
            },
        }
    }
}

/// The number that an expression is, if it is a constant. The compiler evaluates no other expressions either.
pub(super) fn constant(expression: &ConstExpr<'_>) -> Option<u64> {
    let mut operators = expression.get_operators_reader();
    match (operators.read().ok()?, operators.read().ok()?) {
        (Operator::I32Const { value }, Operator::End) => Some(value.cast_unsigned().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::Parser;

    use super::*;

    fn gaps(fields: &str) -> Gaps {
        let wasm = wat::parse_str(format!("(module {fields})")).unwrap();
        let mut images = Images::default();
        Parser::new(0).parse_all(&wasm).for_each(|payload| images.note(&payload.unwrap()).unwrap());
        images.gaps()
    }

    fn bytes(fields: &str) -> u64 {
        gaps(fields).bytes
    }

    #[test]
    fn the_compiler_is_told_the_same() {
        let settings = include_str!("../engine/settings.rs");
        assert!(settings.contains("config.memory_guaranteed_dense_image_size(64 << 20);"));
        assert_eq!(LARGEST, 64 << 20);
    }

    #[test]
    fn what_lies_between_two_segments_is_a_gap() {
        let far = r#"(memory 1000) (data (i32.const 8) "ab") (data (i32.const 1000008) "cd")"#;
        assert_eq!(bytes(far), 1_000_000 - 2);
        let close =
            r#"(memory 1) (data (i32.const 2) "cd") (data (i32.const 0) "ab") (data (i32.const 60000) "")"#;
        assert_eq!(bytes(close), 0);
        assert_eq!(
            bytes(r#"(memory 1000) (data (i32.const 60000000) "a")"#),
            0,
            "it begins with its first byte"
        );
    }

    #[test]
    fn each_memory_has_an_image_of_its_own() {
        let two =
            r#"(memory 20) (memory 20) (data (i32.const 0) "a") (data (memory 1) (i32.const 1000000) "b")"#;
        assert_eq!(bytes(two), 0);
        let far = format!(
            r#"{two} (data (memory 0) (i32.const 100) "c") (data (memory 1) (i32.const 1000101) "d")"#
        );
        assert_eq!(bytes(&far), 99 + 100);
    }

    #[test]
    fn of_what_the_compiler_makes_no_image_nothing_counts() {
        let far = r#"(data (i32.const 0) "a") (data (i32.const 1000000) "b")"#;
        assert_eq!(bytes(&format!(r#"(import "a" "b" (memory 20)) {far}"#)), 0);
        let global = r#"(import "a" "b" (global i32)) (data (global.get 0) "c")"#;
        assert_eq!(bytes(&format!("{global} (memory 20) {far}")), 0);
        assert_eq!(bytes(r#"(memory 1) (data "passive")"#), 0);
        let sparse =
            format!(r#"(memory 2000) (data (i32.const 0) "a") (data (i32.const {}) "b")"#, LARGEST - 1);
        assert_eq!(bytes(&sparse), 0, "it is too large, and nearly empty");
        let large =
            format!(r#"(memory 2000) (data (i32.const 0) "a") (data (i32.const {}) "b")"#, LARGEST - 2);
        assert_eq!(bytes(&large), LARGEST - 3);
    }

    #[test]
    fn tables_have_images_too() {
        let entries = |fields: &str| gaps(&format!("{fields} (func $f)")).entries;
        assert_eq!(entries("(table 10 funcref) (elem (i32.const 4) func $f $f)"), 4);
        assert_eq!(
            entries("(table 10 funcref) (elem (i32.const 4) funcref (ref.func $f) (ref.null func))"),
            4
        );
        assert_eq!(entries("(table 10 funcref (ref.func $f))"), 10);
        assert_eq!(entries("(table 2000000 funcref (ref.func $f))"), 0);
        assert_eq!(entries("(table 2000000 funcref) (elem (i32.const 1048576) func $f)"), 0);
        assert_eq!(entries(r#"(import "a" "b" (table 9 funcref)) (elem (i32.const 4) func $f)"#), 0);
    }
}
