//! Tenants that come and go: a bootstrap that reads a store while the command changes it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use bulkhead_tests::{Answer, Bootstrap, Event, Kind, QueuedEvent, RuntimeApi, TaskRoot};
use serde_json::{Value, json};

use crate::stage::{Stage, assert_error};
use crate::store::Store;

/// A store whose records are looked at again at every event, but after it.
const BEHIND: &str = "refresh = '1ms'\n";
/// A store whose records are fetched for every event.
const BEFORE: &str = "refresh = '1ms'\nmax_stale = '1ms'\n";

fn stage(store: &Store, more: &str) -> Stage {
    let root = TaskRoot::new().manifest(&store.manifest(more));
    Stage::at(root, |bootstrap| bootstrap)
}

pub(super) fn send(stage: &Stage, tenant: &str) -> Answer {
    stage.api.send(Event::json("[17]").tenant(tenant))
}

/// Sends events of a tenant until its answer is as it should be; every answer before that has to be right, too.
pub(super) fn until(
    stage: &Stage,
    tenant: &str,
    is_new: impl Fn(&Answer) -> bool,
    is_old: impl Fn(&Answer) -> bool,
) -> Answer {
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = send(stage, tenant);
        if is_new(&answer) {
            return answer;
        }
        assert!(is_old(&answer), "neither the old nor the new one: {}", answer.text());
        assert!(Instant::now() < limit, "it is the old one still: {}", answer.text());
    }
}

pub(super) fn is_echo(answer: &Answer) -> bool {
    answer.kind == Kind::Response && answer.text() == "[17]"
}

pub(super) fn is_context(answer: &Answer) -> bool {
    answer.kind == Kind::Response && answer.json()["tenant_id"] == "acme"
}

pub(super) fn is_unknown(answer: &Answer) -> bool {
    answer.kind == Kind::Error && answer.error_type() == "Runtime.UnknownTenant"
}

