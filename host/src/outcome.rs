//! What became of an event, and how the caller is told. The one place that knows `errorType` strings.
//!
//! What a guest does wrong ends here, never in an error of the host. The texts say what happened and what
//! to do; how a trap is told from a panic is [`crate::trap`]'s business.

mod report;

use std::time::Duration;

pub use report::ErrorReport;

use crate::invocation::ContextError;

/// How one event ended.
#[derive(Debug)]
pub enum Outcome {
    /// The handler returned a response.
    Replied(Vec<u8>),
    /// The handler returned an error.
    Failed {
        /// As the handler's author named it.
        error_type: String,
        /// What happened.
        message: String,
        /// Where.
        stack_trace: Vec<String>,
    },
    /// The handler panicked: it printed why, then trapped.
    Panicked {
        /// What it printed.
        message: String,
        /// The functions it was in, innermost first.
        stack_trace: Vec<String>,
    },
    /// The handler did something that WebAssembly does not allow.
    Trapped {
        /// What it did.
        message: String,
        /// The functions it was in, innermost first.
        stack_trace: Vec<String>,
    },
    /// The handler was not done in time.
    TimedOut {
        /// The time that it had.
        allowed: Duration,
        /// Whether Lambda's deadline set that time, rather than the handler's own limit.
        by_lambda: bool,
    },
    /// The handler wanted more memory than it may have.
    OutOfMemory {
        /// The limit over all of its memories, in bytes.
        limit: usize,
    },
    /// The handler recursed too deeply.
    StackOverflow {
        /// The functions it was in, innermost first.
        stack_trace: Vec<String>,
    },
    /// The response is larger than may be sent.
    ResponseTooLarge {
        /// Its size in bytes, as far as it is known.
        size: Option<usize>,
        /// The largest size that may be sent.
        limit: usize,
    },
    /// The handler ended its process in place of returning.
    Exited {
        /// The exit code.
        code: i32,
    },
    /// A header of the event could not be understood, so the handler was not called.
    ContextRejected(ContextError),
    /// A bug of ours: the host panicked while it worked on this event.
    HostPanicked {
        /// What it said.
        message: String,
    },
}

impl Outcome {
    /// The response, or what to report in its place.
    ///
    /// # Errors
    /// For every outcome but a response.
    pub fn into_answer(self) -> Result<Vec<u8>, ErrorReport> {
        let report = ErrorReport::new;
        Err(match self {
            Self::Replied(response) => return Ok(response),
            Self::Failed { error_type, message, stack_trace } => {
                ErrorReport::of_author(error_type, message, stack_trace)
            }
            Self::Panicked { message, stack_trace } => {
                report("Function.Panic", message).with_stack_trace(stack_trace)
            }
            Self::Trapped { message, stack_trace } => {
                report("Function.Trap", message).with_stack_trace(stack_trace)
            }
            Self::TimedOut { allowed, by_lambda } => {
                report("Function.Timeout", timed_out(allowed, by_lambda))
            }
            Self::OutOfMemory { limit } => report(
                "Function.OutOfMemory",
                format!("the handler wanted more than the {} of memory that it may have", bytes(limit)),
            ),
            Self::StackOverflow { stack_trace } => report(
                "Function.StackOverflow",
                "the handler's stack overflowed, most likely by recursion without end".to_owned(),
            )
            .with_stack_trace(stack_trace),
            Self::ResponseTooLarge { size, limit } => {
                report("Function.ResponseSizeTooLarge", too_large(size, limit))
            }
            Self::Exited { code } => report(
                "Function.Exited",
                format!("the handler exited with code {code}; a handler answers by returning"),
            ),
            Self::ContextRejected(error) => report("Runtime.ContextUnmarshalError", error.to_string()),
            Self::HostPanicked { message } => report(
                "Runtime.HostPanic",
                format!("Bulkhead itself panicked, which is a bug of Bulkhead: {message}"),
            ),
        })
    }
}

fn timed_out(allowed: Duration, by_lambda: bool) -> String {
    let allowed = humantime::format_duration(Duration::from_millis(
        u64::try_from(allowed.as_millis()).unwrap_or(u64::MAX),
    ));
    if by_lambda {
        format!(
            "the handler was stopped after {allowed}, just before the function's timeout; raise the timeout \
             if it needs longer"
        )
    } else {
        format!("the handler was stopped after {allowed}, the wall time that it may take")
    }
}

fn too_large(size: Option<usize>, limit: usize) -> String {
    match size {
        Some(size) => format!("the response has {size} bytes; Lambda takes at most {limit}"),
        None => format!("the response is larger than the {limit} bytes that Lambda takes"),
    }
}

fn bytes(count: usize) -> String {
    const MIB: usize = 1024 * 1024;
    if count.is_multiple_of(MIB) { format!("{} MiB", count / MIB) } else { format!("{count} bytes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: Outcome) -> (String, String) {
        let report = outcome.into_answer().expect_err("not a response");
        (report.header_type().to_owned(), report.message().to_owned())
    }

    #[test]
    fn what_a_guest_did_has_a_type_of_function_and_a_text() {
        let (none, why) = (Vec::new, || "why".to_owned());
        let allowed = Duration::from_millis(2900);
        for (outcome, error_type, text) in [
            (Outcome::Panicked { message: why(), stack_trace: none() }, "Panic", "why"),
            (Outcome::Trapped { message: why(), stack_trace: none() }, "Trap", "why"),
            (Outcome::TimedOut { allowed, by_lambda: true }, "Timeout", "after 2s 900ms, just before"),
            (Outcome::TimedOut { allowed, by_lambda: false }, "Timeout", "after 2s 900ms, the wall time"),
            (Outcome::OutOfMemory { limit: 128 << 20 }, "OutOfMemory", "128 MiB"),
            (Outcome::OutOfMemory { limit: 1000 }, "OutOfMemory", "1000 bytes"),
            (Outcome::StackOverflow { stack_trace: none() }, "StackOverflow", "recursion"),
            (Outcome::ResponseTooLarge { size: Some(7), limit: 6 }, "ResponseSizeTooLarge", "7 bytes"),
            (Outcome::ResponseTooLarge { size: None, limit: 6 }, "ResponseSizeTooLarge", "6 bytes"),
            (Outcome::Exited { code: 3 }, "Exited", "code 3"),
        ] {
            let (header, said) = report(outcome);
            assert_eq!(header, format!("Function.{error_type}"));
            assert!(said.contains(text), "{said}");
        }
    }

    #[test]
    fn what_the_host_could_not_do_has_a_type_of_runtime() {
        let (header, said) = report(Outcome::HostPanicked { message: "why".to_owned() });
        assert_eq!(header, "Runtime.HostPanic");
        assert!(said.contains("a bug of Bulkhead: why"), "{said}");
        let (header, said) = report(Outcome::ContextRejected(ContextError::TenantId(2000)));
        assert_eq!(header, "Runtime.ContextUnmarshalError");
        assert!(said.contains("2000 bytes"), "{said}");
    }

    #[test]
    fn a_response_is_no_error() {
        assert_eq!(Outcome::Replied(vec![1]).into_answer().unwrap(), [1]);
    }
}
