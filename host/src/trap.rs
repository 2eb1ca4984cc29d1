//! Tells from the engine's error what a guest did: panic, exit, overflow, ….
//!
//! The engine reports most of it as one and the same trap; what the sandbox saw meanwhile decides.

use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::outcome::Outcome;
use crate::sandbox::Allowance;

/// The most frames that are reported.
const MAX_FRAMES: usize = 32;
/// Functions that only carry a panic out, by the start of their names.
const PANICKING: &[&str] = &[
    "__rust",
    "_rust",
    "rust_",
    "abort",
    "alloc::alloc::handle_alloc_error",
    "core::panicking::",
    "core::option::expect_failed",
    "core::option::unwrap_failed",
    "core::result::unwrap_failed",
    "std::alloc::",
    "std::panicking::",
    "std::process::abort",
    "std::rt::",
    "std::sys::",
];

/// What the sandbox saw of a guest that did not return.
#[derive(Debug, Default)]
pub struct Evidence {
    /// What the guest printed when it panicked.
    pub panic: Option<String>,
    /// The memory limit, if the guest was refused more.
    pub out_of_memory: Option<usize>,
    /// The time that it had.
    pub allowance: Option<Allowance>,
    /// The largest response that may be sent.
    pub response_limit: usize,
}

/// What became of a guest whose call ended in `error`.
pub fn outcome(error: &wasmtime::Error, evidence: Evidence) -> Outcome {
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Outcome::Exited { code: *code };
    }
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    let stack_trace = backtrace.map(frames).unwrap_or_default();
    let trap = error.downcast_ref::<Trap>();
    match (trap, evidence) {
        (Some(Trap::Interrupt), Evidence { allowance: Some(allowance), .. }) => allowance.timed_out(),
        (Some(Trap::StackOverflow), _) => Outcome::StackOverflow { stack_trace },
        // A guest that is refused memory gives up in its own way, nearly always with `unreachable`.
        (Some(Trap::UnreachableCodeReached) | None, Evidence { out_of_memory: Some(limit), .. }) => {
            Outcome::OutOfMemory { limit }
        }
        (Some(Trap::UnreachableCodeReached), Evidence { panic: Some(text), .. }) => {
            Outcome::Panicked { message: panic_message(&text), stack_trace }
        }
        (Some(trap), _) => Outcome::Trapped { message: trap.to_string(), stack_trace },
        // No guest is on the stack while its response is copied out; only that can be too much then.
        (None, Evidence { response_limit, .. }) if backtrace.is_none() && is_copying_too_much(error) => {
            Outcome::ResponseTooLarge { size: None, limit: response_limit }
        }
        (None, _) => Outcome::Trapped { message: error.root_cause().to_string(), stack_trace },
    }
}

/// The engine's error for it is private; its text is pinned by a test.
fn is_copying_too_much(error: &wasmtime::Error) -> bool {
    error.root_cause().to_string().contains("fuel allocated for hostcalls has been exhausted")
}

/// `panicked at FILE:LINE:COLUMN: what`, out of what Rust prints over several lines.
fn panic_message(text: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let place = first.split_once(" panicked at ").map_or(first, |(_, place)| place);
    let said: Vec<&str> =
        rest.lines().take_while(|line| !line.starts_with("note: run with `RUST_BACKTRACE")).collect();
    format!("panicked at {} {}", place, said.join("\n").trim_end())
}

/// The guest's functions, innermost first, without the machinery of a panic.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let names: Vec<String> = backtrace
        .frames()
        .iter()
        .map(|frame| match frame.func_name() {
            Some(name) => format!("{:#}", rustc_demangle::demangle(name)),
            None => format!("function {}", frame.func_index()),
        })
        .collect();
    let skipped = names.iter().take_while(|name| is_panicking(name)).count();
    // Unless nothing would be left: then all of it says more than nothing.
    let skipped = if skipped == names.len() { 0 } else { skipped };
    names.into_iter().skip(skipped).take(MAX_FRAMES).collect()
}

fn is_panicking(name: &str) -> bool {
    PANICKING.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_one_message_with_its_place() {
        let text = "thread 'main' (1) panicked at src/lib.rs:3:5:\nboom\ntwice\nnote: run with `RUST_BACKTRACE=1` \
                    environment variable";
        assert_eq!(panic_message(text), "panicked at src/lib.rs:3:5: boom\ntwice");
        assert_eq!(panic_message("thread 'main' panicked at a.rs:1:1:"), "panicked at a.rs:1:1: ");
    }

    #[test]
    fn the_machinery_of_a_panic_is_known() {
        assert!(is_panicking("core::panicking::panic_fmt"));
        assert!(is_panicking("rust_begin_unwind"));
        assert!(!is_panicking("hello::handle"));
    }

    #[test]
    fn traps_are_told_apart() {
        let of = |trap: Trap, evidence| format!("{:?}", outcome(&trap.into(), evidence));
        let panic = || Evidence {
            panic: Some("thread 'main' panicked at a:1:1:\nx".to_owned()),
            ..Evidence::default()
        };
        assert!(of(Trap::StackOverflow, panic()).starts_with("StackOverflow"));
        assert!(of(Trap::UnreachableCodeReached, panic()).starts_with("Panicked"));
        assert!(of(Trap::UnreachableCodeReached, Evidence::default()).starts_with("Trapped"));
        assert!(of(Trap::IntegerDivisionByZero, panic()).starts_with("Trapped"));
        let memory = Evidence { out_of_memory: Some(1), ..panic() };
        assert!(of(Trap::UnreachableCodeReached, memory).starts_with("OutOfMemory"));
    }

    #[test]
    fn an_exit_is_no_trap() {
        let outcome = outcome(&I32Exit(3).into(), Evidence::default());
        assert!(matches!(outcome, Outcome::Exited { code: 3 }));
    }
}
