//! The hosts of a credential. They are narrower than those of `allowed_outbound_hosts`, because each of them receives
//! what the credential adds.

use crate::policy::AllowedHost;
use crate::policy::allowed_host::Host;
use crate::policy::manifest::document::{Entry, Table};

const EXPECTED: &str = "an array of hosts, such as [\"https://api.stripe.com\"]";

/// A host, and its place.
#[derive(Debug)]
pub(super) struct HostEntry<'d> {
    pub(super) entry: Entry<'d>,
    pub(super) value: AllowedHost,
}

/// Reads `hosts`.
pub(super) fn hosts<'d>(credential: &Entry<'d>, table: &Table<'d>) -> Vec<HostEntry<'d>> {
    let Some(entry) = table.entry("hosts") else {
        credential.mistake(
            "the key `hosts` is missing; expected hosts = [\"https://api.stripe.com\"], for example",
        );
        return Vec::new();
    };
    let Some(elements) = entry.array(EXPECTED) else { return Vec::new() };
    if elements.is_empty() {
        entry.mistake(format!("the array is empty; expected {EXPECTED}"));
    }
    let read = |entry: Entry<'d>| {
        let value = entry.understood(host(entry.string("a string")?))?.value;
        Some(HostEntry { entry, value })
    };
    elements.into_iter().filter_map(read).collect()
}

/// Reads one host.
fn host(text: &str) -> Result<AllowedHost, String> {
    let host: AllowedHost =
        text.parse().map_err(|error: crate::policy::AllowedHostError| error.to_string())?;
    if host.is_wide() {
        return Err(format!("`{host}` has several schemes or ports; write an entry for each"));
    }
    let is_loopback = match host.host() {
        Host::Any => return Err("`*` sends the credential to every host; name its hosts".to_owned()),
        Host::Subdomains(domain) if !domain.contains('.') => {
            return Err(format!("`*.{domain}` sends the credential to hosts of strangers; name its hosts"));
        }
        Host::Network(network) if network.prefix_len() != network.max_prefix_len() => {
            return Err(format!("`{network}` is a network; name the addresses of the credential's hosts"));
        }
        Host::Network(network) => network.addr().is_loopback(),
        Host::Subdomains(_) | Host::Name(_) => false,
    };
    match host.allows_http() && !is_loopback {
        true => Err(format!(
            "`{host}` is not encrypted, so others on the way could read the credential; write https (http is only for a \
             loopback address, such as http://127.0.0.1:5000)"
        )),
        false => Ok(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_and_encrypted() {
        for text in [
            "https://api.stripe.com",
            "https://api.example.com:8443",
            "https://*.s3.eu-west-1.amazonaws.com",
            "https://10.0.0.1",
            "https://[2001:db8::1]:8443",
            "http://127.0.0.1:5000",
            "http://127.8.0.1:1",
            "http://[::1]:5000",
        ] {
            assert_eq!(host(text), Ok(text.parse().unwrap()));
        }
        for (text, expected) in [
            ("api.stripe.com", "`api.stripe.com` has no scheme"),
            ("https://api.stripe.com/v1", "the entry contains a path"),
            ("*://api.stripe.com:443", "several schemes or ports"),
            ("https://api.stripe.com:*", "several schemes or ports"),
            ("https://api.stripe.com:443..445", "several schemes or ports"),
            ("https://*", "`*` sends the credential to every host"),
            ("https://*.com", "`*.com` sends the credential to hosts of strangers"),
            ("https://10.0.0.0/8", "`10.0.0.0/8` is a network"),
            ("http://127.0.0.0/8", "`127.0.0.0/8` is a network"),
            ("http://api.stripe.com", "is not encrypted"),
            ("http://localhost:5000", "is not encrypted"),
            ("http://10.0.0.1", "is not encrypted"),
        ] {
            let error = host(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
