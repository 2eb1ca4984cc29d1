#![allow(unused)]

#[bulkhead::handler(memory = 128)]
fn handler() {}

#[bulkhead::handler]
struct Handler;

fn main() {}
