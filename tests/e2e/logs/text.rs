//! The log as text: one record per line whatever a guest prints, all of it before the answer, and not without end.

use bulkhead_tests::Event;

use crate::stage::Stage;

/// The fields of a text record: time, request id, level, message.
fn fields(line: &str) -> [&str; 4] {
    let fields: Vec<_> = line.splitn(4, '\t').collect();
    fields.try_into().unwrap_or_else(|_| panic!("not a record: {line:?}"))
}

/// `2026-11-22T20:41:00.000Z`, with milliseconds.
fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000Z"
}

/// What the guest `print` has in the log after it has printed these bytes, read at once after its answer (G10.8).
fn printed(bytes: &[u8]) -> Vec<String> {
    let mut stage = Stage::of("print");
    stage.api.send(Event::bytes(bytes).request_id("the-id"));
    let log = stage.running.stdout();
    stage.answers("", "null");
    log.lines()
        .map(|line| {
            let [time, id, level, message] = fields(line);
            assert!(is_time(time), "{time}");
            assert_eq!((id, level), ("the-id", "INFO"), "{line}");
            message.to_owned()
        })
        .collect()
}

#[test]
fn g10_4_a_line_is_a_record() {
    assert_eq!(printed(b"one\ntwo\n"), ["one", "two"]);
}

#[test]
fn g10_8_a_line_without_an_end_is_flushed_before_the_answer() {
    assert_eq!(printed(b"no end"), ["no end"]);
    assert_eq!(printed(b"first\nno end"), ["first", "no end"]);
}

#[test]
fn g10_5_empty_lines_and_carriage_returns() {
    let records = printed(b"one\r\ntwo\rthree\n");
    assert_eq!(records.len(), 2, "{records:?}");
    assert!(records[0].starts_with("one") && records[1].starts_with("two"), "{records:?}");
    assert!(records.iter().all(|record| !record.contains('\r')), "{records:?}");
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    assert_eq!(printed(b"a\xff\xfeb\n"), ["a\u{fffd}\u{fffd}b"]);
    // One character that comes in two writes or is cut off at the end is still one record.
    assert_eq!(printed("überall 🚢".as_bytes()), ["überall 🚢"]);
    assert_eq!(printed(&"🚢".as_bytes()[..3]), ["\u{fffd}"]);
}

#[test]
fn terminal_escapes_do_not_reach_a_terminal() {
    for bytes in
        [b"\x1b[31mred\x1b[0m\n".as_slice(), b"\x07\x08\x00\x7f\n", "\u{9b}2J\u{85}\u{2028}\n".as_bytes()]
    {
        let records = printed(bytes);
        assert_eq!(records.len(), 1, "{records:?}");
        assert!(!records[0].contains(char::is_control), "{records:?}");
    }
}

#[test]
fn no_guest_forges_a_record() {
    let forged = b"2026-01-01T00:00:00.000Z\tother-id\tERROR\tforged\n";
    let records = printed(forged);
    assert_eq!(records.len(), 1);
    assert!(records[0].starts_with("2026-01-01T00:00:00.000Z"), "it is in the message: {records:?}");
}

#[test]
fn stderr_is_error() {
    let stage = Stage::of("print_error");
    stage.api.send(Event::bytes(b"careful\n").request_id("the-id"));
    let log = stage.running.stdout();
    assert_eq!(fields(log.trim_end())[1..], ["the-id", "ERROR", "careful"]);
    assert_eq!(stage.running.stderr(), "", "everything goes to one place, in order");
}

#[test]
fn t8_2_a_tenant_is_in_every_record() {
    let stage = Stage::of("print");
    stage.api.send(Event::bytes(b"one\ntwo\n").request_id("the-id").tenant("acme"));
    let log = stage.running.stdout();
    let messages: Vec<_> = log.lines().map(|line| fields(line)[3]).collect();
    assert_eq!(messages, ["tenantId=acme\tone", "tenantId=acme\ttwo"]);
}

#[test]
fn a_line_printed_in_pieces_is_one_record_even_if_the_guest_dies() {
    let stage = Stage::of("print_pieces");
    stage.error(r#"["one ","two ","three"]"#, "Function.Panic");
    let log = stage.running.stdout();
    let info: Vec<_> =
        log.lines().map(fields).filter(|fields| fields[2] == "INFO").map(|fields| fields[3]).collect();
    assert_eq!(info, ["one two three"]);
}

#[test]
fn g10_2_the_level_filters_guests_and_host() {
    for (level, lines) in [("ERROR", 0), ("WARN", 0), ("INFO", 1), ("debug", 1), ("FATAL", 0)] {
        let stage = Stage::with("print", |bootstrap| bootstrap.env("AWS_LAMBDA_LOG_LEVEL", level));
        stage.api.send(Event::bytes(b"hello\n"));
        let log = stage.running.stdout();
        assert_eq!(
            log.lines().filter(|line| line.ends_with("\tINFO\thello")).count(),
            lines,
            "{level}: {log}"
        );
    }
}

#[test]
fn a_flood_is_cut_off_with_one_word_about_it() {
    let mut stage = Stage::of("log_flood");
    for _ in 0..2 {
        let before = stage.running.stdout().len();
        stage.answers("20000", "20000");
        let log = stage.running.stdout().split_off(before);
        // 64 KiB of records, with all that they have beside the guest's own bytes.
        assert!(log.len() > 63 * 1024 && log.len() < 65 * 1024, "{} bytes", log.len());
        let about: Vec<_> = log.lines().filter(|line| line.to_lowercase().contains("truncated")).collect();
        assert_eq!(about.len(), 1, "{about:?}");
        assert_eq!(log.lines().last(), about.last().copied());
    }
    stage.answers("1", "1");
    assert!(
        stage.running.stdout().trim_end().ends_with("line 0 of a flood that should not fill anyone's disk")
    );
}

#[test]
fn short_lines_take_no_more_of_the_log_than_long_ones() {
    for format in ["Text", "JSON"] {
        let stage = Stage::with("print", |bootstrap| bootstrap.env("AWS_LAMBDA_LOG_FORMAT", format));
        stage.api.send(Event::bytes("a\n".repeat(32 * 1024)));
        let receipt = stage.receipts().pop().expect("a receipt");
        let log = stage.running.stdout();
        let (about, of_guest): (Vec<_>, Vec<_>) = log.lines().partition(|line| line.contains("truncated"));
        let bytes: usize = of_guest.iter().map(|line| line.len() + 1).sum();
        assert!(about.len() == 1 && bytes <= 64 * 1024 && bytes > 63 * 1024, "{bytes} bytes in {format}");
        assert_eq!((&receipt["logBytes"], &receipt["limit"]), (&bytes.into(), &"logs".into()));
    }
}

#[test]
fn what_is_asked_for_and_not_there_is_told_to_whoever_looks_for_a_fault() {
    for (level, times) in [("DEBUG", 1), ("INFO", 0)] {
        let stage = Stage::with("environment", |bootstrap| bootstrap.env("AWS_LAMBDA_LOG_LEVEL", level));
        stage.send("1");
        let log = stage.running.stdout();
        assert_eq!(log.matches("read its environment, which is empty").count(), times, "{log}");
    }
}

#[test]
fn one_endless_line_is_cut_off_too() {
    let mut stage = Stage::of("print");
    stage.api.send(Event::bytes(vec![b'x'; 3_000_000]));
    let log = stage.running.stdout();
    assert!(log.len() < 100 * 1024, "{} bytes", log.len());
    let last = log.lines().last().unwrap_or_default();
    assert!(last.contains("truncated"), "a word about it: {last}");
    stage.answers("", "null");
}
