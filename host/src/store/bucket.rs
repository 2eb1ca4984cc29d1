//! Reads a store that is a bucket of S3, or of a server that speaks its protocol.
//!
//! A record that is known is asked for with its `ETag`, and costs a short reply if it is still the same. Nothing is followed
//! that leads elsewhere, and nothing is read further than its largest allowed size, nor for longer than [`TIME`].
//!
//! A request is sent again if the next one may succeed: after the answers that AWS calls transient, and once if S3 says that
//! the clock here is wrong, or that the credentials have expired.

use std::fmt::Write as _;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use super::layout::Key;
use super::{ReadError, Reading, State};
use crate::aws::sigv4::{Signable, Signing, digest_of, escaped};
use crate::aws::{Client, ClientError, Credentials, CredentialsError, Provider, Reply, Request, suffix_of};
use crate::http1::Server;
use crate::pause;
use crate::policy::Vars;
use crate::policy::manifest::Store;
use crate::policy::manifest::store::{BucketUrl, region};
use crate::text::bounded;
use crate::text::printable::line;

/// The time for a request and its reply, and for all attempts to read an object.
pub const TIME: Duration = Duration::from_secs(5);

/// The number of times that an object is asked for that an event waits for. S3 fails now and then.
pub const ATTEMPTS: u32 = 4;
/// The longest pause before the second attempt. It doubles with each further one.
const PAUSE: Duration = Duration::from_millis(100);

/// The largest body of a reply that is not an object.
const MAX_REPLY: u64 = 64 * 1024;
/// The longest `ETag` that is kept. S3's have 34 bytes and more.
const MAX_ETAG: usize = 128;
/// How much of a code of S3 is reported.
const MAX_CODE: usize = 64;

/// A bucket that contains a store.
#[derive(Debug)]
pub struct Bucket {
    url: BucketUrl,
    server: Server,
    /// The path of the store, without a slash at its end.
    path: String,
    /// The path of the bucket.
    root: String,
    region: Result<String, BucketError>,
    client: Client,
    credentials: Provider,
}

/// What is asked of a bucket.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// `GET`
    pub method: &'a str,
    /// An object of the store, or the bucket itself.
    pub key: Option<&'a Key>,
    /// The query, escaped, without a question mark.
    pub query: &'a str,
    /// Headers in lower case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
    /// The largest body of the reply.
    pub most: u64,
    /// The time for the request and its reply.
    pub time: Duration,
}

impl Default for Call<'_> {
    /// Reads the bucket itself, and a short reply.
    fn default() -> Self {
        Self { method: "GET", key: None, query: "", headers: &[], body: b"", most: MAX_REPLY, time: TIME }
    }
}

/// A bucket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// Neither the manifest nor the environment names the region.
    #[error("the region is not known: set `region` in [store], or AWS_REGION")]
    NoRegion,
    /// The environment names it, and its name is odd.
    #[error("AWS_REGION: {0}")]
    Region(&'static str),
    /// Requests cannot be signed.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// There is no valid reply.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The role may not read it. Without the right to list, S3 also says so of what does not exist.
    #[error(
        "S3 denied access ({0}): the role needs s3:GetObject for the objects of the store and s3:ListBucket for its \
         bucket, without which S3 does not say that an object does not exist"
    )]
    Denied(String),
    /// S3 sends the request elsewhere.
    #[error(
        "S3 redirects to another server ({0}): the bucket is in another region, or `endpoint_url` is wrong"
    )]
    Elsewhere(String),
    /// It may answer later.
    #[error("S3 is busy, or has failed ({0})")]
    Busy(String),
    /// Something else than an object.
    #[error("S3 answered with {0}")]
    Status(String),
}

