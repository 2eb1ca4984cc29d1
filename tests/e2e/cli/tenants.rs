//! `bulkhead keygen` and `bulkhead tenants` on a store in a directory.

mod keys;
mod scripts;

use std::fs::File;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bulkhead_tests::artifacts;
use serde_json::{Value, json};

use crate::store::Store;

#[test]
fn a_tenant_is_put_changed_rolled_back_and_removed() {
    let store =
        Store::new("[store.max.limits]\nmemory = '256MiB'\n[store.max.grants]\nenvironment = ['STAGE']\n");
    let settings =
        store.file("acme.toml", "limits.memory = '200MiB'\ngrants.environment = { STAGE = 'prod' }\n");
    let one = store.put("acme", "echo", &["--settings", settings.to_str().expect("a path")]);
    assert_eq!((&one["tenant"], &one["store"], &one["version"]), (&json!("acme"), &json!("prod"), &json!(1)));
    assert_eq!(one["handler"]["kind"], "handler");
    assert_eq!(one["handler"]["settings"]["limits"], json!({ "memory": 200 << 20 }));
    assert_eq!(one["handler"]["native"][0]["target"], std::env::consts::ARCH);
    let two = store.put("acme", "context", &["--expect-version", "1"]);
    assert_eq!(two["version"], 2);
    let shown = store.run(&["show", "acme", "--json"]).json();
    assert_eq!((&shown["record"], &shown["versions"], &shown["problems"]), (&two, &json!([1]), &json!([])));
    let shown = store.run(&["show", "acme", "--version", "1"]).stdout;
    for expected in [
        "tenant acme\n  store      prod\n  version    1\n",
        "  for acme\n    memory       200MiB\n    environment  STAGE\n",
    ] {
        assert!(shown.contains(expected), "{expected:?} is not in\n{shown}");
    }
    let diff = store.run(&["diff", "acme", "--json"]).json();
    let keys: Vec<&Value> =
        diff["differences"].as_array().expect("a list").iter().map(|one| &one["key"]).collect();
    assert!(
        keys.contains(&&json!("handler.component"))
            && keys.contains(&&json!("handler.settings.limits.memory"))
    );
    let three = store.change(&["rollback", "acme", "--json"]).json();
    assert_eq!((&three["version"], &three["handler"]), (&json!(3), &one["handler"]));
    let listed = store.run(&["list"]).stdout;
    assert!(listed.contains("acme          3  valid  handler  sha256:"), "{listed}");
    let removed = store.change(&["rm", "acme"]);
    assert!(removed.stderr.starts_with("removed acme: version 4, removed, until "), "{}", removed.stderr);
    assert_eq!(store.run(&["list", "--json"]).json(), json!([]));
    assert_eq!(store.run(&["list", "--all", "--json"]).json()[0]["state"], "removed");
    let back = store.change(&["rollback", "acme", "--to", "2", "--json"]).json();
    assert_eq!((&back["version"], &back["handler"]), (&json!(5), &two["handler"]));
    let verified = store.run(&["verify"]);
    assert_eq!(verified.code, 0);
    assert!(verified.stdout.ends_with(": 1 valid records, 0 problems, 0 leftovers\n"), "{}", verified.stdout);
}

