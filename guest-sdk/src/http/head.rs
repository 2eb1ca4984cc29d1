//! Converts the head of a request to the `http` crate's types, and the head of a response to WASI's.

use ::http::header::CONTENT_TYPE;
use ::http::uri::{PathAndQuery, Scheme};
use ::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, request, response};
use wasip2::http::types::{self, Fields, HeaderError, IncomingRequest};

use super::RequestContext;

/// The head of a request in plain values.
#[derive(Debug)]
struct Said {
    method: String,
    scheme: Option<String>,
    authority: Option<String>,
    path: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
}

/// The head of a request. An error is a sentence for the client.
pub(super) fn request(request: &IncomingRequest) -> Result<request::Parts, String> {
    parts(Said {
        method: method(request.method()),
        scheme: request.scheme().map(scheme),
        authority: request.authority(),
        path: request.path_with_query(),
        headers: request.headers().entries(),
    })
}

fn parts(said: Said) -> Result<request::Parts, String> {
    let method = Method::from_bytes(said.method.as_bytes());
    let method = method.map_err(|_| format!("`{}` is not a valid method", said.method))?;
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = method;
    parts.uri = uri(&said)?;
    for (name, value) in said.headers {
        let header = (HeaderName::try_from(&name), HeaderValue::try_from(value));
        let (Ok(key), Ok(value)) = header else {
            return Err(format!("the header `{name}` does not have a valid name and value"));
        };
        parts.headers.append(key, value);
    }
    parts.extensions.extend(RequestContext::take(&mut parts.headers).map(extension).unwrap_or_default());
    Ok(parts)
}

fn extension(context: RequestContext) -> ::http::Extensions {
    let mut extensions = ::http::Extensions::new();
    extensions.insert(context);
    extensions
}

/// With scheme and authority if both are known, as in the absolute form of RFC 9112; otherwise the path only.
fn uri(said: &Said) -> Result<Uri, String> {
    let path = said.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
    let invalid = |_| format!("`{path}` is not a valid path of a URI");
    let path = PathAndQuery::try_from(path).map_err(invalid)?;
    let Some(authority) = said.authority.as_deref().filter(|authority| !authority.is_empty()) else {
        return Ok(Uri::from(path));
    };
    let scheme = said.scheme.as_deref().unwrap_or(Scheme::HTTPS.as_str());
    let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build();
    uri.map_err(|_| format!("`{scheme}://{authority}` is not a valid host"))
}

fn method(method: types::Method) -> String {
    let known = match method {
        types::Method::Get => Method::GET,
        types::Method::Head => Method::HEAD,
        types::Method::Post => Method::POST,
        types::Method::Put => Method::PUT,
        types::Method::Delete => Method::DELETE,
        types::Method::Connect => Method::CONNECT,
        types::Method::Options => Method::OPTIONS,
        types::Method::Trace => Method::TRACE,
        types::Method::Patch => Method::PATCH,
        types::Method::Other(name) => return name,
    };
    known.as_str().to_owned()
}

fn scheme(scheme: types::Scheme) -> String {
    match scheme {
        types::Scheme::Http => Scheme::HTTP.as_str().to_owned(),
        types::Scheme::Https => Scheme::HTTPS.as_str().to_owned(),
        types::Scheme::Other(name) => name,
    }
}

/// The headers of a response, without those that only a host sets, such as `connection`.
pub(super) fn headers(head: &response::Parts) -> Result<Fields, String> {
    let fields = Fields::new();
    for (name, value) in &head.headers {
        match fields.append(name.as_str(), value.as_bytes()) {
            // A handler may pass on the response of another server, whose connection headers do not apply
            // here.
            Ok(()) | Err(HeaderError::Forbidden) => {}
            Err(HeaderError::InvalidSyntax) => {
                return Err(format!("the header `{name}` of the response does not have a valid value"));
            }
            Err(HeaderError::Immutable) => {
                return Err(format!("the header `{name}` of the response can no longer be set"));
            }
        }
    }
    Ok(fields)
}

