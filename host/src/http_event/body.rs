//! The body of a request: text, or bytes as base64.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use super::error::{HttpEventError, Refusal};
use super::event::Event;
use super::source::HttpSource;

/// Events that people write by hand sometimes lack the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The body. A text without escapes is not copied: it shares the event's bytes.
pub(super) fn read(source: HttpSource, event: &Bytes, parts: &Event<'_>) -> Result<Bytes, HttpEventError> {
    let Some(text) = source.text("body", parts.body)? else { return Ok(Bytes::new()) };
    if source.read("isBase64Encoded", parts.is_base64_encoded)?.unwrap_or(false) {
        let decoded = BASE64.decode(text.as_bytes());
        return decoded
            .map(Bytes::from)
            .map_err(|error| HttpEventError::Refused { origin: source, refusal: Refusal::Body(error) });
    }
    Ok(match text {
        Cow::Owned(text) => text.into(),
        Cow::Borrowed(text) => piece(event, text.as_bytes()),
    })
}

/// A part of the event as shared bytes. `Bytes::slice_ref` would panic if the text were not part of it.
fn piece(event: &Bytes, piece: &[u8]) -> Bytes {
    let start = piece.as_ptr().addr().checked_sub(event.as_ptr().addr());
    let range = start.and_then(|start| Some(start..start.checked_add(piece.len())?));
    match range.filter(|range| range.end <= event.len()) {
        Some(range) => event.slice(range),
        None => Bytes::copy_from_slice(piece),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &'static str) -> Result<Bytes, HttpEventError> {
        let event = Bytes::from_static(json.as_bytes());
        read(HttpSource::RestApi, &event, &serde_json::from_str(json).unwrap())
    }

    #[test]
    fn text_and_base64_come_out_as_the_bytes_that_were_sent() {
        for (json, expected) in [
            ("{}", &b""[..]),
            (r#"{"body": null, "isBase64Encoded": true}"#, b""),
            (r#"{"body": "", "isBase64Encoded": true}"#, b""),
            (r#"{"body": "abc"}"#, b"abc"),
            (r#"{"body": "a\"\u00fc", "isBase64Encoded": false}"#, "a\"ü".as_bytes()),
            (r#"{"body": "AP8=", "isBase64Encoded": true}"#, &[0, 255]),
            (r#"{"body": "AP8", "is_base64_encoded": true}"#, &[0, 255]),
            (r#"{"body": "AP8=", "isBase64Encoded": null}"#, b"AP8="),
        ] {
            assert_eq!(body(json).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn a_text_without_escapes_is_not_copied() {
        let event = Bytes::from_static(br#"{"body": "abc"}"#);
        let parts: Event<'_> = serde_json::from_slice(&event).unwrap();
        let body = read(HttpSource::Alb, &event, &parts).unwrap();
        assert_eq!(body.as_ptr(), event[10..].as_ptr());
    }

    #[test]
    fn what_is_no_piece_of_the_event_is_copied() {
        let event = Bytes::from_static(b"abc");
        assert_eq!(
            piece(&event, b"elsewhere and longer than the event"),
            "elsewhere and longer than the event"
        );
    }

    #[test]
    fn a_body_that_is_none_is_an_error() {
        let refused = body(r#"{"body": "%%", "isBase64Encoded": true}"#).unwrap_err();
        assert!(refused.refusal().is_some() && refused.to_string().contains("base64"), "{refused}");
        for json in [r#"{"body": {"a": 1}}"#, r#"{"body": "", "isBase64Encoded": "true"}"#] {
            let error = body(json).unwrap_err();
            assert!(matches!(error, HttpEventError::Field { .. }), "{error}");
        }
    }
}
