//! Alice's handler: adds up an invoice, in the currency that the platform grants her.

use bulkhead::Error;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
struct Invoice {
    customer: String,
    cents: Vec<u64>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Total {
    customer: String,
    total: String,
}

#[expect(clippy::disallowed_methods, reason = "a grant is read as any variable is")]
#[bulkhead::handler]
fn invoices(invoice: Invoice) -> Result<Total, Error> {
    Ok(add_up(invoice, &std::env::var("CURRENCY")?))
}

fn add_up(invoice: Invoice, currency: &str) -> Total {
    let cents: u64 = invoice.cents.iter().sum();
    Total { customer: invoice.customer, total: format!("{}.{:02} {currency}", cents / 100, cents % 100) }
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_are_added_up() {
        let invoice = Invoice { customer: "Bob".to_owned(), cents: vec![1999, 6] };
        let total = Total { customer: "Bob".to_owned(), total: "20.05 EUR".to_owned() };
        assert_eq!(add_up(invoice, "EUR"), total);
    }
}
