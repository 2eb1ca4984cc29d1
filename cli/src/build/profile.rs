//! The cargo profile of guests: fast, small, and with function names kept. The project's own settings take
//! precedence.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use bulkhead_host::policy::manifest::not_toml;
use toml::de::{DeTable, DeValue};

use super::cargo;

/// The defaults: a component is fast, does not unwind, and keeps the names of its functions, so that a trap
/// shows where it happened. It is compiled for speed, which costs few bytes: most of a small component is the
/// standard library, which comes compiled for speed.
const GUEST: [(&str, &str); 5] = [
    ("opt-level", "3"),
    ("lto", "\"fat\""),
    ("codegen-units", "1"),
    ("panic", "\"abort\""),
    ("strip", "\"debuginfo\""),
];

/// The settings to pass to cargo for a profile. Only `release` gets defaults.
pub(super) fn overrides(folder: &Path, profile: &str) -> anyhow::Result<Vec<String>> {
    if profile != "release" {
        return Ok(Vec::new());
    }
    let located = cargo::output(folder, &["locate-project", "--workspace", "--message-format", "plain"])?;
    let file = String::from_utf8(located).context("the path of Cargo.toml is not UTF-8")?;
    let text =
        std::fs::read_to_string(file.trim()).with_context(|| format!("{} cannot be read", file.trim()))?;
    let said = said(&text).map_err(|error| anyhow!("{}:{}", file.trim(), not_toml(&text, &error)))?;
    let in_environment = |key: &str| {
        std::env::var_os(format!("CARGO_PROFILE_RELEASE_{}", key.replace('-', "_").to_uppercase())).is_some()
    };
    let unset = GUEST.iter().filter(|(key, _)| !said.iter().any(|said| said == key) && !in_environment(key));
    Ok(unset.map(|(key, value)| format!("profile.release.{key}={value}")).collect())
}

/// The keys that `[profile.release]` sets.
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
