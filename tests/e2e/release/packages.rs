//! The wheel and the npm packages of a release: each is installed into an empty environment, without a network, and a user does
//! there what the first chapter of the book says.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bulkhead_tests::artifacts;
use tempfile::TempDir;

use crate::project::TARGET;
use crate::sbom::Sbom;
use crate::unzip::unzip;

/// What a project in Rust needs that is not in its toolchain: it links build scripts and macros.
const LINKERS: [&str; 2] = ["cc", "ld"];

/// A user's home, with what was installed into it, and nothing else.
struct Home {
    folder: TempDir,
    /// Where the command is.
    bin: PathBuf,
    /// Where the bootstraps are.
    libexec: PathBuf,
    /// What else is found by name.
    path: Vec<PathBuf>,
}

impl Home {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A command in this home, which knows nothing of the rest of this machine.
    fn command(&self, program: &Path, folder: &Path) -> Command {
        let path = std::env::join_paths([&self.bin].into_iter().chain(&self.path)).expect("a path");
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null());
        command.env_clear().env("HOME", self.path()).env("PATH", path);
        // Crates come from where they are, since there is no network; and the SDK is compiled once for all tests.
        command
            .env("CARGO_HOME", cargo_home())
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TARGET_DIR", TARGET);
        command
    }

    fn bulkhead(&self, folder: &Path, arguments: &[&str]) -> String {
        let mut bulkhead = self.command(&self.bin.join("bulkhead"), folder);
        String::from_utf8(succeeded(bulkhead.args(arguments)).stdout).expect("text")
    }

    fn bootstrap(&self, name: &str) -> Vec<u8> {
        read(&self.libexec.join(name))
    }
}

fn succeeded(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn read(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn cargo_home() -> OsString {
    let home = || Path::new(&std::env::var_os("HOME").expect("a home")).join(".cargo").into_os_string();
    std::env::var_os("CARGO_HOME").unwrap_or_else(home)
}

/// The files beside the archive that end in this.
fn beside_the_archive(ending: &str) -> Vec<PathBuf> {
    let folder = artifacts::dist();
    let folder = folder.parent().expect("a folder");
    let entries =
        fs::read_dir(folder).expect("the folder of the release").map(|entry| entry.expect("an entry"));
    let files = entries.map(|entry| entry.path());
    files.filter(|file| file.extension().is_some_and(|found| found == ending)).collect()
}

/// A folder with links to these programs, and the one with cargo and rustc in it.
fn tools(home: &Path, programs: &[&str]) -> Vec<PathBuf> {
    let links = home.join("tools");
    fs::create_dir(&links).expect("make a folder");
    for program in programs {
        let found = artifacts::installed(program).unwrap_or_else(|| panic!("there is no {program}"));
        std::os::unix::fs::symlink(found, links.join(program)).expect("a link");
    }
    let sysroot = succeeded(Command::new("rustc").args(["--print", "sysroot"])).stdout;
    let toolchain = Path::new(String::from_utf8(sysroot).expect("a path").trim()).join("bin");
    vec![toolchain, links]
}

/// With the wheel in it, in an environment of its own.
fn with_wheel() -> Option<Home> {
    if !artifacts::has_venv() {
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let venv = folder.path().join("venv");
    succeeded(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    let path = tools(folder.path(), &LINKERS);
    let home = Home { bin: venv.join("bin"), libexec: venv.join("libexec/bulkhead"), path, folder };
    let mut pip = home.command(&venv.join("bin/python"), home.path());
    pip.args(["-m", "pip", "install", "--no-index", "--no-cache-dir", "--disable-pip-version-check"]);
    succeeded(pip.args(beside_the_archive("whl")));
    Some(home)
}

/// With the npm packages in it, in a project of their own.
fn with_npm_packages() -> Option<Home> {
    if !artifacts::has_npm() {
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("package.json"), "{}").expect("write");
    let path = tools(folder.path(), &[LINKERS[0], LINKERS[1], "node"]);
    let modules = folder.path().join("node_modules");
    let cpu = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let libexec = modules.join(format!("bulkhead-lambda-linux-{cpu}/libexec/bulkhead"));
    let home = Home { bin: modules.join(".bin"), libexec, path, folder };
    let npm = artifacts::installed("npm").expect("npm");
    let mut npm = home.command(&npm, home.path());
    npm.args(["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund"]);
    succeeded(npm.args(beside_the_archive("tgz")));
    Some(home)
}

/// From nothing to a zip.
fn a_project_becomes_a_zip(home: &Home, name: &str) {
    let version = home.bulkhead(home.path(), &["--version"]);
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    home.bulkhead(home.path(), &["new", name]);
    let project = home.path().join(name);
    home.bulkhead(&project, &["build"]);
    let answer = home.bulkhead(&project, &["invoke", "--event", r#"{"name":"package"}"#]);
    assert_eq!(answer.lines().next(), Some(r#"{"message":"Hello package!"}"#), "{answer}");

    let zipped = |arch: &str| {
        home.bulkhead(&project, &["package", "--arch", arch, "-o", "function.zip"]);
        let root = unzip(&project.join("function.zip"));
        assert!(root.path().join(name).with_extension("cwasm").is_file());
        read(&root.path().join("bootstrap"))
    };
    let own = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let bootstrap = zipped(own);
    assert!(bootstrap == home.bootstrap(&format!("bootstrap-{own}")));
    assert!(bootstrap == read(&artifacts::lean_bootstrap()));
    if let Some(arm64) = artifacts::arm64_bootstrap() {
        assert!(zipped("arm64") == read(&arm64));
    }
}

/// With nothing but the packages: no toolchain is asked for.
fn a_script_answers(home: &Home, name: &str) {
    home.bulkhead(home.path(), &["new", name, "--template", "javascript"]);
    let project = home.path().join(name);
    home.bulkhead(&project, &["build"]);
    let answer = home.bulkhead(&project, &["invoke", "--event", "@event.json"]);
    assert_eq!(answer.lines().next(), Some(r#"{"message":"Hello world!"}"#), "{answer}");
    home.bulkhead(&project, &["package", "-o", "function.zip"]);
    let root = unzip(&project.join("function.zip"));
    // The native code came with the packages, too.
    let native = "engines/javascript.cwasm";
    assert!(read(&root.path().join(native)) == home.bootstrap(native));
    assert!(root.path().join("index.js").is_file());
}

#[test]
fn the_wheel_has_all_that_a_new_project_needs_to_become_a_zip() {
    let Some(home) = with_wheel() else { return };
    a_project_becomes_a_zip(&home, "by-pip");
    a_script_answers(&home, "script-by-pip");
}

#[test]
fn the_npm_packages_have_all_that_a_new_project_needs_to_become_a_zip() {
    let Some(home) = with_npm_packages() else { return };
    a_project_becomes_a_zip(&home, "by-npm");
    a_script_answers(&home, "script-by-npm");
    let sbom = Sbom::read(&home.libexec.join("../../bulkhead.cdx.json"));
    sbom.check();
    assert!(
        sbom.file("wasmtime")["purl"].as_str().is_some_and(|purl| purl.starts_with("pkg:cargo/wasmtime@"))
    );
}