#[test]
fn a_tenant_is_put_updated_rolled_back_and_removed_while_it_is_served() {
    let store = Store::new("");
    let stage = stage(&store, BEHIND);
    let unavailable = send(&stage, "acme");
    assert_error(&unavailable, "Runtime.TenantUnavailable");
    assert!(
        unavailable.text().contains("no folder \\\"tenants\\\"; mount its file system"),
        "{}",
        unavailable.text()
    );
    store.put("globex", "echo", &[]);
    let unknown = until(&stage, "acme", is_unknown, |answer| answer.kind == Kind::Error);
    assert!(
        unknown.text().contains("neither in [tenants] of bulkhead.toml nor in the store"),
        "{}",
        unknown.text()
    );
    store.put("acme", "echo", &[]);
    until(&stage, "acme", is_echo, is_unknown);
    store.put("acme", "context", &[]);
    until(&stage, "acme", is_context, is_echo);
    store.change(&["rollback", "acme"]);
    until(&stage, "acme", is_echo, is_context);
    store.change(&["rm", "acme"]);
    until(&stage, "acme", is_unknown, is_echo);
    store.put("acme", "context", &[]);
    until(&stage, "acme", is_context, is_unknown);
    let receipts = stage.receipts();
    let last = receipts.last().expect("a receipt");
    assert_eq!((&last["tenantId"], &last["handler"]), (&json!("acme"), &json!("(store)")));
    let record = &store.run(&["show", "acme", "--json"]).json()["record"];
    assert_eq!(last["component"], record["handler"]["component"]);
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

#[test]
fn settings_of_a_record_hold_and_what_is_denied_names_the_store() {
    let store =
        Store::new("[store.max.grants]\nenvironment = ['STAGE']\n[store.max.limits]\nmemory = '256MiB'\n");
    let settings =
        store.file("acme.toml", "grants.environment = { STAGE = 'prod' }\nlimits.response = '10B'\n");
    store.put("acme", "environment", &["--settings", settings.to_str().expect("a path")]);
    store.put("globex", "network", &[]);
    let max = "[store.max.grants]\nenvironment = ['STAGE']\n";
    let stage = stage(&store, &format!("{BEFORE}{max}"));
    assert_error(&send(&stage, "acme"), "Function.ResponseSizeTooLarge");
    send(&stage, "globex");
    // The function allows less than the store of the publisher.
    let wide = store.file("wide.toml", "limits.memory = '200MiB'\n");
    store.put("initech", "echo", &["--settings", wide.to_str().expect("a path")]);
    let answer = send(&stage, "initech");
    assert_error(&answer, "Runtime.InvalidTenantRecord");
    assert!(
        answer.text().contains(
            "limits.memory: 200MiB is more than the store allows (128MiB); raise store.max.limits.memory"
        ),
        "{}",
        answer.text()
    );
}

#[test]
fn tenants_of_the_manifest_win_and_unknown_ones_have_their_handler() {
    let store = Store::new("");
    store.put("acme", "echo", &[]);
    store.put("globex", "echo", &[]);
    let more = format!(
        "{BEFORE}[routing]\nunknown_tenant = 'fail'\n[handlers.context]\n[handlers.fail]\n[tenants.acme]\nhandler = 'context'\n"
    );
    let root = TaskRoot::new().manifest(&store.manifest(&more)).with("context").with("fail");
    let stage = Stage::at(root, |bootstrap| bootstrap);
    assert!(is_context(&send(&stage, "acme")) && is_echo(&send(&stage, "globex")));
    assert_eq!(send(&stage, "nobody").kind, Kind::Error);
    assert_eq!(stage.receipts().last().expect("a receipt")["handler"], "fail");
    // What cannot be looked up is not taken for unknown.
    let away = store.root().join("away");
    fs::rename(store.path(""), &away).expect("move the store");
    assert_error(&send(&stage, "someone"), "Runtime.TenantUnavailable");
    assert!(is_context(&send(&stage, "acme")));
    fs::rename(&away, store.path("")).expect("move it back");
}

#[test]
fn a_store_that_is_gone_costs_only_those_that_are_not_known() {
    let store = Store::new("");
    store.put("acme", "context", &[]);
    store.put("globex", "echo", &[]);
    let stage = stage(&store, BEHIND);
    assert!(is_context(&send(&stage, "acme")));
    let away = store.root().join("away");
    fs::rename(store.path(""), &away).expect("move the store");
    let is_stale = |stage: &Stage| stage.receipts().last().is_some_and(|receipt| receipt["stale"] == true);
    let limit = Instant::now() + Duration::from_secs(30);
    while !is_stale(&stage) {
        assert!(is_context(&send(&stage, "acme")));
        assert!(Instant::now() < limit, "no receipt says that the record is old");
    }
    let answer = send(&stage, "globex");
    assert_error(&answer, "Runtime.TenantUnavailable");
    assert!(answer.text().contains("No such file or directory"), "{}", answer.text());
    stage.running.wait_log("WARN\tthe store cannot be read: ");
    fs::rename(&away, store.path("")).expect("move it back");
    let is_unavailable = |answer: &Answer| answer.error_type() == "Runtime.TenantUnavailable";
    until(&stage, "globex", is_echo, is_unavailable);
    while is_stale(&stage) {
        assert!(is_context(&send(&stage, "acme")));
        assert!(Instant::now() < limit, "the receipts say still that the record is old");
    }
}

#[test]
fn a_record_that_somebody_removes_by_hand_leaves_its_tenant_until_its_record_is_too_old() {
    let store = Store::new("");
    store.put("acme", "context", &[]);
    store.put("globex", "echo", &[]);
    let behind = stage(&store, BEHIND);
    let before = stage(&store, BEFORE);
    for stage in [&behind, &before] {
        assert!(is_context(&send(stage, "acme")));
    }
    fs::remove_file(store.record("acme")).expect("remove it");
    for _ in 0..20 {
        assert!(is_context(&send(&behind, "acme")));
    }
    let answer = send(&before, "acme");
    assert_error(&answer, "Runtime.TenantUnavailable");
    assert!(answer.text().contains("nobody has signed its removal"), "{}", answer.text());
}

/// The file at this place, as it has to be for others to go on.
struct Damaged<'s> {
    stage: &'s Stage,
    path: &'s Path,
    content: Vec<u8>,
}

