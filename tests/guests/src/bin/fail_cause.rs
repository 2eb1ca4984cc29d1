//! Fails with an error type of its own that has a cause.

use std::fmt;

#[derive(Debug)]
struct OutOfStock(std::num::ParseIntError);

impl fmt::Display for OutOfStock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("nothing left")
    }
}

impl std::error::Error for OutOfStock {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[bulkhead::handler]
fn fail_cause(event: String) -> Result<u32, OutOfStock> {
    event.parse().map_err(OutOfStock)
}

fn main() {}
