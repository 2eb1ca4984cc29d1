//! The response to a request, of what a handler has answered: its status, headers and body, or plain JSON.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use hyper::{Response, StatusCode};
use serde_json::{Map, Value};

use super::bad_gateway;
use crate::dev::body::{self, Body};

/// Headers that are about one connection, which is not the handler's.
const OF_CONNECTIONS: [&str; 4] = ["connection", "content-length", "keep-alive", "transfer-encoding"];

/// What would let a handler's page take requests of other paths of this server, which has one name where Lambda has one for each.
const OF_OTHERS: &str = "service-worker-allowed";

/// The response. What cannot be one is a bad gateway, as it is there.
pub(super) fn response(payload: &[u8]) -> Response<Body> {
    let Ok(told) = serde_json::from_slice::<Value>(payload) else { return bad_gateway() };
    match told.as_object() {
        Some(object) if object.contains_key("statusCode") => whole(object).unwrap_or_else(bad_gateway),
        // Anything else is the body.
        Some(_) | None => body::json(StatusCode::OK, payload.to_vec()),
    }
}

fn whole(told: &Map<String, Value>) -> Option<Response<Body>> {
    let body = match told.get("body") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) if told.get("isBase64Encoded") == Some(&Value::Bool(true)) => {
            BASE64_STANDARD.decode(text).ok()?
        }
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(other) => other.to_string().into_bytes(),
    };
    let response = head(told)?;
    Some(response.map(|()| Body::whole(body)))
}

/// Status, headers and cookies; also of a stream.
pub(super) fn head(told: &Map<String, Value>) -> Option<Response<()>> {
    let status = match told.get("statusCode") {
        None => StatusCode::OK,
        Some(Value::String(text)) => text.parse().ok()?,
        Some(number) => StatusCode::from_u16(u16::try_from(number.as_u64()?).ok()?).ok()?,
    };
    let mut response = Response::new(());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in told.get("headers").and_then(Value::as_object).into_iter().flatten() {
        add(headers, name, value)?;
    }
    for cookie in told.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        headers.append(SET_COOKIE, cookie.as_str()?.parse().ok()?);
    }
    Some(response)
}

fn add(headers: &mut HeaderMap, name: &str, value: &Value) -> Option<()> {
    let name: HeaderName = name.parse().ok()?;
    if name != OF_OTHERS && !OF_CONNECTIONS.contains(&name.as_str()) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        headers.insert(name, HeaderValue::try_from(text).ok()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn of(payload: &str) -> (u16, HeaderMap, String) {
        let (head, body) = response(payload.as_bytes()).into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (head.status.as_u16(), head.headers, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn json_without_a_status_is_the_body() {
        for payload in [r#""Hello""#, r#"{"body":"x"}"#, "7", "null"] {
            let (status, headers, body) = of(payload).await;
            assert_eq!((status, body.as_str()), (200, payload));
            assert_eq!(headers["content-type"], "application/json");
        }
    }

    #[tokio::test]
    async fn status_headers_cookies_and_an_encoded_body() {
        let (status, headers, body) = of(r#"{"statusCode":201,"headers":{"X-A":7,"content-length":"9",
            "Service-Worker-Allowed":"/"},
            "cookies":["a=1","b=2"],"body":"8J+aog==","isBase64Encoded":true}"#)
        .await;
        assert_eq!((status, body.as_str(), &headers["x-a"]), (201, "🚢", &HeaderValue::from_static("7")));
        assert_eq!(headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert!(!headers.contains_key("content-length") && !headers.contains_key("service-worker-allowed"));
    }

    #[tokio::test]
    async fn what_is_no_response_is_a_bad_gateway() {
        for payload in ["", "{", r#"{"statusCode":7}"#, r#"{"statusCode":200,"headers":{"a b":"c"}}"#] {
            assert_eq!(of(payload).await.0, 502, "{payload}");
        }
    }
}
