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

/// A program in Python that is installed beside the server that stands in for AWS, such as the AWS CLI.
///
/// # Panics
/// Where it is missing in CI.
pub fn beside_moto(program: &str) -> Option<PathBuf> {
    let Some(server) = moto() else {
        skipped(&format!("BULKHEAD_MOTO is not set, so `{program}`, which is beside it, was not asked"));
        return None;
    };
    let path = server.with_file_name(program);
    if path.is_file() {
        return Some(path);
    }
    let missing = format!("no {}: `cargo xtask test --only moto` installs it", path.display());
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    skipped(&missing);
    None
}

/// The folder with CDK and the schema of Terraform's AWS provider. They are downloaded, so they may be missing; but not in CI.
///
/// # Panics
/// Where it is missing in CI.
pub fn deploy() -> Option<PathBuf> {
    let path = fetched("BULKHEAD_DEPLOY", "of deployments");
    if path.is_none() {
        skipped("BULKHEAD_DEPLOY is not set, so what init-deploy writes did not meet its tools");
    }
    path
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
