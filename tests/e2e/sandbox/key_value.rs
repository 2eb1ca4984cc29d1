//! Key-value stores and configuration: what is granted is there, below the event's owner; the rest is denied, and the log says which
//! line would grant it.

use bulkhead_tests::moto::REGION;
use bulkhead_tests::{Event, Moto, TaskRoot};
use serde_json::{Value, json};

use crate::stage::{Stage, assert_error};

/// The manifest of the example.
const VISITS: &str = include_str!("../../../examples/visits/bulkhead.toml");

fn visit(stage: &Stage, tenant: &str) -> Value {
    stage.api.send(Event::json(json!({ "tenant": tenant, "page": "home" }).to_string())).json()
}

#[test]
fn each_tenant_has_its_own_counts_and_configuration() {
    let stage = Stage::of_manifest(VISITS, &["visits"]);
    for n in 1..=3 {
        assert_eq!(visit(&stage, "acme"), json!({ "greeting": "Howdy", "visits": n }));
        assert_eq!(visit(&stage, "a stranger"), json!({ "greeting": "Welcome", "visits": n }));
    }
    assert_eq!(visit(&stage, "another"), json!({ "greeting": "Welcome", "visits": 1 }));
    let receipt = stage.receipts().pop().expect("a receipt");
    // The store was opened, and a number increased.
    assert_eq!((&receipt["keyValueOperations"], &receipt["keyValueBytes"]), (&json!(2), &Value::Null));
}

fn send(stage: &Stage, tenant: &str, event: &Value) -> bulkhead_tests::Answer {
    stage.api.send(Event::json(event.to_string()).tenant(tenant))
}

#[test]
fn what_is_not_granted_is_denied_with_the_line_that_would_grant_it() {
    let toml = "[stores.cache]\nkind = 'memory'\n[stores.other]\nkind = 'memory'\n[handlers.key_value]\n\
                grants.key_value = ['cache']\n[tenants.acme]\n[tenants.beta]\n";
    let stage = Stage::of_manifest(toml, &["key_value"]);
    let set = |tenant: &str, store: &str| {
        send(&stage, tenant, &json!({ "store": store, "key": "k", "value": tenant }))
    };
    assert_eq!(set("acme", "cache").json(), Value::Null);
    assert_eq!(set("acme", "").json(), "acme");
    assert_eq!(set("beta", "default").json(), Value::Null);
    assert_eq!(set("beta", "cache").json(), "beta");
    assert_error(&set("acme", "other"), "Function.StoreDenied");
    assert_error(&set("acme", "t#beta#cache"), "Function.NoSuchStore");
    let log = stage.running.stdout();
    for line in [
        "tenantId=acme\tkey-value store \"other\" was denied; to allow it, add \"other\" to key_value in \
         [handlers.key_value.grants] of bulkhead.toml",
        "key-value store with an invalid name does not exist",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
}

#[test]
fn operations_have_a_limit_and_so_has_the_log() {
    let toml = "[stores.cache]\nkind = 'memory'\n[handlers.key_value]\ngrants.key_value = ['cache']\n\
                limits.key_value_operations = 5\n";
    let stage = Stage::of_manifest(toml, &["key_value"]);
    let answer =
        stage.send(&json!({ "store": "cache", "key": "k", "value": "v", "count": 1000 }).to_string());
    assert_error(&answer, "Function.StoreFailed");
    assert!(answer.text().contains("key_value_operations"), "{}", answer.text());
    let receipt = stage.receipts().pop().expect("a receipt");
    assert_eq!(
        (&receipt["keyValueOperations"], &receipt["keyValueBytes"], &receipt["limit"]),
        (&json!(5), &json!(6), &json!("key_value_operations"))
    );
    let log = stage.running.stdout();
    assert_eq!(log.matches("used up its key_value_operations = 5; to allow more, raise").count(), 1, "{log}");
}

#[test]
fn a_file_keeps_its_values_when_the_process_ends() {
    let toml = "[stores.kept]\nkind = 'file'\npath = 'kept.redb'\n[handlers.key_value]\ngrants.key_value = ['kept']\n";
    let event = |value: &str| json!({ "store": "kept", "key": "k", "value": value }).to_string();
    let kept = tempfile::tempdir().expect("a folder");
    let place = kept.path().join("kept.redb");
    for (value, before) in [("one", Value::Null), ("two", json!("one"))] {
        let toml = toml.replace("kept.redb", place.to_str().expect("a path of text"));
        let root = TaskRoot::new().manifest(&toml).with("key_value");
        let stage = Stage::at(root, |bootstrap| bootstrap);
        assert_eq!(stage.send(&event(value)).json(), before);
    }
}

/// What `key_value_many` finds in any store.
fn all() -> Value {
    json!([83, "xx", 60, 62, 2])
}

fn many(store: &str) -> String {
    format!(
        "[routing]\ntenant = 'lambda'\n{store}\n[handlers.key_value_many]\ngrants.key_value = ['cache']\n\
         limits = {{ key_value_operations = 1000, wall_time = '30s' }}\n[tenants.acme]\n[tenants.'a#b']\n"
    )
}

#[test]
fn every_kind_of_store_does_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = format!("[stores.cache]\nkind = 'file'\npath = '{}/cache.redb'", folder.path().display());
    for store in ["[stores.cache]\nkind = 'memory'", &file] {
        let stage = Stage::of_manifest(&many(store), &["key_value_many"]);
        for tenant in ["acme", "a#b"] {
            assert_eq!(send(&stage, tenant, &json!("cache")).json(), all(), "{store}");
        }
    }
}

