//! Calls itself until a stack is used up: the engine's, or with `"memory"` the one in the guest's own memory.

use std::hint::black_box;

use serde_json::Value;

#[expect(unconditional_recursion, reason = "it is what this guest is for")]
fn deeper(depth: u64) -> u64 {
    deeper(black_box(depth) + 1).wrapping_mul(3)
}

#[expect(unconditional_recursion, reason = "it is what this guest is for")]
fn deeper_in_memory(depth: u64) -> u64 {
    let kept = black_box([depth; 64]);
    deeper_in_memory(depth + 1).wrapping_add(kept[0])
}

#[bulkhead::handler]
fn stack_overflow(event: Value) -> Value {
    match event.as_str() {
        Some("ping") => event,
        Some("memory") => black_box(deeper_in_memory(0)).into(),
        _ => black_box(deeper(0)).into(),
    }
}

fn main() {}
