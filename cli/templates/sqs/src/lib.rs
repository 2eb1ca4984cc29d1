//! A batch from a queue. Only the messages that failed are delivered again.
//!
//! The event source mapping must have `ReportBatchItemFailures` switched on.

use bulkhead::aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use bulkhead::{Diagnostic, Error};
use serde::Deserialize;

#[derive(Deserialize)]
struct Order {
    item: String,
    quantity: u32,
}

#[bulkhead::handler]
fn handle(event: SqsEvent) -> Result<SqsBatchResponse, Diagnostic> {
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        if let Err(error) = place(&message) {
            let id = message.message_id.ok_or_else(unnamed)?;
            println!("message {id} goes back to the queue: {error}");
            response.add_failure(id);
        }
    }
    Ok(response)
}

fn place(message: &SqsMessage) -> Result<(), Error> {
    let order: Order = serde_json::from_str(message.body.as_deref().unwrap_or_default())?;
    if order.quantity == 0 {
        return Err("an order is for at least one".into());
    }
    println!("{} × {}", order.quantity, order.item);
    Ok(())
}

/// With no id to name, the only way not to lose the message is to fail the whole batch.
fn unnamed() -> Diagnostic {
    Diagnostic {
        error_type: "UnnamedMessage".into(),
        error_message: "a message that failed has no id, so the whole batch has to come back"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The messages of a batch that come back.
    fn failed(messages: &Value) -> Result<Vec<String>, Diagnostic> {
        let event = serde_json::from_value(json!({ "Records": messages })).unwrap();
        let failures = handle(event)?.batch_item_failures;
        Ok(failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect())
    }

    #[test]
    fn only_what_failed_comes_back() {
        let failed = failed(&json!([
            { "messageId": "1", "body": r#"{"item":"rope","quantity":2}"# },
            { "messageId": "2", "body": "not an order" },
            { "messageId": "3", "body": r#"{"item":"rope","quantity":0}"# },
            { "messageId": "4" },
        ]));
        assert_eq!(failed.unwrap(), ["2", "3", "4"]);
    }

    #[test]
    fn nothing_comes_back_from_a_good_batch() {
        let message = json!({ "messageId": "1", "body": r#"{"item":"rope","quantity":2}"# });
        assert!(failed(&json!([message])).unwrap().is_empty());
    }

    #[test]
    fn a_failed_message_without_an_id_fails_the_batch() {
        let error = failed(&json!([{ "body": "?" }])).unwrap_err();
        assert_eq!(error.error_type, "UnnamedMessage");
    }
}
