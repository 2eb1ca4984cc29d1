//! The engine: one per process, with room for as many sandboxes as the function handles at once.
//!
//! [`settings`] decides whether compiled code fits an engine, and [`share`] what one sandbox may take of the
//! pool; this file decides the size of the pool and how it is allocated.
//!
//! The room also owns the `.cwasm` file ([`artifact`]), the [`watchdog`], the [`meter`] of processor time, the record
//! of what the pool is used for ([`pool_usage`]), and the generated [`bindings`] of `wit/`.
//!
//! May use: text, policy.

pub mod artifact;
pub(crate) mod bindings;
pub mod meter;
pub mod phase;
pub mod pool_usage;
mod reset;
mod settings;
mod share;
pub mod watchdog;

use std::ops::Deref;

use wasmtime::component::Component;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

pub use reset::Reset;
pub use settings::{BUILD, FINGERPRINT, Target};
use share::{MEMORIES, TABLES};
pub use share::{Share, ShareError};

/// The number of sandboxes for each event in flight: the one that handles it, and one that waits.
const SANDBOXES: u32 = 2;
/// [`Pool::memory_kept`] if events come one at a time and all belong to one component: all of an interpreter's memory.
/// The kernel takes longer to give back a page of it than it takes to reset three, and an event waits for the kernel.
const MEMORY_KEPT: usize = 16 * 1024 * 1024;
/// [`Pool::memory_kept`] if there are several components: a Rust component's stack, data and first allocations. One
/// component must not leave the others much less memory than there was.
const MEMORY_KEPT_OF_SEVERAL_COMPONENTS: usize = 2 * 1024 * 1024;
/// [`Pool::memory_kept`] if several events are handled at a time: the memory that the whole pool keeps grows
/// with their number.
const MEMORY_KEPT_OF_SEVERAL_EVENTS: usize = 256 * 1024;
/// The bytes kept of a table: all of a Rust component's.
const TABLE_KEPT: usize = 16 * 1024;
/// The stack of a guest; interpreters recurse deeply.
const WASM_STACK: usize = 1024 * 1024;
/// The additional stack of host functions. An overflow there would abort the process.
const HOST_STACK: usize = 1024 * 1024;

/// How sandboxes get their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// From a pool that is reserved at init.
    Pooled,
    /// From the operating system, for each sandbox: slower, for machines with little address space.
    OnDemand,
}

/// The size of a pool, and how it resets memory between sandboxes. The default is the shipped setting for one
/// event at a time of one component; values that [`Self::of`] does not return are for measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// The number of events that are handled at a time.
    pub events: u32,
    /// The limits of one sandbox.
    pub share: Share,
    /// The part of a memory that is reset in place, in bytes. The rest is returned to the operating system,
    /// and the next event that uses it has a page fault for each page.
    pub memory_kept: usize,
    /// Whether to ask the kernel which pages were written, and reset only those. Never enable this if
    /// sandboxes of several tenants follow each other: Wasmtime asks for pages that are written and present,
    /// but while Linux moves a page (to compact memory, balance nodes or split a huge page), it counts the
    /// page as written and swapped, not as present, whether or not there is swap. Such a page would be
    /// skipped, and the next sandbox would see data of the last one.
    pub written_only: bool,
}

impl Default for Pool {
    fn default() -> Self {
        Self::of(1, 1, Share::default())
    }
}

/// Runs handlers.
#[derive(Clone)]
pub struct Engine {
    runs: wasmtime::Engine,
    share: Share,
    /// An engine that allocates on demand does not check the size of a component. This one has no memory, and
    /// checks.
    checks: Option<wasmtime::Engine>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("share", &self.share).finish_non_exhaustive()
    }
}

impl Deref for Engine {
    type Target = wasmtime::Engine;

    fn deref(&self) -> &Self::Target {
        &self.runs
    }
}

/// A component was not loaded.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// It would exceed the share of one sandbox.
    Share(ShareError),
    /// It is damaged, not valid, or not for this engine.
    Other(wasmtime::Error),
}

impl Engine {
    /// Loads a component, unless a sandbox of it would exceed its share.
    pub(crate) fn load(
        &self,
        load: impl Fn(&wasmtime::Engine) -> wasmtime::Result<Component>,
    ) -> Result<Component, LoadError> {
        let checked = self.checks.as_ref().map_or(Ok(()), |checks| load(checks).map(drop));
        checked.and_then(|()| load(&self.runs)).map_err(|error| {
            ShareError::of(error, self.share).map_or_else(LoadError::Other, LoadError::Share)
        })
    }
}

/// The engine cannot be started on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine could not be started: {0:#}")]
pub struct EngineError(wasmtime::Error);

/// Starts an engine with room for this many events at a time, under the default limits.
///
/// # Errors
/// When the machine lacks what the engine needs even without a pool.
pub fn start(events: u32) -> Result<(Engine, Allocation), EngineError> {
    start_for(events, Share::default())
}