#[test]
fn a_table_of_dynamodb_is_a_store_and_has_the_keys_of_each_tenant_apart() {
    let Some(moto) = Moto::start("key-value stores") else { return };
    let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    moto.dynamodb(
        "CreateTable",
        &json!({
            "TableName": "tenant-cache",
            "KeySchema": [key("owner", "HASH"), key("key", "RANGE")],
            "AttributeDefinitions": [attribute("owner"), attribute("key")],
            "BillingMode": "PAY_PER_REQUEST",
        }),
    );
    let store = format!(
        "[stores.cache]\nkind = 'dynamodb'\ntable = 'tenant-cache'\nendpoint_url = '{}'",
        moto.endpoint()
    );
    let root = TaskRoot::new().manifest(&many(&store)).with("key_value_many");
    let stage = Stage::at(root, |bootstrap| {
        let keys = [
            ("AWS_ACCESS_KEY_ID", "AKIDOFROLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", REGION),
        ];
        keys.into_iter().fold(bootstrap, |bootstrap, (name, value)| bootstrap.env(name, value))
    });
    for tenant in ["acme", "a#b"] {
        assert_eq!(send(&stage, tenant, &json!("cache")).json(), all(), "{}", stage.running.stdout());
    }
    let items = moto.dynamodb("Scan", &json!({ "TableName": "tenant-cache" }));
    let items = items["Items"].as_array().expect("items");
    let mut places: Vec<String> = items
        .iter()
        .map(|item| format!("{} {}", item["owner"]["S"], item["key"]["S"]).replace('"', ""))
        .collect();
    places.sort_unstable();
    assert_eq!(places, ["t#a%23b#cache c", "t#a%23b#cache n", "t#acme#cache c", "t#acme#cache n"]);
    let receipt = stage.receipts().pop().expect("a receipt");
    assert!(receipt["keyValueMs"].as_f64().is_some_and(|ms| ms > 0.0), "{receipt}");
    assert!(receipt["keyValueOperations"].as_u64() > Some(180), "{receipt}");
    // The table goes away.
    moto.dynamodb("DeleteTable", &json!({ "TableName": "tenant-cache" }));
    let answer = send(&stage, "acme", &json!("cache"));
    assert_error(&answer, "Function.StoreFailed");
    assert!(answer.text().contains("the table of the store does not exist"), "{}", answer.text());
    stage.running.wait_log("the key-value store cache has failed: the table of the store does not exist: ");
}
