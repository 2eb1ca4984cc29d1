//! Deny by default: a guest reaches nothing that it was not given, and nothing of the event before.

use std::net::TcpListener;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use bulkhead_tests::TaskRoot;

use crate::stage::Stage;

#[test]
fn a_fresh_instance_for_every_event() {
    let mut stage = Stage::of("state");
    for _ in 0..5 {
        stage.answers("null", "1");
    }
}

#[test]
fn e9_4_no_environment_and_no_arguments() {
    let stage =
        Stage::with("environment", |bootstrap| bootstrap.env("STAGE", "prod").env("API_KEY", "secret"));
    let answer = stage.send("null").json();
    assert_eq!(answer[0], serde_json::json!([]), "environment");
    let arguments = answer[1].as_array().expect("arguments").len();
    assert!(arguments <= 1, "no more than a program name: {answer}");
}

#[test]
fn no_files() {
    let stage = Stage::of("files");
    assert_eq!(stage.send("null").text(), "[]");
}

#[test]
fn no_network_not_even_the_runtime_api() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a port");
    let stage = Stage::of("network");
    for address in [listener.local_addr().expect("an address").to_string(), stage.api.address()] {
        assert_eq!(stage.send(&format!("{address:?}")).text(), "[]");
    }
    assert_eq!(stage.api.connections(), 1, "only the bootstrap's own");
}

#[test]
fn an_empty_stdin() {
    let mut stage = Stage::of("stdin");
    stage.answers(r#""not for stdin""#, "[]");
}

#[test]
fn clocks_run_and_randomness_is_random() {
    let stage = Stage::of("clocks");
    let answers: Vec<Value> = (0..5).map(|_| stage.send("null").json()).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
    let mut seen = Vec::new();
    for answer in answers {
        let told = answer[0].as_u64().expect("a time") / 1000;
        assert!(now.abs_diff(told) < 3600, "{answer}");
        assert_eq!(answer[1], true, "time passes");
        assert!(!seen.contains(&answer[2]), "a number came twice: {answer}");
        seen.push(answer[2].clone());
    }
}

#[test]
fn the_host_leaves_the_task_root_as_it_is() {
    let root = TaskRoot::new().with("echo");
    let api = bulkhead_tests::RuntimeApi::start();
    let bootstrap = bulkhead_tests::Bootstrap::new().task_root(&root).handler("echo").api(&api);
    let _running = bootstrap.spawn();
    api.wait_idle();
    api.send(bulkhead_tests::Event::json("1"));
    // C11.3: it is read-only on Lambda.
    assert_eq!(std::fs::read_dir(root.path()).expect("read the task root").count(), 1);
}
