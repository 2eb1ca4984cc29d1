//! The engine: one per process, with room for as many sandboxes as the function handles at once.
//!
//! What decides whether compiled code fits an engine lives in [`settings`], what one sandbox may take of the pool in
//! [`share`]; how much room there is and how it is allocated lives here.
//!
//! May use: text, policy.

pub mod artifact;
pub(crate) mod bindings;
pub mod meter;
pub mod pool_usage;
mod settings;
mod share;
pub mod watchdog;

use std::ops::Deref;

use wasmtime::component::Component;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

pub use settings::{BUILD, FINGERPRINT, Target};
use share::{MEMORIES, TABLES};
pub use share::{Share, ShareError};

/// Sandboxes that may live at the same time for each event in flight: the one that handles it, and one that waits.
const SANDBOXES: u32 = 2;
/// [`Pool::memory_kept`] where events come one at a time: a Rust component's stack, data and first allocations. Resetting
/// costs time, but between events.
const MEMORY_KEPT: usize = 2 * 1024 * 1024;
/// The same where several are handled at a time: what all places of the pool keep together grows with them.
const MEMORY_KEPT_OF_SEVERAL: usize = 256 * 1024;
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
    /// What one sandbox may take.
    pub share: Share,
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
        Self { events: 1, share: Share::default(), memory_kept: MEMORY_KEPT, written_only: false }
    }
}

/// What runs handlers.
#[derive(Clone)]
pub struct Engine {
    runs: wasmtime::Engine,
    share: Share,
    /// Whoever allocates on demand does not look at what a component takes. This one has no memory to give, and looks.
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
    /// It would take more than one sandbox may.
    Share(ShareError),
    /// It is damaged, not valid, or not for this engine.
    Other(wasmtime::Error),
}

impl Engine {
    /// Loads a component in this way, unless a sandbox of it would take more than its share.
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

/// An engine cannot be had on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine could not be started: {0:#}")]
pub struct EngineError(wasmtime::Error);

/// Starts an engine with room for so many events at a time, under the default limits.
///
/// # Errors
/// When the machine lacks what the engine needs even without a pool.
pub fn start(events: u32) -> Result<(Engine, Allocation), EngineError> {
    start_for(events, Share::default())
}

/// Starts the engine that runs handlers, with room for so many events at a time, whose sandboxes take no more than this.
///
/// # Errors
/// When the machine lacks what the engine needs even without a pool.
pub fn start_for(events: u32, share: Share) -> Result<(Engine, Allocation), EngineError> {
    let memory_kept = if events > 1 { MEMORY_KEPT_OF_SEVERAL } else { MEMORY_KEPT };
    let pool = Pool { events, share, memory_kept, ..Pool::default() };
    // Making the pool is the probe: it reserves the address space, which is what may be short.
    match start_pooled(pool) {
        Ok(engine) => Ok((engine, Allocation::Pooled)),
        Err(_) => Ok((start_on_demand(share)?, Allocation::OnDemand)),
    }
}

/// Starts an engine that allocates in this way.
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
    // Nothing runs there: what one sandbox has is enough to hold a component against.
    pool.total_tables(TABLES);
    Ok(Engine { runs, share, checks: Some(with_pool(pool)?) })
}

fn with_pool(pool: PoolingAllocationConfig) -> Result<wasmtime::Engine, EngineError> {
    let mut config = run_config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    wasmtime::Engine::new(&config).map_err(EngineError)
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
