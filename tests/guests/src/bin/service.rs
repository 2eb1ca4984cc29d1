//! Answers with the event, in the form that `lambda_runtime` has.

use bulkhead::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[bulkhead::main]
async fn main() -> Result<(), Error> {
    run(service_fn(service)).await
}

async fn service(event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}
