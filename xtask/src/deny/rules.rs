//! The rules of `deny.toml` that are checked without cargo-deny: licences, sources, and version requirements.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use cargo_metadata::Package;
use cargo_metadata::semver::VersionReq;
use spdx::{Expression, ParseMode};
use toml::de::{DeTable, DeValue};

/// crates.io in the words of cargo, also if a mirror is used.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A package, as far as the rules concern it.
#[derive(Debug)]
pub(super) struct Dependency {
    name: String,
    version: String,
    /// An SPDX expression.
    license: Option<String>,
    /// Where it comes from. Packages of this workspace have none.
    source: Option<String>,
    /// The packages of which it accepts any version, except those at a path.
    accepts_any: Vec<String>,
}

impl From<Package> for Dependency {
    fn from(package: Package) -> Self {
        let any = package.dependencies.into_iter();
        let any = any.filter(|used| used.req == VersionReq::STAR && used.path.is_none());
        Self {
            name: package.name.into_inner(),
            version: package.version.to_string(),
            license: package.license,
            source: package.source.map(|source| source.repr),
            accepts_any: any.map(|used| used.name).collect(),
        }
    }
}

/// The rules.
#[derive(Debug)]
pub(super) struct Rules {
    /// The targets that are compiled for.
    pub(super) targets: Vec<String>,
    /// The licences that every package may have.
    licenses: BTreeSet<String>,
    /// The further licences of single packages.
    exceptions: BTreeMap<String, BTreeSet<String>>,
}

impl Rules {
    pub(super) fn read(text: &str) -> Result<Self> {
        let document = DeTable::parse(text)?;
        let (graph, licenses) = (table(document.get_ref(), "graph")?, table(document.get_ref(), "licenses")?);
        let mut exceptions = BTreeMap::new();
        let listed = licenses.get("exceptions").and_then(|listed| listed.get_ref().as_array());
        for exception in listed.into_iter().flat_map(|listed| listed.iter()) {
            let exception = exception.get_ref().as_table().context("an exception is a table")?;
            let name = exception.get("crate").and_then(|name| name.get_ref().as_str());
            let name = name.context("an exception names a crate")?;
            exceptions.insert(name.to_owned(), texts(exception, "allow")?.into_iter().collect());
        }
        Ok(Self {
            targets: texts(graph, "targets")?,
            licenses: texts(licenses, "allow")?.into_iter().collect(),
            exceptions,
        })
    }

    /// Everything that the rules do not allow, and exceptions that no package needs.
    pub(super) fn problems(&self, dependencies: &[Dependency]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut excepted = BTreeSet::new();
        for Dependency { name, version, license, source, accepts_any } in dependencies {
            let mut report = |what: String| problems.push(format!("{name} {version}: {what}"));
            match source.as_deref() {
                None => {
                    accepts_any.iter().for_each(|used| report(format!("it accepts any version of {used}")))
                }
                Some(CRATES_IO) => {}
                Some(other) => report(format!("it comes from {other} and not from crates.io")),
            }
            match self.needs_exception(name, license.as_deref()) {
                Ok(true) => {
                    excepted.insert(name);
                }
                Ok(false) => {}
                Err(what) => report(what),
            }
        }
        let unused = self.exceptions.keys().filter(|name| !excepted.contains(name));
        problems.extend(unused.map(|name| format!("{name}: no package needs this exception")));
        problems
    }

    /// Whether a package needs its exception, or why its licence is not allowed.
    fn needs_exception(&self, name: &str, license: Option<&str>) -> Result<bool, String> {
        let license = license.ok_or("it has no licence")?;
        let expression = Expression::parse_mode(license, ParseMode::LAX)
            .map_err(|error| format!("its licence `{license}` is not valid: {}", error.reason))?;
        if expression.evaluate(|needed| self.licenses.contains(&needed.to_string())) {
            return Ok(false);
        }
        let exception = self.exceptions.get(name);
        let is_allowed = |needed: &str| {
            self.licenses.contains(needed) || exception.is_some_and(|allowed| allowed.contains(needed))
        };
        match expression.evaluate(|needed| is_allowed(&needed.to_string())) {
            true => Ok(true),
            false => Err(format!("its licence is `{license}`")),
        }
    }
}

fn table<'a, 'i>(rules: &'a DeTable<'i>, name: &str) -> Result<&'a DeTable<'i>> {
    let found = rules.get(name).and_then(|found| found.get_ref().as_table());
    found.with_context(|| format!("there is no table [{name}]"))
}

fn texts(table: &DeTable<'_>, name: &str) -> Result<Vec<String>> {
    let values = table.get(name).and_then(|values| values.get_ref().as_array());
    let values = values.with_context(|| format!("there is no list `{name}`"))?;
    let texts = values.iter().map(|value| DeValue::as_str(value.get_ref()).map(str::to_owned));
    texts.collect::<Option<_>>().with_context(|| format!("`{name}` contains something that is not a string"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        [graph]
        targets = ["x86_64-unknown-linux-gnu"]
        [licenses]
        allow = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
        exceptions = [{ crate = "roots", allow = ["CDLA-Permissive-2.0"] }]
    "#;

    fn problems(dependencies: &[Dependency]) -> Vec<String> {
        Rules::read(RULES).unwrap().problems(dependencies)
    }

    fn package(name: &str, license: &str) -> Dependency {
        Dependency {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: Some(license.to_owned()),
            source: Some(CRATES_IO.to_owned()),
            accepts_any: Vec::new(),
        }
    }

    fn roots() -> Dependency {
        package("roots", "CDLA-Permissive-2.0")
    }

    #[test]
    fn a_licence_is_allowed_if_one_of_its_alternatives_is() {
        let allowed = [
            package("either", "GPL-3.0-only OR MIT"),
            package("old", "MIT/Apache-2.0"),
            package("llvm", "Apache-2.0 WITH LLVM-exception"),
            roots(),
        ];
        assert_eq!(problems(&allowed), [] as [&str; 0]);
        let both = package("both", "GPL-3.0-only AND MIT");
        let other = package("other", "CDLA-Permissive-2.0");
        assert_eq!(
            problems(&[both, other, roots()]),
            [
                "both 1.0.0: its licence is `GPL-3.0-only AND MIT`",
                "other 1.0.0: its licence is `CDLA-Permissive-2.0`"
            ]
        );
    }

    #[test]
    fn a_missing_or_invalid_licence_is_not_allowed() {
        let without = Dependency { license: None, ..package("without", "") };
        let found = problems(&[without, package("odd", "do what you like"), roots()]);
        assert_eq!(found[0], "without 1.0.0: it has no licence");
        assert!(
            found[1].starts_with("odd 1.0.0: its licence `do what you like` is not valid: "),
            "{found:?}"
        );
    }

    #[test]
    fn an_exception_that_no_package_needs_is_reported() {
        assert_eq!(problems(&[]), ["roots: no package needs this exception"]);
        assert_eq!(problems(&[package("roots", "MIT")]), ["roots: no package needs this exception"]);
    }

    #[test]
    fn packages_come_from_crates_io_and_ours_name_versions() {
        let git = "git+https://example.com/git#1";
        let other = Dependency { source: Some(git.to_owned()), ..package("other", "MIT") };
        let ours =
            Dependency { source: None, accepts_any: vec!["some".to_owned()], ..package("ours", "MIT") };
        assert_eq!(
            problems(&[other, ours, roots()]),
            [
                "other 1.0.0: it comes from git+https://example.com/git#1 and not from crates.io",
                "ours 1.0.0: it accepts any version of some"
            ]
        );
    }
}
