//! A program: answers with its event, its arguments and its environment, and writes a line to stderr.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "that is how programs answer")]

use std::collections::BTreeMap;

use serde_json::json;

fn main() {
    let event = std::io::read_to_string(std::io::stdin()).unwrap_or_default();
    eprintln!("read {} bytes", event.len());
    let arguments: Vec<String> = std::env::args().collect();
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    println!("{}", json!({ "event": event, "arguments": arguments, "environment": environment }));
}
