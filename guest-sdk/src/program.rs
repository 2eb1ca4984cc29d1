//! [`run`]: handlers that are started by a `main`, as with `lambda_runtime`.
//!
//! In a component the host calls the guest with an event. So the event is stored here and `main` is started;
//! `run` takes the event and stores the outcome, which is then returned to the host.

use std::cell::RefCell;
use std::io::Write;
use std::process::ExitCode;

use crate::failure::{self, Failure};
use crate::generated::{Outcome, Streamed};
use crate::invocation::Invocation;
use crate::response::Answer;
use crate::{Diagnostic, Error, EventService, FromEvent, IntoResponse, LambdaEvent, ResponseStream};

pub(crate) const HOW_TO_RUN: &str = "this is a handler for Bulkhead: build it with `cargo build --release --target \
                          wasm32-wasip2`, and run the component with Bulkhead";

enum Slot {
    Empty,
    /// The event, and the response that is written piece by piece, if the host takes such a one.
    Waiting(Box<Invocation>, Option<ResponseStream>),
    Running,
    Done(Outcome),
}

thread_local! {
    static SLOT: RefCell<Slot> = const { RefCell::new(Slot::Empty) };
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
/// With the feature `tower` it also takes every service of [`tower`](https://docs.rs/tower), for instance one
/// with layers.
///
/// # Errors
/// If there is no event: because this is not a component, or because `run` was called before. An error of the
/// handler goes to the caller and is not returned here.
pub async fn run<T, S>(service: S) -> Result<(), Error>
where
    T: FromEvent,
    S: EventService<T>,
    S::Response: IntoResponse,
    S::Error: Into<Diagnostic> + 'static,
{
    let (invocation, stream) = take()?;
    let outcome = handle(invocation, stream, service).await;
    SLOT.set(Slot::Done(outcome));
    Ok(())
}

fn take() -> Result<(Invocation, Option<ResponseStream>), Error> {
    match SLOT.replace(Slot::Running) {
        Slot::Waiting(invocation, stream) => Ok((*invocation, stream)),
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

async fn handle<T, S>(invocation: Invocation, stream: Option<ResponseStream>, service: S) -> Outcome
where
    T: FromEvent,
    S: EventService<T>,
    S::Response: IntoResponse,
    S::Error: Into<Diagnostic> + 'static,
{
    let payload = T::from_event(invocation.event)?;
    let event = LambdaEvent::new(payload, invocation.context.into());
    let response = service.handle(event).await.map_err(failure::from_diagnostic)?;
    match (response.into_answer(), stream) {
        (Answer::Whole(bytes), None) => Ok(bytes?),
        (Answer::Whole(bytes), Some(stream)) => write_whole(&bytes?, stream),
        #[cfg(feature = "streaming")]
        (Answer::Pieces(pieces), stream) => pieces.send(stream).await,
    }
}

/// A whole response where the host takes pieces.
fn write_whole(bytes: &[u8], mut stream: ResponseStream) -> Outcome {
    let written = stream.content_type("application/json").and_then(|()| stream.write_all(bytes));
    written.map_err(failure::from_diagnostic)?;
    Ok(Vec::new())
}

/// Runs an author's `main` for one event. Emitted by `#[bulkhead::main]`.
///
/// # Errors
/// The error of the handler, or of `main` before it called the handler.
pub fn invoke_main(invocation: Invocation, main: impl FnOnce() -> Result<(), Failure>) -> Outcome {
    invoke(Slot::Waiting(Box::new(invocation), None), main)
}

/// Runs an author's `main` for one event whose response is written piece by piece. Emitted by
/// `#[bulkhead::streaming::main]`.
///
/// # Errors
/// The error of the handler, or of `main` before it called the handler.
pub fn invoke_streaming_main(
    invocation: Invocation,
    stream: ResponseStream,
    main: impl FnOnce() -> Result<(), Failure>,
) -> Streamed {
    invoke(Slot::Waiting(Box::new(invocation), Some(stream)), main).map(drop)
}

fn invoke(waiting: Slot, main: impl FnOnce() -> Result<(), Failure>) -> Outcome {
    SLOT.set(waiting);
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
        (Slot::Empty | Slot::Waiting(..) | Slot::Running, Err(failure)) => Err(failure),
        (Slot::Empty | Slot::Waiting(..) | Slot::Running, Ok(())) => Err(not_handled().into()),
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
pub(crate) fn say(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

#[cfg(test)]
mod tests;
