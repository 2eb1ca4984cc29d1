//! Tenants of a store whose handlers are scripts: the command puts them, and the bootstrap serves them in its engine.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bulkhead_tests::{Answer, Bootstrap, Event, Kind, RuntimeApi, TaskRoot, artifacts};
use serde_json::{Value, json};

use super::{ask, message, root};
use crate::stage::{Stage, assert_error};
use crate::store::Store;
use crate::store::bucket::World;

/// A store whose records are fetched for every event.
const BEFORE: &str = "scripts = true\nrefresh = '1ms'\nmax_stale = '1ms'\n";
/// A store whose records are looked at again at every event, but after it.
const BEHIND: &str = "scripts = true\nrefresh = '1ms'\n";

/// A store for scripts, if the engine is there with which the command checks them.
fn store() -> Option<Store> {
    artifacts::engine()?;
    Some(Store::new("scripts = true\n"))
}

/// The entry of a script of two files, which say this.
fn script(store: &Store, folder: &str, says: &str) -> PathBuf {
    let folder = store.root().join("sources").join(folder);
    fs::create_dir_all(folder.join("lib")).expect("make a folder");
    fs::write(folder.join("lib/data.json"), format!("\"{says}\"")).expect("write a file");
    let entry = folder.join("index.js");
    fs::write(&entry, content(says)).expect("write the entry");
    entry
}

fn content(says: &str) -> String {
    format!("export default () => '{says}';")
}

/// Puts a tenant whose script says this, and gives its record.
fn put(store: &Store, tenant: &str, says: &str) -> Value {
    let entry = script(store, tenant, says);
    store.change(&["put", tenant, "--script", entry.to_str().expect("a path"), "--json"]).json()
}

/// A function that reads the store, with an engine that answers with what it reads.
fn function(store: &Store, more: &str) -> Stage {
    Stage::at(root(&store.manifest(more)), |bootstrap| bootstrap)
}

/// Whether it is the answer of the script that says this.
fn says(answer: &Answer, says: &str) -> bool {
    answer.kind == Kind::Response && answer.json() == json!(["index.js", [content(says)]])
}

/// Sends events of a tenant until its answer is as it should be; every answer before that has to be right, too.
fn until(
    stage: &Stage,
    tenant: &str,
    is_new: impl Fn(&Answer) -> bool,
    is_old: impl Fn(&Answer) -> bool,
) -> Answer {
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = ask(stage, tenant, &[]);
        if is_new(&answer) {
            return answer;
        }
        assert!(is_old(&answer), "neither the old nor the new one: {}", answer.text());
        assert!(Instant::now() < limit, "it is the old one still: {}", answer.text());
    }
}

fn is_unknown(answer: &Answer) -> bool {
    answer.kind == Kind::Error && answer.error_type() == "Runtime.UnknownTenant"
}

