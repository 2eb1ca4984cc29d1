//! A line that a guest prints as a JSON object, as logging libraries do: its level, and its text for people.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::Level;

/// The level that the object names, if it is one.
pub(super) fn level(line: &str) -> Option<Level> {
    #[derive(Deserialize)]
    struct Leveled<'a> {
        #[serde(borrow)]
        level: Option<Cow<'a, str>>,
    }
    let named = serde_json::from_str::<Leveled<'_>>(line).ok()?.level;
    named.and_then(|name| Level::parse(&name))
}

/// The object's `message`, followed by its other fields as `name=value`. `None` if it has no message, or no
/// level: then it is data of the guest's, which stays as it is.
pub(super) fn text(line: &str) -> Option<String> {
    let Value::Object(mut fields) = serde_json::from_str(line).ok()? else { return None };
    fields.remove("level")?;
    let Some(Value::String(mut text)) = fields.remove("message") else { return None };
    for (name, value) in fields {
        text.push(' ');
        text.push_str(&name);
        text.push('=');
        match value {
            Value::String(value) if !value.contains([' ', '"', '=']) && !value.is_empty() => {
                text.push_str(&value);
            }
            Value::String(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => text.push_str(&value.to_string()),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_of_ours_in_any_case() {
        assert_eq!(level(r#"{"level":"warn"}"#), Some(Level::Warn));
        assert_eq!(level(r#"{"level":"\u0045RROR","a":1}"#), Some(Level::Error));
        for line in [r#"{"level":30}"#, r#"{"level":"loud"}"#, "{}", "{"] {
            assert_eq!(level(line), None, "{line}");
        }
    }

    #[test]
    fn people_read_the_message_and_then_the_fields() {
        let line = r#"{"level":"INFO","message":"placed","order":7,"of":"acme","note":"a b","none":null,"list":[1]}"#;
        let read = text(line).unwrap();
        assert!(read.starts_with("placed "), "{read}");
        for field in ["order=7", "of=acme", "note=\"a b\"", "none=null", "list=[1]"] {
            assert!(read.contains(field), "{read}");
        }
    }

    #[test]
    fn what_is_no_record_stays_as_it_is() {
        for line in
            [r#"{"level":"INFO"}"#, r#"{"message":"a"}"#, r#"{"level":"INFO","message":1}"#, "[1]", "{"]
        {
            assert_eq!(text(line), None, "{line}");
        }
    }
}
