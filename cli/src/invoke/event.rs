//! The event that the command line names.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bulkhead_host::text::printable::{Shown as _, name};
use serde::de::IgnoredAny;

use crate::{files, json};

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
    /// Reads the event. Lambda rejects an event that is not JSON, so no handler would get it.
    pub(super) fn read(&self) -> anyhow::Result<Vec<u8>> {
        let event = match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::File(path) => files::read(path)?,
            Self::Stdin => {
                let mut bytes = Vec::new();
                std::io::stdin().read_to_end(&mut bytes).context("stdin cannot be read")?;
                bytes
            }
        };
        let what = match self {
            Self::Text(_) => "the event".to_owned(),
            Self::File(path) => path.shown(),
            Self::Stdin => "the event on stdin".to_owned(),
        };
        if event.trim_ascii().is_empty() {
            return Err(anyhow!("{what} is empty; an event without content is {{}}"));
        }
        match serde_json::from_slice::<IgnoredAny>(event.trim_ascii_end()) {
            Ok(IgnoredAny) => Ok(event),
            Err(error) => {
                Err(anyhow!("{what} is not valid JSON: {}{}", json::mistake(&event, &error), self.hint()))
            }
        }
    }

    /// What a text that is not JSON was probably meant to be.
    fn hint(&self) -> String {
        let Self::Text(text) = self else { return String::new() };
        if Path::new(text).is_file() || text.ends_with(".json") {
            return format!("; did you mean --event @{}?", name(text));
        }
        if text.trim_start().starts_with(['{', '[']) {
            // The rest of the quotes is as it should be.
            if text.matches('"').count() > 2 && !text.contains('\'') {
                return String::new();
            }
            return r#"; put single quotes around the event, and double quotes around its keys and strings: --event '{"key": "value"}'"#.to_owned();
        }
        let is_word = text.chars().all(|c| c.is_alphanumeric() || " -_.".contains(c));
        if is_word { format!("; a string has double quotes: --event '\"{text}\"'") } else { String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(argument: &str) -> String {
        Argument::from(argument).read().unwrap_err().to_string()
    }

    #[test]
    fn an_event_is_said_or_named() {
        assert_eq!(Argument::from("{}"), Argument::Text("{}".to_owned()));
        assert_eq!(Argument::from("@-"), Argument::Stdin);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        std::fs::write(&path, "[1]").unwrap();
        let named = format!("@{}", path.display());
        assert_eq!(Argument::from(named.as_str()).read().unwrap(), b"[1]");
        assert_eq!(wrong("@/no/such/event.json"), "/no/such/event.json: there is no folder /no");
        std::fs::write(&path, "[1").unwrap();
        let error = wrong(&named);
        assert!(
            error.ends_with(
                "is not valid JSON: the array that begins at line 1, column 1 is not closed; add `]`"
            ),
            "{error}"
        );
        let error = wrong(&named[1..]);
        assert!(error.ends_with(&format!("; did you mean --event {named}?")), "{error}");
    }

    #[test]
    fn what_is_not_json_is_answered_with_what_is_meant() {
        for (argument, expected) in [
            ("", "the event is empty; an event without content is {}"),
            (
                "event.json",
                "the event is not valid JSON: `event.json` at line 1, column 1 is not a JSON value; did you mean --event @event.json?",
            ),
            (
                "notjson",
                "the event is not valid JSON: `notjson` at line 1, column 1 is not a JSON value; a string has double quotes: --event '\"notjson\"'",
            ),
            (
                "{name: \"x\"}",
                "the event is not valid JSON: the key `name` at line 1, column 2 needs double quotes; put single quotes around \
                 the event, and double quotes around its keys and strings: --event '{\"key\": \"value\"}'",
            ),
        ] {
            assert_eq!(wrong(argument), expected);
        }
    }
}
