//! The npm packages. There is one with the programs for each processor, which npm installs only on that processor. The package
//! that users install has all of these as optional dependencies, and a script that starts the installed program.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::about::{KEYWORDS, LICENSE, LICENSES, NAME, README, REPOSITORY, SUMMARY, VERSION};
use super::{SBOM, pack, prefix, put, write};

/// The processors of a release, by their names in Rust and in npm. The package that users install is the same on all of them,
/// and needs the packages for all of them.
const PROCESSORS: [(&str, &str); 2] = [("x86_64", "x64"), ("aarch64", "arm64")];

/// The script that starts the program.
const LAUNCHER: &str = include_str!("../../packages/launcher.js");

/// The path of the program in its package.
const LAUNCHER_PLACE: &str = "bin/bulkhead.js";

/// Makes both packages of a release: the one with the programs, and the one that users install.
pub(super) fn make(release: &Path, place: &Path) -> Result<[PathBuf; 2]> {
    let cpu = PROCESSORS.iter().find(|(rust, _)| *rust == ARCH);
    let (_, cpu) = cpu.with_context(|| format!("there is no npm package for {ARCH}"))?;
    Ok([programs(release, cpu, place)?, starter(release, place)?])
}

fn programs(release: &Path, cpu: &str, place: &Path) -> Result<PathBuf> {
    let mut manifest = about(&package_for(cpu), &format!("The programs of {NAME} for Linux on {cpu}"));
    manifest.insert("os".into(), json!(["linux"]));
    manifest.insert("cpu".into(), json!([cpu]));
    manifest.insert("libc".into(), json!(["glibc"]));
    // Yarn may keep packages zipped, and a program in a zip cannot be started.
    manifest.insert("preferUnplugged".into(), json!(true));
    let package = Package::new(manifest, release, place)?;
    for item in prefix::items(release)?.iter().filter(|item| item.is_needed()) {
        let mode = if item.is_program() { 0o755 } else { 0o644 };
        put(&item.source, &package.folder.join(&item.place), mode)?;
    }
    put(&release.join(SBOM), &package.folder.join(SBOM), 0o644)?;
    package.pack(place)
}

fn starter(release: &Path, place: &Path) -> Result<PathBuf> {
    let mut manifest = about(NAME, SUMMARY);
    manifest.insert("bin".into(), json!({ "bulkhead": LAUNCHER_PLACE }));
    manifest.insert("engines".into(), json!({ "node": ">=18" }));
    // Exactly this version: a bootstrap runs only components that a command of the same version has compiled.
    let programs = PROCESSORS.iter().map(|(_, cpu)| (package_for(cpu), json!(VERSION)));
    manifest.insert("optionalDependencies".into(), Value::Object(programs.collect()));
    let package = Package::new(manifest, release, place)?;
    write(LAUNCHER.as_bytes(), &package.folder.join(LAUNCHER_PLACE), 0o755)?;
    package.pack(place)
}

/// The name of the package with the programs for a processor. The launcher knows it, too.
fn package_for(cpu: &str) -> String {
    format!("{NAME}-linux-{cpu}")
}

fn about(name: &str, description: &str) -> Map<String, Value> {
    let fields = [
        ("name", json!(name)),
        ("version", json!(VERSION)),
        ("description", json!(description)),
        ("keywords", json!(KEYWORDS)),
        ("license", json!(LICENSE)),
        ("homepage", json!(REPOSITORY)),
        ("repository", json!({ "type": "git", "url": format!("git+{REPOSITORY}.git") })),
    ];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A package while it is made.
#[derive(Debug)]
struct Package {
    /// The name of its file without the ending, such as `bulkhead-lambda-0.1.0`, as `npm pack` names it.
    stem: String,
    /// Its files, which are in the folder `package` of the archive.
    folder: PathBuf,
}

impl Package {
    /// Starts a package with the files that every package has.
    fn new(manifest: Map<String, Value>, release: &Path, place: &Path) -> Result<Self> {
        let name = manifest.get("name").and_then(Value::as_str).context("a package has a name")?;
        let stem = format!("{name}-{VERSION}");
        let folder = place.join(&stem).join("package");
        write(README.as_bytes(), &folder.join("README.md"), 0o644)?;
        for license in LICENSES {
            put(&release.join(license), &folder.join(license), 0o644)?;
        }
        let manifest = serde_json::to_string_pretty(&Value::Object(manifest))? + "\n";
        write(manifest.as_bytes(), &folder.join("package.json"), 0o644)?;
        Ok(Self { stem, folder })
    }

    fn pack(self, place: &Path) -> Result<PathBuf> {
        let archive = place.join(format!("{}.tgz", self.stem));
        pack(&self.folder, &archive)?;
        fs::remove_dir_all(place.join(&self.stem))?;
        Ok(archive)
    }
}
