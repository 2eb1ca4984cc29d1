//! A batch of a queue, whose messages are handled in tasks; those that fail are reported.

use bulkhead::aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEventObj};
use bulkhead::tracing::{self, Instrument as _};
use bulkhead::{Error, LambdaEvent, run, service_fn};

async fn one(id: String, data: String) -> Option<BatchItemFailure> {
    tracing::info!(text = ?data, "processing");
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = id;
    (data == "bad").then_some(failure)
}

async fn batch(event: LambdaEvent<SqsEventObj<String>>) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    for message in event.payload.records {
        let id = message.message_id.unwrap_or_default();
        let span = tracing::info_span!("message", id);
        response.batch_item_failures.extend(tokio::spawn(one(id, message.body).instrument(span)).await?);
    }
    Ok(response)
}

#[bulkhead::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    run(service_fn(batch)).await
}
