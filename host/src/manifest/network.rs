//! An entry of `allowed_private_networks`: which networks can be granted at all.
//!
//! Public addresses need no such grant. Link-local addresses, where an instance's metadata and credentials are, and
//! what is no single host cannot be granted. Loopback can, by name, for development: the host's own Runtime
//! API is not reachable through it all the same, which is [`crate::outbound`]'s business.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const fn v4(octets: [u8; 4], prefix: u8) -> IpNet {
    let [a, b, c, d] = octets;
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(first: u16, second: u16, prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), prefix))
}

const LOOPBACK_V6: IpNet = IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128));

/// What can be granted, or parts of it.
const PRIVATE: [IpNet; 7] = [
    v4([10, 0, 0, 0], 8),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    LOOPBACK_V6,
    v6(0xfc00, 0, 7),
];

/// What is never granted, not even as part of a larger network.
const FORBIDDEN: [(IpNet, &str); 8] = [
    (v4([169, 254, 0, 0], 16), "link-local, where the metadata and credentials of the instance are"),
    (v6(0xfe80, 0, 10), "link-local"),
    (v6(0xfd00, 0xec2, 32), "where the metadata of the instance is"),
    (v4([0, 0, 0, 0], 8), "this host itself"),
    (v6(0, 0, 128), "this host itself"),
    (v4([224, 0, 0, 0], 4), "multicast"),
    (v6(0xff00, 0, 8), "multicast"),
    (v4([255, 255, 255, 255], 32), "broadcast"),
];

/// Why a network cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NetworkError {
    #[error("{0:?} is not a network; write one such as \"10.1.0.0/16\", or a single address")]
    Syntax(String),
    #[error(
        "{0} has bits beyond its prefix; write \"{1}\" for the network, or the address alone for one host"
    )]
    Bits(IpNet, IpNet),
    #[error("{0} is IPv4 in the clothes of IPv6; write it as IPv4")]
    Mapped(IpNet),
    #[error("{0} holds addresses of {1} ({2}), which are never granted; name a smaller network")]
    Forbidden(IpNet, IpNet, &'static str),
    #[error("{0} is public, which needs no grant here; allowed_outbound_hosts is enough")]
    Public(IpNet),
    #[error("{0} is larger than the private network in it, {1}; name that, or a part of it")]
    TooLarge(IpNet, IpNet),
}

/// Understands a network or a single address.
pub(super) fn network(text: &str) -> Result<IpNet, NetworkError> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    let network: IpNet =
        text.parse().or_else(|_| address()).map_err(|_| NetworkError::Syntax(text.to_owned()))?;
    if let IpNet::V6(v6) = network
        && v6.addr().to_ipv4_mapped().is_some()
    {
        return Err(NetworkError::Mapped(network));
    }
    if network != network.trunc() {
        return Err(NetworkError::Bits(network, network.trunc()));
    }
    let overlaps = |other: &IpNet| network.contains(other) || other.contains(&network);
    if let Some((forbidden, what)) = FORBIDDEN.iter().find(|(forbidden, _)| overlaps(forbidden)) {
        return Err(NetworkError::Forbidden(network, *forbidden, what));
    }
    match PRIVATE.iter().find(|private| overlaps(private)) {
        Some(private) if private.contains(&network) => Ok(network),
        Some(private) => Err(NetworkError::TooLarge(network, *private)),
        None => Err(NetworkError::Public(network)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_can_be_granted() {
        for (text, understood) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.3/32"),
            ("172.31.0.0/16", "172.31.0.0/16"),
            ("192.168.1.0/24", "192.168.1.0/24"),
            ("100.64.0.0/10", "100.64.0.0/10"),
            ("127.0.0.1", "127.0.0.1/32"),
            ("::1", "::1/128"),
            ("fd12:3456::/32", "fd12:3456::/32"),
        ] {
            assert_eq!(network(text).unwrap().to_string(), understood);
        }
    }

    #[test]
    fn others_cannot_and_each_says_why() {
        for (text, why) in [
            ("", "is not a network"),
            ("10.0.0.0/33", "is not a network"),
            ("10.0.0", "is not a network"),
            ("localhost", "is not a network"),
            ("[::1]", "is not a network"),
            ("10.0.0.5/8", "write \"10.0.0.0/8\" for the network"),
            ("::ffff:10.0.0.0/104", "write it as IPv4"),
            ("::ffff:169.254.169.254", "write it as IPv4"),
            ("169.254.169.254", "169.254.0.0/16 (link-local"),
            ("169.0.0.0/8", "169.254.0.0/16 (link-local"),
            ("fe80::1", "fe80::/10 (link-local)"),
            ("fd00:ec2::254", "fd00:ec2::/32 (where"),
            ("fc00::/7", "fd00:ec2::/32 (where"),
            ("0.0.0.0", "0.0.0.0/8 (this host"),
            ("0.0.0.0/0", "never granted"),
            ("::/0", "never granted"),
            ("::", "::/128 (this host"),
            ("224.0.0.1", "multicast"),
            ("ff02::1", "multicast"),
            ("255.255.255.255", "broadcast"),
            ("8.8.8.8", "8.8.8.8/32 is public"),
            ("2001:db8::/32", "is public"),
            ("172.0.0.0/8", "larger than the private network in it, 172.16.0.0/12"),
        ] {
            let error = network(text).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
