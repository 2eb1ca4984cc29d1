//! Headers and queries as JSON objects: each name with a value, or with several, in the order of the event.

use std::borrow::Cow;
use std::fmt::{self, Formatter};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::event::Text;

/// Names and values in order. A name with several values comes several times; one with `null` comes not at all.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a>(pub(super) Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// Sources write a single value in one map and an array in another; VPC Lattice has both in one place.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values<'a> {
    One(#[serde(borrow)] Text<'a>),
    Several(#[serde(borrow)] Vec<Text<'a>>),
    None(()),
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("an object with strings, or arrays of strings, as values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Text(name), values)) = map.next_entry::<Text<'de>, Values<'de>>()? {
                    match values {
                        Values::One(Text(value)) => pairs.push((name, value)),
                        Values::Several(values) => {
                            pairs.extend(values.into_iter().map(|Text(value)| (name.clone(), value)));
                        }
                        Values::None(()) => {}
                    }
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_repetition_are_kept() {
        let json = r#"{"b": ["2", "1"], "a": "", "none": null, "empty": [], "b": "3"}"#;
        let Pairs(pairs) = serde_json::from_str(json).unwrap();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(pairs, [("b", "2"), ("b", "1"), ("a", ""), ("b", "3")]);
    }

    #[test]
    fn what_is_no_string_is_an_error() {
        for json in ["[]", "7", r#""a""#, r#"{"a": 7}"#, r#"{"a": [true]}"#, r#"{"a": {"b": "c"}}"#] {
            assert!(serde_json::from_str::<Pairs<'_>>(json).is_err(), "{json}");
        }
    }
}
