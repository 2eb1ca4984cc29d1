//! Which addresses a connection may go to, once a name is resolved.
//!
//! An allow-list of names is not enough: whoever owns a name decides where it points. So the address itself
//! is judged, whatever name or spelling led to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that are refused unless they, or a part of them, are granted.
const GRANTABLE: [(IpNet, &str); 7] = [
    (v4([10, 0, 0, 0], 8), "a private network"),
    (v4([172, 16, 0, 0], 12), "a private network"),
    (v4([192, 168, 0, 0], 16), "a private network"),
    (v4([100, 64, 0, 0], 10), "a shared network"),
    (v4([127, 0, 0, 0], 8), "the loopback network"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "the loopback network"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "a private network"),
];

/// Networks that nobody is granted, the narrower before the wider.
const NEVER: [(IpNet, &str); 21] = [
    (v4([0, 0, 0, 0], 8), "unspecified"),
    (v4([169, 254, 0, 0], 16), "link-local, as the credentials of the machine are"),
    (v4([192, 0, 0, 0], 24), "reserved"),
    (v4([192, 0, 2, 0], 24), "for documentation"),
    (v4([192, 88, 99, 0], 24), "reserved"),
    (v4([198, 18, 0, 0], 15), "for benchmarks"),
    (v4([198, 51, 100, 0], 24), "for documentation"),
    (v4([203, 0, 113, 0], 24), "for documentation"),
    (v4([224, 0, 0, 0], 4), "multicast"),
    (v4([255, 255, 255, 255], 32), "broadcast"),
    (v4([240, 0, 0, 0], 4), "reserved"),
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), "where the credentials of the machine are"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
    // Teredo is in it, which wraps an IPv4 address.
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "reserved"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "for documentation"),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "a wrapped IPv4 address"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "for documentation"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "a wrapped IPv4 address"),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "unspecified"),
];

/// Where every public IPv6 address is.
const GLOBAL: IpNet = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// NAT64 (RFC 6052): how a network without IPv4 reaches it.
const NAT64: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix))
}

/// Why a connection may not go to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// It could be granted.
    #[error("{address} is in {what}")]
    NotGranted {
        /// Where the connection would have gone.
        address: IpAddr,
        /// What to grant.
        network: IpNet,
        /// What that is.
        what: &'static str,
    },
    /// Nobody gets there.
    #[error("{address} is {what}")]
    Never {
        /// Where the connection would have gone.
        address: IpAddr,
        /// What it is.
        what: &'static str,
    },
    /// Whoever speaks to the Runtime API answers other tenants' events.
    #[error("{0} is Lambda's Runtime API")]
    RuntimeApi(SocketAddr),
}

/// Judges an address under what `granted` says of private networks.
///
/// A grant counts for the one network of [`GRANTABLE`] that it lies in. So `0.0.0.0/0` grants nothing, and
/// loopback is granted by its own name only.
pub(super) fn check(address: IpAddr, granted: &[IpNet]) -> Result<(), Refusal> {
    let plain = unwrapped(address);
    if let Some((_, what)) = NEVER.iter().find(|(network, _)| network.contains(&plain)) {
        return Err(Refusal::Never { address, what });
    }
    if let Some((network, what)) = GRANTABLE.iter().find(|(network, _)| network.contains(&plain)) {
        let is_granted = granted.iter().any(|grant| network.contains(grant) && grant.contains(&plain));
        let refusal = Refusal::NotGranted { address, network: *network, what };
        return is_granted.then_some(()).ok_or(refusal);
    }
    if plain.is_ipv6() && !GLOBAL.contains(&plain) {
        return Err(Refusal::Never { address, what: "reserved" });
    }
    Ok(())
}

