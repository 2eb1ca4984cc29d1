//! Its `init` loops for ever.

#[bulkhead::init]
fn init() {
    loop {
        std::hint::black_box(());
    }
}

#[bulkhead::handler]
fn answer() {}

fn main() {}
