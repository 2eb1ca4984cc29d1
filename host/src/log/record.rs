//! How one record looks: as text, as JSON, and in a frame (G10.3–G10.6). Pure functions of what is in it.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Failure, Format, Level, Scope};

/// The longest text of one record, in bytes; CloudWatch refuses events over 256 KiB (G10.10).
const MAX_MESSAGE: usize = 200 * 1024;

/// What a record says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Message<'a> {
    Text(&'a str),
    /// A JSON object that a guest printed.
    Object(&'a RawValue),
    Failure(Failure<'a>),
}

pub(super) fn text_record(now: SystemTime, level: Level, scope: &Scope, message: Message<'_>) -> String {
    let mut record = humantime::format_rfc3339_millis(now).to_string();
    record.push('\t');
    push_escaped(&mut record, scope.request_id.as_deref().unwrap_or("-"), Tabs::Escape);
    record.push('\t');
    record.push_str(level.name());
    record.push('\t');
    if let Some(tenant_id) = &scope.tenant_id {
        record.push_str("tenantId=");
        push_escaped(&mut record, tenant_id, Tabs::Escape);
        record.push('\t');
    }
    match message {
        Message::Text(text) => push_escaped(&mut record, text, Tabs::Keep),
        Message::Object(object) => push_escaped(&mut record, object.get(), Tabs::Keep),
        Message::Failure(failure) => {
            push_escaped(&mut record, failure.error_type, Tabs::Keep);
            record.push_str(": ");
            push_escaped(&mut record, failure.error_message, Tabs::Keep);
            for frame in failure.stack_trace {
                // A carriage return is how a record shows several lines and stays one (G10.5).
                record.push_str("\r    ");
                push_escaped(&mut record, frame, Tabs::Keep);
            }
        }
    }
    record
}

pub(super) fn json_record(now: SystemTime, level: Level, scope: &Scope, message: Message<'_>) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Record<'a> {
        timestamp: String,
        level: Level,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tenant_id: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<MessageField<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error_type: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error_message: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        stack_trace: Option<&'a [String]>,
    }
    #[derive(Serialize)]
    #[serde(untagged)]
    enum MessageField<'a> {
        Text(Cow<'a, str>),
        Object(&'a RawValue),
    }
    let (message, failure) = match message {
        Message::Text(text) => (Some(MessageField::Text(printable(text))), None),
        Message::Object(object) => (Some(MessageField::Object(object)), None),
        Message::Failure(failure) => (None, Some(failure)),
    };
    let record = Record {
        timestamp: humantime::format_rfc3339_millis(now).to_string(),
        level,
        request_id: scope.request_id.as_deref().map(printable),
        tenant_id: scope.tenant_id.as_deref().map(printable),
        message,
        error_type: failure.map(|failure| failure.error_type),
        error_message: failure.map(|failure| printable(failure.error_message)),
        stack_trace: failure.map(|failure| failure.stack_trace),
    };
    // Strings and a checked raw value always serialise.
    serde_json::to_string(&record).unwrap_or_default()
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

/// What to do about tabs, which separate the fields of a text record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tabs {
    Keep,
    Escape,
}

/// Appends `text` with everything escaped that could end a line or steer a terminal.
fn push_escaped(record: &mut String, text: &str, tabs: Tabs) {
    for character in cut(text).chars() {
        match character {
            '\t' if tabs == Tabs::Escape => record.push_str("\\t"),
            c if steers(c) => record.extend(c.escape_default()),
            c => record.push(c),
        }
    }
}

/// `text` for a JSON string, whose writer escapes only the controls below U+0020.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let text = cut(text);
    if !text.contains(|c| c >= ' ' && steers(c)) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if character >= ' ' && steers(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Whether a character can end a line or steer a terminal.
pub(crate) fn steers(character: char) -> bool {
    character.is_control() && character != '\t' || matches!(character, '\u{2028}' | '\u{2029}')
}

/// As much of `text` as one record takes.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_MESSAGE)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: SystemTime = UNIX_EPOCH;

    fn scope(tenant_id: Option<&str>) -> Scope {
        Scope { request_id: Some("r-1".to_owned()), tenant_id: tenant_id.map(str::to_owned) }
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
    fn a_failure_keeps_its_frames_in_one_record() {
        let frames = ["main".to_owned(), "start\nforged".to_owned()];
        let failure = Failure { error_type: "Boom", error_message: "it\nbroke", stack_trace: &frames };
        assert_eq!(
            text_record(EPOCH, Level::Error, &scope(None), Message::Failure(failure)),
            "1970-01-01T00:00:00.000Z\tr-1\tERROR\tBoom: it\\nbroke\r    main\r    start\\nforged"
        );
        assert_eq!(
            json_record(EPOCH, Level::Error, &scope(Some("acme")), Message::Failure(failure)),
            r#"{"timestamp":"1970-01-01T00:00:00.000Z","level":"ERROR","requestId":"r-1","tenantId":"acme","errorType":"Boom","errorMessage":"it\nbroke","stackTrace":["main","start\nforged"]}"#
        );
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
        assert!(record.ends_with(r#""message":"\u001b[31m\\u{9b}1m\\u{7f}"}"#), "{record}");
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
