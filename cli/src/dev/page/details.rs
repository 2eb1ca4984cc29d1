//! Everything that is known of one event.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::Page;
use crate::dev::http::response;
use crate::dev::records::Record;

/// The record, and the event's bytes if they are not valid UTF-8.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    #[serde(flatten)]
    record: Record,
    event_base64: Option<String>,
}

/// The event as it is now. With `wait`, the event when it is complete.
pub(super) async fn serve(
    State(page): State<Arc<Page>>,
    Path(request_id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let records = &page.state.functions.shared.records;
    let waits =
        query.is_some_and(|query| query.split('&').any(|pair| pair == "wait" || pair.starts_with("wait=")));
    let record = if waits { records.complete(&request_id).await } else { records.find(&request_id) };
    let Some(record) = record else {
        let message = format!("event {request_id} not found; only the latest events are kept");
        return response::json(StatusCode::NOT_FOUND, &json!({ "message": message }));
    };
    let bytes = record.event.as_ref().filter(|event| std::str::from_utf8(event).is_err());
    let event_base64 = bytes.map(|bytes| BASE64_STANDARD.encode(bytes));
    response::json(StatusCode::OK, &Details { record, event_base64 })
}
