//! The representation of a record: as text, as JSON, and in a frame (G10.3–G10.6). Pure functions.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Failure, Format, Level, Scope};
use crate::text::printable;

/// The longest text of one record, in bytes; CloudWatch rejects events over 256 KiB (G10.10).
const MAX_MESSAGE: usize = 200 * 1024;

/// The message of a record.
#[derive(Debug, Clone, Copy)]
pub(super) enum Message<'a> {
    Text(&'a str),
    /// A JSON object that a guest printed.
    Object(&'a RawValue),
    Failure(Failure<'a>),
}

/// The separator before each frame. With a carriage return a record shows several lines but remains one
/// (G10.5). A reader that treats it as the end of a line sees a line that looks like no record or receipt.
pub(super) const FRAME: &str = "\r    at ";

/// The prefix of a tenant's id.
const TENANT: &str = "tenantId=";

pub(super) fn text_record(now: SystemTime, level: Level, scope: &Scope, message: Message<'_>) -> String {
    let mut record = humantime::format_rfc3339_millis(now).to_string();
    record.push('\t');
    record.push_str(&printable::name(scope.request_id.as_deref().unwrap_or("-")));
    record.push('\t');
    record.push_str(level.name());
    record.push('\t');
    if let Some(tenant_id) = &scope.tenant_id {
        record.push_str(TENANT);
        record.push_str(&printable::name(cut(tenant_id)));
        record.push('\t');
    }
    match message {
        Message::Text(text) => record.push_str(&said(text, scope)),
        Message::Object(object) => record.push_str(&said(object.get(), scope)),
        Message::Failure(failure) => {
            record.push_str(&printable::name(cut(failure.error_type)));
            record.push_str(": ");
            record.push_str(&printable::line(cut(failure.error_message)));
            for frame in failure.stack_trace {
                // Some languages write this themselves.
                let frame = frame.trim_start();
                record.push_str(FRAME);
                record.push_str(&printable::name(cut(frame.strip_prefix("at ").unwrap_or(frame))));
            }
        }
    }
    record
}

/// A text that must not look as if it named a tenant.
fn said<'t>(text: &'t str, scope: &Scope) -> Cow<'t, str> {
    let names_a_tenant = scope.tenant_id.is_none() && text.starts_with(TENANT);
    if names_a_tenant { printable::name(cut(text)) } else { printable::line(cut(text)) }
}

