//! The metadata of the packages of a release, for the registries that list them.

use anyhow::{Context as _, Result, bail};

/// The name of the package, on PyPI and on npm. `bulkhead` belongs to someone else on PyPI. The command keeps that name.
pub(super) const NAME: &str = "bulkhead-lambda";

/// One line, for lists of search results.
pub(super) const SUMMARY: &str = "The `bulkhead` command: runs AWS Lambda handlers as WebAssembly components, each event in a sandbox of its own";

/// The version of all crates.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An SPDX expression.
pub(super) const LICENSE: &str = env!("CARGO_PKG_LICENSE");

/// The texts of the licences, as files of a release.
pub(super) const LICENSES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// The address of the source.
pub(super) const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// The words under which a registry finds the package.
pub(super) const KEYWORDS: [&str; 5] = ["aws-lambda", "sandbox", "serverless", "wasm", "webassembly"];

/// The text on the package's page of a registry.
pub(super) const README: &str = include_str!("../../packages/README.md");

/// A version of Cargo's as PyPI writes it: `0.2.0-rc.1` is `0.2.0rc1` there.
pub(super) fn python_version(version: &str) -> Result<String> {
    let Some((release, pre)) = version.split_once('-') else { return Ok(version.to_owned()) };
    let (kind, number) =
        pre.split_once('.').with_context(|| format!("{version}: the pre-release has no number"))?;
    let kind = match kind {
        "alpha" => "a",
        "beta" => "b",
        "rc" => "rc",
        _ => bail!("{version}: PyPI has only the pre-releases alpha.N, beta.N and rc.N"),
    };
    let number: u32 = number.parse().with_context(|| format!("{version}: {number} is not a number"))?;
    Ok(format!("{release}{kind}{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_written_as_pypi_writes_it() {
        assert_eq!(python_version("0.2.0").unwrap(), "0.2.0");
        assert_eq!(python_version("0.2.0-rc.1").unwrap(), "0.2.0rc1");
        assert_eq!(python_version("0.2.0-alpha.12").unwrap(), "0.2.0a12");
        for unknown in ["0.2.0-nightly.1", "0.2.0-rc", "0.2.0-rc.x"] {
            assert!(python_version(unknown).is_err(), "{unknown}");
        }
    }
}
