//! [`RequestBuilder`]: a request while it is made.

use std::time::Duration;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use ::http::{HeaderMap, Method, Request, Uri};
use serde::Serialize;

use super::error::{Reason, place};
use super::wire::Timeouts;
use super::{Client, Error, Response};

/// A request while it is made. A mistake in one of its parts is an error of [`send`](Self::send).
#[derive(Debug)]
#[must_use = "a request is sent by `send().await`"]
pub struct RequestBuilder {
    client: Client,
    method: Method,
    url: String,
    has_query: bool,
    headers: HeaderMap,
    body: Vec<u8>,
    timeout: Option<Duration>,
    mistake: Option<String>,
}

impl RequestBuilder {
    pub(super) fn new(client: Client, method: Method, url: &str) -> Self {
        Self {
            client,
            method,
            url: url.to_owned(),
            has_query: url.contains('?'),
            headers: HeaderMap::new(),
            body: Vec::new(),
            timeout: None,
            mistake: None,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref();
        match (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_ref())) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            (Ok(_), Err(_)) => self.mistake(format!("the header `{name}` does not have a valid value")),
            (Err(_), _) => self.mistake(format!("`{name}` is not a valid name of a header")),
        }
        self
    }

    /// Sets the header `authorization` to a bearer token.
    pub fn bearer_auth(self, token: impl AsRef<str>) -> Self {
        self.header(AUTHORIZATION.as_str(), format!("Bearer {}", token.as_ref()))
    }

    /// Adds a parameter to the query. Name and value are encoded.
    pub fn query(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.url.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        encode(&mut self.url, name.as_ref());
        self.url.push('=');
        encode(&mut self.url, value.as_ref());
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to this value as JSON, with its content type unless there is one.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body = body,
            Err(error) => self.mistake(format!("its body cannot be written as JSON: {error}")),
        }
        self.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        self
    }

    /// Limits the time to connect, the time to the first byte of the response, and the pauses between its
    /// bytes, each. Without it the event's own deadline is the limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends the request, and waits for the head of its response.
    ///
    /// # Errors
    /// If there is no response. A response with an error status is a response; see
    /// [`error_for_status`](Response::error_for_status).
    pub async fn send(self) -> Result<Response, Error> {
        let client = self.client.clone();
        client.execute(self.build()?).await
    }

    fn build(self) -> Result<Request<Vec<u8>>, Error> {
        let invalid = |why: String| Error::new(self.method.to_string(), Reason::Invalid(why));
        let uri = Uri::try_from(&self.url).map_err(|error| invalid(format!("`{}`: {error}", self.url)))?;
        if let Some(mistake) = self.mistake {
            return Err(Error::new(place(&self.method, &uri), Reason::Invalid(mistake)));
        }
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers;
        request.extensions_mut().extend(self.timeout.map(extension).unwrap_or_default());
        Ok(request)
    }

    /// The first one is reported.
    fn mistake(&mut self, text: String) {
        self.mistake.get_or_insert(text);
    }
}

fn extension(timeout: Duration) -> ::http::Extensions {
    let mut extensions = ::http::Extensions::new();
    extensions.insert(Timeouts { connect: Some(timeout), read: Some(timeout) });
    extensions
}

/// Adds text to a query; only the unreserved characters of RFC 3986 stay as they are.
fn encode(url: &mut String, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => url.push(byte.into()),
            _ => {
                let digits = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
                url.push('%');
                url.extend(digits.map(char::from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(builder: RequestBuilder) -> String {
        builder.build().unwrap_err().to_string()
    }

    #[test]
    fn a_request_has_what_it_was_given() {
        let client = Client::new();
        let request = client
            .post("https://a.b/c?d=1")
            .query("e f", "ü&=~")
            .bearer_auth("token")
            .json(&[1, 2])
            .timeout(Duration::from_secs(1))
            .build()
            .unwrap();
        assert_eq!(request.uri(), "https://a.b/c?d=1&e%20f=%C3%BC%26%3D~");
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer token");
        assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
        let second = Some(Duration::from_secs(1));
        let expected = Timeouts { connect: second, read: second };
        assert_eq!(request.extensions().get::<Timeouts>(), Some(&expected));
        assert_eq!((request.method(), request.body().as_slice()), (&Method::POST, &b"[1,2]"[..]));
        let own = client.put("https://a.b").header("content-type", "a/b").json(&1).build().unwrap();
        assert_eq!(own.headers()[CONTENT_TYPE], "a/b");
        let first = client.get("https://a.b/").query("q", "1").build().unwrap();
        assert_eq!(first.uri(), "https://a.b/?q=1");
        assert_eq!(client.delete("https://a.b/").body("x").build().unwrap().body(), b"x");
    }

    #[test]
    fn a_mistake_is_told_when_it_is_sent() {
        let get = || Client::new().get("https://a.b/");
        assert!(error(get().header("a b", "c")).ends_with("`a b` is not a valid name of a header"));
        assert!(error(get().header("a", "\n").header("b c", "")).contains("the header `a`"));
        assert!(error(Client::new().get("https://a b/")).contains("`https://a b/`"));
        let map = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(error(get().json(&map)).contains("cannot be written as JSON"));
    }
}
