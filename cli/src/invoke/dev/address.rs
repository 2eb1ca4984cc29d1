//! The address of a `bulkhead dev`, from the command line.

use std::fmt;
use std::str::FromStr;

use hyper::http::uri::Authority;

/// The default port of `bulkhead dev`.
const PORT: u16 = 9000;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::invoke) struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// The form for name lookup.
    pub(super) fn to_connect(&self) -> (&str, u16) {
        (self.host.trim_matches(['[', ']']), self.port)
    }

    /// The form for the header `Host`.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The command that starts one at this address.
    pub(super) fn command(&self) -> String {
        match self.port {
            PORT => "bulkhead dev".to_owned(),
            port => format!("bulkhead dev --port {port}"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority())
    }
}

/// `http://HOST:PORT`, `HOST:PORT`, `HOST`, or `PORT`.
impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(port) = text.parse() {
            return Ok(Self { host: "127.0.0.1".to_owned(), port });
        }
        let rest = text.strip_prefix("http://").unwrap_or(text);
        let authority: Option<Authority> = rest.strip_suffix('/').unwrap_or(rest).parse().ok();
        match authority.filter(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
        {
            Some(authority) => {
                Ok(Self { host: authority.host().to_owned(), port: authority.port_u16().unwrap_or(PORT) })
            }
            None => {
                Err("pass the address that `bulkhead dev` shows, such as http://127.0.0.1:9000".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_or_a_part_of_one() {
        let read = |text: &str| text.parse::<Address>().unwrap().to_string();
        assert_eq!(read("9010"), "http://127.0.0.1:9010");
        assert_eq!(read("http://localhost"), "http://localhost:9000");
        assert_eq!(read("http://[::1]:3000/"), "http://[::1]:3000");
        assert_eq!(read("127.0.0.1:80"), "http://127.0.0.1:80");
        for wrong in ["https://localhost", "http://localhost/path", "", "http://", "a b", "me@localhost"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_listens_there_is_started_with_its_port() {
        assert_eq!("9000".parse::<Address>().unwrap().command(), "bulkhead dev");
        assert_eq!("[::1]:1".parse::<Address>().unwrap().command(), "bulkhead dev --port 1");
        assert_eq!("[::1]:1".parse::<Address>().unwrap().to_connect(), ("::1", 1));
    }
}
