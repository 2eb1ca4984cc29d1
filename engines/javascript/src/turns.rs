//! The turns of the event loop: jobs of promises first, then what is due of timers and requests.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Function, Persistent, Promise, qjs};

use crate::failure::{Failure, of_rejection};
use crate::state::{self, Rejection};
use crate::{clock, failure, platform};

/// The timers of a script.
#[derive(Default)]
pub(crate) struct Timers {
    last: u32,
    /// By the time when they are due, and their number.
    due: BTreeMap<(u64, u32), Timer>,
}

struct Timer {
    callback: Persistent<Function<'static>>,
    /// How long it is from one call to the next, in nanoseconds.
    again: Option<u64>,
    /// Whether an event does not wait for it.
    is_idle: bool,
}

/// A longer one is 1 ms, as elsewhere.
const LONGEST_DELAY: f64 = 2_147_483_647.0;

impl Timers {
    /// Starts a timer, and returns its number.
    pub(crate) fn start(
        &mut self,
        callback: Persistent<Function<'static>>,
        milliseconds: f64,
        kind: u32,
    ) -> u32 {
        let is_valid = (1.0..=LONGEST_DELAY).contains(&milliseconds);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
        let delay = if is_valid { milliseconds as u64 } else { 1 } * 1_000_000;
        self.last += 1;
        let due = clock::monotonic().saturating_add(delay);
        let timer = Timer { callback, again: (kind == 1).then_some(delay), is_idle: kind == 2 };
        self.due.insert((due, self.last), timer);
        self.last
    }

    /// Stops a timer.
    pub(crate) fn stop(&mut self, number: u32) {
        self.due.retain(|(_, one), _| *one != number);
    }

    /// Whether an event waits for one of them.
    fn is_any(&self) -> bool {
        self.due.values().any(|timer| !timer.is_idle)
    }

    fn next(&self) -> Option<u64> {
        self.due.keys().next().map(|(due, _)| *due)
    }

    /// The callback of the first timer, if it is due.
    fn take(&mut self, now: u64) -> Option<Persistent<Function<'static>>> {
        let (due, number) = self.due.keys().next().copied().filter(|(due, _)| *due <= now)?;
        let timer = self.due.remove(&(due, number))?;
        let callback = timer.callback.clone();
        if let Some(delay) = timer.again {
            self.due.insert((now.saturating_add(delay), number), timer);
        }
        Some(callback)
    }
}

/// When a run of the loop ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// When the promise is settled.
    Settled,
    /// When it is settled and nothing else is left to do.
    Idle,
}

/// Runs the loop until the promise is settled.
pub(crate) fn run(ctx: &Ctx<'_>, promise: &Promise<'_>, until: Until) -> Result<(), Failure> {
    let mut sleep: Option<Pin<Box<dyn Future<Output = ()>>>> = None;
    let turns = poll_fn(|waker| {
        loop {
            jobs(ctx);
            let is_settled = promise.state() != PromiseState::Pending;
            if is_settled && until == Until::Settled {
                return Poll::Ready(Ok(()));
            }
            if !is_settled && let Some(rejection) = take_rejection() {
                return Poll::Ready(Err(of_rejection(ctx, rejection)));
            }
            if is_settled && !is_busy() {
                return Poll::Ready(Ok(()));
            }
            if !turn(ctx, waker) {
                match wait(waker, &mut sleep) {
                    Waited::Long => {}
                    Waited::Pending => return Poll::Pending,
                    Waited::Nothing if is_settled => return Poll::Ready(Ok(())),
                    Waited::Nothing => return Poll::Ready(Err(failure::never_settled())),
                }
            }
        }
    });
    match bulkhead::generated::block_on(turns) {
        Ok(result) => result,
        Err(stalled) => Err(failure::new(&stalled.error_type, stalled.error_message)),
    }
}

/// Whether there is anything left that an event waits for.
fn is_busy() -> bool {
    state::with(|state| !state.pending.borrow().is_empty() || state.timers.borrow().is_any())
}

/// Calls what is due. False if nothing was.
fn turn(ctx: &Ctx<'_>, waker: &mut Context<'_>) -> bool {
    let now = clock::monotonic();
    let due = state::with(|state| state.timers.borrow_mut().take(now));
    let is_due = due.is_some();
    if let Some(callback) = due {
        let called = callback.restore(ctx).and_then(|callback| callback.call::<_, ()>(()));
        if called.is_err() {
            uncaught(ctx);
        }
        // A timer that is always due must not keep requests waiting.
        jobs(ctx);
    }
    let done = state::with(|state| {
        let mut done = Vec::new();
        // A poll runs nothing of the script.
        state.pending.borrow_mut().retain(|_, one| match one.as_mut().poll(waker) {
            Poll::Ready(completion) => {
                done.push(completion);
                false
            }
            Poll::Pending => true,
        });
        done
    });
    let is_any = !done.is_empty();
    for completion in done {
        if completion(ctx).is_err() {
            uncaught(ctx);
        }
        // As between any two callbacks, the jobs of the first come before the second.
        jobs(ctx);
    }
    is_any || is_due
}

/// Runs jobs until there are none. What one throws that is not a promise's, such as one of `queueMicrotask`, nobody can catch.
#[expect(unsafe_code, reason = "a call of QuickJS")]
fn jobs(ctx: &Ctx<'_>) {
    let context = ctx.as_raw().as_ptr();
    loop {
        let mut of = context;
        // SAFETY: the context is valid, and so is its runtime.
        let done = unsafe { qjs::JS_ExecutePendingJob(qjs::JS_GetRuntime(context), &raw mut of) };
        match done {
            0 => return,
            1.. => {}
            ..0 => uncaught(ctx),
        }
    }
}

enum Waited {
    /// A timer is due.
    Long,
    /// The host has not made anything ready so far.
    Pending,
    /// There is nothing to wait for.
    Nothing,
}

fn wait(waker: &mut Context<'_>, sleep: &mut Option<Pin<Box<dyn Future<Output = ()>>>>) -> Waited {
    let (next, is_pending) =
        state::with(|state| (state.timers.borrow().next(), !state.pending.borrow().is_empty()));
    *sleep = None;
    let Some(next) = next else { return if is_pending { Waited::Pending } else { Waited::Nothing } };
    let mut sleeping: Pin<Box<dyn Future<Output = ()>>> =
        Box::pin(platform::sleep(next.saturating_sub(clock::monotonic())));
    match sleeping.as_mut().poll(waker) {
        Poll::Ready(()) => Waited::Long,
        Poll::Pending => {
            *sleep = Some(sleeping);
            Waited::Pending
        }
    }
}

/// An exception of a callback that nobody can catch: the event fails with it, as with a rejection that nothing handles.
fn uncaught(ctx: &Ctx<'_>) {
    let reason = Persistent::save(ctx, ctx.catch());
    state::with(|state| state.rejections.borrow_mut().push(Rejection { promise: reason.clone(), reason }));
}

fn take_rejection() -> Option<Rejection> {
    state::with(|state| {
        let mut rejections = state.rejections.borrow_mut();
        if rejections.is_empty() { None } else { Some(rejections.remove(0)) }
    })
}
