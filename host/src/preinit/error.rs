//! Why an init was for nothing. What a guest did is told as it would be for an event.

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

/// What a stack trace is worth reading of.
const MOST_FRAMES: usize = 12;

/// An init that cannot be kept. The texts go on after the name of the file.
#[derive(Debug, thiserror::Error)]
pub enum PreinitError {
    /// There is none.
    #[error(
        "it has no init function to run ahead; a handler written with the SDK has #[bulkhead::init] on one. Compile it \
         without --preinit, or add one"
    )]
    NoInit,
    /// There is one of another version.
    #[error("it exports {}, and this is for {INITIALIZER}; use matching versions of both", name(found))]
    OtherVersion {
        /// What it exports.
        found: String,
    },
    /// The compiler refuses the component.
    #[error("not a valid component: {}", told(.0))]
    Invalid(#[source] wasmtime::Error),
    /// It asked for something that would be the same in every sandbox.
    #[error("its init cannot be run ahead: {refused}{}", at(.stack_trace))]
    Refused {
        /// What it asked for.
        refused: Refused,
        /// Where, innermost first.
        stack_trace: Vec<String>,
    },
    /// It read the environment.
    #[error(
        "its init read the environment, which is empty while it runs, and no sandbox would look again: variables that are \
         granted later would not be seen. Read it in the handler"
    )]
    Environment,
    /// It printed, and what languages print through stays open.
    #[error(
        "its init printed, and what it printed through stays open, which no sandbox would have. Do not print in an init; \
         return an error, or print in the handler"
    )]
    Printed,
    /// It left something open that only this sandbox has.
    #[error(
        "its init left something of the host's open, such as a stream or a pollable, which no sandbox would have. Close \
         what it opens"
    )]
    Resources,
    /// It returned an error.
    #[error("its init failed: {}: {}{}", name(error_type), line(message), at(.stack_trace))]
    Failed {
        /// As its author named it.
        error_type: String,
        /// What happened.
        message: String,
        /// Where.
        stack_trace: Vec<String>,
    },
    /// It did not return in time.
    #[error("its init was stopped after {}; if it needs longer, pass a longer --init-time", humantime::format_duration(*.0))]
    TimedOut(Duration),
    /// It wanted more memory than a sandbox has.
    #[error("its init wanted more than the {} MiB of memory that a sandbox has by default; build less ahead", .0 >> 20)]
    OutOfMemory(usize),
    /// It ended in another way.
    #[error("its init did not return: {}{}", line(message), at(.stack_trace))]
    Ended {
        /// What it did.
        message: String,
        /// Where, innermost first.
        stack_trace: Vec<String>,
    },
    /// What it left cannot be read.
    #[error(
        "what its init left in memory cannot be read: {}; does a memory have its maximum size already?",
        told(.0)
    )]
    Unreadable(#[source] wasmtime::Error),
    /// The functions to read with are missing.
    #[error("what its init left in memory cannot be read, which is a bug of Bulkhead")]
    NoAccess,
    /// The engine cannot be had.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// There is no thread for the watchdog.
    #[error("the system has no thread to watch over the init: {0}")]
    Thread(#[source] std::io::Error),
    /// Definitions clash, which is a bug.
    #[error("the sandbox of the init cannot be made: {}", told(.0))]
    Linker(#[source] wasmtime::Error),
    /// The same, of what would send requests.
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
    /// It waited for something when its time was over.
    Waiting,
}

/// What was seen of it.
pub(super) struct Evidence {
    pub(super) panic: Option<String>,
    pub(super) refused: Option<Limit>,
    pub(super) time: Duration,
}

/// Why it did not return.
pub(super) fn ended(ended: Ended, Evidence { panic, refused, time }: Evidence) -> PreinitError {
    let Ended::Itself(error) = ended else { return PreinitError::TimedOut(time) };
    if let Some(refused) = error.downcast_ref::<Refused>() {
        let frames = error.downcast_ref::<WasmBacktrace>().map(trap::frames).unwrap_or_default();
        // What only passes calls on to the host has no name.
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

/// What it returned in place of nothing.
pub(super) fn failed(failure: Failure) -> PreinitError {
    let Failure { error_type, error_message, stack_trace } = failure;
    PreinitError::Failed { error_type, message: error_message, stack_trace }
}
