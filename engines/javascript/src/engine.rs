//! [`Engine`]: one interpreter, and the way of an event through it.

use std::cell::Cell;

use bulkhead::bindings::lambda::bulkhead::lambda::types;
use rquickjs::{Context, Ctx, Function, Object, Persistent, Promise, Runtime, Value};

use crate::failure::{self, Failure, of_error, of_exception, of_value};
use crate::script::{self, Mistake};
use crate::state::{self, Rejection};
use crate::turns::{Until, run};
use crate::{clock, event, json, natives, prelude};

/// How much of the stack in memory scripts may use. The rest of what `build.rs` links is for what QuickJS and Rust do without
/// looking at the limit.
pub(crate) const STACK: usize = 224 * 1024;

/// How many bytes a script allocates before unused cycles are looked for. Most events end before.
const GARBAGE: usize = 16 * 1024 * 1024;

/// The interpreter with its globals, and later with a script.
pub(crate) struct Engine {
    context: Context,
    handler: Cell<Option<Handler>>,
    #[cfg(not(target_family = "wasm"))]
    _runtime: Runtime,
}

/// The function of a script, and what it is a method of.
#[derive(Clone)]
struct Handler {
    function: Persistent<Function<'static>>,
    this: Persistent<Value<'static>>,
    takes_callback: bool,
}

impl Engine {
    /// Makes the interpreter and its globals, without a script.
    pub(crate) fn new() -> Result<Self, Failure> {
        let failed = |error: rquickjs::Error| failure::new("Function.EngineError", error.to_string());
        let files = prelude::compile().map_err(failed)?;
        let runtime = Runtime::new().map_err(failed)?;
        runtime.set_max_stack_size(STACK);
        runtime.set_gc_threshold(GARBAGE);
        runtime.set_host_promise_rejection_tracker(Some(Box::new(track)));
        let context = Context::full(&runtime).map_err(failed)?;
        context.with(|ctx| {
            script::install(&ctx);
            natives::install(&ctx)
                .and_then(|natives| prelude::run(&ctx, &natives, &files))
                .map_err(|error| of_error(&ctx, &error))
        })?;
        Ok(Self {
            context,
            handler: Cell::new(None),
            #[cfg(not(target_family = "wasm"))]
            _runtime: runtime,
        })
    }

    /// Handles one event with the script.
    pub(crate) fn handle(&self, event: &[u8], context: types::Context) -> Result<Vec<u8>, Failure> {
        clock::start();
        self.context.with(|ctx| {
            // A sandbox that is kept has what an earlier event has left.
            state::end();
            state::with(|state| state.deadline.set(context.deadline_ms));
            let handler = self.handler(&ctx)?;
            let event = event::read(&ctx, event)?;
            let returned = event::context(&ctx, context)
                .and_then(|context| call(&ctx, &handler, event, context))
                .map_err(|error| of_error(&ctx, &error))?;
            let result = settled(&ctx, returned);
            report_rejections(&ctx);
            match json::write(&ctx, &result?) {
                Ok(text) => Ok(text.unwrap_or_else(|| b"null".to_vec())),
                Err(_) => Err(of_exception(&ctx)),
            }
        })
    }

    /// Compiles a file to bytecode, and runs nothing of it.
    pub(crate) fn compile(&self, path: &str, content: &[u8]) -> Result<Vec<u8>, Mistake> {
        self.context.with(|ctx| script::bytecode(&ctx, path, content))
    }

    /// The handler of the script, which runs first if it has not run.
    fn handler(&self, ctx: &Ctx<'_>) -> Result<Handler, Failure> {
        let handler = match self.handler.take() {
            Some(handler) => handler,
            None => start(ctx)?,
        };
        self.handler.set(Some(handler.clone()));
        Ok(handler)
    }
}

#[cfg(not(target_family = "wasm"))]
impl Drop for Engine {
    fn drop(&mut self) {
        self.handler.take();
        state::clear();
    }
}

fn start(ctx: &Ctx<'_>) -> Result<Handler, Failure> {
    let failed = |error: rquickjs::Error| of_error(ctx, &error);
    let exports = match script::start(ctx).map_err(failed)? {
        script::Started::Exports(exports) => exports,
        script::Started::Module(exports, promise) => {
            run(ctx, &promise, Until::Settled)?;
            fulfilled(ctx, &promise)?;
            exports
        }
    };
    find(ctx, exports).map_err(failed)?.ok_or_else(no_handler)
}

fn no_handler() -> Failure {
    failure::new(
        "Function.NoHandler",
        "the script exports no handler: write `export default function (event, context) { … }`, `export const handler = …` or \
         `exports.handler = …`",
    )
}

