//! The published schema of records and the reader: they know the same keys, and agree on what is right and wrong.

use serde_json::{Value, json};

use super::{KEY, SigningKey, envelope};
use crate::policy::manifest::store::Settings;
use crate::policy::manifest::{Manifest, shown};
use crate::policy::{Limit, Policy};
use crate::store::{Record, SCHEMA};

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// A record, with the value at this place changed.
fn record(change: &str, value: Value) -> Value {
    let mut record = json!({
        "tenant": "acme", "store": "prod", "version": 1,
        "not_before": "2026-11-30T09:00:00Z", "expires": "2027-11-30T09:00:00Z",
        "handler": {
            "component": format!("sha256:{}", "1".repeat(64)), "kind": "handler",
            "settings": {
                "limits": { "memory": 67_108_864 },
                "grants": {
                    "environment": { "STAGE": "prod" }, "tmp": 1, "allowed_outbound_hosts": ["https://a.b"],
                    "allowed_private_networks": ["10.0.0.0/8"], "credentials": ["stripe"], "key_value": ["cache"],
                },
                "config": { "greeting": "Hello" },
                "reuse": 2, "other_events": "post", "invoke_mode": "buffered",
            },
            "native": [{
                "target": "x86_64", "build": "bulkhead", "digest": format!("sha256:{}", "2".repeat(64)), "bytes": 1,
            }],
        },
    });
    let (above, key) = change.rsplit_once('/').unwrap();
    let above = record.pointer_mut(above).unwrap().as_object_mut().unwrap();
    if value == "nothing" {
        above.remove(key);
    } else {
        above.insert(key.to_owned(), value);
    }
    record
}

/// Whether the reader takes it.
fn is_read(record: &Value) -> bool {
    let key = SigningKey::read(KEY).unwrap();
    let file = envelope::seal(record.to_string().as_bytes(), &key).unwrap();
    Record::of_file(&file, &[key.public().clone()]).is_ok()
}

#[test]
fn both_agree_on_what_is_a_record() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let nothing = || json!("nothing");
    for (change, value, is_right) in [
        ("/tenant", json!("acme"), true),
        ("/handler", nothing(), true),
        ("/handler/settings", nothing(), true),
        ("/handler/settings/limits", nothing(), true),
        ("/handler/native", json!([]), true),
        ("/handler/settings/grants/tmp", nothing(), true),
        ("/handler/settings/config", nothing(), true),
        ("/handler/settings/config/greeting", json!(1), false),
        ("/tenant", nothing(), false),
        ("/store", json!(1), false),
        ("/version", json!(0), false),
        ("/version", json!(9_007_199_254_740_992_u64), false),
        ("/version", json!(1.5), false),
        ("/not_before", json!("soon"), false),
        ("/expires", nothing(), false),
        ("/more", json!(1), false),
        ("/handler/more", json!(1), false),
        ("/handler/component", json!("sha256:1"), false),
        ("/handler/component", nothing(), false),
        ("/handler/script", json!(format!("sha256:{}", "1".repeat(64))), false),
        ("/handler/kind", nothing(), false),
        ("/handler/settings/more", json!(1), false),
        ("/handler/settings/limits/memory", json!("64MiB"), false),
        ("/handler/settings/limits/memory", json!(-1), false),
        ("/handler/settings/grants/files", json!(["a"]), false),
        ("/handler/settings/grants/environment", json!(["A"]), false),
        ("/handler/settings/grants/credentials", json!("stripe"), false),
        ("/handler/settings/grants/key_value", json!("cache"), false),
        ("/handler/settings/reuse", json!(0), false),
        ("/handler/settings/other_events", json!("get"), false),
        ("/handler/native", json!([{ "target": "x86_64" }]), false),
    ] {
        let record = record(change, value);
        assert_eq!(is_read(&record), is_right, "the reader: {change}: {record}");
        assert_eq!(validator.is_valid(&record), is_right, "the schema: {change}: {record}");
    }
}

#[test]
fn both_agree_on_what_is_the_record_of_a_script() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let digest = format!("sha256:{}", "1".repeat(64));
    let settings = json!({ "limits": { "memory": 67_108_864 } });
    for (handler, is_right) in [
        (json!({ "script": digest }), true),
        (json!({ "script": digest, "settings": settings }), true),
        (json!({ "script": "sha256:1" }), false),
        (json!({ "script": digest, "kind": "handler" }), false),
        (json!({ "script": digest, "native": [] }), true),
        (
            json!({ "script": digest, "native": [{ "target": "a", "build": "b", "digest": digest, "bytes": 1 }] }),
            false,
        ),
        (json!({ "script": digest, "component": digest, "kind": "handler" }), false),
        (json!({ "settings": settings }), false),
    ] {
        let record = record("/handler", handler);
        assert_eq!(is_read(&record), is_right, "the reader: {record}");
        assert_eq!(validator.is_valid(&record), is_right, "the schema: {record}");
    }
}

#[test]
fn both_know_the_same_limits_with_the_same_ranges() {
    let schema = schema();
    let limits = schema["$defs"]["limits"]["properties"].as_object().unwrap();
    let known = shown(&Policy::default_for(""));
    let mut known: Vec<&str> =
        known.iter().filter(|shown| shown.limit != Limit::Tmp).map(|shown| shown.limit.key()).collect();
    known.sort_unstable();
    assert_eq!(limits.keys().collect::<Vec<_>>(), known);
    let manifest = "[store]\nname = 'a'\nurl = 'file:///a'\n\
                    public_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']";
    let store = Manifest::parse(manifest).unwrap().store.unwrap();
    for (key, property) in limits {
        assert!(property["description"].is_string(), "{key} is not described");
        let is_in_range = |value: u64| {
            let limits = [(key.clone(), value)].into();
            let asked = store.policy(&Settings { limits, ..Settings::default() });
            !asked.is_err_and(|error| error.to_string().contains("out of range"))
        };
        let (least, most) = (property["minimum"].as_u64().unwrap(), property["maximum"].as_u64().unwrap());
        assert!(is_in_range(least) && is_in_range(most), "{key}");
        assert!(!is_in_range(most + 1) && (least == 0 || !is_in_range(least - 1)), "{key}");
    }
}
