//! Makes the HTTP response from a handler's response, which has a status, headers and a body, or is plain
//! JSON.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use hyper::{Response, StatusCode};
use serde_json::value::RawValue;

use super::json_members::{each, text};

/// Headers about a connection, which a handler may not set.
const OF_CONNECTIONS: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The most headers, including cookies. Clients do not accept more.
const MOST: usize = 1000;

/// The members of a handler's response that are used.
#[derive(Debug, Default)]
pub(super) struct ResponseParts<'j> {
    status: Option<&'j RawValue>,
    headers: Option<&'j RawValue>,
    cookies: Option<&'j RawValue>,
    body: Option<&'j RawValue>,
    is_base64: bool,
}

/// The response. `None` if the handler's response is not valid, for which Lambda sends 502.
pub(super) fn response(payload: &Bytes) -> Option<Response<Bytes>> {
    let json = str::from_utf8(payload).ok()?;
    let value: &RawValue = serde_json::from_str(json).ok()?;
    let parts =
        if value.get().starts_with('{') { ResponseParts::read(json)? } else { ResponseParts::default() };
    if parts.status.is_some() {
        let body = parts.body()?;
        return Some(parts.head()?.map(|()| body));
    }
    // Anything else is the body: the content of a string, or other JSON as it was written.
    let body = if value.get().starts_with('"') { text(value)?.into_owned().into() } else { payload.clone() };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(response)
}

impl<'j> ResponseParts<'j> {
    /// Reads an object. If it has a member twice, the last one counts.
    pub(super) fn read(json: &'j str) -> Option<Self> {
        if !json.trim_ascii_start().starts_with('{') {
            return None;
        }
        let mut parts = Self::default();
        each(json, |name, value| {
            match &*name {
                "statusCode" => parts.status = Some(value),
                "headers" => parts.headers = said(value),
                "cookies" => parts.cookies = said(value),
                "body" => parts.body = said(value),
                "isBase64Encoded" => parts.is_base64 = value.get() == "true",
                _ => {}
            }
            Some(())
        })?;
        Some(parts)
    }

    /// The status, headers and cookies. A stream has them in its prelude.
    pub(super) fn head(&self) -> Option<Response<()>> {
        let status = match self.status {
            None => StatusCode::OK,
            // An informational status only announces a response.
            Some(said) => {
                text(said)?.parse::<StatusCode>().ok().filter(|status| !status.is_informational())?
            }
        };
        let mut response = Response::new(());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(values) = self.headers {
            each(values.get(), |name, value| add(headers, &name, value))?;
        }
        if let Some(values) = self.cookies {
            each(values.get(), |_, cookie| {
                let cookie = HeaderValue::try_from(&*text(cookie)?).ok()?;
                (headers.len() < MOST && headers.try_append(SET_COOKIE, cookie).is_ok()).then_some(())
            })?;
        }
        Some(response)
    }

    fn body(&self) -> Option<Bytes> {
        let Some(body) = self.body else { return Some(Bytes::new()) };
        let text = text(body)?;
        match self.is_base64 {
            true => BASE64_STANDARD.decode(text.as_bytes()).ok().map(Bytes::from),
            false => Some(text.into_owned().into()),
        }
    }
}

/// A member that is null counts as missing.
fn said(value: &RawValue) -> Option<&RawValue> {
    (value.get() != "null").then_some(value)
}

fn add(headers: &mut HeaderMap, name: &str, value: &RawValue) -> Option<()> {
    let name: HeaderName = name.parse().ok()?;
    if !OF_CONNECTIONS.contains(&name.as_str()) {
        let value = HeaderValue::try_from(&*text(value)?).ok()?;
        headers.try_insert(name, value).ok().filter(|_| headers.len() <= MOST)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(payload: &str) -> Option<(u16, HeaderMap, String)> {
        let (head, body) = response(&Bytes::copy_from_slice(payload.as_bytes()))?.into_parts();
        Some((head.status.as_u16(), head.headers, String::from_utf8(body.to_vec()).unwrap()))
    }

    #[test]
    fn json_without_a_status_is_the_body_and_a_string_what_it_says() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for (payload, expected) in [
            (r#""hello""#, "hello"),
            (r#" "a\n\"🚢\"" "#, "a\n\"🚢\""),
            (r#"{"body":"x"}"#, r#"{"body":"x"}"#),
            (r#"{"a": [1.50]}"#, r#"{"a": [1.50]}"#),
            ("7", "7"),
            ("null", "null"),
            (&deep, &deep),
        ] {
            let (status, headers, body) = of(payload).unwrap();
            assert_eq!((status, body.as_str()), (200, expected));
            assert_eq!(headers["content-type"], "application/json");
        }
    }

    #[test]
    fn status_headers_cookies_and_an_encoded_body() {
        let (status, headers, body) = of(r#"{"statusCode":"201","headers":{"X-A":7,"content-length":"9",
            "Connection":"close","Upgrade":"h2c","Service-Worker-Allowed":"/"},
            "cookies":["a=1","b=2"],"body":"8J+aog==","isBase64Encoded":true}"#)
        .unwrap();
        assert_eq!((status, body.as_str(), &headers["x-a"]), (201, "🚢", &HeaderValue::from_static("7")));
        assert_eq!(headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
        let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-type", "x-a", "service-worker-allowed", "set-cookie"]);
        let (status, headers, body) =
            of(r#"{"body":{"a": 1},"headers":null,"cookies":null,"statusCode":1,"statusCode":404}"#).unwrap();
        assert_eq!((status, headers.len(), body.as_str()), (404, 1, r#"{"a": 1}"#));
    }

    #[test]
    fn what_is_no_response_is_none() {
        for payload in [
            "",
            "{",
            r#"{"statusCode":7}"#,
            r#"{"statusCode":101}"#,
            r#"{"statusCode":null}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            r#"{"statusCode":200,"headers":7}"#,
            r#"{"statusCode":200,"cookies":["a\n"]}"#,
            r#"{"statusCode":200,"body":"%","isBase64Encoded":true}"#,
        ] {
            assert!(of(payload).is_none(), "{payload}");
        }
        assert!(response(&Bytes::from_static(b"\"\xff\"")).is_none());
    }

    #[test]
    fn more_headers_than_there_can_be_are_no_response() {
        let several = |name: &str, open: char, items: &[String], close: char| {
            of(&format!(r#"{{"statusCode":200,"{name}":{open}{}{close}}}"#, items.join(",")))
        };
        let few: Vec<String> = (1..MOST).map(|number| format!(r#""a={number}""#)).collect();
        assert_eq!(several("cookies", '[', &few, ']').unwrap().1.len(), MOST);
        let many = |name: &str, open: char, item: fn(usize) -> String, close: char| {
            several(name, open, &(0..70_000).map(item).collect::<Vec<_>>(), close)
        };
        assert!(many("headers", '{', |number| format!(r#""x-{number}":1"#), '}').is_none());
        assert!(many("cookies", '[', |number| format!(r#""a={number}""#), ']').is_none());
    }
}
