//! Reads the event as the type of `aws_lambda_events` that its first line names, and answers with what it has read.

use bulkhead::aws_lambda_events::event;
use bulkhead::{Diagnostic, FromEvent, Raw};
use serde::de::DeserializeOwned;

#[path = "../event_types.rs"]
#[expect(dead_code, reason = "the test wants to know which fixtures there are")]
mod event_types;

struct Sdk;

impl event_types::Reader for Sdk {
    type Error = Diagnostic;

    fn read<T: DeserializeOwned>(event: Vec<u8>) -> Result<T, Diagnostic> {
        T::from_event(event)
    }
}

#[bulkhead::handler]
fn typed_events(Raw(event): Raw) -> Result<Raw, Diagnostic> {
    let end = event.iter().position(|byte| *byte == b'\n').ok_or("no line with a type")?;
    event_types::reread_as::<Sdk>(&String::from_utf8_lossy(&event[..end]), event[end + 1..].to_vec()).map(Raw)
}

fn main() {}
