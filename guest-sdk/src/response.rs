//! [`IntoResponse`]: converts a handler's value to the bytes of the response.

mod why;

use serde::Serialize;

use crate::{Diagnostic, Raw, failure, json};

/// A type that a handler can return, by itself or as the `Ok` of a `Result`.
///
/// Every type that implements serde's `Serialize` is such a type, and is written as JSON; `()` becomes
/// `null`. Implement this trait by hand for responses that are not JSON:
///
/// ```
/// use bulkhead::{Diagnostic, IntoResponse};
///
/// struct Csv(Vec<[u32; 2]>);
///
/// impl IntoResponse for Csv {
///     fn into_response(self) -> Result<Vec<u8>, Diagnostic> {
///         let lines: Vec<String> = self.0.iter().map(|[one, two]| format!("{one},{two}")).collect();
///         Ok(lines.join("\n").into_bytes())
///     }
/// }
///
/// #[bulkhead::handler]
/// fn squares(to: u32) -> Csv {
///     Csv((1..=to).map(|number| [number, number * number]).collect())
/// }
///
/// assert_eq!(squares(3).into_response().unwrap(), b"1,1\n2,4\n3,9");
/// ```
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "this type is neither JSON nor `bulkhead::Raw`",
    note = "a response is any type with `#[derive(serde::Serialize)]`, `bulkhead::Raw` for the bytes as they are, or a type that implements `bulkhead::IntoResponse`",
    note = "if it is a future, make the handler an `async fn`"
)]
pub trait IntoResponse {
    /// Makes the bytes that the caller gets.
    ///
    /// ```
    /// use bulkhead::IntoResponse as _;
    ///
    /// assert_eq!(vec![1, 2].into_response().unwrap(), b"[1,2]");
    /// assert_eq!(().into_response().unwrap(), b"null");
    /// ```
    ///
    /// # Errors
    /// If the value cannot be written. The caller gets the [`Diagnostic`] instead.
    fn into_response(self) -> Result<Vec<u8>, Diagnostic>;

    /// What [`run`](crate::run) sends; not for others.
    #[doc(hidden)]
    fn into_answer(self) -> Answer
    where
        Self: Sized,
    {
        Answer::Whole(self.into_response())
    }
}

/// A response that is sent whole, or piece by piece.
#[doc(hidden)]
#[derive(Debug)]
pub enum Answer {
    /// The bytes.
    Whole(Result<Vec<u8>, Diagnostic>),
    /// The pieces, and what is sent before them.
    #[cfg(feature = "streaming")]
    Pieces(crate::streaming::Response<crate::streaming::Body>),
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> IntoResponse for T {
    fn into_response(self) -> Result<Vec<u8>, Diagnostic> {
        json::to_vec(&self)
            .map_err(|error| unwritable(&error, || why::not(&self), failure::bare_type_name::<T>()))
    }
}

impl IntoResponse for Raw {
    fn into_response(self) -> Result<Vec<u8>, Diagnostic> {
        Ok(self.0)
    }
}

/// The text of serde_json's error is not used: serde_json formats all of its errors with shared code,
/// including I/O errors, which alone would be an eighth of the smallest handler.
fn unwritable(error: &serde_json::Error, why: impl FnOnce() -> Option<String>, returned: &str) -> Diagnostic {
    let reason = if error.is_syntax() { None } else { why() };
    let reason = reason.as_deref().unwrap_or("a key of a map must be a string or a number");
    Diagnostic {
        error_type: "ResponseMarshalError".into(),
        error_message: format!("the handler's `{returned}` cannot be written as JSON: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn nothing_is_null() {
        assert_eq!(().into_response(), Ok(b"null".to_vec()));
    }

    #[test]
    fn values_are_json_and_raw_is_itself() {
        assert_eq!(vec![1, 2].into_response(), Ok(b"[1,2]".to_vec()));
        assert_eq!(Raw(vec![0xff]).into_response(), Ok(vec![0xff]));
    }

    #[test]
    fn what_json_cannot_say_is_an_error() {
        let error = BTreeMap::from([((1, 2), 3)]).into_response().unwrap_err();
        assert_eq!(error.error_type, "ResponseMarshalError");
        assert_eq!(
            error.error_message,
            "the handler's `BTreeMap` cannot be written as JSON: a key of a map must be a string or a number"
        );
    }

    #[test]
    fn what_a_type_refuses_to_write_is_an_error_with_its_words() {
        #[derive(Serialize)]
        struct Outer {
            list: Vec<Stubborn>,
        }

        struct Stubborn;

        impl Serialize for Stubborn {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("not today"))
            }
        }

        let error = Outer { list: vec![Stubborn] }.into_response().unwrap_err();
        assert_eq!(error.error_message, "the handler's `Outer` cannot be written as JSON: not today");
    }
}
