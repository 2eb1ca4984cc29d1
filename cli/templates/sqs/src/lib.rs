//! A batch from a queue, of which only what failed comes back.
//!
//! The event source mapping has to have `ReportBatchItemFailures` switched on.

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
    use super::*;

    fn failed(event: &str) -> Vec<String> {
        let response = handle(serde_json::from_str(event).unwrap()).unwrap();
        response
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect()
    }

    #[test]
    fn only_what_failed_comes_back() {
        assert_eq!(failed(include_str!("../event.json")), ["2"]);
    }

    #[test]
    fn nothing_comes_back_from_a_good_batch() {
        let event =
            r#"{"Records":[{"messageId":"1","body":"{\"item\":\"rope\",\"quantity\":2}"}]}"#;
        assert!(failed(event).is_empty());
    }

    #[test]
    fn a_failed_message_without_an_id_fails_the_batch() {
        let event = serde_json::from_str(r#"{"Records":[{"body":"?"}]}"#).unwrap();
        assert_eq!(handle(event).unwrap_err().error_type, "UnnamedMessage");
    }
}
