//! [`EventService`]: what [`run`](crate::run) takes, and [`service_fn`], which makes one of a function.

use std::fmt;

use crate::LambdaEvent;

/// A function that handles events. Made by [`service_fn`].
#[derive(Clone, Copy)]
pub struct ServiceFn<F>(F);

impl<F> fmt::Debug for ServiceFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceFn")
    }
}

/// Makes a service from an async function or a closure that takes a [`LambdaEvent`] and returns a `Result`.
/// [`run`](crate::run) takes it.
///
/// ```
/// use bulkhead::{Error, LambdaEvent, service_fn};
///
/// async fn next(event: LambdaEvent<u32>) -> Result<u32, Error> {
///     Ok(event.payload.checked_add(1).ok_or("there is no next number")?)
/// }
///
/// let service = service_fn(next);
/// # let _ = service;
/// ```
pub fn service_fn<F>(handler: F) -> ServiceFn<F> {
    ServiceFn(handler)
}

/// A service that handles events, as [`run`](crate::run) takes it: one that [`service_fn`] has made or, with the
/// feature `tower`, any service of tower for [`LambdaEvent`]s.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not handle events of type `{T}`",
    label = "not a service for `LambdaEvent<{T}>`",
    note = "pass `bulkhead::service_fn(handler)`, where `handler` is an async function from a `bulkhead::LambdaEvent<T>` to a `Result`",
    note = "services of tower need the feature `tower` of `bulkhead-sdk`"
)]
pub trait EventService<T> {
    /// The response.
    type Response;

    /// The error.
    type Error;

    /// Handles the event.
    fn handle(self, event: LambdaEvent<T>) -> impl Future<Output = Result<Self::Response, Self::Error>>;
}

#[cfg(not(feature = "tower"))]
impl<T, F, Fut, R, E> EventService<T> for ServiceFn<F>
where
    F: FnMut(LambdaEvent<T>) -> Fut,
    Fut: Future<Output = Result<R, E>>,
{
    type Response = R;
    type Error = E;

    fn handle(mut self, event: LambdaEvent<T>) -> impl Future<Output = Result<R, E>> {
        (self.0)(event)
    }
}

#[cfg(feature = "tower")]
impl<T, S: tower_service::Service<LambdaEvent<T>>> EventService<T> for S {
    type Response = S::Response;
    type Error = S::Error;

    async fn handle(mut self, event: LambdaEvent<T>) -> Result<S::Response, S::Error> {
        std::future::poll_fn(|context| self.poll_ready(context)).await?;
        self.call(event).await
    }
}

/// For layers of tower, and for services of HTTP requests.
#[cfg(feature = "tower")]
impl<F, Request, Fut, R, E> tower_service::Service<Request> for ServiceFn<F>
where
    F: FnMut(Request) -> Fut,
    Fut: Future<Output = Result<R, E>>,
{
    type Response = R;
    type Error = E;
    type Future = Fut;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), E>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Fut {
        (self.0)(request)
    }
}
