//! [`FromEvent`]: converts the bytes of an event to the type of a handler's argument.
//!
//! This module does not use the context. `json.rs` reads the text.

use serde::de::DeserializeOwned;

use crate::{Diagnostic, failure, json};

/// A type that a handler can take as its event.
///
/// Every type that implements serde's `Deserialize` is such a type, and is read as JSON. Implement this trait
/// by hand for events that are not JSON:
///
/// ```
/// use bulkhead::{Diagnostic, FromEvent};
///
/// /// An event such as `colour=red`.
/// struct Setting {
///     name: String,
///     value: String,
/// }
///
/// impl FromEvent for Setting {
///     fn from_event(event: Vec<u8>) -> Result<Self, Diagnostic> {
///         let text = String::from_utf8(event).map_err(|error| error.to_string())?;
///         let (name, value) = text.split_once('=').ok_or("the event has no `=`")?;
///         Ok(Self { name: name.into(), value: value.into() })
///     }
/// }
///
/// #[bulkhead::handler]
/// fn set(setting: Setting) -> String {
///     format!("{} is now {}", setting.name, setting.value)
/// }
///
/// let setting = Setting::from_event(b"colour=red".to_vec()).unwrap();
/// assert_eq!(set(setting), "colour is now red");
/// assert_eq!(Setting::from_event(b"red".to_vec()).err().unwrap().error_message, "the event has no `=`");
/// ```
#[diagnostic::on_unimplemented(
    message = "a handler cannot take an event of type `{Self}`",
    label = "this type is neither JSON nor `bulkhead::Raw`",
    note = "an event is any type with `#[derive(serde::Deserialize)]`, `bulkhead::Raw` for the bytes as they are, or a type that implements `bulkhead::FromEvent`"
)]
pub trait FromEvent: Sized {
    /// Makes the handler's argument from the bytes of the event, which may be empty.
    ///
    /// # Errors
    /// If the bytes do not have the form of this type. The caller gets the [`Diagnostic`].
    fn from_event(event: Vec<u8>) -> Result<Self, Diagnostic>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> FromEvent for T {
    fn from_event(event: Vec<u8>) -> Result<Self, Diagnostic> {
        // Some triggers and command lines send no bytes at all. This counts as JSON's null, which `()` and
        // `Option` accept.
        let text: &[u8] = if event.is_empty() { b"null" } else { &event };
        json::from_slice(text).map_err(|error| unfit(&event, &error, failure::bare_type_name::<T>()))
    }
}

/// Unchanged bytes: as an event, the bytes that the caller sent; as a response, the bytes that the caller
/// gets. They are neither parsed nor copied, and need not be JSON.
///
/// ```
/// use bulkhead::Raw;
///
/// #[bulkhead::handler]
/// fn echo(event: Raw) -> Raw {
///     event
/// }
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Raw(pub Vec<u8>);

impl FromEvent for Raw {
    fn from_event(event: Vec<u8>) -> Result<Self, Diagnostic> {
        Ok(Self(event))
    }
}

/// This function is not generic, so that a component contains it only once.
fn unfit(event: &[u8], error: &str, wanted: &str) -> Diagnostic {
    let error_message = if event.is_empty() {
        format!("the event is empty, but the handler takes `{wanted}`: {error}")
    } else {
        format!("the event is not a valid `{wanted}`: {error}")
    };
    Diagnostic { error_type: "EventUnmarshalError".into(), error_message }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Item {
        price: u32,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Order {
        items: Vec<Item>,
    }

    fn order(json: &str) -> Result<Order, Diagnostic> {
        Order::from_event(json.into())
    }

    #[test]
    fn json_becomes_the_type() {
        assert_eq!(order(r#"{"items":[{"price":3}]}"#), Ok(Order { items: vec![Item { price: 3 }] }));
    }

    #[test]
    fn an_error_names_place_and_types() {
        let error = order("{\"items\":[{\"price\":3},\n{\"price\":\"dear\"}]}").unwrap_err();
        assert_eq!(error.error_type, "EventUnmarshalError");
        assert_eq!(
            error.error_message,
            "the event is not a valid `Order`: at `items[1].price`: this is the string \"dear\"; expected u32 at line 2 column 15"
        );
    }

    #[test]
    fn a_missing_field_names_its_object() {
        let error = order(r#"{"items":[{"price":3},{}]}"#).unwrap_err();
        assert!(error.error_message.contains("at `items[1]`: missing field `price`"), "{error}");
    }

    #[test]
    fn an_error_at_the_top_has_no_path() {
        let error = order("true").unwrap_err();
        assert!(error.error_message.starts_with("the event is not a valid `Order`: this is "), "{error}");
    }

    #[test]
    fn an_empty_event_is_null() {
        assert_eq!(<()>::from_event(Vec::new()), Ok(()));
        assert_eq!(Option::<u8>::from_event(Vec::new()), Ok(None));
        assert_eq!(Value::from_event(Vec::new()), Ok(Value::Null));
    }

    #[test]
    fn an_empty_event_that_does_not_fit_is_called_empty() {
        let error = order("").unwrap_err();
        assert!(
            error.error_message.starts_with("the event is empty, but the handler takes `Order`"),
            "{error}"
        );
    }

    #[test]
    fn raw_events_are_handed_over_as_they_are() {
        let event = vec![0xff, 0, b'{'];
        let address = event.as_ptr();
        let raw = Raw::from_event(event).unwrap();
        assert_eq!(raw.0, [0xff, 0, b'{']);
        assert_eq!(raw.0.as_ptr(), address, "no copy");
    }
}
