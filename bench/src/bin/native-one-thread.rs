//! `lambda_runtime` with tokio on one thread, which handles one event at a time faster than the `main` of its
//! README.

use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bulkhead_bench::native::serve().await
}
