//! An entry of `allowed_outbound_hosts`, in Spin's syntax: `scheme://host:port`.
//!
//! Each part may be a wildcard: `*` for both schemes, `*` for every host or `*.example.com` for the subdomains
//! of a domain (not the domain itself), `*` for every port. Without a port, that of the scheme is meant. Ports
//! may be a range whose end is left out, as in Rust: `8000..8100`. A host may be an address or a network,
//! `10.1.0.0/16` or `[2001:db8::/32]`, which allows URLs that name such an address, not names that resolve to one.
//!
//! That an entry allows a host does not say that it may be connected to: the address that the host
//! resolves to is checked as well, by [`crate::capabilities::outbound`].

mod host;

use std::str::FromStr;

use host::Host;
pub use host::HostError;

/// Which schemes, hosts and ports an entry allows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AllowedHost {
    scheme: Scheme,
    host: Host,
    ports: Ports,
}

/// The entry cannot be understood.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum AllowedHostError {
    /// Nothing there.
    #[error("it is empty; write a scheme and a host, such as \"https://api.example.com\"")]
    Empty,
    /// A lone wildcard, or Spin's old word for it.
    #[error("`{0}` is too short a word for everything; write \"*://*:*\" to allow every host and port")]
    Everything(String),
    /// A bare host.
    #[error("`{0}` has no scheme; write \"https://{0}\", or \"*://\" and a port for both http and https")]
    NoScheme(String),
    /// Spin knows databases too, Bulkhead does not.
    #[error("`{0}` is no scheme that a handler can use; there are http, https, and * for both")]
    Scheme(String),
    /// A name or password.
    #[error(
        "it has a user before the `@`; requests are allowed by scheme, host and port only, so leave it out"
    )]
    User,
    /// A path, query or fragment.
    #[error(
        "it has a path or query, `{0}`; requests are allowed by scheme, host and port only, so leave it out"
    )]
    Path(String),
    /// What should be a host is none.
    #[error(transparent)]
    Host(#[from] HostError),
    /// `*` has no port of its own.
    #[error("the scheme * has no port of its own; add one, such as \":443\", or \":*\" for every port")]
    NoPort,
    /// What should be a port is none.
    #[error("`{0}` is no port; write a number from 1 to 65535, a range such as 8000..8100, or *")]
    Port(String),
    /// The range is empty.
    #[error("the range of ports `{0}` is empty; its end is left out, so 80..81 is port 80 alone")]
    EmptyRange(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scheme {
    Any,
    Http,
    Https,
}

/// Both ends are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Ports {
    first: u16,
    last: u16,
}

impl AllowedHost {
    /// Whether a request to this place is allowed. `host` is as it stands in the URL.
    pub fn allows(&self, scheme: &str, host: &str, port: u16) -> bool {
        self.scheme.allows(scheme)
            && self.ports.covers(Ports { first: port, last: port })
            && self.host.allows(host)
    }

    /// Whether this entry allows everything that `other` allows.
    pub fn covers(&self, other: &Self) -> bool {
        let scheme = self.scheme == Scheme::Any || self.scheme == other.scheme;
        scheme && self.ports.covers(other.ports) && self.host.covers(&other.host)
    }
}

impl Scheme {
    fn parse(text: &str) -> Result<Self, AllowedHostError> {
        match text {
            "*" => Ok(Self::Any),
            _ if text.eq_ignore_ascii_case("http") => Ok(Self::Http),
            _ if text.eq_ignore_ascii_case("https") => Ok(Self::Https),
            _ => Err(AllowedHostError::Scheme(text.to_owned())),
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Any => "*",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn port(self) -> Option<u16> {
        match self {
            Self::Any => None,
            Self::Http => Some(80),
            Self::Https => Some(443),
        }
    }

    fn allows(self, scheme: &str) -> bool {
        match self {
            Self::Any => ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)),
            Self::Http | Self::Https => scheme.eq_ignore_ascii_case(self.text()),
        }
    }
}

impl Ports {
    const ANY: Self = Self { first: 0, last: u16::MAX };

    fn parse(text: &str) -> Result<Self, AllowedHostError> {
        let wrong = || AllowedHostError::Port(text.to_owned());
        if text == "*" {
            return Ok(Self::ANY);
        }
        let Some((first, end)) = text.split_once("..") else {
            let port = number(text).and_then(|port| u16::try_from(port).ok()).ok_or_else(wrong)?;
            return Ok(Self { first: port, last: port });
        };
        let (first, end) = number(first).zip(number(end)).ok_or_else(wrong)?;
        if end <= first {
            return Err(AllowedHostError::EmptyRange(text.to_owned()));
        }
        let (first, last) = u16::try_from(first).ok().zip(u16::try_from(end - 1).ok()).ok_or_else(wrong)?;
        Ok(Self { first, last })
    }

    fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

/// A positive number in plain digits; `parse` alone would take `+80`.
fn number(digits: &str) -> Option<u32> {
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())
        .flatten()
        .filter(|&number| number > 0)
}

impl std::fmt::Display for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.first, self.last) {
            _ if *self == Self::ANY => f.write_str("*"),
            (first, last) if first == last => write!(f, "{first}"),
            (first, last) => write!(f, "{first}..{}", u32::from(last) + 1),
        }
    }
}

