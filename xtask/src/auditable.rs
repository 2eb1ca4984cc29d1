//! Writes into each program the list of crates that it is linked from: the list of `cargo auditable`, in a section that takes
//! no memory when the program runs. `cargo audit bin`, Trivy, Grype and Syft read it.
//!
//! `cargo auditable` itself is not used, because it asks `cargo metadata`, which unites the features of all packages of a
//! workspace: it would list Wasmtime's compiler for the bootstrap without the compiler. `cargo tree` names exactly what is linked.
//! <https://github.com/rust-secure-code/cargo-auditable> describes the format.

use std::collections::{BTreeMap, BTreeSet};
use std::env::consts::ARCH;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use auditable_serde::{DependencyKind, Package, Source, VersionInfo};
use cargo_metadata::semver::Version;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::workspace::{WASM, Workspace, has, in_ci, run};

/// The section in which readers look for the list.
const SECTION: &str = ".dep-v0";

/// What cargo builds a program from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    /// The package.
    pub(crate) package: &'static str,
    /// The arguments that select its features.
    pub(crate) features: &'static [&'static str],
    /// The packages that are built in the same call, in which cargo unites the features of all dependencies.
    pub(crate) beside: &'static [&'static str],
}

/// The bootstrap without the compiler.
pub(crate) const LEAN: Program =
    Program { package: "bulkhead-bootstrap", features: &["--no-default-features"], beside: &[] };

/// The bootstrap with the compiler.
pub(crate) const BOOTSTRAP: Program =
    Program { package: "bulkhead-bootstrap", features: &[], beside: &["bulkhead-cli"] };

/// The `bulkhead` command.
pub(crate) const COMMAND: Program =
    Program { package: "bulkhead-cli", features: &[], beside: &["bulkhead-bootstrap"] };

/// The engine of scripts.
const ENGINE: Program = Program { package: "bulkhead-javascript", features: &[], beside: &[] };

/// The engine with the list at its end, in a section that `bulkhead package` reads for its own list.
pub(crate) fn with_list(workspace: &Workspace, engine: &[u8]) -> Result<Vec<u8>> {
    Ok([engine, &custom_section(&list(workspace, ENGINE, WASM)?)?].concat())
}

/// A custom section of WebAssembly with the list.
fn custom_section(list: &[u8]) -> Result<Vec<u8>> {
    let content = [&*leb128(SECTION.len())?, SECTION.as_bytes(), list].concat();
    Ok([&[0], &*leb128(content.len())?, &content].concat())
}

/// A length as WebAssembly writes it: seven bits in each byte, the lowest first.
fn leb128(length: usize) -> Result<Vec<u8>> {
    let mut rest = u32::try_from(length).context("the list is too long")?;
    let mut bytes = Vec::new();
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            bytes.push(low & 0x7f);
            return Ok(bytes);
        }
        bytes.push(low | 0x80);
    }
}

/// Writes the list into the file of a program for a processor, `x86_64` or `aarch64`. The file must be a copy of the one that cargo
/// made, because cargo does not notice that its own has changed.
pub(crate) fn embed(workspace: &Workspace, program: Program, processor: &str, file: &Path) -> Result<()> {
    let objcopy = objcopy(processor);
    if !has(objcopy) {
        ensure!(!in_ci(), "{objcopy} is not installed (Debian: binutils, binutils-aarch64-linux-gnu)");
        println!("      {objcopy} is not installed, so {} does not list its crates", file.display());
        return Ok(());
    }
    let list = list(workspace, program, &format!("{processor}-unknown-linux-gnu"))?;
    let place = workspace.target("auditable");
    fs::create_dir_all(&place).with_context(|| format!("creating {}", place.display()))?;
    put(&list, objcopy, file, &place.join("list.z"))
}

fn objcopy(processor: &str) -> &'static str {
    match processor {
        "aarch64" if ARCH != "aarch64" => "aarch64-linux-gnu-objcopy",
        _ => "objcopy",
    }
}

