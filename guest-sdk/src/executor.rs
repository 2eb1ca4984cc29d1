//! [`block_on`]: polls an `async` handler until it ends.
//!
//! A sandbox has one thread, so a future can only be woken while it is being polled. A future that is pending
//! and was not woken would wait for ever. An executor that can wait for events from outside (such as
//! `wstd`'s) would belong here too.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::Diagnostic;

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls until the future is ready.
///
/// # Errors
/// If the future waits for something that cannot happen.
pub fn block_on<F: Future>(future: F) -> Result<F::Output, Diagnostic> {
    let mut future = pin!(future);
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
        if !woken.0.swap(false, Ordering::Relaxed) {
            return Err(stalled());
        }
    }
}

fn stalled() -> Diagnostic {
    Diagnostic {
        error_type: "HandlerStalled".into(),
        error_message:
            "the handler awaits something that cannot complete in this sandbox: a timer, a socket \
                        or a task of an executor that does not run here"
                .into(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};

    use super::*;

    #[test]
    fn a_future_that_is_ready() {
        assert_eq!(block_on(ready(7)), Ok(7));
    }

    #[test]
    fn a_future_that_wakes_itself_is_polled_again() {
        let mut left = 3;
        let counted = poll_fn(|context| {
            left -= 1;
            context.waker().wake_by_ref();
            if left == 0 { Poll::Ready("done") } else { Poll::Pending }
        });
        assert_eq!(block_on(counted), Ok("done"));
    }

    #[test]
    fn a_future_that_nothing_wakes_is_an_error() {
        assert_eq!(block_on(pending::<()>()).unwrap_err().error_type, "HandlerStalled");
    }
}
