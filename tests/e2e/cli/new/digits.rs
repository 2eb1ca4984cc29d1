//! A handler that is linked with crates that keep the digits of numbers. Its test reads as the SDK does and as serde_json does.

use serde_json::Value;

#[bulkhead::handler]
fn echo(event: Value) -> Value {
    event
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use bulkhead::FromEvent;
    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Number, Value};

    #[derive(Debug, Deserialize, PartialEq)]
    struct Flat {
        price: f64,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(untagged)]
    enum Either {
        Float(f64),
        Any(Value),
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(tag = "kind")]
    enum Tagged {
        Paid { amount: Value },
    }

    const TEXTS: [&str; 17] = [
        "0",
        "-0",
        "-0.0",
        "7",
        "-7",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "19.990",
        "1.1234127836128763",
        "1e5",
        "1E400",
        "1e+0400",
        "-1.50E-400",
        r#"{"price":19.990,"big":12345678901234567890123,"list":[1.10,{"d":1E5}]}"#,
        r#"{"kind":"Paid","amount":19.990}"#,
        r#"{"$serde_json::private::Number":"1.50"}"#,
    ];

    fn both<T: DeserializeOwned + FromEvent + Debug + PartialEq>(text: &str) {
        let theirs = serde_json::from_str::<T>(text).ok();
        assert_eq!(T::from_event(text.into()).ok(), theirs, "{text}");
    }

    #[test]
    fn every_number_is_read_as_serde_json_reads_it() {
        assert_eq!(serde_json::from_str::<Number>("19.990").unwrap().to_string(), "19.990");
        for text in TEXTS {
            both::<Value>(text);
            both::<Number>(text);
            both::<f64>(text);
            both::<u64>(text);
            both::<i128>(text);
            both::<Flat>(text);
            both::<Either>(text);
            both::<Tagged>(text);
        }
    }
}
