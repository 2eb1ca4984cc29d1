//! The event of a request: payload format 2.0, as function URLs make it.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, USER_AGENT};
use hyper::http::request::Parts;
use serde_json::{Value, json};

use crate::dev::functions::percent;
use crate::dev::server::Peer;

/// The event.
pub(super) fn event(head: &Parts, path: &str, body: &[u8], request_id: &str) -> Value {
    let text =
        |name| head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let domain = text(HOST).unwrap_or_default();
    let query = head.uri.query().unwrap_or_default();
    let now = SystemTime::now();
    let milliseconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&head.headers),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split('.').next(),
            "http": {
                "method": head.method.as_str(),
                "path": percent(path),
                "protocol": "HTTP/1.1",
                "sourceIp": head.extensions.get::<Peer>().map(|Peer(ip)| ip.to_string()),
                "userAgent": text(USER_AGENT),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": common_log_time(now),
            "timeEpoch": u64::try_from(milliseconds).unwrap_or(u64::MAX),
        },
        "isBase64Encoded": false,
    });
    let cookies = cookies(&head.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = json!(parameters(query));
    }
    if !body.is_empty() {
        let as_text = std::str::from_utf8(body).ok().filter(|_| is_text(text(CONTENT_TYPE).as_deref()));
        event["isBase64Encoded"] = as_text.is_none().into();
        event["body"] = as_text.map_or_else(|| BASE64_STANDARD.encode(body), str::to_owned).into();
    }
    event
}

/// `27/Nov/2026:23:36:51 +0000`
fn common_log_time(time: SystemTime) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let told = humantime::format_rfc3339_seconds(time).to_string();
    let (date, clock) = told.trim_end_matches('Z').split_once('T').unwrap_or_default();
    let mut parts = date.split('-');
    let [year, month, day] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let month =
        month.parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?)).unwrap_or(&"");
    format!("{day}/{month}/{year}:{clock} +0000")
}

/// Of several headers of a name there is one, with commas; cookies have a place of their own.
fn headers(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut told = BTreeMap::<&str, String>::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        told.entry(name.as_str())
            .and_modify(|all| all.extend([",", &value]))
            .or_insert_with(|| value.into_owned());
    }
    told
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let all =
        headers.get_all(COOKIE).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    all.flat_map(|line| line.split("; ").map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut told = BTreeMap::<String, String>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let [name, value] = [name, value].map(|text| percent(&text.replace('+', " ")));
        told.entry(name).and_modify(|all| all.extend([",", &value])).or_insert(value);
    }
    told
}

/// Everything else is encoded, forms among it.
fn is_text(content_type: Option<&str>) -> bool {
    let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    let texts = ["application/json", "application/javascript", "application/xml"];
    kind.starts_with("text/")
        || texts.contains(&kind.as_str())
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn of(request: hyper::http::request::Builder, body: &[u8]) -> Value {
        event(&request.body(()).unwrap().into_parts().0, "/a%20b", body, "id")
    }

    #[test]
    fn names_that_come_twice_are_joined_and_cookies_are_not_headers() {
        let request = Request::get("/lambda-url/x/a%20b?a=1&a=2&b=%26+c&d")
            .header("x-a", "1")
            .header("x-a", "2")
            .header("cookie", "a=1; b=2");
        let event = of(request, b"");
        assert_eq!(event["headers"], json!({ "x-a": "1,2" }));
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        assert_eq!(event["queryStringParameters"], json!({ "a": "1,2", "b": "& c", "d": "" }));
        assert_eq!(
            (&event["rawPath"], &event["requestContext"]["http"]["path"]),
            (&json!("/a%20b"), &json!("/a b"))
        );
        assert_eq!(event.get("body"), None);
    }

    #[test]
    fn the_time_is_told_as_in_web_servers_logs() {
        let time = UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        assert_eq!(common_log_time(time), "09/Sep/2001:01:46:40 +0000");
    }

    #[test]
    fn a_body_is_text_where_its_type_is() {
        let body = |kind: &str, bytes: &[u8]| {
            let event = of(Request::post("/").header("content-type", kind), bytes);
            (event["body"].as_str().unwrap().to_owned(), event["isBase64Encoded"].as_bool().unwrap())
        };
        assert_eq!(body("application/json; charset=utf-8", b"{}"), ("{}".to_owned(), false));
        assert_eq!(body("application/x-www-form-urlencoded", b"a=1"), ("YT0x".to_owned(), true));
        assert_eq!(body("text/plain", b"\xff"), ("/w==".to_owned(), true));
    }
}
