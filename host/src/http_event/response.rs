//! A response as the JSON that the sender of the event expects, or as the beginning of a stream.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use serde::{Serialize, Serializer};

use super::body_encoding;
use super::headers::is_for_the_client;
use super::source::HttpSource;

/// The content type of a stream that starts with a [`prelude`].
pub const STREAM_CONTENT_TYPE: &str = "application/vnd.awslambda.http-integration-response";
/// The separator between the prelude of a stream and the body. It is sent as a separate chunk, which some
/// emulators require (S7.6).
pub const PRELUDE_END: [u8; 8] = [0; 8];

/// A REST API looks for the end of the prelude in the first 16 KiB only (S7.5).
const MAX_PRELUDE: usize = 16 * 1024 - PRELUDE_END.len();

/// A response that cannot be sent, buffered or streamed.
#[derive(Debug, thiserror::Error)]
pub enum ResponseError {
    /// A status below 200 precedes a response, and there is none above 599.
    #[error("{0} is not a valid status of a response; use one from 200 to 599")]
    Status(u16),
    /// There are too many headers for a stream.
    #[error(
        "status, headers and cookies have {0} bytes as JSON; the head of a stream may have at most {MAX_PRELUDE}"
    )]
    PreludeTooLong(usize),
    /// The event was not an HTTP event, so there is no client that could get a status.
    #[error("the service responded with status {0} to an event that is not an HTTP event")]
    EventFailed(StatusCode),
    /// No part of a response can cause this.
    #[error("the response cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Whether a response has a body: a response to HEAD has none. A body that a service writes anyway is
/// dropped, as HTTP servers do.
pub fn has_body(is_head: bool, status: StatusCode) -> bool {
    !is_head && ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status)
}

/// The prelude of a streamed response: status, headers and cookies as JSON. [`PRELUDE_END`] comes next, then
/// the body.
///
/// # Errors
/// If the status is not valid, or there are too many headers.
pub fn prelude(status: StatusCode, headers: &HeaderMap) -> Result<Vec<u8>, ResponseError> {
    let mut headers = Headers::of(status, headers)?;
    // A service must not set the length of a stream: the platform would rename the header (S7.15).
    headers.0.retain(|(name, _)| **name != CONTENT_LENGTH);
    let cookies = headers.take_cookies();
    // Emulators fail if one of the three is missing (S7.6).
    let head = Head {
        status_code: status.as_u16(),
        headers: Some(headers.joined()),
        cookies: Some(cookies),
        ..Head::default()
    };
    let prelude = serde_json::to_vec(&head)?;
    if prelude.len() > MAX_PRELUDE {
        return Err(ResponseError::PreludeTooLong(prelude.len()));
    }
    Ok(prelude)
}

/// All fields of a response except its body. Each source uses some of them.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Map<'a, Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<Map<'a, Vec<Cow<'a, str>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookies: Option<Vec<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_base64_encoded: Option<bool>,
}

/// A JSON object, in order.
struct Map<'a, V>(Vec<(Cow<'a, str>, V)>);

