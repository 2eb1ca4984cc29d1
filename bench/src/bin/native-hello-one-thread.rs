//! `lambda_runtime` with tokio on one thread, which serves one event at a time faster than the `main` of its README.

use bulkhead_bench::hello;
use lambda_runtime::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(hello)).await
}
