//! What `cargo xtask dist` makes: whoever unpacks it has all that `bulkhead package` needs, for both processors.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use bulkhead_tests::{Bootstrap, Event, Kind, RuntimeApi, TaskRoot, artifacts};
use flate2::read::ZlibDecoder;
use object::{Endianness, Object as _, ObjectSection as _, read::elf::ElfFile64};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::unzip::unzip;

/// The release, unpacked, with a folder that has a handler in it.
struct Release {
    place: TempDir,
    root: TaskRoot,
}

impl Release {
    fn unpack() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let mut tar = Command::new("tar");
        tar.arg("--extract").arg("--file").arg(artifacts::dist()).arg("--strip-components=1");
        assert!(tar.arg("--directory").arg(place.path()).status().expect("run tar").success());
        Self { place, root: TaskRoot::new().with("hello") }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// The zip for a processor, unpacked, made with nothing but the release; or what was said instead.
    fn package(&self, arch: &str) -> Result<TempDir, String> {
        let zip = self.file("function.zip");
        let mut package = Command::new(self.file("bulkhead"));
        package.arg("package").arg(self.root.path()).args(["--arch", arch, "-o"]).arg(&zip);
        let output = package.env_remove("BULKHEAD_BOOTSTRAP").output().expect("run `bulkhead package`");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success().then(|| unzip(&zip)).ok_or(told)
    }
}

fn same(one: &Path, other: &Path) -> bool {
    std::fs::read(one).expect("a file") == std::fs::read(other).expect("a file")
}

#[test]
fn a_release_packages_for_its_own_processor_without_the_compiler() {
    let release = Release::unpack();
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let root = release.package(arch).expect("a zip");
    assert!(same(&root.path().join("bootstrap"), &artifacts::lean_bootstrap()));
    let api = RuntimeApi::start();
    let _running = Bootstrap::at(root.path().join("bootstrap")).task_root(root.path()).api(&api).spawn();
    api.wait_idle();
    let answer = api.send(Event::json(r#"{"name": "release"}"#));
    assert_eq!((answer.kind, answer.json()), (Kind::Response, json!({ "message": "Hello release!" })));
    for file in ["LICENSE-MIT", "LICENSE-APACHE", "completions/_bulkhead", "man/man1/bulkhead-package.1"] {
        assert!(release.file(file).is_file(), "no {file}");
    }
}

#[test]
fn a_release_packages_for_arm64_or_says_what_is_missing() {
    let release = Release::unpack();
    if let Some(arm64) = artifacts::arm64_bootstrap() {
        let root = release.package("arm64").expect("a zip");
        assert!(same(&root.path().join("bootstrap"), &arm64));
        std::fs::remove_file(release.file("bootstrap-arm64")).expect("remove it");
    }
    let told = release.package("arm64").expect_err("there is none");
    assert!(
        told.contains("no `bootstrap-arm64` beside this command") && told.contains("--bootstrap"),
        "{told}"
    );
}

/// The crates in the list that auditors look for in a program.
fn crates(program: &Path) -> Vec<String> {
    let bytes = std::fs::read(program).expect("a program");
    let elf = ElfFile64::<Endianness>::parse(&*bytes).expect("an ELF file");
    let list = elf.section_by_name(".dep-v0").expect("a list").data().expect("its bytes");
    let mut json = String::new();
    ZlibDecoder::new(list).read_to_string(&mut json).expect("zlib");
    assert!(!json.contains('/'), "it names a directory: {json}");
    let list: Value = serde_json::from_str(&json).expect("JSON");
    let packages = list["packages"].as_array().expect("packages");
    packages.iter().map(|package| package["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn each_program_lists_the_crates_that_it_is_linked_from() {
    let release = Release::unpack();
    let has = |program: &Path, name: &str| crates(program).iter().any(|found| found == name);
    for program in ["bulkhead", "bootstrap"].map(|program| release.file(program)) {
        assert!(has(&program, "wasmtime") && has(&program, "cranelift-codegen"), "{}", program.display());
    }
    let lean = [Some(artifacts::lean_bootstrap()), artifacts::arm64_bootstrap()];
    for program in lean.into_iter().flatten() {
        assert!(has(&program, "wasmtime") && !has(&program, "cranelift-codegen"), "{}", program.display());
    }
}
