//! An entry of `allowed_outbound_hosts`, in Spin's syntax.

use std::str::FromStr;

/// Which schemes, hosts and ports an entry allows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AllowedHost(String);

/// The entry cannot be understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}`")]
pub struct AllowedHostError(String);

impl AllowedHost {
    /// Whether a request to this place is allowed. `host` is as it stands in the URL.
    pub fn allows(&self, _scheme: &str, _host: &str, _port: u16) -> bool {
        false
    }

    /// Whether this entry allows everything that `other` allows.
    pub fn covers(&self, _other: &Self) -> bool {
        false
    }
}

impl std::fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AllowedHost {
    type Err = AllowedHostError;

    fn from_str(entry: &str) -> Result<Self, Self::Err> {
        Ok(Self(entry.to_owned()))
    }
}
