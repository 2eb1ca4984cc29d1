//! A JSON pointer (RFC 6901) to the tenant's id in an event.

use std::str::FromStr;

/// Where in an event the id of its tenant stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    tokens: Vec<String>,
}

/// Not a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// It is empty, which is the event itself, or does not start with a slash.
    #[error("a JSON pointer starts with a slash, such as \"/detail/tenant\"")]
    Start,
    /// A tilde that is no escape.
    #[error("after a tilde comes 0, for a tilde itself, or 1, for a slash")]
    Escape,
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tokens = text.strip_prefix('/').ok_or(PointerError::Start)?;
        tokens.split('/').map(token).collect::<Result<_, _>>().map(|tokens| Self { tokens })
    }
}

fn token(escaped: &str) -> Result<String, PointerError> {
    let bad = escaped.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1']));
    // In this order, so that `~01` is `~1` (RFC 6901, section 4).
    if bad { Err(PointerError::Escape) } else { Ok(escaped.replace("~1", "/").replace("~0", "~")) }
}

impl std::fmt::Display for Pointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.tokens.iter().try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1")))
    }
}
