//! The memories of a component that are reset for each event, and the stacks in them.
//!
//! A compiler's stack for local variables is recognised if it is the first part of a memory, as rustc links it
//! (`--stack-first`): then the pointer to its end, a global, is its size.

use wasmparser::{
    CustomSectionReader, DataKind, Encoding, KnownCustom, MemoryType, Name, Parser, Payload, TypeRef, ValType,
};

use super::images::constant;
use crate::engine::Reset;

/// The size of a page of memory.
const PAGE_LOG2: u32 = 16;
/// The name that linkers give the pointer.
const POINTER: &str = "__stack_pointer";
/// A global of a smaller value is not the pointer to the end of a stack.
const SMALLEST_STACK: u64 = 1024;

/// What the reset of a component, or of a core module, costs for each event. Each module within is counted
/// once. Bytes that cannot be read count nothing; an error is reported when they are compiled.
#[expect(clippy::wildcard_enum_match_arm, reason = "a module takes note of everything else")]
pub fn reset(wasm: &[u8]) -> Reset {
    let mut reset = Reset::default();
    // The modules and components whose end has not come yet.
    let mut levels: Vec<Option<Module>> = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let Ok(payload) = payload else { break };
        match &payload {
            Payload::Version { encoding, .. } => {
                levels.push((*encoding == Encoding::Module).then(Module::default));
            }
            Payload::End(_) => {
                if let Some(module) = levels.pop().flatten() {
                    module.add_to(&mut reset);
                }
            }
            _ => {
                let module = levels.last_mut().and_then(Option::as_mut);
                if module.is_some_and(|module| module.note(&payload).is_err()) {
                    break;
                }
            }
        }
    }
    reset
}

/// What the reset of a component costs whose init function was run. What the init left on the stack is part of
/// the data of the `snapshot` and hides where its stack ends, but not in the `source`.
pub fn reset_of_snapshot(snapshot: &[u8], source: &[u8]) -> Reset {
    Reset { stack: reset(source).stack, ..reset(snapshot) }
}

/// One core module, as far as it was read.
#[derive(Debug, Default)]
struct Module {
    memories: Vec<u64>,
    imports_memories: bool,
    imported_globals: u32,
    /// The initial values of its own globals that can be pointers.
    pointers: Vec<Option<u64>>,
    /// The globals that have names.
    has_global_names: bool,
    /// The global that is called [`POINTER`].
    named_pointer: Option<u32>,
    /// The first byte of the memory that has contents.
    first_data: Option<u64>,
}

impl Module {
    #[expect(clippy::wildcard_enum_match_arm, reason = "most sections do not concern memory")]
    fn note(&mut self, payload: &Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    match import?.ty {
                        TypeRef::Memory(_) => self.imports_memories = true,
                        TypeRef::Global(_) => self.imported_globals += 1,
                        _ => {}
                    }
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    self.memories.push(initial(memory?));
                }
            }
            Payload::GlobalSection(section) => {
                for global in section.clone() {
                    let global = global?;
                    let can_be = global.ty.mutable && global.ty.content_type == ValType::I32;
                    self.pointers.push(constant(&global.init_expr).filter(|_| can_be));
                }
            }
            Payload::DataSection(section) => {
                for data in section.clone() {
                    if let DataKind::Active { memory_index: 0, offset_expr } = data?.kind {
                        // Data at an address that is not known could be anywhere.
                        let start = constant(&offset_expr).unwrap_or(0);
                        self.first_data = Some(self.first_data.map_or(start, |first| first.min(start)));
                    }
                }
            }
            Payload::CustomSection(section) => self.names(section)?,
            _ => {}
        }
        Ok(())
    }

    fn names(&mut self, section: &CustomSectionReader<'_>) -> wasmparser::Result<()> {
        let KnownCustom::Name(names) = section.as_known() else { return Ok(()) };
        for name in names {
            if let Name::Global(globals) = name? {
                for global in globals {
                    let global = global?;
                    self.has_global_names = true;
                    if global.name == POINTER {
                        self.named_pointer = Some(global.index);
                    }
                }
            }
        }
        Ok(())
    }

    fn add_to(&self, reset: &mut Reset) {
        self.memories.iter().for_each(|memory| reset.add_memory(*memory));
        if let Some(stack) = self.stack() {
            reset.add_stack(stack);
        }
    }

    /// The size of the stack at the beginning of its memory.
    fn stack(&self) -> Option<u64> {
        let memory = self.memories.first().filter(|_| !self.imports_memories)?;
        let pointer = match self.named_pointer {
            Some(index) => index.checked_sub(self.imported_globals)?,
            None if self.has_global_names => return None,
            // Linkers make it first, also where names are removed.
            None => 0,
        };
        let end = (*self.pointers.get(usize::try_from(pointer).ok()?)?)?;
        let is_first = self.first_data.is_none_or(|data| data >= end);
        (is_first && end >= SMALLEST_STACK && end <= *memory).then_some(end)
    }
}

