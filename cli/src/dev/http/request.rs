//! What both ports read of the head of a request.

use std::net::IpAddr;

use hyper::Request;
use hyper::header::HOST;
use hyper::http::uri::Authority;

/// Whether a host is this machine's by its address, or called `localhost`.
pub(in crate::dev) fn is_of_this_machine(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// The host and the port that a request calls, if it names some that there can be.
pub(in crate::dev) fn authority<B>(request: &Request<B>) -> Option<Authority> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    // Of two hosts nobody knows which one counts.
    hosts.next().is_none().then(|| host.parse().ok())?
}

/// Whether a browser sent a request: others may say how it was sent, but not from which site.
pub(in crate::dev) fn is_from_browser<B>(request: &Request<B>) -> bool {
    request.headers().contains_key("sec-fetch-site")
}

/// `%XX` undone.
pub(in crate::dev) fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
