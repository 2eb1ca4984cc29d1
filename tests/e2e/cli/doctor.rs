//! `bulkhead doctor` on machines that lack something: each line that is not fine says what to do about it.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use bulkhead_tests::artifacts;
use serde_json::Value;
use tempfile::TempDir;

/// What it says on a machine whose PATH is this folder, with no home. The limit is one of address space, in KiB.
fn doctor(path: &Path, limit: &str, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("ulimit -v {limit} && exec \"$0\" doctor \"$@\"")]);
    command.arg(artifacts::cli()).args(arguments);
    command.env_clear().env("PATH", path).env("HOME", path).env("BULKHEAD_BOOTSTRAP", artifacts::bootstrap());
    let output = command.output().expect("run `bulkhead doctor`");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    (output.status.code().unwrap_or_else(|| panic!("{}: {said}", output.status)), said)
}

/// The same as JSON: the state of what was looked at, what was found, and what to do.
fn findings(path: &Path, limit: &str) -> (i32, impl Fn(&str) -> (String, String, String)) {
    let (code, said) = doctor(path, limit, &["--json"]);
    let all: Vec<Value> = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    let found = move |what: &str| {
        let finding = all.iter().find(|finding| finding["what"] == what).unwrap_or_else(|| panic!("{what}"));
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        (text("state"), text("found"), text("advice"))
    };
    (code, found)
}

/// A folder with programs in it, each a script. A shell writes them: a file that this process has open for writing, or a child
/// of another test for a moment, cannot be run.
fn programs(scripts: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, script) in scripts {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#]);
        let written = shell.arg(folder.path().join(name)).arg(script).status().expect("run a shell");
        assert!(written.success(), "{name}: {written}");
    }
    folder
}

const RUSTC: &str = r#"case $1 in --version) echo "rustc 1.95.0 (0)";; *) echo /nowhere/lib;; esac"#;
const CARGO: &str = "echo cargo 1.95.0";
const CC: (&str, &str) = ("cc", "echo cc 14.2.0");

#[test]
fn on_a_bare_machine_each_line_says_what_to_do() {
    let nothing = programs(&[]);
    let (code, said) = doctor(nothing.path(), "unlimited", &[]);
    assert_eq!(code, 1, "{said}");
    let install = "install Rust from https://rustup.rs\n";
    for (what, found) in [("rustc", "not on the PATH"), ("cargo", "not on the PATH")] {
        let wanted = format!("wrong    {what:13}  {found}\n{:22}  → {install}", "");
        assert!(said.contains(&wanted), "{wanted}{said}");
    }
    assert!(said.contains("wrong    wasm target    rustc cannot be run\n"), "{said}");
    assert!(said.contains("wrong    linker         there is no `cc` on the PATH"), "{said}");
    for what in ["node         ", "npm          ", "python venv  ", "go           "] {
        assert!(said.contains(&format!("without  {what}  there is no ")), "{what}: {said}");
    }
    let scripts = "without  scripts        there is no engine javascript.wasm that came with this command, or in BULKHEAD_ENGINES\n";
    assert!(said.contains(scripts), "{said}");
    assert!(said.contains("without  emulator       there is no aws-lambda-rie on the PATH"), "{said}");
    assert!(said.contains("fine     processor ") && said.contains("fine     bootstrap "), "{said}");
    assert!(!said.contains('\x1b'), "nobody sees colours here: {said:?}");
}

#[test]
fn a_bootstrap_is_for_zips_of_its_own_processor() {
    let machine = programs(&[]);
    let (_, found) = findings(machine.path(), "unlimited");
    let (ours, other) = match cfg!(target_arch = "aarch64") {
        true => ("arm64", "x86_64"),
        false => ("x86_64", "arm64"),
    };
    let (state, path, _) = found(&format!("zip, {ours}"));
    assert_eq!((state.as_str(), Path::new(&path)), ("fine", &*artifacts::bootstrap()));
    let (state, wrong, advice) = found(&format!("zip, {other}"));
    assert!(state == "without" && wrong.contains("for another processor"), "{state} {wrong}");
    assert_eq!(advice, "nothing, unless you package for it");
}

