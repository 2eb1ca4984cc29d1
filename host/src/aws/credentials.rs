//! The credentials of the function's role.
//!
//! Lambda gives them in environment variables, which do not change while the environment lives. Under SnapStart, and in
//! managed instances, they come from a server in the environment, and expire.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::client::{Client, Request};
use super::wire::ClientError;
use crate::http1::Server;
use crate::policy::Vars;

/// Credentials are fetched again when they are valid for less than this.
const AHEAD: Duration = Duration::from_secs(5 * 60);
/// After a failure, credentials that are still valid are used for this time.
const RETRY: Duration = Duration::from_secs(30);
/// How long the server in the environment is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
const MAX_ANSWER: u64 = 64 * 1024;

/// Who signs requests.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name of the key.
    pub access_key: String,
    /// The key.
    pub secret: String,
    /// The token of a session.
    pub token: Option<String>,
    /// When they expire, if that is known.
    pub expires: Option<SystemTime>,
}

impl Debug for Credentials {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// There are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The environment names none.
    #[error(
        "there are no AWS credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor \
         AWS_CONTAINER_CREDENTIALS_FULL_URI is set"
    )]
    None,
    /// The address must be this machine's, or use TLS: a token is sent there.
    #[error("AWS_CONTAINER_CREDENTIALS_FULL_URI: {0:?} is not the URL of a server on this machine")]
    Uri(String),
    /// The file with the token cannot be read.
    #[error("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: {0}")]
    Token(std::io::Error),
    /// The server does not answer.
    #[error("the role's credentials cannot be fetched: {0}")]
    Client(#[from] ClientError),
    /// The server has refused.
    #[error("the role's credentials cannot be fetched: the answer has the status {0}")]
    Status(u16),
    /// The answer is not what it should be.
    #[error("the role's credentials cannot be fetched: the answer is not valid")]
    Answer,
}

/// Where credentials come from.
#[derive(Debug)]
pub struct Provider {
    source: Source,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
enum Source {
    /// They never change.
    Fixed(Option<Arc<Credentials>>),
    Server {
        url: String,
        token: Option<Token>,
    },
}

/// What the server asks for.
enum Token {
    Text(String),
    /// It is written again while the environment lives.
    File(PathBuf),
}

impl Debug for Token {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[derive(Debug, Default)]
struct Kept {
    credentials: Option<Arc<Credentials>>,
    /// When fetching them has failed.
    failed: Option<SystemTime>,
}

impl Credentials {
    /// Those in environment variables.
    pub fn of_environment(vars: &impl Vars) -> Option<Self> {
        Some(Self {
            access_key: vars.get("AWS_ACCESS_KEY_ID")?,
            secret: vars.get("AWS_SECRET_ACCESS_KEY")?,
            token: vars.get("AWS_SESSION_TOKEN"),
            expires: None,
        })
    }

    fn are_valid(&self, for_another: Duration, now: SystemTime) -> bool {
        self.expires.is_none_or(|expires| now + for_another < expires)
    }
}

impl Provider {
    /// The credentials of the function's role.
    pub fn of_function(vars: &impl Vars) -> Self {
        let Some(url) = vars.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") else {
            return Self::of(Source::Fixed(Credentials::of_environment(vars).map(Arc::new)));
        };
        let file = || vars.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(|file| Token::File(file.into()));
        let token = vars.get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(Token::Text).or_else(file);
        Self::of(Source::Server { url, token })
    }

    /// These credentials.
    pub fn fixed(credentials: Credentials) -> Self {
        Self::of(Source::Fixed(Some(Arc::new(credentials))))
    }

    fn of(source: Source) -> Self {
        Self { source, kept: Mutex::default() }
    }

    /// The credentials for a request at this time, if they need not be fetched. This does not block.
    pub fn known(&self, now: SystemTime) -> Option<Arc<Credentials>> {
        match &self.source {
            Source::Fixed(credentials) => credentials.clone(),
            Source::Server { .. } => {
                let kept = self.kept.try_lock().ok()?;
                kept.credentials.clone().filter(|known| known.are_valid(AHEAD, now))
            }
        }
    }

