//! Puts a directory into a directory, into a directory, and so on, in its `/tmp`, for ever.

use std::fs::{create_dir, rename};

#[bulkhead::handler]
fn tmp_deep(depth: usize) -> usize {
    let _ = create_dir("/tmp/in");
    let deeper = || {
        create_dir("/tmp/out")?;
        rename("/tmp/in", "/tmp/out/in")?;
        rename("/tmp/out", "/tmp/in")
    };
    (0..depth).take_while(|_| deeper().is_ok()).count()
}

fn main() {}
