//! Tests packages of a release with small scripts instead of the programs: they are installed by pip and by npm, and run.

use std::env::consts::ARCH;
use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use super::{SBOM, manylinux, npm, pack, wheel, write};
use crate::workspace::{has, in_ci, works};

/// Finds a bootstrap as the command does, and starts it.
const COMMAND: &str = "#!/bin/sh\nexec \"$(dirname \"$0\")/../libexec/bulkhead/bootstrap\" \"$@\"\n";

/// Prints its arguments, and ends with a code, or with `wait` when it receives a signal.
const BOOTSTRAP: &str = "#!/bin/sh\ntrap 'echo stopped; exit 3' TERM\necho \"called with $*\"\n\
                         [ \"$1\" = wait ] || exit 7\nread -r line\n";

/// A folder with the files of a release. It is removed when this is dropped, together with the packages made from it.
pub(super) struct StandIn {
    pub(super) place: PathBuf,
    pub(super) folder: PathBuf,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.place).ok();
    }
}

/// Makes one for a test.
pub(super) fn release(test: &str) -> StandIn {
    let place = std::env::temp_dir().join(format!("bulkhead-dist-{}-{test}", std::process::id()));
    let folder = place.join("release");
    for (file, content, mode) in [
        ("bulkhead", COMMAND, 0o755),
        ("bootstrap", BOOTSTRAP, 0o755),
        ("bootstrap-x86_64", "x86-64", 0o755),
        ("bootstrap-arm64", "arm64", 0o755),
        ("engines/javascript.wasm", "engine", 0o644),
        ("LICENSE-APACHE", "Apache", 0o644),
        ("LICENSE-MIT", "MIT", 0o644),
        ("CHANGELOG.md", "changes", 0o644),
        (SBOM, "{}", 0o644),
        ("completions/_bulkhead", "zsh", 0o644),
        ("man/man1/bulkhead.1", "man", 0o644),
    ] {
        write(content.as_bytes(), &folder.join(file), mode).unwrap();
    }
    StandIn { place, folder }
}

/// Makes every package of a release in this folder.
fn packages(release: &Path, place: &Path) -> Vec<PathBuf> {
    fs::create_dir_all(place).unwrap();
    let archive = place.join("archive.tar.gz");
    pack(release, &archive).unwrap();
    let mut made = vec![archive, wheel::make(release, &systems(), place).unwrap()];
    made.extend(npm::make(release, place).unwrap());
    made
}

/// A name for systems that pip accepts here.
fn systems() -> String {
    if cfg!(target_env = "gnu") {
        manylinux::tag(&[&std::env::current_exe().unwrap()]).unwrap()
    } else {
        format!("linux_{ARCH}")
    }
}

/// Whether a test that needs this program can run. The program may be missing, except in CI.
fn can_run(is_here: bool, program: &str) -> bool {
    assert!(is_here || !in_ci(), "{program} is not installed, and in CI no test may be skipped");
    if !is_here {
        eprintln!("SKIPPED, NOT PASSED: {program} is not installed");
    }
    is_here
}

/// A command in an environment with a home and a path, and nothing else.
fn empty(program: &Path, home: &Path, path: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).env("PATH", path).stdin(Stdio::null()).current_dir(home);
    command
}

