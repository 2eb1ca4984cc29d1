//! A response that a task sends piece by piece.

use bulkhead::streaming::{Body, Response, channel};
use bulkhead::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

async fn handler(event: LambdaEvent<Value>) -> Result<Response<Body>, Error> {
    let (mut sender, body) = channel();
    tokio::spawn(async move {
        for word in ["Hello", "world"] {
            sender.send_data(format!("{word}\n").into()).await?;
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        if event.payload == "fail" {
            sender.send_error("there are no more words".into());
        }
        Ok::<_, Error>(())
    });
    Ok(Response::from(body))
}

#[bulkhead::streaming::main]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
