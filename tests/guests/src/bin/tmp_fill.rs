//! Writes into `/tmp` until it is full. Answers with the size of the file, and with what it was told by writing more
//! and by making the file longer.

use std::fs::File;
use std::io::{Result, Write};

use serde_json::{Value, json};

#[bulkhead::handler]
fn tmp_fill(event: Value) -> Result<Value> {
    if event == "ping" {
        return Ok(event);
    }
    let mut file = File::create("/tmp/full")?;
    let kind = |result: Result<()>| result.err().map(|error| format!("{:?}", error.kind()));
    let mut written = None;
    while written.is_none() {
        written = kind(file.write_all(&[b'x'; 1000]));
    }
    let grown = kind(file.set_len(1 << 40));
    Ok(json!([file.metadata()?.len(), written, grown]))
}

fn main() {}
