//! The checks, in the order in which a project needs them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use bulkhead_host::engine::{self, Allocation, Target};
use bulkhead_host::policy::script_file::{ENGINE, ENGINES};
use bulkhead_host::text::printable::Shown as _;

use super::{Finding, languages};
use crate::build::target;
use crate::{local, package};

/// The oldest Rust that compiles the SDK.
const RUST: (u32, u32) = (1, 88);

/// The emulator's program, and the folder in which Lambda's documentation puts it.
const EMULATOR: &str = "aws-lambda-rie";
const EMULATOR_FOLDER: &str = ".aws-lambda-rie";

/// Runs all checks.
pub(super) fn all() -> Vec<Finding> {
    vec![
        version(),
        rust(),
        cargo(),
        wasm(),
        languages::linker(),
        processor(),
        address_space(),
        page_scan(),
        bootstrap(),
        scripts(),
        zipped("zip, x86_64", Target::X86_64),
        zipped("zip, arm64", Target::Aarch64),
        emulator(),
        languages::node(),
        languages::npm(),
        languages::venv(),
        languages::go(),
    ]
}

fn version() -> Finding {
    Finding::fine("bulkhead", engine::BUILD.trim_start_matches("bulkhead "))
}

fn rust() -> Finding {
    let said = match said("rustc") {
        Ok(said) => said,
        Err(silence) => return silence.finding("rustc"),
    };
    match minor(&said) {
        Some(found) if found >= RUST => Finding::fine("rustc", said),
        Some(_) => Finding::wrong(
            "rustc",
            format!("{said} is older than {}.{}, which the SDK needs", RUST.0, RUST.1),
            "run `rustup update stable`",
        ),
        None => Finding::wrong(
            "rustc",
            format!("`rustc --version` printed {said:?}, which is not a valid version"),
            INSTALL,
        ),
    }
}

fn cargo() -> Finding {
    match said("cargo") {
        Ok(said) => Finding::fine("cargo", said),
        Err(silence) => silence.finding("cargo"),
    }
}

fn wasm() -> Finding {
    if said("rustc").is_err() {
        return Finding::wrong("wasm target", "rustc cannot be run", "see rustc");
    }
    match target::installed(Path::new(".")) {
        Ok(true) => Finding::fine("wasm target", target::WASM),
        Ok(false) if said("rustup").is_ok() => Finding::without(
            "wasm target",
            format!("the target {} is not installed", target::WASM),
            format!("`bulkhead build` installs it; or run `rustup target add {}`", target::WASM),
        ),
        Ok(false) => Finding::wrong(
            "wasm target",
            format!("the target {} is not installed, and there is no rustup to install it", target::WASM),
            "install Rust from https://rustup.rs, or the package that contains this target",
        ),
        Err(error) => Finding::wrong("wasm target", error.to_string(), "see rustc"),
    }
}

fn processor() -> Finding {
    match Target::host() {
        Some(target) => Finding::fine("processor", target.name()),
        None => Finding::wrong(
            "processor",
            format!("Lambda does not support {}", std::env::consts::ARCH),
            "handlers can be built here; run them on x86-64 or arm64",
        ),
    }
}

/// Starts the engine that runs handlers, for the default number of events at a time.
fn address_space() -> Finding {
    const WHAT: &str = "address space";
    match engine::start(1) {
        Ok((_, Allocation::Pooled)) => Finding::fine(WHAT, "enough for the pool of sandboxes"),
        Ok((_, Allocation::OnDemand)) => Finding::without(
            WHAT,
            "there is too little for the pool of sandboxes, so memory comes from the system, which is slower",
            "raise the limit (`ulimit -v unlimited`); Lambda has enough",
        ),
        Err(error) => Finding::wrong(WHAT, error.to_string(), "run this on Linux with x86-64 or arm64"),
    }
}

fn page_scan() -> Finding {
    const WHAT: &str = "page scan";
    match engine::has_page_scan() {
        true => Finding::fine(WHAT, "the kernel can report written pages (used for measurements only)"),
        false => Finding::without(
            WHAT,
            "the kernel cannot report written pages",
            "nothing, unless you want to measure this: it needs Linux 6.7",
        ),
    }
}

fn bootstrap() -> Finding {
    match local::bootstrap(None) {
        Ok(path) => Finding::fine("bootstrap", path.shown()),
        Err(error) => Finding::wrong(
            "bootstrap",
            error.to_string(),
            "put `bootstrap` beside `bulkhead`, or set BULKHEAD_BOOTSTRAP to its path",
        ),
    }
}