/// The handler among the exports: `handler`, or the default export, or its `handler`.
fn find<'js>(ctx: &Ctx<'js>, exports: Value<'js>) -> rquickjs::Result<Option<Handler>> {
    let mut open = Some(exports);
    // The exports, their default, and its default if it was CommonJS.
    for _ in 0..3 {
        let Some(exports) = open.take() else { break };
        if let Some(function) = exports.as_function() {
            let this = Value::new_undefined(ctx.clone());
            return handler(ctx, function.clone(), this).map(Some);
        }
        let Some(object) = exports.as_object() else { break };
        let named: Value<'js> = object.get("handler")?;
        if let Some(function) = named.as_function() {
            return handler(ctx, function.clone(), exports.clone()).map(Some);
        }
        let default: Value<'js> = object.get("default")?;
        open = (!default.is_undefined()).then_some(default);
    }
    Ok(None)
}

fn handler<'js>(ctx: &Ctx<'js>, function: Function<'js>, this: Value<'js>) -> rquickjs::Result<Handler> {
    let length: f64 = function.get::<_, Value<'js>>("length")?.as_number().unwrap_or(0.0);
    Ok(Handler {
        function: Persistent::save(ctx, function),
        this: Persistent::save(ctx, this),
        takes_callback: length >= 3.0,
    })
}

/// Calls the handler. What it returns may be a promise.
fn call<'js>(
    ctx: &Ctx<'js>,
    handler: &Handler,
    event: Value<'js>,
    context: Object<'js>,
) -> rquickjs::Result<Returned<'js>> {
    let function = handler.function.clone().restore(ctx)?;
    let this = rquickjs::function::This(handler.this.clone().restore(ctx)?);
    if handler.takes_callback {
        let with_callback = state::of_prelude(ctx, "callWithCallback")?;
        let value = with_callback.call((function, this.0, event, context.clone()))?;
        return Ok(Returned { value, context: Some(context) });
    }
    Ok(Returned { value: function.call((this, event, context))?, context: None })
}

struct Returned<'js> {
    value: Value<'js>,
    /// Of a handler that calls back, which may have more to do afterwards.
    context: Option<Object<'js>>,
}

/// The value that a promise is fulfilled with, after the turns that this takes; or the value itself.
fn settled<'js>(ctx: &Ctx<'js>, returned: Returned<'js>) -> Result<Value<'js>, Failure> {
    let failed = |error: rquickjs::Error| of_error(ctx, &error);
    let value = returned.value;
    let promise = match value.as_promise() {
        Some(promise) => promise.clone(),
        // A thenable is what `await` makes of it.
        None if value.is_object() => {
            let resolve = state::of_prelude(ctx, "resolve").map_err(failed)?;
            match resolve.call::<_, Value<'js>>((value.clone(),)).map_err(failed)?.into_promise() {
                Some(promise) => promise,
                None => return Ok(value),
            }
        }
        None => return Ok(value),
    };
    let waits = match returned.context {
        Some(context) => {
            context.get::<_, Value<'js>>("callbackWaitsForEmptyEventLoop").map_err(failed)?.as_bool()
        }
        None => Some(false),
    };
    run(ctx, &promise, if waits == Some(false) { Until::Settled } else { Until::Idle })?;
    fulfilled(ctx, &promise)
}

fn fulfilled<'js>(ctx: &Ctx<'js>, promise: &Promise<'js>) -> Result<Value<'js>, Failure> {
    match promise.result::<Value<'js>>() {
        Some(Ok(value)) => Ok(value),
        // What was reported is not reported again.
        Some(Err(_)) => {
            let reason = ctx.catch();
            forget(ctx, promise);
            Err(of_value(ctx, &reason))
        }
        None => Err(failure::never_settled()),
    }
}

/// Keeps rejections that nothing handles. QuickJS calls it again when one is handled after all.
#[expect(clippy::needless_pass_by_value, reason = "rquickjs passes values")]
fn track<'js>(ctx: Ctx<'js>, promise: Value<'js>, reason: Value<'js>, is_handled: bool) {
    state::with(|state| {
        let mut rejections = state.rejections.borrow_mut();
        if is_handled {
            rejections.retain(|one| one.promise.clone().restore(&ctx).is_ok_and(|other| other != promise));
        } else {
            let promise = Persistent::save(&ctx, promise);
            rejections.push(Rejection { promise, reason: Persistent::save(&ctx, reason) });
        }
    });
}

fn forget<'js>(ctx: &Ctx<'js>, promise: &Promise<'js>) {
    track(ctx.clone(), promise.clone().into_value(), Value::new_undefined(ctx.clone()), true);
}

/// Logs rejections that nothing has handled, after the handler has answered.
fn report_rejections(ctx: &Ctx<'_>) {
    for rejection in state::with(|state| state.rejections.take()) {
        let failure = failure::of_rejection(ctx, rejection);
        natives::log(
            "ERROR",
            &format!("unhandled rejection: {}: {}", failure.error_type, failure.error_message),
        );
    }
}
