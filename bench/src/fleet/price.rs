//! Public prices of AWS in US East (N. Virginia), in dollars, without the free tier.
//!
//! The prices of Lambda are those of its page of prices, <https://aws.amazon.com/lambda/pricing/>, and of the examples on
//! it. Those of S3 are of <https://aws.amazon.com/s3/pricing/>. Data between S3 and Lambda in a region costs nothing. That
//! a 304 costs as much as any GET is not said there, and was not confirmed: it is the worse case.

use super::MONTH;

/// A GET of S3 Standard.
pub const GET: f64 = 0.0004 / 1000.0;
/// A PUT of S3 Standard.
pub const PUT: f64 = 0.005 / 1000.0;
/// A request to Lambda.
pub const INVOCATION: f64 = 0.20 / 1e6;
/// A GB-second of Lambda on x86, of the first 6 billion in a month.
pub const GB_SECOND: f64 = 0.000_016_666_7;
/// A new environment of Lambda's tenant isolation mode on x86, for each GB of memory.
pub const ISOLATED_ENVIRONMENT: f64 = 0.000_167;

/// What so many a second cost in a month.
pub fn month(each: f64, a_second: f64) -> f64 {
    each * a_second * MONTH
}

/// A price with all of its digits before the decimal point, or with three.
pub fn dollars(price: f64) -> String {
    if price < 100.0 { format!("${price:.2}") } else { format!("${}", crate::markdown::thousands(price)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_of_one_get_a_second() {
        assert!((month(GET, 1.0) - 1.0512).abs() < 1e-9);
    }

    /// The example of AWS: 200 environments of 1 GB for each of 1,000 tenants.
    #[test]
    fn the_example_of_the_page_of_prices() {
        assert!((200.0 * 1000.0 * ISOLATED_ENVIRONMENT - 33.4).abs() < 1e-9);
        assert!((20e6 * GB_SECOND - 333.334).abs() < 1e-3);
        assert!((10e6 * INVOCATION - 2.0).abs() < 1e-9);
    }

    #[test]
    fn prices_are_readable() {
        assert_eq!([0.0, 1.234, 99.99, 1234.5].map(dollars), ["$0.00", "$1.23", "$99.99", "$1,234"]);
    }
}
