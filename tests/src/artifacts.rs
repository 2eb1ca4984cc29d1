//! Where the programs under test lie. `cargo xtask test` builds them and says so in the environment.

use std::io::Write as _;
use std::path::PathBuf;

/// The bootstrap that can compile `.wasm`.
///
/// # Panics
/// Where the environment does not say.
pub fn bootstrap() -> PathBuf {
    required("BULKHEAD_BOOTSTRAP")
}

/// The bootstrap without a compiler, which takes `.cwasm` only.
///
/// # Panics
/// Where the environment does not say.
pub fn lean_bootstrap() -> PathBuf {
    required("BULKHEAD_BOOTSTRAP_LEAN")
}

/// The `bulkhead` command.
///
/// # Panics
/// Where the environment does not say.
pub fn cli() -> PathBuf {
    required("BULKHEAD_CLI")
}

/// The component of an example or a test guest.
///
/// # Panics
/// Where the environment does not say, or there is no such component.
pub fn component(name: &str) -> PathBuf {
    let path = required("BULKHEAD_GUESTS").join(name).with_extension("wasm");
    assert!(path.is_file(), "no component {}: run `cargo xtask test`", path.display());
    path
}

/// The component of an example in another language. Its toolchain may be missing; but not in CI.
///
/// # Panics
/// Where the environment does not say, or there is no such component in CI.
pub fn language(name: &str) -> Option<PathBuf> {
    let path = required("BULKHEAD_GUESTS").join(name).with_extension("wasm");
    if path.is_file() {
        return Some(path);
    }
    let missing = format!("no component {}: `cargo xtask test --only languages` says why", path.display());
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    skipped(&missing);
    None
}

/// Lambda's Runtime Interface Emulator. It is downloaded, so it may be missing; but not in CI.
///
/// # Panics
/// Where it is missing in CI.
pub fn rie() -> Option<PathBuf> {
    fetched("BULKHEAD_RIE", "with the emulator")
}

/// The server that stands in for AWS. It is downloaded, so it may be missing; but not in CI.
///
/// # Panics
/// Where it is missing in CI.
pub fn moto() -> Option<PathBuf> {
    fetched("BULKHEAD_MOTO", "against AWS services")
}

/// axe-core's script, which looks for what shuts people out of a page. It is downloaded, so it may be missing; but not in CI.
///
/// # Panics
/// Where it is missing in CI.
pub fn axe() -> Option<PathBuf> {
    let script = fetched("BULKHEAD_AXE", "of accessibility");
    if script.is_none() {
        skipped("BULKHEAD_AXE is not set, so nothing looked for what shuts people out of the page");
    }
    script
}

/// Chromium and its driver, as Debian has them. They may be missing; but not in CI.
///
/// # Panics
/// Where one is missing in CI.
pub fn chromium() -> Option<(PathBuf, PathBuf)> {
    let found = installed("chromium").zip(installed("chromedriver"));
    assert!(
        found.is_some() || std::env::var_os("CI").is_none(),
        "chromium and chromedriver are not installed, and in CI the tests with a browser must not be skipped"
    );
    found
}

fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn fetched(variable: &str, tests: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    assert!(
        path.is_some() || std::env::var_os("CI").is_none(),
        "{variable} is not set, and in CI the tests {tests} must not be skipped"
    );
    path
}

/// Says that a test did not run. Not `eprintln!`, which is captured and shown for tests that fail only.
pub(crate) fn skipped(why: &str) {
    drop(writeln!(std::io::stderr(), "SKIPPED, NOT PASSED: {why}"));
}

fn required(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).map(PathBuf::from);
    path.unwrap_or_else(|| {
        panic!("{variable} is not set: run `cargo xtask test`, which builds what the tests need")
    })
}
