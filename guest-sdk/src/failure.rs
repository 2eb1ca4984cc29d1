//! Owns how a handler's error becomes the contract's `failure`: its type, its message and its causes.

use std::any::Any;
use std::error::Error as StdError;
use std::iter::successors;
use std::marker::PhantomData;

pub use crate::bindings::bulkhead::lambda::types::Failure;
use crate::{Diagnostic, Error};

/// The type of an error that has lost its own, or never had one.
pub(crate) const ERASED: &str = "Error";

/// No error has more causes than this, except one that is its own cause.
const MOST_CAUSES: usize = 64;

/// The error and its causes, outermost first.
pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    successors(Some(error), |error: &&'a (dyn StdError + 'static)| (*error).source()).take(MOST_CAUSES)
}

fn causes(error: &(dyn StdError + 'static)) -> Vec<String> {
    chain(error).skip(1).map(|cause| format!("caused by: {cause}")).collect()
}

/// `OutOfStock` for `&shop::stock::OutOfStock<u8>`; [`ERASED`] where there is no such name.
pub(crate) fn bare_type_name<T>() -> &'static str {
    bare(std::any::type_name::<T>())
}

/// On bytes, since searching in a `str` would bring kilobytes of search and of Unicode tables into every component.
fn bare(name: &'static str) -> &'static str {
    let mut rest = name.as_bytes();
    while let [b'&', inner @ ..] = rest {
        rest = inner;
    }
    while let Some(inner) = rest.strip_prefix(b"alloc::boxed::Box<") {
        rest = inner;
    }
    let end = rest.iter().position(|byte| matches!(byte, b'<' | b'>')).unwrap_or(rest.len());
    // `dyn Error + Send` is not the name of a type.
    if rest.iter().take(end).any(|byte| *byte == b' ') {
        return ERASED;
    }
    let start = rest.iter().take(end).rposition(|byte| *byte == b':').map_or(0, |colon| colon + 1);
    let last = rest.get(start..end).unwrap_or_default();
    let is_name = last.iter().all(|byte| *byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii());
    match std::str::from_utf8(last) {
        Ok(last) if is_name && !last.is_empty() => last,
        _ => ERASED,
    }
}

impl From<Diagnostic> for Failure {
    fn from(Diagnostic { mut error_type, error_message }: Diagnostic) -> Self {
        if error_type.is_empty() {
            ERASED.clone_into(&mut error_type);
        }
        Self { error_type, error_message, stack_trace: Vec::new() }
    }
}

/// For errors that are only known to become a diagnostic. Those that can still show their causes are recognised.
pub(crate) fn from_diagnostic<E: Into<Diagnostic> + 'static>(error: E) -> Failure {
    let known: &dyn Any = &error;
    let stack_trace = if let Some(boxed) = known.downcast_ref::<Error>() {
        causes(&**boxed)
    } else if let Some(boxed) = known.downcast_ref::<Box<dyn StdError>>() {
        causes(&**boxed)
    } else if let Some(io) = known.downcast_ref::<std::io::Error>() {
        causes(io)
    } else {
        anyhow_causes(known)
    };
    Failure { stack_trace, ..error.into().into() }
}

#[cfg(feature = "anyhow")]
fn anyhow_causes(error: &dyn Any) -> Vec<String> {
    error.downcast_ref::<anyhow::Error>().map(|error| causes(&**error)).unwrap_or_default()
}

#[cfg(not(feature = "anyhow"))]
fn anyhow_causes(_: &dyn Any) -> Vec<String> {
    Vec::new()
}

/// Picks, at compile time, the best of what an error type can do.
///
/// A handler's error may implement any of several traits that nothing keeps apart, so no single trait can be implemented for
/// all of them. Method lookup can choose, though: on a receiver with five references it takes the first of the traits below
/// whose bounds hold, from most references to fewest ("autoref specialisation"). It works only where the type is known, which
/// is why the macros emit `(&&&&&Thrown::of(&error)).failure(error)` into the author's crate.
#[derive(Debug)]
pub struct Thrown<E>(PhantomData<E>);

impl<E> Thrown<E> {
    /// Only the error's type matters.
    #[must_use]
    pub fn of(_: &E) -> Self {
        Self(PhantomData)
    }

    /// The last choice. Nothing implements [`HandlerError`]: it is there for the text of the compile error.
    #[must_use]
    pub fn failure(&self, _: E) -> Failure
    where
        E: HandlerError,
    {
        Failure::from(Diagnostic::from(ERASED))
    }
}

/// Becomes a diagnostic, and can show its causes.
pub trait DiagnosticError<E> {
    /// The failure of this error.
    fn failure(&self, error: E) -> Failure;
}

impl<E: Into<Diagnostic> + StdError + 'static> DiagnosticError<E> for &&&&Thrown<E> {
    fn failure(&self, error: E) -> Failure {
        let stack_trace = causes(&error);
        Failure { stack_trace, ..error.into().into() }
    }
}

/// Becomes a diagnostic.
pub trait IntoDiagnostic<E> {
    /// The failure of this error.
    fn failure(&self, error: E) -> Failure;
}

impl<E: Into<Diagnostic> + 'static> IntoDiagnostic<E> for &&&Thrown<E> {
    fn failure(&self, error: E) -> Failure {
        from_diagnostic(error)
    }
}

/// Is an error with a name of its own.
pub trait NamedError<E> {
    /// The failure of this error.
    fn failure(&self, error: E) -> Failure;
}

impl<E: StdError + 'static> NamedError<E> for &&Thrown<E> {
    fn failure(&self, error: E) -> Failure {
        Failure {
            error_type: bare_type_name::<E>().into(),
            error_message: error.to_string(),
            stack_trace: causes(&error),
        }
    }
}

/// Is an error in a box, such as `anyhow::Error` and `eyre::Report`.
pub trait BoxedError<E> {
    /// The failure of this error.
    fn failure(&self, error: E) -> Failure;
}

impl<E: Into<Error>> BoxedError<E> for &Thrown<E> {
    fn failure(&self, error: E) -> Failure {
        from_diagnostic::<Error>(error.into())
    }
}

/// What a handler's error may be; see [`Thrown`].
#[diagnostic::on_unimplemented(
    message = "a handler cannot fail with `{Self}`",
    label = "not an error that a caller could be told",
    note = "implement `std::error::Error` for it, or `From<{Self}> for bulkhead::Diagnostic` to choose the `errorType` that callers see"
)]
pub trait HandlerError {}

#[cfg(test)]
mod tests;
