//! The fields of an event, unparsed: their presence determines the kind of event.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields of HTTP events. `null` counts as missing.
///
/// They are not parsed yet, since other events may have anything in these fields, and since a body of
/// megabytes should be decoded only once.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    pub(super) version: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) request_context: Option<&'a RawValue>,
    /// Of REST APIs and load balancers.
    #[serde(borrow)]
    pub(super) http_method: Option<&'a RawValue>,
    /// Of VPC Lattice.
    #[serde(borrow)]
    pub(super) method: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) path: Option<&'a RawValue>,
    /// Of HTTP APIs and function URLs.
    #[serde(borrow)]
    pub(super) raw_path: Option<&'a RawValue>,
    /// Of VPC Lattice's first version.
    #[serde(borrow, rename = "raw_path")]
    pub(super) lattice_path: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) raw_query_string: Option<&'a RawValue>,
    #[serde(borrow, alias = "query_string_parameters")]
    pub(super) query_string_parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) multi_value_query_string_parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) headers: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) multi_value_headers: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) cookies: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) body: Option<&'a RawValue>,
    #[serde(borrow, alias = "is_base64_encoded")]
    pub(super) is_base64_encoded: Option<&'a RawValue>,
    /// In the events of an authorizer, which otherwise look like requests.
    #[serde(borrow)]
    pub(super) method_arn: Option<&'a RawValue>,
    /// In the events of an HTTP API's authorizer.
    #[serde(borrow)]
    pub(super) route_arn: Option<&'a RawValue>,
}

/// A string that shares the event's bytes if it has no escapes. Serde borrows a `Cow` only if it is marked.
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A string; `None` for any other value.
pub(super) fn text(value: Option<&RawValue>) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(value?.get()).ok().map(|text| text.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(event: &str) -> Option<Cow<'_, str>> {
        let event: Event<'_> = serde_json::from_str(event).unwrap();
        text(event.body)
    }

    #[test]
    fn a_string_without_escapes_is_not_copied() {
        assert!(matches!(body(r#"{"body": "abc"}"#), Some(Cow::Borrowed("abc"))));
        assert_eq!(body(r#"{"body": "a\n"}"#).as_deref(), Some("a\n"));
    }

    #[test]
    fn anything_else_is_no_string() {
        for event in ["{}", r#"{"body": null}"#, r#"{"body": {"a": [1]}}"#, r#"{"body": 7}"#] {
            assert_eq!(body(event), None, "{event}");
        }
    }

    #[test]
    fn a_part_that_is_there_twice_is_none() {
        for event in
            [r#"{"path": "/a", "path": "/b"}"#, r#"{"is_base64_encoded": true, "isBase64Encoded": false}"#]
        {
            assert!(serde_json::from_str::<Event<'_>>(event).is_err(), "{event}");
        }
    }
}
