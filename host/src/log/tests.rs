//! Records of the host and of guests, as they are written.

use super::*;
use crate::text::printable::{self, HOSTILE};

#[test]
fn a_record_of_a_guest_s_line_is_no_longer_than_there_is_room() {
    let log = |format, level| Log {
        format,
        level,
        batches: false,
        telemetry: Some(Mutex::new(tempfile::tempfile().unwrap())),
        #[cfg(feature = "compiler")]
        kept: None,
    };
    let scope = Scope { request_id: Some("r-1".into()), tenant_id: Some("acme".into()) };
    for format in [Format::Text, Format::Json] {
        let log = log(format, Level::Info);
        let record = |line: &str, room| log.record_guest_line(Level::Info, &scope, line, room);
        let empty = log.record_of(Level::Info, &scope, Message::Text("")).1.len() + END;
        assert_eq!(record("12345", empty + 5), Recorded { written: empty + 5, of_line: 5 });
        assert_eq!(record("123456789", empty + 5), Recorded { written: empty + 5, of_line: 5 });
        assert_eq!(record("12345", empty), Recorded { written: 0, of_line: 0 });
        assert_eq!(record("ééé", empty + 1), Recorded { written: 0, of_line: 0 });
        let escaped = record(&"\u{1}".repeat(1000), empty + 100);
        assert!(escaped.written <= empty + 100 && (10..=20).contains(&escaped.of_line), "{escaped:?}");
        let object = record(r#"{"level":"ERROR","n":1}"#, empty + 15);
        assert!(object.written <= empty + 15 && object.of_line < 23, "a part of it is a text: {object:?}");
    }
    let quiet = log(Format::Json, Level::Warn);
    let kept_out = quiet.record_guest_line(Level::Info, &scope, "12345", 5);
    assert_eq!(kept_out, Recorded { written: 0, of_line: 5 });
}

#[cfg(feature = "compiler")]
#[test]
fn records_that_are_kept_are_taken_once() {
    let log = Log::kept();
    log.record(Level::Trace, &Scope::default(), "one");
    log.record_receipt("{}".to_owned());
    let taken = log.take();
    assert!(taken.len() == 2 && taken[0].contains(r#""message":"one""#), "{taken:?}");
    assert_eq!(log.take(), [""; 0]);
    let settings =
        LogSettings { format: Format::Json, level: Level::Fatal, telemetry_fd: None, batches: false };
    assert_eq!(Log::new(&settings).take(), [""; 0]);
}

#[test]
fn levels_are_ordered_and_named() {
    assert!(Level::Trace < Level::Debug && Level::Error < Level::Fatal);
    assert_eq!(Level::parse("Fatal"), Some(Level::Fatal));
    assert_eq!(Level::parse("off"), None);
}

/// The records of a log of this format, through the telemetry sink.
fn records(format: Format, write: impl FnOnce(&Log)) -> Vec<String> {
    use std::os::fd::AsRawFd;
    let file = tempfile::tempfile().unwrap();
    let telemetry_fd = u32::try_from(file.as_raw_fd()).ok();
    write(&Log::new(&LogSettings { format, level: Level::Trace, telemetry_fd, batches: false }));
    let frames = std::fs::read(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
    let (mut rest, mut records) = (frames.as_slice(), Vec::new());
    while let [_, _, _, _, a, b, c, d, ..] = *rest {
        let end = 16 + usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap();
        records.push(String::from_utf8(rest[16..end].to_owned()).unwrap());
        rest = &rest[end..];
    }
    records
}

/// More than any record of these tests takes.
const ROOM: usize = 1 << 20;

/// Everything that can be recorded, with hostile text wherever text can be.
fn record_all(log: &Log) {
    let hostile = format!("tenantId=x\t\n{HOSTILE}");
    let scope = Scope { request_id: Some(hostile.as_str().into()), tenant_id: Some(hostile.as_str().into()) };
    let frames = [hostile.clone(), hostile.clone()];
    for scope in [Scope::default(), scope] {
        log.record(Level::Info, &scope, &hostile);
        log.record_guest_line(Level::Info, &scope, &hostile, ROOM);
        log.record_guest_line(
            Level::Info,
            &scope,
            "{\"level\":\"WARN\",\"a\":\"\u{7f}\u{9b}\u{2028}\u{202e}\"}",
            ROOM,
        );
        log.record_guest_line(Level::Info, &scope, "{\r\"a\":1}", ROOM);
        let failure = Failure { error_type: &hostile, error_message: &hostile, stack_trace: &frames };
        log.record_failure(&scope, failure);
    }
}

#[test]
fn nothing_leads_into_the_log_unescaped() {
    let json = records(Format::Json, record_all);
    for record in &json {
        assert!(record.chars().all(printable::is_printable), "{record:?}");
        serde_json::from_str::<serde_json::Value>(record).unwrap();
    }
    let text = records(Format::Text, record_all);
    for record in &text {
        let plain = record.replace(FRAME, "").replace('\t', "");
        assert!(plain.chars().all(printable::is_printable), "{record:?}");
    }
    assert_eq!((json.len(), text.len()), (10, 10));
}

#[test]
fn an_object_stays_one_whatever_is_in_its_strings() {
    let of = |line: &str| {
        let records = records(Format::Json, |log| {
            log.record_guest_line(Level::Info, &Scope::default(), line, ROOM);
        });
        serde_json::from_str::<serde_json::Value>(&records[0]).unwrap()
    };
    let record = of("{\"level\":\"WARN\",\"a\":\"\u{9b}\"}");
    assert_eq!((&record["level"], &record["message"]["a"]), (&"WARN".into(), &"\u{9b}".into()));
    assert_eq!(of("{\r\"a\":1}")["message"], "{\r\"a\":1}", "it is a text");
}

#[test]
fn people_read_each_frame_on_a_line_of_its_own() {
    assert_eq!(on_lines("a\rb\r    at main\r    at start"), "a\rb\n    at main\n    at start");
}
