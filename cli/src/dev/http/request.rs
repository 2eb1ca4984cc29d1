//! Reads the parts of a request's head that both ports need.

use std::net::IpAddr;

use hyper::Request;
use hyper::header::HOST;
use hyper::http::uri::Authority;

/// Whether a host is an IP address or `localhost`, and so not the name of another machine.
pub(in crate::dev) fn is_of_this_machine(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// The host and port in the header `Host`, if they are valid.
pub(in crate::dev) fn authority<B>(request: &Request<B>) -> Option<Authority> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    // With two of these headers it is not known which one counts.
    hosts.next().is_none().then(|| host.parse().ok())?
}

/// Whether a browser sent a request. Only browsers send this header.
pub(in crate::dev) fn is_from_browser<B>(request: &Request<B>) -> bool {
    request.headers().contains_key("sec-fetch-site")
}

/// Decodes `%XX`.
pub(in crate::dev) fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
