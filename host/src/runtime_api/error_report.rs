//! The error report of a failed event: body and headers of `/error` (section 4 of `docs/runtime-api.md`).

use std::collections::VecDeque;
use std::fmt::{Display, Write};

use serde::Serialize;

use crate::text::bounded;

/// A managed instance rejects error bodies over 1 MiB and leaves the caller waiting (R4.8).
const MAX_BODY: usize = 256 * 1024;
/// The longest message that is sent.
const MAX_MESSAGE: usize = 20 * 1024;
/// The longest frame that is sent.
const MAX_FRAME: usize = 1024;
/// The longest cause that X-Ray accepts; one over 1 MiB would break the connection (R4.4, R4.6).
const MAX_CAUSE: usize = 64 * 1024;
/// The longest type in the header; the platform's own are far shorter.
const MAX_TYPE: usize = 128;

/// An error as a caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReport {
    /// For the platform: `Function.` or `Runtime.` and letters (R4.3).
    header_type: String,
    /// For the caller: the platform's type, or the type that the handler's author chose.
    error_type: String,
    message: String,
    stack_trace: Vec<String>,
}

impl ErrorReport {
    /// A report under one of Bulkhead's own types, such as `Function.Timeout`. The text is formatted only as
    /// far as it is sent.
    pub fn new(error_type: &str, message: impl Display) -> Self {
        let message = bounded::text(message, MAX_MESSAGE);
        Self::cut(error_type.to_owned(), error_type.to_owned(), message, Vec::new())
    }

    /// A report of an error that a handler returned, with the type that its author chose.
    pub(crate) fn of_author(mut error_type: String, message: String, stack_trace: Vec<String>) -> Self {
        // Before it is searched for the letters of the header.
        bounded::shorten(&mut error_type, MAX_FRAME);
        let header_type = header_type(&error_type);
        let error_type = if error_type.is_empty() { header_type.clone() } else { error_type };
        Self::cut(header_type, error_type, message, stack_trace)
    }

    pub(crate) fn with_stack_trace(self, stack_trace: Vec<String>) -> Self {
        Self::cut(self.header_type, self.error_type, self.message, stack_trace)
    }

    /// A report that is short enough that its body is never too large, whatever is escaped in it.
    fn cut(header_type: String, mut error_type: String, mut message: String, frames: Vec<String>) -> Self {
        bounded::shorten(&mut error_type, MAX_FRAME);
        bounded::shorten(&mut message, MAX_MESSAGE);
        // JSON may write one byte as six; the remainder is for the names of the fields.
        let mut room = (MAX_BODY - 1024) / 6 - error_type.len() - message.len();
        let mut stack_trace = Vec::new();
        for mut frame in frames {
            bounded::shorten(&mut frame, MAX_FRAME);
            // Two quotes and a comma.
            let Some(rest) = room.checked_sub(frame.len() + 3) else {
                break;
            };
            room = rest;
            stack_trace.push(frame);
        }
        Self { header_type, error_type, message, stack_trace }
    }

    /// `Lambda-Runtime-Function-Error-Type`.
    pub fn header_type(&self) -> &str {
        &self.header_type
    }

    /// The caller's `errorType`.
    pub fn error_type(&self) -> &str {
        &self.error_type
    }

    /// The caller's `errorMessage`.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The caller's `stackTrace`.
    pub fn stack_trace(&self) -> &[String] {
        &self.stack_trace
    }

    /// The body of `/error` (R4.1).
    pub fn body(&self) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            error_message: &'a str,
            error_type: &'a str,
            stack_trace: &'a [String],
        }
        let body = Body {
            error_message: &self.message,
            error_type: &self.error_type,
            stack_trace: &self.stack_trace,
        };
        // Strings always serialise.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// `Lambda-Runtime-Function-XRay-Error-Cause`: one line of ASCII, cropped to X-Ray's limit.
    ///
    /// The innermost frames are kept, since they are the most useful; then the message is cut.
    pub fn xray_cause(&self) -> String {
        let mut frames: VecDeque<&str> = self.stack_trace.iter().map(String::as_str).collect();
        let mut message = self.message.as_str();
        loop {
            let cause = cause(&self.error_type, message, &frames);
            if cause.len() <= MAX_CAUSE {
                return cause;
            }
            if frames.is_empty() {
                message = &message[..message.floor_char_boundary(message.len() / 2)];
            } else {
                frames.truncate(frames.len() / 2);
            }
        }
    }

    /// The cause without everything that could make it too large.
    pub fn shortest(&self) -> Self {
        let message = bounded::cut(&self.message, 1024).to_owned();
        Self { message, stack_trace: Vec::new(), ..self.clone() }
    }
}

/// The header for a type that a handler's author chose: `Function.` and letters only, in one word, since the
/// platform reports everything else as unknown (R4.3). A handler cannot report a `Runtime.` error.
fn header_type(error_type: &str) -> String {
    let chosen = error_type.strip_prefix("Function.").unwrap_or(error_type);
    let words = chosen.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let mut reason = String::new();
    for word in words {
        let (first, rest) = word.split_at(1);
        reason.push_str(&first.to_ascii_uppercase());
        reason.push_str(rest);
        if reason.len() > MAX_TYPE {
            reason.truncate(MAX_TYPE);
            break;
        }
    }
    // The platform requires at least two letters.
    if reason.len() < 2 { "Function.Error".to_owned() } else { format!("Function.{reason}") }
}

