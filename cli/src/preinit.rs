//! `bulkhead compile --preinit`: runs a component's init function, and makes a component of what it leaves in memory.
//!
//! The init is run by [`bulkhead_host::preinit`]; taking components apart and putting them together again is Wizer's
//! part.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bulkhead_host::preinit::{InitRunner, Rules, Value, check_has_init};
use bulkhead_host::text::printable::{Shown as _, told};
use bytesize::ByteSize;
use clap::Args;
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use crate::output::tell;

/// The instance that Wizer adds to read a component's state through.
const ACCESS: &str = "wasmtime:wizer/access";

/// Whether the init is to be run, and what it may have.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Ahead {
    /// Run the component's init function (#[bulkhead::init]) now, and let every sandbox start with what it left in memory
    #[arg(long)]
    preinit: bool,
    /// Let it have random bytes: the keys of every HashMap are then the same in every sandbox, and no secret
    #[arg(long, requires = "preinit")]
    allow_random: bool,
    /// Let it know the time, which is that of the compilation
    #[arg(long, requires = "preinit")]
    allow_clock: bool,
    /// How long it may take
    #[arg(long, requires = "preinit", value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    init_time: Duration,
}

/// A component whose init has been run.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) wasm: Vec<u8>,
    /// All of its memories.
    memory: usize,
    /// How much larger the file is for it.
    added: usize,
}

impl Ahead {
    /// The component with its init done, if that is wanted.
    pub(crate) fn run(&self, wasm: &[u8], input: &Path) -> anyhow::Result<Option<Ready>> {
        if !self.preinit {
            return Ok(None);
        }
        let about = || input.shown();
        check_has_init(wasm).with_context(about)?;
        let runner = InitRunner::new(self.rules());
        let ready = ready(wasm, &runner);
        runner.printed().iter().for_each(|line| tell(&format!("init: {line}")));
        ready.with_context(about).map(Some)
    }

    fn rules(&self) -> Rules {
        Rules { time: self.init_time, random: self.allow_random, clock: self.allow_clock }
    }
}

fn ready(wasm: &[u8], runner: &InitRunner) -> anyhow::Result<Ready> {
    let wizer = Wizer::new();
    let (context, readable) = wizer.instrument_component(wasm).map_err(unsupported)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let left = runner.run(&readable, ACCESS).await?;
        let memory = left.values().map(size).sum();
        let wasm_after = wizer.snapshot_component(&context, &mut Left(left)).await.map_err(unsupported)?;
        Ok(Ready { added: wasm_after.len().saturating_sub(wasm.len()), wasm: wasm_after, memory })
    })
}

fn size(value: &Value) -> usize {
    match value {
        Value::Memory(bytes) => bytes.len(),
        Value::I32(_) | Value::I64(_) | Value::F32(_) | Value::F64(_) => 0,
    }
}

/// What a snapshot cannot hold. Wizer's texts say what it found; what to do is added.
fn unsupported(found: impl fmt::Display) -> anyhow::Error {
    let found = told(&found);
    let composed = [
        "nested component",
        "at most once",
        "module alias",
        "component alias",
        "module import",
        "component import",
    ];
    let advice = if found.contains("`table.")
        || found.contains("`elem.drop`")
        || found.contains("reference type")
    {
        "a snapshot holds memories and numbers, not tables of functions that change; link without what loads code at run \
         time"
    } else if found.contains("`data.drop`") {
        "a snapshot cannot tell which data was dropped; link without passive data, as Rust and C do without threads"
    } else if composed.iter().any(|part| found.contains(part)) {
        "a snapshot is made of one component that no others were composed into; run its init before it is composed"
    } else {
        "it is of a form that no snapshot can be made of"
    };
    anyhow!("it cannot be preinitialised: {found}; {advice}, or compile it without --preinit")
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [memory, added] =
            [self.memory, self.added].map(|bytes| ByteSize::b(u64::try_from(bytes).unwrap_or(u64::MAX)));
        write!(
            f,
            "its init was run: every sandbox starts with {memory} of memory, for which the component grew by {added}"
        )
    }
}

/// The state that an init left, as Wizer asks for it.
struct Left(BTreeMap<String, Value>);

impl ComponentInstanceState for Left {
    async fn call_func_ret_list_u8(&mut self, _: &str, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        contents(if let Some(Value::Memory(bytes)) = self.0.get(name) { bytes } else { &[] });
    }

    async fn call_func_ret_s32(&mut self, _: &str, name: &str) -> i32 {
        if let Some(Value::I32(number)) = self.0.get(name) { *number } else { 0 }
    }

    async fn call_func_ret_s64(&mut self, _: &str, name: &str) -> i64 {
        if let Some(Value::I64(number)) = self.0.get(name) { *number } else { 0 }
    }

    async fn call_func_ret_f32(&mut self, _: &str, name: &str) -> u32 {
        if let Some(Value::F32(bits)) = self.0.get(name) { *bits } else { 0 }
    }

    async fn call_func_ret_f64(&mut self, _: &str, name: &str) -> u64 {
        if let Some(Value::F64(bits)) = self.0.get(name) { *bits } else { 0 }
    }
}

#[cfg(test)]
mod tests;
