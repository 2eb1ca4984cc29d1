//! Sends one event to its function, and records it from the first to the last byte of its response.

use std::sync::Arc;

use tokio::sync::mpsc::channel;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::function::Function;
use crate::dev::records::{LARGEST_RESPONSE, Received, Way};
use crate::local::events::{Event, Failure, Piece, Reply, Stream};

/// An event for a function.
#[derive(Debug, Clone)]
pub(in crate::dev) struct Call {
    pub(in crate::dev) request_id: String,
    pub(in crate::dev) way: Way,
    pub(in crate::dev) event: Event,
}

/// Has an event handled. It is handled even if this future is dropped.
pub(in crate::dev) async fn call(function: &Arc<Function>, call: Call, slot: OwnedSemaphorePermit) -> Reply {
    let (sender, reply) = oneshot::channel();
    tokio::spawn(handle(Arc::clone(function), call, slot, sender));
    let gone = |_| Reply::Failed(Failure::new("Runtime.Unavailable", "the function no longer exists"));
    reply.await.unwrap_or_else(gone)
}

async fn handle(
    function: Arc<Function>,
    call: Call,
    slot: OwnedSemaphorePermit,
    caller: oneshot::Sender<Reply>,
) {
    let Call { request_id, way, event } = call;
    let tenant_id = event.tenant_id.as_ref().map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let records = &function.shared.records;
    records.receive(&Received {
        request_id: &request_id,
        function: &function.name,
        way,
        tenant_id,
        event: &event.body,
    });
    let Ok(reply) = function.send(request_id.clone(), event).await else { return };
    match &reply {
        Reply::Whole(body) => records.answer(&request_id, None, body, body.len()),
        Reply::Failed(failure) | Reply::NotStarted(failure) => {
            let error_type = Some(failure.error_type.as_str());
            records.answer(&request_id, error_type, &failure.body, failure.body.len());
        }
        Reply::Streamed(_) => {}
    }
    let Reply::Streamed(stream) = reply else {
        // The caller may have stopped waiting.
        drop((slot, caller.send(reply)));
        return;
    };
    let (sender, pieces) = channel(1);
    let passed = Stream { content_type: stream.content_type.clone(), pieces };
    drop(caller.send(Reply::Streamed(passed)));
    let passed = pass(stream, &sender).await;
    match &passed.failure {
        None => records.answer(&request_id, None, &passed.start, passed.bytes),
        Some(failure) => {
            records.answer(&request_id, Some(&failure.error_type), &failure.body, failure.body.len())
        }
    }
    drop(slot);
}

/// A stream that was passed on.
#[derive(Debug, Default)]
struct Passed {
    failure: Option<Failure>,
    bytes: usize,
    /// All of it, or as much as would be kept.
    start: Vec<u8>,
}

/// Passes a stream on to its end, even if the reader is gone.
async fn pass(mut stream: Stream, reader: &tokio::sync::mpsc::Sender<Piece>) -> Passed {
    let mut passed = Passed::default();
    loop {
        let piece = stream.next().await;
        let is_end = match &piece {
            Piece::Data(data) => {
                passed.bytes += data.len();
                let room = LARGEST_RESPONSE.saturating_sub(passed.start.len());
                passed.start.extend_from_slice(&data[..data.len().min(room)]);
                false
            }
            Piece::Failed(failure) => {
                passed.failure = Some(failure.clone());
                true
            }
            Piece::End => true,
        };
        let _ = reader.send(piece).await;
        if is_end {
            return passed;
        }
    }
}
