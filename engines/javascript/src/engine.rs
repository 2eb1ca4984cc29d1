//! [`Engine`]: one interpreter, and the way of an event through it.

use std::cell::Cell;

use bulkhead::bindings::lambda::bulkhead::lambda::types;
use rquickjs::atom::PredefinedAtom;
use rquickjs::{Context, Ctx, Function, Object, Persistent, Promise, Runtime, Value};

use crate::bindings::engine::bulkhead::lambda::script_http::{NoRequest, Request};
use crate::failure::{self, Failure, of_error, of_exception, of_value};
use crate::script::{self, Mistake};
use crate::state::{self, Rejection};
use crate::turns::{Until, run};
use crate::{clock, event, json, natives, platform, prelude};

/// How much of the stack in memory scripts may use. The rest of what `build.rs` links is for what QuickJS and Rust do without
/// looking at the limit.
pub(crate) const STACK: usize = 224 * 1024;

/// How many bytes a script allocates before unused cycles are looked for. Most events end before.
const GARBAGE: usize = 16 * 1024 * 1024;

/// The interpreter with its globals, and later with a script.
pub(crate) struct Engine {
    context: Context,
    exported: Cell<Option<Exported>>,
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

/// What a script exports: a handler, an HTTP service, or both.
#[derive(Clone, Default)]
struct Exported {
    handler: Option<Handler>,
    service: Option<Handler>,
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
                .and_then(|natives| prelude::run(&ctx, &natives, files))
                .map_err(|error| of_error(&ctx, &error))
        })?;
        Ok(Self {
            context,
            exported: Cell::new(None),
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
            let Exported { handler, service } = self.exported(&ctx)?;
            if let Some(service) = service {
                match platform::receive(handler.is_some()) {
                    Ok(request) => return serve(&ctx, &service, request, context),
                    // The host answers.
                    Err(NoRequest::Refused) => return Ok(Vec::new()),
                    Err(NoRequest::OtherEvent) => {}
                }
            }
            let handler = handler.ok_or_else(no_handler)?;
            let event = event::read(&ctx, event)?;
            state::leave(&ctx, event.clone());
            let returned = event::context(&ctx, context)
                .and_then(|context| {
                    state::leave(&ctx, context.clone().into_value());
                    call(&ctx, &handler, event, context)
                })
                .map_err(|error| of_error(&ctx, &error))?;
            let result = settled(&ctx, returned);
            report_rejections(&ctx);
            let result = result?;
            if state::with(|state| state.streams.get()) {
                return Ok(Vec::new());
            }
            let text = json::write(&ctx, &result);
            state::leave(&ctx, result);
            match text {
                Ok(text) => Ok(text.unwrap_or_else(|| b"null".to_vec())),
                Err(_) => Err(of_exception(&ctx)),
            }
        })
    }

    /// Compiles a file to bytecode, and runs nothing of it.
    pub(crate) fn compile(&self, path: &str, content: &[u8]) -> Result<Vec<u8>, Mistake> {
        self.context.with(|ctx| script::bytecode(&ctx, path, content))
    }

    /// What the script exports, which runs first if it has not run.
    fn exported(&self, ctx: &Ctx<'_>) -> Result<Exported, Failure> {
        let exported = match self.exported.take() {
            Some(exported) => exported,
            None => start(ctx)?,
        };
        self.exported.set(Some(exported.clone()));
        Ok(exported)
    }
}

#[cfg(not(target_family = "wasm"))]
impl Drop for Engine {
    fn drop(&mut self) {
        self.exported.take();
        state::clear();
    }
}

fn start(ctx: &Ctx<'_>) -> Result<Exported, Failure> {
    let failed = |error: rquickjs::Error| of_error(ctx, &error);
    let (exports, is_module) = match script::start(ctx).map_err(failed)? {
        script::Started::Exports(exports) => (exports, false),
        script::Started::Module(exports, promise) => {
            run(ctx, &promise, Until::Settled)?;
            fulfilled(ctx, &promise)?;
            (exports, true)
        }
    };
    let exported = find(ctx, exports, is_module).map_err(failed)?;
    if exported.handler.is_none() && exported.service.is_none() {
        return Err(no_handler());
    }
    Ok(exported)
}

fn no_handler() -> Failure {
    failure::new(
        "Function.NoHandler",
        "the script exports no handler: write `export default function (event, context) { … }`, `export const handler = …`, \
         `exports.handler = …`, or `export default { fetch(request) { … } }` for an HTTP service",
    )
}

/// The handler among the exports is `handler`, or the default export, or its `handler`. The service is `fetch` of the default
/// export, or of `module.exports`.
fn find<'js>(ctx: &Ctx<'js>, exports: Value<'js>, is_module: bool) -> rquickjs::Result<Exported> {
    let mut found = Exported::default();
    let mut open = Some(exports);
    // The exports, their default, and its default if it was CommonJS.
    for depth in 0..3 {
        let Some(exports) = open.take() else { break };
        if let Some(function) = exports.as_function() {
            if found.handler.is_none() {
                let this = Value::new_undefined(ctx.clone());
                found.handler = Some(handler(ctx, function.clone(), this)?);
            }
            break;
        }
        let Some(object) = exports.as_object() else { break };
        if found.handler.is_none() {
            found.handler = method(ctx, object, "handler")?;
        }
        if depth > 0 || !is_module {
            found.service = method(ctx, object, "fetch")?;
        }
        if found.service.is_some() {
            break;
        }
        let default: Value<'js> = object.get(PredefinedAtom::Default)?;
        open = (!default.is_undefined()).then_some(default);
    }
    Ok(found)
}

fn method<'js>(ctx: &Ctx<'js>, object: &Object<'js>, name: &str) -> rquickjs::Result<Option<Handler>> {
    let named: Value<'js> = object.get(name)?;
    let Some(function) = named.as_function() else { return Ok(None) };
    handler(ctx, function.clone(), object.clone().into_value()).map(Some)
}

fn handler<'js>(ctx: &Ctx<'js>, function: Function<'js>, this: Value<'js>) -> rquickjs::Result<Handler> {
    let length: f64 = function.get::<_, Value<'js>>(PredefinedAtom::Length)?.as_number().unwrap_or(0.0);
    Ok(Handler {
        function: Persistent::save(ctx, function),
        this: Persistent::save(ctx, this),
        takes_callback: length >= 3.0,
    })
}

/// Lets a service answer the event, which is a request.
fn serve(
    ctx: &Ctx<'_>,
    service: &Handler,
    request: Request,
    context: types::Context,
) -> Result<Vec<u8>, Failure> {
    let called = event::request(ctx, request).and_then(|request| {
        let function = service.function.clone().restore(ctx)?;
        let this = service.this.clone().restore(ctx)?;
        let context = event::context(ctx, context)?;
        state::of_prelude(ctx, "serve")?.call((function, this, request, context))
    });
    let value = called.map_err(|error| of_error(ctx, &error))?;
    let result = settled(ctx, Returned { value, context: None });
    report_rejections(ctx);
    result.map(|_| Vec::new())
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
    if !value.is_object() {
        return Ok(value);
    }
    // An object is what `await` makes of it: a promise is itself, and a subclass of promises or another thenable has a `then`.
    let resolve = state::of_prelude(ctx, "resolve").map_err(failed)?;
    let Some(promise) = resolve.call::<_, Value<'js>>((value.clone(),)).map_err(failed)?.into_promise()
    else {
        return Ok(value);
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