impl Bucket {
    /// The bucket of a store. Credentials and region are those of the environment. Nothing is read yet.
    pub fn new(store: &Store, url: &BucketUrl, client: Client, vars: &impl Vars) -> Self {
        let named = store.region.clone().map(Ok).or_else(|| {
            let name = vars.get("AWS_REGION").or_else(|| vars.get("AWS_DEFAULT_REGION"))?;
            Some(region(&name).map_err(BucketError::Region))
        });
        // Other servers than AWS's need a name as well, whichever it is.
        let default = store.endpoint.as_ref().map(|_| "us-east-1".to_owned());
        let region = named.unwrap_or_else(|| default.ok_or(BucketError::NoRegion));
        Self::with(store, url, region, client, Provider::of_function(vars))
    }

    /// The bucket of a store, with this region and these credentials.
    pub fn with(
        store: &Store,
        url: &BucketUrl,
        region: Result<String, BucketError>,
        client: Client,
        credentials: Provider,
    ) -> Self {
        let name = &url.name;
        // A certificate for one more name does not cover a name with dots.
        let is_path = store.endpoint.is_some() || name.contains('.');
        let server = store.endpoint.clone().unwrap_or_else(|| {
            let region = region.as_deref().unwrap_or_default();
            let host = format!("s3.{region}.{}", suffix_of(region));
            Server::https(if is_path { host } else { format!("{name}.{host}") })
        });
        let root = if is_path { format!("/{name}") } else { String::new() };
        let slash = if url.prefix.is_empty() { "" } else { "/" };
        let path = format!("{root}{slash}{}", url.prefix);
        Self { url: url.clone(), server, path, root, region, client, credentials }
    }

    /// The bucket and the place in it.
    pub fn url(&self) -> &BucketUrl {
        &self.url
    }

    /// An object of at most `most` bytes, unless it is in the state that is known. It is asked for so many times, and no
    /// longer than [`TIME`], if S3 is busy or the connection breaks.
    ///
    /// # Errors
    /// If it cannot be read, or is larger.
    pub fn read(
        &self,
        key: &Key,
        most: u64,
        known: Option<&State>,
        attempts: u32,
    ) -> Result<Reading, ReadError> {
        let until = Instant::now() + TIME;
        let (mut left, mut longest) = (attempts, PAUSE);
        loop {
            let time = until.saturating_duration_since(Instant::now());
            let reading = self.read_once(key, time, most, known);
            left = left.saturating_sub(1);
            let is_passing = matches!(&reading, Err(ReadError::Bucket { error, .. }) if error.is_passing());
            let pause = pause::up_to(longest);
            if !is_passing || left == 0 || Instant::now() + pause >= until {
                return reading;
            }
            sleep(pause);
            longest *= 2;
        }
    }

    fn read_once(
        &self,
        key: &Key,
        time: Duration,
        most: u64,
        known: Option<&State>,
    ) -> Result<Reading, ReadError> {
        let etag = match known {
            Some(State::Object(etag)) if !etag.is_empty() => Some(("if-none-match", &**etag)),
            Some(State::Object(_) | State::File(_)) | None => None,
        };
        let headers: Vec<_> = etag.into_iter().collect();
        let call = Call { key: Some(key), headers: &headers, most, time, ..Call::default() };
        let failed = |error| ReadError::Bucket { key: key.clone(), error };
        let reply = match self.send(&call) {
            Err(BucketError::Client(ClientError::TooLarge { length, most })) => {
                return Err(ReadError::TooLarge { key: key.clone(), length, most });
            }
            reply => reply.map_err(failed)?,
        };
        match reply.status {
            200 => {
                let etag = reply.header("etag").filter(|etag| etag.len() <= MAX_ETAG).unwrap_or_default();
                Ok(Reading::Found(State::Object(etag.into()), reply.body))
            }
            304 if etag.is_some() => Ok(Reading::Unchanged),
            404 if code(&reply.body) == Some("NoSuchKey") => Ok(Reading::Absent),
            _ => Err(failed(BucketError::of(&reply))),
        }
    }

