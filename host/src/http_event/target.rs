//! Where a request goes: scheme, authority, path and query, as the client sent them, as far as that can still be known.
//!
//! REST APIs, function URLs, load balancers and VPC Lattice leave the path as it came. HTTP APIs decode it, and once more
//! where it was encoded twice; what a client sent can then not be told any more, and the path is encoded so that the
//! service decodes to what the API saw. Queries come whole from HTTP APIs and function URLs, in encoded pieces from
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

/// The host of a request that names none.
pub(super) const NO_HOST: &str = "localhost";

/// What no path has but encoded.
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
/// The same for a path that has been decoded, in which a `%` is a `%`.
const DECODED_PATH: &AsciiSet = &PATH.add(b'%');
/// What no query has but encoded. More would be against the rules, but clients send it, and services get it.
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
/// The same for a name or a value.
const QUERY_PIECE: &AsciiSet = &QUERY.add(b'&');
/// All that could mean something in a name or a value that has been decoded.
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
        // The path of VPC Lattice can have the query in it: as it was sent, which no other place has.
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

/// The path that the service knows: it has the same ones wherever it is deployed.
///
/// An HTTP API puts its stage there even under a domain of its own.
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

/// A segment `..` is the service's to resolve, as under any server. Servers refuse a path that leads above its root, with which
/// a service could be made to read what it does not mean to offer.
///
/// # Errors
/// When it does.
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

/// The query where it comes whole. Events that people write by hand have only the map now and then.
fn raw_query(source: HttpSource, event: &Event<'_>) -> Result<String, HttpEventError> {
    match source.text("rawQueryString", event.raw_query_string)? {
        Some(query) => Ok(encoded(&query, QUERY)),
        None => pieces(source, event),
    }
}

/// The query from its names and values. Where there are two maps, one of them has only the last value of each name.
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

/// Encodes what must be, and leaves alone what is already.
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

/// The host that the client named, or else the one that the source has.
///
/// # Errors
/// When there are several: whoever checks one would not know which of them the service takes.
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

/// The scheme that the client used, as the source says; they all listen for HTTPS, and load balancers also for HTTP.
pub(super) fn scheme(headers: &HeaderMap) -> Scheme {
    match headers.get("x-forwarded-proto") {
        Some(scheme) if scheme.as_bytes().eq_ignore_ascii_case(b"http") => Scheme::HTTP,
        _ => Scheme::HTTPS,
    }
}

#[cfg(test)]
mod tests;
