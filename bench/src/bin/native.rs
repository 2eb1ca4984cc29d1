//! `lambda_runtime` with the `main` of its README: tokio with a thread for each processor.

use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    bulkhead_bench::native::serve().await
}
