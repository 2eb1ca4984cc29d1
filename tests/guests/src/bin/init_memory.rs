//! Its `init` wants more memory than a sandbox has.

#[bulkhead::init]
fn init() {
    std::hint::black_box(vec![1_u8; 200 << 20]);
}

#[bulkhead::handler]
fn answer() {}

fn main() {}
