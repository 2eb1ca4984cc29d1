//! `bulkhead invoke --dev`: an event for a `bulkhead dev` that runs, shown as one without a server is.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use bulkhead_tests::origin::Origin;
use bulkhead_tests::{Dev, TaskRoot, artifacts};
use serde_json::{Value, json};

/// The exit code, stdout and stderr.
fn invoke(address: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(artifacts::cli());
    command.arg("invoke").arg(format!("--dev={address}")).args(arguments).stdin(Stdio::null());
    let output = command.output().expect("run `bulkhead invoke`");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn report(dev: &Dev, arguments: &[&str]) -> (Option<i32>, Value) {
    let (code, stdout, stderr) = invoke(&dev.address().to_string(), &[arguments, &["--json"]].concat());
    (code, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout} {stderr}")))
}

#[test]
fn the_answer_is_on_stdout_and_the_receipt_beside_it() {
    let root = TaskRoot::new().with("echo");
    let dev = Dev::start(&root, &[]);
    let address = format!("http://{}", dev.address());
    let (code, stdout, stderr) = invoke(&address, &["echo", "--event", r#"{"name":"🚢"}"#]);
    assert_eq!((code, stdout.as_str()), (Some(0), "{\"name\":\"🚢\"}\n"), "{stderr}");
    assert!(stderr.contains("Replied") && stderr.contains("of 128MiB"), "{stderr}");
    // The one that it names is the one that had it.
    let events = dev.request("GET /.bulkhead/events", &[], "").json();
    assert_eq!((&events[0]["event"], &events[1]), (&json!(r#"{"name":"🚢"}"#), &Value::Null));
}

#[test]
fn tenant_and_client_context_arrive_with_every_one_of_many_events() {
    let root = TaskRoot::new().with("context");
    let dev = Dev::start(&root, &["--timeout", "2s"]);
    let context = r#"{"custom":{"a":"b"}}"#;
    let (code, report) = report(&dev, &["--tenant", "acme", "--client-context", context, "--times", "5"]);
    assert_eq!((code, &report["events"], &report["failed"]), (Some(0), &json!(5), &json!(0)), "{report}");
    let answer = &report["answer"];
    assert_eq!((&answer["tenant_id"], &report["receipt"]["tenantId"]), (&json!("acme"), &json!("acme")));
    assert_eq!(answer["client_context"]["custom"]["a"], "b", "{report}");
    assert_eq!(report["receipt"]["requestId"], answer["request_id"]);
    // The time limit is the one that `dev` was started with.
    assert!(report["used"].to_string().contains("2s, the timeout"), "{report}");
}

#[test]
fn an_event_that_fails_ends_with_1_and_with_the_limits_of_the_manifest_that_is_in_force() {
    let root = TaskRoot::new().with("mixed").manifest("[limits]\ncpu_time = \"700ms\"\n[handlers.mixed]");
    let dev = Dev::start(&root, &[]);
    let (code, report) = report(&dev, &["mixed", "--event", r#""panic""#]);
    assert_eq!((code, &report["outcome"]), (Some(1), &json!("Function.Panic")), "{report}");
    assert_eq!(report["answer"]["errorType"], "Function.Panic");
    assert!(report["log"].to_string().contains("panicked at"), "{report}");
    assert!(report["used"].to_string().contains("700ms"), "{report}");
}

#[test]
fn each_part_of_a_split_batch_is_reported_by_dev_too() {
    let root = TaskRoot::new().with("batch").manifest(super::SPLIT);
    let (code, report) = report(&Dev::start(&root, &[]), &["--event", &super::batch()]);
    let tenants: Vec<_> =
        report["parts"].as_array().expect("parts").iter().map(|part| part["tenantId"].as_str()).collect();
    assert_eq!((code, tenants), (Some(0), vec![Some("acme"), Some("nobody")]), "{report}");
}

#[test]
fn what_cannot_be_sent_is_told_with_what_to_do() {
    let root = TaskRoot::new().with("echo").with("mixed");
    let dev = Dev::start(&root, &[]);
    let address = dev.address().to_string();
    let told = |arguments: &[&str], part: &str| {
        let (code, stdout, stderr) = invoke(&address, arguments);
        assert!(code == Some(1) && stdout.is_empty() && stderr.contains(part), "{code:?} {stdout} {stderr}");
    };
    told(&["hello"], "there is no function \"hello\"; the functions are echo and mixed");
    told(&[], "several functions are running; name one of: echo, mixed");
    told(
        &["echo", "--event", "{"],
        "the event is not valid JSON: the object that begins at line 1, column 1 is not closed; add `}`",
    );
    assert_eq!(invoke(&address, &["echo", "--timeout", "5s"]).0, Some(2), "its timeout is set already");
}

#[test]
fn where_nothing_listens_it_is_told_how_to_start_it() {
    // A port that was just given back.
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let (code, _, stderr) = invoke(&port.to_string(), &["echo"]);
    assert_eq!(code, Some(1));
    let told = format!("nothing listens on http://127.0.0.1:{port}; start `bulkhead dev --port {port}`");
    assert!(stderr.contains(&told), "{stderr}");
}

#[test]
fn what_is_no_dev_is_told_from_one() {
    let other = Origin::start();
    let (code, _, stderr) = invoke(&other.port().to_string(), &["echo"]);
    assert!(code == Some(1) && stderr.contains("is not a `bulkhead dev` of this version"), "{stderr}");
}
