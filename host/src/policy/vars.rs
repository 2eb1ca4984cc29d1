//! Environment variables: those of the process, or a map in tests. Nothing else in the host reads the
//! environment.

use std::collections::HashMap;

/// A source of variables.
pub trait Vars {
    /// The value of `name`, if it is set and not empty. Bytes that are not UTF-8 are replaced.
    fn get(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessVars;

impl Vars for ProcessVars {
    fn get(&self, name: &str) -> Option<String> {
        let value = std::env::var_os(name)?;
        (!value.is_empty()).then(|| value.to_string_lossy().into_owned())
    }
}

impl Vars for HashMap<&str, &str> {
    fn get(&self, name: &str) -> Option<String> {
        HashMap::get(self, name).filter(|value| !value.is_empty()).map(|value| (*value).to_owned())
    }
}
