//! `bulkhead dev` while somebody saves: new versions take over, no event is lost, and what is broken changes nothing.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bulkhead_tests::{Dev, TaskRoot, artifacts};
use serde_json::{Value, json};

/// As a linker does it: another file under the same name.
fn save(root: &TaskRoot, guest: &str) {
    let new = root.path().join(".new");
    std::fs::copy(artifacts::component(guest), &new).expect("copy a component");
    std::fs::rename(new, root.path().join("hello.wasm")).expect("put it into its place");
}

fn problem(dev: &Dev) -> Value {
    dev.request("GET /.bulkhead/status", &[], "").json()["problem"].clone()
}

#[test]
fn an_event_is_finished_by_the_version_that_has_it() {
    let root = TaskRoot::new();
    save(&root, "sleep");
    let dev = Dev::start(&root, &["--timeout", "20s"]);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| dev.invoke("hello", "4000", &[]));
        dev.running.wait_log("asleep");
        save(&root, "echo");
        dev.running.wait_log("hello: the new version has taken over");
        assert_eq!(dev.invoke("hello", r#""new""#, &[]).text(), r#""new""#);
        assert!(!slow.is_finished(), "the new version was to take over meanwhile");
        let answer = slow.join().expect("an answer");
        assert_eq!((answer.text().as_str(), answer.header("x-amz-function-error")), ("4000", None));
    });
}

#[test]
fn no_event_is_lost_while_versions_come_and_go() {
    let root = TaskRoot::new();
    save(&root, "echo");
    let dev = Dev::start(&root, &["--timeout", "30s"]);
    assert_eq!(dev.invoke("hello", "{}", &[]).text(), "{}");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let callers = [(); 3].map(|()| {
            scope.spawn(|| {
                let mut answers = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let answer = dev.invoke("hello", "{}", &[]);
                    let failed = answer.header("x-amz-function-error");
                    assert_eq!((answer.status, failed), (200, None), "{}", answer.text());
                    answers += 1;
                }
                answers
            })
        });
        for (count, guest) in ["context", "echo", "context", "echo"].into_iter().enumerate() {
            save(&root, guest);
            dev.running.wait_log_times("hello: the new version has taken over", count + 1);
        }
        is_over.store(true, Ordering::Relaxed);
        for caller in callers {
            assert!(caller.join().expect("answers") > 4);
        }
    });
    let events = dev.request("GET /.bulkhead/events", &[], "").json();
    let lost: Vec<_> =
        events.as_array().into_iter().flatten().filter(|event| event["outcome"] != "Replied").collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn a_component_that_does_not_start_leaves_the_old_one_running() {
    let root = TaskRoot::new();
    save(&root, "echo");
    let dev = Dev::start(&root, &[]);
    assert_eq!(dev.invoke("hello", "1", &[]).text(), "1");
    std::fs::write(root.path().join("hello.wasm"), b"no component").expect("break it");
    dev.running.wait_log("hello: the new version did not start; the old version keeps running");
    assert_eq!(dev.invoke("hello", "2", &[]).text(), "2");
    std::fs::write(root.path().join("bulkhead.toml"), "[handler.hello]").expect("break that, too");
    dev.running.wait_log("cannot run the newest sources; the previous version keeps running");
    assert!(problem(&dev).to_string().contains("bulkhead.toml"), "{}", problem(&dev));
    assert_eq!(dev.invoke("hello", "3", &[]).text(), "3");
    std::fs::remove_file(root.path().join("bulkhead.toml")).expect("mend it");
    save(&root, "context");
    dev.running.wait_log("hello: the new version has taken over");
    assert_eq!(problem(&dev), Value::Null);
    assert!(dev.invoke("hello", "4", &[]).json()["request_id"].is_string());
}

fn write(folder: &Path, text: &str) {
    std::fs::write(folder.join("src/main.rs"), text).expect("save");
}

fn program(answer: &str) -> String {
    format!("//! Answers.\nfn main() {{\n    println!(\"\\\"{answer}\\\"\");\n}}\n")
}