fn put(list: &[u8], objcopy: &str, file: &Path, section: &Path) -> Result<()> {
    fs::write(section, list).with_context(|| format!("writing {}", section.display()))?;
    let added = format!("{SECTION}={}", section.display());
    run(Command::new(objcopy).arg("--add-section").arg(added).arg(file))
}

/// The list for a target, compressed.
fn list(workspace: &Workspace, program: Program, target: &str) -> Result<Vec<u8>> {
    let mut tree = workspace.cargo(["tree", "--locked", "--prefix", "depth", "--format", "|{p}"]);
    tree.args(["--edges", "normal,no-proc-macro", "--package", program.package]).args(program.features);
    tree.args(program.beside.iter().flat_map(|package| ["--package", *package]));
    tree.args(["--target", target]);
    let output =
        tree.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("running `cargo tree`")?;
    ensure!(output.status.success(), "`cargo tree` failed");
    let crates = Crates::read(std::str::from_utf8(&output.stdout)?, program.package)?;
    let mut compressed = ZlibEncoder::new(Vec::new(), Compression::best());
    compressed.write_all(&serde_json::to_vec(&crates.described()?)?)?;
    Ok(compressed.finish()?)
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
    source: Source,
}

/// The crates of a program, each with the crates that it uses.
#[derive(Debug)]
struct Crates {
    root: Crate,
    uses: BTreeMap<Crate, BTreeSet<Crate>>,
}

impl Crates {
    /// The crates of one program, from the trees of all that are built in one call. A tree leaves out what an earlier one contains.
    fn read(trees: &str, program: &str) -> Result<Self> {
        let mut root = None;
        let mut all: BTreeMap<Crate, BTreeSet<Crate>> = BTreeMap::new();
        let mut above: Vec<Crate> = Vec::new();
        for line in trees.lines().filter(|line| !line.is_empty()) {
            let (depth, found) =
                found(line).with_context(|| format!("`cargo tree` printed an unknown line: {line}"))?;
            above.truncate(depth);
            match above.last() {
                Some(user) => {
                    all.entry(user.clone()).or_default().insert(found.clone());
                }
                None if found.name == program => root = Some(found.clone()),
                None => {}
            }
            all.entry(found.clone()).or_default();
            above.push(found);
        }
        let root = root.with_context(|| format!("`cargo tree` did not print {program}"))?;
        let mut uses = BTreeMap::new();
        let mut open = vec![root.clone()];
        while let Some(next) = open.pop() {
            if let Some(used) = all.remove(&next) {
                open.extend(used.iter().cloned());
                uses.insert(next, used);
            }
        }
        Ok(Self { root, uses })
    }

    /// The list. It is sorted, so that the same crates give the same bytes.
    fn described(&self) -> Result<VersionInfo> {
        let order: Vec<&Crate> = self.uses.keys().collect();
        let place = |wanted: &Crate| order.binary_search(&wanted).ok().context("every crate has a line");
        let package = |(found, uses): (&Crate, &BTreeSet<Crate>)| -> Result<Package> {
            let version = found.version.parse::<Version>();
            Ok(Package {
                name: found.name.clone(),
                version: version.with_context(|| format!("the version of {}", found.name))?,
                source: found.source.clone(),
                kind: DependencyKind::Runtime,
                dependencies: uses.iter().map(place).collect::<Result<Vec<_>>>()?,
                root: self.root == *found,
            })
        };
        let packages = self.uses.iter().map(package).collect::<Result<Vec<_>>>()?;
        Ok(VersionInfo { packages, format: 1 })
    }
}