fn succeeded(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The output of a command, and its exit code.
fn answer(mut command: Command) -> (String, Option<i32>) {
    let output = command.output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

#[test]
fn the_same_files_give_the_same_packages_whenever_and_by_whomever() {
    let release = release("same");
    let made = [(1, 0o700), (2, 0o755)].map(|(time, program)| {
        let modified = UNIX_EPOCH + Duration::from_secs(time);
        for (file, mode) in [("bulkhead", program), ("LICENSE-MIT", program & 0o666)] {
            let file = release.folder.join(file);
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            File::open(&file).unwrap().set_modified(modified).unwrap();
        }
        packages(&release.folder, &release.place.join(time.to_string()))
    });
    for (one, other) in made[0].iter().zip(&made[1]) {
        assert_eq!(one.file_name(), other.file_name());
        assert!(fs::read(one).unwrap() == fs::read(other).unwrap(), "{}", one.display());
    }
}

#[test]
fn pip_installs_the_wheel_and_leaves_nothing_when_it_removes_it() {
    if !can_run(works(Command::new("python3").args(["-c", "import ensurepip, venv"])), "python3 with venv") {
        return;
    }
    let release = release("pip");
    let wheel = wheel::make(&release.folder, &systems(), &release.place).unwrap();
    let venv = release.place.join("venv");
    let mut made = Command::new("python3");
    made.args(["-m", "venv"]).arg(&venv);
    succeeded(made);
    let pip = |arguments: &[&str]| {
        let mut pip = empty(&venv.join("bin/python"), &release.place, "/usr/bin:/bin");
        pip.args(["-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]).args(arguments);
        String::from_utf8(succeeded(pip).stdout).unwrap()
    };
    pip(&["install", "--no-index", wheel.to_str().unwrap()]);
    let mut command = empty(&venv.join("bin/bulkhead"), &release.place, "/usr/bin:/bin");
    command.args(["invoke", "it"]);
    assert_eq!(answer(command), ("called with invoke it\n".to_owned(), Some(7)));
    let libexec = venv.join("libexec/bulkhead");
    assert_eq!(fs::read_to_string(libexec.join("bootstrap-arm64")).unwrap(), "arm64");
    assert_eq!(fs::read_to_string(libexec.join("engines/javascript.wasm")).unwrap(), "engine");
    assert_eq!(fs::read_to_string(venv.join("share/man/man1/bulkhead.1")).unwrap(), "man");
    pip(&["check"]);
    let shown = pip(&["show", "--files", "bulkhead-lambda"]);
    assert!(shown.contains("Name: bulkhead-lambda\n") && shown.contains("licenses/LICENSE-MIT"), "{shown}");
    pip(&["uninstall", "--yes", "bulkhead-lambda"]);
    assert!(!venv.join("bin/bulkhead").exists() && !libexec.join("bootstrap").exists());
    assert!(!libexec.join("engines/javascript.wasm").exists());
}

#[test]
fn npm_installs_the_packages_and_their_command_ends_as_the_program_does() {
    if !can_run(has("node") && has("npm"), "node with npm") {
        return;
    }
    let release = release("npm");
    let packages = npm::make(&release.folder, &release.place).unwrap();
    let home = release.place.join("home");
    write(b"{}", &home.join("package.json"), 0o644).unwrap();
    let path = std::env::var_os("PATH").unwrap().into_string().unwrap();
    let mut npm = empty(Path::new("npm"), &home, &path);
    npm.args(["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund"]).args(&packages);
    succeeded(npm);
    let bulkhead = |arguments: &[&str]| {
        let mut command = empty(&home.join("node_modules/.bin/bulkhead"), &home, &path);
        command.args(arguments);
        command
    };
    assert_eq!(answer(bulkhead(&["invoke", "it"])), ("called with invoke it\n".to_owned(), Some(7)));

    let cpu = if ARCH == "aarch64" { "arm64" } else { "x64" };
    let engine = format!("node_modules/bulkhead-lambda-linux-{cpu}/libexec/bulkhead/engines/javascript.wasm");
    assert_eq!(fs::read_to_string(home.join(engine)).unwrap(), "engine");

    let mut waiting = bulkhead(&["wait"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(waiting.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().as_deref(), Some("called with wait"));
    assert!(works(Command::new("sh").args(["-c", &format!("kill -TERM {}", waiting.id())])));
    assert_eq!(lines.next().as_deref(), Some("stopped"));
    assert_eq!(waiting.wait().unwrap().code(), Some(3));

    for package in fs::read_dir(home.join("node_modules")).unwrap().map(|entry| entry.unwrap().path()) {
        if package.file_name().unwrap().to_string_lossy().starts_with("bulkhead-lambda-linux-") {
            fs::remove_dir_all(package).unwrap();
        }
    }
    let output = bulkhead(&["--version"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("is not installed") && said.contains("--omit=optional"), "{said}");
}
