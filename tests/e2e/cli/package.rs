//! `bulkhead package`: the zip starts on Lambda as it is, and the same input gives the same bytes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bulkhead_tests::{Bootstrap, Event, Kind, RuntimeApi, TaskRoot, artifacts};
use serde_json::json;
use tempfile::TempDir;

use crate::unzip::unzip;

/// What came of a package.
pub(crate) struct Made {
    output: Output,
    folder: TempDir,
}

impl Made {
    pub(crate) fn zip(&self) -> PathBuf {
        self.folder.path().join("function.zip")
    }

    pub(crate) fn text(&self) -> String {
        let Output { stdout, stderr, .. } = &self.output;
        format!("{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.output.status.success()
    }

    pub(crate) fn unzip(&self) -> TempDir {
        assert!(self.is_ok(), "{}", self.text());
        unzip(&self.zip())
    }
}

pub(crate) fn package(root: &Path, arguments: &[&str]) -> Made {
    package_with(&artifacts::lean_bootstrap(), root, arguments)
}

pub(crate) fn package_with(bootstrap: &Path, root: &Path, arguments: &[&str]) -> Made {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(artifacts::cli())
        .arg("package")
        .arg(root)
        .arg("--bootstrap")
        .arg(bootstrap)
        .arg("-o")
        .arg(folder.path().join("function.zip"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("run `bulkhead package`");
    Made { output, folder }
}

#[test]
fn the_bootstrap_of_the_zip_answers_with_what_is_in_the_zip() {
    let made = package(TaskRoot::new().with("hello").path(), &[]);
    let text = made.text();
    assert!(made.is_ok() && text.contains("755") && text.contains("hello.cwasm"), "{text}");
    let root = made.unzip();
    let mode = fs::metadata(root.path().join("bootstrap")).expect("a bootstrap").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    let api = RuntimeApi::start();
    let _running = Bootstrap::at(root.path().join("bootstrap")).task_root(root.path()).api(&api).spawn();
    api.wait_idle();
    let answer = api.send(Event::json(r#"{"name": "zip"}"#));
    assert_eq!((answer.kind, answer.json()), (Kind::Response, json!({ "message": "Hello zip!" })));
}

#[test]
fn a_bootstrap_with_the_compiler_is_pointed_out() {
    let root = TaskRoot::new().with("hello");
    let version = |bootstrap: &Path| {
        let output = Command::new(bootstrap).arg("--version").output().expect("run the bootstrap");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for (bootstrap, has_compiler) in [(artifacts::bootstrap(), true), (artifacts::lean_bootstrap(), false)] {
        let (code, version) = version(&bootstrap);
        assert!(code == Some(0) && version.starts_with("bootstrap (bulkhead "), "{version}");
        assert_eq!(version.contains("with the compiler for .wasm"), has_compiler, "{version}");
        let made = package_with(&bootstrap, root.path(), &[]);
        assert_eq!(made.text().contains("because it contains the compiler"), has_compiler, "{}", made.text());
    }
}

#[test]
fn both_bootstraps_start_on_amazon_linux_2023() {
    let root = TaskRoot::new().with("hello");
    for bootstrap in [artifacts::lean_bootstrap(), artifacts::bootstrap()] {
        let made = package_with(&bootstrap, root.path(), &[]);
        assert!(made.is_ok(), "{}", made.text());
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let manifest = "[handlers.hello]\ngrants.files = [\"data\"]\n[handlers.echo]";
    let make = || {
        let root = TaskRoot::new().manifest(manifest).with("hello").with("echo").file("data/a.txt", b"a");
        package(root.path(), &["--handler", "hello"])
    };
    let (one, other) = (make(), make());
    assert!(one.is_ok() && other.is_ok(), "{}", one.text());
    assert!(fs::read(one.zip()).expect("a zip") == fs::read(other.zip()).expect("a zip"), "they differ");
    let unzipped = one.unzip();
    let files = ["SHA256SUMS", "bootstrap", "bulkhead.toml", "data/a.txt", "echo.cwasm", "hello.cwasm"];
    assert!(files.iter().all(|file| unzipped.path().join(file).is_file()), "{}", one.text());
    let checked = Command::new("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .current_dir(unzipped.path())
        .output();
    let checked = checked.expect("run sha256sum");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn a_cwasm_that_fits_is_taken_as_it_is_and_another_is_not() {
    let root = TaskRoot::new().with_compiled("hello").with("hello");
    let cwasm = fs::read(root.path().join("hello.cwasm")).expect("a .cwasm");
    let made = package(root.path(), &[]);
    assert!(made.is_ok() && !made.text().contains("compiled again"), "{}", made.text());
    assert!(fs::read(made.unzip().path().join("hello.cwasm")).expect("a .cwasm") == cwasm, "another one");
    let echo = fs::read(artifacts::component("echo")).expect("a component");
    let root = TaskRoot::new().with_compiled("hello").file("hello.wasm", &echo);
    let made = package(root.path(), &[]);
    assert!(
        made.is_ok() && made.text().contains("hello.cwasm was compiled from another component"),
        "{}",
        made.text()
    );
}

#[test]
fn what_would_not_run_on_lambda_is_refused_and_leaves_no_zip() {
    let root = TaskRoot::new().with("hello");
    let refused = |made: Made, why: &str| {
        assert!(!made.is_ok() && made.text().contains(why), "{}", made.text());
        assert!(!made.zip().exists(), "there is a zip");
    };
    refused(
        package_with(Path::new("/bin/sh"), root.path(), &[]),
        "/bin/sh: the program is not a bootstrap of this version",
    );
    refused(package(root.path(), &["--arch", "arm64"]), "the program is for another processor than aarch64");
    refused(package(TaskRoot::new().path(), &[]), "there is no component");
    let unknown = TaskRoot::new().with("unknown_import");
    refused(package(unknown.path(), &[]), "unknown_import.wasm");
    let manifest = TaskRoot::new().with("hello").manifest("[handlers.hello]\ngrants.files = [\"gone\"]");
    refused(package(manifest.path(), &[]), "gone");
}
