//! Makes empty files with long names in its `/tmp`, for ever, and counts them.

use std::fs::File;

#[bulkhead::handler]
fn tmp_many(files: usize) -> usize {
    let long = "x".repeat(200);
    (0..files).take_while(|number| File::create(format!("/tmp/{long}{number}")).is_ok()).count()
}

fn main() {}
