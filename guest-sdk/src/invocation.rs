//! [`Invocation`]: one event as the host passes it, and the conversion to a handler's arguments.
//!
//! Next on the event's path: `event.rs` for the event, `context.rs` for the context.

use crate::bindings::lambda::bulkhead::lambda::types;
use crate::{Context, Diagnostic, FromEvent};

/// One event and all information about it, as it came from the host.
#[derive(Debug)]
pub struct Invocation {
    pub(crate) event: Vec<u8>,
    pub(crate) context: types::Context,
}

impl Invocation {
    /// Called by the export that the macros emit.
    #[must_use]
    pub fn new(event: Vec<u8>, context: types::Context) -> Self {
        Self { event, context }
    }
}

/// An event together with its context, as handlers for `lambda_runtime` take them.
///
/// ```
/// use bulkhead::{Context, LambdaEvent};
///
/// #[bulkhead::handler]
/// fn echo(event: LambdaEvent<String>) -> String {
///     let (payload, context) = event.into_parts();
///     format!("{payload} for {}", context.tenant_id.unwrap_or_default())
/// }
///
/// let mut context = Context::default();
/// context.tenant_id = Some("acme".into());
/// assert_eq!(echo(LambdaEvent::new("ping".into(), context)), "ping for acme");
/// ```
#[derive(Clone, Debug)]
pub struct LambdaEvent<T> {
    /// The event.
    pub payload: T,
    /// All other information about this invocation.
    pub context: Context,
}

impl<T> LambdaEvent<T> {
    /// Combines an event and its context, for instance in a unit test.
    pub fn new(payload: T, context: Context) -> Self {
        Self { payload, context }
    }

    /// Separates event and context.
    pub fn into_parts(self) -> (T, Context) {
        (self.payload, self.context)
    }
}

/// The only argument of a handler. The macro cannot tell types apart by their names, so this trait does.
#[diagnostic::on_unimplemented(
    message = "a handler cannot take an event of type `{Self}`",
    label = "not an event, a `Context` or a `LambdaEvent`",
    note = "an event is any type with `#[derive(serde::Deserialize)]`, `bulkhead::Raw` for the bytes as they are, or a type that implements `bulkhead::FromEvent`"
)]
pub trait HandlerArgument: Sized {
    /// Makes the argument of one invocation.
    ///
    /// # Errors
    /// If the event does not have the form of the type.
    fn from_invocation(invocation: Invocation) -> Result<Self, Diagnostic>;
}

#[diagnostic::do_not_recommend]
impl<T: FromEvent> HandlerArgument for T {
    fn from_invocation(invocation: Invocation) -> Result<Self, Diagnostic> {
        T::from_event(invocation.event)
    }
}

impl<T: FromEvent> HandlerArgument for LambdaEvent<T> {
    fn from_invocation(invocation: Invocation) -> Result<Self, Diagnostic> {
        Ok(Self::new(T::from_event(invocation.event)?, invocation.context.into()))
    }
}

impl HandlerArgument for Context {
    fn from_invocation(invocation: Invocation) -> Result<Self, Diagnostic> {
        Ok(invocation.context.into())
    }
}

/// The second argument of a handler.
#[diagnostic::on_unimplemented(
    message = "the second argument of a handler is its context, not `{Self}`",
    label = "expected `bulkhead::Context`",
    note = "the event comes first: `fn handler(event: T, context: bulkhead::Context)`"
)]
pub trait SecondArgument {
    /// Makes the argument from the context of one invocation.
    fn from_context(context: types::Context) -> Self;
}

impl SecondArgument for Context {
    fn from_context(context: types::Context) -> Self {
        context.into()
    }
}
