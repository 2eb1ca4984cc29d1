//! A panic of the host ends one event with a report, instead of ending the process without one.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Runs an event so that a panic of the host ends that event with a report.
///
/// # Errors
/// The message of the panic.
pub(super) async fn catch_panic<T>(run: impl Future<Output = T>) -> Result<T, String> {
    let mut run = pin!(run);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(payload) => {
            let message = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "without a message".to_owned());
            Poll::Ready(Err(message))
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_host_is_told() {
        assert_eq!(catch_panic(async { 1 }).await, Ok(1));
        assert_eq!(catch_panic::<()>(async { panic!("a text") }).await, Err("a text".to_owned()));
        let made = std::hint::black_box(1);
        assert_eq!(catch_panic::<()>(async { panic!("made of {made}") }).await, Err("made of 1".to_owned()));
        let odd = catch_panic::<()>(async { std::panic::panic_any(7) }).await;
        assert_eq!(odd, Err("without a message".to_owned()));
    }
}
