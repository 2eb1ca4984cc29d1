//! What a caller gets to see of an exception.

use bulkhead::bindings::lambda::bulkhead::lambda::types;
use rquickjs::{Ctx, Object, Persistent, Value};

use crate::state::Rejection;

mod missing;

/// An error of the contract.
pub(crate) type Failure = types::Failure;

/// How many frames and how much of each a caller gets.
const FRAMES: usize = 64;
const FRAME_LENGTH: usize = 512;

/// A failure without frames.
pub(crate) fn new(error_type: &str, error_message: impl Into<String>) -> Failure {
    Failure {
        error_type: error_type.to_owned(),
        error_message: error_message.into(),
        stack_trace: Vec::new(),
    }
}

/// Nothing is left that could settle the handler's promise.
pub(crate) fn never_settled() -> Failure {
    new(
        "Function.PromiseNeverSettled",
        "the handler returned a promise that nothing can settle any more: there is no timer, no request and no job left",
    )
}

/// An error of rquickjs: mostly an exception that is pending.
pub(crate) fn of_error(ctx: &Ctx<'_>, error: &rquickjs::Error) -> Failure {
    if error.is_exception() {
        return of_exception(ctx);
    }
    if matches!(error, rquickjs::Error::Allocation) {
        return out_of_memory();
    }
    new("Function.EngineError", error.to_string())
}

/// The exception that is pending.
pub(crate) fn of_exception(ctx: &Ctx<'_>) -> Failure {
    let thrown = ctx.catch();
    of_value(ctx, &thrown)
}

/// A rejection that nothing handles.
pub(crate) fn of_rejection(ctx: &Ctx<'_>, rejection: Rejection) -> Failure {
    match Persistent::restore(rejection.reason, ctx) {
        Ok(reason) => of_value(ctx, &reason),
        Err(error) => of_error(ctx, &error),
    }
}

fn out_of_memory() -> Failure {
    new("Function.OutOfMemory", "the script needed more memory than the limit `memory` allows")
}

/// Anything that was thrown. What it says about itself may be forged, and concerns only its own event. Getters may throw.
pub(crate) fn of_value(ctx: &Ctx<'_>, thrown: &Value<'_>) -> Failure {
    let Some(object) = thrown.as_object().filter(|_| !thrown.is_function()) else {
        return new(thrown.type_of().as_str(), text_of(ctx, thrown));
    };
    let name = text(ctx, object, "name").unwrap_or_else(|| "Error".to_owned());
    let message = text(ctx, object, "message");
    if name == "InternalError" && message.as_deref() == Some("out of memory") {
        return out_of_memory();
    }
    let stack = text(ctx, object, "stack").unwrap_or_default();
    let mut error_message = message.unwrap_or_else(|| json(ctx, thrown));
    if name == "ReferenceError"
        && let Some(hint) = missing::hint(&error_message)
    {
        error_message.push_str(&hint);
    }
    Failure { error_type: name, error_message, stack_trace: frames(&stack) }
}

/// The frames of a stack, without those of the engine's own functions.
pub(crate) fn frames(stack: &str) -> Vec<String> {
    // The prelude has no names of files.
    let lines =
        stack.lines().map(str::trim).filter(|line| line.starts_with("at ") && !line.ends_with("(<null>)"));
    lines.take(FRAMES).map(|line| line.chars().take(FRAME_LENGTH).collect()).collect()
}

/// A property that is a text.
fn text(ctx: &Ctx<'_>, object: &Object<'_>, name: &str) -> Option<String> {
    match object.get::<_, Value<'_>>(name) {
        Ok(value) => value.as_string().map(|_| text_of(ctx, &value)),
        Err(_) => {
            ctx.catch();
            None
        }
    }
}

fn text_of(ctx: &Ctx<'_>, value: &Value<'_>) -> String {
    let text = crate::natives::to_text(ctx, value);
    if text.is_none() {
        ctx.catch();
    }
    text.unwrap_or_default()
}

fn json(ctx: &Ctx<'_>, value: &Value<'_>) -> String {
    match crate::json::write(ctx, value) {
        Ok(text) => text.map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default(),
        Err(_) => {
            ctx.catch();
            String::new()
        }
    }
}
