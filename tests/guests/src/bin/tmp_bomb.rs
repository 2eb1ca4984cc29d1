//! Fills its `/tmp` in every way that it can, and answers with what was taken that is over a mebibyte.

use std::fs::{File, write};
use std::io::{Seek, SeekFrom, Write};

#[bulkhead::handler]
fn tmp_bomb() -> Vec<String> {
    let mut over = Vec::new();
    for size in [2 << 20, 1 << 40, u64::MAX >> 1, u64::MAX] {
        if File::create("/tmp/long").and_then(|file| file.set_len(size)).is_ok() {
            over.push(format!("a length of {size}"));
        }
        let far = File::create("/tmp/sparse")
            .and_then(|mut file| file.seek(SeekFrom::Start(size)).and_then(|_| file.write(b"x")));
        if far.is_ok() {
            over.push(format!("a byte at {size}"));
        }
    }
    let blocks = (0..100).take_while(|name| write(format!("/tmp/{name}"), [1; 64 * 1024]).is_ok()).count();
    if blocks > 16 {
        over.push(format!("{blocks} blocks"));
    }
    over
}

fn main() {}
