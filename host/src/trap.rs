//! Tells from the engine's error what a guest did: panic, exit, overflow, ….
//!
//! The engine reports most of it as one and the same trap; what the sandbox saw meanwhile decides.

use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::outcome::Outcome;
use crate::sandbox::Allowance;

/// The functions that only carry a panic out: modules, with `::`, and whole names.
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
/// How often a function stands in a backtrace of the engine's, at least, for its recursion to be called
/// endless. The engine keeps twenty frames.
const ENDLESS: usize = 5;

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
    let recursing = backtrace.is_some_and(is_recursing);
    let stack_trace = backtrace.map(frames).unwrap_or_default();
    let trap = error.downcast_ref::<Trap>();
    match (trap, evidence) {
        (Some(Trap::Interrupt), Evidence { allowance: Some(allowance), .. }) => allowance.timed_out(),
        (Some(Trap::StackOverflow), _) => Outcome::StackOverflow { stack_trace },
        // What a compiler keeps in memory of its functions' locals runs out below address 0.
        (Some(Trap::MemoryOutOfBounds), _) if recursing => Outcome::StackOverflow { stack_trace },
        // A guest that is refused memory gives up in its own way, nearly always with `unreachable`.
        (Some(Trap::UnreachableCodeReached) | None, Evidence { out_of_memory: Some(limit), panic, .. })
            if panic.as_deref().is_none_or(is_about_memory) =>
        {
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

/// Whether a panic of a guest that was refused memory comes from that. It may have coped, and panicked later
/// for a reason of its own.
fn is_about_memory(panic: &str) -> bool {
    let panic = panic.to_ascii_lowercase();
    ["alloc", "memory", "capacity overflow"].iter().any(|word| panic.contains(word))
}

fn is_recursing(backtrace: &WasmBacktrace) -> bool {
    let frames = backtrace.frames();
    frames
        .iter()
        .any(|one| frames.iter().filter(|other| other.func_index() == one.func_index()).count() >= ENDLESS)
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
    let mut names: Vec<String> = backtrace
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
    names.split_off(skipped)
}

fn is_panicking(name: &str) -> bool {
    // C's `abort` has no module.
    name == "abort"
        || PANICKING.iter().any(|one| if one.ends_with("::") { name.starts_with(one) } else { name == *one })
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
        assert!(is_panicking("__rustc::rust_begin_unwind"));
        assert!(is_panicking("abort"));
        for own in ["hello::handle", "abort::give_up", "abort_job", "rust_handler::run", "std_like::f"] {
            assert!(!is_panicking(own), "{own}");
        }
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
        assert!(of(Trap::MemoryOutOfBounds, Evidence::default()).starts_with("Trapped"));
    }

    #[test]
    fn a_refusal_of_memory_explains_only_what_it_explains() {
        let of = |panic: Option<&str>| {
            let panic = panic.map(|said| format!("thread 'main' panicked at a:1:1:\n{said}"));
            let evidence = Evidence { panic, out_of_memory: Some(1), ..Evidence::default() };
            matches!(outcome(&Trap::UnreachableCodeReached.into(), evidence), Outcome::OutOfMemory { .. })
        };
        assert!(of(None));
        assert!(of(Some(
            "called `Result::unwrap()` on an `Err` value: TryReserveError { kind: AllocError }"
        )));
        assert!(!of(Some("index out of bounds")), "it coped, and made another mistake later");
    }

    #[test]
    fn an_exit_is_no_trap() {
        let outcome = outcome(&I32Exit(3).into(), Evidence::default());
        assert!(matches!(outcome, Outcome::Exited { code: 3 }));
    }
}
