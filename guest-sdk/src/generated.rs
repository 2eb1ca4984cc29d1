//! What the code that the attributes emit needs. Hidden, and not covered by any promise of stability.
//!
//! The emitted code is kept to calls into this module, so that the steps of an event can be read here and not in a macro.

use std::convert::Infallible;

#[cfg(feature = "http")]
pub use wasip2;
pub use wit_bindgen;

pub use crate::executor::block_on;
pub use crate::failure::{BoxedError, DiagnosticError, Failure, IntoDiagnostic, NamedError, Thrown};
pub use crate::invocation::Invocation;
use crate::invocation::{HandlerArgument, SecondArgument};
pub use crate::program::{invoke_main, started_as_program};
use crate::{Diagnostic, FromEvent, IntoResponse, ResponseStream};

/// What one event came to.
pub type Outcome = Result<Vec<u8>, Failure>;

/// What the work ahead of all events came to.
pub type Initialized = Result<(), Failure>;

/// The argument of a handler that has one.
///
/// # Errors
/// If the event does not fit.
pub fn only<T: HandlerArgument>(invocation: Invocation) -> Result<T, Diagnostic> {
    T::from_invocation(invocation)
}

/// The first argument of a handler that has two.
///
/// # Errors
/// If the event does not fit.
pub fn first<T: FromEvent>(invocation: &mut Invocation) -> Result<T, Diagnostic> {
    T::from_event(std::mem::take(&mut invocation.event))
}

/// The second argument of a handler that has two.
pub fn second<T: SecondArgument>(invocation: Invocation) -> T {
    T::from_context(invocation.context)
}

/// What a streaming handler came to, beside what it wrote.
pub type Streamed = Result<(), Failure>;

/// The response that a streaming handler writes to.
#[must_use]
pub fn response_stream() -> ResponseStream {
    ResponseStream::of_event()
}

/// The response that a handler's value makes.
///
/// # Errors
/// If it cannot be written.
pub fn respond<T: IntoResponse>(value: T) -> Outcome {
    Ok(value.into_response()?)
}

/// What a handler returned, whether it can fail or not.
///
/// A `Result` may hide behind an alias, so only its type tells. The inherent method is there for every `Result` and goes
/// before the one of [`Value`], which is there for everything.
#[derive(Debug)]
pub struct Returned<T>(pub T);

impl<T, E> Returned<Result<T, E>> {
    /// The `Result` itself.
    ///
    /// # Errors
    /// If it was one.
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
    /// None, as the type says.
    fn into_result(self) -> Result<Self::Ok, Infallible>;
}

impl<T> Value for Returned<T> {
    type Ok = T;

    fn into_result(self) -> Result<T, Infallible> {
        Ok(self.0)
    }
}

/// Makes a function from [`Invocation`] to [`Outcome`] the component's export.
#[macro_export]
#[doc(hidden)]
macro_rules! __export {
    ($handle:path) => {
        struct Exported;

        impl $crate::bindings::exports::bulkhead::lambda::handler::Guest for Exported {
            fn handle(
                event: Vec<u8>,
                context: $crate::bindings::exports::bulkhead::lambda::handler::Context,
            ) -> $crate::generated::Outcome {
                $handle($crate::generated::Invocation::new(event, context))
            }
        }

        $crate::bindings::__export_lambda!(Exported with_types_in $crate::bindings);
    };
}

/// Makes a function from [`Invocation`] to [`Streamed`] the component's export.
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

/// Makes a function from [`Incoming`](crate::http::Incoming) to [`Served`](crate::http::Served) the component's export.
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

/// Makes a function that returns [`Initialized`] the component's other export.
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
