//! The target of a request, in the guest's words.

use std::fmt;
use std::sync::Arc;

use hyper::Uri;
use hyper::http::uri::Scheme;
use wasmtime_wasi_http::Error;

use crate::policy::{AllowedHost, Credential, Policy, is_of_aws};

/// The part of a host's name that goes into a log record.
const MAX_NAMED: usize = 300;

/// A scheme, a host and a port, each in one canonical notation: the connection goes exactly to what was
/// checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    scheme: &'static str,
    host: String,
    port: u16,
}

impl Target {
    /// The target of a URI.
    ///
    /// # Errors
    /// If the URI has no host, or contains more than a host and a port.
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        let (scheme, default_port) = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => ("https", 443),
            Some(scheme) if *scheme == Scheme::HTTP => ("http", 80),
            _ => return Err(Error::HttpProtocolError),
        };
        let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
        let host = authority.host();
        // `Authority::port` is not used, because it ignores an invalid port.
        let rest = authority.as_str().strip_prefix(host).ok_or(Error::HttpRequestUriInvalid)?;
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(digits.parse().map_err(|_| Error::HttpRequestUriInvalid)?),
            None if rest.is_empty() => None,
            None => return Err(Error::HttpRequestUriInvalid),
        };
        let port = port.unwrap_or(default_port);
        if host.is_empty() || port == 0 {
            return Err(Error::HttpRequestUriInvalid);
        }
        Ok(Self { scheme, host: host.to_ascii_lowercase(), port })
    }

    /// Whether `policy` allows the target, whatever its address turns out to be. The hosts of a credential are allowed.
    pub(super) fn is_allowed_by(&self, policy: &Policy) -> bool {
        self.is_one_of(&policy.grants.allowed_outbound_hosts) || self.credential(policy).is_some()
    }

    /// The credential that is used for requests to the target.
    pub(super) fn credential<'a>(&self, policy: &'a Policy) -> Option<&'a Arc<Credential>> {
        policy.grants.credentials.iter().find(|credential| self.is_one_of(&credential.hosts))
    }

    fn is_one_of(&self, hosts: &[AllowedHost]) -> bool {
        hosts.iter().any(|entry| entry.allows(self.scheme, &self.host, self.port))
    }

    /// Whether it uses TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether it is a service of AWS, which its certificate proves.
    pub(super) fn is_of_aws(&self) -> bool {
        self.is_tls() && is_of_aws(self.name())
    }

    /// Its host, an IPv6 address in brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Its host, as written in a certificate.
    pub(super) fn name(&self) -> &str {
        let within = self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        within.unwrap_or(&self.host)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The value of `Host` for a request to it.
    pub(super) fn host_header(&self) -> String {
        match (self.scheme, self.port) {
            ("https", 443) | ("http", 80) => self.host.clone(),
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    /// The entry of `allowed_outbound_hosts` that would allow exactly this target.
    pub(super) fn entry(&self) -> String {
        match (self.scheme, self.port) {
            ("https", 443) | ("http", 80) => format!("{}://{}", self.scheme, self.named_host()),
            _ => self.to_string(),
        }
    }

    fn named_host(&self) -> &str {
        &self.host[..self.host.floor_char_boundary(MAX_NAMED)]
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.named_host(), self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str) -> Result<Target, Error> {
        Target::of(&uri.parse().unwrap())
    }

    #[test]
    fn every_spelling_of_a_target_is_one() {
        for uri in ["https://a.example/x", "https://A.Example:443?y", "HTTPS://a.example:0443/"] {
            assert_eq!(target(uri).unwrap().to_string(), "https://a.example:443", "{uri}");
        }
        assert_eq!(target("http://[::1]").unwrap().to_string(), "http://[::1]:80");
        assert_eq!(target("http://[::1]:8080/").unwrap().to_string(), "http://[::1]:8080");
    }

    #[test]
    fn what_is_more_or_less_than_host_and_port_is_refused() {
        for uri in [
            "https://user@a.example/",
            "https://a.example:80@b.example/",
            "https://a.example:/",
            "https://a.example:0/",
            "https://a.example:65536/",
            "https://a.example:99999/",
            "/path",
        ] {
            assert!(target(uri).is_err(), "{uri}");
        }
        assert!(matches!(target("ftp://a.example/"), Err(Error::HttpProtocolError)));
    }

    #[test]
    fn a_request_names_the_target_that_was_checked() {
        for (uri, host, name) in [
            ("https://A.example/path?q=1", "a.example", "a.example"),
            ("https://a.example:80", "a.example:80", "a.example"),
            ("http://[::1]:80/", "[::1]", "::1"),
            ("http://10.0.0.1:8080/", "10.0.0.1:8080", "10.0.0.1"),
        ] {
            let target = target(uri).unwrap();
            assert_eq!((target.host_header().as_str(), target.name()), (host, name), "{uri}");
        }
    }

    #[test]
    fn the_entry_is_as_people_write_it() {
        assert_eq!(target("https://a.example/x").unwrap().entry(), "https://a.example");
        assert_eq!(target("http://a.example:80").unwrap().entry(), "http://a.example");
        assert_eq!(target("http://a.example:443").unwrap().entry(), "http://a.example:443");
    }

    #[test]
    fn a_long_name_is_cut_in_the_log() {
        let named = target(&format!("https://{}/", "a".repeat(9000))).unwrap();
        assert!(named.to_string().len() < 350 && named.entry().len() < 350);
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        assert!(!target("https://a.example/").unwrap().is_allowed_by(&Policy::default_for("hello")));
    }
}