impl<'s> Damaged<'s> {
    fn new(stage: &'s Stage, path: &'s Path) -> Self {
        Self { stage, path, content: fs::read(path).expect("read it") }
    }

    /// While the file is damaged, events of its tenant fail with this text, and others are answered.
    fn costs_its_tenant(&self, damage: impl FnOnce(&Path), text: &str) {
        fs::remove_file(self.path).expect("remove it");
        damage(self.path);
        let is_error = |answer: &Answer| answer.kind == Kind::Error;
        let answer = until(self.stage, "mallory", is_error, is_echo);
        assert_error(&answer, "Runtime.InvalidTenantRecord");
        assert!(answer.text().contains(text), "{text:?} is not in {}", answer.text());
        assert!(is_context(&send(self.stage, "acme")));
        fs::remove_file(self.path).expect("remove it");
        fs::write(self.path, &self.content).expect("write it");
        until(self.stage, "mallory", is_echo, is_error);
    }
}

#[test]
fn a_hostile_store_costs_each_tenant_its_own_events_only() {
    let store = Store::new("");
    store.put("acme", "context", &[]);
    store.put("mallory", "context", &[]);
    let (acme, mallory) = (store.record("acme"), store.record("mallory"));
    let old = fs::read(&mallory).expect("read it");
    store.put("mallory", "echo", &[]);
    let stage = stage(&store, BEFORE);
    assert!(is_context(&send(&stage, "acme")) && is_echo(&send(&stage, "mallory")));
    let record = Damaged::new(&stage, &mallory);
    let write = |content: Vec<u8>| move |path: &Path| fs::write(path, content).expect("write it");
    let of_acme = fs::read(&acme).expect("read it");
    record.costs_its_tenant(write(of_acme), "it is the record of the tenant \\\"acme\\\"");
    record.costs_its_tenant(write(old), "its version is 1, and version 2 was seen before");
    let mut flipped = record.content.clone();
    flipped[100] ^= 1;
    record.costs_its_tenant(write(flipped), "it is not signed by a key in public_keys");
    let other = Store::new("");
    other.put("mallory", "echo", &[]);
    let by_other = fs::read(other.record("mallory")).expect("read it");
    record.costs_its_tenant(write(by_other), "it is not signed by a key in public_keys");
    record.costs_its_tenant(write(b"{}".to_vec()), "its file is not a signed envelope");
    record.costs_its_tenant(write(Vec::new()), "its file is not a signed envelope");
    let large =
        |path: &Path| fs::File::create(path).and_then(|file| file.set_len(100 << 20)).expect("make it");
    record.costs_its_tenant(large, "the file has 104857600 bytes, and at most 131072 are read");
    record
        .costs_its_tenant(|path| symlink(&acme, path).expect("link it"), "but a link, a folder or a device");
    // An id is not a path, and ids that differ in case are different.
    let name = mallory.file_name().and_then(|name| name.to_str()).expect("a name");
    for id in
        [format!("tenants/{name}"), format!("../tenants/{name}"), "MALLORY".to_owned(), "Mallory".to_owned()]
    {
        assert!(is_unknown(&send(&stage, &id)), "{id}");
    }
}

#[test]
fn code_that_was_changed_in_the_store_is_never_run() {
    let store = Store::new("");
    store.put("acme", "context", &[]);
    store.put("mallory", "echo", &[]);
    let shown = store.run(&["show", "mallory", "--json"]).json();
    let digest = shown["record"]["handler"]["native"][0]["digest"].as_str().expect("a digest").to_owned();
    let native = store.path(&format!("native/{}.cwasm", digest.strip_prefix("sha256:").expect("a prefix")));
    let good = fs::read(&native).expect("read it");
    let fresh = || stage(&store, BEFORE);
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let longer = [&good[..], b"more"].concat();
    let of_acme = store.files("native").into_iter().find(|path| *path != native).expect("another");
    for (content, text) in [
        (flipped, "the file has another digest"),
        (good[..good.len() - 1].to_vec(), "the file has another digest"),
        (longer, "bytes, and at most "),
        (fs::read(&of_acme).expect("read it"), "native/"),
    ] {
        fs::write(&native, content).expect("write it");
        let stage = fresh();
        let answer = send(&stage, "mallory");
        assert_error(&answer, "Runtime.InvalidTenantRecord");
        assert!(answer.text().contains(text), "{text:?} is not in {}", answer.text());
        assert!(is_context(&send(&stage, "acme")));
        // What is loaded is a copy: a change does not reach it.
        fs::write(&native, &good).expect("write it");
        until(&stage, "mallory", is_echo, |answer| answer.kind == Kind::Error);
        fs::write(&native, vec![0; good.len()]).expect("write it");
        assert!(is_echo(&send(&stage, "mallory")));
    }
    fs::remove_file(&native).expect("remove it");
    assert_error(&send(&fresh(), "mallory"), "Runtime.TenantUnavailable");
}

