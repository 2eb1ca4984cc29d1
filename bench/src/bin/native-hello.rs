//! `lambda_runtime` with the `main` of its README: tokio with a thread for each processor.

use bulkhead_bench::hello;
use lambda_runtime::{Error, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(hello)).await
}
