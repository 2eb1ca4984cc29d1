//! `bulkhead compile --preinit`: an init function is run once, and every sandbox starts with what it left in memory.

use std::process::{Command, Output};

use bulkhead_tests::{Bootstrap, Event, RuntimeApi, TaskRoot, artifacts};
use serde_json::{Value, json};

use crate::stage::Stage;

fn preinit(root: &TaskRoot, guest: &str, arguments: &[&str]) -> Output {
    let arguments = [&["--preinit"], arguments].concat();
    root.compile(guest, &format!("{guest}.cwasm"), &arguments)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A task root with a guest whose init was run.
fn ready(guest: &str, arguments: &[&str]) -> TaskRoot {
    let root = TaskRoot::new();
    let output = preinit(&root, guest, arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    root
}

/// Refused with a text that has all these parts and names the file, and with nothing left behind.
fn assert_refused(guest: &str, arguments: &[&str], parts: &[&str]) {
    let root = TaskRoot::new();
    let output = preinit(&root, guest, arguments);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for part in parts.iter().chain(&[format!("{guest}.wasm: ").as_str()]) {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    assert_eq!(
        std::fs::read_dir(root.path()).expect("list the task root").count(),
        0,
        "nothing is left behind"
    );
}

/// What the events `0..events` are answered with.
fn answers(bootstrap: &Bootstrap, root: &TaskRoot, events: u32) -> Vec<Value> {
    let api = RuntimeApi::start();
    let _running = bootstrap.clone().task_root(root).api(&api).spawn();
    (0..events).map(|event| api.send(Event::json(event.to_string())).json()).collect()
}

#[test]
fn every_sandbox_starts_with_what_the_init_left() {
    let root = ready("init", &[]);
    let expected: Vec<Value> = (0..5).map(|n| json!([n * n, true, 1])).collect();
    for bootstrap in [Bootstrap::new(), Bootstrap::lean()] {
        assert_eq!(answers(&bootstrap, &root, 5), expected);
    }
}

#[test]
fn without_it_the_same_handler_gives_the_same_answers() {
    let expected: Vec<Value> = (0..3).map(|n| json!([n * n, false, 1])).collect();
    let compiled = TaskRoot::new().with_compiled("init");
    assert_eq!(answers(&Bootstrap::lean(), &compiled, 3), expected);
    assert_eq!(answers(&Bootstrap::new(), &TaskRoot::new().with("init"), 3), expected);
}

#[test]
fn it_is_known_by_the_source_that_lies_beside_it() {
    let root = ready("init", &[]).with("init");
    let stage = Stage::at(root, |bootstrap| bootstrap);
    assert_eq!(stage.send("3").json(), json!([9, true, 1]));
    assert_eq!(stage.running.stdout(), "", "nothing to warn about");
    // The same table, made from another source by now.
    let root = ready("init", &[]);
    std::fs::rename(root.path().join("init.cwasm"), root.path().join("echo.cwasm")).unwrap();
    let stage = Stage::at(root.with("echo"), |bootstrap| bootstrap);
    assert_eq!(stage.send("3").text(), "3");
    assert!(stage.running.stdout().contains("stale"), "{}", stage.running.stdout());
}

#[test]
fn the_component_itself_can_be_had() {
    let root = TaskRoot::new();
    let output = root.compile("init", "ready.wasm", &["--preinit"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(answers(&Bootstrap::new(), &root, 2), [json!([0, true, 1]), json!([1, true, 1])]);
}

#[test]
fn what_it_did_is_said() {
    let told = stderr(&preinit(&TaskRoot::new(), "init", &[]));
    assert!(told.contains("its init was run: every sandbox starts with "), "{told}");
    let checked = |root: &TaskRoot| {
        let output = Command::new(artifacts::cli())
            .arg("check")
            .arg(root.path())
            .output()
            .expect("run `bulkhead check`");
        String::from_utf8(output.stdout).expect("a report in UTF-8")
    };
    assert!(checked(&ready("init", &[])).contains("  init       was run at compile time\n"));
    assert!(!checked(&TaskRoot::new().with_compiled("init")).contains("was run"));
}

#[test]
fn an_init_that_does_not_end_well_is_refused() {
    assert_refused("init_loop", &["--init-time", "100ms"], &["stopped after 100ms", "--init-time"]);
    let panic = ["panicked at ", "init_panic.rs:", "rule 17 has no end", "at init_panic::read_rules"];
    assert_refused("init_panic", &[], &panic);
    assert_refused("init_fail", &[], &["its init failed: ParseIntError: invalid digit"]);
    assert_refused("init_memory", &[], &["more than the 128 MiB of memory"]);
}

#[test]
fn a_handler_without_one_is_refused() {
    assert_refused("echo", &[], &["no init function", "#[bulkhead::init]", "without --preinit"]);
}

#[test]
fn random_bytes_are_refused_unless_allowed() {
    assert_refused("init_random", &[], &["random bytes", "BTreeMap", "--allow-random", "HashMap"]);
    let root = ready("init_random", &["--allow-random"]);
    let hashes = answers(&Bootstrap::lean(), &root, 3);
    assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "the keys are frozen, as was said: {hashes:?}");
}

#[test]
fn random_bytes_are_fresh_where_the_init_took_none() {
    let hashes = answers(&Bootstrap::lean(), &TaskRoot::new().with_compiled("init_random"), 3);
    assert!(hashes.windows(2).all(|pair| pair[0] != pair[1]), "{hashes:?}");
    // An event of a handler whose init was run asks for its own.
    let hashes = answers(&Bootstrap::lean(), &ready("init_untouched", &[]), 3);
    assert!(hashes.windows(2).all(|pair| pair[0] != pair[1]), "{hashes:?}");
}

#[test]
fn the_time_is_refused_unless_allowed() {
    assert_refused("init_clock", &[], &["asked for the time", "--allow-clock", "wall_clock_now"]);
    let root = ready("init_clock", &["--allow-clock"]);
    let seen = answers(&Bootstrap::lean(), &root, 2);
    assert!(seen[0].is_u64() && seen[0] == seen[1], "{seen:?}");
}

#[test]
fn what_would_never_be_looked_at_again_is_refused() {
    assert_refused("init_environment", &[], &["read the environment", "in the handler"]);
    assert_refused("init_files", &[], &["looked for files", "include_bytes!"]);
}

#[test]
fn granted_variables_are_seen_after_an_init_that_did_not_ask() {
    let manifest = "[handlers.init_untouched]\ngrants.environment = { STAGE = \"prod\" }\n";
    let root = ready("init_untouched", &[]).manifest(manifest);
    let stage = Stage::at(root, |bootstrap| bootstrap.handler("init_untouched"));
    assert_eq!(stage.send(r#""STAGE""#).json(), json!("prod"));
}

#[test]
fn what_an_init_prints_is_shown_and_it_may_not_leave_it_open() {
    let parts = ["init: read 17 rules\n", "init: rule 4 is \\u{1b}[31modd\n", "its init printed"];
    assert_refused("init_print", &[], &parts);
    assert_refused("init_stream", &[], &["left a resource of the host open"]);
}

#[test]
fn the_scanner_finds_the_same_in_much_less_time() {
    let plain = TaskRoot::new().with_compiled("scanner");
    let [plain, ready] = [plain, ready("scanner", &[])].map(|root| Stage::at(root, |bootstrap| bootstrap));
    let text = json!("region = eu-central-1\nGITHUB_TOKEN=0123456789abcdef0123").to_string();
    for stage in [&plain, &ready] {
        for _ in 0..3 {
            assert_eq!(stage.send(&text).json(), json!([{ "line": 2, "service": "github" }]));
        }
    }
    let cpu = |stage: &Stage| {
        stage.receipts().iter().filter_map(|receipt| receipt["cpuMs"].as_f64()).fold(f64::MAX, f64::min)
    };
    let (plain, ready) = (cpu(&plain), cpu(&ready));
    // Sixty times less when it was measured; without the init's work there would be no difference at all.
    assert!(ready < plain / 4.0, "{ready} ms of processor time, and {plain} ms without");
}