#[test]
fn a_script_is_put_replaced_rolled_back_and_removed_while_it_is_served() {
    let Some(store) = store() else { return };
    let one = put(&store, "acme", "one");
    put(&store, "globex", "globex");
    let stage = function(&store, BEHIND);
    assert!(says(&ask(&stage, "acme", &[]), "one") && says(&ask(&stage, "globex", &[]), "globex"));
    let read = ask(&stage, "acme", &["lib/data.json", "../globex/index.js", "/etc/passwd"]);
    assert_eq!(read.json(), json!(["index.js", ["\"one\"", null, null]]));
    put(&store, "acme", "two");
    until(&stage, "acme", |answer| says(answer, "two"), |answer| says(answer, "one"));
    store.change(&["rollback", "acme"]);
    until(&stage, "acme", |answer| says(answer, "one"), |answer| says(answer, "two"));
    store.change(&["rm", "acme"]);
    until(&stage, "acme", is_unknown, |answer| says(answer, "one"));
    // A component in the place of the script, and the script again.
    store.put("acme", "echo", &[]);
    let is_echo = |answer: &Answer| answer.kind == Kind::Response && answer.text() == "[]";
    until(&stage, "acme", is_echo, is_unknown);
    put(&store, "acme", "one");
    until(&stage, "acme", |answer| says(answer, "one"), is_echo);
    let receipts = stage.receipts();
    let last = receipts.last().expect("a receipt");
    assert_eq!((&last["handler"], &last["tenantId"]), (&json!("(store)"), &json!("acme")));
    assert_eq!(last["script"], one["handler"]["script"]);
    let of_globex = receipts.iter().find(|receipt| receipt["tenantId"] == "globex").expect("a receipt");
    assert_eq!(of_globex["component"], last["component"], "they share the engine");
    assert_ne!(of_globex["script"], last["script"]);
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

/// What is done to an object.
type Damage = Box<dyn FnOnce(&Path)>;

#[test]
fn a_script_that_was_changed_in_the_store_is_never_run() {
    let Some(store) = store() else { return };
    put(&store, "acme", "acme");
    let record = put(&store, "mallory", "mallory");
    let digest = record["handler"]["script"].as_str().and_then(|digest| digest.strip_prefix("sha256:"));
    let object = store.path(&format!("scripts/{}.script", digest.expect("a digest")));
    let of_acme = store.files("scripts").into_iter().find(|path| *path != object).expect("another");
    let good = fs::read(&object).expect("read it");
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let other = fs::read(of_acme).expect("read it");
    let write = |content: Vec<u8>| move |path: &Path| fs::write(path, content).expect("write it");
    let large = |path: &Path| fs::File::create(path).and_then(|file| file.set_len(5 << 20)).expect("make it");
    let damages: [(Damage, &str); 5] = [
        (Box::new(write(flipped)), "the file has another digest"),
        (Box::new(write(good[..good.len() - 1].to_vec())), "the file has another digest"),
        (Box::new(write(other)), "the file has another digest"),
        (Box::new(large), "the file has 5242880 bytes, and at most "),
        (
            Box::new(|path: &Path| symlink("/etc/passwd", path).expect("link it")),
            "not a file of the store, but a link",
        ),
    ];
    for (damage, text) in damages {
        fs::remove_file(&object).expect("remove it");
        damage(&object);
        let stage = function(&store, BEFORE);
        let answer = ask(&stage, "mallory", &[]);
        assert_error(&answer, "Runtime.InvalidTenantRecord");
        assert!(message(&answer).contains(text), "{text:?} is not in {}", message(&answer));
        assert!(says(&ask(&stage, "acme", &[]), "acme"));
        fs::remove_file(&object).expect("remove it");
        fs::write(&object, &good).expect("write it");
        until(&stage, "mallory", |answer| says(answer, "mallory"), |answer| answer.kind == Kind::Error);
        // What is in memory is a copy: a change does not reach it.
        fs::write(&object, vec![0; good.len()]).expect("write it");
        assert!(says(&ask(&stage, "mallory", &[]), "mallory"));
        let verified = store.run(&["verify"]);
        assert!(verified.code == 1 && verified.stdout.contains("another digest"), "{}", verified.stdout);
        fs::write(&object, &good).expect("write it");
    }
    fs::remove_file(&object).expect("remove it");
    assert_error(&ask(&function(&store, BEFORE), "mallory", &[]), "Runtime.TenantUnavailable");
}

#[test]
fn a_package_without_the_engine_does_not_start_or_fails_the_events_of_scripts() {
    let Some(store) = store() else { return };
    put(&store, "acme", "acme");
    store.put("globex", "echo", &[]);
    let without = TaskRoot::new().manifest(&store.manifest(BEFORE));
    let mut stage = Stage::begun(RuntimeApi::start(), without, |bootstrap| bootstrap);
    assert_eq!(stage.running.exit_code(), 1);
    let log = stage.running.logs();
    assert!(log.contains("bulkhead.toml:5: store.scripts: scripts need the engine "), "{log}");
    let is_echo = |stage: &Stage| ask(stage, "globex", &[]).text() == "[]";
    let more = format!("{BEFORE}[routing]\ninvalid_handler = 'fail_events'\n");
    let stage = Stage::at(TaskRoot::new().manifest(&store.manifest(&more)), |bootstrap| bootstrap);
    let answer = ask(&stage, "acme", &[]);
    assert_error(&answer, "Runtime.InvalidComponent");
    assert!(message(&answer).contains("scripts need the engine ") && is_echo(&stage), "{}", answer.text());
    // A function that does not say that its tenants may be scripts.
    let stage = Stage::at(TaskRoot::new().manifest(&store.manifest("")), |bootstrap| bootstrap);
    let answer = ask(&stage, "acme", &[]);
    assert_error(&answer, "Runtime.InvalidTenantRecord");
    assert!(
        message(&answer).contains("set `scripts = true` in [store]") && is_echo(&stage),
        "{}",
        answer.text()
    );
}

#[test]
fn many_events_at_once_of_many_scripts_are_each_answered_by_their_own() {
    let Some(store) = store() else { return };
    for tenant in ["a", "b", "c", "d"] {
        put(&store, tenant, tenant);
    }
    let more = "scripts = true\nrefresh = '1ms'\n[limits]\nconcurrency = 8\n";
    let stage = Stage::managed(8, root(&store.manifest(more)), "");
    let tenants = || ["a", "b", "c", "d"].into_iter().cycle().take(200);
    let queued: Vec<_> = tenants().map(|tenant| stage.api.queue(Event::json("[]").tenant(tenant))).collect();
    for (tenant, queued) in tenants().zip(queued) {
        let answer = stage.api.answer(queued);
        assert!(says(&answer, tenant), "{tenant}: {}", answer.text());
    }
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

#[test]
fn the_lean_bootstrap_runs_scripts_of_a_store_in_the_real_engine() {
    let Some(store) = store() else { return };
    let entry = script(&store, "acme", "acme");
    fs::write(
        &entry,
        "import data from './lib/data.json' with { type: 'json' };\nexport default (event) => [data, event];",
    )
    .expect("write the entry");
    store.change(&["put", "acme", "--script", entry.to_str().expect("a path")]);
    let engine = super::language::engine().expect("the engine is there");
    let root = TaskRoot::new().manifest(&store.manifest(BEHIND)).file("engines/javascript.cwasm", engine);
    let api = RuntimeApi::start();
    let running = Bootstrap::lean().task_root(&root).api(&api).spawn();
    let answer = api.send(Event::json("17").tenant("acme"));
    assert_eq!(answer.text(), r#"["acme",17]"#, "{}", running.logs());
}

#[test]
fn scripts_of_a_bucket_are_served_and_go_on_when_the_bucket_is_gone() {
    if artifacts::engine().is_none() {
        return;
    }
    let Some(world) = World::new() else { return };
    let store = world.store();
    fs::write(store.root().join("bulkhead.toml"), store.manifest("scripts = true\n")).expect("write it");
    let stage = Stage::at(root(&store.manifest(BEHIND)), |bootstrap| {
        world.reader.iter().fold(bootstrap, |bootstrap, (name, value)| bootstrap.env(name, value))
    });
    assert!(is_unknown(&ask(&stage, "acme", &[])));
    put(&store, "acme", "one");
    until(&stage, "acme", |answer| says(answer, "one"), is_unknown);
    put(&store, "acme", "two");
    until(&stage, "acme", |answer| says(answer, "two"), |answer| says(answer, "one"));
    let verified = store.run(&["verify"]);
    assert!(verified.code == 0 && verified.stdout.ends_with(" 0 leftovers\n"), "{}", verified.stdout);
    put(&store, "globex", "globex");
    drop(world);
    for _ in 0..20 {
        assert!(says(&ask(&stage, "acme", &[]), "two"));
    }
    assert_error(&ask(&stage, "globex", &[]), "Runtime.TenantUnavailable");
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}
