//! Answers with its environment and arguments.

#[bulkhead::handler]
fn environment() -> (Vec<(String, String)>, Vec<String>) {
    (std::env::vars().collect(), std::env::args().collect())
}

fn main() {}
