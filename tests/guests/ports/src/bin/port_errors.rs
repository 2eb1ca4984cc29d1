//! Errors with a type of their own, of the system, as text, and a panic.

use bulkhead::{Error, LambdaEvent, run, service_fn};

#[derive(Debug, thiserror::Error)]
#[error("only {0} left")]
struct OutOfStock(u32);

#[expect(clippy::panic, reason = "it is what this guest is for")]
async fn handler(event: LambdaEvent<String>) -> Result<(), Error> {
    match event.payload.as_str() {
        "own" => Err(Box::new(OutOfStock(3))),
        "system" => Ok(std::fs::File::open("no-such-file").map(drop)?),
        "panic" => panic!("as asked"),
        text => Err(text.into()),
    }
}

#[bulkhead::main]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
