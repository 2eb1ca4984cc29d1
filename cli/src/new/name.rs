//! The name of a project, which is both the name of a cargo package and of a handler in `bulkhead.toml`.

use std::fmt;
use std::str::FromStr;

/// A name that is valid for both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(String);

/// Why a name is not valid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NameError {
    #[error("the name of a project must not be empty")]
    Empty,
    #[error("{0:?} starts with a digit, which is not allowed in a package name; choose another name")]
    Digit(String),
    #[error("{0:?} contains {1:?}; a name may contain only ASCII letters, digits, - and _")]
    Character(String, char),
    #[error("{0:?} starts with a dash, which is not allowed in a package name; choose another name")]
    Dash(String),
    #[error("{0:?} is longer than 64 characters, the limit for a handler's name")]
    Long(String),
    #[error("{0:?} is a keyword of Rust; choose another name, such as {0}-handler")]
    Keyword(String),
    #[error(
        "{0:?} is the name of a crate or folder that the project needs; choose another name, such as {0}-handler"
    )]
    Taken(String),
}

/// Cargo's list, including words that are reserved for the future.
const KEYWORDS: [&str; 53] = [
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield", "_",
];

/// Crates of the toolchain and of the templates, folders of cargo, and a word of `bulkhead.toml`.
const TAKEN: [&str; 16] = [
    "alloc",
    "build",
    "bulkhead",
    "bulkhead_sdk",
    "bulkhead_sdk_macros",
    "core",
    "deps",
    "examples",
    "incremental",
    "proc_macro",
    "proc-macro",
    "reject",
    "serde",
    "serde_json",
    "std",
    "test",
];

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let known = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
        let name = text.to_owned();
        match text.chars().next() {
            None => Err(NameError::Empty),
            Some('0'..='9') => Err(NameError::Digit(name)),
            Some('-') => Err(NameError::Dash(name)),
            Some(_) if text.chars().any(|character| !known(&character)) => {
                let character = text.chars().find(|character| !known(character)).unwrap_or_default();
                Err(NameError::Character(name, character))
            }
            Some(_) if text.len() > 64 => Err(NameError::Long(name)),
            Some(_) if KEYWORDS.contains(&text) => Err(NameError::Keyword(name)),
            Some(_) if TAKEN.contains(&text) || TAKEN.contains(&text.replace('-', "_").as_str()) => {
                Err(NameError::Taken(name))
            }
            Some(_) => Ok(Self(name)),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_cargo_and_the_manifest_take() {
        for name in ["hello", "hello-world", "hello_2", "_h", "H", &"a".repeat(64)] {
            assert_eq!(name.parse(), Ok(Name(name.to_owned())));
        }
    }

    #[test]
    fn others_are_refused_and_it_is_said_why() {
        let refused = |name: &str| name.parse::<Name>().unwrap_err().to_string();
        for (name, part) in [
            ("", "must not be empty"),
            ("1st", "starts with a digit"),
            ("-a", "starts with a dash"),
            ("a b", "contains ' '"),
            ("a.b", "contains '.'"),
            ("über", "contains 'ü'"),
            ("match", "a keyword of Rust"),
            ("bulkhead", "such as bulkhead-handler"),
            ("bulkhead-sdk", "that the project needs"),
            ("bulkhead_sdk", "that the project needs"),
            ("bulkhead-sdk-macros", "that the project needs"),
            ("serde-json", "that the project needs"),
            ("test", "that the project needs"),
            (&"a".repeat(65), "64 characters"),
        ] {
            assert!(refused(name).contains(part), "{name}: {}", refused(name));
        }
    }
}
