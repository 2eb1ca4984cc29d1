//! The outcome of an event in its sandbox, and the report for its caller. Events that no guest has answered,
//! for a reason of the host's, are reported by the dispatcher; no other place contains `errorType` strings.
//!
//! Everything that a guest does wrong ends here, never in an error of the host. The texts say what happened
//! and what to do; [`crate::sandbox::trap`] tells a trap from a panic.

use std::fmt::Display;
use std::time::Duration;

use crate::capabilities::outbound::MissingCredential;
use crate::http_event::HttpEventError;
use crate::policy::Limit;
use crate::runtime_api::{Answer, ErrorReport};
use crate::sandbox::ServiceError;

/// How a handler gets a larger stack in its memory.
pub(super) const LARGER_STACK: &str = "if it needs a larger stack, set `stack = \"1MiB\"` under \
    [package.metadata.bulkhead] in its Cargo.toml and build it with `bulkhead build`, or link it with \
    `-z stack-size=1048576`";

/// How one event ended.
#[derive(Debug)]
pub enum Outcome {
    /// The handler returned a response.
    Replied(Vec<u8>),
    /// The handler returned an error.
    Failed {
        /// The type that the handler's author chose.
        error_type: String,
        /// The message.
        message: String,
        /// The stack.
        stack_trace: Vec<String>,
    },
    /// The handler panicked: it printed a message, then trapped.
    Panicked {
        /// The message that it printed.
        message: String,
        /// The functions on the stack, innermost first.
        stack_trace: Vec<String>,
    },
    /// The handler did something that WebAssembly does not allow.
    Trapped {
        /// The cause.
        message: String,
        /// The functions on the stack, innermost first.
        stack_trace: Vec<String>,
    },
    /// The handler did not finish in time.
    TimedOut {
        /// Its time limit.
        allowed: Duration,
        /// Whether Lambda's deadline set that limit, rather than the handler's own.
        by_lambda: bool,
    },
    /// The handler used up its processor time.
    CpuLimitExceeded {
        /// Its limit.
        limit: Duration,
    },
    /// The handler exceeded its limit of memory.
    OutOfMemory {
        /// The limit over all of its memories, in bytes.
        limit: usize,
    },
    /// The handler exceeded another limit.
    LimitExceeded {
        /// The limit.
        limit: Limit,
        /// The allowed amount.
        allowed: u64,
    },
    /// The handler gave one message more headers than the host keeps. No key of `bulkhead.toml` raises this
    /// limit.
    HeadersTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The handler recursed too deeply, or has too large local variables.
    StackOverflow {
        /// The stack that was full.
        stack: Stack,
        /// The functions on the stack, innermost first.
        stack_trace: Vec<String>,
    },
    /// The response is larger than allowed.
    ResponseTooLarge {
        /// Its size in bytes, as far as it is known.
        size: Option<usize>,
        /// The largest allowed size.
        limit: usize,
    },
    /// The handler exited instead of returning.
    Exited {
        /// The exit code.
        code: i32,
    },
    /// The handler is a command, and its exit code was not 0.
    CommandFailed {
        /// The exit code.
        code: i32,
        /// The end of its stderr.
        stderr: String,
    },
    /// The handler is an HTTP service, and the event is not valid for it, so the service was not called.
    NotHttp(HttpEventError),
    /// The handler is an HTTP service, and returned without a response that can be sent.
    ServiceFailed(ServiceError),
    /// The handler failed after a request that was not sent, because its credential could not be had.
    CredentialUnavailable {
        /// The name of the credential.
        credential: Box<str>,
        /// What the handler said of it.
        message: Option<String>,
    },
    /// A directory that the sandbox is granted could not be opened, so the handler was not called.
    DirectoryUnavailable {
        /// The directory, and the reason.
        message: String,
    },
    /// The host had no room for a sandbox, so the handler was not called.
    SandboxUnavailable {
        /// The resource that was missing.
        message: String,
    },
}

/// A guest has two stacks, which grow together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// The engine's. It has the calls, and local variables without an address. Its size is fixed.
    Engine,
    /// The one that a compiler keeps in the guest's memory, for local variables that have an address. The
    /// linker sets its size.
    Memory,
}