#[test]
fn a_cargo_project_is_built_on_each_save() {
    let folder = tempfile::tempdir().expect("a folder");
    let toml = "[package]\nname = \"hello\"\nedition = \"2024\"\n[workspace]\n";
    std::fs::create_dir(folder.path().join("src")).expect("a folder");
    std::fs::write(folder.path().join("Cargo.toml"), toml).expect("write");
    // A program that knows nothing of Bulkhead is a handler where this says so.
    std::fs::write(folder.path().join("bulkhead.toml"), "[handlers.hello]\n").expect("write");
    write(folder.path(), &program("one"));
    let dev = Dev::start_in(folder.path(), &folder.path().join("target"), &[]);
    dev.running.wait_log("ready: hello");
    // As the log of this command would be, if it went there.
    std::fs::write(folder.path().join("dev.log"), "building").expect("write");
    assert_eq!(dev.invoke("hello", "{}", &[]).text(), "\"one\"\n");
    let saved = Instant::now();
    write(folder.path(), &program("two"));
    dev.running.wait_log("hello: the new version has taken over");
    assert_eq!(dev.invoke("hello", "{}", &[]).text(), "\"two\"\n");
    assert!(saved.elapsed() < Duration::from_secs(20), "{:?}", saved.elapsed());
    write(folder.path(), "fn main() { gone() }");
    dev.running.wait_log("cannot run the newest sources; the previous version keeps running");
    assert_eq!(dev.invoke("hello", "{}", &[]).text(), "\"two\"\n");
    assert!(problem(&dev).to_string().contains("cannot find function `gone`"), "{}", problem(&dev));
    write(folder.path(), &program("three"));
    dev.running.wait_log_times("hello: the new version has taken over", 2);
    assert_eq!(dev.invoke("hello", "{}", &[]).text(), "\"three\"\n");
    assert_eq!(problem(&dev), Value::Null);
    assert_eq!(dev.running.stderr().matches("building").count(), 4, "{}", dev.running.stderr());
}

#[test]
fn what_a_build_command_leaves_starts_no_build() {
    let folder = tempfile::tempdir().expect("a folder");
    let guest = artifacts::component("echo");
    let toml = format!(
        "[build]\ncommand = \"mkdir -p dist && cp {} dist/hello.wasm\"\n[handlers.hello]\nsource = \"dist/hello.wasm\"\n",
        guest.display()
    );
    std::fs::create_dir_all(folder.path().join("dist")).expect("a folder");
    std::fs::create_dir_all(folder.path().join("src")).expect("a folder");
    std::fs::write(folder.path().join("bulkhead.toml"), toml).expect("write");
    let dev = Dev::start_in(folder.path(), &folder.path().join("target"), &[]);
    dev.running.wait_log("ready: hello");
    assert_eq!(dev.invoke("hello", "1", &[]).text(), "1");
    // A save of a source does, so all that came before it has been seen when that one has.
    std::fs::write(folder.path().join("src/hello.js"), "1").expect("write");
    dev.running.wait_log_times("building", 2);
    assert_eq!(dev.invoke("hello", "2", &[]).text(), "2");
    assert_eq!(dev.running.stderr().matches("building").count(), 2, "{}", dev.running.stderr());
}

#[test]
fn an_event_that_comes_while_the_first_build_goes_on_waits_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let guest = artifacts::component("echo");
    // Nobody reads from a pipe before somebody writes to it.
    let made = Command::new("mkfifo").arg(folder.path().join("go")).status();
    assert!(made.expect("run mkfifo").success());
    let toml =
        format!("[build]\ncommand = \"cat go && cp {} hello.wasm\"\n[handlers.hello]\n", guest.display());
    std::fs::write(folder.path().join("bulkhead.toml"), toml).expect("write");
    let dev = Dev::start_in(folder.path(), &folder.path().join("target"), &["--no-watch"]);
    dev.running.wait_log("building");
    std::thread::scope(|scope| {
        let early = scope.spawn(|| dev.invoke("hello", "1", &[]));
        let status = dev.request("GET /.bulkhead/status", &[], "").json();
        assert_eq!(status["functions"], json!([]), "it was built already");
        std::fs::write(folder.path().join("go"), "go").expect("write");
        assert_eq!(early.join().expect("an answer").text(), "1");
    });
}

#[test]
fn without_watching_what_cannot_be_run_is_the_end() {
    let root = TaskRoot::new();
    let mut dev = Dev::start(&root, &["--no-watch"]);
    assert_eq!(dev.running.exit_code(), 1);
    dev.running.wait_log("no component found");
}
