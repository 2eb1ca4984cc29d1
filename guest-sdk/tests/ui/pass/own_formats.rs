//! Events and responses that are neither JSON nor raw.
use bulkhead::{Diagnostic, FromEvent, IntoResponse};

struct Csv(Vec<String>);

impl FromEvent for Csv {
    fn from_event(event: Vec<u8>) -> Result<Self, Diagnostic> {
        let line = String::from_utf8(event).map_err(|error| error.to_string())?;
        Ok(Csv(line.split(',').map(Into::into).collect()))
    }
}

impl IntoResponse for Csv {
    fn into_response(self) -> Result<Vec<u8>, Diagnostic> {
        Ok(self.0.join(",").into_bytes())
    }
}

#[bulkhead::handler]
fn handler(event: Csv) -> Csv {
    event
}

fn main() {}