/// The engine of scripts.
fn scripts() -> Finding {
    const WHAT: &str = "scripts";
    let file = |ending: &str| local::engine(&format!("{ENGINE}.{ending}"));
    let (component, code) = (file("wasm"), file("cwasm"));
    let usable = code.filter(|code| {
        let component = component.as_deref().unwrap_or_else(|| Path::new(""));
        Target::host().is_some_and(|target| package::fits(code, component, target))
    });
    match component.or(usable) {
        Some(engine) => Finding::fine(WHAT, engine.shown()),
        None => Finding::without(
            WHAT,
            format!(
                "there is no engine {ENGINE}.wasm that came with this command, or in {}",
                local::ENGINES_VARIABLE
            ),
            format!(
                "nothing, unless you write handlers in JavaScript or TypeScript: put the folder `{ENGINES}` of a release beside \
                 `bulkhead`, or set {} to the path of such a folder",
                local::ENGINES_VARIABLE
            ),
        ),
    }
}

/// The bootstrap that `bulkhead package` would put into a zip for this processor.
fn zipped(what: &'static str, target: Target) -> Finding {
    let found = local::bootstrap_for(target, None).and_then(|path| {
        package::check(&path, target).with_context(|| path.shown())?;
        Ok(path)
    });
    match found {
        Ok(path) => Finding::fine(what, path.shown()),
        Err(error) => Finding::without(what, format!("{error:#}"), "nothing, unless you package for it"),
    }
}

fn emulator() -> Finding {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(std::env::home_dir().map(|home| home.join(EMULATOR_FOLDER)));
    match folders.iter().map(|folder| folder.join(EMULATOR)).find(|file| file.is_file()) {
        Some(file) => Finding::fine("emulator", file.shown()),
        None => Finding::without(
            "emulator",
            format!("there is no {EMULATOR} on the PATH or in ~/{EMULATOR_FOLDER}"),
            "nothing, unless you want to use Lambda's emulator: https://github.com/aws/aws-lambda-runtime-interface-emulator",
        ),
    }
}

const INSTALL: &str = "install Rust from https://rustup.rs";

/// Why a program did not print its version.
#[derive(Debug)]
pub(super) enum Silence {
    Missing,
    /// It exists but cannot be run: it is for another processor, say, or a limit is too low for it.
    Broken(String),
}

impl Silence {
    fn finding(self, what: &'static str) -> Finding {
        match self {
            Self::Missing => Finding::wrong(what, "not on the PATH", INSTALL),
            Self::Broken(why) => Finding::wrong(
                what,
                format!("found on the PATH, but `{what} --version` {why}"),
                "run it yourself to see the reason, for example a low `ulimit -v`",
            ),
        }
    }
}

/// The version that a program prints.
pub(super) fn said(program: &str) -> Result<String, Silence> {
    said_to(program, "--version")
}

/// The first line that a program prints with this argument.
pub(super) fn said_to(program: &str, argument: &str) -> Result<String, Silence> {
    let output = match Command::new(program).arg(argument).output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Silence::Missing),
        Err(error) => return Err(Silence::Broken(format!("cannot be started: {error}"))),
    };
    if !output.status.success() {
        return Err(Silence::Broken(format!("ended with {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().trim().to_owned())
}

/// The version in `rustc 1.95.0 (…)`.
fn minor(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.split_whitespace().nth(1)?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn versions_of_rust_are_read() {
        assert_eq!(minor("rustc 1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert_eq!(minor("rustc 1.97.0-nightly (x)"), Some((1, 97)));
        assert_eq!(minor("rustc"), None);
    }

    #[test]
    fn the_oldest_rust_is_the_sdk_s() {
        for manifest in
            [include_str!("../../sdk/Cargo.toml.in"), include_str!("../../sdk/macros/Cargo.toml.in")]
        {
            assert!(manifest.contains(&format!("\nrust-version = \"{}.{}\"\n", RUST.0, RUST.1)));
        }
    }

    #[test]
    fn a_machine_that_tests_this_can_build_and_run_handlers() {
        for finding in [version(), rust(), cargo(), processor(), address_space()] {
            assert_eq!(finding.state, State::Fine, "{finding:?}");
        }
    }

    #[test]
    fn what_is_missing_comes_with_what_to_do() {
        for finding in all() {
            assert_eq!(finding.advice.is_some(), finding.state != State::Fine, "{finding:?}");
        }
    }
}