#[test]
fn what_the_bootstrap_would_reject_is_not_put() {
    let store = Store::new("");
    let key = store.root().join("key.pem");
    let put = |component: &str, more: &[&str]| {
        let fixed = ["put", "acme", "--component", component, "--key", key.to_str().expect("a path")];
        store.run(&[&fixed, more].concat())
    };
    let echo = artifacts::component("echo");
    let echo = echo.to_str().expect("a path");
    let settings = store.file("acme.toml", "limits.memory = '1GiB'\n");
    let ran = put(echo, &["--settings", settings.to_str().expect("a path")]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains(
            "acme.toml: limits.memory: 1GiB is more than the store allows (128MiB); raise store.max"
        ),
        "{}",
        ran.stderr
    );
    let settings = store.file("acme.toml", "[limits]\nmemroy = 1\n[grants]\nfiles = ['a']\n");
    let ran = put(echo, &["--settings", settings.to_str().expect("a path")]);
    for expected in [
        "acme.toml:2: limits.memroy: there is no such key; did you mean `memory`?",
        "acme.toml:4: grants.files: ",
    ] {
        assert!(ran.code == 1 && ran.stderr.contains(expected), "{}", ran.stderr);
    }
    let unknown = artifacts::component("unknown_import");
    let ran = put(unknown.to_str().expect("a path"), &[]);
    assert!(
        ran.code == 1 && ran.stderr.contains("unknown_import.wasm: it imports something"),
        "{}",
        ran.stderr
    );
    let text = store.file("text.wasm", "hello");
    let ran = put(text.to_str().expect("a path"), &[]);
    assert!(ran.code == 1 && ran.stderr.contains("text.wasm: "), "{}", ran.stderr);
    let other = Store::new("");
    let foreign = other.root().join("key.pem");
    let ran = store.run(&["put", "acme", "--component", echo, "--key", foreign.to_str().expect("a path")]);
    assert!(
        ran.code == 1 && ran.stderr.contains("does not contain the public key of this key, ed25519:"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        store.files("tenants").len() + store.files("components").len() + store.files("native").len(),
        0
    );
    // Others are arguments.
    for arguments in [&["put", ""][..], &["put", "a\nb"], &["show"], &["gc", "--older-than", "soon"]] {
        assert_eq!(store.run(arguments).code, 2, "{arguments:?}");
    }
    store.put("acme", "echo", &[]);
    let ran = put(echo, &["--expect-version", "7"]);
    assert!(ran.code == 3 && ran.stderr.contains("has version 1, and not 7"), "{} {}", ran.code, ran.stderr);
}

#[test]
fn a_damaged_store_is_told_file_by_file_and_what_is_left_is_removed() {
    let store = Store::new("");
    store.put("acme", "echo", &[]);
    store.put("acme", "context", &[]);
    store.put("globex", "echo", &[]);
    let [acme, globex] = ["acme", "globex"].map(|tenant| store.record(tenant));
    // A leftover of a writer that died, and a file that nothing refers to.
    let unfinished = store.path("tenants/.unfinished-1");
    let stray = store.path(&format!("native/{}.cwasm", "0".repeat(64)));
    for (path, text) in [(&unfinished, "{"), (&stray, "code")] {
        std::fs::write(path, text).expect("write");
        // Files of the last 20 ms are young whatever is asked for, and a fast machine is here again within that time.
        let file = File::options().write(true).open(path).expect("open");
        file.set_modified(SystemTime::now() - Duration::from_secs(1)).expect("set the time");
    }
    let verified = store.run(&["verify", "--json"]);
    assert_eq!((verified.code, &verified.json()["problems"]), (0, &json!([])));
    assert_eq!(verified.json()["leftovers"].as_array().map(Vec::len), Some(2));
    let gc = |more: &[&str]| store.run(&[&["gc", "--json", "--older-than", "0s"], more].concat());
    assert_eq!(store.run(&["gc", "--json"]).json()["files"], json!([]), "they are young");
    assert_eq!(gc(&["--dry-run"]).json()["files"].as_array().map(Vec::len), Some(2));
    assert!(stray.exists());
    assert_eq!(gc(&[]).json()["files"].as_array().map(Vec::len), Some(2));
    assert_eq!(store.files("components").len(), 2);
    // Without its history, the first version of acme needs nothing any more, but globex has its component.
    assert_eq!(gc(&["--keep", "0"]).json()["files"].as_array().map(Vec::len), Some(1));
    assert_eq!(store.files("components").len(), 2);
    assert_eq!(store.run(&["verify"]).code, 0);
    // One tenant's record in the place of another's, and damaged code.
    let good = std::fs::read(&globex).expect("read");
    std::fs::copy(&acme, &globex).expect("copy");
    let native = store.files("native").remove(0);
    std::fs::write(&native, "code").expect("write");
    let verified = store.run(&["verify"]);
    assert_eq!(verified.code, 1);
    assert!(verified.stdout.contains("it is the record of the tenant"), "{}", verified.stdout);
    // What it needs is not known, so all code stays.
    let ran = gc(&[]).json();
    assert_eq!((&ran["files"], ran["kept"].as_array().map(Vec::len)), (&json!([]), Some(1)));
    std::fs::write(&globex, good).expect("write");
    let verified = store.run(&["verify"]).stdout;
    assert!(verified.contains("native/") && verified.contains("the file has another digest"), "{verified}");
    // Compiling again makes what is missing.
    let ran = store.change(&["recompile"]);
    assert!(ran.stderr.contains("compiled 2 tenants for bulkhead "), "{}", ran.stderr);
    let verified = store.run(&["verify"]);
    assert_eq!(verified.code, 0, "{}", verified.stdout);
}

#[test]
fn an_old_record_that_was_put_back_is_found_and_repaired_and_never_signed_again() {
    let store = Store::new("");
    let key = store.root().join("key.pem");
    let key = key.to_str().expect("a path");
    store.put("acme", "echo", &[]);
    let record = store.record("acme");
    let old = std::fs::read(&record).expect("read");
    store.put("acme", "context", &[]);
    store.put("acme", "context", &[]);
    let newest = std::fs::read(&record).expect("read");
    // Somebody puts an old record back, or removes it, or writes something else.
    for (content, expected) in [
        (Some(&old[..]), "the record of the tenant \"acme\" has version 1, but version 3 is in its history"),
        (None, "the tenant \"acme\" has no record, but version 3 is in its history"),
        (Some(b"{}"), "this is not a record of the tenant \"acme\""),
    ] {
        match content {
            Some(content) => std::fs::write(&record, content).expect("write"),
            None => std::fs::remove_file(&record).expect("remove"),
        }
        let component = artifacts::component("echo");
        let put = ["put", "acme", "--component", component.to_str().expect("a path"), "--key", key];
        for change in [&put[..], &["rollback", "acme", "--key", key], &["rm", "acme", "--key", key]] {
            let ran = store.run(change);
            let is_told = ran.stderr.contains(expected) && ran.stderr.contains("tenants repair \"acme\"");
            assert!(ran.code == 1 && is_told, "{}", ran.stderr);
        }
        let compiled = store.run(&["recompile", "--key", key, "--json"]);
        assert_eq!(compiled.json()["records"], json!([]), "{}", compiled.stderr);
        assert_eq!(store.run(&["verify"]).code, 1);
        assert_eq!(
            store.files("history").len() + store.files("tenants").len(),
            if content.is_some() { 2 } else { 1 }
        );
        // It needs no key.
        let ran = store.run(&["repair", "acme"]);
        assert!(ran.code == 0 && ran.stderr.starts_with("repaired acme: version 3, "), "{}", ran.stderr);
        assert_eq!(std::fs::read(&record).expect("read"), newest, "to the byte");
        assert_eq!(store.run(&["verify"]).code, 0);
    }
    let ran = store.run(&["repair", "acme", "--json"]);
    assert_eq!((ran.code, &ran.json()["version"]), (0, &json!(3)));
    assert_eq!(store.run(&["repair", "nobody"]).code, 1);
}

#[test]
fn code_for_a_new_release_is_valid_for_as_long_as_before() {
    let store = Store::new("");
    let put = store.put("acme", "echo", &["--valid-for", "1h"]);
    store.change(&["recompile"]);
    let shown = || store.run(&["show", "acme", "--json"]).json()["record"].clone();
    assert_eq!((&shown()["version"], &shown()["expires"]), (&json!(2), &put["expires"]));
    store.change(&["recompile", "--valid-for", "2h"]);
    assert!(shown()["expires"].as_str() > put["expires"].as_str(), "{}", shown());
}

#[test]
fn what_a_put_would_change_is_shown_without_changing_it() {
    let store = Store::new("");
    let first = store.put("acme", "echo", &["--dry-run"]);
    assert_eq!((&first["from"], &first["to"]), (&json!(0), &json!(1)));
    assert_eq!(
        store.files("tenants").len() + store.files("components").len() + store.files("native").len(),
        0
    );
    store.put("acme", "echo", &[]);
    let settings = store.file("acme.toml", "limits.memory = '100MiB'\n");
    let component = artifacts::component("echo");
    let arguments = ["put", "acme", "--dry-run", "--component", component.to_str().expect("a path")];
    let more = ["--settings", settings.to_str().expect("a path")];
    let shown = store.change(&[&arguments[..], &more].concat()).stdout;
    assert!(shown.starts_with("the tenant \"acme\": version 1 and version 2\n"), "{shown}");
    assert!(shown.contains("\n+ handler.settings.limits.memory: 104857600\n"), "{shown}");
    assert!(!shown.contains("handler.component"), "it is the same: {shown}");
    assert_eq!(store.run(&["show", "acme", "--json"]).json()["record"]["version"], 1);
}

#[test]
fn an_init_is_run_when_a_tenant_is_put_and_not_again() {
    let store = Store::new("");
    let ready = store.put("acme", "init", &["--preinit"]);
    let lazy = store.put("globex", "init", &[]);
    assert_ne!(
        ready["handler"]["component"], lazy["handler"]["component"],
        "the component that the init left"
    );
    let key = store.root().join("key.pem");
    let put = |guest: &str, more: &[&str]| {
        let component = artifacts::component(guest);
        let key = key.to_str().expect("a path");
        let fixed = ["put", "initech", "--component", component.to_str().expect("a path"), "--key", key];
        store.run(&[&fixed, more].concat())
    };
    for (guest, more, expected) in [
        ("init_random", &["--preinit"][..], "random"),
        ("init_loop", &["--preinit", "--init-time", "100ms"], "init_loop.wasm: "),
        ("echo", &["--preinit"], "echo.wasm: "),
    ] {
        let ran = put(guest, more);
        assert!(ran.code == 1 && ran.stderr.contains(expected), "{guest}: {}", ran.stderr);
    }
    assert_eq!(put("init_random", &["--preinit", "--allow-random"]).code, 0);
    // For another release, the component is compiled as the init left it.
    let before = store.run(&["show", "acme", "--json"]).json()["record"]["handler"].clone();
    store.change(&["recompile"]);
    assert_eq!(store.run(&["show", "acme", "--json"]).json()["record"]["handler"], before);
}

#[test]
fn files_are_removed_while_others_publish_and_nothing_is_lost() {
    let store = Store::new("");
    store.put("acme", "echo", &[]);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // As eager as it can be: it keeps no version and no file.
        let collector = scope.spawn(|| {
            // Without an end of its own, it would go on after a failure.
            for _ in 0..1000 {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                assert_eq!(store.run(&["gc", "--keep", "0", "--older-than", "0s"]).code, 0);
            }
        });
        for guest in ["echo", "context", "echo", "context", "echo"] {
            store.put("acme", guest, &[]);
            let shown = store.run(&["show", "acme", "--json"]).json();
            assert_eq!(shown["problems"], json!([]), "{shown}");
        }
        is_over.store(true, Ordering::Relaxed);
        collector.join().expect("a collector");
    });
    assert_eq!(store.run(&["verify"]).code, 0);
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let store = Store::new("");
    store.put("acme", "echo", &[]);
    let versions: Vec<u64> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| store.put("acme", "echo", &[])["version"].as_u64().expect("a version")))
            .collect();
        writers.into_iter().map(|writer| writer.join().expect("a version")).collect()
    });
    let mut sorted = versions;
    sorted.sort_unstable();
    assert_eq!(sorted, [2, 3, 4, 5]);
    assert_eq!(store.run(&["show", "acme", "--json"]).json()["versions"], json!([1, 2, 3, 4]));
}

