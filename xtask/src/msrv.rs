//! Checks the oldest Rust that compiles handlers. `guest-sdk/Cargo.toml` states it as `rust-version`, and it is
//! older than the Rust that this repository needs.
//!
//! There are three checks. No dependency states a newer Rust. Clippy finds functions of the standard library
//! that are newer. And where the old toolchain is installed, it compiles the SDK and handlers of `examples`; a
//! job of CI installs it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::compile::compile;
use crate::published::Published;
use crate::stamp::Inputs;
use crate::steps::{Ending, Step};
use crate::workspace::{WASM, Workspace, run as call, works};

/// Checks the oldest supported Rust.
pub(crate) const MSRV: Step = Step {
    name: "msrv",
    title: "checking the SDK against the oldest Rust that it supports",
    needs: &["toolchain"],
    inputs: Some(Inputs::files(&["cli/README.md", "examples", "guest-sdk", "wit"])),
    run: |workspace| {
        let stated = stated(workspace)?;
        for text in TEXTS {
            let read =
                fs::read_to_string(workspace.source(text)).with_context(|| format!("reading {text}"))?;
            ensure!(
                read.contains(&format!("Rust {stated} ")),
                "{text} does not say that handlers need Rust {stated}"
            );
        }
        let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        for target in [WASM, &host] {
            dependencies(workspace, &stated, target)?;
        }
        let mut clippy = workspace.cargo(["clippy", "--all-features", "--target", WASM]);
        clippy.args(SDK.map(|name| ["--package", name]).as_flattened());
        clippy.args(["--", "--deny", "warnings", "--deny", "clippy::incompatible_msrv"]);
        compile(workspace, &clippy)?;
        compile_with(workspace, &stated)?;
        Ok(Ending::Done)
    },
};

/// The packages that state it.
const SDK: [&str; 2] = ["bulkhead-sdk", "bulkhead-sdk-macros"];

/// The texts that name the version.
const TEXTS: [&str; 3] = ["cli/README.md", "guest-sdk/README.md", "guest-sdk/src/lib.rs"];

/// Examples with handlers of each form, to compile the code that the attributes emit.
const HANDLERS: [&str; 4] = ["hello", "http-service", "sqs-batch", "streaming"];

/// A package that depends only on the SDK, with all of its features.
const ASKING: &str = r#"
[package]
name = "asking"
version = "0.0.0"
edition = "2024"
[dependencies]
bulkhead-sdk = { path = "SDK", features = ["anyhow", "events", "http"] }
[workspace]
"#;

/// A version of Rust. The last number may be omitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rust(u32, u32, u32);

impl Rust {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        Some(Self(numbers.next()??, numbers.next()??, numbers.next().unwrap_or(Some(0))?))
    }

    /// The Rust that a package needs: the one that it states, or else the oldest one with its edition.
    fn of(package: &Value) -> Option<Self> {
        if let Some(stated) = package["rust_version"].as_str() {
            return Self::parse(stated);
        }
        let minor = match package["edition"].as_str()? {
            "2015" => 0,
            "2018" => 31,
            "2021" => 56,
            "2024" => 85,
            _ => return None,
        };
        Some(Self(1, minor, 0))
    }
}

/// The version that both manifests state.
fn stated(workspace: &Workspace) -> Result<String> {
    let published = Published::all(workspace)?;
    let of = |name: &str| {
        let package = published.iter().find(|package| package.name == name);
        let package = package.with_context(|| format!("{name} is not published"))?;
        package.rust_version().with_context(|| format!("{name} states no rust-version"))
    };
    let [sdk, macros] = SDK;
    ensure!(of(sdk)? == of(macros)?, "{sdk} and {macros} state different versions of Rust");
    Ok(of(sdk)?.to_owned())
}

