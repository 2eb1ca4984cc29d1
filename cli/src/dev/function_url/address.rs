//! The addresses of function URLs. Each function has a host of its own, `NAME.localhost`, on a port of their
//! own.
//!
//! A handler may respond with any page and any headers. Browsers isolate it from the page of `bulkhead dev`,
//! its API and other handlers in two ways. It has another *origin*, so its scripts cannot read their
//! responses. And it belongs to another *site*, so it shares no cookies, no `Clear-Site-Data` and no browser
//! process with them. Another port makes another origin, but not another site. Browsers and curl resolve
//! `.localhost` to this machine without DNS (RFC 6761), and treat each host below it as a site of its own.
//!
//! Not every program resolves such a host, so each function has a path as well: `/lambda-url/NAME/`. All of
//! these paths share one origin, so a browser is redirected from there to the function's own host.

use std::net::SocketAddr;

use hyper::Request;
use hyper::header::HOST;

use crate::dev::functions::host_label;
use crate::dev::http::request::{authority, is_of_this_machine, percent_decoded};

/// The start of the paths of function URLs.
pub(in crate::dev) const PATH: &str = "/lambda-url/";

/// The end of the hosts of function URLs.
const OURS: &str = ".localhost";

/// The address of the port of function URLs, as programs on this machine reach it.
#[derive(Debug, Clone, Copy)]
pub(in crate::dev) struct UrlAddress(pub(in crate::dev) SocketAddr);

/// The target of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The function with this label.
    Label(String),
    /// The function of this name, and the rest of the path.
    Path { name: String, path: String },
    /// No function.
    Unknown,
    /// The request calls this machine by the name of another one (DNS rebinding).
    ForeignHost,
}

impl UrlAddress {
    /// The URL of a function.
    pub(in crate::dev) fn url(self, name: &str) -> String {
        format!("http://{}{OURS}:{}/", host_label(name), self.0.port())
    }

    /// The pattern of all these URLs, for messages.
    pub(in crate::dev) fn pattern(self) -> String {
        format!("http://NAME{OURS}:{}/", self.0.port())
    }

    /// The URL on this port for a request below [`PATH`] that came to the other port.
    pub(in crate::dev) fn moved<B>(self, request: &Request<B>) -> String {
        // Other machines call this one by another name.
        let host =
            authority(request).map_or_else(|| self.0.ip().to_string(), |named| named.host().to_owned());
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        format!("http://{host}:{}{target}", self.0.port())
    }

    /// The URL on the function's own host for a request to its path.
    pub(super) fn own_host<B>(self, request: &Request<B>, name: &str, path: &str) -> String {
        let port = authority(request).and_then(|named| named.port_u16()).unwrap_or_else(|| self.0.port());
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("http://{}{OURS}:{port}{path}{query}", host_label(name))
    }
}

impl Target {
    /// `is_loopback`: only this machine can reach the port, so no request may call it by the name of another
    /// machine.
    pub(super) fn of<B>(request: &Request<B>, is_loopback: bool) -> Self {
        let named = authority(request).map(|named| named.host().trim_end_matches('.').to_ascii_lowercase());
        if let Some(label) = named.as_deref().and_then(|host| host.strip_suffix(OURS)) {
            return Self::Label(label.to_owned());
        }
        let is_ours = named.as_deref().is_some_and(is_of_this_machine);
        if is_loopback && !is_ours && request.headers().contains_key(HOST) {
            return Self::ForeignHost;
        }
        let Some(rest) = request.uri().path().strip_prefix(PATH) else { return Self::Unknown };
        let at = rest.find('/').unwrap_or(rest.len());
        let (name, path) = rest.split_at(at);
        let path = if path.is_empty() { "/" } else { path };
        Self::Path { name: percent_decoded(name), path: path.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: fn() -> UrlAddress = || UrlAddress(SocketAddr::from(([127, 0, 0, 1], 9001)));

    fn request(host: &str, uri: &str) -> Request<()> {
        Request::get(uri).header(HOST, host).body(()).unwrap()
    }

    #[test]
    fn the_host_names_the_function_or_else_the_path_does() {
        let asked = |host: &str, path: &str, is_loopback| match Target::of(&request(host, path), is_loopback)
        {
            Target::Label(label) => format!("label {label}"),
            Target::Path { name, path } => format!("path {name} {path}"),
            other @ (Target::Unknown | Target::ForeignHost) => format!("{other:?}"),
        };
        for host in ["hello.localhost:9001", "Hello.LocalHost", "hello.localhost.:80"] {
            assert_eq!(asked(host, "/lambda-url/other/a", true), "label hello", "{host}");
        }
        for host in ["127.0.0.1:9001", "[::1]:9001", "localhost"] {
            assert_eq!(asked(host, "/lambda-url/a%20b/c%2Fd", true), "path a b /c%2Fd", "{host}");
            assert_eq!(asked(host, "/lambda-url/hello", true), "path hello /");
            assert_eq!(asked(host, "/", true), "Unknown");
        }
        for host in ["example.com", "hello.localhost.example.com", "localhost.example", "a b"] {
            assert_eq!(asked(host, "/lambda-url/hello/", true), "ForeignHost", "{host}");
        }
        assert_eq!(asked("this.machine", "/lambda-url/hello/", false), "path hello /");
        let without = Request::get("/lambda-url/hello/").body(()).unwrap();
        let expected = Target::Path { name: "hello".to_owned(), path: "/".to_owned() };
        assert_eq!(Target::of(&without, true), expected);
    }

    #[test]
    fn of_two_hosts_none_counts() {
        let two = Request::get("/lambda-url/hello/").header(HOST, "localhost").header(HOST, "a.localhost");
        assert_eq!(Target::of(&two.body(()).unwrap(), true), Target::ForeignHost);
    }

    #[test]
    fn who_asks_at_another_port_or_by_a_path_is_told_where_it_is() {
        let at = |host: &str| ADDRESS().moved(&request(host, "/lambda-url/hello/a%20b?c=1"));
        assert_eq!(at("localhost:9000"), "http://localhost:9001/lambda-url/hello/a%20b?c=1");
        assert_eq!(at("[::1]:9000"), "http://[::1]:9001/lambda-url/hello/a%20b?c=1");
        assert_eq!(ADDRESS().url("hello"), "http://hello.localhost:9001/");
        let own = |host: &str, name: &str, path: &str| {
            ADDRESS().own_host(&request(host, "/lambda-url/hello/a?c=%20"), name, path)
        };
        assert_eq!(own("127.0.0.1:80", "hello", "/a"), "http://hello.localhost:80/a?c=%20");
        assert_eq!(own("127.0.0.1", "hello", "//evil"), "http://hello.localhost:9001//evil?c=%20");
        assert_eq!(
            own("127.0.0.1", "a.b", "/"),
            format!("http://{}.localhost:9001/?c=%20", host_label("a.b"))
        );
    }
}
