//! Lines, records, and what is kept of a panic.

use super::*;
use crate::capabilities::output::PERMIT;
use crate::log::{Format, LogSettings};
use wasmtime_wasi::p2::StreamError;

/// What a record has beside its message, where it is about no event: `2026-11-22T20:41:00.000Z - INFO `, and its end.
const RECORD: usize = 33;

/// A console whose records can be read, through the telemetry sink.
fn console(limit: usize) -> (Console, impl Fn() -> Vec<String>) {
    use std::os::fd::AsRawFd;
    let file = tempfile::tempfile().unwrap();
    let settings = LogSettings {
        format: Format::Text,
        level: Level::Info,
        telemetry_fd: u32::try_from(file.as_raw_fd()).ok(),
        batches: false,
    };
    let console = Console::new(Arc::new(Log::new(&settings)), limit);
    let records = move || {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let frames = std::fs::read(path).unwrap();
        let mut rest = frames.as_slice();
        let mut records = Vec::new();
        while let [_, _, _, _, a, b, c, d, ..] = *rest {
            let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap();
            let text = String::from_utf8(rest[16..16 + length].to_owned()).unwrap();
            records.push(text.splitn(3, '\t').nth(2).unwrap().to_owned());
            rest = &rest[16 + length..];
        }
        records
    };
    (console, records)
}

#[test]
fn lines_are_records_however_they_are_written() {
    let (console, records) = console(1000);
    console.begin(Scope::default());
    for piece in ["on", "e\ntw", "o\r\n", "\n", "three"] {
        console.write(Kind::Stdout, piece.as_bytes());
    }
    console.write(Kind::Stderr, b"four\n");
    assert_eq!(records(), ["INFO\tone", "INFO\ttwo", "ERROR\tfour"]);
    console.finish();
    assert_eq!(records()[3..], ["INFO\tthree"]);
}

#[test]
fn what_comes_before_the_event_waits_for_it() {
    let (console, records) = console(1000);
    console.write(Kind::Stdout, b"early\n");
    assert_eq!(records(), Vec::<String>::new());
    console.begin(Scope::default());
    console.write(Kind::Stdout, b"late\n");
    assert_eq!(records(), ["INFO\tearly", "INFO\tlate"]);
}

#[test]
fn past_the_limit_one_record_says_so() {
    let (console, records) = console(RECORD + 5);
    console.begin(Scope::default());
    for _ in 0..3 {
        console.write(Kind::Stdout, b"1234567\n");
    }
    console.end(false);
    assert_eq!(records()[0], "INFO\t12345");
    assert!(records()[1].starts_with("WARN\ttruncated: the handler printed 16 bytes more"));
    assert_eq!(records().len(), 2);
    assert_eq!(console.printed(), (RECORD + 5, true));
}

#[test]
fn lines_that_wait_for_their_event_have_the_same_limit() {
    let (console, records) = console(10 * RECORD);
    console.write(Kind::Stdout, &b"a\n".repeat(1_000_000));
    assert!(console.lock().kept.len() <= 10 * RECORD / WAITING);
    let kept = console.lock().kept.len();
    console.begin(Scope::default());
    console.write(Kind::Stdout, &b"b\n".repeat(1_000_000));
    assert_eq!(records()[..kept], vec!["INFO\ta"; kept]);
    assert_eq!(records().len(), 9, "ten have no room for what they say");
    assert!(console.printed().0 <= 10 * RECORD);
}

#[test]
fn short_lines_use_up_the_limit_too() {
    let (console, records) = console(3 * (RECORD + 1));
    console.begin(Scope::default());
    console.write(Kind::Stdout, &b"a\n\n".repeat(100));
    assert_eq!(records().len(), 3);
    assert_eq!(console.printed(), (3 * (RECORD + 1), true));
}