/// Starts the engine that runs handlers, with room for this many events at a time and sandboxes of at most
/// this size.
///
/// # Errors
/// When the machine lacks what the engine needs even without a pool.
pub fn start_for(events: u32, share: Share) -> Result<(Engine, Allocation), EngineError> {
    start_with(Pool::of(events, 1, share))
}

/// Starts an engine with this pool, or without one if there is no room for it.
///
/// # Errors
/// When the machine lacks what the engine needs even without a pool.
pub fn start_with(pool: Pool) -> Result<(Engine, Allocation), EngineError> {
    // Creating the pool is the test: it reserves the address space, of which there may be too little.
    match start_pooled(pool) {
        Ok(engine) => Ok((engine, Allocation::Pooled)),
        Err(_) => Ok((start_on_demand(pool.share)?, Allocation::OnDemand)),
    }
}

/// Starts an engine with this allocation.
///
/// # Errors
/// When the machine lacks what that needs.
pub fn start_pooled(pool: Pool) -> Result<Engine, EngineError> {
    Ok(Engine { runs: with_pool(pool.config())?, share: pool.share, checks: None })
}

/// Starts an engine that allocates on demand.
///
/// # Errors
/// When the machine lacks what that needs.
pub fn start_on_demand(share: Share) -> Result<Engine, EngineError> {
    let runs = wasmtime::Engine::new(&run_config()).map_err(EngineError)?;
    let mut pool = Pool { share, ..Pool::default() }.config();
    pool.total_memories(0);
    // Nothing runs there: the share of one sandbox is enough to check a component.
    pool.total_tables(TABLES);
    Ok(Engine { runs, share, checks: Some(with_pool(pool)?) })
}

fn with_pool(pool: PoolingAllocationConfig) -> Result<wasmtime::Engine, EngineError> {
    let mut config = run_config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    wasmtime::Engine::new(&config).map_err(EngineError)
}

/// Whether the kernel can report the written pages of a memory, for pools that are [`Pool::written_only`].
pub fn has_page_scan() -> bool {
    PoolingAllocationConfig::is_pagemap_scan_available()
}

/// Settings of a running engine that do not affect compiled code.
fn run_config() -> Config {
    let mut config = settings::base();
    config.max_wasm_stack(WASM_STACK).async_stack_size(WASM_STACK + HOST_STACK);
    config
}

impl Pool {
    /// The shipped setting for so many events at a time, of so many components.
    pub fn of(events: u32, components: usize, share: Share) -> Self {
        let memory_kept = match (events, components) {
            (0 | 1, 0 | 1) => MEMORY_KEPT,
            (0 | 1, _) => MEMORY_KEPT_OF_SEVERAL_COMPONENTS,
            _ => MEMORY_KEPT_OF_SEVERAL_EVENTS,
        };
        Self { events, share, memory_kept, written_only: false }
    }

    /// Every sandbox has the room of a full share, so that no tenant takes room from another.
    fn config(self) -> PoolingAllocationConfig {
        let sandboxes = self.events * SANDBOXES;
        let instances = self.share.instances();
        let mut config = PoolingAllocationConfig::new();
        config
            .total_component_instances(sandboxes)
            .total_core_instances(sandboxes.saturating_mul(instances))
            .total_memories(sandboxes * MEMORIES)
            .total_tables(sandboxes * TABLES)
            .total_stacks(sandboxes)
            .max_core_instances_per_component(instances)
            .max_memories_per_component(MEMORIES)
            .max_tables_per_component(TABLES)
            .max_component_instance_size(self.share.state())
            .max_memories_per_module(MEMORIES)
            .max_tables_per_module(TABLES)
            // Address space only, until it is used.
            .table_elements(self.share.table_entries())
            .linear_memory_keep_resident(self.memory_kept)
            // Otherwise the pool would use each of its places once before it uses one again, and keep memory of all.
            .max_unused_warm_slots(sandboxes)
            .table_keep_resident(TABLE_KEPT)
            .pagemap_scan(if self.written_only { Enabled::Yes } else { Enabled::No });
        config
    }
}

/// Compiles a component to native code for `target`: the content of a `.cwasm`.
///
/// # Errors
/// If the bytes are not a valid component, or use a disabled feature, or there is no
/// [compiler](Target::has_compiler) for the processor.
#[cfg(feature = "compiler")]
pub fn precompile(wasm: &[u8], target: Target) -> Result<Vec<u8>, wasmtime::Error> {
    wasmtime::Engine::new(&settings::for_target(target)?)?.precompile_component(wasm)
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

    #[test]
    fn the_more_memories_are_kept_the_less_is_kept_of_each() {
        let kept = |events, components| Pool::of(events, components, Share::default()).memory_kept;
        assert_eq!(Pool::default().memory_kept, kept(1, 1));
        assert!(kept(1, 1) > kept(1, 2) && kept(1, 2) > kept(2, 1));
        assert_eq!(kept(2, 1), kept(1000, 200));
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
