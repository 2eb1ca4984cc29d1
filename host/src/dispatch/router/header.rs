//! The tenant's id in a header of an HTTP event: API Gateway (v1, v2), function URLs, ALB.

use std::borrow::Cow;
use std::fmt::{self, Formatter};

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use crate::policy::pointer::Found;
use crate::text::json::Object;

/// The value of a header, whose name is in lower case.
///
/// Every place where the header may be is read: both kinds of maps, in any case. The values must agree, since
/// a handler may read another one than the host.
pub(super) fn find(event: &str, name: &str) -> Found {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Event<'a> {
        #[serde(borrow, default)]
        headers: Option<Headers<'a>>,
        #[serde(borrow, default)]
        multi_value_headers: Option<Headers<'a>>,
    }
    let event = match serde_json::from_str::<Object<Event<'_>>>(event) {
        Ok(Object(event)) => event,
        Err(error) if error.is_data() && event.trim_ascii_start().starts_with('{') => {
            return Found::Unclear("the event's headers are not one JSON object");
        }
        Err(_) => return Found::Nothing,
    };
    let places = [event.headers, event.multi_value_headers];
    let mut values = places
        .iter()
        .flatten()
        .flat_map(|headers| &headers.0)
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .flat_map(|(_, values)| values);
    match values.next() {
        None => Found::Nothing,
        Some(None) => Found::Unclear("the value of the header is not a string"),
        Some(Some(first)) if values.all(|value| value.as_ref() == Some(first)) => {
            Found::Text(first.as_ref().into())
        }
        Some(Some(_)) => Found::Unclear("the header is there with several values"),
    }
}

/// All headers, including duplicates. A value that is not a string counts as missing.
struct Headers<'a>(Vec<Header<'a>>);

/// A name, and its values.
type Header<'a> = (Cow<'a, str>, Vec<Option<Cow<'a, str>>>);

impl<'de: 'a, 'a> Deserialize<'de> for Headers<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Values<'a> {
            One(#[serde(borrow)] Cow<'a, str>),
            Several(#[serde(borrow)] Vec<Cow<'a, str>>),
            Odd(IgnoredAny),
        }
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Headers<'de>;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the values of headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut headers = Vec::new();
                while let Some((key, values)) = map.next_entry::<Cow<'de, str>, Values<'de>>()? {
                    let values = match values {
                        Values::One(value) => vec![Some(value)],
                        Values::Several(values) => values.into_iter().map(Some).collect(),
                        Values::Odd(_) => vec![None],
                    };
                    headers.push((key, values));
                }
                Ok(Headers(headers))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(event: &str) -> Found {
        find(event, "x-tenant")
    }

    #[test]
    fn every_kind_of_http_event_has_it() {
        for event in [
            r#"{"version": "2.0", "headers": {"x-tenant": "acme", "accept": "*/*"}}"#,
            r#"{"headers": {"X-Tenant": "acme"}, "multiValueHeaders": {"X-Tenant": ["acme"]}}"#,
            r#"{"headers": null, "multiValueHeaders": {"x-tenant": ["acme"]}}"#,
            r#"{"headers": {"X-TENANT": ["acme"]}}"#,
        ] {
            assert_eq!(tenant(event), Found::Text("acme".into()), "{event}");
        }
    }

    #[test]
    fn a_header_that_is_not_there_is_nothing() {
        for event in [
            "{}",
            "7",
            "no JSON",
            r#"{"headers": {}}"#,
            r#"{"headers": {"x-tenants": "acme"}}"#,
            r#"[{"x-tenant": "acme"}, null]"#,
        ] {
            assert_eq!(tenant(event), Found::Nothing, "{event}");
        }
    }

    #[test]
    fn values_that_differ_are_unclear() {
        for event in [
            r#"{"headers": {"X-Tenant": "acme", "x-tenant": "other"}}"#,
            r#"{"headers": {"x-tenant": "acme", "x-tenant": "other"}}"#,
            r#"{"headers": {"x-tenant": "acme", "X-Tenant": 7}}"#,
            r#"{"headers": {"x-tenant": 7, "X-Tenant": "acme"}}"#,
            r#"{"headers": {"x-tenant": ["acme", 7]}}"#,
            r#"{"headers": {"x-tenant": "other"}, "multiValueHeaders": {"x-tenant": ["acme", "other"]}}"#,
        ] {
            assert!(matches!(tenant(event), Found::Unclear(_)), "{event}");
        }
    }

    #[test]
    fn the_value_of_another_header_is_no_matter() {
        let event = r#"{"headers": {"x-tenant": "acme", "x-a": 7, "x-b": null, "x-c": {}}}"#;
        assert_eq!(tenant(event), Found::Text("acme".into()));
    }

    #[test]
    fn headers_that_no_http_event_has_are_not_trusted() {
        for event in [
            r#"{"headers": {"x-tenant": "acme"}, "headers": {"x-tenant": "other"}}"#,
            r#"{"headers": 7}"#,
            r#"{"headers": {"x-tenant": {"acme": 1}}}"#,
        ] {
            assert!(matches!(tenant(event), Found::Unclear(_)), "{event}");
        }
    }
}
