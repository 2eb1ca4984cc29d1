//! What the engine keeps beside QuickJS while a script runs: values that Rust holds, so that they are not freed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use rquickjs::{Ctx, Function, Object, Persistent, Result, Value};

use crate::platform::File;
use crate::turns::Timers;

/// A promise that was rejected, and that nothing handles so far.
pub(crate) struct Rejection {
    /// Which one it is.
    pub(crate) promise: Persistent<Value<'static>>,
    pub(crate) reason: Persistent<Value<'static>>,
}

/// What completes a request or the like: it is called in the context, when the future is ready.
pub(crate) type Completion = Box<dyn for<'js> FnOnce(&Ctx<'js>) -> Result<()>>;

/// Something that the host does meanwhile.
pub(crate) type Pending = Pin<Box<dyn Future<Output = Completion>>>;

/// See above.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) timers: RefCell<Timers>,
    pub(crate) pending: RefCell<Vec<Pending>>,
    pub(crate) rejections: RefCell<Vec<Rejection>>,
    /// `module` of each CommonJS module that was required.
    pub(crate) required: RefCell<BTreeMap<String, Persistent<Object<'static>>>>,
    /// Files that were looked for, until they are loaded.
    pub(crate) found: RefCell<BTreeMap<String, File>>,
    /// The functions that the prelude has for Rust.
    pub(crate) prelude: RefCell<Option<Persistent<Object<'static>>>>,
    /// When this sandbox is stopped, in milliseconds since the Unix epoch.
    pub(crate) deadline: Cell<u64>,
    /// Whether a file is only compiled, so that its imports are not looked for.
    pub(crate) compiles_only: Cell<bool>,
    /// The state of `Math.random`; 0 before its first use.
    pub(crate) random: Cell<u64>,
}

thread_local! {
    static STATE: State = State::default();
}

/// The state of the one engine of this thread.
pub(crate) fn with<T>(use_it: impl FnOnce(&State) -> T) -> T {
    STATE.with(use_it)
}

/// Frees what is kept, before the engine itself is freed.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn clear() {
    with(|state| {
        state.timers.take();
        state.pending.take();
        state.rejections.take();
        state.required.take();
        state.found.take();
        state.prelude.take();
    });
}

/// A function that the prelude has for Rust.
pub(crate) fn of_prelude<'js>(ctx: &Ctx<'js>, name: &str) -> Result<Function<'js>> {
    let prelude = with(|state| state.prelude.borrow().clone());
    let prelude = prelude.ok_or(rquickjs::Error::Unknown)?.restore(ctx)?;
    prelude.get(name)
}
