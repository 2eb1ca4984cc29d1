//! The reasons why an init cannot be used. A guest's failure is reported as for an event.

use std::time::Duration;

use wasmtime::WasmBacktrace;

use super::{INITIALIZER, Refused};
use crate::capabilities::outbound::OutboundError;
use crate::engine::EngineError;
use crate::engine::bindings::bulkhead::lambda::types::Failure;
use crate::policy::{Limit, Limits};
use crate::runtime_api::invocation::Deadline;
use crate::sandbox::outcome::Outcome;
use crate::sandbox::time_budget::TimeBudget;
use crate::sandbox::trap;
use crate::text::printable::{line, name, told};

/// The useful part of a stack trace.
const MOST_FRAMES: usize = 12;

/// An init that cannot be used. The texts follow the name of the file.
#[derive(Debug, thiserror::Error)]
pub enum PreinitError {
    /// There is none.
    #[error(
        "it has no init function to run; in a handler written with the SDK, that is a function with \
         #[bulkhead::init]. Add one, or compile without --preinit"
    )]
    NoInit,
    /// There is one of another version.
    #[error(
        "it exports {}, but this version needs {INITIALIZER}; use matching versions of both",
        name(found)
    )]
    OtherVersion {
        /// The export.
        found: String,
    },
    /// The compiler rejects the component.
    #[error("not a valid component: {}", told(.0))]
    Invalid(#[source] wasmtime::Error),
    /// It asked for something that would be equal in every sandbox.
    #[error("its init cannot be run at compile time: {refused}{}", at(.stack_trace))]
    Refused {
        /// The denied request.
        refused: Refused,
        /// The stack, innermost first.
        stack_trace: Vec<String>,
    },
    /// It read the environment.
    #[error(
        "its init read the environment, which is empty at compile time; sandboxes would not read it again, \
         so they would not see variables that are granted later. Read the environment in the handler"
    )]
    Environment,
    /// It printed, and most languages keep the stream open after that.
    #[error(
        "its init printed text, and the stream that it used stays open, but does not exist in later \
         sandboxes. Do not print in an init; return an error, or print in the handler"
    )]
    Printed,
    /// It left a resource open that exists only in this sandbox.
    #[error(
        "its init left a resource of the host open, such as a stream or a pollable, which does not exist in \
         later sandboxes. Close everything that the init opens"
    )]
    Resources,
    /// It returned an error.
    #[error("its init failed: {}: {}{}", name(error_type), line(message), at(.stack_trace))]
    Failed {
        /// The type that its author chose.
        error_type: String,
        /// The message.
        message: String,
        /// The stack.
        stack_trace: Vec<String>,
    },
    /// It did not return in time.
    #[error("its init was stopped after {}; if it needs longer, pass a longer --init-time", humantime::format_duration(*.0))]
    TimedOut(Duration),
    /// It wanted more memory than a sandbox has.
    #[error("its init needed more than the {} MiB of memory that a sandbox has by default; do less work in the init", .0 >> 20)]
    OutOfMemory(usize),
    /// It ended in another way.
    #[error("its init did not return: {}{}", line(message), at(.stack_trace))]
    Ended {
        /// The cause.
        message: String,
        /// The stack, innermost first.
        stack_trace: Vec<String>,
    },
    /// Its memory cannot be read.
    #[error(
        "the memory that its init left cannot be read: {}; a memory may have its maximum size already",
        told(.0)
    )]
    Unreadable(#[source] wasmtime::Error),
    /// The functions that read the memory are missing.
    #[error("the memory that its init left cannot be read, which is a bug of Bulkhead")]
    NoAccess,
    /// The engine cannot be started.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// There is no thread for the watchdog.
    #[error("no thread can be started to limit the time of the init: {0}")]
    Thread(#[source] std::io::Error),
    /// Definitions clash, which is a bug.
    #[error("the sandbox of the init cannot be made: {}", told(.0))]
    Linker(#[source] wasmtime::Error),
    /// The client for requests cannot be made.
    #[error("the sandbox of the init cannot be made: {0}")]
    Clients(#[from] OutboundError),
}

/// Lines below a message.
fn at(stack_trace: &[String]) -> String {
    stack_trace.iter().take(MOST_FRAMES).map(|frame| format!("\n  at {}", name(frame))).collect()
}

/// How an init ended without returning.
pub(super) enum Ended {
    /// It trapped, or exited.
    Itself(wasmtime::Error),
    /// It was waiting when its time was over.
    Waiting,
}

/// The observations about it.
pub(super) struct Evidence {
    pub(super) panic: Option<String>,
    pub(super) refused: Option<Limit>,
    pub(super) time: Duration,
}

/// The reason why it did not return.
pub(super) fn ended(ended: Ended, Evidence { panic, refused, time }: Evidence) -> PreinitError {
    let Ended::Itself(error) = ended else { return PreinitError::TimedOut(time) };
    if let Some(refused) = error.downcast_ref::<Refused>() {
        let frames = error.downcast_ref::<WasmBacktrace>().map(trap::frames).unwrap_or_default();
        // A function that only calls the host has no name.
        let stack_trace = frames.into_iter().skip_while(|frame| frame.starts_with("function ")).collect();
        return PreinitError::Refused { refused: *refused, stack_trace };
    }
    let limits = Limits::default();
    let budget = TimeBudget::new(time, Deadline::Unknown { reason: "there is no event" }, 1);
    let evidence = trap::Evidence { panic, refused, out_of_cpu_time: false, budget, limits: &limits };
    let outcome = trap::outcome(&error, evidence);
    if let Outcome::TimedOut { .. } = outcome {
        return PreinitError::TimedOut(time);
    }
    if let Outcome::OutOfMemory { limit } = outcome {
        return PreinitError::OutOfMemory(limit);
    }
    match outcome.into_answer() {
        Err(report) => PreinitError::Ended {
            message: report.message().to_owned(),
            stack_trace: report.stack_trace().to_vec(),
        },
        Ok(_) => PreinitError::Ended { message: trap::root_text(&error), stack_trace: Vec::new() },
    }
}

/// The value that it returned instead of nothing.
pub(super) fn failed(failure: Failure) -> PreinitError {
    let Failure { error_type, error_message, stack_trace } = failure;
    PreinitError::Failed { error_type, message: error_message, stack_trace }
}
