//! Where function URLs are: each is at a name of its own, `NAME.localhost`, on a port of their own.
//!
//! What a handler answers may be any page at all, with any headers. Two things keep it away from everybody else, and a browser
//! holds both: another *origin*, so that no script looks into the page of `bulkhead dev`, its API, or what another handler
//! answers; and another *site*, so that cookies, `Clear-Site-Data`, a process of the browser and whatever else goes by the host
//! are shared with none of them either. A port alone is the first and not the second. Browsers and curl find `.localhost` on
//! this machine without asking anybody (RFC 6761), and take each name below it for a site.
//!
//! Not every program resolves such a name, so each function has a path as well: `/lambda-url/NAME/`, under the address. There all
//! of them share one origin, and so a browser is sent on from there.

use std::net::SocketAddr;

use hyper::Request;
use hyper::header::HOST;

use crate::dev::functions::host_label;
use crate::dev::http::request::{authority, is_of_this_machine, percent_decoded};

/// Where function URLs begin, for those who ask for them by a path.
pub(in crate::dev) const PATH: &str = "/lambda-url/";

/// What names of this machine end with.
const OURS: &str = ".localhost";

/// The address of all function URLs, as programs of this machine reach it.
#[derive(Debug, Clone, Copy)]
pub(in crate::dev) struct UrlAddress(pub(in crate::dev) SocketAddr);

/// What a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The function with this label.
    Label(String),
    /// The function of this name, and the path behind it.
    Path { name: String, path: String },
    /// No function.
    Unknown,
    /// Another machine's name: a page of the web that made this machine's address its own.
    ForeignHost,
}

impl UrlAddress {
    /// The URL of a function.
    pub(in crate::dev) fn url(self, name: &str) -> String {
        format!("http://{}{OURS}:{}/", host_label(name), self.0.port())
    }

    /// All of them, for people.
    pub(in crate::dev) fn pattern(self) -> String {
        format!("http://NAME{OURS}:{}/", self.0.port())
    }

    /// Where a request for a path of [`PATH`] that came to another port is answered.
    pub(in crate::dev) fn moved<B>(self, request: &Request<B>) -> String {
        // Others than this machine know it by another name.
        let host =
            authority(request).map_or_else(|| self.0.ip().to_string(), |named| named.host().to_owned());
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        format!("http://{host}:{}{target}", self.0.port())
    }

    /// Where a browser finds the same that it asked for by a path: at the host that is the function's alone.
    pub(super) fn own_host<B>(self, request: &Request<B>, name: &str, path: &str) -> String {
        let port = authority(request).and_then(|named| named.port_u16()).unwrap_or_else(|| self.0.port());
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("http://{}{OURS}:{port}{path}{query}", host_label(name))
    }
}

impl Target {
    /// `is_loopback`: only this machine can reach the port, so no request calls it by another machine's name.
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
