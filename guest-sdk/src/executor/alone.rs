//! The executor of this crate, which knows one future.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::STALLED;
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
pub(super) fn block_on<F: Future>(future: F) -> Result<F::Output, Diagnostic> {
    let mut future = pin!(future);
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
        while !woken.0.swap(false, Ordering::Relaxed) {
            if !waited() {
                return Err(Diagnostic {
                    error_type: "HandlerStalled".into(),
                    error_message: STALLED.into(),
                });
            }
        }
    }
}

/// Waits for the host, if there is anything to wait for.
#[cfg(feature = "client")]
fn waited() -> bool {
    use super::reactor;

    let is_any = !reactor::is_idle();
    if is_any {
        reactor::wait(None);
    }
    is_any
}

#[cfg(not(feature = "client"))]
fn waited() -> bool {
    false
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
