//! Reads JSON member by member, so that members that are not used take no memory, however large they are.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A string, which is borrowed from its document if it has no escapes.
#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The content of a string, or any other value as it is written.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    match value.get().starts_with('"') {
        true => serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0),
        false => Some(Cow::Borrowed(value.get())),
    }
}

/// Calls `take` for each member of an object, or for each item of an array, with an empty name. `None` if the
/// value is neither, or if `take` returns `None`.
pub(super) fn each<'j>(
    json: &'j str,
    take: impl FnMut(Cow<'j, str>, &'j RawValue) -> Option<()>,
) -> Option<()> {
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.deserialize_any(Each(take)).ok()?;
    reader.end().ok()
}

struct Each<F>(F);

impl<'j, F: FnMut(Cow<'j, str>, &'j RawValue) -> Option<()>> Visitor<'j> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'j>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some((Text(name), value)) = members.next_entry()? {
            (self.0)(name, value).ok_or_else(|| A::Error::custom("not taken"))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'j>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(value) = items.next_element()? {
            (self.0)(Cow::Borrowed(""), value).ok_or_else(|| A::Error::custom("not taken"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(json: &str) -> Option<Vec<(String, String)>> {
        let mut all = Vec::new();
        each(json, |name, value| {
            all.push((name.into_owned(), text(value)?.into_owned()));
            Some(())
        })?;
        Some(all)
    }

    #[test]
    fn members_and_items_come_in_order_and_as_they_are_written() {
        let members = all(r#"{"a": "b\n", "c" : [1, {}], "a": 1.50}"#).unwrap();
        let expected = [("a", "b\n"), ("c", "[1, {}]"), ("a", "1.50")];
        assert_eq!(members, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(all(r#"["a", null]"#).unwrap().len(), 2);
        for json in ["", "7", r#""a""#, r#"{"a":1} x"#, r#"{"a":}"#, "{"] {
            assert_eq!(all(json), None, "{json}");
        }
    }

    #[test]
    fn what_is_deep_or_long_is_passed_over() {
        let deep = format!(r#"{{"a":{}{},"b":1}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let mut seen = 0;
        assert!(
            each(&deep, |_, _| {
                seen += 1;
                Some(())
            })
            .is_some()
                && seen == 2
        );
        assert!(each(r#"{"a":1,"b":2}"#, |name, _| (name == "a").then_some(())).is_none());
    }
}
