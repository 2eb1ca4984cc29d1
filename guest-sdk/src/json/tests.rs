//! Our reader beside serde_json's: the same texts, the same values, the same refusals; also with its feature `arbitrary_precision`, by
//! `cargo test -p bulkhead-sdk --lib --features serde_json/arbitrary_precision`, and in `tests/e2e/cli/new/digits.rs`.

pub(super) mod damage;
mod texts;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Number, Value};

use super::*;
use texts::{EDGES, EVERYTHING};

/// What both make of a text, which has to be the same.
fn both<T: DeserializeOwned + Debug + PartialEq>(text: &[u8]) -> Option<T> {
    let theirs = serde_json::from_slice::<T>(text);
    let ours = from_slice::<T>(text);
    assert_eq!(
        ours.as_ref().ok(),
        theirs.as_ref().ok(),
        "{}: {ours:?} {theirs:?}",
        String::from_utf8_lossy(text)
    );
    ours.ok()
}

#[derive(Debug, Deserialize, PartialEq)]
struct Everything {
    number: i32,
    text: String,
    #[serde(default)]
    maybe: Option<Box<Self>>,
    list: Vec<f64>,
    pair: (u8, char),
    map: BTreeMap<u32, bool>,
    shape: Shape,
    #[serde(flatten)]
    rest: HashMap<String, Value>,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Shape {
    Dot,
    Circle(f32),
    Line(i8, i8),
    Square { side: u16 },
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Loose {
    Number(u8),
    Float(f64),
    Text(String),
    Nothing(()),
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(tag = "kind", content = "value", deny_unknown_fields)]
enum Tagged {
    One(u64),
    Two { a: i64 },
}

#[derive(Debug, Deserialize, PartialEq)]
struct Unit;

#[derive(Debug, Deserialize, PartialEq)]
struct Wrapper(Vec<Unit>);

fn each_type(text: &[u8]) {
    both::<Value>(text);
    both::<Number>(text);
    both::<()>(text);
    both::<bool>(text);
    both::<u8>(text);
    both::<i64>(text);
    both::<u64>(text);
    both::<i128>(text);
    both::<u128>(text);
    both::<f64>(text);
    both::<char>(text);
    both::<String>(text);
    both::<Option<u8>>(text);
    both::<Vec<String>>(text);
    both::<(u8, u8)>(text);
    both::<BTreeMap<u8, bool>>(text);
    both::<BTreeMap<i128, Value>>(text);
    both::<BTreeMap<bool, Value>>(text);
    both::<BTreeMap<Option<String>, Value>>(text);
    both::<BTreeMap<char, Value>>(text);
    both::<Shape>(text);
    both::<Loose>(text);
    both::<Tagged>(text);
    both::<Unit>(text);
    both::<Wrapper>(text);
    both::<Everything>(text);
    both::<serde::de::IgnoredAny>(text);
    assert_eq!(
        from_slice::<Box<RawValue>>(text).ok().map(|raw| raw.to_string()),
        serde_json::from_slice::<Box<RawValue>>(text).ok().map(|raw| raw.to_string()),
    );
}

/// A type such as that of `rust_decimal`, which takes numbers with their digits, where there are such.
#[derive(Debug, PartialEq)]
struct Decimal(String);

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Decimal;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number")
            }

