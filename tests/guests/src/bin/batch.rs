//! Handles a batch from SQS: the messages whose text has a `fail` in it fail, and one with `panic` ends all.

use serde_json::{Value, json};

#[bulkhead::handler]
fn batch(event: Value) -> Value {
    let records = event["Records"].as_array().map_or(&[][..], Vec::as_slice);
    let has = |record: &Value, word: &str| record["body"].as_str().is_some_and(|body| body.contains(word));
    assert!(!records.iter().any(|record| has(record, "panic")), "as asked");
    let failed = records.iter().filter(|record| has(record, "fail"));
    let failures: Vec<Value> =
        failed.map(|record| json!({ "itemIdentifier": record["messageId"] })).collect();
    json!({ "batchItemFailures": failures })
}

fn main() {}
