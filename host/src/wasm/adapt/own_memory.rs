//! Gives the adapter a memory of its own.
//!
//! The adapter was written to live in the program's memory, where it allocates pages with `memory.grow`. Many
//! allocators assume that they own all pages up to `memory.size`: those of Go, TinyGo, AssemblyScript and of
//! older C libraries. Both then write to the same pages. So the module gets a second memory, which is
//! exported for the adapter, and functions between program and adapter copy the data of each call. The
//! program's own code is unchanged, except for function indices.

mod calls;
mod functions;
mod helpers;
mod read;

use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function as Body, FunctionSection, ImportSection,
    MemorySection, MemoryType, Module, NameMap, NameSection, TypeSection, ValType,
};

use super::{AdaptError, PREVIEW1};
use crate::wasm::features;
use calls::Calls;
use functions::{Function, Way};
use helpers::Memories;
use read::Program;

type Result<T> = std::result::Result<T, Error<Infallible>>;

/// The module with a memory for the adapter. `None` if there is nothing to do: it uses no memory, or is not
/// valid, for which the compiler has a better error.
///
/// # Errors
/// If it imports a function with another type than in preview 1.
pub(super) fn rewrite(wasm: &[u8]) -> std::result::Result<Option<Vec<u8>>, AdaptError> {
    if !features::is_taken(wasm) {
        return Ok(None);
    }
    let Some(program) = Program::read(wasm)? else { return Ok(None) };
    let mut module = Module::new();
    let written = Rewriter::new(program).parse_core_module(&mut module, wasmparser::Parser::new(0), wasm);
    written.map_err(|error| AdaptError::Encoder(error.to_string()))?;
    Ok(Some(module.finish()))
}

/// An added function.
struct Added {
    ty: u32,
    name: &'static str,
    body: Body,
}

struct Rewriter {
    program: Program,
    /// The adapter's functions that are called.
    imports: Vec<&'static Function>,
    /// The replacements of the program's imports.
    targets: Vec<u32>,
    /// Added types, those of the imports first.
    types: Vec<(Vec<ValType>, Vec<ValType>)>,
    /// Added functions: the replacements of imports, helpers, and those around the start.
    added: Vec<Added>,
    /// The function with which the adapter allocates memory.
    realloc: u32,
    /// The function that replaces the program's own start, and the one that then runs both.
    start: Option<(u32, u32)>,
}

impl Rewriter {
    fn new(program: Program) -> Self {
        let mut imports: Vec<&'static Function> = Vec::new();
        for function in &program.imports {
            let sizes = match function.way {
                Way::Strings { sizes } => Function::named(sizes),
                Way::Copied | Way::Written | Way::Read | Way::Answered(_) => None,
            };
            let called = (!matches!(function.way, Way::Answered(_))).then_some(*function);
            for import in called.into_iter().chain(sizes) {
                if !imports.contains(&import) {
                    imports.push(import);
                }
            }
        }
        let types = imports.iter().map(|import| (import.params(), import.results())).collect();
        let mut rewriter =
            Self { program, imports, targets: Vec::new(), types, added: Vec::new(), realloc: 0, start: None };
        rewriter.add();
        rewriter
    }

    /// Adds all functions.
    fn add(&mut self) {
        let mut standing: Vec<&'static Function> = Vec::new();
        for function in &self.program.imports {
            if !function.is_direct() && !standing.contains(function) {
                standing.push(function);
            }
        }
        let first = self.first_added();
        let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let position = |list: &[&'static Function], function| {
            number(list.iter().position(|other| *other == function).unwrap_or_default())
        };
        let target = |function: &&'static Function| match function.is_direct() {
            true => position(&self.imports, *function),
            false => first + position(&standing, *function),
        };
        self.targets = self.program.imports.iter().map(target).collect();
        let memories = Memories { program: self.program.memory, adapter: self.program.memories };
        let helpers = first + number(standing.len());
        self.realloc = helpers + helpers::Name::Realloc as u32;
        let calls = Calls { memories, imports: &self.imports, helpers };
        let bodies: Vec<_> = standing.iter().map(|function| (*function, calls.body(function))).collect();
        for (function, body) in bodies {
            self.push(function.params(), function.results(), function.name, body);
        }
        for helper in helpers::all(memories) {
            self.push(helper.params.to_vec(), vec![helper.result], "adapter", helper.body);
        }
        if let Some((start, run)) = self.program.start {
            let mut both = Body::new([]);
            let (start, run) = (self.index(start), self.index(run));
            both.instructions().call(start).call(run).end();
            let mut nothing = Body::new([]);
            nothing.instructions().end();
            let first = first + number(self.added.len());
            self.start = Some((first, first + 1));
            self.push(Vec::new(), Vec::new(), "start", nothing);
            self.push(Vec::new(), Vec::new(), "_start", both);
        }
    }

    fn push(&mut self, params: Vec<ValType>, results: Vec<ValType>, name: &'static str, body: Body) {
        let ty = (params, results);
        let known = self.types.iter().position(|other| *other == ty);
        let position = known.unwrap_or_else(|| {
            self.types.push(ty);
            self.types.len() - 1
        });
        self.added.push(Added { ty: self.ty(position), name, body });
    }

    /// The index of an added type.
    fn ty(&self, position: usize) -> u32 {
        self.program.types + u32::try_from(position).unwrap_or(u32::MAX)
    }

    /// The index of the first added function.
    fn first_added(&self) -> u32 {
        self.program.defined + u32::try_from(self.imports.len()).unwrap_or(u32::MAX)
    }

    /// The new index of a function.
    fn index(&self, function: u32) -> u32 {
        let imported = u32::try_from(self.program.imports.len()).unwrap_or(u32::MAX);
        match usize::try_from(function).ok().and_then(|index| self.targets.get(index)) {
            Some(target) => *target,
            None => function - imported + (self.first_added() - self.program.defined),
        }
    }
}

