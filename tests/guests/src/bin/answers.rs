//! Answers what the request asks it to: the JSON that is in its query under `answer`, or else its body.

use bulkhead::{Error, Raw};
use serde_json::Value;

#[bulkhead::handler]
fn answers(event: Value) -> Result<Raw, Error> {
    let asked = event["queryStringParameters"]["answer"].as_str().or_else(|| event["body"].as_str());
    Ok(Raw(asked.ok_or("no answer was asked for")?.into()))
}

fn main() {}
