//! A server, as a URL names it.

use std::net::IpAddr;

/// The server of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `https`, and not `http`.
    pub is_tls: bool,
    /// In lower case; an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// The text is not the URL of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a URL such as https://s3.example.com or http://127.0.0.1:9000")]
pub struct ServerError;

impl Server {
    /// A server with TLS, at the port for that.
    pub fn https(host: String) -> Self {
        Self { is_tls: true, host, port: 443 }
    }

    /// The server of a URL, and its path, which is empty or begins with a slash.
    ///
    /// # Errors
    /// If it has another form, or contains a user, a query, a fragment or a character that a URL escapes.
    pub fn of_url(url: &str) -> Result<(Self, &str), ServerError> {
        let (is_tls, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(ServerError),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port),
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_host = match authority.starts_with('[') {
            true => matches!(host.parse(), Ok(IpAddr::V6(_))),
            false => (1..=253).contains(&host.len()) && host.bytes().all(in_name),
        };
        let port = match (port.strip_prefix(':'), is_tls) {
            // Digits only: `parse` would take a sign.
            (Some(digits), _) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| ServerError)?
            }
            (None, _) if !port.is_empty() => return Err(ServerError),
            (None, true) => 443,
            (None, false) => 80,
            (Some(_), _) => return Err(ServerError),
        };
        let in_path = |byte: u8| in_name(byte) || b"/~:@!$&'()*+,;=".contains(&byte);
        if !is_host || port == 0 || !path.bytes().all(in_path) {
            return Err(ServerError);
        }
        Ok((Self { is_tls, host: host.to_ascii_lowercase(), port }, path))
    }

    /// Whether requests to it stay on this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// The value of `Host` in a request to it.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.is_tls, self.port) {
            (true, 443) | (false, 80) => host,
            (true | false, port) => format!("{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_a_scheme_a_host_and_a_port() {
        for (url, authority, port, path) in [
            ("https://S3.example.com", "s3.example.com", 443, ""),
            ("https://s3.example.com:443/", "s3.example.com", 443, "/"),
            ("http://localhost", "localhost", 80, ""),
            ("http://127.0.0.1:9000/a/b", "127.0.0.1:9000", 9000, "/a/b"),
            ("https://[::1]:80", "[::1]:80", 80, ""),
        ] {
            let (server, found) = Server::of_url(url).unwrap();
            assert_eq!((server.authority().as_str(), server.port, found), (authority, port, path), "{url}");
            assert_eq!(server.is_tls, url.starts_with("https"));
        }
        assert_eq!(Server::https("a.example".to_owned()), Server::of_url("https://a.example").unwrap().0);
    }

    #[test]
    fn a_loopback_address_is_one() {
        let is_loopback = |url| Server::of_url(url).unwrap().0.is_loopback();
        for url in ["http://127.0.0.1:5000", "http://127.9.0.1", "http://[::1]:5000", "http://LOCALHOST:5000"]
        {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://10.0.0.1",
            "http://moto:5000",
            "http://localhost.example.com",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn all_else_is_not_a_server() {
        for url in [
            "",
            "s3.example.com",
            "ftp://s3.example.com",
            "https://",
            "https:///path",
            "https://user@s3.example.com",
            "https://s3.example.com:0",
            "https://s3.example.com:+1",
            "https://s3.example.com:65536",
            "https://s3.example.com:",
            "https://s3.example.com/?query",
            "https://s3.example.com/#x",
            "https://s3.example.com/a b",
            "https://s3.exämple.com",
            "https://[::1",
            "https://[localhost]",
            "https://[127.0.0.1]",
            "https://[::1]x",
            "https://a\r\nb",
        ] {
            assert_eq!(Server::of_url(url), Err(ServerError), "{url}");
        }
    }
}
