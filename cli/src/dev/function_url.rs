//! Function URLs: an HTTP request becomes an event of payload format 2.0, and what a handler answers a response.

mod event;
mod prelude;
mod response;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::sync::mpsc::channel;

use super::body::{self, Body};
use super::calls::{self, Call, RequestIds};
use super::functions::Functions;
use super::records::Way;
use super::refusal::Refusal;
use crate::local::Event;
use crate::local::events::{Piece, Reply, Stream};

/// The largest body of a request.
const LARGEST: usize = 6 * 1024 * 1024;

/// The content type of a stream with a status and headers before its body (S7.5).
const WITH_PRELUDE: &str = "application/vnd.awslambda.http-integration-response";

/// Has a request handled. `name` is the function's, `path` what comes behind it.
pub(super) async fn serve(
    functions: &Functions,
    ids: &RequestIds,
    (name, path): (&str, &str),
    request: Request<Incoming>,
) -> Response<Body> {
    match handle(functions, ids, (name, path), request).await {
        Ok(response) => response,
        Err(refusal) => refusal.response(),
    }
}

async fn handle(
    functions: &Functions,
    ids: &RequestIds,
    (name, path): (&str, &str),
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let function = functions.find(name, None)?;
    let (head, body) = request.into_parts();
    let body = body::read(body, LARGEST).await?;
    let request_id = ids.next();
    let json = event::event(&head, path, &body, &request_id);
    let event = Event {
        body: json.to_string().into(),
        tenant_id: head.headers.get("x-amz-tenant-id").cloned(),
        client_context: None,
        trace_id: head.headers.get("x-amzn-trace-id").cloned(),
    };
    let slot = function.try_slot().ok_or(Refusal::TooMany)?;
    let call = Call { request_id: request_id.clone(), way: Way::FunctionUrl, event };
    let mut response = match calls::call(&function, call, slot).await {
        Reply::Whole(payload) => response::response(&payload),
        Reply::Streamed(stream) => streamed(stream).await,
        Reply::Failed(_) | Reply::NotStarted(_) => bad_gateway(),
    };
    if let Ok(request_id) = HeaderValue::try_from(request_id) {
        response.headers_mut().insert("x-amzn-requestid", request_id);
    }
    Ok(response)
}

/// What a function URL says of every failure: the reason is in the log.
fn bad_gateway() -> Response<Body> {
    body::json(StatusCode::BAD_GATEWAY, r#"{"Message":"Internal Server Error"}"#)
}

/// The status and the headers as soon as they are known, the body as it comes.
async fn streamed(mut stream: Stream) -> Response<Body> {
    let content_type = stream.content_type.take();
    let has_prelude = content_type.as_ref().is_some_and(|content_type| content_type == WITH_PRELUDE);
    let (mut response, rest) = if has_prelude {
        match prelude::read(&mut stream).await {
            Some(read) => read,
            None => return bad_gateway(),
        }
    } else {
        let mut response = Response::new(());
        let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        (response, Bytes::new())
    };
    response.headers_mut().remove("content-length");
    let (sender, pieces) = channel(1);
    tokio::spawn(async move {
        if !rest.is_empty() {
            let _ = sender.send(rest).await;
        }
        // A failure in mid-stream is the end of the body, and no more (S7.3).
        while let Piece::Data(data) = stream.next().await {
            let _ = sender.send(data).await;
        }
    });
    response.map(|()| Body::Pieces(pieces))
}
