//! [`Diagnostic`], an error as its caller sees it, and the conversions from other errors.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, failure};

/// An error as the caller sees it: a type for programs, and a message for people.
///
/// Return a `Diagnostic`, or implement the conversion from your own error type, to control what the caller
/// sees:
///
/// ```
/// use bulkhead::Diagnostic;
///
/// struct OutOfStock(u32);
///
/// impl From<OutOfStock> for Diagnostic {
///     fn from(error: OutOfStock) -> Self {
///         Diagnostic { error_type: "OutOfStock".into(), error_message: format!("only {} left", error.0) }
///     }
/// }
///
/// #[bulkhead::handler]
/// fn order(quantity: u32) -> Result<(), OutOfStock> {
///     if quantity > 3 { Err(OutOfStock(3)) } else { Ok(()) }
/// }
/// ```
///
/// `Diagnostic` implements `std::error::Error`, so `?` accepts it too. Its type survives within an [`Error`]
/// or an `anyhow::Error`:
///
/// ```
/// # use bulkhead::{Diagnostic, Error};
/// let teapot = Diagnostic { error_type: "Teapot".into(), error_message: "short and stout".into() };
/// let error = Error::from(teapot);
/// assert_eq!(Diagnostic::from(error).error_type, "Teapot");
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// The kind of error, by which callers can tell errors apart. An empty type becomes `Error`.
    pub error_type: String,
    /// A description of the error for people.
    pub error_message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error_message)
    }
}

impl StdError for Diagnostic {}

impl Diagnostic {
    /// The conversion of an error without a static type, which may contain a `Diagnostic`.
    fn erased(error: &(dyn StdError + 'static)) -> Self {
        let chosen = failure::chain(error).find_map(chosen_type);
        Self { error_type: chosen.unwrap_or(failure::ERASED).to_owned(), error_message: error.to_string() }
    }
}

/// The type that an error names itself.
fn chosen_type<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a str> {
    #[cfg(feature = "client")]
    if let Some(error) = error.downcast_ref::<crate::client::Error>() {
        return Some(error.error_type());
    }
    error.downcast_ref::<Diagnostic>().map(|chosen| chosen.error_type.as_str())
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self::erased(&*error)
    }
}

impl From<Box<dyn StdError>> for Diagnostic {
    fn from(error: Box<dyn StdError>) -> Self {
        Self::erased(&*error)
    }
}

#[cfg(feature = "anyhow")]
impl From<anyhow::Error> for Diagnostic {
    fn from(error: anyhow::Error) -> Self {
        Self::erased(&*error)
    }
}

impl From<std::io::Error> for Diagnostic {
    fn from(error: std::io::Error) -> Self {
        Self::erased(&error)
    }
}

impl From<String> for Diagnostic {
    fn from(error_message: String) -> Self {
        Self { error_type: failure::ERASED.into(), error_message }
    }
}

impl From<&'static str> for Diagnostic {
    fn from(error_message: &'static str) -> Self {
        error_message.to_owned().into()
    }
}

impl From<Infallible> for Diagnostic {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