/// Whether a response has a body (RFC 9110, sections 9.3.2, 15.3.5 and 15.4.5).
pub(super) fn has_body(is_head: bool, status: StatusCode) -> bool {
    !is_head && ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status)
}

/// Sets the content type, unless the handler has set one.
pub(super) fn content_type(head: &mut response::Parts, content_type: Option<&'static str>) {
    if let Some(content_type) = content_type {
        head.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
    }
}

#[cfg(test)]
mod tests {
    use ::http::Response;

    use super::*;

    fn said(authority: Option<&str>, path: Option<&str>) -> Said {
        Said {
            method: "PATCH".into(),
            scheme: Some("http".into()),
            authority: authority.map(str::to_owned),
            path: path.map(str::to_owned),
            headers: Vec::new(),
        }
    }

    #[test]
    fn a_head_is_taken_over() {
        let headers = vec![
            ("x-a".to_owned(), b"1".to_vec()),
            ("X-A".to_owned(), b"2\xff".to_vec()),
            ("x-bulkhead-request-context".to_owned(), br#"{"http": {"sourceIp": "192.0.2.1"}}"#.to_vec()),
        ];
        let parts = parts(Said { headers, ..said(Some("example.com:80"), Some("/a%20b?c=%3D&c")) }).unwrap();
        assert_eq!(
            (parts.method.as_str(), parts.uri.to_string().as_str()),
            ("PATCH", "http://example.com:80/a%20b?c=%3D&c")
        );
        let values: Vec<&[u8]> = parts.headers.get_all("x-a").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(values, [&b"1"[..], b"2\xff"]);
        let context = parts.extensions.get::<RequestContext>().unwrap();
        assert_eq!((context.source_ip().as_deref(), parts.headers.len()), (Some("192.0.2.1"), 2));
    }

    #[test]
    fn a_head_without_host_or_path_is_one_all_the_same() {
        assert_eq!(parts(said(None, Some("/a"))).unwrap().uri.to_string(), "/a");
        assert_eq!(parts(said(Some("a.b"), None)).unwrap().uri.to_string(), "http://a.b/");
        assert_eq!(parts(said(Some(""), Some("*"))).unwrap().uri.to_string(), "*");
    }

    #[test]
    fn what_http_cannot_say_is_refused_with_its_name() {
        let error = |said: Said| parts(said).unwrap_err();
        assert_eq!(error(Said { method: "A B".into(), ..said(None, None) }), "`A B` is not a valid method");
        assert_eq!(error(said(Some("a b"), None)), "`http://a b` is not a valid host");
        assert_eq!(error(said(None, Some("/a b"))), "`/a b` is not a valid path of a URI");
        let headers = vec![("a".to_owned(), b"\n".to_vec())];
        assert_eq!(
            error(Said { headers, ..said(None, None) }),
            "the header `a` does not have a valid name and value"
        );
    }

    #[test]
    fn a_content_type_is_added_and_never_replaced() {
        let (mut head, ()) = Response::new(()).into_parts();
        content_type(&mut head, None);
        assert!(head.headers.is_empty());
        content_type(&mut head, Some("application/json"));
        content_type(&mut head, Some("text/plain"));
        assert_eq!(head.headers[CONTENT_TYPE], "application/json");
    }

    #[test]
    fn head_and_some_statuses_have_no_body() {
        assert!(has_body(false, StatusCode::OK) && has_body(false, StatusCode::NOT_FOUND));
        assert!(!has_body(true, StatusCode::OK) && !has_body(true, StatusCode::NOT_FOUND));
        assert!(!has_body(false, StatusCode::NO_CONTENT) && !has_body(false, StatusCode::NOT_MODIFIED));
    }

    #[test]
    fn every_method_keeps_its_name() {
        use types::Method::{Connect, Delete, Get, Head, Options, Other, Patch, Post, Put, Trace};
        let methods = [Get, Head, Post, Put, Delete, Connect, Options, Trace, Patch, Other("PURGE".into())];
        let names = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PURGE"];
        assert_eq!(methods.map(method), names);
        use types::Scheme::{Http, Https, Other as Another};
        assert_eq!([Http, Https, Another("ws".into())].map(scheme), ["http", "https", "ws"]);
    }
}
