//! `bulkhead invoke`: the answer on stdout, everything else on stderr, by the real bootstrap.

mod dev;

use std::process::{Command, Stdio};

use bulkhead_tests::{TaskRoot, artifacts};
use serde_json::{Value, json};

struct Invoked {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Invoked {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }
}

fn invoke(root: &TaskRoot, arguments: &[&str]) -> Invoked {
    let output = Command::new(artifacts::cli())
        .arg("invoke")
        .args(arguments)
        .arg("--root")
        .arg(root.path())
        .arg("--bootstrap")
        .arg(artifacts::bootstrap())
        .stdin(Stdio::null())
        .output()
        .expect("run `bulkhead invoke`");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().expect("an exit code");
    Invoked { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

#[test]
fn the_answer_is_on_stdout_and_nothing_else_is() {
    let invoked = invoke(&TaskRoot::new().with("echo"), &["--event", r#"{"name":"🚢"}"#]);
    assert_eq!((invoked.code, invoked.stdout.as_str()), (0, "{\"name\":\"🚢\"}\n"), "{}", invoked.stderr);
    assert!(invoked.stderr.contains("Replied") && invoked.stderr.contains("of 128MiB"), "{}", invoked.stderr);
    assert!(!invoked.stderr.contains('\u{1b}'), "colours are for terminals: {}", invoked.stderr);
}

#[test]
fn an_event_that_fails_is_shown_as_its_caller_would_see_it() {
    let invoked = invoke(&TaskRoot::new().with("mixed"), &["--event", r#""panic""#, "--json"]);
    let report = invoked.json();
    assert_eq!(
        (invoked.code, &report["failed"], &report["outcome"]),
        (1, &json!(1), &json!("Function.Panic"))
    );
    assert_eq!(report["answer"]["errorType"], "Function.Panic");
    assert_eq!(report["receipt"]["outcome"], "Function.Panic");
    assert!(report["log"].to_string().contains("panicked at"), "{report}");
}

#[test]
fn the_limit_that_ended_an_event_is_marked() {
    let root = TaskRoot::new()
        .with("endless_loop")
        .manifest("[limits]\ncpu_time = \"20ms\"\n[handlers.endless_loop]");
    let report = invoke(&root, &["--json"]).json();
    let used = report["used"].as_array().cloned().unwrap_or_default();
    let hit: Vec<_> = used.iter().filter(|used| used["hit"] == true).collect();
    assert_eq!(hit.len(), 1, "{report}");
    assert_eq!((&hit[0]["limit"], &hit[0]["limitText"]), (&json!("cpu_time"), &json!("20ms")));
}

#[test]
fn every_event_has_a_sandbox_of_its_own_and_the_tenant_it_is_sent_for() {
    let root = TaskRoot::new().with("context");
    let invoked = invoke(&root, &["--tenant", "acme", "--times", "5", "--json"]);
    let report = invoked.json();
    assert_eq!((invoked.code, &report["events"], &report["failed"]), (0, &json!(5), &json!(0)));
    assert_eq!(
        (&report["answer"]["tenant_id"], &report["receipt"]["tenantId"]),
        (&json!("acme"), &json!("acme"))
    );
    assert_eq!(report["answer"]["request_id"], "00000000-0000-4000-8000-000000000005");
    assert_eq!(report["answer"]["env_config"]["memory"], 256);
}

#[test]
fn a_handler_that_is_not_there_is_told_with_those_that_are() {
    let root = TaskRoot::new().with("echo").with("mixed");
    let invoked = invoke(&root, &["hello"]);
    let expected = "bulkhead: there is no handler \"hello\"; the handlers are echo and mixed\n";
    assert_eq!((invoked.code, invoked.stdout.as_str(), invoked.stderr.as_str()), (1, "", expected));
}

#[test]
fn a_timeout_of_the_function_ends_an_event() {
    let root = TaskRoot::new().with("sleep");
    let invoked = invoke(&root, &["--event", "60000", "--timeout", "1s"]);
    assert_eq!(invoked.code, 1);
    assert!(invoked.stdout.contains("Function.Timeout"), "{}", invoked.stdout);
}

#[test]
fn a_bootstrap_that_is_none_ends_with_its_status() {
    let root = TaskRoot::new().with("echo");
    let output = Command::new(artifacts::cli())
        .args(["invoke", "--bootstrap", "/bin/false", "--root"])
        .arg(root.path())
        .output()
        .expect("run `bulkhead invoke`");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("the bootstrap ended with exit status: 1 before it answered"), "{stderr}");
}

#[test]
fn a_sample_is_an_event_as_a_service_sends_it() {
    let root = TaskRoot::new().with("echo");
    let invoked = invoke(&root, &["--sample", "sqs-event"]);
    assert_eq!((invoked.code, &invoked.json()["Records"][0]["eventSource"]), (0, &json!("aws:sqs")));
    let unknown = invoke(&root, &["--sample", "sqs-even"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.stderr.contains("did you mean sqs-event") && unknown.stderr.lines().count() < 10,
        "{}",
        unknown.stderr
    );
    assert_eq!(invoke(&root, &["--sample", "sqs-event", "--event", "1"]).code, 2);
}

/// Two tenants' messages, of which one tenant is unknown, go into two parts.
const SPLIT: &str = "[routing]\ntenant = { pointer = '/Records/*/body/tenant' }\nmixed_batches = 'split'\n\
                     [handlers.batch]\n[tenants.acme]\n";

fn batch() -> String {
    let record = |(id, tenant): (&str, &str)| {
        let body = json!({ "tenant": tenant, "text": "ok" }).to_string();
        json!({ "messageId": id, "eventSource": "aws:sqs", "body": body })
    };
    let records = [("m1", "acme"), ("m2", "nobody"), ("m3", "acme")].map(record);
    json!({ "Records": records }).to_string()
}

#[test]
fn each_part_of_a_split_batch_has_a_row() {
    let root = TaskRoot::new().with("batch").manifest(SPLIT);
    let invoked = invoke(&root, &["--event", &batch()]);
    let failures = &invoked.json()["batchItemFailures"];
    assert_eq!((invoked.code, failures), (0, &json!([{ "itemIdentifier": "m2" }])), "{}", invoked.stderr);
    let rows: Vec<Vec<&str>> = invoked.stderr.lines().map(|line| line.split_whitespace().collect()).collect();
    for start in [
        &["Replied,", "in", "2", "parts"][..],
        &["part", "tenant", "handler", "records", "wall_time"],
        &["Replied", "acme", "batch", "2"],
        &["Runtime.UnknownTenant", "nobody", "(no", "handler)", "1"],
    ] {
        assert!(rows.iter().any(|row| row.starts_with(start)), "{start:?}: {}", invoked.stderr);
    }
    let report = invoke(&root, &["--event", &batch(), "--json"]).json();
    assert_eq!((&report["receipt"], &report["parts"][1]["tenantId"]), (&Value::Null, &json!("nobody")));
}

#[test]
fn a_panic_is_one_record() {
    let root = TaskRoot::new().with("panic");
    let invoked = invoke(&root, &["--event", r#"{"text":"the hull is gone"}"#]);
    let records: Vec<&str> = invoked.stderr.lines().filter(|line| line.contains("\tERROR\t")).collect();
    assert_eq!(records.len(), 1, "{}", invoked.stderr);
    assert!(records[0].contains("Function.Panic: panicked at ") && records[0].contains("the hull is gone"));
    assert!(!invoked.stderr.contains("RUST_BACKTRACE"), "{}", invoked.stderr);
}
