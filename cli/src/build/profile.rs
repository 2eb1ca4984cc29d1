//! The profile of guests: small, quick to start, and with the names of functions in it. What the project says itself goes
//! before it.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use toml::de::{DeTable, DeValue};

use super::cargo;

/// What is set where the project does not: a component is small, cannot unwind, and keeps the names of its functions, so that
/// a trap says where it happened.
const GUEST: [(&str, &str); 5] = [
    ("opt-level", "\"s\""),
    ("lto", "\"fat\""),
    ("codegen-units", "1"),
    ("panic", "\"abort\""),
    ("strip", "\"debuginfo\""),
];

/// The settings to hand to cargo for a profile. Profiles other than `release` are as the project has them.
pub(super) fn overrides(folder: &Path, profile: &str) -> anyhow::Result<Vec<String>> {
    if profile != "release" {
        return Ok(Vec::new());
    }
    let located = cargo::output(folder, &["locate-project", "--workspace", "--message-format", "plain"])?;
    let file = String::from_utf8(located).context("cargo named a Cargo.toml that is not UTF-8")?;
    let text =
        std::fs::read_to_string(file.trim()).with_context(|| format!("{} cannot be read", file.trim()))?;
    let said = said(&text).map_err(|error| anyhow!("{}: {error}", file.trim()))?;
    let in_environment = |key: &str| {
        std::env::var_os(format!("CARGO_PROFILE_RELEASE_{}", key.replace('-', "_").to_uppercase())).is_some()
    };
    let unset = GUEST.iter().filter(|(key, _)| !said.iter().any(|said| said == key) && !in_environment(key));
    Ok(unset.map(|(key, value)| format!("profile.release.{key}={value}")).collect())
}

/// The keys of `[profile.release]`.
fn said(text: &str) -> Result<Vec<String>, toml::de::Error> {
    let root = DeTable::parse(text)?;
    let profile = root.get_ref().get("profile").and_then(|value| table(value.get_ref()));
    let release = profile.and_then(|profile| table(profile.get("release")?.get_ref()));
    Ok(release.into_iter().flatten().map(|(key, _)| key.get_ref().to_string()).collect())
}

fn table<'t, 'i>(value: &'t DeValue<'i>) -> Option<&'t DeTable<'i>> {
    if let DeValue::Table(table) = value { Some(table) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_project_says_is_left_alone() {
        let text = "[package]\nname = \"x\"\n[profile.release]\nopt-level = 3\n[profile.release.package.x]\nstrip = true\n";
        assert_eq!(said(text).unwrap(), ["opt-level", "package"]);
        assert_eq!(said("[profile.dev]\nstrip = true").unwrap(), [] as [&str; 0]);
        assert!(said("[profile").is_err());
    }
}
