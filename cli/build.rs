//! Generates three inputs of this package: the samples of `bulkhead invoke --sample`, from the fixtures of
//! `aws_lambda_events`; the SDK that `bulkhead new` writes; and, for the SBOM of `bulkhead package`, the
//! crates of the bootstrap, from cargo.
#![expect(clippy::disallowed_methods, reason = "Cargo speaks to a build script through its environment")]

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// A package that depends on the crate with the samples, as this one does.
const ASKING: &str = r#"
[package]
name = "asking"
version = "0.0.0"
edition = "2024"
[dependencies]
aws_lambda_events = { version = "1", default-features = false }
[workspace]
"#;

fn main() -> Result<(), Box<dyn Error>> {
    samples()?;
    sdk()?;
    for processor in ["x86_64", "aarch64"] {
        crates(processor, "", &["--no-default-features"])?;
        crates(processor, "-compiler", &[])?;
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../Cargo.lock");
    println!("cargo::rerun-if-changed=../Cargo.toml");
    println!("cargo::rerun-if-changed=../bootstrap/Cargo.toml");
    println!("cargo::rerun-if-changed=../host/Cargo.toml");
    Ok(())
}

fn samples() -> Result<(), Box<dyn Error>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(fixtures()?)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    let mut list = String::from("[\n");
    for file in files {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let name = stem.strip_prefix("example-").unwrap_or(&stem);
        writeln!(list, "({name:?}, include_str!({:?})),", file.display().to_string())?;
    }
    list.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("samples.rs"), list)?;
    Ok(())
}

/// The files that `src/new/sdk.rs` writes.
fn sdk() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("..").canonicalize()?;
    let mut list = String::from("[\n");
    for part in
        ["LICENSE-APACHE", "LICENSE-MIT", "guest-sdk/Cargo.toml", "guest-sdk/macros", "guest-sdk/src", "wit"]
    {
        println!("cargo::rerun-if-changed=../{part}");
        for file in sources(&root.join(part))? {
            let place =
                file.strip_prefix(root.join("guest-sdk")).or_else(|_| file.strip_prefix(&root))?.display();
            // A relative path: another checkout may build into the same target directory after this one is
            // gone.
            let relative = format!("/../{}", file.strip_prefix(&root)?.display());
            let file = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), {relative:?})");
            writeln!(list, "({:?}, include_str!({file})),", place.to_string())?;
        }
    }
    list.push_str("]\n");
    Ok(fs::write(Path::new(&env::var("OUT_DIR")?).join("sdk.rs"), list)?)
}

/// A file, or everything in a folder that is compiled, without tests and without files that an editor left.
fn sources(path: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let is_source = |path: &Path| {
        let ending = path.extension().unwrap_or_default();
        path.is_dir()
            || (["rs", "toml", "wit"].iter().any(|known| ending == *known) && !path.ends_with("tests.rs"))
    };
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    entries.retain(|entry| is_source(entry));
    entries.sort();
    let files: Vec<Vec<PathBuf>> =
        entries.iter().map(|entry| sources(entry)).collect::<Result<_, std::io::Error>>()?;
    Ok(files.concat())
}

/// The crates of a bootstrap, as lines for `src/package/sbom/crates.rs`. Cargo.lock makes the bootstrap use
/// the same versions wherever it is built.
///
/// Cargo reads the manifests of all these crates, some of which no build of this package needs, for example
/// those of another processor. It downloads them if necessary. Without a network this command is built all
/// the same, and its SBOMs then state that the crates of these bootstraps are unknown.
fn crates(processor: &str, variant: &str, features: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut told = tree(processor, features, &["--offline"])?;
    if told.is_err() {
        told = tree(processor, features, &[])?;
    }
    let tree = match told {
        Ok(tree) => tree,
        Err(message) => {
            let first = message.lines().next().unwrap_or_default();
            println!(
                "cargo::warning=SBOMs will not list the crates of the bootstrap for {processor}: {first}; \
                 run `cargo fetch --locked` to get what is missing, and change build.rs to try again"
            );
            String::new()
        }
    };
    // The path of this checkout must not get into an SBOM.
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("..").canonicalize()?;
    let tree = tree.replace(&format!("{}/", root.display()), "");
    let file = format!("crates-{processor}{variant}.txt");
    Ok(fs::write(Path::new(&env::var("OUT_DIR")?).join(file), tree)?)
}

/// The folder in which Cargo has put the sources of the crate, which is a dependency of this package.
///
/// Cargo reports the paths only of packages that it resolves together, and reads the manifests of all of
/// them. So it is asked about a package with this one dependency, in the version of Cargo.lock: nothing is
/// read that is not compiled.
fn fixtures() -> Result<PathBuf, Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let asking = Path::new(&env::var("OUT_DIR")?).join("asking");
    fs::create_dir_all(asking.join("src"))?;
    fs::write(asking.join("src/lib.rs"), "")?;
    fs::write(asking.join("Cargo.toml"), ASKING)?;
    fs::copy(here.join("../Cargo.lock"), asking.join("Cargo.lock"))?;
    let output = Command::new(env::var("CARGO")?)
        // It runs in this folder, whose settings say where crates come from.
        .current_dir(&here)
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &env::var("HOST")?])
        .arg("--manifest-path")
        .arg(asking.join("Cargo.toml"))
        .output()?;
    if !output.status.success() {
        return Err(format!("`cargo metadata`: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("`cargo metadata` names no packages")?;
    let package = packages.iter().find(|package| package["name"] == "aws_lambda_events");
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    Ok(Path::new(manifest.ok_or("aws_lambda_events is not a dependency")?)
        .with_file_name("src")
        .join("fixtures"))
}

/// The output of `cargo tree` for a bootstrap, or the error.
fn tree(processor: &str, features: &[&str], how: &[&str]) -> Result<Result<String, String>, Box<dyn Error>> {
    let output = Command::new(env::var("CARGO")?)
        .args(["tree", "--locked", "--package", "bulkhead-bootstrap", "--edges", "normal,no-proc-macro"])
        .args(["--prefix", "depth", "--format", "|{p}|{l}", "--target"])
        .arg(format!("{processor}-unknown-linux-gnu"))
        .args(features)
        .args(how)
        .output()?;
    Ok(match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    })
}
