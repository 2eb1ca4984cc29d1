//! Reads the crates of a program from the output of `cargo tree --prefix depth --format '|{p}|{l}'`.

use std::collections::{BTreeMap, BTreeSet};

/// One crate of a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    /// An SPDX expression.
    pub(super) license: Option<String>,
    /// The URL of its source, if it comes from a repository and not from a registry.
    pub(super) repository: Option<String>,
}

/// All crates of a program, and the dependencies of each. The first line is the program itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Crates {
    pub(super) root: Option<Crate>,
    pub(super) uses: BTreeMap<Crate, BTreeSet<Crate>>,
}

impl Crates {
    /// A line that cannot be read is an error that quotes it.
    pub(super) fn parse(tree: &str) -> anyhow::Result<Self> {
        let mut crates = Self::default();
        let mut above: Vec<Crate> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let (depth, found) = crate_of(line)
                .ok_or_else(|| anyhow::anyhow!("`cargo tree` printed an unexpected line: {line}"))?;
            above.truncate(depth);
            if let Some(user) = above.last() {
                crates.uses.entry(user.clone()).or_default().insert(found.clone());
            } else {
                crates.root = Some(found.clone());
            }
            crates.uses.entry(found.clone()).or_default();
            above.push(found);
        }
        Ok(crates)
    }
}

/// `3|libc v0.2.1 (…)|MIT OR Apache-2.0 (*)`: the parentheses contain a repository, a folder of this machine,
/// or a mark that the crate's dependencies were printed before.
fn crate_of(line: &str) -> Option<(usize, Crate)> {
    let (depth, rest) = line.split_once('|')?;
    let (package, license) = rest.trim_end_matches(" (*)").split_once('|')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let repository = words
        .map(|word| word.trim_matches(['(', ')']))
        .find(|word| word.contains("://"))
        .map(|word| word.trim_start_matches("git+").to_owned());
    // Old crates write `MIT/Apache-2.0`.
    let license = license.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ");
    let found = Crate {
        name: name.to_owned(),
        version: version.to_owned(),
        license: Some(license).filter(|license| !license.is_empty()),
        repository,
    };
    Some((depth.parse().ok()?, found))
}

impl Crate {
    /// The crate's package URL (<https://github.com/package-url/purl-spec>).
    pub(super) fn purl(&self) -> String {
        let version = percent_encoding::utf8_percent_encode(&self.version, VALUE);
        let from = self.repository.as_ref().map_or_else(String::new, |repository| {
            let url = format!("git+{repository}");
            format!("?vcs_url={}", percent_encoding::utf8_percent_encode(&url, VALUE))
        });
        format!("pkg:cargo/{}@{version}{from}", self.name)
    }
}

/// The characters that are percent-encoded in a value of a package URL.
const VALUE: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/');

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0|hello v0.1.0 (/home/me/hello)|\n1|bulkhead-sdk v0.1.0 (https://example.com/b?rev=1#0123)|MIT\n\
                        2|serde v1.0.1|MIT/Apache-2.0\n1|serde v1.0.1|MIT/Apache-2.0 (*)\n";

    #[test]
    fn each_crate_is_there_once_with_what_it_uses() {
        let crates = Crates::parse(TREE).unwrap();
        let root = crates.root.unwrap();
        assert_eq!(
            (root.name.as_str(), root.license.as_ref(), root.repository.as_ref()),
            ("hello", None, None)
        );
        let uses: Vec<_> = crates.uses[&root].iter().map(|used| used.name.as_str()).collect();
        assert_eq!(uses, ["bulkhead-sdk", "serde"]);
        assert_eq!(crates.uses.len(), 3);
        let serde = crates.uses.keys().find(|found| found.name == "serde").unwrap();
        assert_eq!(serde.license.as_deref(), Some("MIT OR Apache-2.0"));
    }

    #[test]
    fn folders_of_this_machine_are_told_to_nobody_and_repositories_are() {
        let purls: Vec<_> = Crates::parse(TREE).unwrap().uses.keys().map(Crate::purl).collect();
        assert_eq!(
            purls,
            [
                "pkg:cargo/bulkhead-sdk@0.1.0?vcs_url=git%2Bhttps://example.com/b%3Frev%3D1%230123",
                "pkg:cargo/hello@0.1.0",
                "pkg:cargo/serde@1.0.1"
            ]
        );
    }

    #[test]
    fn a_line_of_another_kind_is_told() {
        let error = Crates::parse("warning: odd").unwrap_err().to_string();
        assert!(error.contains("warning: odd"), "{error}");
    }
}