/// Checks that no dependency of a handler needs a newer Rust.
fn dependencies(workspace: &Workspace, stated: &str, target: &str) -> Result<()> {
    let limit = Rust::parse(stated).with_context(|| format!("`{stated}` is not a version of Rust"))?;
    let asking = workspace.target("xtask/msrv");
    fs::create_dir_all(asking.join("src"))?;
    fs::write(asking.join("src/lib.rs"), "")?;
    let sdk = workspace.source("guest-sdk").display().to_string();
    fs::write(asking.join("Cargo.toml"), ASKING.replace("\"SDK\"", &format!("{sdk:?}")))?;
    fs::copy(workspace.source("Cargo.lock"), asking.join("Cargo.lock"))?;
    let metadata = metadata(workspace, &asking.join("Cargo.toml"), target)?;
    let packages = metadata["packages"].as_array().context("`cargo metadata` names no packages")?;
    let mut highest = (Rust(1, 0, 0), String::new());
    let mut newer = Vec::new();
    for package in packages.iter().filter(|package| package["name"] != "asking") {
        let named = format!("{} {}", text(package, "name")?, text(package, "version")?);
        let needed =
            Rust::of(package).with_context(|| format!("{named} does not say which Rust it needs"))?;
        if needed > limit {
            newer.push(format!("{named} needs {}.{}.{}", needed.0, needed.1, needed.2));
        }
        if needed > highest.0 && !SDK.contains(&text(package, "name")?) {
            highest = (needed, named);
        }
    }
    ensure!(
        newer.is_empty(),
        "the SDK states Rust {stated}, but these dependencies for {target} need a newer one:\n  {}",
        newer.join("\n  ")
    );
    let (Rust(major, minor, _), named) = highest;
    println!("      {target}: {} packages need up to Rust {major}.{minor} ({named})", packages.len());
    Ok(())
}

fn metadata(workspace: &Workspace, manifest: &Path, target: &str) -> Result<Value> {
    // All dependencies are already downloaded for other steps.
    let mut cargo =
        workspace.cargo(["metadata", "--format-version=1", "--offline", "--filter-platform", target]);
    cargo.arg("--manifest-path").arg(manifest).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = cargo.output().context("running `cargo metadata`")?;
    ensure!(output.status.success(), "`cargo metadata` failed");
    serde_json::from_slice(&output.stdout).context("reading `cargo metadata`")
}

fn text<'a>(package: &'a Value, key: &str) -> Result<&'a str> {
    package[key].as_str().with_context(|| format!("a package has no {key}"))
}

/// Compiles the SDK and the handlers with the old toolchain, if it is installed.
fn compile_with(workspace: &Workspace, stated: &str) -> Result<()> {
    let rustup = |arguments: &[&str]| {
        let mut rustup = Command::new("rustup");
        rustup.args(["run", stated]).args(arguments).current_dir(workspace.source(""));
        rustup
    };
    if !works(&mut rustup(&["rustc", "--version"])) {
        println!(
            "      Rust {stated} is not installed, so the SDK was not compiled with it; to install it, run\n      \
             rustup toolchain install {stated} --profile minimal --target {WASM}"
        );
        return Ok(());
    }
    let mut check = rustup(&["cargo", "check", "--locked", "--all-features", "--target", WASM]);
    check.args(SDK.into_iter().chain(HANDLERS).flat_map(|name| ["--package", name]));
    // These variables belong to the toolchain that runs xtask.
    call(check.env_remove("CARGO").env_remove("RUSTC").env("CARGO_TARGET_DIR", workspace.target("")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(Rust::parse("1.85"), Rust::parse("1.85.0"));
        assert!(Rust::parse("1.100") > Rust::parse("1.99.1"));
        assert_eq!((Rust::parse("1"), Rust::parse("1.x"), Rust::parse("")), (None, None, None));
    }

    #[test]
    fn a_package_that_states_none_needs_what_its_edition_needs() {
        assert_eq!(Rust::of(&json!({ "rust_version": "1.56", "edition": "2024" })), Some(Rust(1, 56, 0)));
        assert_eq!(Rust::of(&json!({ "rust_version": null, "edition": "2024" })), Some(Rust(1, 85, 0)));
        assert_eq!(Rust::of(&json!({ "edition": "2030" })), None);
    }
}