impl Outcome {
    /// The response, or the report in its place.
    ///
    /// # Errors
    /// For every outcome but a response.
    pub fn into_answer(self) -> Answer {
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
            Self::CpuLimitExceeded { limit } => report(
                "Function.CpuLimitExceeded",
                format!("the handler was stopped after {}, its limit of processor time", time(limit)),
            ),
            Self::OutOfMemory { limit } => report(
                "Function.OutOfMemory",
                format!("the handler needed more than {} of memory, its limit", bytes(limit)),
            ),
            Self::LimitExceeded { limit, allowed } => report(limit_type(limit), exceeded(limit, allowed)),
            Self::HeadersTooLarge { limit } => report(
                "Function.HeaderLimitExceeded",
                format!(
                    "the handler was stopped because the headers of one message exceeded {}, counting some \
                     40 bytes for each in addition to its name and its value",
                    bytes(limit)
                ),
            ),
            Self::StackOverflow { stack, stack_trace } => {
                report("Function.StackOverflow", overflow(stack)).with_stack_trace(stack_trace)
            }
            Self::ResponseTooLarge { size, limit } => {
                report("Function.ResponseSizeTooLarge", too_large(size, limit))
            }
            Self::Exited { code } => report(
                "Function.Exited",
                format!("the handler exited with code {code}; a handler must return to answer"),
            ),
            Self::CommandFailed { code, stderr } => report("Function.Exited", command_failed(code, &stderr)),
            Self::NotHttp(error) => report("Function.NotAnHttpEvent", error),
            Self::ServiceFailed(error) => report(service_type(&error), error),
            Self::CredentialUnavailable { credential, message } => {
                report("Runtime.CredentialUnavailable", no_credential(&credential, message.as_deref()))
            }
            Self::DirectoryUnavailable { message } => report(
                "Runtime.SandboxUnavailable",
                format_args!("a granted directory cannot be opened: {message}"),
            ),
            Self::SandboxUnavailable { message } => report("Runtime.SandboxUnavailable", no_room(&message)),
        })
    }

    /// The outcome if a credential was missing: a failure that may come from that is not the handler's.
    #[must_use]
    pub fn without(self, missing: Option<MissingCredential>) -> Self {
        let Some(MissingCredential { credential, is_awaited }) = missing else { return self };
        if is_awaited && !matches!(self, Self::TimedOut { .. }) {
            // The handler did not wait for it.
            return self;
        }
        let message = match &self {
            Self::Failed { message, .. } | Self::Panicked { message, .. } | Self::Trapped { message, .. } => {
                Some(message.clone())
            }
            Self::CommandFailed { stderr, .. } => Some(stderr.clone()).filter(|stderr| !stderr.is_empty()),
            Self::ServiceFailed(error) => Some(error.to_string()),
            Self::TimedOut { .. } | Self::Exited { .. } => None,
            Self::Replied(_)
            | Self::CpuLimitExceeded { .. }
            | Self::OutOfMemory { .. }
            | Self::LimitExceeded { .. }
            | Self::HeadersTooLarge { .. }
            | Self::StackOverflow { .. }
            | Self::ResponseTooLarge { .. }
            | Self::NotHttp(_)
            | Self::CredentialUnavailable { .. }
            | Self::DirectoryUnavailable { .. }
            | Self::SandboxUnavailable { .. } => return self,
        };
        Self::CredentialUnavailable { credential: credential.name.clone(), message }
    }
}

fn report(error_type: &str, message: impl Display) -> ErrorReport {
    ErrorReport::new(error_type, message)
}

impl Outcome {
    /// The limit that ended the event; `None` for Lambda's own deadline.
    pub fn limit(&self) -> Option<Limit> {
        match self {
            Self::TimedOut { by_lambda: false, .. } => Some(Limit::WallTime),
            Self::CpuLimitExceeded { .. } => Some(Limit::CpuTime),
            Self::OutOfMemory { .. } => Some(Limit::Memory),
            Self::LimitExceeded { limit, .. } => Some(*limit),
            Self::ResponseTooLarge { .. } => Some(Limit::Response),
            Self::Replied(_)
            | Self::Failed { .. }
            | Self::Panicked { .. }
            | Self::Trapped { .. }
            | Self::TimedOut { by_lambda: true, .. }
            | Self::HeadersTooLarge { .. }
            | Self::StackOverflow { .. }
            | Self::Exited { .. }
            | Self::CommandFailed { .. }
            | Self::NotHttp(_)
            | Self::ServiceFailed(_)
            | Self::CredentialUnavailable { .. }
            | Self::DirectoryUnavailable { .. }
            | Self::SandboxUnavailable { .. } => None,
        }
    }
}