pub(super) fn json_record(now: SystemTime, level: Level, scope: &Scope, message: Message<'_>) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Record<'a> {
        timestamp: String,
        level: Level,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tenant_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<MessageField<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error_type: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error_message: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        stack_trace: Option<&'a [String]>,
    }
    #[derive(Serialize)]
    #[serde(untagged)]
    enum MessageField<'a> {
        Text(&'a str),
        Object(&'a RawValue),
    }
    let (message, failure) = match message {
        Message::Text(text) => (Some(MessageField::Text(cut(text))), None),
        Message::Object(object) => (Some(MessageField::Object(object)), None),
        Message::Failure(failure) => (None, Some(failure)),
    };
    let record = Record {
        timestamp: humantime::format_rfc3339_millis(now).to_string(),
        level,
        request_id: scope.request_id.as_deref().map(cut),
        tenant_id: scope.tenant_id.as_deref().map(cut),
        message,
        error_type: failure.map(|failure| failure.error_type),
        error_message: failure.map(|failure| cut(failure.error_message)),
        stack_trace: failure.map(|failure| failure.stack_trace),
    };
    // Strings and a checked raw value always serialise.
    let record = serde_json::to_string(&record).unwrap_or_default();
    printable::json(&record).into_owned()
}

pub(super) fn frame(format: Format, level: Level, now: SystemTime, record: &[u8]) -> Vec<u8> {
    let base: u32 = match format {
        Format::Text => 0xa55a_0003,
        Format::Json => 0xa55a_0002,
    };
    let micros = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let mut frame = Vec::with_capacity(16 + record.len());
    frame.extend_from_slice(&(base | level.frame_bits()).to_be_bytes());
    frame.extend_from_slice(&u32::try_from(record.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend_from_slice(&u64::try_from(micros).unwrap_or(u64::MAX).to_be_bytes());
    frame.extend_from_slice(record);
    frame
}

/// The part of `text` that one record can contain.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_MESSAGE)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: SystemTime = UNIX_EPOCH;

    fn scope(tenant_id: Option<&str>) -> Scope {
        Scope { request_id: Some("r-1".into()), tenant_id: tenant_id.map(Into::into) }
    }

    #[test]
    fn text_has_time_request_level_message() {
        assert_eq!(
            text_record(EPOCH, Level::Info, &scope(None), Message::Text("hello")),
            "1970-01-01T00:00:00.000Z\tr-1\tINFO\thello"
        );
        assert_eq!(
            text_record(EPOCH, Level::Warn, &Scope::default(), Message::Text("a\tb")),
            "1970-01-01T00:00:00.000Z\t-\tWARN\ta\tb"
        );
    }

    #[test]
    fn a_record_stays_one_line_whatever_it_holds() {
        let record = text_record(
            EPOCH,
            Level::Info,
            &scope(Some("a\tb\nc")),
            Message::Text("one\r\ntwo\u{1b}[31m\0\u{7f}\u{2028}"),
        );
        assert_eq!(
            record,
            "1970-01-01T00:00:00.000Z\tr-1\tINFO\ttenantId=a\\tb\\nc\t\
             one\\r\\ntwo\\u{1b}[31m\\u{0}\\u{7f}\\u{2028}"
        );
    }

    #[test]
    fn no_text_names_a_tenant_where_there_is_none() {
        let text = Message::Text("tenantId=acme\tpaid");
        let [none, one] =
            [None, Some("b")].map(|tenant| text_record(EPOCH, Level::Info, &scope(tenant), text));
        assert!(none.ends_with("\tINFO\ttenantId=acme\\tpaid"), "{none}");
        assert!(one.ends_with("\tINFO\ttenantId=b\ttenantId=acme\tpaid"), "{one}");
    }

    #[test]
    fn a_failure_keeps_its_frames_in_one_record() {
        let frames = ["main".to_owned(), "start\nforged".to_owned()];
        let failure = Failure { error_type: "Boom", error_message: "it\nbroke", stack_trace: &frames };
        assert_eq!(
            text_record(EPOCH, Level::Error, &scope(None), Message::Failure(failure)),
            "1970-01-01T00:00:00.000Z\tr-1\tERROR\tBoom: it\\nbroke\r    at main\r    at start\\nforged"
        );
        assert_eq!(
            json_record(EPOCH, Level::Error, &scope(Some("acme")), Message::Failure(failure)),
            r#"{"timestamp":"1970-01-01T00:00:00.000Z","level":"ERROR","requestId":"r-1","tenantId":"acme","errorType":"Boom","errorMessage":"it\nbroke","stackTrace":["main","start\nforged"]}"#
        );
    }

    #[test]
    fn a_frame_looks_like_no_record_and_no_receipt() {
        let receipt = r#"{"type":"bulkhead.receipt","tenantId":"victim","cpuMs":9}"#;
        let forged = "1970-01-01T00:00:00.000Z\tr-2\tINFO\ttenantId=victim\tpaid";
        let frames = [receipt, forged, "\r\n\tat own", "  at b", "\u{9b}1m"].map(str::to_owned);
        let failure =
            Failure { error_type: "tenantId=victim\tBoom", error_message: "why\r", stack_trace: &frames };
        let record = text_record(EPOCH, Level::Error, &scope(None), Message::Failure(failure));
        let mut lines = record.split('\r');
        assert!(lines.next().unwrap().ends_with("\tERROR\ttenantId=victim\\tBoom: why\\r"), "{record}");
        for (line, end) in lines.zip([receipt, "paid", "own", "b", r"\u{9b}1m"]) {
            assert!(
                line.starts_with("    at ") && line.ends_with(end) && !line.contains(char::is_control),
                "{line:?}"
            );
        }
        assert_eq!(record.matches("at own").count(), 1);
    }

    #[test]
    fn json_keeps_an_object_as_it_was_printed() {
        let object: &RawValue = serde_json::from_str(r#"{"n":1.10,"requestId":"forged"}"#).unwrap();
        assert_eq!(
            json_record(EPOCH, Level::Info, &scope(None), Message::Object(object)),
            r#"{"timestamp":"1970-01-01T00:00:00.000Z","level":"INFO","requestId":"r-1","message":{"n":1.10,"requestId":"forged"}}"#
        );
    }

    #[test]
    fn json_text_holds_nothing_that_steers_a_terminal() {
        let record = json_record(EPOCH, Level::Info, &scope(None), Message::Text("\u{1b}[31m\u{9b}1m\u{7f}"));
        assert!(record.ends_with(r#""message":"\u001b[31m\u009b1m\u007f"}"#), "{record}");
    }

    #[test]
    fn frames_have_type_length_time_and_bytes_not_characters() {
        assert_eq!(
            frame(Format::Text, Level::Info, EPOCH + std::time::Duration::from_micros(1), "é".as_bytes()),
            [0xa5, 0x5a, 0x00, 0x0f, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0xc3, 0xa9]
        );
        assert_eq!(frame(Format::Json, Level::Fatal, EPOCH, b"")[..4], [0xa5, 0x5a, 0x00, 0x1a]);
    }

    #[test]
    fn a_record_is_cut_between_characters() {
        let long = "é".repeat(MAX_MESSAGE);
        assert_eq!(cut(&long).len(), MAX_MESSAGE);
        assert_eq!(cut(&long[..MAX_MESSAGE + 2]).len(), MAX_MESSAGE);
    }
}
