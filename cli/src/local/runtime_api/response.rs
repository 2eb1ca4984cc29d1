//! The response to an event from a runtime: whole, or as a stream (sections 3 and 7 of `docs/runtime-api.md`).

use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Response, StatusCode};
use tokio::sync::mpsc::{Sender, channel};

use super::{ERROR_TYPE, accepted, answered, cut_short, error, error_type};
use crate::local::events::{Events, Failure, Piece, Reply, Stream};

/// Lambda's limit of a whole response: 6 MiB and 100 undocumented bytes (R3.3).
const LARGEST: usize = 6 * 1024 * 1024 + 100;

/// The number of pieces in flight: a runtime can be no faster than its caller.
const AHEAD: usize = 2;

/// Handles a response.
pub(super) async fn take(
    events: &Events,
    id: &str,
    headers: &HeaderMap,
    body: Body,
) -> Response<Full<Bytes>> {
    match headers.get("lambda-runtime-function-response-mode").map(|mode| mode.as_bytes()) {
        None => whole(events, id, body).await,
        Some(b"streaming") => streamed(events, id, headers, body).await,
        Some(_) => {
            let message = "Invalid response mode";
            error(StatusCode::BAD_REQUEST, "InvalidFunctionResponseMode", message)
        }
    }
}

async fn whole(events: &Events, id: &str, body: Body) -> Response<Full<Bytes>> {
    let body = match Limited::new(body, LARGEST).collect().await {
        Ok(body) => body,
        Err(error) if error.is::<LengthLimitError>() => {
            // The caller may be gone.
            drop(events.answer(id, Reply::Failed(Failure::too_large(LARGEST))));
            return too_large();
        }
        Err(_) => return cut_short(),
    };
    let failure = body.trailers().and_then(failure);
    let reply = failure.map_or_else(|| Reply::Whole(body.to_bytes()), Reply::Failed);
    answered(&events.answer(id, reply))
}

fn too_large() -> Response<Full<Bytes>> {
    let message = format!("Exceeded maximum allowed payload size ({LARGEST} bytes).");
    error(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
}

async fn streamed(events: &Events, id: &str, headers: &HeaderMap, mut body: Body) -> Response<Full<Bytes>> {
    let (sender, pieces) = channel(AHEAD);
    let stream = Stream { content_type: headers.get(CONTENT_TYPE).cloned(), pieces };
    if let Err(unknown) = events.answer(id, Reply::Streamed(stream)) {
        return answered(&Err(unknown));
    }
    // This runs also if the connection breaks and the future is dropped.
    let _end = End { events, id };
    let mut last = Piece::End;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return cut_short() };
        match frame.into_data() {
            Ok(data) => send(&sender, Piece::Data(data)).await,
            Err(frame) => {
                let failure = frame.trailers_ref().and_then(failure);
                last = failure.map_or(Piece::End, Piece::Failed);
            }
        }
    }
    send(&sender, last).await;
    accepted()
}

/// In Lambda, a caller that disconnects does not stop the handler either.
async fn send(sender: &Sender<Piece>, piece: Piece) {
    drop(sender.send(piece).await);
}

struct End<'e> {
    events: &'e Events,
    id: &'e str,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.events.end(self.id);
    }
}

/// A stream that failed reports the error in its trailers (S7.3).
fn failure(trailers: &HeaderMap) -> Option<Failure> {
    trailers.get(ERROR_TYPE)?;
    let encoded = trailers.get("lambda-runtime-function-error-body");
    let body = encoded.and_then(|value| BASE64_STANDARD.decode(value.as_bytes()).ok()).unwrap_or_default();
    Some(Failure { body: body.into(), error_type: error_type(trailers) })
}
