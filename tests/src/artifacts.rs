//! The paths of the programs under test. `cargo xtask test` builds them, and sets the variables that contain the paths.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

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

/// The same for arm64. It is cross-built, which not every machine can; but CI can.
///
/// # Panics
/// Where it is missing in CI.
pub fn arm64_bootstrap() -> Option<PathBuf> {
    fetched_or_said(
        "BULKHEAD_BOOTSTRAP_ARM64",
        "of the bootstrap for arm64",
        "the bootstrap for arm64 was not tested",
    )
}

/// What runs a program for arm64 here: nothing, or qemu with the libraries of the cross compiler. It may be missing; but not
/// in CI.
///
/// # Panics
/// Where it is missing in CI.
pub fn arm64_runner() -> Option<Vec<&'static str>> {
    const QEMU: [&str; 3] = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"];
    if cfg!(target_arch = "aarch64") {
        return Some(Vec::new());
    }
    let missing = "qemu-aarch64 is not installed (Debian: qemu-user), so programs for arm64 were not run";
    has(QEMU[0], missing).then(|| QEMU.to_vec())
}

/// Whether a builder of container images is here. It may be missing; but not in CI.
///
/// # Panics
/// Where it is missing in CI.
pub fn has_buildah() -> bool {
    has("buildah", "buildah is not installed, so the container image was not built")
}

/// Whether Python can make an environment with pip in it. It may be missing; but not in CI.
///
/// # Panics
/// Where it is missing in CI.
pub fn has_venv() -> bool {
    let missing = "there is no Python with venv (Debian: python3-venv), so no wheel was installed";
    works(Command::new("python3").args(["-c", "import ensurepip, venv"]), missing)
}

/// Whether npm is here. It may be missing; but not in CI.
///
/// # Panics
/// Where it is missing in CI.
pub fn has_npm() -> bool {
    has("npm", "there is no npm, so no npm package was installed")
}

/// Whether a program is installed. It may be missing; but not in CI.
pub(crate) fn has(program: &str, missing: &str) -> bool {
    works(Command::new(program).arg("--version"), missing)
}

fn works(command: &mut Command, missing: &str) -> bool {
    let works = command.output().is_ok_and(|output| output.status.success());
    if !works {
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        skipped(missing);
    }
    works
}

/// The `bulkhead` command.
///
/// # Panics
/// Where the environment does not say.
pub fn cli() -> PathBuf {
    required("BULKHEAD_CLI")
}

/// The program that runs the suites of others.
///
/// # Panics
/// Where the environment does not say.
pub fn suites() -> PathBuf {
    required("BULKHEAD_SUITES")
}

/// The archive of a release.
///
/// # Panics
/// Where the environment does not say.
pub fn dist() -> PathBuf {
    required("BULKHEAD_DIST")
}

/// The folder with the components of examples and test guests.
///
/// # Panics
/// Where the environment does not say.
pub fn guests() -> PathBuf {
    required("BULKHEAD_GUESTS")
}

/// The component of an example or a test guest.
///
/// # Panics
/// Where the environment does not say, or there is no such component.
pub fn component(name: &str) -> PathBuf {
    let path = guests().join(name).with_extension("wasm");
    assert!(path.is_file(), "no component {}: run `cargo xtask test`", path.display());
    path
}

/// The component of an example in another language. Its toolchain may be missing; but not in CI.
///
/// # Panics
/// Where the environment does not say, or there is no such component in CI.
pub fn language(name: &str) -> Option<PathBuf> {
    let path = guests().join(name).with_extension("wasm");
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

/// The folder with the schema of CycloneDX. It is downloaded, so it may be missing; but not in CI.
///
/// # Panics
/// Where it is missing in CI.
pub fn cyclonedx() -> Option<PathBuf> {
    fetched_or_said("BULKHEAD_CYCLONEDX", "of the SBOM", "the SBOM was not validated")
}

/// The server that simulates AWS. It is downloaded, so it may be missing; but not in CI.
///
/// # Panics
/// Where it is missing in CI.
pub fn moto() -> Option<PathBuf> {
    fetched("BULKHEAD_MOTO", "against AWS services")
}

/// axe-core's script, which checks pages for accessibility. It is downloaded, so it may be missing; but not in CI.
///
/// # Panics
/// Where it is missing in CI.
pub fn axe() -> Option<PathBuf> {
    fetched_or_said("BULKHEAD_AXE", "of accessibility", "the accessibility of the page was not checked")
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

/// A program that is found by its name.
pub fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A Python program that is installed beside the server that simulates AWS, such as the AWS CLI.
///
/// # Panics
/// Where it is missing in CI.
pub fn beside_moto(program: &str) -> Option<PathBuf> {
    let Some(server) = moto() else {
        skipped(&format!(
            "BULKHEAD_MOTO is not set, so `{program}`, which is installed beside it, was not run"
        ));
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

/// The engine of scripts. Its C needs clang and wasi-libc, so it may be missing; but not in CI. The command finds it by the same
/// variable.
///
/// # Panics
/// Where it is missing in CI.
pub fn engine() -> Option<PathBuf> {
    let folder = fetched_or_said("BULKHEAD_ENGINES", "of scripts", "no script was run by the real engine")?;
    Some(folder.join("javascript.wasm"))
}

/// A script with AWS's SDK for JavaScript. npm brings it, so it may be missing; but not in CI.
///
/// # Panics
/// Where it is missing in CI.
pub fn sdk_script() -> Option<PathBuf> {
    fetched_or_said(
        "BULKHEAD_SDK_SCRIPT",
        "of AWS's SDK for JavaScript",
        "AWS's SDK for JavaScript was not run in a script",
    )
}

/// The folder with CDK and the schema of Terraform's AWS provider. They are downloaded, so they may be missing; but not in CI.
///
/// # Panics
/// Where it is missing in CI.
pub fn deploy() -> Option<PathBuf> {
    fetched_or_said(
        "BULKHEAD_DEPLOY",
        "of deployments",
        "the output of init-deploy was not checked with its tools",
    )
}

fn fetched(variable: &str, tests: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    assert!(
        path.is_some() || std::env::var_os("CI").is_none(),
        "{variable} is not set, and in CI the tests {tests} must not be skipped"
    );
    path
}

/// The path in a variable. If it is missing, prints which check is skipped.
fn fetched_or_said(variable: &str, tests: &str, lost: &str) -> Option<PathBuf> {
    let path = fetched(variable, tests);
    if path.is_none() {
        skipped(&format!("{variable} is not set, so {lost}"));
    }
    path
}

/// Reports that a test did not run. It avoids `eprintln!`, which is captured and shown only for tests that fail.
pub(crate) fn skipped(why: &str) {
    drop(writeln!(std::io::stderr(), "SKIPPED, NOT PASSED: {why}"));
}

fn required(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).map(PathBuf::from);
    path.unwrap_or_else(|| {
        panic!("{variable} is not set: run `cargo xtask test`, which builds what the tests need")
    })
}
