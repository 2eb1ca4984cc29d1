//! The address of the Runtime API: `host:port`, and for some emulators a path (R1.1, R1.2).

use std::str::FromStr;

use hyper::http::uri::Authority;

/// A parsed `AWS_LAMBDA_RUNTIME_API`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `host:port`.
    pub authority: String,
    /// Empty, or a path that starts with `/` and does not end with one.
    pub prefix: String,
}

/// The value is not an address.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum EndpointError {
    /// The Runtime API is plain HTTP on the same machine (R1.1).
    #[error("`{0}` asks for TLS, but the Runtime API speaks plain HTTP; write host:port")]
    Tls(String),
    /// Not `host:port`, with or without a path.
    #[error("`{0}` is not a valid address; write host:port, followed by a path if the emulator needs one")]
    Malformed(String),
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        if value.starts_with("https://") {
            return Err(EndpointError::Tls(value.to_owned()));
        }
        let malformed = || EndpointError::Malformed(value.to_owned());
        let address = value.strip_prefix("http://").unwrap_or(value);
        let (authority, path) = address.split_once('/').unwrap_or((address, ""));
        let parsed: Authority = authority.parse().map_err(|_| malformed())?;
        if parsed.host().is_empty() || authority.contains('@') {
            return Err(malformed());
        }
        let authority = match parsed.port_u16() {
            Some(_) => authority.to_owned(),
            None if authority.len() == parsed.host().len() => format!("{authority}:80"),
            None => return Err(malformed()),
        };
        let path = path.trim_matches('/');
        if !path.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '"' | '<' | '>')) {
            return Err(malformed());
        }
        let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok(Self { authority, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_emulators_hand_out() {
        for (value, authority, prefix) in [
            ("127.0.0.1:9001", "127.0.0.1:9001", ""),
            ("http://127.0.0.1:9001", "127.0.0.1:9001", ""),
            ("http://127.0.0.1:9001/", "127.0.0.1:9001", ""),
            ("127.0.0.1:9000/.rt/hello", "127.0.0.1:9000", "/.rt/hello"),
            ("localhost:9000/.rt/", "localhost:9000", "/.rt"),
            ("[::1]:9001", "[::1]:9001", ""),
            ("runtime.local", "runtime.local:80", ""),
        ] {
            let expected = Endpoint { authority: authority.to_owned(), prefix: prefix.to_owned() };
            assert_eq!(value.parse::<Endpoint>().unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_the_value_in_the_text() {
        for value in [":9001", "🚨", "user@host:1", "host:notaport", "host:99999", "host:1/a b", "host:1/a?b"]
        {
            let error = value.parse::<Endpoint>().unwrap_err();
            assert_eq!(error, EndpointError::Malformed(value.to_owned()));
            assert!(error.to_string().contains(value));
        }
        assert!(matches!("https://host:1".parse::<Endpoint>(), Err(EndpointError::Tls(_))));
    }
}
