//! A key that is replaced by another, and the authorities that a bucket's server is trusted by.

use std::fs;

use bulkhead_tests::origin::Origin;
use bulkhead_tests::{Answer, Event, Kind, TaskRoot};
use serde_json::json;

use crate::stage::{Stage, assert_error};
use crate::store::{Bucket, Store};

/// A second key for a store: the path of the private key, and the public one.
fn second_key(store: &Store) -> (String, String) {
    let path = store.root().join("new.pem").to_str().expect("a path").to_owned();
    let made = store.keygen(&["-o", &path]);
    (path, made.stdout.trim_end().to_owned())
}

/// The manifest of the store with these keys in place of its own one.
fn trust(store: &Store, keys: &[&str]) -> String {
    let manifest = store.manifest("").replace(&format!("['{}']", store.public_key()), &format!("{keys:?}"));
    fs::write(store.root().join("bulkhead.toml"), &manifest).expect("write it");
    manifest
}

fn send(stage: &Stage, tenant: &str) -> Answer {
    stage.api.send(Event::json("[17]").tenant(tenant))
}

#[test]
fn a_key_is_replaced_and_no_tenant_notices() {
    let store = Store::new("");
    store.put("acme", "context", &[]);
    store.put("acme", "echo", &[]);
    store.put("globex", "echo", &[]);
    store.change(&["rm", "globex"]);
    let (old, (new_key, new)) = (store.public_key().to_owned(), second_key(&store));
    // With the new key alone, the store is unusable, and nothing is lost.
    trust(&store, &[&new]);
    let verified = store.run(&["verify"]);
    let told = format!("it is signed with the key {old}, which is not in `public_keys` of [store]");
    assert!(verified.code == 1 && verified.stdout.contains(&told), "{}", verified.stdout);
    let kept = store.run(&["gc", "--keep", "0", "--older-than", "0s", "--json"]).json();
    assert_eq!((&kept["files"], kept["kept"].as_array().map(Vec::len)), (&json!([]), Some(6)));
    let ran = store.run(&["resign", "--key", &new_key]);
    assert!(ran.code == 1 && ran.stderr.contains("6 failed"), "{}", ran.stderr);
    // With both, every file gets a signature by the new one.
    let both = trust(&store, &[&old, &new]);
    let behind = Stage::at(TaskRoot::new().manifest(&both), |bootstrap| bootstrap);
    assert_eq!(send(&behind, "acme").text(), "[17]");
    let resign = || store.run(&["resign", "--key", &new_key, "--json"]).json();
    assert_eq!(resign(), json!({ "signed": 6, "unchanged": 0, "failed": [] }));
    assert_eq!(resign(), json!({ "signed": 0, "unchanged": 6, "failed": [] }));
    assert_eq!(send(&behind, "acme").text(), "[17]");
    let shown = store.run(&["show", "acme", "--json"]).json();
    assert_eq!((&shown["record"]["version"], &shown["problems"]), (&json!(2), &json!([])));
    // Then the old one can go: tenants, history and removals are what they were.
    let manifest = trust(&store, &[&new]);
    let verified = store.run(&["verify", "--json"]);
    assert_eq!((verified.code, &verified.json()["notes"]), (0, &json!([])), "{}", verified.stdout);
    let stage = Stage::at(TaskRoot::new().manifest(&manifest), |bootstrap| bootstrap);
    assert_eq!(send(&stage, "acme").text(), "[17]");
    assert_error(&send(&stage, "globex"), "Runtime.UnknownTenant");
    let back = store.run(&["rollback", "acme", "--key", &new_key, "--json"]);
    assert_eq!((back.code, &back.json()["version"]), (0, &json!(3)), "{}", back.stderr);
    let stage = Stage::at(TaskRoot::new().manifest(&manifest), |bootstrap| bootstrap);
    let answer = send(&stage, "acme");
    assert!(answer.kind == Kind::Response && answer.json()["tenant_id"] == "acme", "{}", answer.text());
}

#[test]
fn an_earlier_version_whose_key_is_gone_is_a_note_and_is_kept() {
    let store = Store::new("");
    store.put("acme", "context", &[]);
    let (old, (new_key, new)) = (store.public_key().to_owned(), second_key(&store));
    trust(&store, &[&old, &new]);
    let echo = bulkhead_tests::artifacts::component("echo");
    let echo = echo.to_str().expect("a path");
    assert_eq!(store.run(&["put", "acme", "--component", echo, "--key", &new_key]).code, 0);
    trust(&store, &[&new]);
    let verified = store.run(&["verify"]);
    assert_eq!(verified.code, 0, "{}", verified.stdout);
    for expected in
        ["note: history/", &old, "cannot be rolled back to it", "1 valid records, 0 problems, 0 leftovers"]
    {
        assert!(verified.stdout.contains(expected), "{expected:?} is not in {}", verified.stdout);
    }
    let removed = store.run(&["gc", "--keep", "0", "--older-than", "0s"]);
    assert!(removed.code == 0 && removed.stdout.is_empty(), "{}{}", removed.stdout, removed.stderr);
    assert!(removed.stderr.contains("the file is kept, and the code that it names"), "{}", removed.stderr);
    assert_eq!(store.files("components").len(), 2);
    let ran = store.run(&["rollback", "acme", "--key", &new_key]);
    assert!(ran.code == 1 && ran.stderr.contains(&old), "{}", ran.stderr);
}

#[test]
fn the_server_of_a_bucket_is_trusted_by_the_authorities_of_the_manifest() {
    let origin = Origin::tls();
    let variables =
        [("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "S"), ("AWS_REGION", "eu-central-1")];
    let bucket = Bucket {
        url: "s3://tenants".to_owned(),
        endpoint: format!("https://localhost:{}", origin.port()),
        variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    };
    let store = Store::in_bucket(bucket, "");
    let ran = store.run(&["list"]);
    assert!(ran.code == 1 && ran.stderr.contains("certificate"), "{}", ran.stderr);
    assert_eq!(origin.requests().len(), 0);
    store.file("ca.pem", origin.authority.as_deref().expect("an authority"));
    let manifest = store.manifest("[outbound]\nextra_ca_certificates = ['ca.pem']\n");
    store.file("bulkhead.toml", &manifest);
    let ran = store.run(&["list"]);
    assert_eq!(origin.requests().len(), 1, "{}", ran.stderr);
    fs::remove_file(store.root().join("ca.pem")).expect("remove it");
    let ran = store.run(&["list"]);
    let expected = "outbound.extra_ca_certificates";
    assert!(ran.code == 1 && ran.stderr.contains(expected), "{}", ran.stderr);
}
