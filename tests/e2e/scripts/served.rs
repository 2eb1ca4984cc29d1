//! The script of an event is that of its tenant or of its handler, and the receipt names it.

use std::collections::BTreeSet;
use std::process::Command;

use bulkhead_tests::{Event, Kind, RuntimeApi, TaskRoot, artifacts};

use super::{TWO, ask, entry, message, read, root, two};
use crate::stage::{Stage, assert_error};
use crate::store::Store;

#[test]
fn the_source_of_a_handler_may_be_a_script() {
    let toml = "handlers.hello.source = \"hello.js\"";
    let stage =
        Stage::at(root(toml).file("hello.js", b"hello").file("other.js", b"other"), |bootstrap| bootstrap);
    assert_eq!(stage.send("[]").text(), r#"["hello.js",["hello"]]"#);
    assert_eq!(stage.send(r#"["hello.js", "other.js"]"#).text(), r#"["hello.js",["hello",null]]"#);
    let receipts = stage.receipts();
    let digest = |receipt: usize, key: &str| receipts[receipt][key].as_str().expect("a digest").to_owned();
    assert!(digest(0, "script").starts_with("sha256:") && digest(0, "script") != digest(0, "component"));
    assert_eq!(digest(0, "script"), digest(1, "script"));
    assert_eq!(receipts[0]["handler"], "hello");
}

#[test]
fn each_tenant_gets_its_own_script_or_that_of_its_handler() {
    let stage = Stage::at(two(), |bootstrap| bootstrap);
    // A sandbox is made in advance for the tenant of the last event, and these have one policy.
    for _ in 0..3 {
        for (tenant, path, content) in [
            ("acme", "index.js", "of acme"),
            ("globex", "main.mjs", "of globex"),
            ("initech", "index.js", "of the handler"),
            ("initech", "index.js", "of the handler"),
        ] {
            assert_eq!(entry(&stage, tenant), (path.to_owned(), content.to_owned()), "{tenant}");
        }
    }
    let receipts = stage.receipts();
    let of = |tenant: &str| {
        let own = receipts.iter().filter(|receipt| receipt["tenantId"] == tenant);
        own.map(|receipt| receipt["script"].as_str().expect("a digest")).collect::<BTreeSet<_>>()
    };
    let all: BTreeSet<_> = ["acme", "globex", "initech"].into_iter().flat_map(of).collect();
    assert_eq!(all.len(), 3, "each has one digest of its own: {all:?}");
    let components: BTreeSet<_> = receipts.iter().map(|receipt| receipt["component"].to_string()).collect();
    assert_eq!(components.len(), 1, "they share the engine");
}

#[test]
fn a_sandbox_that_is_kept_serves_no_other_script() {
    let toml = TWO.replace("source =", "reuse.events = 1000\nsource =");
    let stage = Stage::at(two().manifest(&toml), |bootstrap| bootstrap);
    for _ in 0..5 {
        assert_eq!(entry(&stage, "acme").1, "of acme");
        assert_eq!(entry(&stage, "globex").1, "of globex");
        assert_eq!(entry(&stage, "globex").1, "of globex");
    }
}

#[test]
fn events_of_two_tenants_at_the_same_time_each_get_their_own() {
    // Otherwise a tenant may have half of the events at a time.
    let toml = format!("{TWO}\n[limits]\nconcurrency = 8\n");
    let stage = Stage::managed(8, two().manifest(&toml), "");
    let tenants = || ["acme", "globex"].into_iter().cycle().take(200);
    let queued: Vec<_> = tenants().map(|tenant| stage.api.queue(Event::json("[]").tenant(tenant))).collect();
    for (tenant, queued) in tenants().zip(queued) {
        let answer = stage.api.answer(queued);
        assert_eq!(answer.kind, Kind::Response, "{}", answer.text());
        assert_eq!(answer.json()[1][0], format!("of {tenant}"));
    }
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

#[test]
fn a_script_that_changes_while_it_is_served_changes_nothing() {
    let root = two();
    let (file, folder) = (root.path().join("tenants/acme/index.js"), root.path().join("tenants/acme"));
    let stage = Stage::at(root, |bootstrap| bootstrap);
    assert_eq!(entry(&stage, "acme").1, "of acme");
    std::fs::write(&file, "changed").expect("change the script");
    std::fs::write(folder.join("new.js"), "new").expect("add a file");
    assert_eq!(read(&stage, "acme", &["index.js", "new.js"]).1, [Some("of acme".to_owned()), None]);
    std::fs::remove_dir_all(&folder).expect("remove the script");
    assert_eq!(read(&stage, "acme", &["lib/data.json"]).1, [Some("data of acme".to_owned())]);
    let digests: BTreeSet<_> = stage.receipts().iter().map(|receipt| receipt["script"].to_string()).collect();
    assert_eq!(digests.len(), 1);
}

#[test]
fn a_script_that_is_missing_fails_the_events_of_its_tenant_until_it_is_there() {
    let root = two();
    let file = root.path().join("tenants/acme/index.js");
    std::fs::remove_file(&file).expect("remove the script");
    let mut stage = Stage::at(root, |bootstrap| bootstrap);
    for _ in 0..2 {
        let answer = ask(&stage, "acme", &[]);
        assert_error(&answer, "Runtime.ScriptUnavailable");
        let message = message(&answer);
        let expected =
            "the script of the tenant \"acme\" cannot be used: there is no file `tenants/acme/index.js`";
        assert!(message.starts_with(expected), "{message}");
        assert_eq!(entry(&stage, "globex").1, "of globex");
    }
    std::fs::write(&file, "there now").expect("write the script");
    assert_eq!(entry(&stage, "acme").1, "there now");
    assert!(stage.running.is_alive());
}

#[test]
fn without_its_engine_no_script_runs_and_the_start_says_so() {
    let root = TaskRoot::new().manifest("handlers.hello.source = \"hello.js\"").file("hello.js", b"");
    let mut stage = Stage::begun(RuntimeApi::start(), root, |bootstrap| bootstrap);
    assert_eq!(stage.running.exit_code(), 1);
    let log = stage.running.logs();
    assert!(log.contains("bulkhead.toml:1: handlers.hello.source: scripts need the engine "), "{log}");
    assert!(log.contains("engines/javascript.wasm, which does not exist"), "{log}");
}

#[test]
fn an_engine_without_a_script_fails_its_events_and_says_what_is_missing() {
    let mut stage = Stage::of("read_script");
    let answer = stage.error("[]", "Function.Trap");
    assert!(message(&answer).contains("give the handler a script as its `source`"), "{}", message(&answer));
    assert!(stage.running.is_alive());
}

#[test]
fn an_engine_that_is_configured_as_a_handler_is_refused_and_the_error_says_what_to_write() {
    let engine = super::compile::engine("");
    let expected = "is the engine of scripts, and there is no script for it to run; write the script as the `source` of a handler";
    let toml = "handlers.run.source = \"run.wasm\"";
    for root in [TaskRoot::new(), TaskRoot::new().manifest(toml)] {
        let root = root.file("run.wasm", &engine);
        let check =
            Command::new(artifacts::cli()).arg("check").arg(root.path()).output().expect("run `check`");
        let told = String::from_utf8_lossy(&check.stdout).into_owned();
        assert!(check.status.code() == Some(1) && told.contains(expected), "{told}");
        let mut stage = Stage::begun(RuntimeApi::start(), root, |bootstrap| bootstrap.handler("run"));
        assert_eq!(stage.running.exit_code(), 1);
        let log = stage.running.logs();
        assert!(log.contains(expected), "{log}");
    }
    let store = Store::new("");
    let (file, key) = (store.root().join("engine.wasm"), store.root().join("key.pem"));
    std::fs::write(&file, engine).expect("write the engine");
    let [file, key] = [&file, &key].map(|path| path.to_str().expect("a path"));
    let put = store.run(&["put", "acme", "--component", file, "--key", key]);
    let expected = "is the engine of scripts, and there is no script for it to run; put the script itself, with --script FILE.js";
    assert!(put.code != 0 && put.stderr.contains(expected), "{}", put.stderr);
}
