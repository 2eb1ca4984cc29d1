#![allow(unused)]

#[bulkhead::handler]
unsafe fn unsafe_fn() {}

#[bulkhead::handler]
extern "C" fn extern_fn() {}

#[bulkhead::handler]
const fn const_fn() {}

#[bulkhead::handler]
fn generic<T>(event: T) {}

#[bulkhead::handler]
fn several_at_once<'a>(event: &'a str) {}

struct Holder;

impl Holder {
    #[bulkhead::handler]
    fn method(&self, event: String) {}
}

fn main() {}
