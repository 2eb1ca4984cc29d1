//! [`block_on`]: polls an `async` handler until it ends.
//!
//! A sandbox has one thread. While a future is pending and was not woken, the only thing that can still happen
//! is that the host makes something ready, such as a timer or a response: then the executor waits for the
//! host. If there is no such thing, the future would wait for ever, which is an error. With the feature
//! `tokio`, the executor is Tokio's.

#[cfg(any(test, not(feature = "tokio")))]
mod alone;
#[cfg(feature = "tokio")]
mod on_tokio;
#[cfg(feature = "client")]
pub(crate) mod reactor;

use crate::Diagnostic;

/// Why a handler is given up that waits for ever.
#[cfg_attr(all(feature = "tokio", not(target_family = "wasm")), allow(dead_code, reason = "for components"))]
const STALLED: &str = "the handler awaits something that cannot complete in this sandbox: a timer, a socket or a \
                       task of an executor that does not run here";

/// Polls until the future is ready.
///
/// # Errors
/// If the future waits for something that cannot happen.
pub fn block_on<F: Future>(future: F) -> Result<F::Output, Diagnostic> {
    #[cfg(feature = "tokio")]
    return on_tokio::block_on(future);
    #[cfg(not(feature = "tokio"))]
    alone::block_on(future)
}
