//! What the engine keeps beside QuickJS while a script runs: values that Rust holds, so that they are not freed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use bulkhead::client::Body;
use rquickjs::{Ctx, Function, Object, Persistent, Result, Value};

use crate::platform::{File, Output};
use crate::script::Graph;
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
    /// What the host does meanwhile, by number.
    pub(crate) pending: RefCell<BTreeMap<u32, Pending>>,
    /// Bodies of responses that nobody has read so far, by number.
    bodies: RefCell<BTreeMap<u32, Body>>,
    last: Cell<u32>,
    pub(crate) rejections: RefCell<Vec<Rejection>>,
    /// The response, once it has begun, unless it is what the handler returns.
    pub(crate) response: RefCell<Option<Rc<Output>>>,
    /// Whether the response is not what the handler returns.
    pub(crate) streams: Cell<bool>,
    /// `module` of each CommonJS module that was required.
    pub(crate) required: RefCell<BTreeMap<String, Persistent<Object<'static>>>>,
    /// The files that are there, of those that were looked for; with their contents until they are loaded.
    pub(crate) found: RefCell<BTreeMap<String, Option<File>>>,
    /// The imports of files that are being loaded.
    pub(crate) graph: RefCell<Graph>,
    /// The functions that the prelude has for Rust.
    pub(crate) prelude: RefCell<Option<Persistent<Object<'static>>>>,
    /// When this sandbox is stopped, in milliseconds since the Unix epoch.
    pub(crate) deadline: Cell<u64>,
    /// Whether a file is only compiled, so that its imports are not looked for.
    pub(crate) compiles_only: Cell<bool>,
    /// Whether that file has imports with attributes that bytecode does not keep.
    pub(crate) has_attributes: Cell<bool>,
    /// The state of `Math.random`; 0 before its first use.
    pub(crate) random: Cell<u64>,
    /// What an event leaves. Most sandboxes end with their first event, and need not free it.
    left: RefCell<Vec<Persistent<Value<'static>>>>,
}

impl State {
    fn number(&self) -> u32 {
        let number = self.last.get() + 1;
        self.last.set(number);
        number
    }

    /// Adds something that the host does meanwhile, and returns its number.
    pub(crate) fn add_pending(&self, pending: Pending) -> u32 {
        let number = self.number();
        self.put_pending(number, pending);
        number
    }

    /// Adds one under a number that is free.
    pub(crate) fn put_pending(&self, number: u32, pending: Pending) {
        self.pending.borrow_mut().insert(number, pending);
    }

    /// Gives it up.
    pub(crate) fn cancel(&self, number: u32) {
        let cancelled = self.pending.borrow_mut().remove(&number);
        // It may hold values, whose end may run anything.
        drop(cancelled);
    }

    /// Adds a body, and returns its number.
    pub(crate) fn add_body(&self, body: Body) -> u32 {
        let number = self.number();
        self.put_body(number, body);
        number
    }

    /// Puts one back.
    pub(crate) fn put_body(&self, number: u32, body: Body) {
        self.bodies.borrow_mut().insert(number, body);
    }

    /// Takes a body.
    pub(crate) fn take_body(&self, number: u32) -> Option<Body> {
        self.bodies.borrow_mut().remove(&number)
    }
}

thread_local! {
    static STATE: State = State::default();
}

/// The state of the one engine of this thread.
pub(crate) fn with<T>(use_it: impl FnOnce(&State) -> T) -> T {
    STATE.with(use_it)
}

/// Lets the next event free a value, if there is one.
pub(crate) fn leave<'js>(ctx: &Ctx<'js>, value: Value<'js>) {
    with(|state| state.left.borrow_mut().push(Persistent::save(ctx, value)));
}

/// Gives up what an event waits for no more: its timers, requests, bodies, rejections, and its response after all of them.
pub(crate) fn end() {
    let left = with(|state| {
        state.streams.set(false);
        let waiting = (state.timers.take(), state.pending.take(), state.bodies.take());
        (waiting, state.left.take(), state.rejections.take(), state.response.take())
    });
    // Outside of the state: the end of a value may run anything.
    drop(left);
}

/// Frees what is kept, before the engine itself is freed.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn clear() {
    end();
    with(|state| {
        state.required.take();
        state.found.take();
        state.graph.take();
        state.prelude.take();
    });
}

/// A function that the prelude has for Rust.
pub(crate) fn of_prelude<'js>(ctx: &Ctx<'js>, name: &str) -> Result<Function<'js>> {
    let prelude = with(|state| state.prelude.borrow().clone());
    let prelude = prelude.ok_or(rquickjs::Error::Unknown)?.restore(ctx)?;
    prelude.get(name)
}
