//! The handler of `examples/hello` as `lambda_runtime` wants it: the same types, the same body, so that what is
//! compared is the runtimes. `bin/` has two programs around it.

pub mod process;

use lambda_runtime::{Error, LambdaEvent};
use serde::{Deserialize, Serialize};

/// The event.
#[derive(Debug, Deserialize)]
pub struct Request {
    name: String,
}

/// The answer.
#[derive(Debug, Serialize)]
pub struct Response {
    message: String,
}

/// The handler.
///
/// # Errors
/// Never; the type is as the README of `lambda_runtime` has it.
pub async fn hello(event: LambdaEvent<Request>) -> Result<Response, Error> {
    Ok(Response { message: format!("Hello {}!", event.payload.name) })
}
