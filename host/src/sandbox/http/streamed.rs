//! A streamed response: passed on while its service runs.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Body;
use hyper::{Method, Request};
use wasmtime::Store;
use wasmtime_wasi_http::p2::bindings::Proxy;

use super::arguments;
use super::collected::Receiver;
use super::service_error::{ServiceError, given};
use crate::capabilities::State;
use crate::capabilities::limits::Exceeded;
use crate::capabilities::response_stream::{self, Head};
use crate::http_event::has_body;
use crate::sandbox::outcome::Outcome;

/// Calls the service, and passes its response on as it comes.
pub(super) async fn stream(
    service: &Proxy,
    store: &mut Store<State>,
    request: Request<Bytes>,
) -> wasmtime::Result<Outcome> {
    let is_head = request.method() == Method::HEAD;
    let (request, outparam, receiver) = arguments(store, request)?;
    let response = store.data().response.clone();
    let has_ended = AtomicBool::new(false);
    let mut sent = pin!(forward(receiver, is_head, &response, &has_ended));
    let mut call = pin!(service.wasi_http_incoming_handler().call_handle(store, request, outparam));
    let mut has_returned = false;
    let sent = loop {
        tokio::select! {
            biased;
            // The last written bytes still have to be sent.
            returned = &mut call, if !has_returned => {
                returned?;
                has_returned = true;
                has_ended.store(true, Ordering::Relaxed);
            }
            sent = &mut sent => break sent?,
        }
    };
    if !has_returned {
        call.await?;
    }
    Ok(sent.map_or_else(Outcome::ServiceFailed, |()| Outcome::Replied(Vec::new())))
}

/// Passes a response on, piece by piece, no faster than it is read.
async fn forward(
    mut receiver: Receiver,
    is_head: bool,
    response: &response_stream::Response,
    has_ended: &AtomicBool,
) -> Result<Result<(), ServiceError>, Exceeded> {
    let came = unless_ended(has_ended, |context| Pin::new(&mut receiver).poll(context)).await;
    let (head, mut body) = match came {
        Some(Ok(Ok(response))) => response.into_parts(),
        Some(Ok(Err(code))) => return Ok(Err(given(code))),
        Some(Err(_)) | None => return Ok(Err(ServiceError::NoResponse)),
    };
    let sends_body = has_body(is_head, head.status);
    let opened = Head::http(head.status, &head.headers).map_err(ServiceError::from);
    let writer = match opened.and_then(|head| open(response, head)) {
        Ok(writer) => writer,
        Err(error) => return Ok(Err(error)),
    };
    loop {
        let frame = match unless_ended(has_ended, |context| Pin::new(&mut body).poll_frame(context)).await {
            Some(Some(Ok(frame))) => frame,
            Some(None) => break,
            Some(Some(Err(_))) | None => return Ok(Err(ServiceError::BodyUnfinished)),
        };
        // No sender of events supports trailers.
        let piece = frame.into_data().unwrap_or_default();
        if sends_body && !piece.is_empty() && !writer.send(piece).await? {
            break;
        }
    }
    Ok(Ok(()))
}

/// The next piece, available now or while the service runs. Bytes that are not written when it returns never
/// come.
async fn unless_ended<T>(
    has_ended: &AtomicBool,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    // Tokio would sometimes make it wait although there is something to receive.
    tokio::task::unconstrained(std::future::poll_fn(|context| match poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if has_ended.load(Ordering::Relaxed) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    }))
    .await
}

/// Opens the stream. An event of a service is never part of a batch, and this is its first response.
pub(super) fn open(
    response: &response_stream::Response,
    head: Head,
) -> Result<response_stream::Writer, ServiceError> {
    response.open(head).map_err(|_| ServiceError::NoResponse)
}
