//! The event that the command line names.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use bulkhead_host::text::printable::Shown as _;

/// The event itself, or its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Argument {
    Text(String),
    File(PathBuf),
    Stdin,
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        match text.strip_prefix('@') {
            Some("-") => Self::Stdin,
            Some(path) => Self::File(path.into()),
            None => Self::Text(text.to_owned()),
        }
    }
}

impl Argument {
    /// Reads the event. It is sent even if it is not valid JSON, as Lambda's own callers can do.
    pub(super) fn read(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::File(path) => {
                std::fs::read(path).with_context(|| format!("{} cannot be read", path.shown()))
            }
            Self::Stdin => {
                let mut bytes = Vec::new();
                std::io::stdin().read_to_end(&mut bytes).context("stdin cannot be read")?;
                Ok(bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_said_or_named() {
        assert_eq!(Argument::from("{}"), Argument::Text("{}".to_owned()));
        assert_eq!(Argument::from("@-"), Argument::Stdin);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        std::fs::write(&path, "[1]").unwrap();
        let named = Argument::from(format!("@{}", path.display()).as_str());
        assert_eq!(named.read().unwrap(), b"[1]");
        let missing = Argument::from("@/no/such/event.json").read().unwrap_err();
        assert_eq!(missing.to_string(), "/no/such/event.json cannot be read");
    }
}
