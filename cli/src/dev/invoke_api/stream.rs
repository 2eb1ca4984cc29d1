//! The response of `InvokeWithResponseStream`: frames of AWS's event stream, one for each piece and one for
//! the end.

use std::sync::Arc;

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue as Value, Message};
use axum::response::Response;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde_json::json;
use tokio::sync::mpsc::{Sender, channel};

use super::answer;
use crate::dev::functions::function::Shared;
use crate::dev::http::response;
use crate::local::events::{Failure, Piece, Reply, Stream};

/// Starts the response, before the outcome is known.
pub(super) fn streamed(reply: Reply, log: Option<Arc<Shared>>, request_id: &str) -> Response {
    let (sender, frames) = channel(1);
    let request_id = request_id.to_owned();
    tokio::spawn(async move {
        let failure = pieces(reply, &sender).await;
        let tail = match log {
            Some(shared) => Some(answer::tail(shared.records.complete(&request_id).await.as_ref())),
            None => None,
        };
        send(&sender, end(failure.as_ref(), tail.as_deref())).await;
    });
    let mut response = Response::new(response::pieces(frames));
    let content_type = HeaderValue::from_static("application/vnd.amazon.eventstream");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    answer::version(&mut response);
    response
}

async fn pieces(reply: Reply, sender: &Sender<Bytes>) -> Option<Failure> {
    match reply {
        Reply::Whole(payload) => {
            send(sender, chunk(payload)).await;
            None
        }
        Reply::Failed(failure) | Reply::NotStarted(failure) => Some(failure),
        Reply::Streamed(stream) => all(stream, sender).await,
    }
}

async fn all(mut stream: Stream, sender: &Sender<Bytes>) -> Option<Failure> {
    loop {
        match stream.next().await {
            Piece::Data(data) => send(sender, chunk(data)).await,
            Piece::Failed(failure) => return Some(failure),
            Piece::End => return None,
        }
    }
}

/// The handler keeps running if the caller is gone.
async fn send(sender: &Sender<Bytes>, frame: Bytes) {
    let _ = sender.send(frame).await;
}

fn chunk(payload: Bytes) -> Bytes {
    frame("PayloadChunk", "application/octet-stream", payload)
}

fn end(failure: Option<&Failure>, tail: Option<&str>) -> Bytes {
    let details = failure.map(|failure| String::from_utf8_lossy(&failure.body).into_owned());
    let end = json!({
        "ErrorCode": failure.map(|failure| failure.error_type.as_str()),
        "ErrorDetails": details,
        "LogResult": tail,
    });
    frame("InvokeComplete", "application/json", end.to_string().into())
}

fn frame(event_type: &'static str, content_type: &'static str, payload: Bytes) -> Bytes {
    let header = |name: &'static str, value: &'static str| Header::new(name, Value::String(value.into()));
    let headers = vec![
        header(":event-type", event_type),
        header(":content-type", content_type),
        header(":message-type", "event"),
    ];
    let mut frame = Vec::new();
    // It fails only if a header is too long, and these are short.
    let _ = write_message_to(&Message::new_from_parts(headers, payload), &mut frame);
    frame.into()
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::read_message_from;

    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let frame = end(Some(&Failure::new("Function.Panic", "why")), None);
        let message = read_message_from(frame).unwrap();
        let end: serde_json::Value = serde_json::from_slice(message.payload()).unwrap();
        assert_eq!(end["ErrorCode"], "Function.Panic");
        assert_eq!(message.headers()[0].value().as_string().unwrap().as_str(), "InvokeComplete");
    }
}
