//! What several files need where they call QuickJS's C functions themselves.

use rquickjs::{Ctx, Error, Exception, Result, Value, qjs};

/// A length for QuickJS.
pub(crate) fn size(length: usize) -> qjs::size_t {
    qjs::size_t::try_from(length).unwrap_or(qjs::size_t::MAX)
}

/// A length from QuickJS.
pub(crate) fn length(size: qjs::size_t) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// A value that a function of QuickJS has returned, or the exception.
pub(crate) fn owned<'js>(ctx: &Ctx<'js>, value: qjs::JSValue) -> Result<Value<'js>> {
    #[expect(unsafe_code, reason = "a value from a function of QuickJS")]
    // SAFETY: such a value belongs to its caller.
    let value = unsafe { Value::from_raw(ctx.clone(), value) };
    if value.is_exception() { Err(Error::Exception) } else { Ok(value) }
}

/// Throws a `TypeError`. The function of rquickjs cuts the message after 255 bytes, and at a zero, which a text of a script may have.
pub(crate) fn throw_type(ctx: &Ctx<'_>, message: &str) -> Error {
    Exception::throw_type(ctx, "");
    let error = ctx.catch();
    match error.as_object().map_or(Ok(()), |error| error.set("message", message)) {
        Ok(()) => ctx.throw(error),
        Err(error) => error,
    }
}
