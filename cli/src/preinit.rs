//! `bulkhead compile --preinit`: runs a component's init function, and makes a component that starts with the
//! memory that the function left.
//!
//! [`bulkhead_host::preinit`] runs the init; Wizer takes the component apart and puts it together again.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bulkhead_host::preinit::{InitRunner, Rules, Value, check_has_init};
use bulkhead_host::text::printable::{Shown as _, told};
use bulkhead_host::wasm::Description;
use bytesize::ByteSize;
use clap::Args;
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use crate::number;
use crate::output::tell;

/// The instance that Wizer adds to read a component's state.
const ACCESS: &str = "wasmtime:wizer/access";

/// The interface that an engine of scripts imports, in any version.
pub(crate) const SCRIPT: &str = "bulkhead:lambda/script@";

/// The time limit of an init function, unless an option sets another.
const INIT_TIME: Duration = Duration::from_secs(10);

/// Whether a component is an engine of scripts with an init function. It is always run: without its result, each event would make
/// the interpreter anew.
pub(crate) fn is_always_run(wasm: &[u8]) -> bool {
    let is_engine = |names: Description| names.imports.iter().any(|import| import.starts_with(SCRIPT));
    Description::read(wasm).is_some_and(is_engine) && check_has_init(wasm).is_ok()
}

/// Whether to run the init function, and what it may use.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Options {
    /// Run the component's init function (#[bulkhead::init]) now, and let every sandbox start with the memory
    /// that it leaves
    #[arg(long)]
    preinit: bool,
    /// Give the init function random bytes: the keys of every HashMap are then the same in every sandbox, and
    /// not secret
    #[arg(long, requires = "preinit")]
    allow_random: bool,
    /// Give the init function the time, which is that of the compilation
    #[arg(long, requires = "preinit")]
    allow_clock: bool,
    /// The time limit of the init function
    #[arg(long, requires = "preinit", value_name = "TIME", default_value = "10s", value_parser = number::time("10s or 2min"))]
    init_time: Duration,
}

/// A component whose init function was run.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) wasm: Vec<u8>,
    /// The size of all of its memories.
    memory: usize,
    /// How much larger the file became.
    added: usize,
}

impl Options {
    /// These options for a component whose init function may have to be run in any case.
    pub(crate) fn for_component(&self, wasm: &[u8]) -> Self {
        match self.preinit || !is_always_run(wasm) {
            true => self.clone(),
            false => Self { preinit: true, init_time: INIT_TIME, ..self.clone() },
        }
    }

    /// Runs the component's init function, if that was requested.
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

    /// The options as arguments, for the process that runs the init function.
    pub(crate) fn arguments(&self) -> Vec<String> {
        if !self.preinit {
            return Vec::new();
        }
        let time = humantime::format_duration(self.init_time).to_string().replace(' ', "");
        let flags = [("--allow-random", self.allow_random), ("--allow-clock", self.allow_clock)];
        let flags = flags.iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| (*flag).to_owned());
        ["--preinit".to_owned(), format!("--init-time={time}")].into_iter().chain(flags).collect()
    }

    /// Whether the init function is to be run.
    pub(crate) fn is_asked(&self) -> bool {
        self.preinit
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

/// Explains why Wizer rejects a component. Wizer's texts say what it found; a remedy is added.
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
        "a snapshot holds memories and numbers, but not function tables that change; link without libraries \
         that load code at run time"
    } else if found.contains("`data.drop`") {
        "a snapshot cannot record dropped data segments; link without passive data, as Rust and C do without threads"
    } else if composed.iter().any(|part| found.contains(part)) {
        "a snapshot can be made only of a component that is not composed of others; run its init before you compose it"
    } else {
        "snapshots do not support the structure of this component"
    };
    anyhow!("the component cannot be preinitialised: {found}; {advice}, or compile it without --preinit")
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [memory, added] =
            [self.memory, self.added].map(|bytes| ByteSize::b(u64::try_from(bytes).unwrap_or(u64::MAX)));
        write!(
            f,
            "its init was run: every sandbox starts with {memory} of memory, for which the component grew by \
             {added}"
        )
    }
}

/// Reads the state that an init left, for Wizer.
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
