//! The parts of a program's module that decide how it is rewritten.

use wasmparser::{ExternalKind, FuncType, Parser, Payload, TypeRef};

use super::functions::Function;
use crate::wasm::adapt::{AdaptError, PREVIEW1};

/// The counts of a valid module, and its imports.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// How many types there are.
    pub(super) types: u32,
    /// The functions of preview 1, in the order in which they are imported.
    pub(super) imports: Vec<&'static Function>,
    /// The number of its own functions.
    pub(super) defined: u32,
    /// How many memories there are.
    pub(super) memories: u32,
    /// The memory that functions of preview 1 read and write.
    pub(super) memory: u32,
    /// The function that runs at instantiation, and its `main`.
    pub(super) start: Option<(u32, u32)>,
}

impl Program {
    /// `None` if it shares no memory with the adapter, or has nothing that uses one, or imports more than
    /// functions.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most sections have nothing to do with it")]
    pub(super) fn read(wasm: &[u8]) -> Result<Option<Self>, AdaptError> {
        let mut program = Self::default();
        let mut types = Vec::new();
        let (mut memory, mut run, mut start) = (None, None, None);
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(AdaptError::Malformed)? {
                Payload::TypeSection(section) => {
                    for group in section.into_iter().flatten() {
                        types.extend(group.into_types());
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports().flatten() {
                        let TypeRef::Func(index) = import.ty else { return Ok(None) };
                        let ty = usize::try_from(index).ok().and_then(|index| types.get(index));
                        let ty = ty.and_then(|ty| match &ty.composite_type.inner {
                            wasmparser::CompositeInnerType::Func(ty) => Some(ty),
                            _ => None,
                        });
                        match Function::named(import.name).filter(|_| import.module == PREVIEW1) {
                            Some(function) => program.imports.push(of_type(function, ty)?),
                            None => return Ok(None),
                        }
                    }
                }
                Payload::FunctionSection(section) => program.defined = section.count(),
                Payload::MemorySection(section) => program.memories = section.count(),
                Payload::ExportSection(section) => {
                    for export in section.into_iter().flatten() {
                        match (export.name, export.kind) {
                            ("memory", ExternalKind::Memory) => memory = Some(export.index),
                            ("_start", ExternalKind::Func) => run = Some(export.index),
                            _ => {}
                        }
                    }
                }
                Payload::StartSection { func, .. } => start = Some(func),
                _ => {}
            }
        }
        program.types = u32::try_from(types.len()).unwrap_or(u32::MAX);
        program.start = start.zip(run);
        Ok(memory.filter(|_| program.defined > 0).map(|memory| Self { memory, ..program }))
    }
}

/// The function, if it is imported with its own type.
fn of_type(function: &'static Function, ty: Option<&FuncType>) -> Result<&'static Function, AdaptError> {
    let same = |found: &[wasmparser::ValType], own: Vec<wasm_encoder::ValType>| {
        let own = own.into_iter().map(|own| match own == wasm_encoder::ValType::I64 {
            true => wasmparser::ValType::I64,
            false => wasmparser::ValType::I32,
        });
        own.eq(found.iter().copied())
    };
    let is_same =
        ty.is_some_and(|ty| same(ty.params(), function.params()) && same(ty.results(), function.results()));
    is_same.then_some(function).ok_or_else(|| {
        AdaptError::Encoder(format!("it imports {} with another type than in preview 1", function.name))
    })
}
