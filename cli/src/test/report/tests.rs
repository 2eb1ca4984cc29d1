//! Records of tests that ran to their ends, and of some that did not.

use serde_json::json;

use super::*;

fn record(report: &mut FileReport, event: &Value) {
    let record = json!({ "level": "INFO", "message": { "level": "INFO", MARK: event } });
    report.record(&record.to_string());
}

fn begin(report: &mut FileReport, id: &str, parent: &str, kind: &str) {
    let event = json!({ "type": "begin", "id": id, "parent": parent, "name": format!("n{id}"), "kind": kind, "place": "a.js:1:2" });
    record(report, &event);
}

fn end(report: &mut FileReport, id: &str, outcome: &str) {
    record(report, &json!({ "type": "end", "id": id, "outcome": outcome, "ms": 1.5 }));
}

fn stopped() -> Failure {
    Failure { name: "Function.Timeout".to_owned(), ..Failure::default() }
}

#[test]
fn tests_are_in_their_suites_and_have_their_output() {
    let mut report = FileReport::new("a.test.js");
    report.record(r#"{"level":"WARN","message":{"level":"WARN","message":"before"}}"#);
    begin(&mut report, "0.1", "0", "suite");
    begin(&mut report, "0.1.1", "0.1", "test");
    report.record(r#"{"level":"INFO","message":{"level":"INFO","message":"inside"}}"#);
    report.record(r#"{"level":"DEBUG","message":"the handler read its environment, which is empty"}"#);
    report.record(r#"{"level":"WARN","message":"denied"}"#);
    report.record("not JSON");
    end(&mut report, "0.1.1", "passed");
    end(&mut report, "0.1", "passed");
    assert_eq!(report.output, ["WARN before"]);
    let test = &report.tests[1];
    assert_eq!((test.depth, &*test.place, test.outcome), (1, "a.js:1:2", Some(Verdict::Passed)));
    assert_eq!(test.path, ["n0.1", "n0.1.1"]);
    assert_eq!(test.output, ["inside", "WARN denied"]);
    let report = Report::new(vec![report]);
    assert!(report.is_good());
    assert_eq!((report.passed, report.failed), (1, 0), "a suite is not a test");
    assert_eq!(serde_json::to_value(&report).unwrap()["files"][0]["tests"][1]["outcome"], "passed");
}

#[test]
fn what_was_stopped_has_failed_and_does_not_run_again() {
    let mut report = FileReport::new("a.test.js");
    begin(&mut report, "0.1", "0", "suite");
    begin(&mut report, "0.1.1", "0.1", "test");
    end(&mut report, "0.1.1", "passed");
    begin(&mut report, "0.1.2", "0.1", "test");
    begin(&mut report, "0.1.2.1", "0.1.2", "test");
    assert!(report.stop(stopped()));
    assert_eq!(report.ended(), ["0.1.1", "0.1.2", "0.1.2.1"]);
    assert_eq!(report.tests[3].error, Some(stopped()));
    // The suite begins again in another sandbox.
    begin(&mut report, "0.1", "0", "suite");
    begin(&mut report, "0.1.3", "0.1", "test");
    end(&mut report, "0.1.3", "skipped");
    end(&mut report, "0.1", "mixed");
    assert_eq!(report.tests.len(), 5);
    let report = Report::new(vec![report]);
    assert_eq!((report.passed, report.failed, report.skipped, report.is_good()), (1, 2, 1, false));
}

#[test]
fn a_file_may_fail_without_a_test() {
    let mut report = FileReport::new("a.test.js");
    assert!(!report.stop(stopped()));
    let report = Report::new(vec![report]);
    assert_eq!((report.failed, report.is_good()), (1, false));
    assert!(!Report::new(vec![FileReport::new("b.test.js")]).is_good(), "nothing was run");
}
