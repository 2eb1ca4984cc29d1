//! Determines from the engine's error what a guest did: panic, exit, overflow, ….
//!
//! The engine reports most of these as one kind of trap; the sandbox's own observations decide.

use std::fmt::Write;

use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::FieldMapError;

use crate::capabilities::limits::Exceeded;
use crate::capabilities::outbound::MAX_HEADERS;
use crate::policy::{Limit, Limits};
use crate::sandbox::outcome::{LARGER_STACK, Outcome, Stack};
use crate::sandbox::time_budget::TimeBudget;
use crate::text::bounded::{self, Sink, cut};

/// The functions that only pass a panic on: modules, with `::`, and whole names.
const PANICKING: &[&str] = &[
    "__rustc::",
    "alloc::alloc::handle_alloc_error",
    "core::option::expect_failed",
    "core::option::unwrap_failed",
    "core::panicking::",
    "core::result::unwrap_failed",
    "std::alloc::",
    "std::panicking::",
    "std::process::abort",
    "std::rt::",
    "std::sys::",
];
/// The number of occurrences of a function in a backtrace of the engine from which on its recursion counts as
/// infinite. The engine keeps twenty frames.
const ENDLESS: usize = 5;
/// An access to an address so close to the end of the address space, or beyond it, is an overflow of the stack
/// in the guest's memory. Such a stack begins at address 0 and grows downwards (`--stack-first`, as rustc
/// links it), so the pointer of a stack that is full wraps around to the end of the address space. A memory is
/// never that large, so the access traps.
///
/// A null pointer from which a little is subtracted, and -1 used as a pointer, look the same, and are reported
/// as an overflow. Both need `unsafe` code, or another language than Rust. A frame of more than this size can
/// overflow further away, and a stack that lies behind data overwrites the data: neither is recognised.
const BELOW_ZERO: u64 = 1024 * 1024;
/// The longest name of a function that is demangled, in bytes. Longer ones stay unchanged: a name may refer
/// to its own parts, repeatedly.
const MAX_MANGLED: usize = 512;
/// The part of one name that is kept.
const MAX_NAME: usize = 1024;
/// The total length of the demangled names of a backtrace. Producing one byte of a name can cost several
/// hundred times as much as it seems.
const MAX_NAMES: usize = 8 * 1024;
/// The longest text of an error of the engine, which can contain names of the component's.
const MAX_TEXT: usize = 4 * 1024;
/// The longest text of a refused access. Other texts in the same place are backtraces, which are not needed.
const MAX_FAULT: usize = 128;

/// The sandbox's observations about a guest that did not return.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The message that the guest printed when it panicked.
    pub panic: Option<String>,
    /// The denied growth of the guest: memory or table entries.
    pub refused: Option<Limit>,
    /// Whether it was interrupted because its processor time was used up.
    pub out_of_cpu_time: bool,
    /// Its time limit.
    pub budget: TimeBudget,
    /// The limits that it had.
    pub limits: &'a Limits,
}

/// The outcome of a guest whose call ended in `error`.
pub fn outcome(error: &wasmtime::Error, evidence: Evidence<'_>) -> Outcome {
    let Evidence { panic, refused, out_of_cpu_time, budget, limits } = evidence;
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Outcome::Exited { code: *code };
    }
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    if let Some(Exceeded { limit, allowed }) = exceeded(error, limits) {
        // No guest is on the stack while its response is copied out; at that point only the response can be
        // too large.
        return match (limit, backtrace) {
            (Limit::Hostcall, None) => {
                Outcome::ResponseTooLarge { size: None, limit: limits.response.min(limits.hostcall) }
            }
            // The response of a command or a service, which is written piece by piece.
            (Limit::Response, _) => Outcome::ResponseTooLarge { size: None, limit: limits.response },
            _ => Outcome::LimitExceeded { limit, allowed },
        };
    }
    if let Some(FieldMapError::TotalSizeTooBig | FieldMapError::TooManyFields) = error.downcast_ref() {
        return Outcome::HeadersTooLarge { limit: MAX_HEADERS };
    }
    let recursing = backtrace.is_some_and(is_recursing);
    let address = fault_address(error);
    let stack_trace = backtrace.map(frames).unwrap_or_default();
    match (error.downcast_ref::<Trap>(), refused, panic) {
        (Some(Trap::Interrupt), ..) if out_of_cpu_time => {
            Outcome::CpuLimitExceeded { limit: limits.cpu_time }
        }
        (Some(Trap::Interrupt), ..) => budget.timed_out(),
        (Some(Trap::StackOverflow), ..) => Outcome::StackOverflow { stack: Stack::Engine, stack_trace },
        (Some(Trap::MemoryOutOfBounds), ..) if recursing || is_below_zero(address) => {
            Outcome::StackOverflow { stack: Stack::Memory, stack_trace }
        }
        // An instruction that fills or copies memory. It also clears a large local variable, for which there
        // may be no room on the stack.
        (Some(trap @ Trap::MemoryOutOfBounds), ..) if address.is_none() && backtrace.is_some() => {
            Outcome::Trapped { message: format!("{trap}; {LARGER_STACK}"), stack_trace }
        }
        // A guest that is denied memory fails in its own way, nearly always with `unreachable`.
        (Some(Trap::UnreachableCodeReached) | None, Some(refused), panic)
            if panic.as_deref().is_none_or(is_about_memory) =>
        {
            refusal(refused, limits)
        }
        (Some(Trap::UnreachableCodeReached), _, Some(text)) => {
            Outcome::Panicked { message: panic_message(&text), stack_trace }
        }
        (Some(trap), ..) => Outcome::Trapped { message: trap.to_string(), stack_trace },
        (None, ..) => Outcome::Trapped { message: root_text(error), stack_trace },
    }
}

