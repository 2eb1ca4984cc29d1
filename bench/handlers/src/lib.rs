//! The benchmarked handlers in plain Rust, without a runtime. `bench/guests` makes components of them, and
//! `bench/src/native.rs` a program on `lambda_runtime`, so that the benchmark compares only the runtimes.
//!
//! `hello` is equal to `examples/hello`, whose component is the one that runs. The echo handler does nothing,
//! so it is not here.

use serde::{Deserialize, Serialize};

/// The event of [`hello`].
#[derive(Debug, Deserialize)]
pub struct Request {
    name: String,
}

/// The response of [`hello`].
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Response {
    message: String,
}

/// Returns a greeting.
pub fn hello(request: &Request) -> Response {
    Response { message: format!("Hello {}!", request.name) }
}

/// The event of [`summarize`].
#[derive(Debug, Deserialize)]
pub struct Orders {
    minimum: u64,
    orders: Vec<Order>,
}

/// One of the orders.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Order {
    id: u64,
    customer: String,
    article: String,
    pieces: u32,
    cents: u64,
}

/// The response of [`summarize`].
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    count: usize,
    cents: u64,
    large: Vec<Order>,
}

/// The sum of all orders, and the orders that reach the minimum.
pub fn summarize(event: Orders) -> Summary {
    let total = |order: &Order| order.cents.saturating_mul(order.pieces.into());
    Summary {
        count: event.orders.len(),
        cents: event.orders.iter().map(total).sum(),
        large: event.orders.into_iter().filter(|order| total(order) >= event.minimum).collect(),
    }
}

/// Greets, unless the name is that of a fault.
pub fn faulty(request: &Request) -> Response {
    match request.name.as_str() {
        "panic" => fail(),
        "exit" => leave(),
        "stuck" => loop {
            std::hint::black_box(());
        },
        _ => hello(request),
    }
}

#[expect(clippy::panic, reason = "what comes after it is measured")]
fn fail() -> ! {
    panic!("as asked")
}

#[expect(clippy::disallowed_methods, clippy::exit, reason = "what comes after it is measured")]
fn leave() -> ! {
    std::process::exit(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(pieces: u32, cents: u64) -> Order {
        Order { id: 1, customer: "c".into(), article: "a".into(), pieces, cents }
    }

    #[test]
    fn orders_are_summed_and_filtered() {
        let orders = vec![order(2, 300), order(1, 599), order(3, 200)];
        let summary = summarize(Orders { minimum: 600, orders });
        assert_eq!(summary, Summary { count: 3, cents: 1799, large: vec![order(2, 300), order(3, 200)] });
    }

    #[test]
    fn a_name_that_is_no_fault_is_greeted() {
        let response = faulty(&Request { name: "world".into() });
        assert_eq!(response, Response { message: "Hello world!".into() });
    }

    #[test]
    #[should_panic(expected = "as asked")]
    fn a_fault_is_one() {
        faulty(&Request { name: "panic".into() });
    }
}
