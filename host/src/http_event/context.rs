//! `requestContext`: data of the source about a request.

use std::borrow::Cow;
use std::fmt::Write;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::text;
use crate::text::json::Object;

/// The fields that are used here; [`printable`] passes all of them on.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Context<'a> {
    /// Of load balancers.
    #[serde(borrow)]
    pub(super) elb: Option<&'a RawValue>,
    /// Of HTTP APIs and function URLs.
    #[serde(borrow)]
    pub(super) http: Option<&'a RawValue>,
    /// Of WebSocket APIs.
    #[serde(borrow)]
    pub(super) connection_id: Option<&'a RawValue>,
    /// Of VPC Lattice.
    #[serde(borrow)]
    pub(super) service_arn: Option<&'a RawValue>,
    #[serde(borrow)]
    domain_name: Option<&'a RawValue>,
    #[serde(borrow)]
    stage: Option<&'a RawValue>,
    #[serde(borrow)]
    event_type: Option<&'a RawValue>,
}

impl<'a> Context<'a> {
    /// The context of an event. A context that is not an object has no fields.
    pub(super) fn of(context: Option<&'a RawValue>) -> Self {
        let Object(parts) =
            context.and_then(|context| serde_json::from_str(context.get()).ok()).unwrap_or_default();
        parts
    }

    /// The source's own host name.
    pub(super) fn domain_name(&self) -> Option<Cow<'a, str>> {
        text(self.domain_name)
    }

    /// The stage of an API, if it has a name.
    pub(super) fn stage(&self) -> Option<Cow<'a, str>> {
        text(self.stage).filter(|stage| !stage.is_empty() && stage != "$default")
    }

    /// The method, if it is in the context.
    pub(super) fn method(&self) -> Option<&'a RawValue> {
        #[derive(Deserialize)]
        struct Http<'a> {
            #[serde(borrow, default)]
            method: Option<&'a RawValue>,
        }
        let Object(http): Object<Http<'_>> = serde_json::from_str(self.http?.get()).ok()?;
        http.method
    }

    /// Whether it belongs to a message on a WebSocket, and not to the start or end of the connection.
    pub(super) fn is_message(&self) -> bool {
        text(self.event_type).is_some_and(|kind| kind == "MESSAGE")
    }
}

/// JSON as a header value: without white space, in visible ASCII.
pub(super) fn printable(json: &RawValue) -> String {
    let mut printed = String::with_capacity(json.get().len());
    let (mut in_string, mut escaped) = (false, false);
    for letter in json.get().chars() {
        if !in_string && letter.is_ascii_whitespace() {
            continue;
        }
        if letter.is_ascii() && !letter.is_ascii_control() {
            printed.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(printed, "\\u{unit:04x}");
            }
        }
        in_string ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
    }
    printed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_context_is_printed_on_one_line_of_ascii_and_stays_the_same() {
        let json = "{ \"a b\" : [1.50,\n\t\"x \\\" y\\\\\" , null ], \"ü\": \"😀\u{7f}\" }";
        let printed = printable(raw(json));
        assert_eq!(printed, r#"{"a b":[1.50,"x \" y\\",null],"\u00fc":"\ud83d\ude00\u007f"}"#);
        let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(value(&printed), value(json));
    }

    #[test]
    fn the_default_stage_has_no_name() {
        let stage = |json| Context::of(Some(raw(json))).stage().map(Cow::into_owned);
        assert_eq!(stage(r#"{"stage": "prod"}"#).as_deref(), Some("prod"));
        for json in [r#"{"stage": "$default"}"#, r#"{"stage": ""}"#, r#"{"stage": 7}"#, "{}", "[]", "7"] {
            assert_eq!(stage(json), None, "{json}");
        }
    }

    #[test]
    fn a_method_is_found_where_it_can_be() {
        let method = |json| text(Context::of(Some(raw(json))).method()).map(Cow::into_owned);
        assert_eq!(method(r#"{"http": {"method": "PUT"}}"#).as_deref(), Some("PUT"));
        for json in [r#"{"http": {}}"#, r#"{"http": "PUT"}"#, r#"{"http": ["PUT"]}"#, "{}"] {
            assert_eq!(method(json), None, "{json}");
        }
    }
}