impl Rewriter {
    /// The names of functions by their new indices, with those of added functions.
    fn names(&self, map: wasmparser::NameMap<'_>) -> NameMap {
        let imported = u32::try_from(self.targets.len()).unwrap_or(u32::MAX);
        // These numbers were not validated.
        let end = imported.saturating_add(self.program.defined);
        let own = map.into_iter().flatten().filter(|name| (imported..end).contains(&name.index));
        let mut all: Vec<_> = own.map(|name| (self.index(name.index), name.name)).collect();
        all.extend((self.first_added()..).zip(self.added.iter().map(|added| added.name)));
        all.sort_unstable();
        let mut names = NameMap::new();
        all.iter().for_each(|(index, name)| names.append(*index, name));
        names
    }
}

impl Reencode for Rewriter {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32> {
        Ok(self.index(function))
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<()> {
        utils::parse_type_section(self, types, section)?;
        for (params, results) in &self.types {
            types.ty().function(params.iter().copied(), results.iter().copied());
        }
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        section: &mut ImportSection,
        _: wasmparser::ImportSectionReader<'_>,
    ) -> Result<()> {
        for (position, import) in self.imports.iter().enumerate() {
            section.import(PREVIEW1, import.name, EntityType::Function(self.ty(position)));
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<()> {
        utils::parse_function_section(self, functions, section)?;
        for added in &self.added {
            functions.function(added.ty);
        }
        Ok(())
    }

    fn parse_memory_section(
        &mut self,
        memories: &mut MemorySection,
        section: wasmparser::MemorySectionReader<'_>,
    ) -> Result<()> {
        utils::parse_memory_section(self, memories, section)?;
        memories.memory(MemoryType {
            minimum: helpers::PAGES.into(),
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<()> {
        utils::parse_export_section(self, exports, section)?;
        exports.export("cabi_realloc_adapter", ExportKind::Func, self.realloc);
        Ok(())
    }

    fn parse_export(&mut self, exports: &mut ExportSection, export: wasmparser::Export<'_>) -> Result<()> {
        match (export.name, self.start) {
            ("memory", _) => _ = exports.export("memory", ExportKind::Memory, self.program.memories),
            ("_start", Some((_, both))) => _ = exports.export("_start", ExportKind::Func, both),
            // They would give the adapter the program's memory.
            (name, _) if name.starts_with("cabi_") || name.starts_with("canonical_abi_") => {}
            _ => utils::parse_export(self, exports, export)?,
        }
        Ok(())
    }

    fn start_section(&mut self, start: u32) -> Result<u32> {
        Ok(self.start.map_or_else(|| self.index(start), |(nothing, _)| nothing))
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<()> {
        utils::parse_code_section(self, code, section)?;
        for added in &self.added {
            code.function(&added.body);
        }
        Ok(())
    }

    fn parse_custom_name_subsection(
        &mut self,
        names: &mut NameSection,
        section: wasmparser::Name<'_>,
    ) -> Result<()> {
        if let wasmparser::Name::Function(map) = section {
            names.functions(&self.names(map));
            return Ok(());
        }
        // They are sorted by function index, which has changed, and nothing reads them.
        if matches!(section, wasmparser::Name::Local(_) | wasmparser::Name::Label(_)) {
            return Ok(());
        }
        utils::parse_custom_name_subsection(self, names, section)
    }
}

#[cfg(test)]
mod tests;
