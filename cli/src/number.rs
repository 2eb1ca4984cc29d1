//! Options that are whole numbers or times: an answer that says which ones there are, with an example.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A parser of numbers in a range.
pub(crate) fn whole<N: TryFrom<u64>>(
    range: RangeInclusive<u64>,
    example: u64,
) -> impl Fn(&str) -> Result<N, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.and_then(|number| N::try_from(number).ok()).ok_or_else(|| {
            format!("write a whole number from {} to {}, such as {example}", range.start(), range.end())
        })
    }
}

/// Parses the version of a tenant's record. The first one is 1.
pub(crate) fn version(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|version| *version > 0);
    number.ok_or_else(|| "write the number of a version, such as 3".to_owned())
}

/// A parser of times.
pub(crate) fn time(
    example: &'static str,
) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    move |text| {
        humantime::parse_duration(text).map_err(|_| format!("write a time with its unit, such as {example}"))
    }
}

/// Parses a port.
pub(crate) fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "write the number of a port, from 0 to 65535, such as 9000".to_owned())
}

/// Parses an IP address.
pub(crate) fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| {
        "write an IP address: 127.0.0.1 for this machine only, or 0.0.0.0 for every network".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_does_not_fit_is_answered_with_those_that_do() {
        let parse = whole::<u16>(1..=1000, 10);
        assert_eq!((parse("1"), parse("1000")), (Ok(1), Ok(1000)));
        for wrong in ["0", "1001", "-1", "ten", "", "1.5", "99999999999999999999"] {
            assert_eq!(
                parse(wrong).unwrap_err(),
                "write a whole number from 1 to 1000, such as 10",
                "{wrong}"
            );
        }
    }

    #[test]
    fn versions_begin_with_one() {
        assert_eq!(version("1"), Ok(1));
        for wrong in ["0", "-1", "v3", "three", "", "99999999999999999999"] {
            assert_eq!(version(wrong).unwrap_err(), "write the number of a version, such as 3", "{wrong}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(time("1h")("90s"), Ok(Duration::from_secs(90)));
        for wrong in ["", "5", "soon", "-1s"] {
            assert_eq!(time("1h")(wrong).unwrap_err(), "write a time with its unit, such as 1h", "{wrong}");
        }
    }

    #[test]
    fn ports_and_addresses_have_examples() {
        assert_eq!(port("0"), Ok(0));
        assert!(port("65536").unwrap_err().ends_with("such as 9000"));
        assert!(address("::1").is_ok());
        assert!(address("localhost").unwrap_err().contains("127.0.0.1"));
    }
}
