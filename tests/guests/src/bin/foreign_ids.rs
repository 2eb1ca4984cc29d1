//! Answers for a batch that the messages of others have failed, beside its own.

use serde_json::{Value, json};

#[bulkhead::handler]
fn foreign_ids(event: Value) -> Value {
    let own = &event["Records"][0]["messageId"];
    json!({ "batchItemFailures": [{ "itemIdentifier": "alice-1" }, { "itemIdentifier": own }] })
}

fn main() {}
