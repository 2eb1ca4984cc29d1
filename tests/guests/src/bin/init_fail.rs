//! Its `init` returns an error.

#[bulkhead::init]
fn init() -> Result<(), std::num::ParseIntError> {
    "seventeen".parse::<u32>().map(drop)
}

#[bulkhead::handler]
fn answer() {}

fn main() {}
