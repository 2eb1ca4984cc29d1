//! `bulkhead dev` with a store: tenants are served as they are put.

use std::process::Command;
use std::time::{Duration, Instant};

use bulkhead_tests::{Bootstrap, Dev, HttpAnswer, TaskRoot, artifacts};
use serde_json::{Value, json};

use crate::store::Store;
use crate::store::bucket::{URL, World};

/// A manifest that names a store which is not here.
fn elsewhere(store: &Store, more: &str) -> TaskRoot {
    let here = store.path("").display().to_string();
    TaskRoot::new().manifest(&store.manifest(more).replace(&here, "/nonexistent/store"))
}

/// Sends an event of a tenant until its answer is as it should be.
fn until(dev: &Dev, function: &str, tenant: &str, is_right: impl Fn(&HttpAnswer) -> bool) -> HttpAnswer {
    let limit = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = dev.invoke(function, "[17]", &[("x-amz-tenant-id", tenant)]);
        if is_right(&answer) {
            return answer;
        }
        assert!(Instant::now() < limit, "{}", answer.text());
    }
}

#[test]
fn tenants_of_a_store_are_served_as_they_are_put() {
    let store = Store::new("");
    let url = format!("file://{}", store.path("").display());
    store.put("globex", "echo", &[]);
    // Without `--store`, its events could not be served; with `refresh`, they would be old.
    let root = elsewhere(&store, "refresh = '1h'\nmax_stale = '1h'\n[handlers.context]\n").with("context");
    let dev = Dev::start(&root, &["--store", &url]);
    let is_unknown = |answer: &HttpAnswer| answer.json()["errorType"] == "Runtime.UnknownTenant";
    until(&dev, "context", "acme", is_unknown);
    store.put("acme", "echo", &[]);
    until(&dev, "context", "acme", |answer| answer.text() == "[17]");
    store.put("acme", "context", &[]);
    until(&dev, "context", "acme", |answer| answer.json()["tenant_id"] == "acme");
    let told = dev.request("GET /.bulkhead/tenants", &[], "").json();
    let tenant = &told["store"]["tenants"][0];
    assert_eq!(
        (&tenant["id"], &tenant["version"], &tenant["state"]),
        (&json!("acme"), &json!(2), &json!("valid"))
    );
    assert_eq!((&tenant["kind"], &told["store"]["count"]), (&json!("handler"), &json!(2)));
    let suggested = dev.request("GET /.bulkhead/suggestions", &[], "").json();
    assert_eq!(suggested["tenants"], json!(["acme", "globex"]));
    store.change(&["rm", "acme"]);
    until(&dev, "context", "acme", is_unknown);
    let told = dev.request("GET /.bulkhead/tenants", &[], "").json();
    assert_eq!(told["store"]["tenants"].as_array().map(Vec::len), Some(1));
}

#[test]
fn tenants_of_a_bucket_are_served_as_they_are_put() {
    let Some(world) = World::new() else { return };
    let store = world.store();
    // The manifest has another place in the same server.
    let manifest = store.manifest("[handlers.context]\n").replace(URL, "s3://tenants/elsewhere");
    let root = TaskRoot::new().manifest(&manifest).with("context");
    let variables: Vec<String> = world.reader.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let passed = variables.iter().flat_map(|variable| ["--env", variable]);
    let dev = Dev::start(&root, &[&["--store", URL][..], &passed.collect::<Vec<_>>()].concat());
    let is_unknown = |answer: &HttpAnswer| answer.json()["errorType"] == "Runtime.UnknownTenant";
    until(&dev, "context", "acme", is_unknown);
    store.put("acme", "echo", &[]);
    until(&dev, "context", "acme", |answer| answer.text() == "[17]");
    store.put("acme", "context", &[]);
    until(&dev, "context", "acme", |answer| answer.json()["tenant_id"] == "acme");
    store.change(&["rm", "acme"]);
    until(&dev, "context", "acme", is_unknown);
}

#[test]
fn a_runtime_that_somebody_else_starts_gets_the_store_by_variables() {
    let store = Store::new("");
    let url = format!("file://{}", store.path("").display());
    let root = elsewhere(&store, "[handlers.context]\n").with("context");
    let dev = Dev::start(&root, &["--no-bootstrap", "--store", &url]);
    dev.running.wait_log(&format!("export BULKHEAD_STORE_URL={url}"));
    dev.running.wait_log("export BULKHEAD_STORE_REFRESH=100ms");
    let api = format!("{}/.rt/context", dev.address());
    let bootstrap = Bootstrap::new().task_root(&root).handler("context").env("AWS_LAMBDA_RUNTIME_API", api);
    let bootstrap = bootstrap.env("BULKHEAD_STORE_URL", &url).env("BULKHEAD_STORE_REFRESH", "100ms");
    let _theirs = bootstrap.spawn();
    store.put("acme", "echo", &[]);
    until(&dev, "context", "acme", |answer| answer.text() == "[17]");
    // Without a store there is nothing to say of it.
    let root = TaskRoot::new().with("echo");
    let dev = Dev::start(&root, &["--no-bootstrap"]);
    dev.running.wait_log("your own runtime gets the events of echo");
    assert!(!dev.running.logs().contains("BULKHEAD_STORE"), "{}", dev.running.logs());
}

#[test]
fn a_function_without_handlers_has_the_tenants_of_its_store() {
    let store = Store::new("");
    store.put("acme", "echo", &[]);
    let root = TaskRoot::new().manifest(&store.manifest(""));
    let dev = Dev::start(&root, &[]);
    dev.running.wait_log("ready: handler");
    assert_eq!(dev.invoke("handler", "[17]", &[("x-amz-tenant-id", "acme")]).text(), "[17]");
    // A store that nobody may write to is no store.
    let root = TaskRoot::new().with("echo");
    let dev = Dev::start(&root, &["--store", "file:///nonexistent"]);
    dev.running.wait_log("--store needs a [store] in this file");
}

#[test]
fn an_event_of_a_tenant_is_compared_with_the_limits_of_its_record() {
    let store = Store::new("");
    let settings = store.file("acme.toml", "limits.memory = '20MiB'\n");
    store.put("acme", "echo", &["--settings", settings.to_str().expect("a path")]);
    let memory = |arguments: &[&str]| {
        let mut command = Command::new(artifacts::cli());
        command.args(["invoke", "--tenant", "acme", "--json"]).args(arguments);
        let output = command.env("BULKHEAD_BOOTSTRAP", artifacts::bootstrap()).output().expect("run it");
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let used = report["used"].as_array().expect("limits").clone();
        used.into_iter().find(|used| used["limit"] == "memory").expect("memory")["limitText"].clone()
    };
    let root = TaskRoot::new().manifest(&store.manifest("[limits]\nmemory = '40MiB'\n"));
    let folder = root.path().to_str().expect("a path");
    assert_eq!(memory(&["--root", folder]), "20MiB");
    let url = format!("file://{}", store.path("").display());
    let root = elsewhere(&store, "");
    let dev = Dev::start(&root, &["--store", &url]);
    dev.running.wait_log("ready: handler");
    assert_eq!(memory(&[&format!("--dev=http://{}", dev.address())]), "20MiB");
}
