//! The addresses that a connection may go to, after a name is resolved.
//!
//! An allow-list of names is not enough, since the owner of a name decides where it points. So the address
//! itself is checked, whatever name or notation led to it.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

pub(super) use crate::policy::network::unwrapped;
use crate::policy::network::{self, Network};

/// The reason why a connection may not go to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// The address could be granted.
    #[error("{address} is in {what}")]
    NotGranted {
        /// The address.
        address: IpAddr,
        /// The network to grant.
        network: IpNet,
        /// A description of the network.
        what: &'static str,
    },
    /// The address is never granted.
    #[error("{address} is {what}")]
    Never {
        /// The address.
        address: IpAddr,
        /// A description of the address.
        what: &'static str,
    },
    /// A client of the Runtime API could answer the events of other tenants.
    #[error("{0} is Lambda's Runtime API")]
    RuntimeApi(SocketAddr),
}

/// Checks an address against the granted private networks.
///
/// A grant counts only within the private network that contains it. So `0.0.0.0/0` grants nothing, and
/// loopback has to be granted by itself.
pub(super) fn check(address: IpAddr, granted: &[IpNet]) -> Result<(), Refusal> {
    let plain = unwrapped(address);
    match network::of(plain.into()) {
        Network::Public => Ok(()),
        Network::Private(network, what) => {
            let is_granted = granted.iter().any(|grant| network.contains(grant) && grant.contains(&plain));
            is_granted.then_some(()).ok_or(Refusal::NotGranted { address, network, what })
        }
        // A single address contains no other network.
        Network::Never(_, what) | Network::HoldsNever(_, what) => Err(Refusal::Never { address, what }),
        Network::TooLarge(_) => Err(Refusal::Never { address, what: "reserved" }),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

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
