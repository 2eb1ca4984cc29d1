//! Opens the event's `store` and sets its `key` in it, as many times as its `count` says. Answers with the last value that was there.

use bulkhead::key_value::{Error, Store};
use serde_json::Value;

#[bulkhead::handler]
fn key_value(event: Value) -> Result<Option<String>, Error> {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    let store = Store::open(text("store"))?;
    let before = store.get(text("key"))?;
    for _ in 0..event["count"].as_u64().unwrap_or(1) {
        store.set(text("key"), text("value"))?;
    }
    Ok(before.map(|value| String::from_utf8_lossy(&value).into_owned()))
}

fn main() {}