fn initial(memory: MemoryType) -> u64 {
    let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(PAGE_LOG2)).unwrap_or(u64::MAX);
    memory.initial.saturating_mul(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(wat: &str) -> Reset {
        reset(&wat::parse_str(wat).unwrap())
    }

    /// The stack of a module with two pages of memory.
    fn stack(fields: &str) -> Option<u64> {
        let reset = of(&format!("(component (core module {fields} (memory 2)))"));
        assert_eq!((reset.initial_memory, reset.in_place), (2 << 16, 2 << 16));
        reset.stack
    }

    #[test]
    fn a_stack_that_comes_first_is_as_large_as_its_pointer_says() {
        let named = r#"(global i32 (i32.const 9)) (global $__stack_pointer (mut i32) (i32.const 65536))"#;
        assert_eq!(stack(named), Some(65536));
        assert_eq!(stack(&format!(r#"{named} (data (i32.const 65536) "a")"#)), Some(65536));
        assert_eq!(stack(&format!(r#"(import "a" "b" (global i32)) {named}"#)), Some(65536));
        assert_eq!(stack("(global (mut i32) (i32.const 65536))"), Some(65536), "its name was removed");
    }

    #[test]
    fn what_is_not_a_stack_or_does_not_come_first_is_not_counted() {
        let pointer = "(global $__stack_pointer (mut i32) (i32.const 65536))";
        assert_eq!(stack(&format!(r#"{pointer} (data (i32.const 1024) "a")"#)), None, "data comes first");
        assert_eq!(stack(&format!(r#"(import "a" "m" (memory 2)) {pointer}"#)), None);
        assert_eq!(stack("(global $heap (mut i32) (i32.const 65536))"), None, "it has another name");
        assert_eq!(stack("(global i32 (i32.const 65536))"), None, "it cannot move");
        assert_eq!(stack("(global (mut i32) (i32.const 8))"), None);
        assert_eq!(stack("(global (mut i32) (i32.const 131073))"), None, "it lies outside");
        assert_eq!(stack("(global (mut i64) (i64.const 65536))"), None);
        assert_eq!(stack(""), None);
    }

    #[test]
    fn all_modules_are_added_up() {
        let module = "(core module (memory 40) (global (mut i32) (i32.const 65536)))";
        let reset = of(&format!("(component {module} (component {module} (core module (memory 1))))"));
        let several = 2 * (256 << 10) + (64 << 10);
        assert_eq!((reset.initial_memory, reset.in_place_of_several), (81 << 16, several));
        assert_eq!((reset.in_place, reset.stack), (2 * (40 << 16) + (64 << 10), Some(2 * 65536)));
    }

    #[test]
    fn a_snapshot_has_the_memory_that_its_init_left_and_the_stack_of_its_source() {
        let pointer = "(global (mut i32) (i32.const 65536))";
        let module = |pages: u32, data: &str| {
            wat::parse_str(format!("(component (core module (memory {pages}) {pointer} {data}))")).unwrap()
        };
        let reset = reset_of_snapshot(&module(9, r#"(data (i32.const 65000) "left")"#), &module(2, ""));
        assert_eq!((reset.initial_memory, reset.stack), (9 << 16, Some(65536)));
    }

    #[test]
    fn what_cannot_be_read_counts_nothing() {
        assert_eq!(reset(b""), Reset::default());
        assert_eq!(reset(b"\x7fELF"), Reset::default());
        let wasm = wat::parse_str("(module (memory 1))").unwrap();
        assert_eq!(reset(&wasm[..wasm.len() - 1]), Reset::default());
    }
}
