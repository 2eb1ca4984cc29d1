//! The handlers on `lambda_runtime`, with the types of its README. The two programs in `bin/` use them.

use bulkhead_bench_handlers as handlers;
use handlers::{Orders, Request, Response, Summary};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;

async fn hello(event: LambdaEvent<Request>) -> Result<Response, Error> {
    Ok(handlers::hello(&event.payload))
}

/// `lambda_runtime` requires JSON; `RawValue` is the type that is read and written without being parsed
/// further.
async fn echo(event: LambdaEvent<Box<RawValue>>) -> Result<Box<RawValue>, Error> {
    Ok(event.payload)
}

async fn orders(event: LambdaEvent<Orders>) -> Result<Summary, Error> {
    Ok(handlers::summarize(event.payload))
}

async fn faulty(event: LambdaEvent<Request>) -> Result<Response, Error> {
    Ok(handlers::faulty(&event.payload))
}

/// Runs the handler that `_HANDLER` names: one event at a time with `run`, as in the README, or with
/// `run_concurrent` if Lambda announces several concurrent events.
///
/// # Errors
/// If the Runtime API is gone, or there is no such handler.
#[expect(clippy::disallowed_methods, reason = "a handler's program reads its own environment")]
pub async fn serve() -> Result<(), Error> {
    let several = std::env::var_os("AWS_LAMBDA_MAX_CONCURRENCY").is_some();
    match (std::env::var("_HANDLER")?.as_str(), several) {
        ("hello", false) => lambda_runtime::run(service_fn(hello)).await,
        ("hello", true) => lambda_runtime::run_concurrent(service_fn(hello)).await,
        ("echo", _) => lambda_runtime::run(service_fn(echo)).await,
        ("orders", _) => lambda_runtime::run(service_fn(orders)).await,
        ("faulty", _) => lambda_runtime::run(service_fn(faulty)).await,
        (other, _) => Err(format!("there is no handler `{other}`").into()),
    }
}
