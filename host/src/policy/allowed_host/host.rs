//! The host of an entry: any host, a name, the subdomains of a name, or a network.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// Names are in lower case and have no dot at the end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::policy) enum Host {
    Any,
    Name(String),
    /// The part after `*.`.
    Subdomains(String),
    /// A single address is the smallest network. Addresses that map IPv4 into IPv6 are stored as IPv4.
    Network(IpNet),
}

/// The host is not valid.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum HostError {
    /// A wildcard in the middle.
    #[error("`{0}`: a wildcard must be the whole host or its first label, such as *.example.com")]
    Wildcard(String),
    /// It contains characters that are not valid in a name.
    #[error("`{0}` is not a valid host name; write one such as api.example.com")]
    Name(String),
    /// It contains characters that the Domain Name System does not support directly.
    #[error("`{0}` contains characters outside of ASCII; write the name in its ASCII form, with `xn--`")]
    NotAscii(String),
    /// It looks like an address but is not valid.
    #[error("`{0}` is not a valid address; write one such as 192.0.2.1, [2001:db8::1] or 192.0.2.0/24")]
    Address(String),
    /// The address has bits after the prefix.
    #[error("`{0}` has bits after its prefix; the network is {1}")]
    Bits(String, IpNet),
}

impl Host {
    pub(super) fn allows(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Name(name) => without_dot(host).eq_ignore_ascii_case(name),
            Self::Subdomains(domain) => is_subdomain(&without_dot(host).to_ascii_lowercase(), domain),
            Self::Network(network) => address(host).is_some_and(|address| network.contains(&address)),
        }
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Subdomains(domain), Self::Name(name)) => is_subdomain(name, domain),
            (Self::Subdomains(domain), Self::Subdomains(other)) => {
                other == domain || is_subdomain(other, domain)
            }
            (Self::Network(network), Self::Network(other)) => network.contains(other),
            (Self::Name(_) | Self::Subdomains(_) | Self::Network(_), _) => self == other,
        }
    }
}

fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

fn is_subdomain(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.')).is_some_and(|label| !label.is_empty())
}

/// The address that a URL contains, IPv6 with or without brackets.
fn address(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    inner.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// Whether the text ends like a network, so that its slash does not begin a path.
pub(super) fn is_network(host: &str) -> bool {
    network(host.trim_start_matches('[').trim_end_matches(']')).is_some()
}

/// A network or an address, as it is written.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// The IPv4 network that an IPv6 one maps, if it does.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let inner = mapped.prefix_len().checked_sub(96).zip(mapped.addr().to_ipv4_mapped());
    inner.and_then(|(prefix, address)| Ipv4Net::new(address, prefix).ok()).map_or(network, IpNet::V4)
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let bracketed = text.starts_with('[');
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        match network(inner) {
            Some(network) if bracketed == matches!(network, IpNet::V6(_)) => {
                let network = unmapped(network);
                let trunc = network.trunc();
                if trunc == network {
                    Ok(Self::Network(network))
                } else {
                    Err(HostError::Bits(text.to_owned(), trunc))
                }
            }
            None if !bracketed => name(text),
            Some(_) | None => Err(HostError::Address(text.to_owned())),
        }
    }
}

fn name(text: &str) -> Result<Host, HostError> {
    let lower = without_dot(text).to_ascii_lowercase();
    let (make, name): (fn(String) -> Host, _) = match lower.strip_prefix("*.") {
        Some(domain) => (Host::Subdomains, domain),
        None => (Host::Name, lower.as_str()),
    };
    let label = |label: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.len() <= 63 && label.bytes().all(known)
    };
    // If the last label is a number, resolvers read the whole name as an address: 127.1, 0x7f000001.
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.strip_prefix("0x").map_or_else(
        || !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
        |hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
    );
    match text {
        _ if name.contains('*') => Err(HostError::Wildcard(text.to_owned())),
        _ if !name.is_ascii() => Err(HostError::NotAscii(text.to_owned())),
        _ if numeric => Err(HostError::Address(text.to_owned())),
        _ if name.len() > 253 || !name.split('.').all(label) => Err(HostError::Name(text.to_owned())),
        _ => Ok(make(name.to_owned())),
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Name(name) => f.write_str(name),
            Self::Subdomains(domain) => write!(f, "*.{domain}"),
            Self::Network(network) => {
                let whole = network.prefix_len() == network.max_prefix_len();
                let text = if whole { network.addr().to_string() } else { network.to_string() };
                if matches!(network, IpNet::V6(_)) { write!(f, "[{text}]") } else { f.write_str(&text) }
            }
        }
    }
}
