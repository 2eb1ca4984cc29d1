//! Headers and queries as JSON objects: each name with one value or several, in the order of the event.

use std::borrow::Cow;
use std::fmt::{self, Formatter};

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::error::shown;
use super::event::Text;

/// Names and values in order. A name with several values appears several times; a name with `null` does not
/// appear.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a>(pub(super) Vec<(Cow<'a, str>, Cow<'a, str>)>);

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
                while let Some((Text(name), values)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    let values = several(values).ok_or_else(|| {
                        let name = shown(&name);
                        A::Error::custom(format_args!(
                            "the value of {name} is neither a string nor an array of strings"
                        ))
                    })?;
                    pairs.extend(values.into_iter().map(|value| (name.clone(), value)));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

/// Sources write a single value in one map and an array in another; VPC Lattice uses both in one field.
fn several(values: &RawValue) -> Option<Vec<Cow<'_, str>>> {
    match values.get().as_bytes() {
        b"null" => Some(Vec::new()),
        [b'[', ..] => {
            let values: Vec<&RawValue> = serde_json::from_str(values.get()).ok()?;
            values.into_iter().map(one).collect()
        }
        _ => Some(vec![one(values)?]),
    }
}

/// No source sends a number or a boolean, but people write them by hand; the value is used as text.
fn one(value: &RawValue) -> Option<Cow<'_, str>> {
    match value.get().as_bytes() {
        [b'"', ..] => serde_json::from_str::<Text<'_>>(value.get()).ok().map(|Text(text)| text),
        [b'-' | b'0'..=b'9' | b't' | b'f', ..] => Some(value.get().into()),
        _ => None,
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
    fn a_number_or_a_boolean_is_its_text() {
        let Pairs(pairs) =
            serde_json::from_str(r#"{"a": 7, "b": [1.50, true], "c": -0, "d": false}"#).unwrap();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(pairs, [("a", "7"), ("b", "1.50"), ("b", "true"), ("c", "-0"), ("d", "false")]);
    }

    #[test]
    fn what_is_no_string_is_an_error_with_its_name() {
        for json in ["[]", "7", r#""a""#, r#"[["a", "b"]]"#] {
            assert!(serde_json::from_str::<Pairs<'_>>(json).is_err(), "{json}");
        }
        for json in [
            r#"{"x-a": {"b": "c"}}"#,
            r#"{"x-a": [{}]}"#,
            r#"{"x-a": [["b"]]}"#,
            r#"{"x-a": [null]}"#,
            r#"{"x-a": "\ud800"}"#,
        ] {
            let error = serde_json::from_str::<Pairs<'_>>(json).unwrap_err().to_string();
            assert!(error.starts_with("the value of \"x-a\" is neither a string nor"), "{json}: {error}");
        }
    }

    #[test]
    fn a_string_without_escapes_is_not_copied() {
        let Pairs(pairs) = serde_json::from_str(r#"{"a": "b", "c": ["d"]}"#).unwrap();
        assert!(
            pairs.iter().all(|(name, value)| matches!((name, value), (Cow::Borrowed(_), Cow::Borrowed(_))))
        );
    }
}
