//! Guests that attack by what they have the host do: handles, random bytes, waiting, exits, files, and the log.

use crate::hostile::{Attack, AttackResults, guest, hostile, wat};

const TMP: &str = r#"tmp = "1MiB""#;

#[test]
fn handles() {
    wat("handles.wat").hits("Function.HandleLimitExceeded", "handles");
}

#[test]
fn poll_many() {
    wat("poll_many.wat").hits("Function.HandleLimitExceeded", "handles");
}

#[test]
fn random_huge() {
    wat("random_huge.wat").hits("Function.RandomLimitExceeded", "random");
}

#[test]
fn random_drip() {
    wat("random_drip.wat").hits("Function.RandomLimitExceeded", "random");
}

#[test]
fn write_huge() {
    wat("write_huge.wat").limit("memory", "32MiB").hits("Function.HostcallLimitExceeded", "hostcall");
}

#[test]
fn poll_nothing() {
    wat("poll_nothing.wat").fails("Function.Trap");
}

#[test]
fn forged_handle() {
    wat("forged_handle.wat").fails("Function.Trap");
}

#[test]
fn double_drop() {
    wat("double_drop.wat").fails("Function.Trap");
}

#[test]
fn write_outside() {
    wat("write_outside.wat").fails("Function.Trap");
}

#[test]
fn zeroes() {
    wat("zeroes.wat").fails("Function.Trap");
}

#[test]
fn allocator_exit() {
    wat("allocator_exit.wat").fails("Function.Trap");
}

#[test]
fn start_exit() {
    wat("start_exit.wat").fails("Function.Exited");
}

#[test]
fn exit() {
    guest("exit").events(&["0", "1", "-1"]).fails("Function.Exited");
}

#[test]
fn exit_midline() {
    guest("exit_midline").fails("Function.Exited");
}

#[test]
fn sleep_for_ever() {
    wat("sleep_for_ever.wat").limit("wall_time", "500ms").hits("Function.Timeout", "wall_time");
}

#[test]
fn short_polls() {
    let results = wat("short_polls.wat").limit("wall_time", "500ms").run();
    // Which of the two comes first depends on the machine.
    results.each(|_, receipt| {
        assert!(receipt["limit"] == "wall_time" || receipt["limit"] == "cpu_time", "{receipt}")
    });
}

#[test]
fn sleep() {
    let results =
        guest("sleep").limit("wall_time", "500ms").events(&["3600000"]).hits("Function.Timeout", "wall_time");
    results.each(|_, receipt| assert!(receipt["cpuMs"].as_f64() < Some(90.0), "waiting is free: {receipt}"));
}

#[test]
fn stdin() {
    guest("stdin").replies("[]");
}

#[test]
fn files() {
    guest("files").replies("[]");
}

#[test]
fn credentials() {
    guest("credentials").replies("[]");
}

#[test]
fn escape() {
    let results = guest("escape").grants("files = [\"assets\"]").replies("[]");
    let told = |record: &&String| record.contains("tried to change a file");
    assert_eq!(results.records().iter().filter(told).count(), 2, "once for each event");
}

#[test]
fn environment() {
    guest("environment").replies("[[],[]]");
}

#[test]
fn network() {
    let results = guest("network").events(&["\"127.0.0.1:{api}\""]).replies("[]");
    let told = |record: &&String| record.contains("tried to use a socket, which cannot be granted");
    assert_eq!(results.records().iter().filter(told).count(), 2, "once for each event");
}

#[test]
fn hoard_methods() {
    guest("hoard_methods").limit("cpu_time", "1000ms").events(&["100000"]).replies("0");
}

#[test]
fn hoard_fields() {
    let attack = guest("hoard_fields").limit("cpu_time", "5000ms").limit("wall_time", "10000ms");
    attack.events(&["100000"]).hits("Function.HandleLimitExceeded", "handles");
}

#[test]
fn hoard_bodies() {
    let attack = guest("hoard_bodies").limit("cpu_time", "5000ms").limit("wall_time", "10000ms");
    attack.events(&["100000"]).hits("Function.HandleLimitExceeded", "handles");
}

#[test]
fn endless_line() {
    wat("endless_line.wat").hits("Function.CpuLimitExceeded", "cpu_time");
}

#[test]
fn empty_lines() {
    wat("empty_lines.wat").hits("Function.CpuLimitExceeded", "cpu_time");
}

#[test]
fn stderr_flood() {
    guest("stderr_flood").hits("Function.CpuLimitExceeded", "cpu_time");
}

#[test]
fn log_flood() {
    let attack = guest("log_flood").limit("cpu_time", "2000ms").limit("wall_time", "4000ms");
    let results = attack.events(&["100000"]).replies("100000");
    results.each(|_, receipt| assert_eq!(receipt["limit"], "logs"));
    assert!(results.records().len() < 4000, "{} records", results.records().len());
}

#[test]
fn forged_panic() {
    guest("forged_panic").replies("1");
}

/// Prints the content of a file, in either format of the log: so many records come of it, and all of them are mallory's.
fn prints(file: &str, records: usize) -> [AttackResults; 2] {
    let printed = std::fs::read(hostile(file)).expect("read what is to be printed");
    [Attack::json_log, |attack: Attack| attack].map(|format| {
        let results = format(guest("print").events(&[&printed])).run();
        assert_eq!(results.records().len(), 2 * records, "{:#?}", results.records());
        results
    })
}

#[test]
fn forged_record() {
    prints("forged_record.txt", 2);
}

#[test]
fn forged_receipt() {
    prints("forged_receipt.txt", 2);
}

#[test]
fn forged_json() {
    prints("forged_json.txt", 3);
}

#[test]
fn terminal() {
    prints("terminal.txt", 2);
}

#[test]
fn tmp_bomb() {
    let results = guest("tmp_bomb").grants(TMP).replies("[]");
    results.each(|_, receipt| assert_eq!(receipt["limit"], "tmp"));
}

#[test]
fn tmp_many() {
    filled(guest("tmp_many"));
}

#[test]
fn tmp_deep() {
    filled(guest("tmp_deep"));
}

/// There is an end to the entries that it can make, though none of them holds a byte.
fn filled(attack: Attack) {
    let attack = attack.limit("cpu_time", "1000ms").grants(TMP);
    attack.events(&["100000"]).run().each(|answer, receipt| {
        let made: u32 = answer.text().parse().expect("a number of entries");
        assert!(made < 10_000, "{made} entries");
        assert_eq!(receipt["limit"], "tmp");
    });
}
