//! Tenants in a bucket of S3, for which moto stands in. It can check signatures, and what their keys may do.

use bulkhead_tests::{TaskRoot, artifacts};
use serde_json::json;

use super::from_store::{is_context, is_echo, is_unknown, send, until};
use crate::stage::{Stage, assert_error};
use crate::store::Store;
use crate::store::bucket::World;

/// A function that reads the store, with these credentials.
fn function(store: &Store, variables: &[(String, String)], more: &str) -> Stage {
    let root = TaskRoot::new().manifest(&store.manifest(more));
    let others = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    Stage::at(root, |bootstrap| {
        let bootstrap = others.iter().fold(bootstrap, |bootstrap, name| bootstrap.env_remove(name));
        variables.iter().fold(bootstrap, |bootstrap, (name, value)| bootstrap.env(name, value))
    })
}

#[test]
fn a_tenant_is_put_updated_rolled_back_and_removed_while_it_is_served() {
    let Some(world) = World::new() else { return };
    let store = world.store();
    let stage = function(&store, &world.reader, "refresh = '1ms'\n");
    assert!(is_unknown(&send(&stage, "acme")));
    assert_eq!(store.put("acme", "echo", &[])["version"], 1);
    until(&stage, "acme", is_echo, is_unknown);
    store.put("acme", "context", &["--expect-version", "1"]);
    until(&stage, "acme", is_context, is_echo);
    store.change(&["rollback", "acme"]);
    until(&stage, "acme", is_echo, is_context);
    store.change(&["rm", "acme"]);
    until(&stage, "acme", is_unknown, is_echo);
    store.put("acme", "context", &[]);
    until(&stage, "acme", is_context, is_unknown);
    // The store goes away.
    store.put("globex", "echo", &[]);
    drop(world);
    for _ in 0..20 {
        assert!(is_context(&send(&stage, "acme")));
    }
    let answer = send(&stage, "globex");
    assert_error(&answer, "Runtime.TenantUnavailable");
    assert!(answer.text().contains("cannot be connected to"), "{}", answer.text());
    stage.running.wait_log("WARN\tthe store cannot be read: ");
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

#[test]
fn the_command_lists_checks_and_cleans_a_bucket() {
    let Some(world) = World::new() else { return };
    let store = world.store();
    store.put("acme", "echo", &[]);
    for version in 2..=5 {
        assert_eq!(store.put("acme", "echo", &[])["version"], version);
    }
    let (key, echo) = (store.root().join("key.pem"), artifacts::component("echo"));
    let [key, echo] = [&key, &*echo].map(|path| path.to_str().expect("a path"));
    let put = ["put", "acme", "--component", echo, "--key", key, "--expect-version", "4"];
    let late = store.run(&put);
    assert!(
        late.code == 3 && late.stderr.contains("has version 5, and not 4"),
        "{} {}",
        late.code,
        late.stderr
    );
    store.put("globex", "context", &[]);
    store.change(&["rm", "globex"]);
    let listed = store.run(&["list", "--all", "--json"]).json();
    let states: Vec<_> = listed.as_array().expect("a list").iter().map(|row| &row["state"]).collect();
    assert_eq!(states, [&json!("valid"), &json!("removed")]);
    let shown = store.run(&["show", "acme", "--json"]).json();
    assert_eq!((&shown["versions"], &shown["problems"]), (&json!([1, 2, 3, 4]), &json!([])));
    let verified = store.run(&["verify"]);
    let end = "s3://tenants/prod: 2 valid records, 0 problems, 0 leftovers\n";
    assert!(verified.code == 0 && verified.stdout.ends_with(end), "{}{}", verified.stdout, verified.stderr);
    // Without their histories, the code of globex is not needed any more.
    let removed = store.run(&["gc", "--keep", "0", "--older-than", "0s", "--json"]).json();
    assert_eq!(removed["files"].as_array().map(Vec::len), Some(4 + 1 + 2), "{removed}");
    assert_eq!(store.run(&["verify"]).code, 0);
}

#[test]
fn whoever_may_not_use_the_bucket_learns_why() {
    let Some(world) = World::new() else { return };
    let store = world.store();
    store.put("acme", "echo", &[]);
    world.check();
    assert!(is_echo(&send(&function(&store, &world.reader, ""), "acme")));
    let mut wrong = world.reader.clone();
    "wrong".clone_into(&mut wrong[1].1);
    let stage = function(&store, &wrong, "");
    let answer = send(&stage, "acme");
    assert_error(&answer, "Runtime.TenantUnavailable");
    assert!(answer.text().contains("403, SignatureDoesNotMatch"), "{}", answer.text());
    let unset = function(&store, &[], "");
    let answer = send(&unset, "acme");
    assert!(answer.text().contains("there are no AWS credentials"), "{}", answer.text());
    // The role of the function may read, and not write.
    let readers = world.store_of(&world.reader);
    let (key, echo) = (readers.root().join("key.pem"), artifacts::component("echo"));
    let [key, echo] = [&key, &*echo].map(|path| path.to_str().expect("a path"));
    let ran = readers.run(&["put", "acme", "--component", echo, "--key", key]);
    for expected in ["S3 denied access (403, ", "s3:PutObject", "s3://tenants/prod/*"] {
        assert!(ran.code == 1 && ran.stderr.contains(expected), "{}", ran.stderr);
    }
}
