//! Answers with what it reads from stdin.

use std::io::Read;

#[bulkhead::handler]
fn stdin() -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    std::io::stdin().read_to_end(&mut read)?;
    Ok(read)
}

fn main() {}
