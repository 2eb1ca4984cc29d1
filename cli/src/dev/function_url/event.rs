//! Makes the event of a request, in payload format 2.0.

use std::collections::BTreeMap;
use std::io::{Error, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, HeaderMap, USER_AGENT};
use hyper::http::request::Parts;
use serde_json::{Value, json};

use crate::dev::http::listener::Peer;
use crate::dev::http::request::percent_decoded;

/// The region in ARNs and domain names.
const REGION: &str = "us-east-1";

/// Headers about a connection, which are not part of an event.
const OF_CONNECTIONS: [&str; 7] =
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// A request to a function URL.
#[derive(Debug, Clone, Copy)]
pub(super) struct UrlRequest<'r> {
    pub(super) head: &'r Parts,
    /// The path as the function sees it, not decoded.
    pub(super) path: &'r str,
    /// The label of the function in its host.
    pub(super) label: &'r str,
    /// The port of function URLs.
    pub(super) port: u16,
    pub(super) request_id: &'r str,
}

/// The event; `None` if it is longer than `most` bytes.
pub(super) fn event(asked: &UrlRequest<'_>, body: &[u8], most: usize) -> Option<Bytes> {
    let head = asked.head;
    let mut event = request(asked);
    let cookies = cookies(&head.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    let query = head.uri.query().unwrap_or_default();
    if !query.is_empty() {
        event["queryStringParameters"] = json!(parameters(query));
    }
    if !body.is_empty() {
        let kind = text(&head.headers, CONTENT_TYPE.as_str());
        let as_text = str::from_utf8(body).ok().filter(|_| is_text(kind.as_deref()));
        event["isBase64Encoded"] = as_text.is_none().into();
        event["body"] = as_text.map_or_else(|| BASE64_STANDARD.encode(body), str::to_owned).into();
    }
    let mut json = Limited { written: Vec::with_capacity((body.len() + 2048).min(most)), most };
    serde_json::to_writer(&mut json, &event).ok()?;
    // The unused capacity would not be charged for.
    json.written.shrink_to_fit();
    Some(json.written.into())
}

/// The event without cookies, parameters and body. `domainName` is one of Lambda's, because it distinguishes
/// events of function URLs from those of an HTTP API, which have decoded paths. The header `host` is the one
/// that the client sent.
fn request(asked: &UrlRequest<'_>) -> Value {
    let UrlRequest { head, path, label, request_id, .. } = asked;
    let now = SystemTime::now();
    let milliseconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": head.uri.query().unwrap_or_default(),
        "headers": headers(asked),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": label,
            "domainName": format!("{label}.lambda-url.{REGION}.on.aws"),
            "domainPrefix": label,
            "http": {
                "method": head.method.as_str(),
                "path": percent_decoded(path),
                "protocol": "HTTP/1.1",
                "sourceIp": peer(head),
                "userAgent": text(&head.headers, USER_AGENT.as_str()),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": common_log_time(now),
            "timeEpoch": u64::try_from(milliseconds).unwrap_or(u64::MAX),
        },
        "isBase64Encoded": false,
    })
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn peer(head: &Parts) -> Option<String> {
    head.extensions.get::<Peer>().map(|Peer(ip)| ip.to_string())
}

/// Writes up to a length, because text may be six times as long in JSON.
struct Limited {
    written: Vec<u8>,
    most: usize,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() > self.most - self.written.len() {
            return Err(Error::other("too long"));
        }
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// `27/Nov/2026:23:36:51 +0000`
fn common_log_time(time: SystemTime) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let formatted = humantime::format_rfc3339_seconds(time).to_string();
    let (date, clock) = formatted.trim_end_matches('Z').split_once('T').unwrap_or_default();
    let mut parts = date.split('-');
    let [year, month, day] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let month =
        month.parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?)).unwrap_or(&"");
    format!("{day}/{month}/{year}:{clock} +0000")
}