#[test]
fn a_missing_target_is_added_by_build_where_rustup_is_there() {
    let distribution = programs(&[("rustc", RUSTC), ("cargo", CARGO)]);
    let (code, found) = findings(distribution.path(), "unlimited");
    let (state, wrong, advice) = found("wasm target");
    assert_eq!((code, state.as_str()), (1, "wrong"));
    assert!(
        wrong.contains("the target wasm32-wasip2 is not installed, and there is no rustup to install it"),
        "{wrong}"
    );
    assert!(advice.contains("the package that contains this target"), "{advice}");
    let rustup = programs(&[CC, ("rustc", RUSTC), ("cargo", CARGO), ("rustup", "echo rustup 1.28.0")]);
    let (code, found) = findings(rustup.path(), "unlimited");
    let (state, _, advice) = found("wasm target");
    assert_eq!((code, state.as_str()), (0, "without"));
    assert!(advice.starts_with("`bulkhead build` installs it"), "{advice}");
}

#[test]
fn a_toolchain_that_is_old_or_cannot_run_is_told_from_one_that_is_missing() {
    let machine = programs(&[("rustc", "echo 'rustc 1.70.0 (0)'"), ("cargo", "exit 7")]);
    let (code, found) = findings(machine.path(), "unlimited");
    assert_eq!(code, 1);
    let (_, old, advice) = found("rustc");
    assert!(old.contains("older than 1.88") && advice == "run `rustup update stable`", "{old} {advice}");
    let (_, broken, _) = found("cargo");
    assert_eq!(broken, "found on the PATH, but `cargo --version` ended with exit status: 7");
    // A link to nothing is as good as nothing.
    let machine = programs(&[]);
    symlink("/nowhere/cargo", machine.path().join("cargo")).expect("link to nothing");
    assert_eq!(findings(machine.path(), "unlimited").1("cargo").1, "not on the PATH");
}

#[test]
fn short_address_space_is_seen_and_the_page_scan_is_never_needed() {
    let machine = programs(&[CC, ("rustc", RUSTC), ("cargo", CARGO), ("rustup", "echo rustup 1.28.0")]);
    let (_, found) = findings(machine.path(), "unlimited");
    assert_eq!(found("address space").0, "fine");
    // One GiB: less than the pool reserves, and enough for a handler.
    let (code, found) = findings(machine.path(), "1048576");
    let (state, _, advice) = found("address space");
    assert_eq!((code, state.as_str()), (0, "without"));
    assert!(advice.contains("`ulimit -v unlimited`"), "{advice}");
    let (state, page_scan, advice) = found("page scan");
    match state.as_str() {
        "fine" => assert!(page_scan.starts_with("the kernel can report"), "{page_scan}"),
        _ => assert!(state == "without" && advice.contains("Linux 6.7"), "{state} {advice}"),
    }
}

#[test]
fn the_tools_of_other_languages_are_needed_only_by_who_uses_them() {
    let machine = programs(&[
        CC,
        ("rustc", RUSTC),
        ("cargo", CARGO),
        ("rustup", "echo rustup 1.28.0"),
        ("node", "echo v22.1.0"),
        ("python3", r#"case $1 in --version) echo "Python 3.13.5";; *) exit 1;; esac"#),
    ]);
    let (code, found) = findings(machine.path(), "unlimited");
    assert_eq!((code, found("linker").1.as_str(), found("node").1.as_str()), (0, "cc 14.2.0", "v22.1.0"));
    let (state, _, advice) = found("npm");
    assert!(
        state == "without" && advice.starts_with("nothing, unless you use the template starlingmonkey"),
        "{advice}"
    );
    let (state, missing, advice) = found("python venv");
    assert_eq!(
        (state.as_str(), missing.as_str()),
        ("without", "Python 3.13.5 lacks the modules ensurepip or venv")
    );
    assert!(advice.contains("`apt install python3-venv`"), "{advice}");
    let (state, _, advice) = found("go");
    assert!(state == "without" && advice.contains("their build installs it"), "{advice}");
}
