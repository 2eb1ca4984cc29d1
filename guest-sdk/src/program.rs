//! [`run`] and [`service_fn`]: handlers that are started by a `main`, as with `lambda_runtime`.
//!
//! In a component the host calls the guest with an event. So the event is stored here and `main` is started;
//! `run` takes the event and stores the outcome, which is then returned to the host.

use std::cell::RefCell;
use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use crate::failure::{self, Failure};
use crate::generated::Outcome;
use crate::invocation::Invocation;
use crate::{Diagnostic, Error, FromEvent, IntoResponse, LambdaEvent};

const HOW_TO_RUN: &str = "this is a handler for Bulkhead: build it with `cargo build --release --target \
                          wasm32-wasip2`, and run the component with Bulkhead";

enum Slot {
    Empty,
    Waiting(Box<Invocation>),
    Running,
    Done(Outcome),
}

thread_local! {
    static SLOT: RefCell<Slot> = const { RefCell::new(Slot::Empty) };
}

/// A function that handles events. Made by [`service_fn`].
#[derive(Clone, Copy)]
pub struct ServiceFn<F>(F);

impl<F> fmt::Debug for ServiceFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceFn")
    }
}

/// Makes a service from an async function or a closure that takes a [`LambdaEvent`] and returns a `Result`.
/// [`run`] takes it.
///
/// ```
/// use bulkhead::{Error, LambdaEvent, service_fn};
///
/// async fn next(event: LambdaEvent<u32>) -> Result<u32, Error> {
///     Ok(event.payload.checked_add(1).ok_or("there is no next number")?)
/// }
///
/// let service = service_fn(next);
/// # let _ = service;
/// ```
pub fn service_fn<F>(handler: F) -> ServiceFn<F> {
    ServiceFn(handler)
}

/// Handles the event of this sandbox, and returns. Call it from a `main` with
/// [`#[bulkhead::main]`](macro@crate::main).
///
/// ```no_run
/// use bulkhead::{Error, LambdaEvent, run, service_fn};
///
/// #[bulkhead::main]
/// async fn main() -> Result<(), Error> {
///     let greeting = "Hello";
///     run(service_fn(|event: LambdaEvent<String>| async move {
///         Ok::<_, Error>(format!("{greeting} {}!", event.payload))
///     }))
///     .await
/// }
/// ```
///
/// # Errors
/// If there is no event: because this is not a component, or because `run` was called before. An error of the
/// handler goes to the caller and is not returned here.
pub async fn run<T, F, Fut, R, E>(service: ServiceFn<F>) -> Result<(), Error>
where
    T: FromEvent,
    F: FnOnce(LambdaEvent<T>) -> Fut,
    Fut: Future<Output = Result<R, E>>,
    R: IntoResponse,
    E: Into<Diagnostic> + 'static,
{
    let outcome = handle(take()?, service).await;
    SLOT.set(Slot::Done(outcome));
    Ok(())
}

fn take() -> Result<Invocation, Error> {
    match SLOT.replace(Slot::Running) {
        Slot::Waiting(invocation) => Ok(*invocation),
        Slot::Empty => {
            SLOT.set(Slot::Empty);
            Err(HOW_TO_RUN.into())
        }
        taken @ (Slot::Running | Slot::Done(_)) => {
            SLOT.set(taken);
            Err("`bulkhead::run` was called twice, but a sandbox handles only one event".into())
        }
    }
}

async fn handle<T, F, Fut, R, E>(invocation: Invocation, service: ServiceFn<F>) -> Outcome
where
    T: FromEvent,
    F: FnOnce(LambdaEvent<T>) -> Fut,
    Fut: Future<Output = Result<R, E>>,
    R: IntoResponse,
    E: Into<Diagnostic> + 'static,
{
    let payload = T::from_event(invocation.event)?;
    let event = LambdaEvent::new(payload, invocation.context.into());
    let response = (service.0)(event).await.map_err(failure::from_diagnostic)?;
    Ok(response.into_response()?)
}

/// Runs an author's `main` for one event. Emitted by `#[bulkhead::main]`.
///
/// # Errors
/// The error of the handler, or of `main` before it called the handler.
pub fn invoke_main(invocation: Invocation, main: impl FnOnce() -> Result<(), Failure>) -> Outcome {
    SLOT.set(Slot::Waiting(Box::new(invocation)));
    let ended = main();
    match (SLOT.replace(Slot::Empty), ended) {
        (Slot::Done(outcome), Ok(())) => outcome,
        (Slot::Done(outcome), Err(late)) => {
            say(&format!(
                "main failed after the event was handled: {}: {}",
                late.error_type, late.error_message
            ));
            outcome
        }
        (Slot::Empty | Slot::Waiting(_) | Slot::Running, Err(failure)) => Err(failure),
        (Slot::Empty | Slot::Waiting(_) | Slot::Running, Ok(())) => Err(not_handled().into()),
    }
}

fn not_handled() -> Diagnostic {
    Diagnostic {
        error_type: "HandlerMissing".into(),
        error_message: "main ended without handling the event: it must await `bulkhead::run(bulkhead::service_fn(handler))`"
            .into(),
    }
}

/// The behaviour of the program if it is started natively or as a command.
#[must_use]
pub fn started_as_program() -> ExitCode {
    say(HOW_TO_RUN);
    ExitCode::FAILURE
}

/// A failed write to stderr must not cause a second error.
fn say(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

#[cfg(test)]
mod tests;