/// The outcome of a guest that failed after it was denied memory or table entries.
pub(crate) fn refusal(refused: Limit, limits: &Limits) -> Outcome {
    if refused == Limit::TableEntries {
        let allowed = count(limits.table_entries);
        return Outcome::LimitExceeded { limit: Limit::TableEntries, allowed };
    }
    Outcome::OutOfMemory { limit: limits.memory }
}

/// The limit for which the engine, or a host function, ended the guest. The engine's own errors for this are
/// private; tests check their texts.
fn exceeded(error: &wasmtime::Error, limits: &Limits) -> Option<Exceeded> {
    if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
        return Some(*exceeded);
    }
    let text = root_text(error);
    let (limit, allowed) = if text.contains("fuel allocated for hostcalls has been exhausted") {
        (Limit::Hostcall, limits.hostcall)
    } else if matches!(error.downcast_ref(), Some(ResourceTableError::Full))
        || text.contains("store handle limit exceeded")
    {
        (Limit::Handles, limits.handles)
    } else if text.contains("resource limit exceeded: instance count") {
        (Limit::Instances, limits.instances)
    } else {
        return None;
    };
    Some(Exceeded { limit, allowed: count(allowed) })
}

/// The first message of the engine, or of a host function.
pub(crate) fn root_text(error: &wasmtime::Error) -> String {
    bounded::text(error.root_cause(), MAX_TEXT)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Whether a panic of a guest that was denied memory is a result of that. It may have coped, and panicked
/// later for another reason.
fn is_about_memory(panic: &str) -> bool {
    let panic = panic.to_ascii_lowercase();
    ["alloc", "memory", "capacity overflow"].iter().any(|word| panic.contains(word))
}

/// The address of an access that the processor refused. The engine's own error for this is private; a test
/// checks its text. `None` if the engine has compared the address itself.
fn fault_address(error: &wasmtime::Error) -> Option<u64> {
    error.chain().find_map(|error| {
        let text = bounded::text(error, MAX_FAULT);
        let (address, _) = text.strip_prefix("memory fault at wasm address 0x")?.split_once(' ')?;
        u64::from_str_radix(address, 16).ok()
    })
}

fn is_below_zero(address: Option<u64>) -> bool {
    const END: u64 = 1 << 32;
    address.is_some_and(|address| address >= END - BELOW_ZERO)
}

fn is_recursing(backtrace: &WasmBacktrace) -> bool {
    let frames = backtrace.frames();
    frames
        .iter()
        .any(|one| frames.iter().filter(|other| other.func_index() == one.func_index()).count() >= ENDLESS)
}

/// `panicked at FILE:LINE:COLUMN: message`, from Rust's output of several lines.
fn panic_message(text: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let place = first.split_once(" panicked at ").map_or(first, |(_, place)| place);
    let said: Vec<&str> =
        rest.lines().take_while(|line| !line.starts_with("note: run with `RUST_BACKTRACE")).collect();
    format!("panicked at {} {}", place, said.join("\n").trim_end())
}

/// The guest's functions, innermost first, without the functions of a panic.
pub(crate) fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let mut names = Names::default();
    let mut names: Vec<String> = backtrace
        .frames()
        .iter()
        .map(|frame| match frame.func_name() {
            Some(name) => names.readable(name),
            None => format!("function {}", frame.func_index()),
        })
        .collect();
    let skipped = names.iter().take_while(|name| is_panicking(name)).count();
    // Unless nothing would be left: then all of them are more useful than none.
    let skipped = if skipped == names.len() { 0 } else { skipped };
    names.split_off(skipped)
}

/// Demangles the names of one backtrace, up to a total length.
struct Names {
    room: usize,
}

impl Default for Names {
    fn default() -> Self {
        Self { room: MAX_NAMES }
    }
}

impl Names {
    /// A name as its author wrote it; unchanged if demangling would take too much.
    fn readable(&mut self, mangled: &str) -> String {
        if mangled.len() <= MAX_MANGLED && self.room > 0 {
            let mut sink = Sink::new(MAX_NAME.min(self.room));
            let done = write!(sink, "{:#}", rustc_demangle::demangle(mangled));
            let name = sink.into_text();
            self.room -= name.len();
            if done.is_ok() {
                return name;
            }
            // Another attempt would take as much.
            self.room /= 2;
        }
        cut(mangled, MAX_NAME).to_owned()
    }
}

fn is_panicking(name: &str) -> bool {
    // C's `abort` is in no module.
    name == "abort"
        || PANICKING.iter().any(|one| if one.ends_with("::") { name.starts_with(one) } else { name == *one })
}

#[cfg(test)]
mod tests;
