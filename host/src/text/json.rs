//! JSON objects that are parsed only as objects.
//!
//! The code that serde derives for a struct also accepts an array, whose elements become the fields in their
//! order. Other parsers do not, so an array would have different meanings here and elsewhere.

use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A struct that was a JSON object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Pair<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
        #[serde(default)]
        number: Option<u8>,
    }

    #[test]
    fn an_object_is_read_as_its_struct_is() {
        let Object(pair): Object<Pair<'_>> =
            serde_json::from_str(r#"{"name": "a", "number": 7, "more": []}"#).unwrap();
        assert_eq!(pair, Pair { name: "a".into(), number: Some(7) });
        assert!(matches!(pair.name, Cow::Borrowed("a")), "a string without escapes is not copied");
    }

    #[test]
    fn raw_values_are_read_within_it() {
        #[derive(serde::Deserialize)]
        struct Raw<'a> {
            #[serde(borrow)]
            value: &'a RawValue,
        }
        let Object(raw) = serde_json::from_str::<Object<Raw<'_>>>(r#"{"value": [1, {}]}"#).unwrap();
        assert_eq!(raw.value.get(), "[1, {}]");
    }

    #[test]
    fn an_array_is_no_object() {
        serde_json::from_str::<Pair<'_>>(r#"["a", 7]"#).expect("serde takes it for the struct");
        for json in [r#"["a", 7]"#, "[]", "7", "null", r#""a""#, r#"{"name": "a", "name": "b"}"#] {
            assert!(serde_json::from_str::<Object<Pair<'_>>>(json).is_err(), "{json}");
        }
    }
}
