//! The engine: one per process, with room for as many sandboxes as the function handles at once.
//!
//! What decides whether compiled code fits an engine lives in [`settings`]; how much room there is and how
//! it is allocated lives here.

mod settings;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

pub use settings::{BUILD, FINGERPRINT, Target};

/// Sandboxes that may live at the same time for each event in flight: the one that handles it and its successor.
const SANDBOXES: u32 = 2;
/// Core modules in one component; a Python component has fifteen and more.
const MODULES_PER_SANDBOX: u32 = 40;
/// Memories in one component; hardly any has more than one.
const MEMORIES_PER_SANDBOX: u32 = 8;
/// Tables in one component.
const TABLES_PER_SANDBOX: u32 = 32;
/// Entries of one table; an interpreter's have thousands. Address space only, until it is used.
const TABLE_ELEMENTS: usize = 100_000;
/// [`Pool::memory_kept`] as it ships: a Rust component's stack, data and first allocations. Resetting costs time, but
/// between events.
const MEMORY_KEPT: usize = 2 * 1024 * 1024;
/// The same for a table: all of a Rust component's.
const TABLE_KEPT: usize = 16 * 1024;
/// The stack of a guest; interpreters recurse deeply.
const WASM_STACK: usize = 1024 * 1024;
/// The stack that host functions get beyond the guest's. An overflow there would abort the process.
const HOST_STACK: usize = 1024 * 1024;

/// How sandboxes get their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// From a pool that is reserved at init.
    Pooled,
    /// From the system, for each sandbox: slower, for machines whose address space is short.
    OnDemand,
}

/// How large a pool is, and how it resets what one sandbox leaves to the next. The default is what ships for one event at
/// a time; the rest is there to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// How many events are handled at a time.
    pub events: u32,
    /// How much of a memory is reset in place, in bytes; what lies beyond is given back to the system, and the next
    /// event that wants it pays for each page with a fault.
    pub memory_kept: usize,
    /// Whether the kernel is asked which pages were written, so that only those are reset. Never where sandboxes of
    /// several tenants follow each other: Wasmtime asks for pages that are written and present, and Linux
    /// counts a page that it is just moving (to compact memory, balance nodes or split a huge page) as written and
    /// swapped, not as present, whether or not there is swap. Such a page would be passed over, and the next sandbox
    /// would find in it what the last one wrote.
    pub written_only: bool,
}

impl Default for Pool {
    fn default() -> Self {
        Self { events: 1, memory_kept: MEMORY_KEPT, written_only: false }
    }
}

/// An engine cannot be had on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine could not be started: {0:#}")]
pub struct EngineError(wasmtime::Error);

/// Starts the engine that runs handlers, with room for so many events at a time.
///
/// # Errors
/// When the machine lacks what the engine needs even without a pool.
pub fn start(events: u32) -> Result<(Engine, Allocation), EngineError> {
    // Making the pool is the probe: it reserves the address space, which is what may be short.
    match start_with(Some(Pool { events, ..Pool::default() })) {
        Ok(engine) => Ok((engine, Allocation::Pooled)),
        Err(_) => Ok((start_with(None)?, Allocation::OnDemand)),
    }
}

/// Starts an engine that allocates in this way, or on demand where there is no pool.
///
/// # Errors
/// When the machine lacks what that needs.
pub fn start_with(pool: Option<Pool>) -> Result<Engine, EngineError> {
    let mut config = run_config();
    if let Some(pool) = pool {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool.config()));
    }
    Engine::new(&config).map_err(EngineError)
}

/// Whether the kernel can say which pages of a memory were written, for pools that are [`Pool::written_only`].
pub fn has_page_scan() -> bool {
    PoolingAllocationConfig::is_pagemap_scan_available()
}

/// Settings of a running engine that compiled code does not depend on.
fn run_config() -> Config {
    let mut config = settings::base();
    config.max_wasm_stack(WASM_STACK).async_stack_size(WASM_STACK + HOST_STACK);
    config
}

impl Pool {
    /// Every sandbox has all the room that one may take, so that what one tenant takes is never another's.
    fn config(self) -> PoolingAllocationConfig {
        let sandboxes = self.events * SANDBOXES;
        let mut config = PoolingAllocationConfig::new();
        config
            .total_component_instances(sandboxes)
            .total_core_instances(sandboxes * MODULES_PER_SANDBOX)
            .total_memories(sandboxes * MEMORIES_PER_SANDBOX)
            .total_tables(sandboxes * TABLES_PER_SANDBOX)
            .total_stacks(sandboxes)
            .max_memories_per_module(MEMORIES_PER_SANDBOX)
            .max_tables_per_module(TABLES_PER_SANDBOX)
            .table_elements(TABLE_ELEMENTS)
            .linear_memory_keep_resident(self.memory_kept)
            .table_keep_resident(TABLE_KEPT)
            .pagemap_scan(if self.written_only { Enabled::Yes } else { Enabled::No });
        config
    }
}

/// Compiles a component to native code for `target`: what a `.cwasm` holds.
///
/// # Errors
/// When the bytes are no valid component, or use a feature that is switched off, or there is no [compiler](Target::has_compiler) for the processor.
#[cfg(feature = "compiler")]
pub fn precompile(wasm: &[u8], target: Target) -> Result<Vec<u8>, wasmtime::Error> {
    Engine::new(&settings::for_target(target)?)?.precompile_component(wasm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_with_room_gets_a_pool() {
        let (engine, allocation) = start(1).unwrap();
        assert_eq!(allocation, Allocation::Pooled);
        assert!(engine.pooling_allocator_metrics().is_some());
    }

    #[cfg(feature = "compiler")]
    #[test]
    fn switched_off_features_do_not_compile() {
        for (feature, wat) in [
            ("threads", "(component (core module (memory 1 1 shared)))"),
            ("memory64", "(component (core module (memory i64 1)))"),
            ("gc", "(component (core module (type (struct))))"),
            ("exceptions", "(component (core module (tag)))"),
        ] {
            let wasm = wat::parse_str(wat).unwrap();
            assert!(precompile(&wasm, Target::host().unwrap()).is_err(), "{feature}");
        }
    }

    #[cfg(feature = "cross")]
    #[test]
    fn both_architectures_of_lambda_compile() {
        let wasm = wat::parse_str("(component (core module (func (export \"f\"))))").unwrap();
        let elf_machine = |target| precompile(&wasm, target).unwrap()[18..20].to_vec();
        assert_eq!(elf_machine(Target::X86_64), [62, 0]);
        assert_eq!(elf_machine(Target::Aarch64), [183, 0]);
    }
}