/// The type of an event that was ended for exceeding a limit. Some limits have outcomes of their own, and
/// some end nothing: the handler gets an error, and continues.
fn limit_type(limit: Limit) -> &'static str {
    match limit {
        Limit::TableEntries => "Function.TableLimitExceeded",
        Limit::Instances => "Function.InstanceLimitExceeded",
        Limit::Hostcall => "Function.HostcallLimitExceeded",
        Limit::Handles => "Function.HandleLimitExceeded",
        Limit::Random => "Function.RandomLimitExceeded",
        // Lambda's own type for this case (S7.10).
        Limit::Response | Limit::StreamedResponse => "Function.ResponseSizeTooLarge",
        Limit::Memory
        | Limit::WallTime
        | Limit::CpuTime
        | Limit::Logs
        | Limit::OutboundRequests
        | Limit::OutboundBytes
        | Limit::KeyValueOperations
        | Limit::KeyValueBytes
        | Limit::Concurrency
        | Limit::Tmp => "Function.LimitExceeded",
    }
}

fn overflow(stack: Stack) -> String {
    match stack {
        Stack::Engine => "the handler's stack overflowed, most likely through infinite recursion".to_owned(),
        Stack::Memory => format!(
            "the stack in the handler's memory overflowed, through recursion or large local variables; {LARGER_STACK}"
        ),
    }
}

fn no_room(lack: &str) -> String {
    format!("Bulkhead had no room for a sandbox ({lack}); send the event again")
}

/// The log says why: the reason can name a role, and callers read this.
fn no_credential(name: &str, message: Option<&str>) -> String {
    let then = match message {
        Some(message) => format!(", and the handler failed: {message}"),
        None => ", and the handler did not finish without it".to_owned(),
    };
    format!("the credential {name} could not be had{then}")
}

/// A number of bytes is more readable with a unit.
fn exceeded(limit: Limit, allowed: u64) -> String {
    let allowed = match limit {
        Limit::Hostcall
        | Limit::Random
        | Limit::Response
        | Limit::StreamedResponse
        | Limit::Memory
        | Limit::Logs
        | Limit::OutboundBytes
        | Limit::KeyValueBytes
        | Limit::Tmp => bytes(usize::try_from(allowed).unwrap_or(usize::MAX)),
        Limit::TableEntries
        | Limit::Instances
        | Limit::Handles
        | Limit::OutboundRequests
        | Limit::KeyValueOperations
        | Limit::Concurrency
        | Limit::WallTime
        | Limit::CpuTime => allowed.to_string(),
    };
    // A handler never sees the reason, so the text explains the key.
    let meaning =
        if limit == Limit::Hostcall { ", for everything that it passes to the host in one call" } else { "" };
    format!(
        "the handler was stopped because it exceeded its limit of {allowed} for `{}`{meaning}",
        limit.key()
    )
}

fn command_failed(code: i32, stderr: &str) -> String {
    if stderr.is_empty() {
        format!("the command exited with code {code} without writing to stderr")
    } else {
        format!("the command exited with code {code}; the end of its stderr: {stderr}")
    }
}

fn service_type(error: &ServiceError) -> &'static str {
    match error {
        ServiceError::NoResponse | ServiceError::Error(_) => "Function.NoHttpResponse",
        ServiceError::BodyUnfinished | ServiceError::Response(_) => "Function.InvalidHttpResponse",
    }
}

fn time(duration: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
}

fn timed_out(allowed: Duration, by_lambda: bool) -> String {
    let allowed = time(allowed);
    if by_lambda {
        format!(
            "the handler was stopped after {allowed}, just before the function's timeout; raise the timeout \
             if it needs longer"
        )
    } else {
        format!("the handler was stopped after {allowed}, its limit of wall time")
    }
}

fn too_large(size: Option<usize>, limit: usize) -> String {
    match size {
        Some(size) => format!("the response has {size} bytes; at most {limit} are allowed"),
        None => format!("the response is larger than the allowed {limit} bytes"),
    }
}

fn bytes(count: usize) -> String {
    const KIB: usize = 1024;
    const MIB: usize = 1024 * KIB;
    match count {
        0 => "0 bytes".to_owned(),
        _ if count.is_multiple_of(MIB) => format!("{} MiB", count / MIB),
        _ if count.is_multiple_of(KIB) => format!("{} KiB", count / KIB),
        _ => format!("{count} bytes"),
    }
}

#[cfg(test)]
mod tests;
