//! Checks the oldest Rust that compiles handlers. `guest-sdk/Cargo.toml` states it as `rust-version`, and it is
//! older than the Rust that this repository needs.
//!
//! There are three checks. No dependency states a newer Rust. Clippy finds functions of the standard library
//! that are newer. And where the old toolchain is installed, it compiles the SDK and handlers of `examples`; a
//! job of CI installs it.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use cargo_metadata::semver::Version;
use cargo_metadata::{Edition, MetadataCommand, Package};

use crate::compile::compile;
use crate::published::Published;
use crate::stamp::Inputs;
use crate::steps::{Outcome, Step};
use crate::workspace::{WASM, Workspace, run as call, works};

/// Checks the oldest supported Rust.
pub(crate) const MSRV: Step = Step {
    name: "msrv",
    title: "checking the SDK against the oldest Rust that it supports",
    needs: &["toolchain"],
    inputs: Some(Inputs::files(&["cli/README.md", "examples", "guest-sdk", "wit"])),
    run: |workspace| {
        let oldest = oldest(workspace)?;
        let stated = short(&oldest);
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
            dependencies(workspace, &oldest, target)?;
        }
        let mut clippy = workspace.cargo(["clippy", "--all-features", "--target", WASM]);
        clippy.args(SDK.map(|name| ["--package", name]).as_flattened());
        clippy.args(["--", "--deny", "warnings", "--deny", "clippy::incompatible_msrv"]);
        compile(workspace, &clippy)?;
        compile_with(workspace, &stated)?;
        Ok(Outcome::Done)
    },
};

/// The packages that state it.
const SDK: [&str; 2] = ["bulkhead-sdk", "bulkhead-sdk-macros"];

/// The texts that name the version.
const TEXTS: [&str; 3] = ["cli/README.md", "guest-sdk/README.md", "guest-sdk/src/lib.rs"];

/// Examples with handlers of each form, to compile the code that the attributes emit.
const HANDLERS: [&str; 4] = ["hello", "http-service", "sqs-batch", "streaming"];

/// The SDK's features, but for `aws`: with that one, the AWS SDK says which Rust is needed.
const FEATURES: &str = "anyhow client config events http key-value streaming tokio tower tracing";

/// A package that depends only on the SDK, with these features.
const ASKING: &str = r#"
[package]
name = "asking"
version = "0.0.0"
edition = "2024"
[dependencies]
bulkhead-sdk = { path = "SDK", features = [FEATURES] }
[workspace]
"#;

/// The version that both manifests state.
fn oldest(workspace: &Workspace) -> Result<Version> {
    let published = Published::all(workspace)?;
    let of = |name: &str| {
        let package = published.iter().find(|package| package.name == name);
        let package = package.with_context(|| format!("{name} is not published"))?;
        package.rust_version().cloned().with_context(|| format!("{name} states no rust-version"))
    };
    let [sdk, macros] = SDK;
    let oldest = of(sdk)?;
    ensure!(oldest == of(macros)?, "{sdk} and {macros} state different versions of Rust");
    Ok(oldest)
}

/// A version of Rust without a last number that is zero, as the texts and rustup name it.
fn short(version: &Version) -> String {
    match version.patch {
        0 => format!("{}.{}", version.major, version.minor),
        _ => version.to_string(),
    }
}

/// The Rust that a package needs: the one that it states, or else the oldest one with its edition.
fn needed(package: &Package) -> Result<Version> {
    if let Some(stated) = &package.rust_version {
        return Ok(stated.clone());
    }
    let minor = match package.edition {
        Edition::E2015 => 0,
        Edition::E2018 => 31,
        Edition::E2021 => 56,
        Edition::E2024 => 85,
        _ => bail!("{} {} does not say which Rust it needs", package.name, package.version),
    };
    Ok(Version::new(1, minor, 0))
}

/// Checks that no dependency of a handler needs a newer Rust.
fn dependencies(workspace: &Workspace, oldest: &Version, target: &str) -> Result<()> {
    let asking = workspace.target("xtask/msrv");
    fs::create_dir_all(asking.join("src"))?;
    fs::write(asking.join("src/lib.rs"), "")?;
    let sdk = workspace.source("guest-sdk").display().to_string();
    let features: Vec<String> = FEATURES.split(' ').map(|feature| format!("{feature:?}")).collect();
    let manifest = ASKING.replace("\"SDK\"", &format!("{sdk:?}")).replace("FEATURES", &features.join(", "));
    fs::write(asking.join("Cargo.toml"), manifest)?;
    fs::copy(workspace.source("Cargo.lock"), asking.join("Cargo.lock"))?;
    // All dependencies are already downloaded for other steps.
    let options = ["--offline", "--filter-platform", target].map(str::to_owned);
    let mut metadata = MetadataCommand::new();
    metadata.manifest_path(asking.join("Cargo.toml")).other_options(options);
    let packages = metadata.exec().context("running `cargo metadata`")?.packages;
    // The SDK and the package that asks have no source.
    let others = packages.iter().filter(|package| package.source.is_some());
    let needs = others.map(|package| Ok((needed(package)?, package))).collect::<Result<Vec<_>>>()?;
    let newer = needs.iter().filter(|(needed, _)| needed > oldest);
    let newer: Vec<_> = newer
        .map(|(needed, package)| format!("{} {} needs {needed}", package.name, package.version))
        .collect();
    ensure!(
        newer.is_empty(),
        "the SDK states Rust {}, but these dependencies for {target} need a newer one:\n  {}",
        short(oldest),
        newer.join("\n  ")
    );
    let highest = needs.iter().max_by(|one, other| one.0.cmp(&other.0));
    let (highest, package) = highest.context("the SDK has no dependencies")?;
    println!(
        "      {target}: {} packages need up to Rust {} ({} {})",
        needs.len(),
        short(highest),
        package.name,
        package.version
    );
    Ok(())
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
    let mut check = rustup(&["cargo", "check", "--locked", "--target", WASM]);
    check.args(FEATURES.split(' ').map(|feature| format!("--features=bulkhead-sdk/{feature}")));
    check.args(SDK.into_iter().chain(HANDLERS).flat_map(|name| ["--package", name]));
    // These variables belong to the toolchain that runs xtask.
    call(check.env_remove("CARGO").env_remove("RUSTC").env("CARGO_TARGET_DIR", workspace.target("")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn package(rust_version: &Value, edition: &str) -> Package {
        let manifest = json!({
            "name": "p", "version": "0.1.0", "id": "p", "dependencies": [], "targets": [], "features": {},
            "manifest_path": "/p/Cargo.toml", "rust_version": rust_version, "edition": edition,
        });
        serde_json::from_value(manifest).unwrap()
    }

    #[test]
    fn a_package_that_states_none_needs_what_its_edition_needs() {
        let needs = |stated, edition| needed(&package(&stated, edition)).map_err(|error| error.to_string());
        assert_eq!(needs(json!("1.56"), "2024"), Ok(Version::new(1, 56, 0)));
        assert_eq!(needs(Value::Null, "2024"), Ok(Version::new(1, 85, 0)));
        assert_eq!(needs(Value::Null, "2030"), Err("p 0.1.0 does not say which Rust it needs".to_owned()));
    }

    #[test]
    fn a_last_number_that_is_zero_is_left_out() {
        assert_eq!([Version::new(1, 88, 0), Version::new(1, 88, 1)].map(|it| short(&it)), ["1.88", "1.88.1"]);
    }
}