impl<V: Serialize> Serialize for Map<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl HttpSource {
    /// The response in the form that the sender of the event expects.
    ///
    /// # Errors
    /// If the response is not valid.
    pub fn response(
        self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Vec<u8>, ResponseError> {
        if self == Self::Plain {
            return if status.is_success() {
                Ok(body.to_vec())
            } else {
                Err(ResponseError::EventFailed(status))
            };
        }
        let text = body_encoding::text(headers, body);
        let mut response = self.head(status, headers, body, text)?;
        response.reserve_exact(body_len(body, text));
        let response = match text {
            Some(text) => {
                let mut response = response.into_bytes();
                serde_json::to_writer(&mut response, text)?;
                response.push(b'}');
                response
            }
            None => {
                response.push('"');
                BASE64_STANDARD.encode_string(body, &mut response);
                response.push_str("\"}");
                response.into_bytes()
            }
        };
        Ok(response)
    }

    /// The length of [`Self::response`]: escaped text can be six times as long as the body, and base64 is a
    /// third longer.
    ///
    /// # Errors
    /// See [`Self::response`].
    pub fn response_len(
        self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<usize, ResponseError> {
        if self == Self::Plain {
            return Ok(body.len());
        }
        let text = body_encoding::text(headers, body);
        Ok(self.head(status, headers, body, text)?.len() + body_len(body, text))
    }

    /// The response up to its body.
    fn head(
        self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        text: Option<&str>,
    ) -> Result<String, ResponseError> {
        let mut headers = Headers::of(status, headers)?;
        headers.keep_length_of(status, body);
        let mut head =
            Head { status_code: status.as_u16(), is_base64_encoded: Some(text.is_none()), ..Head::default() };
        match self {
            Self::RestApi | Self::HttpApiV1 | Self::WebSocket => {
                head.multi_value_headers = Some(headers.listed())
            }
            Self::HttpApi | Self::FunctionUrl => {
                head.cookies = Some(headers.take_cookies());
                head.headers = Some(headers.joined());
            }
            Self::AlbMultiValue => {
                head.status_description = Some(described(status));
                head.multi_value_headers = Some(headers.listed());
            }
            Self::Alb | Self::LatticeV1 | Self::Lattice | Self::Plain => {
                head.status_description = Some(described(status));
                let cookies = headers.take_cookies();
                let mut joined = headers.joined();
                joined.0.extend(in_many_cases(cookies));
                head.headers = Some(joined);
            }
        }
        let mut json = serde_json::to_string(&head)?;
        json.pop();
        json.push_str(",\"body\":");
        Ok(json)
    }
}

/// The headers of a response that can be sent: names with their values.
struct Headers<'a>(Vec<(&'a HeaderName, Vec<Cow<'a, str>>)>);

impl<'a> Headers<'a> {
    /// The headers that are for the client.
    fn of(status: StatusCode, headers: &'a HeaderMap) -> Result<Self, ResponseError> {
        if !(200..=599).contains(&status.as_u16()) {
            return Err(ResponseError::Status(status.as_u16()));
        }
        let sent = headers.keys().filter(|name| is_for_the_client(name));
        Ok(Self(sent.map(|name| (name, headers.get_all(name).iter().map(text).collect())).collect()))
    }

    /// A wrong length would cut off the body, or make the client wait. A response without a body states the
    /// length that it would have, except for one that never has a body (RFC 9110, section 8.6).
    fn keep_length_of(&mut self, status: StatusCode, body: &[u8]) {
        let length = body.len().to_string();
        let is_right = |values: &[Cow<'_, str>]| match body {
            [] => status != StatusCode::NO_CONTENT,
            _ => *values == [&*length],
        };
        self.0.retain(|(name, values)| **name != CONTENT_LENGTH || is_right(values));
    }

    /// The values of `Set-Cookie`, which cannot be joined because they contain commas.
    fn take_cookies(&mut self) -> Vec<Cow<'a, str>> {
        let mut cookies = Vec::new();
        for (_, values) in self.0.extract_if(.., |(name, _)| **name == SET_COOKIE) {
            cookies.extend(values);
        }
        cookies
    }

    fn joined(self) -> Map<'a, Cow<'a, str>> {
        let join = |mut values: Vec<Cow<'a, str>>| match values.len() {
            1 => values.remove(0),
            _ => Cow::Owned(values.join(", ")),
        };
        Map(self.0.into_iter().map(|(name, values)| (name.as_str().into(), join(values))).collect())
    }

    fn listed(self) -> Map<'a, Vec<Cow<'a, str>>> {
        Map(self.0.into_iter().map(|(name, values)| (name.as_str().into(), values)).collect())
    }
}

/// The value of a header as text, since it is sent as JSON: UTF-8, or else Latin-1, as HTTP has traditionally
/// read other bytes (RFC 9110, section 5.5).
fn text(value: &HeaderValue) -> Cow<'_, str> {
    match str::from_utf8(value.as_bytes()) {
        Ok(text) => text.into(),
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect::<String>().into(),
    }
}

/// Several cookies for a source for which each name has one value: each one under a different spelling of the
/// name. Clients treat the spellings as equal.
fn in_many_cases<'a>(cookies: Vec<Cow<'a, str>>) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
    let spellings = (0_usize..1 << SET_COOKIE.as_str().len()).filter(|number| number & HYPHEN == 0);
    spellings.zip(cookies).map(|(number, cookie)| (spelled(number).into(), cookie))
}

/// The bit of the hyphen in `set-cookie`, which has only one case.
const HYPHEN: usize = 1 << 3;

/// The name with the letters in upper case whose bits are set.
fn spelled(number: usize) -> String {
    let letters = SET_COOKIE.as_str().chars().enumerate();
    letters
        .map(|(at, letter)| if number >> at & 1 == 1 { letter.to_ascii_uppercase() } else { letter })
        .collect()
}

fn described(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Unknown"))
}

/// The size of the body, with its quotes and the end of the object.
fn body_len(body: &[u8], text: Option<&str>) -> usize {
    let length = match text {
        Some(text) => text.bytes().map(escaped_len).sum(),
        None => body.len().div_ceil(3).saturating_mul(4),
    };
    length + "\"\"}".len()
}

fn escaped_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