            fn visit_u64<E>(self, number: u64) -> std::result::Result<Decimal, E> {
                Ok(Decimal(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> std::result::Result<Decimal, E> {
                Ok(Decimal(number.to_string()))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Decimal, A::Error> {
                let (name, digits) = map.next_entry::<String, String>()?.unwrap_or_default();
                Ok(Decimal(format!("{name}: {digits}")))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[test]
fn digits_are_kept_where_serde_json_keeps_them() {
    let text = br#"{"amount":1.1234127836128763,"big":12345678901234567890123,"d":19.990,"far":1E300}"#;
    let (whole, decimal, far) = match number::KEEPS_DIGITS {
        true => ("12345678901234567890123", "19.990", "1e+300"),
        false => ("1.2345678901234568e+22", "19.99", "1e+300"),
    };
    // Without its digits, a float is as near as serde_json's features have it.
    let amount = match number::KEEPS_DIGITS {
        true => "1.1234127836128763".to_owned(),
        false => serde_json::from_str::<f64>("1.1234127836128763").unwrap().to_string(),
    };
    let expected = format!(r#"{{"amount":{amount},"big":{whole},"d":{decimal},"far":{far}}}"#);
    assert_eq!(both::<Value>(text).unwrap().to_string(), expected);
    assert_eq!(both::<Value>(b"1E400").is_some(), number::KEEPS_DIGITS);
    assert_eq!(both::<f64>(b"1E400"), None);
    let decimals = both::<Vec<Decimal>>(b"[19.990, 7, 1E5]").unwrap();
    let digits = "$serde_json::private::Number: 19.990";
    assert_eq!(decimals[0].0, if number::KEEPS_DIGITS { digits } else { "19.99" });
    assert_eq!(decimals[1].0, "7");
}

#[test]
fn a_key_is_raw_where_that_is_wanted() {
    #[derive(Debug, PartialEq)]
    struct Keys(Vec<String>);

    impl<'de> Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
            struct Visitor;

            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Keys;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> std::result::Result<Keys, A::Error> {
                    let mut keys = Vec::new();
                    while let Some((key, _)) = map.next_entry::<Box<RawValue>, serde::de::IgnoredAny>()? {
                        keys.push(key.to_string());
                    }
                    Ok(Keys(keys))
                }
            }

            deserializer.deserialize_map(Visitor)
        }
    }

    let keys = both::<Keys>(br#"{"a\u0062":1, "c" :2}"#).unwrap();
    assert_eq!(keys.0, [r#""a\u0062""#, r#""c""#]);
}

#[test]
fn a_value_of_every_kind() {
    let everything = both::<Everything>(EVERYTHING.as_bytes()).unwrap();
    assert_eq!(everything.text, "a\"\\/\u{8}\u{c}\n\r\té😀ü");
    each_type(EVERYTHING.as_bytes());
}

#[test]
fn the_edges_of_json() {
    for text in EDGES {
        each_type(text.as_bytes());
    }
}

/// Whether a number that only an `f64` can hold is refused as an `f32` depends on how serde_json is configured.
#[test]
fn small_floats() {
    for text in ["0", "-0", "1", "0.1", "-1.5e-3", "16777217", "1e38", "\"1\"", "null"] {
        both::<f32>(text.as_bytes());
    }
}

#[test]
fn texts_that_are_not_unicode() {
    for text in [&b"\"\xff\""[..], b"\"\xed\xa0\x80\"", b"{\"\xff\":1}", b"[1,\xff]", b"\xff"] {
        each_type(text);
    }
}

#[test]
fn depth_has_an_end_unless_nobody_looks() {
    for depth in [1, 126, 127, 128, 100_000] {
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        both::<serde::de::IgnoredAny>(text.as_bytes());
        assert_eq!(both::<Value>(text.as_bytes()).is_some(), depth < 128);
        let text = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        assert_eq!(both::<Value>(text.as_bytes()).is_some(), depth < 128);
    }
}

#[test]
fn bytes_may_be_no_unicode() {
    #[derive(Debug, PartialEq)]
    struct Bytes(Vec<u8>);

    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
            struct Visitor;

            impl serde::de::Visitor<'_> for Visitor {
                type Value = Bytes;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("bytes")
                }

                fn visit_bytes<E>(self, bytes: &[u8]) -> std::result::Result<Bytes, E> {
                    Ok(Bytes(bytes.into()))
                }
            }

            deserializer.deserialize_bytes(Visitor)
        }
    }

    for text in
        [&b"\"a\xff\""[..], br#""\ud800x""#, br#""\ud800\u0041""#, br#""\ud800\ud800\udc00""#, br#""\udc00""#]
    {
        assert!(both::<Bytes>(text).is_some());
    }
}

#[test]
fn errors_say_what_and_where() {
    for (text, expected) in [
        (
            "{\"number\":1,\n \"text\":2}",
            "at `text`: this is the number `2`; expected a string at line 2 column 9",
        ),
        (r#"{"map":{"7":1}}"#, "at `map.7`: this is the number `1`; expected a boolean at line 1 column 13"),
        (
            r#"{"shape":{"Line":[1,300]}}"#,
            "at `shape[1]`: this is the number `300`; expected i8 at line 1 column 23",
        ),
        (
            r#"{"pair":[1,"xy"]}"#,
            "at `pair[1]`: this is the string \"xy\"; expected a character at line 1 column 15",
        ),
        (
            r#"{"maybe":{"maybe":{"list":[1,{}]}}}"#,
            "at `maybe.maybe.list[1]`: this is an object; expected f64 at line 1 column 29",
        ),
        ("{}", "missing field `number` at line 1 column 1"),
        ("{\"number\":", "at `number`: the text ends, expected a value at line 1 column 10"),
        ("[", "this is an array; expected struct Everything"),
    ] {
        let error = from_slice::<Everything>(text.as_bytes()).unwrap_err();
        assert_eq!(error, expected, "{text}");
    }
    let long = format!("\"{}\"", "é".repeat(1000));
    assert!(from_slice::<bool>(long.as_bytes()).unwrap_err().len() < 300);
}
