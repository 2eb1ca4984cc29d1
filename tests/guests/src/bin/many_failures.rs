//! Answers for a batch that its first message failed: again and again, as arrays, or in megabytes, as that message says.

use serde_json::{Value, json};

#[bulkhead::handler]
fn many_failures(event: Value) -> Value {
    let record = &event["Records"][0];
    let (id, body) = (&record["messageId"], record["body"].as_str().unwrap_or_default());
    let item = json!({ "itemIdentifier": id });
    let all = event["Records"].as_array().map_or(0, Vec::len);
    if body.contains("ten thousand times") {
        json!({ "batchItemFailures": vec![item; 10_000] })
    } else if body.contains("as often as may be") {
        json!({ "batchItemFailures": vec![item; all] })
    } else if body.contains("as arrays") {
        json!([[[id]]])
    } else if body.contains("megabytes") {
        json!({ "batchItemFailures": [item], "more": "a".repeat(5 << 20) })
    } else {
        json!({ "batchItemFailures": [] })
    }
}

fn main() {}
