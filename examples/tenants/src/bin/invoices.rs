//! Alice's handler: adds up an invoice, in the currency that the platform grants her.

use bulkhead::Error;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Invoice {
    customer: String,
    cents: Vec<u64>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Total {
    customer: String,
    total: String,
}

#[expect(clippy::disallowed_methods, reason = "a grant is read as any variable is")]
#[bulkhead::handler]
fn handle(invoice: Invoice) -> Result<Total, Error> {
    // Granted to each tenant; the handler sees no other environment variables.
    Ok(add_up(invoice, &std::env::var("CURRENCY")?))
}

fn add_up(invoice: Invoice, currency: &str) -> Total {
    let cents: u64 = invoice.cents.iter().sum();
    let total = format!("{}.{:02} {currency}", cents / 100, cents % 100);
    Total { customer: invoice.customer, total }
}

fn main() {}

#[test]
fn cents_are_added_up() {
    let invoice = Invoice { customer: "Bob".into(), cents: vec![1999, 6] };
    let total = Total { customer: "Bob".into(), total: "20.05 EUR".into() };
    assert_eq!(add_up(invoice, "EUR"), total);
}
