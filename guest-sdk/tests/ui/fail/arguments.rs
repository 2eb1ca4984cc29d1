#![allow(unused)]

use bulkhead::Context;

#[bulkhead::handler]
fn three(event: String, context: Context, more: u8) {}

#[bulkhead::handler]
fn borrowed(event: &str) {}

#[bulkhead::handler]
fn swapped(context: Context, event: String) {}

#[bulkhead::handler]
fn opaque(event: impl serde::de::DeserializeOwned) {}

fn main() {}
