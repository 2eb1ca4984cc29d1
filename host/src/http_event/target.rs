//! The target of a request: scheme, authority, path and query as the client sent them, as far as they can be
//! reconstructed.
//!
//! REST APIs, function URLs, load balancers and VPC Lattice leave the path unchanged. HTTP APIs decode it,
//! and once more if it was encoded twice; the original path is then unknown, so the path is encoded such that
//! the service decodes it to what the API saw. HTTP APIs and function URLs pass queries unchanged, load
//! balancers and VPC Lattice pass them in encoded pieces, and the others in decoded pieces.
//! load balancers and VPC Lattice, and in decoded pieces from the others.

use std::borrow::Cow;

use hyper::header::{HOST, HeaderMap};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::context::Context;
use super::error::{HttpEventError, Refusal, shown};
use super::event::Event;
use super::pairs::Pairs;
use super::source::HttpSource;

/// The host of a request that has none.
pub(super) const NO_HOST: &str = "localhost";

/// Characters that must be encoded in a path.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// Characters that must be encoded in a decoded path, in which a `%` is a literal `%`.
const DECODED_PATH: &AsciiSet = &PATH.add(b'%');
/// Characters that must be encoded in a query. The standard forbids more, but clients send them, and services
/// receive them.
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
/// Characters that must be encoded in a name or a value.
const QUERY_PIECE: &AsciiSet = &QUERY.add(b'&');
/// All characters with a meaning in a decoded name or value.
const DECODED_QUERY_PIECE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Path and query of a request.
pub(super) fn read(
    source: HttpSource,
    event: &Event<'_>,
    context: &Context<'_>,
) -> Result<PathAndQuery, HttpEventError> {
    let (sent, query) = match source {
        HttpSource::HttpApi | HttpSource::FunctionUrl => {
            (source.text("rawPath", event.raw_path)?, raw_query(source, event)?)
        }
        HttpSource::LatticeV1 => (source.text("raw_path", event.lattice_path)?, pieces(source, event)?),
        HttpSource::RestApi
        | HttpSource::HttpApiV1
        | HttpSource::WebSocket
        | HttpSource::Alb
        | HttpSource::AlbMultiValue
        | HttpSource::Lattice
        | HttpSource::Plain => (source.text("path", event.path)?, pieces(source, event)?),
    };
    let sent = sent.unwrap_or_default();
    let (sent, query) = match sent.split_once('?') {
        // The path of VPC Lattice can contain the query as it was sent, which no other field does.
        Some((path, query)) if matches!(source, HttpSource::Lattice | HttpSource::LatticeV1) => {
            (path, encoded(query, QUERY))
        }
        _ => (&*sent, query),
    };
    let stage = context.stage().filter(|_| source.puts_stage_into_path());
    path(source, without_stage(sent, stage.as_deref()))
        .and_then(|path| joined(path, &query))
        .map_err(|refusal| HttpEventError::Refused { origin: source, refusal })
}

/// The path that the service expects: its paths do not depend on where it is deployed.
///
/// An HTTP API includes its stage in the path, even with a custom domain.
fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let within = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    match within {
        Some(within) if within.is_empty() || within.starts_with('/') => within,
        _ => path,
    }
}

fn path(source: HttpSource, sent: &str) -> Result<String, Refusal> {
    if sent.is_empty() {
        return Ok("/".to_owned());
    }
    if !sent.starts_with('/') {
        return Err(Refusal::NotAPath(shown(sent)));
    }
    if source.decodes_path() {
        stays_within_root(sent.as_bytes())?;
        return Ok(utf8_percent_encode(sent, DECODED_PATH).to_string());
    }
    let decoded: Cow<'_, [u8]> = percent_decode_str(sent).into();
    stays_within_root(&decoded)?;
    if sent.contains(|letter: char| letter.is_ascii_control()) {
        return Err(Refusal::ControlCharacter);
    }
    Ok(encoded(sent, PATH))
}

/// The service resolves a segment `..`, as behind any server. Servers reject a path that leads above its
/// root, with which a client could make a service read files that it does not mean to serve.
///
/// # Errors
/// If the path leads above its root.
fn stays_within_root(decoded: &[u8]) -> Result<(), Refusal> {
    let mut depth: usize = 0;
    for segment in decoded.split(|byte| *byte == b'/') {
        depth = match segment {
            b"" | b"." => depth,
            b".." => depth.checked_sub(1).ok_or(Refusal::AboveRoot)?,
            _ => depth + 1,
        };
    }
    Ok(())
}

fn joined(mut path: String, query: &str) -> Result<PathAndQuery, Refusal> {
    if !query.is_empty() {
        path.push('?');
        path.push_str(query);
    }
    PathAndQuery::try_from(path).map_err(|_| Refusal::Target)
}

/// The query, if the event contains it as a whole. Events that people write by hand sometimes have only the
/// map.
fn raw_query(source: HttpSource, event: &Event<'_>) -> Result<String, HttpEventError> {
    match source.text("rawQueryString", event.raw_query_string)? {
        Some(query) => Ok(encoded(&query, QUERY)),
        None => pieces(source, event),
    }
}

/// The query from its names and values. If there are two maps, one of them has only the last value of each
/// name.
fn pieces(source: HttpSource, event: &Event<'_>) -> Result<String, HttpEventError> {
    let several = event.multi_value_query_string_parameters;
    let Pairs(mut pairs) = source.read("multiValueQueryStringParameters", several)?.unwrap_or_default();
    if pairs.is_empty() {
        pairs = source
            .read("queryStringParameters", event.query_string_parameters)?
            .map_or_else(Vec::new, |Pairs(pairs)| pairs);
    }
    let piece = |text: &str| {
        if source.decodes_query() {
            utf8_percent_encode(text, DECODED_QUERY_PIECE).to_string()
        } else {
            encoded(text, QUERY_PIECE)
        }
    };
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{}={}", piece(name), piece(value))).collect();
    Ok(pairs.join("&"))
}

/// Encodes the characters that must be encoded, and leaves encoded ones unchanged.
fn encoded(text: &str, set: &'static AsciiSet) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap_or_default();
    let mut encoded = utf8_percent_encode(first, set).to_string();
    for part in parts {
        let is_code = part.len() >= 2 && part.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
        encoded.push_str(if is_code { "%" } else { "%25" });
        encoded.extend(utf8_percent_encode(part, set));
    }
    encoded
}

/// The host that the client used, or else the source's own.
///
/// # Errors
/// If there are several: a check of one of them would be useless if the service used another.
pub(super) fn authority(headers: &HeaderMap, context: &Context<'_>) -> Result<Authority, Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.any(|other| Some(other) != host) {
        return Err(Refusal::SeveralHosts);
    }
    let host = host.and_then(|host| host.to_str().ok()).map(Cow::Borrowed);
    let mut named = host.into_iter().chain(context.domain_name());
    Ok(named.find_map(|name| host_and_port(&name)).unwrap_or_else(|| Authority::from_static(NO_HOST)))
}

fn host_and_port(name: &str) -> Option<Authority> {
    name.parse().ok().filter(|_| !name.contains('@'))
}

/// The scheme that the client used, according to the source; all sources listen for HTTPS, and load balancers
/// also for HTTP.
pub(super) fn scheme(headers: &HeaderMap) -> Scheme {
    match headers.get("x-forwarded-proto") {
        Some(scheme) if scheme.as_bytes().eq_ignore_ascii_case(b"http") => Scheme::HTTP,
        _ => Scheme::HTTPS,
    }
}

#[cfg(test)]
mod tests;