/// Reads `3|libc v0.2.1 (…) (*)`. The first parentheses contain the directory of a crate of this workspace; the second ones mean that
/// the crate was printed before.
fn found(line: &str) -> Option<(usize, Crate)> {
    let (depth, package) = line.split_once('|')?;
    let mut words = package.trim_end_matches(" (*)").split(' ');
    let (name, version) = (words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned());
    let is_local = words.next().is_some_and(|word| word.starts_with("(/"));
    let source = if is_local { Source::Local } else { Source::CratesIo };
    Some((depth.parse().ok()?, Crate { name, version, source }))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::path::PathBuf;

    use flate2::read::ZlibDecoder;

    use super::*;

    const TREE: &str = "0|bulkhead-bootstrap v0.1.0 (/home/me/bootstrap)\n1|serde v1.0.1\n2|libc v0.2.1\n\
                        1|bulkhead-host v0.1.0 (/home/me/host)\n2|serde v1.0.1 (*)\n";

    #[test]
    fn each_crate_is_listed_once_with_the_crates_that_it_uses_and_without_its_directory() {
        let list = Crates::read(TREE, "bulkhead-bootstrap").unwrap().described().unwrap();
        let expected = r#"{"packages":[
            {"name":"bulkhead-bootstrap","version":"0.1.0","source":"local","dependencies":[1,3],"root":true},
            {"name":"bulkhead-host","version":"0.1.0","source":"local","dependencies":[3]},
            {"name":"libc","version":"0.2.1","source":"crates.io"},
            {"name":"serde","version":"1.0.1","source":"crates.io","dependencies":[2]}
        ],"format":1}"#;
        assert_eq!(list, expected.parse::<VersionInfo>().unwrap());
        assert!(!serde_json::to_string(&list).unwrap().contains("/home"));
    }

    #[test]
    fn an_unknown_line_is_an_error() {
        assert!(Crates::read("warning: something", "a").is_err());
        assert!(Crates::read("0|a v1.0.0", "b").is_err());
    }

    #[test]
    fn a_program_that_is_built_beside_another_has_its_own_crates_only() {
        let trees =
            "0|a v1.0.0\n1|both v1.0.0\n2|below v1.0.0\n1|one v1.0.0\n\n0|b v1.0.0\n1|both v1.0.0 (*)\n";
        let names = |program: &str| {
            let list = Crates::read(trees, program).unwrap().described().unwrap();
            list.packages.into_iter().map(|package| package.name).collect::<Vec<_>>()
        };
        assert_eq!(names("a"), ["a", "below", "both", "one"]);
        assert_eq!(names("b"), ["b", "below", "both"]);
    }

    #[test]
    fn a_section_has_its_length_before_its_name() {
        assert_eq!(custom_section(b"list").unwrap(), b"\0\x0c\x07.dep-v0list");
        for (length, expected) in
            [(0, &[0][..]), (127, &[0x7f]), (128, &[0x80, 1]), (16384, &[0x80, 0x80, 1])]
        {
            assert_eq!(leb128(length).unwrap(), expected);
        }
    }

    /// The program is the one with these tests.
    #[test]
    fn a_program_with_the_list_still_runs_and_has_the_same_bytes_each_time() {
        if !has("objcopy") {
            return;
        }
        let place = std::env::temp_dir().join(format!("bulkhead-auditable-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        let [one, other] = ["one", "other"].map(|name| embedded(&place, name));
        assert!(fs::read(&one).unwrap() == fs::read(&other).unwrap());
        let dumped = place.join("dumped");
        let dump = format!("{SECTION}={}", dumped.display());
        run(Command::new("objcopy").arg("--dump-section").arg(dump).arg(&one).arg("/dev/null")).unwrap();
        let mut list = String::new();
        ZlibDecoder::new(fs::File::open(dumped).unwrap()).read_to_string(&mut list).unwrap();
        assert_eq!(list, "{}");
        assert!(Command::new(&one).arg("--list").output().unwrap().status.success());
        fs::remove_dir_all(&place).unwrap();
    }

    fn embedded(place: &Path, name: &str) -> PathBuf {
        let file = place.join(name);
        fs::copy(std::env::current_exe().unwrap(), &file).unwrap();
        let mut list = ZlibEncoder::new(Vec::new(), Compression::best());
        list.write_all(b"{}").unwrap();
        put(&list.finish().unwrap(), "objcopy", &file, &place.join("list.z")).unwrap();
        file
    }
}
