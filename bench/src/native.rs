//! The same handlers on `lambda_runtime`, with the types that its README has. `bin/` has two programs around them.

use bulkhead_bench_handlers as handlers;
use handlers::{Orders, Request, Response, Summary};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;

async fn hello(event: LambdaEvent<Request>) -> Result<Response, Error> {
    Ok(handlers::hello(&event.payload))
}

/// An event is JSON here, whatever is done; `RawValue` is the type that is read and written without being looked into.
async fn echo(event: LambdaEvent<Box<RawValue>>) -> Result<Box<RawValue>, Error> {
    Ok(event.payload)
}

async fn orders(event: LambdaEvent<Orders>) -> Result<Summary, Error> {
    Ok(handlers::summarize(event.payload))
}

async fn faulty(event: LambdaEvent<Request>) -> Result<Response, Error> {
    Ok(handlers::faulty(&event.payload))
}

/// Serves the handler that `_HANDLER` names: one event at a time with `run`, as in the README, or with `run_concurrent` where
/// Lambda says that there will be several.
///
/// # Errors
/// When the Runtime API has gone, or there is no such handler.
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
