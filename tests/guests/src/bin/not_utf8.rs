//! Answers with bytes that are no text, which it may.

use bulkhead::Raw;

#[bulkhead::handler]
fn not_utf8() -> Raw {
    Raw(vec![0xff, 0xfe, 0, b'\r', b'\n', 0xc0, 0x80])
}

fn main() {}
