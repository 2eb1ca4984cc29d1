//! Signs requests to AWS: Signature Version 4, in headers.
//!
//! What is signed is a canonical form of the request, so that a proxy may reorder headers and write the same path
//! in another way. [`Signing::headers`] gives the headers that the request needs in addition. `ring` computes
//! digests and codes.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use percent_encoding::percent_decode_str;
use ring::{digest, hmac};

use super::credentials::Credentials;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const CONTENT: &str = "x-amz-content-sha256";
const DATE: &str = "x-amz-date";
const TOKEN: &str = "x-amz-security-token";

/// In the place of the digest of a body that is not signed.
pub const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// A request that is to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Signable<'a> {
    /// `GET`
    pub method: &'a str,
    /// The path, as it is sent.
    pub path: &'a str,
    /// The query without its question mark, as it is sent.
    pub query: &'a str,
    /// The headers that are signed. `host` has to be one of them; names may have any case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The digest of the body ([`digest_of`]), or [`UNSIGNED`].
    pub body: &'a str,
}

/// For whom requests are signed.
#[derive(Debug, Clone, Copy)]
pub struct Signing<'a> {
    /// Whose they are.
    pub credentials: &'a Credentials,
    /// `eu-central-1`
    pub region: &'a str,
    /// The name that the service has in signatures: `s3`, `dynamodb`.
    pub service: &'a str,
    /// The time.
    pub now: SystemTime,
}

/// What differs between services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rules {
    /// The path is escaped once more.
    escapes_twice: bool,
    /// `.`, `..` and empty parts of the path are resolved.
    normalizes: bool,
    /// The digest of the body is sent in a header.
    sends_digest: bool,
    /// The token is sent, and not signed.
    omits_token: bool,
}

/// The key of a day, from which no other day's can be computed. It takes four codes to make, so the last one is kept.
struct Derived {
    scope: String,
    secret: String,
    key: hmac::Key,
}

static LAST: Mutex<Option<Derived>> = Mutex::new(None);

/// Whether a service has the rules of S3. Its requests may say that their body is not signed.
pub fn is_s3(service: &str) -> bool {
    matches!(service, "s3" | "s3express" | "s3-outposts" | "s3-object-lambda")
}

impl Rules {
    fn of(service: &str) -> Self {
        // The keys of objects may contain `..` and `//`.
        let is_s3 = is_s3(service);
        Self { escapes_twice: !is_s3, normalizes: !is_s3, sends_digest: is_s3, omits_token: false }
    }
}

impl Signing<'_> {
    /// The headers that make a request a signed one. All of them have to be sent.
    pub fn headers(&self, request: &Signable<'_>) -> Vec<(&'static str, String)> {
        self.signed(request, Rules::of(self.service)).0
    }

    /// The headers, the canonical request and the text that is signed.
    fn signed(&self, request: &Signable<'_>, rules: Rules) -> (Vec<(&'static str, String)>, String, String) {
        let time = basic(self.now);
        let day = &time[..8.min(time.len())];
        let mut added = vec![(DATE, time.clone())];
        if rules.sends_digest {
            added.push((CONTENT, request.body.to_owned()));
        }
        let token = self.credentials.token.clone().map(|token| (TOKEN, token));
        if !rules.omits_token {
            added.extend(token.clone());
        }
        let (headers, names) = canonical_headers(request.headers, &added);
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{names}\n{}",
            request.method,
            canonical_path(request.path, rules),
            canonical_query(request.query),
            request.body
        );
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let text = format!("{ALGORITHM}\n{time}\n{scope}\n{}", digest_of(canonical.as_bytes()));
        let signature = hex(hmac::sign(&self.key(day, &scope), text.as_bytes()).as_ref());
        let access_key = &self.credentials.access_key;
        added.push((
            "authorization",
            format!(
                "{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
            ),
        ));
        if rules.omits_token {
            added.extend(token);
        }
        (added, canonical, text)
    }

    fn key(&self, day: &str, scope: &str) -> hmac::Key {
        let secret = &self.credentials.secret;
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = last.as_ref().filter(|known| known.scope == scope && known.secret == *secret) {
            return known.key.clone();
        }
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
        for part in [day, self.region, self.service, "aws4_request"] {
            key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
        }
        *last = Some(Derived { scope: scope.to_owned(), secret: secret.clone(), key: key.clone() });
        key
    }
}

/// The digest of a body, in hexadecimal digits.
pub fn digest_of(body: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, body).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `20150830T123600Z`
fn basic(time: SystemTime) -> String {
    // The format has no other years.
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let time = time.clamp(SystemTime::UNIX_EPOCH, last);
    let mut text = humantime::format_rfc3339_seconds(time).to_string();
    text.retain(|c| !matches!(c, '-' | ':'));
    text
}

/// What stands between a name and what follows it while they are sorted: less than every character of a name.
const BETWEEN: char = '\u{1}';

/// The lines of the headers, and their names.
fn canonical_headers(sent: &[(&str, &str)], added: &[(&'static str, String)]) -> (String, String) {
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    let all: Vec<(&str, &str)> = sent.iter().copied().chain(added).collect();
    // The values of one name stay in their order.
    let named = all.iter().enumerate();
    let mut order: Vec<String> =
        named.map(|(at, (name, _))| format!("{}{BETWEEN}{at:08}", name.to_ascii_lowercase())).collect();
    order.sort_unstable();
    let (mut lines, mut names, mut before) = (String::new(), String::new(), "");
    for place in &order {
        let (name, at) = place.split_once(BETWEEN).unwrap_or_default();
        let value = at.parse().ok().and_then(|at: usize| all.get(at)).map_or("", |(_, value)| *value);
        if name == before {
            lines.pop();
            lines.push(',');
        } else {
            lines.extend([name, ":"]);
            names.extend([if names.is_empty() { "" } else { ";" }, name]);
        }
        before = name;
        let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
        lines.extend([&*words.join(" "), "\n"]);
    }
    (lines, names)
}

fn canonical_path(path: &str, rules: Rules) -> String {
    let normalized = if rules.normalizes { normalized(path) } else { path.to_owned() };
    let path = if normalized.is_empty() { "/" } else { &normalized };
    escaped(path.as_bytes(), if rules.escapes_twice { b"/" } else { b"/%" })
}

/// Without `.`, `..` and empty parts.
fn normalized(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let is_folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end)) && !parts.is_empty();
    format!("/{}{}", parts.join("/"), if is_folder { "/" } else { "" })
}

/// Every name and value is decoded, escaped in the one way that is signed, and sorted.
fn canonical_query(query: &str) -> String {
    let canonical = |text: &str| {
        let text = text.replace('+', " ");
        escaped(&percent_decode_str(&text).collect::<Vec<u8>>(), b"")
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        format!("{}{BETWEEN}{}", canonical(name), canonical(value))
    });
    let mut pairs: Vec<String> = pairs.collect();
    pairs.sort_unstable();
    pairs.join("&").replace(BETWEEN, "=")
}

/// Escapes all but letters, digits, `-_.~` and the bytes in `except`.
pub fn escaped(bytes: &[u8], except: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || except.contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests;