    /// The credentials for a request at this time. One thread fetches them, and others wait for that.
    ///
    /// # Errors
    /// If there are none, or those that were known have expired and cannot be fetched again.
    pub fn get(&self, client: &Client, now: SystemTime) -> Result<Arc<Credentials>, CredentialsError> {
        let (url, token) = match &self.source {
            Source::Fixed(credentials) => return credentials.clone().ok_or(CredentialsError::None),
            Source::Server { url, token } => (url, token),
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let has_failed =
            kept.failed.is_some_and(|failed| now.duration_since(failed).is_ok_and(|age| age < RETRY));
        let ahead = if has_failed { Duration::ZERO } else { AHEAD };
        if let Some(known) = kept.credentials.as_ref().filter(|known| known.are_valid(ahead, now)) {
            return Ok(Arc::clone(known));
        }
        match fetch(client, url, token.as_ref()) {
            Ok(credentials) => {
                let credentials = Arc::new(credentials);
                *kept = Kept { credentials: Some(Arc::clone(&credentials)), failed: None };
                Ok(credentials)
            }
            Err(error) => {
                kept.failed = Some(now);
                let valid = kept.credentials.clone().filter(|known| known.are_valid(Duration::ZERO, now));
                valid.ok_or(error)
            }
        }
    }

    /// Forgets credentials of which AWS says that they have expired. Returns whether there may be others.
    pub fn forget(&self, expired: &Arc<Credentials>) -> bool {
        match self.source {
            Source::Fixed(_) => false,
            Source::Server { .. } => {
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                // Another thread may have fetched others since.
                if kept.credentials.as_ref().is_some_and(|kept| kept == expired) {
                    *kept = Kept::default();
                }
                true
            }
        }
    }
}

fn fetch(client: &Client, url: &str, token: Option<&Token>) -> Result<Credentials, CredentialsError> {
    let wrong = || CredentialsError::Uri(url.to_owned());
    let (server, path) = Server::of_url(url).map_err(|_| wrong())?;
    if !server.is_tls && !is_near(&server) {
        return Err(wrong());
    }
    let token = match token {
        None => None,
        Some(Token::Text(token)) => Some(token.clone()),
        Some(Token::File(file)) => Some(std::fs::read_to_string(file).map_err(CredentialsError::Token)?),
    };
    // It goes into a header.
    let token = token.map(|token| token.trim().to_owned()).filter(|token| !token.contains(char::is_control));
    let headers: Vec<_> = token.iter().map(|token| ("authorization", token.as_str())).collect();
    let reply = client.send(&Request {
        server: &server,
        method: "GET",
        target: if path.is_empty() { "/" } else { path },
        headers: &headers,
        body: b"",
        most: MAX_ANSWER,
        time: PATIENCE,
        is_repeatable: true,
    })?;
    if reply.status != 200 {
        return Err(CredentialsError::Status(reply.status));
    }
    read(&reply.body).ok_or(CredentialsError::Answer)
}

/// Reads an answer as the map that a trace's state is read as: code for one more type would make the bootstrap larger.
fn read(answer: &[u8]) -> Option<Credentials> {
    let answer: BTreeMap<String, Value> = serde_json::from_str(std::str::from_utf8(answer).ok()?).ok()?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    let expires = text("Expiration").map(|text| humantime::parse_rfc3339(&text)).transpose().ok()?;
    Some(Credentials {
        access_key: text("AccessKeyId")?,
        secret: text("SecretAccessKey")?,
        token: text("Token"),
        expires,
    })
}

/// Whether a host is this machine, or one of the addresses that containers have for credentials.
fn is_near(server: &Server) -> bool {
    server.is_loopback()
        || match server.host.parse() {
            Ok(IpAddr::V4(address)) => matches!(address.octets(), [169, 254, 170, 2 | 23]),
            Ok(IpAddr::V6(address)) => address.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23],
            Err(_) => false,
        }
}

#[cfg(test)]
mod tests;
