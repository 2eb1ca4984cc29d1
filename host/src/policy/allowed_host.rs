//! An entry of `allowed_outbound_hosts`, in Spin's syntax: `scheme://host:port`.
//!
//! Each part may be a wildcard: `*` for both schemes, `*` for every host or `*.example.com` for the
//! subdomains of a domain (not the domain itself), `*` for every port. The default port is that of the
//! scheme. Ports may be a range without its end, as in Rust: `8000..8100`. A host may be an address or a
//! network, `10.1.0.0/16` or `[2001:db8::/32]`, which allows URLs with such an address, not names that
//! resolve to one.
//!
//! An entry that allows a host does not imply that the connection is allowed: the address that the host
//! resolves to is checked as well, by [`crate::capabilities::outbound`].

mod host;

use std::str::FromStr;

pub(super) use host::Host;
pub use host::HostError;

/// The schemes, hosts and ports that an entry allows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AllowedHost {
    scheme: Scheme,
    host: Host,
    ports: Ports,
}

/// The entry is not valid.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum AllowedHostError {
    /// It is empty.
    #[error("it is empty; write a scheme and a host, such as \"https://api.example.com\"")]
    Empty,
    /// A lone wildcard, or Spin's old word for it.
    #[error("`{0}` is ambiguous; write \"*://*:*\" to allow every host and port")]
    Everything(String),
    /// A bare host.
    #[error("`{0}` has no scheme; write \"https://{0}\", or \"*://\" and a port for both http and https")]
    NoScheme(String),
    /// Spin supports databases too, but Bulkhead does not.
    #[error("`{0}` is not a valid scheme; use http, https, or * for both")]
    Scheme(String),
    /// A name or password.
    #[error(
        "the entry contains a user before the `@`; requests are allowed by scheme, host and port only, so \
         leave it out"
    )]
    User,
    /// A path, query or fragment.
    #[error(
        "the entry contains a path or query, `{0}`; requests are allowed by scheme, host and port only, so \
         leave it out"
    )]
    Path(String),
    /// The host is not valid.
    #[error(transparent)]
    Host(#[from] HostError),
    /// `*` has no default port.
    #[error("the scheme * has no default port; add a port, such as \":443\", or \":*\" for every port")]
    NoPort,
    /// The port is not valid.
    #[error("`{0}` is not a valid port; write a number from 1 to 65535, a range such as 8000..8100, or *")]
    Port(String),
    /// The range is empty.
    #[error("the range of ports `{0}` is empty; the end of a range is excluded, so 80..81 is only port 80")]
    EmptyRange(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scheme {
    Any,
    Http,
    Https,
}

/// Both ends are included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Ports {
    first: u16,
    last: u16,
}

impl AllowedHost {
    /// Whether a request to this place is allowed. `host` is written as in the URL.
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

    /// Whether it allows requests without TLS.
    pub(super) fn allows_http(&self) -> bool {
        self.scheme != Scheme::Https
    }

    /// Whether it allows both schemes, or several ports.
    pub(super) fn is_wide(&self) -> bool {
        self.scheme == Scheme::Any || self.ports.first != self.ports.last
    }

    /// The name of its host, or of the domain whose subdomains it allows.
    pub fn name(&self) -> Option<&str> {
        match &self.host {
            Host::Name(name) | Host::Subdomains(name) => Some(name),
            Host::Any | Host::Network(_) => None,
        }
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
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

/// A positive number in plain digits; `parse` alone would accept `+80`.
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

/// The canonical text, which parses to an equal entry.
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

/// Splits host and port at the last colon that is not in brackets. A single slash at the end, as copied from
/// a browser, is ignored.
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
        // The slash of `10.0.0.0/8` does not begin a path.
        _ if host::is_network(host) => port.and_then(|port| port.find(['/', '?', '#']).map(|at| &port[at..])),
        _ => authority.find(['/', '?', '#']).map(|at| &authority[at..]),
    };
    path.map_or(Ok((host, port)), |path| Err(AllowedHostError::Path(path.to_owned())))
}

#[cfg(test)]
mod tests;