    /// Sends a signed request. The reply may have any status.
    ///
    /// # Errors
    /// If there is no valid reply.
    pub fn send(&self, call: &Call<'_>) -> Result<Reply, BucketError> {
        let (region, until) = (self.region()?, Instant::now() + call.time);
        let now = self.client.clock().now();
        let credentials = self.credentials.get(&self.client, now)?;
        let signing = Signing { credentials: &credentials, region, service: "s3", now };
        let reply = self.send_as(&signing, call)?;
        let is_learned = self.learns(&reply, &credentials, now);
        let time = until.saturating_duration_since(Instant::now());
        if !is_learned || time.is_zero() {
            return Ok(reply);
        }
        let now = self.client.clock().now();
        let credentials = self.credentials.get(&self.client, now)?;
        self.send_as(&Signing { credentials: &credentials, now, ..signing }, &Call { time, ..*call })
    }

    /// Whether a reply rejects a request for a reason that is mended now. S3 has not done what was asked (P1.16, P1.17).
    fn learns(&self, reply: &Reply, credentials: &Arc<Credentials>, signed: SystemTime) -> bool {
        match (reply.status, code(&reply.body)) {
            (403, Some("RequestTimeTooSkewed")) => self.client.clock().notice(reply.header("date"), signed),
            (400 | 403, Some("ExpiredToken")) => self.credentials.forget(credentials),
            _ => false,
        }
    }

    fn region(&self) -> Result<&str, BucketError> {
        match &self.region {
            Ok(region) => Ok(region),
            Err(BucketError::Region(why)) => Err(BucketError::Region(why)),
            Err(_) => Err(BucketError::NoRegion),
        }
    }

    fn send_as(&self, signing: &Signing<'_>, call: &Call<'_>) -> Result<Reply, BucketError> {
        let path = match call.key {
            // The names that were found in a bucket are others'.
            Some(key) => escaped(format!("{}/{key}", self.path).as_bytes(), b"/"),
            None => format!("{}/", self.root),
        };
        let host = self.server.authority();
        let mut headers = vec![("host", host.as_str())];
        headers.extend(call.headers);
        let signable = Signable {
            method: call.method,
            path: &path,
            query: call.query,
            headers: &headers,
            body: &digest_of(call.body),
        };
        let signed = signing.headers(&signable);
        headers.remove(0);
        headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        let mut target = path.clone();
        if !call.query.is_empty() {
            // Writing to a text does not fail.
            let _ = write!(target, "?{}", call.query);
        }
        Ok(self.client.send(&Request {
            server: &self.server,
            method: call.method,
            target: &target,
            headers: &headers,
            body: call.body,
            most: call.most,
            time: call.time,
            is_repeatable: matches!(call.method, "GET" | "HEAD"),
        })?)
    }
}

impl BucketError {
    /// What a reply means that is not the one that was wanted.
    pub fn of(reply: &Reply) -> Self {
        let code = match code(&reply.body) {
            Some(code) => format!("{}, {}", reply.status, line(bounded::cut(code, MAX_CODE))),
            None => reply.status.to_string(),
        };
        match reply.status {
            401 | 403 => Self::Denied(code),
            301 | 302 | 303 | 307 | 308 => Self::Elsewhere(code),
            429 | 500 | 502..=504 => Self::Busy(code),
            _ => Self::Status(code),
        }
    }

    /// Whether the same request may succeed a moment later.
    fn is_passing(&self) -> bool {
        match self {
            Self::Busy(_) | Self::Client(ClientError::Connect { .. } | ClientError::Broken(_)) => true,
            Self::NoRegion
            | Self::Region(_)
            | Self::Credentials(_)
            | Self::Client(
                ClientError::TimedOut
                | ClientError::Reply(_)
                | ClientError::HeadTooLarge
                | ClientError::TooLarge { .. }
                | ClientError::Tls(_),
            )
            | Self::Denied(_)
            | Self::Elsewhere(_)
            | Self::Status(_) => false,
        }
    }
}

/// The code in the body of an error of S3: `<Error><Code>NoSuchKey</Code>…`.
fn code(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    Some(text.split_once("<Code>")?.1.split_once("</Code>")?.0)
}

#[cfg(test)]
mod tests;