fn cause(error_type: &str, message: &str, frames: &VecDeque<&str>) -> String {
    #[derive(Serialize)]
    struct Cause<'a> {
        working_directory: &'a str,
        exceptions: [Exception<'a>; 1],
        paths: [&'a str; 0],
    }
    #[derive(Serialize)]
    struct Exception<'a> {
        #[serde(rename = "type")]
        error_type: &'a str,
        message: &'a str,
        stack: Vec<Frame<'a>>,
    }
    #[derive(Serialize)]
    struct Frame<'a> {
        path: &'a str,
        line: u32,
        label: &'a str,
    }
    let stack = frames.iter().map(|label| Frame { path: "", line: 0, label }).collect();
    let cause =
        Cause { working_directory: "", exceptions: [Exception { error_type, message, stack }], paths: [] };
    ascii(&serde_json::to_string(&cause).unwrap_or_default())
}

/// JSON in ASCII only, as header values require (R4.7).
fn ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        // Control characters were escaped when the JSON was written; only DEL was not.
        if matches!(character, ' '..='~') {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                // A string accepts any text.
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_author(error_type: &str, message: &str, stack_trace: &[&str]) -> ErrorReport {
        let stack_trace = stack_trace.iter().map(|frame| (*frame).to_owned()).collect();
        ErrorReport::of_author(error_type.to_owned(), message.to_owned(), stack_trace)
    }

    #[test]
    fn r4_3_the_header_is_letters_in_one_word() {
        for (chosen, header) in [
            ("ValidationError", "Function.ValidationError"),
            ("validation_error", "Function.ValidationError"),
            ("Function.Timeout", "Function.Timeout"),
            ("Runtime.Unknown", "Function.RuntimeUnknown"),
            ("E404", "Function.Error"),
            ("http404notFound", "Function.HttpNotFound"),
            ("évasion", "Function.Vasion"),
            ("a\r\nInjected: 1", "Function.AInjected"),
            ("\0", "Function.Error"),
            ("", "Function.Error"),
        ] {
            assert_eq!(header_type(chosen), header, "{chosen:?}");
        }
        assert_eq!(header_type(&"A".repeat(1000)).len(), "Function.".len() + MAX_TYPE);
    }

    #[test]
    fn the_author_s_type_reaches_the_caller_unchanged() {
        assert_eq!(
            String::from_utf8(of_author("my.type-1", "why", &["main"]).body()).unwrap(),
            r#"{"errorMessage":"why","errorType":"my.type-1","stackTrace":["main"]}"#
        );
        assert_eq!(of_author("", "why", &[]).error_type(), "Function.Error");
    }

    #[test]
    fn r4_8_no_body_is_too_large_even_if_everything_is_escaped() {
        let nul = "\0".repeat(1 << 20);
        let frames = vec![nul.as_str(); 1000];
        let report = of_author(&nul, &nul, &frames);
        assert!(report.body().len() <= MAX_BODY, "{}", report.body().len());
        assert!(!report.stack_trace().is_empty());
        assert!(report.shortest().body().len() < 16 * 1024);
    }

    #[test]
    fn a_type_is_cut_before_it_is_looked_through() {
        let report = of_author(&format!("{}Late", "1".repeat(MAX_FRAME)), "", &[]);
        assert_eq!((report.header_type(), report.error_type().len()), ("Function.Error", MAX_FRAME));
    }

    #[test]
    fn a_text_is_formatted_no_further_than_it_is_sent() {
        let report = ErrorReport::new("Function.Trap", format_args!("{:?}", "\u{1}".repeat(1 << 20)));
        assert!(report.message().len() <= MAX_MESSAGE && report.message().ends_with('…'));
    }

    #[test]
    fn r4_4_the_cause_is_json_with_type_message_and_frames() {
        let cause = of_author("Boom", "broke", &["main"]).xray_cause();
        assert_eq!(
            cause,
            r#"{"working_directory":"","exceptions":[{"type":"Boom","message":"broke","stack":[{"path":"","line":0,"label":"main"}]}],"paths":[]}"#
        );
    }

    #[test]
    fn r4_6_the_cause_is_cropped_and_stays_json() {
        let long = "🚢".repeat(MAX_CAUSE);
        for report in [of_author("Boom", &long, &[]), of_author("Boom", "m", &vec![long.as_str(); 100])] {
            let cause = report.xray_cause();
            assert!(cause.len() <= MAX_CAUSE);
            serde_json::from_str::<serde_json::Value>(&cause).unwrap();
        }
    }

    #[test]
    fn r4_7_the_cause_is_ascii_without_controls() {
        let cause = of_author("T", "DEL \u{7f} CR \r LF \n NUL \0 ü 🚢", &[]).xray_cause();
        assert!(cause.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{cause}");
        let parsed: serde_json::Value = serde_json::from_str(&cause).unwrap();
        assert_eq!(parsed["exceptions"][0]["message"], "DEL \u{7f} CR \r LF \n NUL \0 ü 🚢");
    }
}