#[test]
fn the_process_that_compiles_says_why_it_did_not() {
    let ran = Command::new(artifacts::cli())
        .args([
            ".compile-apart",
            "--target",
            std::env::consts::ARCH,
            "/nonexistent.wasm",
            "/nonexistent.cwasm",
        ])
        .output()
        .expect("run the child");
    assert_eq!(ran.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("/nonexistent.wasm: "));
}

#[test]
fn a_key_is_made_once_and_its_public_key_printed_again() {
    let store = Store::new("");
    let key = store.root().join("key.pem");
    let keygen = |arguments: &[&str]| {
        let output = Command::new(artifacts::cli()).arg("keygen").args(arguments).output().expect("run it");
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let path = key.to_str().expect("a path");
    let (code, text) = keygen(&["--public", path]);
    assert!(code == Some(0) && store.manifest("").contains(text.trim_end()), "{text}");
    let (code, text) = keygen(&["-o", path]);
    assert!(code == Some(1) && text.contains("key.pem cannot be written: File exists"), "{text}");
    assert_eq!(keygen(&[]).0, Some(2));
    let p256 = store.root().join("p256.pem");
    let (code, text) = keygen(&["-o", p256.to_str().expect("a path"), "--kind", "p256"]);
    assert!(code == Some(0) && text.starts_with("p256:"), "{text}");
}