/// The IPv4 address that an IPv6 address stands for, where the system or its network would go there.
pub(super) fn unwrapped(address: IpAddr) -> IpAddr {
    let address = address.to_canonical();
    let IpAddr::V6(wide) = address else { return address };
    let [.., a, b, c, d] = wide.octets();
    if NAT64.contains(&wide) { Ipv4Addr::new(a, b, c, d).into() } else { address }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(address: &str, granted: &[&str]) -> &'static str {
        let granted: Vec<IpNet> = granted.iter().map(|network| network.parse().unwrap()).collect();
        match check(address.parse().unwrap(), &granted) {
            Ok(()) => "allowed",
            Err(Refusal::NotGranted { .. }) => "grantable",
            Err(Refusal::Never { .. }) => "never",
            Err(Refusal::RuntimeApi(_)) => "api",
        }
    }

    /// Also for what stands for each IPv4 address.
    fn verdicts(address: &str, granted: &[&str]) -> &'static str {
        let plain = verdict(address, granted);
        if let Ok(narrow) = address.parse::<Ipv4Addr>() {
            assert_eq!(verdict(&format!("::ffff:{narrow}"), granted), plain, "mapped {address}");
            assert_eq!(verdict(&format!("64:ff9b::{narrow}"), granted), plain, "NAT64 {address}");
            let [a, b, c, d] = narrow.octets();
            assert_eq!(verdict(&format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1"), granted), "never", "6to4");
            // `::0.0.0.1` is `::1`, and `::0.0.0.0` is `::`.
            assert_eq!(verdict(&format!("::{narrow}"), granted), "never", "compatible {address}");
        }
        plain
    }

    #[test]
    fn public_addresses_are_allowed() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "52.94.5.1",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2600:1f18::1",
            "2001:4860:4860::8888",
            "2a05:d018::1",
            "2001:200::1",
        ] {
            assert_eq!(verdicts(address, &[]), "allowed", "{address}");
        }
    }

    #[test]
    fn private_addresses_can_be_granted() {
        for (address, grant) in [
            ("10.0.0.0", "10.0.0.0/8"),
            ("10.255.255.255", "10.255.0.0/16"),
            ("172.16.0.1", "172.16.0.0/12"),
            ("172.31.255.255", "172.31.255.255/32"),
            ("192.168.1.1", "192.168.0.0/16"),
            ("100.64.0.1", "100.64.0.0/10"),
            ("100.127.255.255", "100.64.0.0/10"),
            ("127.0.0.1", "127.0.0.0/8"),
            ("127.255.255.254", "127.0.0.0/8"),
            ("::1", "::1/128"),
            ("fc00::1", "fc00::/7"),
            ("fd12:3456::1", "fd12:3456::/32"),
        ] {
            assert_eq!(verdicts(address, &[]), "grantable", "{address}");
            assert_eq!(verdicts(address, &[grant]), "allowed", "{address}");
        }
    }

    #[test]
    fn some_addresses_are_never_allowed() {
        let everything =
            ["0.0.0.0/0", "::/0", "169.254.0.0/16", "fd00:ec2::/32", "fc00::/7", "fe80::/10", "0.0.0.0/8"];
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.170.2",
            "169.254.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:1::1",
            "2001:db8::1",
            "3fff::1",
            "2002:7f00:1::",
            "64:ff9b:1::1",
            "100::1",
            "5f00::1",
            "4000::1",
            "::7f00:1",
            "::2",
            "::ffff:0:127.0.0.1",
        ] {
            assert_eq!(verdicts(address, &[]), "never", "{address}");
            assert_eq!(verdicts(address, &everything), "never", "{address}");
        }
    }

    #[test]
    fn a_grant_is_for_the_network_that_it_names() {
        assert_eq!(verdict("10.0.0.1", &["192.168.0.0/16"]), "grantable");
        assert_eq!(verdict("10.1.0.1", &["10.0.0.0/16"]), "grantable");
        for wide in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "8.0.0.0/5"] {
            assert_eq!(verdict("10.0.0.1", &[wide]), "grantable", "{wide}");
            assert_eq!(verdict("127.0.0.1", &[wide]), "grantable", "{wide}");
            assert_eq!(verdict("::1", &[wide]), "grantable", "{wide}");
        }
        assert_eq!(verdict("::1", &["127.0.0.0/8"]), "grantable");
    }

    #[test]
    fn a_refusal_says_what_to_grant() {
        let refused = check("10.2.3.4".parse().unwrap(), &[]).unwrap_err();
        assert_eq!(refused.to_string(), "10.2.3.4 is in a private network");
        assert!(
            matches!(refused, Refusal::NotGranted { network, .. } if network.to_string() == "10.0.0.0/8")
        );
    }
}
