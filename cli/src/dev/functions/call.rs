//! Sends one event to its function, and records it from the first to the last byte of its response.

use std::sync::Arc;

use tokio::sync::mpsc::channel;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::function::Function;
use crate::dev::records::{Received, Way};
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
        Reply::Whole(body) => records.answer(&request_id, None, body.len()),
        Reply::Failed(failure) | Reply::NotStarted(failure) => {
            records.answer(&request_id, Some(&failure.error_type), failure.body.len());
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
    let (error_type, bytes) = pass(stream, &sender).await;
    records.answer(&request_id, error_type.as_deref(), bytes);
    drop(slot);
}

/// Passes a stream on to its end, even if the reader is gone. Returns its error, if any, and its length.
async fn pass(mut stream: Stream, reader: &tokio::sync::mpsc::Sender<Piece>) -> (Option<String>, usize) {
    let mut bytes = 0;
    loop {
        let piece = stream.next().await;
        let end = match &piece {
            Piece::Data(data) => {
                bytes += data.len();
                None
            }
            Piece::Failed(failure) => Some(Some(failure.error_type.clone())),
            Piece::End => Some(None),
        };
        let _ = reader.send(piece).await;
        if let Some(error_type) = end {
            return (error_type, bytes);
        }
    }
}
