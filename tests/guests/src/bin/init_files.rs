//! Its `init` reads a file.

#[bulkhead::init]
fn init() -> std::io::Result<()> {
    std::fs::read("rules.txt").map(drop)
}

#[bulkhead::handler]
fn answer() {}

fn main() {}
