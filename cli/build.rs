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
    if env::var("CARGO_CFG_TARGET_OS")? != "linux" {
        // Before anything else is compiled, which would end in a hundred errors.
        println!(
            "cargo::error=`bulkhead` runs on Linux only. On macOS and Windows, use it in a container or in WSL2: \
             docs/getting-started.md#macos-and-windows. The tests of handlers run everywhere."
        );
        return Ok(());
    }
    samples()?;
    sdk()?;
    let checkout = checkout()?;
    for processor in ["x86_64", "aarch64"] {
        for (variant, features) in [("", &["--no-default-features"][..]), ("-compiler", &[])] {
            let tree = match &checkout {
                Some(root) => crates(root, processor, features)?,
                None => String::new(),
            };
            let file = format!("crates-{processor}{variant}.txt");
            fs::write(Path::new(&env::var("OUT_DIR")?).join(file), tree)?;
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
    if checkout.is_some() {
        for file in ["Cargo.lock", "Cargo.toml", "bootstrap/Cargo.toml", "host/Cargo.toml"] {
            println!("cargo::rerun-if-changed=../{file}");
        }
    }
    Ok(())
}

/// The repository around this package, or `None` if this package comes from a registry. Then the crates of a
/// bootstrap are unknown, because it is built elsewhere, with another lock file.
fn checkout() -> Result<Option<PathBuf>, Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("..").canonicalize()?;
    let manifest = fs::read_to_string(root.join("bootstrap/Cargo.toml")).unwrap_or_default();
    Ok(Some(root).filter(|_| manifest.contains("name = \"bulkhead-bootstrap\"")))
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

/// The files that `src/new/sdk.rs` writes: those in `sdk`, which consists of symbolic links in the repository,
/// and of files in a package.
fn sdk() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("sdk");
    println!("cargo::rerun-if-changed=sdk");
    let mut list = String::from("[\n");
    for file in sources(&root)? {
        let place = file.strip_prefix(&root)?.display().to_string();
        // A relative path: another checkout may build into the same target directory after this one is
        // gone.
        let file = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?})", format!("/sdk/{place}"));
        // When cargo packages this command, it omits a folder that contains a `Cargo.toml`.
        let place = place.strip_suffix(".in").unwrap_or(&place);
        writeln!(list, "({place:?}, include_str!({file})),")?;
    }
    list.push_str("]\n");
    Ok(fs::write(Path::new(&env::var("OUT_DIR")?).join("sdk.rs"), list)?)
}

/// Everything in a folder that a build needs, without tests and without files that an editor left.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let is_source = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_known = [".rs", ".wit", "Cargo.toml.in"].iter().any(|end| name.ends_with(end));
        (is_known && name != "tests.rs") || name.starts_with("LICENSE-")
    };
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        if entry.is_dir() {
            files.extend(sources(&entry)?);
        } else if is_source(&entry) {
            files.push(entry);
        }
    }
    Ok(files)
}

/// The crates of a bootstrap, as lines for `src/package/sbom/crates.rs`. Cargo.lock makes the bootstrap use
/// the same versions wherever it is built.
///
/// Cargo reads the manifests of all these crates, some of which no build of this package needs, for example
/// those of another processor. It downloads them if necessary. Without a network this command is built all
/// the same, and its SBOMs then state that the crates of these bootstraps are unknown.
fn crates(root: &Path, processor: &str, features: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut told = tree(processor, features, &["--offline"])?;
    if told.is_err() {
        told = tree(processor, features, &[])?;
    }
    Ok(match told {
        // The path of this checkout must not get into an SBOM.
        Ok(tree) => tree.replace(&format!("{}/", root.display()), ""),
        Err(message) => {
            let first = message.lines().next().unwrap_or_default();
            println!(
                "cargo::warning=SBOMs will not list the crates of the bootstrap for {processor}: {first}; \
                 run `cargo fetch --locked` to get what is missing, and change build.rs to try again"
            );
            String::new()
        }
    })
}

/// The folder in which Cargo has put the sources of the crate, which is a dependency of this package.
///
/// Cargo reports the paths only of packages that it resolves together, and reads the manifests of all of
/// them. So it is asked about a package with this one dependency, in the version of Cargo.lock: nothing is
/// read that is not compiled.
fn fixtures() -> Result<PathBuf, Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    // A package from a registry has a lock file of its own.
    let mut locks = [here.join("Cargo.lock"), here.join("../Cargo.lock")].into_iter();
    let lock = locks.find(|lock| lock.is_file()).ok_or("there is no Cargo.lock")?;
    // `cargo install` ignores that file without `--locked`. Then the crate that was compiled is the newest
    // one on this machine.
    let metadata = metadata(&here, Some(&lock)).or_else(|_| metadata(&here, None))?;
    let packages = metadata["packages"].as_array().ok_or("`cargo metadata` names no packages")?;
    let package = packages.iter().find(|package| package["name"] == "aws_lambda_events");
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    Ok(Path::new(manifest.ok_or("aws_lambda_events is not a dependency")?)
        .with_file_name("src")
        .join("fixtures"))
}

/// The output of `cargo metadata` for a package with this one dependency. No registry is asked.
fn metadata(here: &Path, lock: Option<&Path>) -> Result<serde_json::Value, Box<dyn Error>> {
    let asking = Path::new(&env::var("OUT_DIR")?).join("asking");
    fs::remove_dir_all(&asking).ok();
    fs::create_dir_all(asking.join("src"))?;
    fs::write(asking.join("src/lib.rs"), "")?;
    fs::write(asking.join("Cargo.toml"), ASKING)?;
    if let Some(lock) = lock {
        fs::copy(lock, asking.join("Cargo.lock"))?;
    }
    let output = Command::new(env::var("CARGO")?)
        // It runs in this folder, whose settings say where crates come from.
        .current_dir(here)
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &env::var("HOST")?])
        .arg("--manifest-path")
        .arg(asking.join("Cargo.toml"))
        .output()?;
    if !output.status.success() {
        return Err(format!("`cargo metadata`: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
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
