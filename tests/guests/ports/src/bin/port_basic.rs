//! A typed event, a context, a record of the log.

use bulkhead::{Error, LambdaEvent, service_fn, tracing};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Request {
    command: String,
}

#[derive(Serialize)]
struct Response {
    req_id: String,
    msg: String,
}

#[bulkhead::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    bulkhead::run(service_fn(handler)).await
}

async fn handler(event: LambdaEvent<Request>) -> Result<Response, Error> {
    let (Request { command }, context) = event.into_parts();
    tracing::warn!(command, "executing");
    tracing::debug!("nobody has asked for this");
    Ok(Response { req_id: context.request_id, msg: format!("Command {command} executed.") })
}
