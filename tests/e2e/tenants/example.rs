//! `examples/tenants` as it lies there: two tenants in one function, one of them hostile.

use bulkhead_tests::{Event, TaskRoot};
use serde_json::{Value, json};

use crate::stage::{Stage, assert_error};

#[test]
fn alice_is_answered_whatever_mallory_tries() {
    let manifest = include_str!("../../../examples/tenants/bulkhead.toml");
    let root = TaskRoot::new().manifest(manifest).with("invoices").with("mallory");
    let stage = Stage::at(root, |bootstrap| bootstrap);
    let alice = || {
        let invoice = json!({ "customer": "Bob", "cents": [1999, 6] }).to_string();
        let answer = stage.api.send(Event::json(invoice).tenant("alice"));
        assert_eq!(answer.json(), json!({ "customer": "Bob", "total": "20.05 EUR" }));
    };
    let mallory = |attack: &str| stage.api.send(Event::json(json!(attack).to_string()).tenant("mallory"));
    alice();
    assert_eq!(mallory("credentials").json(), json!({}));
    alice();
    for attack in ["runtime-api", "files"] {
        let told: Value = mallory(attack).json();
        let told = told.as_object().expect("what it was told");
        assert!(!told.is_empty() && told.values().all(|told| told != "reached"), "{told:?}");
        alice();
    }
    assert_error(&mallory("endless-loop"), "Function.CpuLimitExceeded");
    alice();
    assert_error(&mallory("memory-bomb"), "Function.OutOfMemory");
    alice();
    assert_eq!(stage.receipts().len(), 11);
}