#[test]
fn a_panic_has_no_records_of_its_own_where_the_error_has_its_text() {
    const PANIC: &[u8] = b"\nthread 'main' (1) panicked at a.rs:1:1:\nboom\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
    for (panic_is_reported, expected) in
        [(true, vec![]), (false, vec!["ERROR\tthread 'main' (1) panicked at a.rs:1:1:", "ERROR\tboom"])]
    {
        let (console, records) = console(1000);
        console.begin(Scope::default());
        console.write(Kind::Stderr, PANIC);
        console.finish();
        assert_eq!(records(), Vec::<String>::new());
        console.end(panic_is_reported);
        assert_eq!(records(), expected);
    }
}

#[test]
fn what_only_begins_like_a_panic_is_in_the_log() {
    let (console, records) = console(1 << 20);
    console.begin(Scope::default());
    console.write(Kind::Stderr, b"thread 'main' panicked at a.rs:1:1:\nfirst\n");
    console.write(Kind::Stderr, b"thread 'main' panicked at b.rs:2:2:\n");
    assert_eq!(records(), ["ERROR\tthread 'main' panicked at a.rs:1:1:", "ERROR\tfirst"]);
    for _ in 0..20 {
        console.write(Kind::Stderr, &[&[b'x'; 1000][..], b"\n"].concat());
    }
    assert_eq!(records().len(), 23, "nothing is held that is too long for the text of an error");
    console.end(true);
    assert_eq!(records().len(), 23);
}

#[test]
fn a_panic_past_the_limit_is_still_kept() {
    let (console, records) = console(0);
    console.begin(Scope::default());
    console.write(Kind::Stderr, b"thread 'main' panicked at a.rs:1:1:\nboom\n");
    assert_eq!(console.panic_text().unwrap(), "thread 'main' panicked at a.rs:1:1:\nboom");
    assert_eq!(records(), Vec::<String>::new());
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let (console, records) = console(1000);
    console.begin(Scope::default());
    console.write(Kind::Stdout, b"\xff\xfe ok\n");
    assert_eq!(records(), ["INFO\t\u{fffd}\u{fffd} ok"]);
}

#[test]
fn a_line_without_end_is_cut_into_records() {
    let (console, records) = console(1 << 20);
    console.begin(Scope::default());
    for _ in 0..10 {
        console.write(Kind::Stdout, &[b'a'; 10_000]);
    }
    console.finish();
    assert_eq!(records().len(), 3);
    assert!(records().iter().all(|record| record.len() < MAX_LINE + 20_000));
}

#[test]
fn the_end_of_stderr_is_kept_where_that_is_asked_for() {
    let (console, _) = console(0);
    console.write(Kind::Stderr, b"lost");
    let console = console.with_tail();
    console.write(Kind::Stdout, b"not this");
    for number in 0..10_000 {
        console.write(Kind::Stderr, format!("line {number}\n").as_bytes());
    }
    let tail = console.stderr_tail();
    assert!(tail.ends_with("line 9998\nline 9999") && tail.len() <= MAX_TAIL, "{tail}");
    assert!(console.lock().tail.as_ref().unwrap().len() <= 8 * MAX_TAIL);
}

#[test]
fn the_last_panic_is_kept() {
    let (console, _) = console(1000);
    console.write(Kind::Stderr, b"note\nthread 'main' panicked at a.rs:1:1:\nfirst\n");
    console.write(Kind::Stderr, b"thread 'main' (1) panicked at b.rs:2:2:\nsecond\nmore\n");
    assert_eq!(console.panic_text().unwrap(), "thread 'main' (1) panicked at b.rs:2:2:\nsecond\nmore");
}

#[test]
fn neither_stream_takes_more_in_one_call_than_it_permits() {
    let (console, records) = console(1 << 20);
    console.begin(Scope::default());
    for mut stream in [console.stdout().p2_stream(), console.stderr().p2_stream()] {
        assert!(matches!(stream.write(vec![b'x'; PERMIT + 1].into()), Err(StreamError::Trap(_))));
        stream.write(vec![b'x'; PERMIT].into()).unwrap();
    }
    let lengths: Vec<_> = records().iter().map(String::len).collect();
    assert_eq!(lengths, [PERMIT + "INFO\t".len(), PERMIT + "ERROR\t".len()]);
}
