//! The response of the Invoke API: the payload, whether the handler failed, and the end of its log.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bulkhead_host::policy::manifest::Receipts;
use hyper::StatusCode;
use hyper::header::HeaderValue;

use crate::dev::functions::function::Shared;
use crate::dev::http::response;
use crate::dev::records::Record;
use crate::local::Answer;
use crate::local::events::{Failure, Reply};

use super::request::LARGEST;

/// The length of the log tail: Lambda's 4 KB.
const TAIL: usize = 4096;

/// The response with the whole payload.
pub(super) async fn whole(reply: Reply, log: Option<Arc<Shared>>, request_id: &str) -> Response {
    let (payload, is_error) = match reply.collect().await {
        // A stream may be longer than a buffered response may be (S7.8).
        Answer::Replied(payload) if payload.len() > LARGEST + 100 => {
            (Failure::too_large(LARGEST + 100).body, true)
        }
        Answer::Replied(payload) => (payload, false),
        Answer::Failed { body, .. } | Answer::NotStarted { body, .. } => (body, true),
    };
    let mut response = response::raw_json(StatusCode::OK, payload);
    version(&mut response);
    if is_error {
        response.headers_mut().insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    if let Some(shared) = log {
        let tail = tail(shared.records.complete(request_id).await.as_ref());
        if let Ok(tail) = HeaderValue::try_from(tail) {
            response.headers_mut().insert("x-amz-log-result", tail);
        }
    }
    response
}

/// There is only one version of each function.
pub(super) fn version(response: &mut Response) {
    response.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
}

/// The end of an event's log, as base64.
pub(super) fn tail(record: Option<&Record>) -> String {
    let Some(record) = record else { return String::new() };
    let mut log = format!("START RequestId: {} Version: $LATEST\n", record.request_id);
    for line in &record.log {
        log.extend([line, "\n"]);
    }
    log += &format!("END RequestId: {}\n", record.request_id);
    if let Some(line) = record.receipt.as_ref().and_then(|receipt| receipt.line(&Receipts::Json)) {
        log.extend([line.as_str(), "\n"]);
    }
    let bytes = log.as_bytes();
    BASE64_STANDARD.encode(bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default())
}
