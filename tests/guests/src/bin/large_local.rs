//! Has a local variable that is larger than the stack: written piece by piece, or with `"cleared"` at once.

use std::hint::black_box;

use serde_json::Value;

const LENGTH: usize = 64 * 1024;

#[inline(never)]
fn keep(first: u64) -> u64 {
    let kept: [u64; LENGTH] = std::array::from_fn(|_| black_box(first));
    black_box(&kept).iter().sum()
}

#[inline(never)]
fn clear() -> usize {
    let mut cleared = [0_u8; LENGTH * 8];
    black_box(&mut cleared).len()
}

#[bulkhead::handler]
fn large_local(event: Value) -> Value {
    if event == "ping" {
        return event;
    }
    if event == "cleared" { clear().into() } else { keep(1).into() }
}

fn main() {}
