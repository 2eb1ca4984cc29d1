//! Functions for the code that the attributes emit. Hidden, and without any promise of stability.
//!
//! The emitted code consists of calls to this module, so that you can read the steps of an event here rather
//! than in a macro.

use std::convert::Infallible;

#[cfg(feature = "http")]
pub use wasip2;
pub use wit_bindgen;

pub use crate::executor::block_on;
#[cfg(feature = "client")]
pub use crate::executor::reactor::{ready, sleep};
pub use crate::failure::{BoxedError, DiagnosticError, Failure, IntoDiagnostic, NamedError, Thrown};
pub use crate::invocation::Invocation;
use crate::invocation::{HandlerArgument, SecondArgument};
pub use crate::program::{invoke_main, invoke_streaming_main, started_as_program};
use crate::{Diagnostic, FromEvent, IntoResponse, ResponseStream};

/// The outcome of one event.
pub type Outcome = Result<Vec<u8>, Failure>;

/// The outcome of an init function.
pub type Initialized = Result<(), Failure>;

/// The argument of a handler that has one.
///
/// # Errors
/// If the event does not have the form of the type.
pub fn only<T: HandlerArgument>(invocation: Invocation) -> Result<T, Diagnostic> {
    T::from_invocation(invocation)
}

/// The first argument of a handler that has two.
///
/// # Errors
/// If the event does not have the form of the type.
pub fn first<T: FromEvent>(invocation: &mut Invocation) -> Result<T, Diagnostic> {
    T::from_event(std::mem::take(&mut invocation.event))
}

/// The second argument of a handler that has two.
pub fn second<T: SecondArgument>(invocation: Invocation) -> T {
    T::from_context(invocation.context)
}

/// The outcome of a streaming handler, besides the bytes that it wrote.
pub type Streamed = Result<(), Failure>;

/// The response that a streaming handler writes to.
#[must_use]
pub fn response_stream() -> ResponseStream {
    ResponseStream::of_event()
}

/// The response made from a handler's value.
///
/// # Errors
/// If the value cannot be written.
pub fn respond<T: IntoResponse>(value: T) -> Outcome {
    Ok(value.into_response()?)
}

/// The value that a handler returned, which may be a `Result`.
///
/// A `Result` may hide behind an alias, so the type decides. The inherent method exists for every `Result`,
/// and takes precedence over that of [`Value`], which exists for every type.
#[derive(Debug)]
pub struct Returned<T>(pub T);

impl<T, E> Returned<Result<T, E>> {
    /// The `Result` itself.
    ///
    /// # Errors
    /// If the handler returned an error.
    pub fn into_result(self) -> Result<T, E> {
        self.0
    }
}

/// For handlers that return a value and cannot fail.
pub trait Value {
    /// The type of the value.
    type Ok;

    /// The value as a `Result`.
    ///
    /// # Errors
    /// Never, as the type shows.
    fn into_result(self) -> Result<Self::Ok, Infallible>;
}

impl<T> Value for Returned<T> {
    type Ok = T;

    fn into_result(self) -> Result<T, Infallible> {
        Ok(self.0)
    }
}

/// Exports a function from [`Invocation`] to [`Outcome`] as the component's handler.
#[macro_export]
#[doc(hidden)]
macro_rules! __export {
    ($handle:path) => {
        struct Exported;

        impl $crate::bindings::lambda::exports::bulkhead::lambda::handler::Guest for Exported {
            fn handle(
                event: Vec<u8>,
                context: $crate::bindings::lambda::exports::bulkhead::lambda::handler::Context,
            ) -> $crate::generated::Outcome {
                $handle($crate::generated::Invocation::new(event, context))
            }
        }

        $crate::bindings::lambda::__export_lambda!(Exported with_types_in $crate::bindings::lambda);
    };
}

/// Exports a function from [`Invocation`] to [`Streamed`] as the component's handler.
#[macro_export]
#[doc(hidden)]
macro_rules! __export_streaming_handler {
    ($handle:path) => {
        struct Exported;

        impl $crate::bindings::streaming::exports::bulkhead::lambda::streaming_handler::Guest for Exported {
            fn handle(
                event: Vec<u8>,
                context: $crate::bindings::streaming::exports::bulkhead::lambda::streaming_handler::Context,
            ) -> $crate::generated::Streamed {
                $handle($crate::generated::Invocation::new(event, context))
            }
        }

        $crate::bindings::streaming::__export_streaming!(Exported with_types_in $crate::bindings::streaming);
    };
}

/// Exports a function from [`Incoming`](crate::http::Incoming) to [`Served`](crate::http::Served) as the
/// component's handler.
#[cfg(feature = "http")]
#[macro_export]
#[doc(hidden)]
macro_rules! __export_http_handler {
    ($serve:path) => {
        struct Exported;

        impl $crate::generated::wasip2::exports::http::incoming_handler::Guest for Exported {
            fn handle(
                request: $crate::generated::wasip2::http::types::IncomingRequest,
                out: $crate::generated::wasip2::http::types::ResponseOutparam,
            ) {
                $crate::http::serve(&request, out, $serve);
            }
        }

        $crate::generated::wasip2::http::proxy::export!(Exported with_types_in $crate::generated::wasip2);
    };
}

/// Exports a function that returns [`Initialized`] as the component's initializer.
#[macro_export]
#[doc(hidden)]
macro_rules! __export_init {
    ($initialize:path) => {
        struct Exported;

        impl $crate::bindings::initializer::exports::bulkhead::lambda::initializer::Guest for Exported {
            fn initialize() -> $crate::generated::Initialized {
                $initialize()
            }
        }

        $crate::bindings::initializer::__export_initializer!(Exported with_types_in $crate::bindings::initializer);
    };
}