/// Written as it is understood, so that it reads back as the same entry.
impl std::fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme.text(), self.host)?;
        match self.scheme.port() {
            Some(port) if self.ports == (Ports { first: port, last: port }) => Ok(()),
            Some(_) | None => write!(f, ":{}", self.ports),
        }
    }
}

impl FromStr for AllowedHost {
    type Err = AllowedHostError;

    fn from_str(entry: &str) -> Result<Self, Self::Err> {
        match entry {
            "" => return Err(AllowedHostError::Empty),
            "*" | "insecure:allow-all" => return Err(AllowedHostError::Everything(entry.to_owned())),
            _ => {}
        }
        let (scheme, rest) =
            entry.split_once("://").ok_or_else(|| AllowedHostError::NoScheme(entry.to_owned()))?;
        let scheme = Scheme::parse(scheme)?;
        let (host, port) = split(rest)?;
        let ports = match port {
            Some(port) => Ports::parse(port)?,
            None => {
                scheme.port().map(|port| Ports { first: port, last: port }).ok_or(AllowedHostError::NoPort)?
            }
        };
        Ok(Self { scheme, host: host.parse()?, ports })
    }
}

/// Parts host and port, either side of the last colon that is not in brackets. A lone slash at the end is
/// what copying from a browser leaves.
fn split(authority: &str) -> Result<(&str, Option<&str>), AllowedHostError> {
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if authority.is_empty() {
        return Err(AllowedHostError::Empty);
    }
    if authority.contains('@') {
        return Err(AllowedHostError::User);
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let path = match port {
        // The slash of `10.0.0.0/8` is none of a path.
        _ if host::is_network(host) => port.and_then(|port| port.find(['/', '?', '#']).map(|at| &port[at..])),
        _ => authority.find(['/', '?', '#']).map(|at| &authority[at..]),
    };
    path.map_or(Ok((host, port)), |path| Err(AllowedHostError::Path(path.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> AllowedHost {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    const ENTRIES: &[&str] = &[
        "https://api.example.com",
        "http://api.example.com",
        "http://api.example.com:443",
        "*://api.example.com:*",
        "https://example.com:*",
        "https://*.example.com",
        "https://*.api.example.com",
        "https://*.com:440..450",
        "https://api.example.com:443..444",
        "*://*:443",
        "*://*:1024..65536",
        "*://*:*",
        "https://10.1.2.3",
        "https://10.0.0.0/8",
        "*://10.1.0.0/16:*",
        "http://[::1]:8080",
        "http://[2001:db8::/32]:*",
        "https://[::/0]",
        "https://localhost",
    ];

    #[test]
    fn what_entries_allow() {
        let allowed = [
            ("https://api.example.com", "https", "api.example.com", 443),
            ("https://api.example.com", "HTTPS", "API.Example.COM.", 443),
            ("https://API.example.com./", "https", "api.example.com", 443),
            ("http://api.example.com", "http", "api.example.com", 80),
            ("*://host:4567", "http", "host", 4567),
            ("*://host:4567", "https", "host", 4567),
            ("https://example.com:*", "https", "example.com", 8443),
            ("https://*.example.com", "https", "a.b.example.com", 443),
            ("https://example.com:8000..8100", "https", "example.com", 8000),
            ("https://example.com:8000..8100", "https", "example.com", 8099),
            ("*://*:1..65536", "http", "example.com", 65535),
            ("*://*:*", "http", "169.254.169.254", 80),
            ("http://10.0.0.0/8", "http", "10.255.0.1", 80),
            ("http://10.0.0.1", "http", "10.0.0.1", 80),
            ("http://10.0.0.1", "http", "[::ffff:10.0.0.1]", 80),
            ("http://[::ffff:10.0.0.0/104]", "http", "10.9.9.9", 80),
            ("http://[::1]:8080", "http", "[0:0::1]", 8080),
            ("http://[2001:db8::/32]", "http", "[2001:db8:1::1]", 80),
        ];
        for (text, scheme, host, port) in allowed {
            assert!(entry(text).allows(scheme, host, port), "{text} should allow {scheme}://{host}:{port}");
        }
    }

    #[test]
    fn what_entries_do_not_allow() {
        let denied = [
            ("https://api.example.com", "http", "api.example.com", 443),
            ("https://api.example.com", "https", "api.example.com", 8443),
            ("https://api.example.com", "https", "evil-api.example.com", 443),
            ("https://api.example.com", "https", "api.example.com.evil.test", 443),
            ("https://api.example.com", "https", "api.example.com..", 443),
            ("https://*.example.com", "https", "example.com", 443),
            ("https://*.example.com", "https", ".example.com", 443),
            ("https://*.example.com", "https", "evilexample.com", 443),
            ("https://example.com:8000..8100", "https", "example.com", 8100),
            ("https://example.com:8000..8100", "https", "example.com", 7999),
            ("*://*:*", "ftp", "example.com", 21),
            ("http://10.0.0.0/8", "http", "11.0.0.1", 80),
            ("http://10.0.0.0/8", "http", "ten.example.com", 80),
            ("http://10.0.0.1", "http", "0xa.0.0.1", 80),
            ("http://[::1]", "http", "::2", 80),
        ];
        for (text, scheme, host, port) in denied {
            assert!(
                !entry(text).allows(scheme, host, port),
                "{text} should not allow {scheme}://{host}:{port}"
            );
        }
    }

    #[test]
    fn each_mistake_has_its_own_sentence() {
        let mistakes = [
            ("", "it is empty"),
            ("https://", "it is empty"),
            ("*", "\"*://*:*\""),
            ("insecure:allow-all", "\"*://*:*\""),
            ("api.example.com", "has no scheme; write \"https://api.example.com\""),
            ("postgres://db.example.com", "`postgres` is no scheme"),
            ("{http,https}://example.com", "is no scheme"),
            ("https://me:secret@example.com", "has a user"),
            ("https://example.com/v1", "a path or query, `/v1`"),
            ("https://example.com?x", "a path or query, `?x`"),
            ("https://10.0.0.0/8/v1", "a path or query, `/8/v1`"),
            ("https://10.0.0.0/8:443/v1", "a path or query, `/v1`"),
            ("*://example.com", "the scheme * has no port"),
            ("https://example.com:", "`` is no port"),
            ("https://example.com:0", "`0` is no port"),
            ("https://example.com:+80", "`+80` is no port"),
            ("https://example.com:65536", "`65536` is no port"),
            ("https://example.com:http", "`http` is no port"),
            ("https://example.com:80..", "`80..` is no port"),
            ("https://example.com:80..70000", "`80..70000` is no port"),
            ("https://example.com:90..90", "the range of ports `90..90` is empty"),
            ("https://api.*.com", "a wildcard is the whole host or its first label"),
            ("https://*example.com", "a wildcard is the whole host or its first label"),
            ("https://*.", "a wildcard is"),
            ("https://*.10.0.0.1", "an address"),
            ("https://:443", "a name"),
            ("https://a..b", "a name"),
            ("https://exa mple.com", "a name"),
            ("https://{{ host }}", "a name"),
            ("https://bücher.example", "xn--"),
            ("https://127.1", "an address"),
            ("https://0x7f000001", "an address"),
            ("https://10.0.0.5/8", "10.0.0.0/8"),
            ("https://[::1", "an address"),
            ("https://[example.com]", "an address"),
            ("https://[::1%eth0]", "an address"),
            ("https://[10.0.0.1]", "an address"),
        ];
        for (text, sentence) in mistakes {
            let error = text.parse::<AllowedHost>().expect_err(text).to_string();
            assert!(error.contains(sentence), "{text:?}: {error}");
        }
    }

    #[test]
    fn an_entry_is_written_so_that_it_reads_back() {
        for text in ENTRIES {
            assert_eq!(entry(&entry(text).to_string()), entry(text), "{text}");
        }
        let written = [
            ("HTTPS://Example.com.:443/", "https://example.com"),
            ("http://example.com:443", "http://example.com:443"),
            ("*://*:*", "*://*:*"),
            ("http://10.0.0.1/32", "http://10.0.0.1"),
            ("http://[::0001]:80..82", "http://[::1]:80..82"),
            ("https://*.Example.com", "https://*.example.com"),
        ];
        for (text, canonical) in written {
            assert_eq!(entry(text).to_string(), canonical);
        }
    }

    #[test]
    fn what_an_entry_covers_it_allows() {
        let hosts = [
            "api.example.com",
            "example.com",
            "x.api.example.com",
            "10.1.2.3",
            "[::1]",
            "[2001:db8::9]",
            "localhost",
        ];
        let ports = [80, 443, 445, 8080, 65535];
        let mut covered = 0;
        for (wide, narrow) in ENTRIES.iter().flat_map(|wide| ENTRIES.iter().map(move |narrow| (wide, narrow)))
        {
            let places = ["http", "https"].into_iter().flat_map(|scheme| {
                hosts
                    .into_iter()
                    .flat_map(move |host| ports.into_iter().map(move |port| (scheme, host, port)))
            });
            if entry(wide).covers(&entry(narrow)) {
                covered += 1;
                for (scheme, host, port) in places {
                    let narrow = entry(narrow).allows(scheme, host, port);
                    assert!(
                        !narrow || entry(wide).allows(scheme, host, port),
                        "{wide} {scheme} {host} {port}"
                    );
                }
            } else {
                assert_ne!(wide, narrow);
            }
        }
        assert!(covered > ENTRIES.len() * 2, "{covered}");
    }

    #[test]
    fn what_an_entry_does_not_cover() {
        let pairs = [
            ("https://example.com", "*://example.com:443"),
            ("https://*.example.com", "https://example.com"),
            ("https://api.example.com", "https://*.example.com"),
            ("https://*.api.example.com", "https://*.example.com"),
            ("https://*.example.com", "https://*:443"),
            ("https://example.com:80..90", "https://example.com:85..95"),
            ("https://10.0.0.0/16", "https://10.0.0.0/8"),
            ("https://[::/0]", "https://10.0.0.1"),
        ];
        for (wide, narrow) in pairs {
            assert!(!entry(wide).covers(&entry(narrow)), "{wide} {narrow}");
        }
    }
}
