//! Which requests are allowed: those of programs on this machine, of a person who types an address, and of
//! our own page. Requests of other web sites are rejected.
//!
//! A browser sends the site that a request comes from in the header `Sec-Fetch-Site`. The responses of
//! handlers belong to another site than the page and this API (`function_url/address.rs`), so a browser marks
//! their requests as cross-site. In addition, the page has a token that only a document in a window of its
//! own can read. The token protects against browsers that do not send the site, and against any other page
//! that is ever served at this address.

use std::sync::Arc;

use axum::extract::State;
use axum::middleware::Next;
use axum::response::Response;
use hyper::header::{HOST, ORIGIN};
use hyper::{Method, Request, StatusCode};
use serde_json::json;

use crate::dev::http::request::{authority, is_of_this_machine};
use crate::dev::http::response;
use crate::dev::{page, runtime_api};
use crate::local::runtime_api::is_of_the_web;

/// The header with the token.
const HEADER: &str = "x-bulkhead-page";

/// The token in a query, for an `EventSource`, which cannot set headers.
const QUERY: &str = "page=";

/// Decides which requests are allowed.
#[derive(Debug)]
pub(super) struct Access {
    /// Known to our page, and not to other pages of the same site.
    pub(super) token: String,
    /// Only this machine can reach the port, so no request may call it by the name of another machine.
    pub(super) is_loopback: bool,
}

/// Passes an allowed request on, and rejects any other.
pub(super) async fn check(
    State(access): State<Arc<Access>>,
    request: axum::extract::Request,
    next: Next,
) -> Response {
    if access.is_loopback && has_foreign_host(&request) {
        return response::foreign_host();
    }
    if !access.allows(&request) {
        let message = "requests from other web sites and from pages that a handler returned are refused";
        return response::json(StatusCode::FORBIDDEN, &json!({ "message": message }));
    }
    next.run(request).await
}

/// Whether a request names another host. A web page whose name resolves to this machine (DNS rebinding) does.
/// Names below `localhost` belong to functions.
fn has_foreign_host<B>(request: &Request<B>) -> bool {
    match authority(request) {
        Some(named) => !is_of_this_machine(named.host()),
        None => request.headers().contains_key(HOST),
    }
}

impl Access {
    /// Whether a request is allowed.
    fn allows<B>(&self, request: &Request<B>) -> bool {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let path = request.uri().path();
        if runtime_api::is_call(path) {
            // Never for a browser: a redirect may have led a typed address here.
            return !is_of_the_web(request.headers());
        }
        if path == page::PATH {
            // Only as a document in a window of its own, which a script of another page cannot read.
            return matches!(header("sec-fetch-dest"), None | Some("document"));
        }
        match (header("sec-fetch-site"), header(ORIGIN.as_str())) {
            (None, None) => true,
            // A typed address may read, and change nothing.
            (Some("none"), _) => request.method() == Method::GET,
            (Some("same-origin"), _) => self.knows_token(request) || page::is_asset(path),
            (None, Some(origin)) => {
                let own = header(HOST.as_str()).map(|host| format!("http://{host}"));
                own.as_deref() == Some(origin) && self.knows_token(request)
            }
            (Some(_), _) => false,
        }
    }

    fn knows_token<B>(&self, request: &Request<B>) -> bool {
        let in_header =
            request.headers().get(HEADER).is_some_and(|token| token.as_bytes() == self.token.as_bytes());
        let mut query = request.uri().query().unwrap_or_default().split('&');
        // A query with the token allows reading only.
        let may_be_in_query = request.method() == Method::GET;
        in_header || may_be_in_query && query.any(|pair| pair.strip_prefix(QUERY) == Some(&self.token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVOKE: &str = "/2015-03-31/functions/hello/invocations";
    const NEXT: &str = "/2018-06-01/runtime/invocation/next";

    fn admits(method: &str, path: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost:9000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Access { token: "secret".to_owned(), is_loopback: true }.allows(&request.body(()).unwrap())
    }

    #[test]
    fn programs_and_people_are_let_in() {
        for path in ["/", "/.bulkhead/events"] {
            assert!(admits("GET", path, &[]) && admits("GET", path, &[("sec-fetch-site", "none")]), "{path}");
        }
        // The `fetch` of Node.js sends this.
        for headers in [&[][..], &[("sec-fetch-mode", "cors")]] {
            assert!(admits("POST", INVOKE, headers) && admits("GET", NEXT, headers));
        }
    }

    #[test]
    fn what_somebody_typed_takes_and_sends_no_event_wherever_a_redirect_leads_it() {
        let typed =
            [("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        for path in
            [NEXT, "/.rt/hello/2018-06-01/runtime/invocation/next", "/.rt/hello/1/2018-06-01/runtime/"]
        {
            assert!(!admits("GET", path, &typed), "{path}");
            assert!(
                !admits("GET", path, &[("origin", "http://localhost:9000"), (HEADER, "secret")]),
                "{path}"
            );
        }
        assert!(!admits("POST", INVOKE, &typed));
    }

    #[test]
    fn other_sites_are_not() {
        for site in ["cross-site", "same-site"] {
            for (method, path) in [("POST", INVOKE), ("GET", NEXT), ("GET", "/.bulkhead/stream?page=secret")]
            {
                let navigated =
                    [("sec-fetch-site", site), ("sec-fetch-mode", "navigate"), (HEADER, "secret")];
                assert!(!admits(method, path, &navigated), "{site}: {method} {path}");
            }
        }
        // Browsers that do not send the site.
        for origin in ["https://example.com", "http://localhost:3000", "null"] {
            assert!(!admits("POST", INVOKE, &[("origin", origin), (HEADER, "secret")]), "{origin}");
        }
        assert!(admits("POST", INVOKE, &[("origin", "http://localhost:9000"), (HEADER, "secret")]));
        assert!(
            admits("GET", "/", &[("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "document")]),
            "a link"
        );
    }

    #[test]
    fn of_the_same_site_only_our_page_is() {
        let of_handler = ("sec-fetch-site", "same-origin");
        assert!(!admits("GET", NEXT, &[of_handler, (HEADER, "secret")]));
        for (method, path) in [("POST", INVOKE), ("GET", "/.bulkhead/events")] {
            assert!(!admits(method, path, &[of_handler]), "{path}");
            assert!(admits(method, path, &[of_handler, (HEADER, "secret")]), "{path}");
        }
        assert!(admits("GET", "/.bulkhead/stream?after=1&page=secret", &[of_handler]));
        assert!(!admits("GET", "/.bulkhead/stream?page=secre", &[of_handler]));
        assert!(!admits("POST", &format!("{INVOKE}?page=secret"), &[of_handler]));
        for element in ["iframe", "empty", "script"] {
            assert!(
                !admits("GET", "/", &[of_handler, ("sec-fetch-dest", element)]),
                "{element} must not read the token"
            );
        }
    }
}
