//! An error whose type the author chooses.

use bulkhead::{Diagnostic, Error, LambdaEvent, run, service_fn};

#[derive(Debug, thiserror::Error)]
enum ExecutionError {
    #[error("transient database error: {0}")]
    Database(String),
}

impl From<ExecutionError> for Diagnostic {
    fn from(error: ExecutionError) -> Self {
        Self { error_type: "Retryable".into(), error_message: error.to_string() }
    }
}

async fn handler(event: LambdaEvent<String>) -> Result<(), ExecutionError> {
    Err(ExecutionError::Database(event.payload))
}

#[bulkhead::main]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
