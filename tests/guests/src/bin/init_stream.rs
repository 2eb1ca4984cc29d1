//! Its `init` leaves a stream open, which is a thing of the host's.

use std::cell::RefCell;

use wasip2::cli::stdout::{OutputStream, get_stdout};

thread_local! {
    static OUTPUT: RefCell<Option<OutputStream>> = const { RefCell::new(None) };
}

#[bulkhead::init]
fn init() {
    OUTPUT.set(Some(get_stdout()));
}

#[bulkhead::handler]
fn answer() {}

fn main() {}
