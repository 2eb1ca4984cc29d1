//! Converts a handler's error to the contract's `failure`: its type, message and causes.

use std::any::Any;
use std::error::Error as StdError;
use std::iter::successors;
use std::marker::PhantomData;

pub use crate::bindings::lambda::bulkhead::lambda::types::Failure;
use crate::{Diagnostic, Error};

/// The type of an error whose own type is erased or has no name.
pub(crate) const ERASED: &str = "Error";

/// The limit of causes, for an error that is its own cause.
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

/// The bare name of a type: `OutOfStock` for `&shop::stock::OutOfStock<u8>`; [`ERASED`] if there is none.
pub(crate) fn bare_type_name<T>() -> &'static str {
    bare(std::any::type_name::<T>())
}

/// This works on bytes, because searching in a `str` would add kilobytes of code and Unicode tables to every
/// component.
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

/// For errors with a conversion to a diagnostic and no further known trait. Types that can show their causes
/// are recognised.
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

/// Picks at compile time the best conversion that an error type supports.
///
/// A handler's error may implement several traits, which may overlap, so a single trait cannot be implemented
/// for all errors. Method lookup can choose, however: on a receiver with five references, it takes the first
/// of the traits below whose bounds hold, from most references to fewest ("autoref specialisation"). This
/// works only where the type is known, so the macros emit `(&&&&&Thrown::of(&error)).failure(error)` into the
/// author's crate.
#[derive(Debug)]
pub struct Thrown<E>(PhantomData<E>);

impl<E> Thrown<E> {
    /// Only the error's type is used.
    #[must_use]
    pub fn of(_: &E) -> Self {
        Self(PhantomData)
    }

    /// The last choice. No type implements [`HandlerError`]: the trait exists for the text of the compile
    /// error.
    #[must_use]
    pub fn failure(&self, _: E) -> Failure
    where
        E: HandlerError,
    {
        Failure::from(Diagnostic::from(ERASED))
    }
}

/// The error converts to a diagnostic, and can show its causes.
pub trait DiagnosticError<E> {
    /// The failure for this error.
    fn failure(&self, error: E) -> Failure;
}

impl<E: Into<Diagnostic> + StdError + 'static> DiagnosticError<E> for &&&&Thrown<E> {
    fn failure(&self, error: E) -> Failure {
        let stack_trace = causes(&error);
        Failure { stack_trace, ..error.into().into() }
    }
}

/// The error converts to a diagnostic.
pub trait IntoDiagnostic<E> {
    /// The failure for this error.
    fn failure(&self, error: E) -> Failure;
}

impl<E: Into<Diagnostic> + 'static> IntoDiagnostic<E> for &&&Thrown<E> {
    fn failure(&self, error: E) -> Failure {
        from_diagnostic(error)
    }
}

/// The error is a `std::error::Error` with a type name of its own.
pub trait NamedError<E> {
    /// The failure for this error.
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

/// The error is in a box, such as `anyhow::Error` and `eyre::Report`.
pub trait BoxedError<E> {
    /// The failure for this error.
    fn failure(&self, error: E) -> Failure;
}

impl<E: Into<Error>> BoxedError<E> for &Thrown<E> {
    fn failure(&self, error: E) -> Failure {
        from_diagnostic::<Error>(error.into())
    }
}

/// An error of a handler; see [`Thrown`].
#[diagnostic::on_unimplemented(
    message = "a handler cannot fail with `{Self}`",
    label = "not an error that can be reported to the caller",
    note = "implement `std::error::Error` for it, or `From<{Self}> for bulkhead::Diagnostic` to choose the `errorType` that callers see"
)]
pub trait HandlerError {}

#[cfg(test)]
mod tests;