/// Headers of the same name are joined by commas, and cookies are left out, because they have their own
/// field. The address of the client, the port and the protocol are those of this connection; addresses that
/// proxies have added stay.
fn headers<'r>(asked: &UrlRequest<'r>) -> BTreeMap<&'r str, String> {
    let mut headers = BTreeMap::<&str, String>::new();
    let sent = asked.head.headers.iter().filter(|(name, _)| *name != COOKIE);
    for (name, value) in sent.filter(|(name, _)| !OF_CONNECTIONS.contains(&name.as_str())) {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str())
            .and_modify(|all| all.extend([",", &value]))
            .or_insert_with(|| value.into_owned());
    }
    if let Some(peer) = peer(asked.head) {
        headers.entry("x-forwarded-for").and_modify(|all| all.extend([", ", &peer])).or_insert(peer);
    }
    headers.insert("x-forwarded-port", asked.port.to_string());
    headers.insert("x-forwarded-proto", "http".to_owned());
    headers
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let all =
        headers.get_all(COOKIE).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    all.flat_map(|line| line.split("; ").map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::<String, String>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let [name, value] = [name, value].map(|text| percent_decoded(&text.replace('+', " ")));
        parameters.entry(name).and_modify(|all| all.extend([",", &value])).or_insert(value);
    }
    parameters
}

/// Whether a body is text. Any other body, including a form, is sent as base64.
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
    use hyper::http::request::Builder;

    use super::*;

    const MOST: usize = 64 * 1024;

    fn bounded(request: Builder, body: &[u8], most: usize) -> Option<Value> {
        let request = request.extension(Peer([192, 0, 2, 1].into()));
        let head = request.body(()).unwrap().into_parts().0;
        let asked = UrlRequest { head: &head, path: "/a%20b", label: "hello", port: 9001, request_id: "id" };
        event(&asked, body, most).map(|event| serde_json::from_slice(&event).unwrap())
    }

    fn of(request: Builder, body: &[u8]) -> Value {
        bounded(request, body, MOST).unwrap()
    }

    #[test]
    fn names_that_come_twice_are_joined_and_cookies_are_not_headers() {
        let request = Request::get("/lambda-url/x/a%20b?a=1&a=2&b=%26+c&d")
            .header("x-a", "1")
            .header("x-a", "2")
            .header("connection", "close")
            .header("x-forwarded-for", "198.51.100.7")
            .header("x-forwarded-proto", "https")
            .header("cookie", "a=1; b=2");
        let event = of(request, b"");
        let headers = json!({
            "x-a": "1,2", "x-forwarded-for": "198.51.100.7, 192.0.2.1", "x-forwarded-port": "9001",
            "x-forwarded-proto": "http",
        });
        assert_eq!(event["headers"], headers);
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        assert_eq!(event["queryStringParameters"], json!({ "a": "1,2", "b": "& c", "d": "" }));
        assert_eq!(event["rawQueryString"], "a=1&a=2&b=%26+c&d");
        assert_eq!(event.get("body"), None);
    }

    #[test]
    fn it_is_a_function_url_s_whatever_host_the_client_calls() {
        let event = of(Request::get("/").header("host", "hello.localhost:9001"), b"");
        assert_eq!(event["headers"]["host"], "hello.localhost:9001");
        assert_eq!(event["headers"]["x-forwarded-for"], "192.0.2.1");
        let context = &event["requestContext"];
        assert_eq!(context["domainName"], "hello.lambda-url.us-east-1.on.aws");
        assert_eq!((&context["domainPrefix"], &context["apiId"]), (&json!("hello"), &json!("hello")));
        assert_eq!((&event["rawPath"], &context["http"]["path"]), (&json!("/a%20b"), &json!("/a b")));
        assert_eq!(context["http"]["sourceIp"], "192.0.2.1");
    }

    #[test]
    fn what_would_be_too_long_as_json_is_none() {
        let sent = || Request::post("/").header("content-type", "text/plain");
        assert!(bounded(sent(), &[b'a'; 1000], 4000).is_some());
        assert!(bounded(sent(), &[1; 1000], 4000).is_none(), "six bytes each");
        assert!(bounded(sent(), &[0xff; 4000], 4000).is_none(), "base64");
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
