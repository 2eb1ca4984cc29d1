//! What `async` handlers await: timers and tasks of Tokio, HTTP requests, several at a time, and what never comes.

use bulkhead_tests::Kind;
use bulkhead_tests::origin::Origin;
use serde_json::{Value, json};

use crate::stage::Stage;

fn granted(origin: &Origin) -> String {
    format!(
        "[handlers.async_requests.grants]\nallowed_outbound_hosts = ['http://127.0.0.1:{}']\n\
         allowed_private_networks = ['127.0.0.0/8']",
        origin.port()
    )
}

fn urls(origin: &Origin, paths: &[&str]) -> String {
    let url = |path: &&str| format!("http://127.0.0.1:{}{path}", origin.port());
    json!(paths.iter().map(url).collect::<Vec<_>>()).to_string()
}

#[test]
fn timers_and_tasks_of_tokio_run_side_by_side() {
    let mut stage = Stage::of("async_tokio");
    for _ in 0..2 {
        stage.answers("400", "[1200,true,true]");
    }
}

#[test]
fn requests_of_several_tasks_run_side_by_side_with_timers() {
    let origin = Origin::start();
    let stage = Stage::of_manifest(&granted(&origin), &["async_requests"]);
    // The server answers none of these before all have come.
    let paths = ["/together/3"; 3];
    let answer = stage.send(&urls(&origin, &paths));
    assert_eq!((answer.kind, answer.json()), (Kind::Response, json!([paths, true])));
    let receipt: &Value = &stage.receipts()[0];
    assert_eq!(receipt["outboundRequests"], 3);
    let answer = stage.send(&urls(&origin, &["/one"]));
    assert_eq!(answer.json(), json!([["/one"], true]));
}

#[test]
fn a_request_that_is_not_granted_says_so() {
    let origin = Origin::start();
    let stage = Stage::of("async_requests");
    let answer = stage.error(&urls(&origin, &["/one"]), "Function.HttpRequestDenied");
    let message = answer.json()["errorMessage"].to_string();
    assert!(
        message.contains("GET http://127.0.0.1") && message.contains("if no grant allows it, add"),
        "{message}"
    );
    assert!(message.contains("to allowed_outbound_hosts in bulkhead.toml"), "{message}");
    assert_eq!(origin.requests(), []);
}

#[test]
fn a_response_that_breaks_off_or_a_port_that_nobody_listens_on_has_a_type() {
    let gone = Origin::start();
    let manifest = "[handlers.async_requests.grants]\nallowed_outbound_hosts = ['http://127.0.0.1:1']\n\
                    allowed_private_networks = ['127.0.0.0/8']";
    let stage = Stage::of_manifest(manifest, &["async_requests"]);
    let answer = stage.error(r#"["http://127.0.0.1:1/"]"#, "Function.ConnectionRefused");
    assert_eq!(
        answer.json()["errorMessage"],
        "GET http://127.0.0.1:1: the host refused the connection; check the port, and that the server is running"
    );
    drop(gone);
}

#[test]
fn waiting_for_what_never_comes_is_an_error_at_once_that_says_so() {
    let mut stage = Stage::of("async_stalled");
    let answer = stage.error("1", "Function.Panic");
    let message = answer.json()["errorMessage"].to_string();
    assert!(message.contains("awaits something that cannot complete"), "{message}");
    stage.still_answers();
}
