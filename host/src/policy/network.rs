//! The kinds of networks: those that every handler can reach, those that can be granted, and those that
//! cannot.
//!
//! This is the only list. Both the networks that `allowed_private_networks` may contain and the networks that
//! a connection may go to are read from it, so that `bulkhead.toml` cannot grant a network that is denied
//! anyway.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that are denied unless they, or a part of them, are granted.
const PRIVATE: [(IpNet, &str); 7] = [
    (v4([10, 0, 0, 0], 8), "a private network"),
    (v4([172, 16, 0, 0], 12), "a private network"),
    (v4([192, 168, 0, 0], 16), "a private network"),
    (v4([100, 64, 0, 0], 10), "a shared network"),
    (v4([127, 0, 0, 0], 8), "the loopback network"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "the loopback network"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "a private network"),
];

/// Networks that cannot be granted, the narrower before the wider.
const NEVER: [(IpNet, &str); 21] = [
    (v4([0, 0, 0, 0], 8), "this host itself"),
    (v4([169, 254, 0, 0], 16), "link-local, where the metadata and credentials of the instance are"),
    (v4([192, 0, 0, 0], 24), "reserved"),
    (v4([192, 0, 2, 0], 24), "for documentation"),
    (v4([192, 88, 99, 0], 24), "reserved"),
    (v4([198, 18, 0, 0], 15), "for benchmarks"),
    (v4([198, 51, 100, 0], 24), "for documentation"),
    (v4([203, 0, 113, 0], 24), "for documentation"),
    (v4([224, 0, 0, 0], 4), "multicast"),
    (v4([255, 255, 255, 255], 32), "broadcast"),
    (v4([240, 0, 0, 0], 4), "reserved"),
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), "where the metadata of the instance is"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
    // It includes Teredo, which wraps an IPv4 address.
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "reserved"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "for documentation"),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "a wrapped IPv4 address"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "for documentation"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "a wrapped IPv4 address"),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "this host itself"),
];

/// The range of every public IPv6 address.
const GLOBAL: IpNet = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// NAT64 (RFC 6052): how IPv4 is reached from a network without it.
const NAT64: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix))
}

/// The kind of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Every handler can reach it.
    Public,
    /// It lies in this network, which can be granted, as a whole or in part.
    Private(IpNet, &'static str),
    /// It contains this network, which can be granted, and more than that.
    TooLarge(IpNet),
    /// It cannot be granted.
    Never(IpNet, &'static str),
    /// It contains this network, which cannot be granted.
    HoldsNever(IpNet, &'static str),
}

/// The kind of a network or of a single address.
pub fn of(network: IpNet) -> Network {
    let within = |other: &IpNet| other.contains(&network);
    if let Some((other, what)) = NEVER.iter().find(|(other, _)| within(other)) {
        return Network::Never(*other, what);
    }
    if let Some((other, what)) = NEVER.iter().find(|(other, _)| network.contains(other)) {
        return Network::HoldsNever(*other, what);
    }
    if let Some((other, what)) = PRIVATE.iter().find(|(other, _)| within(other)) {
        return Network::Private(*other, what);
    }
    if let Some((other, _)) = PRIVATE.iter().find(|(other, _)| network.contains(other)) {
        return Network::TooLarge(*other);
    }
    if matches!(network, IpNet::V6(_)) && !within(&GLOBAL) {
        return Network::Never(network, "reserved");
    }
    Network::Public
}

/// The IPv4 address that an IPv6 address stands for, if the operating system or the network would use that.
pub fn unwrapped(address: IpAddr) -> IpAddr {
    let address = address.to_canonical();
    let IpAddr::V6(wide) = address else { return address };
    let [.., a, b, c, d] = wide.octets();
    if NAT64.contains(&wide) { Ipv4Addr::new(a, b, c, d).into() } else { address }
}
