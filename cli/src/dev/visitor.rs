//! Who may ask: programs of this machine, whoever types an address, and our own page; no other site of the web.
//!
//! A browser says of each request which site it is from. That is not enough, because what a handler answers at its function URL
//! is of our own site, and may be any page at all. So the page has a token, which only a document that somebody opens can read.

use anyhow::Context;
use hyper::header::{HOST, ORIGIN};
use hyper::{Method, Request};

use super::page;

/// The header with the token.
const HEADER: &str = "x-bulkhead-page";

/// The same in a query, for requests that have no headers of their own.
const QUERY: &str = "page=";

/// Tells them apart.
#[derive(Debug)]
pub(super) struct Visitors {
    /// What our page knows, and another of the same site does not.
    pub(super) token: String,
    /// Names this process, for those who had another one.
    pub(super) process: String,
}

impl Visitors {
    pub(super) fn new() -> anyhow::Result<Self> {
        let word = || getrandom::u64().context("this system has no random numbers");
        Ok(Self { token: format!("{:016x}{:016x}", word()?, word()?), process: format!("{:016x}", word()?) })
    }

    /// Whether a request may have what it asks for.
    pub(super) fn admit<B>(&self, request: &Request<B>) -> bool {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let path = request.uri().path();
        if path == page::PATH {
            // As a document with a window of its own, and as nothing that a script could look into.
            return matches!(header("sec-fetch-dest"), None | Some("document"));
        }
        match (header("sec-fetch-site"), header(ORIGIN.as_str())) {
            (Some("none"), _) | (None, None) => true,
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
        // Nothing that changes anything.
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
        Visitors { token: "secret".to_owned(), process: String::new() }.admit(&request.body(()).unwrap())
    }

    #[test]
    fn programs_and_people_are_let_in() {
        for path in ["/", "/.bulkhead/events", NEXT] {
            assert!(admits("GET", path, &[]) && admits("GET", path, &[("sec-fetch-site", "none")]), "{path}");
        }
        assert!(admits("POST", INVOKE, &[]));
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
        // Browsers that do not say the site.
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
        for (method, path) in [("POST", INVOKE), ("GET", NEXT), ("GET", "/.bulkhead/events")] {
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