#[test]
fn many_events_at_once_of_many_tenants_are_each_answered_by_their_own() {
    let store = Store::new("");
    for tenant in ["a", "b", "c", "d"] {
        store.put(tenant, "context", &[]);
    }
    let root = TaskRoot::new().manifest(&store.manifest("refresh = '1ms'\n[limits]\nconcurrency = 8\n"));
    let stage = Stage::managed(8, root, "");
    let ids = ["a", "b", "c", "d", "nobody"];
    let queued: Vec<(&str, QueuedEvent)> =
        ids.iter().cycle().take(200).map(|id| (*id, stage.api.queue(Event::json("1").tenant(id)))).collect();
    for (id, queued) in queued {
        let answer = stage.api.answer(queued);
        if id == "nobody" {
            assert_error(&answer, "Runtime.UnknownTenant");
        } else {
            assert_eq!(answer.json()["tenant_id"], id);
        }
    }
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

#[test]
fn the_parts_of_a_batch_go_to_tenants_of_the_store() {
    let store = Store::new("");
    store.put("acme", "batch", &[]);
    store.put("globex", "batch", &[]);
    let more = format!(
        "{BEFORE}[routing]\ntenant = {{ pointer = '/Records/*/body/tenant' }}\nmixed_batches = 'split'\n"
    );
    let stage = stage(&store, &more);
    let record = |(index, (tenant, text)): (usize, &(&str, &str))| {
        json!({
            "messageId": format!("m{index}"), "eventSource": "aws:sqs",
            "body": json!({ "tenant": tenant, "text": text }).to_string(),
        })
    };
    let messages = [("acme", "ok"), ("globex", "fail"), ("nobody", "ok"), ("acme", "fail"), ("noone", "ok")];
    let event = json!({ "Records": messages.iter().enumerate().map(record).collect::<Vec<_>>() });
    let answer = stage.send(&event.to_string()).json();
    let failures: Vec<&Value> = answer["batchItemFailures"]
        .as_array()
        .expect("failures")
        .iter()
        .map(|one| &one["itemIdentifier"])
        .collect();
    assert_eq!(failures.len(), 4, "{answer}");
    let receipts = stage.receipts();
    let outcomes: Vec<_> =
        receipts.iter().map(|receipt| (&receipt["outcome"], &receipt["records"])).collect();
    assert_eq!(
        outcomes,
        [
            (&json!("Replied"), &json!(2)),
            (&json!("Replied"), &json!(1)),
            (&json!("Runtime.UnknownTenant"), &json!(2)),
        ]
    );
}

#[test]
fn a_store_costs_nothing_at_the_start_and_the_lean_bootstrap_reads_it_too() {
    let store = Store::new("");
    store.put("acme", "context", &[]);
    let root = TaskRoot::new().manifest(&store.manifest(BEHIND));
    let api = RuntimeApi::start();
    let running = Bootstrap::lean().task_root(&root).api(&api).spawn();
    let answer = api.send(Event::json("1").tenant("acme"));
    assert!(is_context(&answer), "{}{}", answer.text(), running.logs());
    // Without its store it starts as well.
    fs::remove_dir_all(store.path("")).expect("remove the store");
    let api = RuntimeApi::start();
    let _running = Bootstrap::lean().task_root(&root).api(&api).spawn();
    assert_error(&api.send(Event::json("1").tenant("acme")), "Runtime.TenantUnavailable");
}
