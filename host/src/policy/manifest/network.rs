//! An entry of `allowed_private_networks`, and the networks that can be granted at all.
//!
//! [`crate::policy::network`] lists these networks, for connections too. Loopback can be granted explicitly,
//! for development: even so, the host's own Runtime API is out of reach, which
//! [`crate::capabilities::outbound`] enforces.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::policy::network::{self, Network};

/// The reason why a network cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NetworkError {
    #[error("{0:?} is not a valid network; write one such as \"10.1.0.0/16\", or a single address")]
    Syntax(String),
    #[error("{0} has bits after its prefix; write \"{1}\" for the network, or only the address for one host")]
    Bits(IpNet, IpNet),
    #[error("{0} is an IPv4 address written as IPv6; write it as IPv4")]
    Mapped(IpNet),
    #[error("{0} is in {1} ({2}), which cannot be granted")]
    Never(IpNet, IpNet, &'static str),
    #[error("{0} contains addresses of {1} ({2}), which cannot be granted; use a smaller network")]
    HoldsNever(IpNet, IpNet, &'static str),
    #[error("{0} is public and needs no grant here; allowed_outbound_hosts is enough")]
    Public(IpNet),
    #[error("{0} is larger than the private network in it, {1}; use that network, or a part of it")]
    TooLarge(IpNet, IpNet),
}

/// Parses a network or a single address.
pub(super) fn network(text: &str) -> Result<IpNet, NetworkError> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    let network: IpNet =
        text.parse().or_else(|_| address()).map_err(|_| NetworkError::Syntax(text.to_owned()))?;
    if network.addr().is_ipv6() && network::unwrapped(network.addr()).is_ipv4() {
        return Err(NetworkError::Mapped(network));
    }
    if network != network.trunc() {
        return Err(NetworkError::Bits(network, network.trunc()));
    }
    match network::of(network) {
        Network::Private(..) => Ok(network),
        Network::Public => Err(NetworkError::Public(network)),
        Network::TooLarge(private) => Err(NetworkError::TooLarge(network, private)),
        Network::Never(other, what) => Err(NetworkError::Never(network, other, what)),
        Network::HoldsNever(other, what) => Err(NetworkError::HoldsNever(network, other, what)),
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
            ("", "is not a valid network"),
            ("10.0.0.0/33", "is not a valid network"),
            ("10.0.0", "is not a valid network"),
            ("localhost", "is not a valid network"),
            ("[::1]", "is not a valid network"),
            ("10.0.0.5/8", "write \"10.0.0.0/8\" for the network"),
            ("::ffff:10.0.0.0/104", "write it as IPv4"),
            ("::ffff:169.254.169.254", "write it as IPv4"),
            ("169.254.169.254", "169.254.0.0/16 (link-local"),
            ("169.0.0.0/8", "169.254.0.0/16 (link-local"),
            ("fe80::1", "fe80::/10 (link-local)"),
            ("fd00:ec2::254", "fd00:ec2::/32 (where"),
            ("fc00::/7", "fd00:ec2::/32 (where"),
            ("0.0.0.0", "0.0.0.0/8 (this host"),
            ("0.0.0.0/0", "cannot be granted"),
            ("::/0", "cannot be granted"),
            ("::", "::/128 (this host"),
            ("224.0.0.1", "multicast"),
            ("ff02::1", "multicast"),
            ("255.255.255.255", "broadcast"),
            ("8.8.8.8", "8.8.8.8/32 is public"),
            ("2600:1f18::/32", "is public"),
            (
                "203.0.113.0/24",
                "203.0.113.0/24 is in 203.0.113.0/24 (for documentation), which cannot be granted",
            ),
            ("198.51.100.7", "198.51.100.0/24 (for documentation)"),
            ("192.0.2.0/25", "192.0.2.0/24 (for documentation)"),
            ("198.18.0.0/15", "198.18.0.0/15 (for benchmarks)"),
            ("198.19.1.1", "198.18.0.0/15 (for benchmarks)"),
            ("192.0.0.0/24", "192.0.0.0/24 (reserved)"),
            ("192.88.99.1", "192.88.99.0/24 (reserved)"),
            ("240.0.0.0/4", "(reserved), which cannot be granted"),
            ("2001:db8::/32", "2001:db8::/32 (for documentation)"),
            ("3fff::/24", "3fff::/20 (for documentation)"),
            ("2002::/16", "(a wrapped IPv4 address)"),
            ("100::/64", "(reserved)"),
            ("64:ff9b::10.0.0.1", "write it as IPv4"),
            ("192.0.0.0/8", "contains addresses of 192.0.0.0/24 (reserved)"),
            ("172.0.0.0/8", "larger than the private network in it, 172.16.0.0/12"),
        ] {
            let error = network(text).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    /// What the manifest says of an address is what becomes of a connection to it.
    #[test]
    fn what_can_be_granted_is_what_connections_need_a_grant_for() {
        use crate::policy::network::of;
        let starts = (0..=255_u8).flat_map(|a| [0, 18, 51, 64, 88, 168, 254].map(|b| [a, b]));
        let addresses = starts.flat_map(|[a, b]| [0, 2, 99, 100, 113].map(|c| IpAddr::from([a, b, c, 7])));
        for address in addresses {
            let said = network(&address.to_string());
            match of(address.into()) {
                Network::Private(..) => assert_eq!(said, Ok(address.into())),
                Network::Public => assert_eq!(said, Err(NetworkError::Public(address.into()))),
                Network::Never(..) | Network::HoldsNever(..) | Network::TooLarge(_) => {
                    assert!(matches!(said, Err(NetworkError::Never(..))), "{address}: {said:?}");
                }
            }
        }
    }
}
