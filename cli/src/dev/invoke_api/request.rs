//! Reads a call of the Invoke API: its headers, and its payload within Lambda's limits.

use std::collections::BTreeMap;

use axum::extract::Request;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderValue};
use serde::de::IgnoredAny;

use crate::dev::http::budget::Charge;
use crate::dev::http::refusal::Refusal;
use crate::dev::http::request_body;
use crate::json;
use crate::local::Event;

/// The largest event of a synchronous invocation.
pub(super) const LARGEST: usize = 6 * 1024 * 1024;

/// The largest event of an asynchronous invocation.
const LARGEST_ASYNCHRONOUS: usize = 1024 * 1024;

/// `X-Amz-Invocation-Type`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InvocationType {
    RequestResponse,
    Event,
    DryRun,
}

/// A call.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) invocation_type: InvocationType,
    pub(super) event: Event,
    pub(super) wants_log: bool,
}

impl Invocation {
    /// The event is charged for as long as it is in flight.
    pub(super) async fn read(request: Request, mut charge: Charge) -> Result<Self, Refusal> {
        let (head, body) = request.into_parts();
        let invocation_type = invocation_type(&head.headers)?;
        let client_context = client_context(&head.headers)?;
        let most = if invocation_type == InvocationType::Event { LARGEST_ASYNCHRONOUS } else { LARGEST };
        let body = payload(request_body::read(body, most, &mut charge).await?)?;
        let event = Event {
            body: charge.hold(body),
            tenant_id: head.headers.get("x-amz-tenant-id").cloned(),
            client_context,
            trace_id: head.headers.get("x-amzn-trace-id").cloned(),
        };
        let wants_log = head.headers.get("x-amz-log-type").is_some_and(|value| value == "Tail");
        Ok(Self { invocation_type, event, wants_log })
    }
}

fn invocation_type(headers: &HeaderMap) -> Result<InvocationType, Refusal> {
    match headers.get("x-amz-invocation-type").map(HeaderValue::as_bytes) {
        None | Some(b"RequestResponse") => Ok(InvocationType::RequestResponse),
        Some(b"Event") => Ok(InvocationType::Event),
        Some(b"DryRun") => Ok(InvocationType::DryRun),
        Some(other) => Err(Refusal::InvocationType(String::from_utf8_lossy(other).into_owned())),
    }
}

/// The payload must be JSON. An empty payload becomes `{}`.
fn payload(body: Bytes) -> Result<Bytes, Refusal> {
    if body.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<IgnoredAny>(&body) {
        Ok(IgnoredAny) => Ok(body),
        Err(error) => Err(Refusal::NotJson(json::mistake(&body, &error))),
    }
}

/// Callers send it as base64, and runtimes get it as JSON.
fn client_context(headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
    let Some(encoded) = headers.get("x-amz-client-context") else { return Ok(None) };
    let decoded = BASE64_STANDARD.decode(encoded.as_bytes()).ok().filter(|_| encoded.len() <= 3583);
    let json = decoded.and_then(|json| String::from_utf8(json).ok());
    let json = json.filter(|json| serde_json::from_str::<BTreeMap<String, IgnoredAny>>(json).is_ok());
    // A header has one line. No string in JSON contains a line end.
    let json = json.and_then(|json| HeaderValue::try_from(json.replace(['\n', '\r'], " ")).ok());
    json.map(Some).ok_or(Refusal::ClientContext)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn an_invocation_type_is_one_of_lambda_s() {
        let of = |value| invocation_type(&headers("x-amz-invocation-type", value));
        assert_eq!((of("Event"), of("DryRun")), (Ok(InvocationType::Event), Ok(InvocationType::DryRun)));
        assert!(of("event").unwrap_err().to_string().contains("\"event\""));
    }

    #[test]
    fn a_client_context_is_encoded_json() {
        let context =
            |json: &str| client_context(&headers("x-amz-client-context", &BASE64_STANDARD.encode(json)));
        assert_eq!(context("{\"a\":\n19.990}"), Ok(Some(HeaderValue::from_static("{\"a\": 19.990}"))));
        assert!(context("[1]").is_err() && context("x").is_err());
        assert!(client_context(&headers("x-amz-client-context", "*")).is_err());
    }

    #[test]
    fn a_payload_is_json_or_nothing() {
        assert_eq!(payload(Bytes::new()), Ok(Bytes::from_static(b"{}")));
        assert_eq!(payload(Bytes::from_static(b"7")), Ok(Bytes::from_static(b"7")));
        assert!(matches!(payload(Bytes::from_static(b"{")), Err(Refusal::NotJson(_))));
    }
}
