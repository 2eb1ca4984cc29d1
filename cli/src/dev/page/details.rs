//! Everything that is known of one event.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::Page;
use super::grants::Grant;
use crate::dev::http::response;
use crate::dev::records::Record;

/// The record, the lines that would grant what was denied, and the bytes of the event and the response if they are not
/// valid UTF-8.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    #[serde(flatten)]
    record: Record,
    grants: Vec<Grant>,
    is_granted: bool,
    event_base64: Option<String>,
    response_base64: Option<String>,
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
    let (grants, is_granted) = grants(page, &record).await;
    let (event_base64, response_base64) = (base64(record.event.as_ref()), base64(record.response.as_ref()));
    let details = Details { record, grants, is_granted, event_base64, response_base64 };
    response::json(StatusCode::OK, &details)
}

/// The blocks that would grant what the event was denied, and whether all of it is granted by now.
async fn grants(page: Arc<Page>, record: &Record) -> (Vec<Grant>, bool) {
    if record.denials.is_empty() {
        return (Vec::new(), false);
    }
    let (function, denials) = (record.function.clone(), record.denials.clone());
    let grants = tokio::task::spawn_blocking(move || {
        let editable = page.editable()?;
        let mut grantable = denials.iter().filter(|denial| denial.key.is_some()).peekable();
        let is_any = grantable.peek().is_some();
        let is_granted = is_any && grantable.all(|denial| editable.is_granted(&function, denial));
        Some((editable.grants(&function, &denials.iter().collect::<Vec<_>>()), is_granted))
    });
    grants.await.ok().flatten().unwrap_or_default()
}

/// Bytes that are not text.
fn base64(bytes: Option<&Bytes>) -> Option<String> {
    bytes.filter(|bytes| std::str::from_utf8(bytes).is_err()).map(|bytes| BASE64_STANDARD.encode(bytes))
}
