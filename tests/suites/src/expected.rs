//! The lists of what is expected to fail: groups of tests, each with a reason.
//!
//! A line that begins with `#` is the reason of the lines after it. `feature NAME` leaves out all tests that use this feature of
//! test262, and `file PATH` a file, or a folder if the path ends with a slash; any other line is the name of a test that fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// What one list says.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// Features that are left out, with the reason.
    features: BTreeMap<String, String>,
    /// Files and folders that are left out, with the reason.
    files: BTreeMap<String, String>,
    /// Tests that fail, with the reason.
    tests: BTreeMap<String, String>,
}

impl Expected {
    /// Reads a list. One that does not exist is empty.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        if !file.is_file() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        Self::parse(&text).with_context(|| file.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let (mut expected, mut reason) = (Self::default(), None);
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix('#') {
                reason = Some(text.trim().to_owned());
                continue;
            }
            if line.is_empty() {
                continue;
            }
            let Some(reason) = &reason else { bail!("line {}: there is no reason before it", number + 1) };
            let (listed, name) = if let Some(feature) = line.strip_prefix("feature ") {
                (&mut expected.features, feature)
            } else if let Some(file) = line.strip_prefix("file ") {
                (&mut expected.files, file)
            } else {
                (&mut expected.tests, line)
            };
            if listed.insert(name.to_owned(), reason.clone()).is_some() {
                bail!("line {}: {line} is listed twice", number + 1);
            }
        }
        Ok(expected)
    }

    /// Why a test with these features is left out.
    pub(crate) fn left_out(&self, features: &[String]) -> Option<&str> {
        features.iter().find_map(|feature| self.features.get(feature)).map(String::as_str)
    }

    /// Why a file is left out.
    pub(crate) fn file(&self, path: &str) -> Option<&str> {
        let mut files = self.files.iter();
        let found =
            files.find(|(file, _)| *file == path || (file.ends_with('/') && path.starts_with(file.as_str())));
        found.map(|(_, reason)| reason.as_str())
    }

    /// Why a test fails.
    pub(crate) fn reason(&self, test: &str) -> Option<&str> {
        self.tests.get(test).map(String::as_str)
    }

    /// Of the tests that are expected to fail, those that pass.
    pub(crate) fn stale<'a>(&'a self, passed: &BTreeSet<&str>) -> Vec<&'a str> {
        self.tests.keys().map(String::as_str).filter(|test| passed.contains(test)).collect()
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn each_line_has_the_reason_above_it() {
        let text = "# There are no realms.\nfeature cross-realm\nfile c/\nfile d.js\n\n# A fault.\na/b.js\na/c.js: one of several\n";
        let expected = Expected::parse(text).unwrap();
        let features = |name: &str| expected.left_out(&["x".to_owned(), name.to_owned()]);
        assert_eq!((features("cross-realm"), features("y")), (Some("There are no realms."), None));
        let left_out = ["c/x.js", "d.js", "d.jsx"].map(|file| expected.file(file).is_some());
        assert_eq!(left_out, [true, true, false]);
        assert_eq!(expected.reason("a/b.js"), Some("A fault."));
        assert_eq!(expected.reason("a/c.js: one of several"), Some("A fault."));
        assert_eq!(expected.stale(&BTreeSet::from(["a/b.js", "a/d.js"])), ["a/b.js"]);
    }

    #[test]
    fn a_line_without_a_reason_is_an_error_and_so_is_one_that_is_there_twice() {
        assert_eq!(
            Expected::parse("a.js\n").unwrap_err().to_string(),
            "line 1: there is no reason before it"
        );
        let twice = Expected::parse("# b\na.js\na.js\n").unwrap_err().to_string();
        assert_eq!(twice, "line 3: a.js is listed twice");
    }
}
