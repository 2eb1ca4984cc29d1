//! A folder with a project in it, and the commands that are run there without a network.
//!
//! May use: nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bulkhead_tests::artifacts;
use serde_json::Value;
use tempfile::TempDir;

/// A folder of its own for each test. It goes when it is dropped.
pub(crate) struct Folder {
    path: PathBuf,
    /// What a build command finds as `$GUEST`.
    guest: Option<PathBuf>,
    _directory: Option<TempDir>,
}

/// What a command left.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Where cargo compiles for all of them, so that the SDK and what it needs are compiled once. Projects of different names do not
/// meet in there.
pub(crate) const TARGET: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/projects");

/// Settings of cargo for projects whose size and speed do not matter: they compile in half of the time.
const QUICK: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
];

/// The SDK of this checkout.
pub(crate) fn sdk() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../guest-sdk").to_owned()
}

impl Folder {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("make a folder");
        let path = std::fs::canonicalize(directory.path()).expect("the folder's path");
        Self { path, guest: None, _directory: Some(directory) }
    }

    /// One that is built by a command, which finds the component of a guest as `$GUEST`.
    pub(crate) fn with(guest: &str, manifest: &str) -> Self {
        let folder = Self { guest: Some(artifacts::component(guest)), ..Self::new() };
        folder.write("bulkhead.toml", manifest);
        folder
    }

    /// A folder in it, which goes with it.
    pub(crate) fn inner(&self, name: &str) -> Self {
        Self { path: self.path.join(name), guest: None, _directory: None }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path.join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("make a folder");
        std::fs::write(path, text).expect("write into the project");
    }

    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub(crate) fn bulkhead(&self, arguments: &[&str]) -> Ran {
        self.run(&artifacts::cli(), arguments)
    }

    pub(crate) fn cargo(&self, arguments: &[&str]) -> Ran {
        self.run(Path::new("cargo"), arguments)
    }

    /// Another program that is on everybody's path.
    pub(crate) fn tool(&self, program: &str, arguments: &[&str]) -> Ran {
        self.run(Path::new(program), arguments)
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Ran {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.path)
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TARGET_DIR", TARGET)
            .envs(QUICK)
            .env("BULKHEAD_BOOTSTRAP", artifacts::bootstrap())
            .envs(self.guest.as_ref().map(|guest| ("GUEST", guest)))
            .stdin(Stdio::null());
        let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().expect("an exit code");
        Ran { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Ran {
    /// It went well, or the test ends here.
    pub(crate) fn succeeded(&self) -> &Self {
        assert_eq!(self.code, 0, "{}\n{}", self.stdout, self.stderr);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }
}
