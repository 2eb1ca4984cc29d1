//! `.cwasm`: components that were compiled before, taken only where they are what they say they are.

use std::process::Output;

use bulkhead_tests::{Bootstrap, Event, RuntimeApi, TaskRoot};

/// What became of a start.
struct Started {
    answer: Option<String>,
    log: String,
}

/// Starts, and sends one event if it comes so far.
fn start(bootstrap: &Bootstrap, root: &TaskRoot) -> Started {
    let api = RuntimeApi::start();
    let mut running = bootstrap.clone().task_root(root).handler("echo").api(&api).spawn();
    let first = api.first();
    if first.is_next() {
        let answer = api.send(Event::json("17")).text().to_owned();
        return Started { answer: Some(answer), log: running.logs() };
    }
    assert_eq!(running.exit_code(), 1);
    let body = String::from_utf8_lossy(&first.body).into_owned();
    assert!(body.contains("Runtime.InvalidComponent"), "{body}");
    Started { answer: None, log: running.logs() }
}

/// Refused, with a text that has all these words, in any case.
pub(crate) fn assert_refused(bootstrap: &Bootstrap, root: &TaskRoot, words: &[&str]) {
    let started = start(bootstrap, root);
    assert_eq!(started.answer, None, "it was taken");
    let log = started.log.to_lowercase();
    for word in words {
        assert!(log.contains(word), "{word:?} is not in {log}");
    }
}

fn assert_answers(bootstrap: &Bootstrap, root: &TaskRoot) -> String {
    let started = start(bootstrap, root);
    assert_eq!(started.answer.as_deref(), Some("17"), "{}", started.log);
    started.log
}

pub(crate) fn both() -> [Bootstrap; 2] {
    [Bootstrap::new(), Bootstrap::lean()]
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn it_runs_on_both_bootstraps() {
    let root = TaskRoot::new().with_compiled("echo");
    for bootstrap in both() {
        assert_eq!(assert_answers(&bootstrap, &root), "", "nothing to warn about");
    }
}

#[test]
fn it_is_taken_in_preference_to_its_source() {
    let root = TaskRoot::new().with("echo").with_compiled("echo");
    for bootstrap in both() {
        assert_eq!(assert_answers(&bootstrap, &root), "", "nothing to warn about");
    }
}

#[test]
fn a_stale_one_is_compiled_anew_with_a_warning_or_refused() {
    // The source beside it is another program by now.
    let root = TaskRoot::new().with_compiled("json");
    std::fs::rename(root.path().join("json.cwasm"), root.path().join("echo.cwasm")).unwrap();
    let root = root.with("echo");
    let log = assert_answers(&Bootstrap::new(), &root);
    assert!(log.contains("\tWARN\t") && log.contains("echo.cwasm"), "{log}");
    assert_refused(&Bootstrap::lean(), &root, &["echo.cwasm", "bulkhead compile"]);
}

#[test]
fn one_that_is_cut_short_is_refused() {
    for keep in [0, 3, 100, 5_000] {
        let root = TaskRoot::new().with_compiled("echo");
        root.change("echo.cwasm", |content| content.truncate(keep));
        for bootstrap in both() {
            assert_refused(&bootstrap, &root, &["echo.cwasm"]);
        }
    }
}

#[test]
fn one_that_lacks_its_last_byte_is_refused() {
    let root = TaskRoot::new().with_compiled("echo");
    root.change("echo.cwasm", |content| content.truncate(content.len() - 1));
    for bootstrap in both() {
        assert_refused(&bootstrap, &root, &["echo.cwasm"]);
    }
}

#[test]
fn one_flipped_bit_anywhere_is_found() {
    let length =
        std::fs::metadata(TaskRoot::new().with_compiled("echo").path().join("echo.cwasm")).unwrap().len();
    let length = usize::try_from(length).unwrap();
    for at in [0, 9, 50, length / 4, length / 2, length * 3 / 4, length - 1] {
        let root = TaskRoot::new().with_compiled("echo");
        root.change("echo.cwasm", |content| content[at] ^= 0x10);
        assert_refused(&Bootstrap::lean(), &root, &["echo.cwasm"]);
    }
}

#[test]
fn a_damaged_one_gives_way_to_the_source_beside_it() {
    let root = TaskRoot::new().with("echo").with_compiled("echo");
    root.change("echo.cwasm", |content| {
        let middle = content.len() / 2;
        content[middle] ^= 1;
    });
    let log = assert_answers(&Bootstrap::new(), &root);
    assert!(log.contains("\tWARN\t") && log.contains("echo.cwasm"), "{log}");
}

#[test]
fn the_same_processor_by_name_runs() {
    let root = TaskRoot::new();
    let output = root.compile("echo", "echo.cwasm", &["--target", std::env::consts::ARCH]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_answers(&Bootstrap::lean(), &root);
}

#[test]
fn the_lean_bootstrap_says_what_to_do_about_wasm() {
    let root = TaskRoot::new().with("echo");
    assert_refused(&Bootstrap::lean(), &root, &["echo.wasm", "bulkhead compile"]);
}

#[test]
fn a_panic_keeps_its_frames_and_limits_hold() {
    let root = TaskRoot::new().with_compiled("panic");
    let api = RuntimeApi::start();
    let _running = Bootstrap::lean().task_root(&root).handler("panic").api(&api).spawn();
    let body = api.send(Event::json(r#"{"text":"why"}"#)).json();
    assert_eq!(body["errorType"], "Function.Panic");
    assert!(body["stackTrace"].as_array().is_some_and(|frames| !frames.is_empty()), "{body}");
    assert_eq!(api.send(Event::json(r#""ping""#)).text(), r#""ping""#);
}

#[test]
fn what_cannot_be_compiled_leaves_nothing_behind() {
    let root = TaskRoot::new();
    let output = root.compile("echo", "echo.cwasm", &["--target", "pdp11"]);
    assert!(!output.status.success() && stderr(&output).contains("pdp11"), "{}", stderr(&output));
    assert!(!root.path().join("echo.cwasm").exists());
}
