//! A store of tenants in a directory of its own or in a bucket, with a key that may write to it, and the command that does.
//!
//! May use: nothing.

pub(crate) mod bucket;

use std::path::{Path, PathBuf};
use std::process::Command;

use bulkhead_tests::artifacts;
use serde_json::Value;
use tempfile::TempDir;

/// The directory with everything: the store, the key and a `bulkhead.toml`.
pub(crate) struct Store {
    folder: TempDir,
    public_key: String,
    bucket: Option<Bucket>,
}

/// A bucket of a server, and the variables of those who may use it.
#[derive(Clone)]
pub(crate) struct Bucket {
    /// `s3://bucket/prefix`
    pub(crate) url: String,
    /// The URL of its server.
    pub(crate) endpoint: String,
    /// Credentials and region.
    pub(crate) variables: Vec<(String, String)>,
}

/// What a run of the command printed, and its exit code.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        let output = command.output().expect("run `bulkhead`");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().expect("an exit code");
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

impl Store {
    /// An empty store of this name, whose `bulkhead.toml` continues with this.
    pub(crate) fn new(more: &str) -> Self {
        Self::at(None, more)
    }

    /// A store in a bucket.
    pub(crate) fn in_bucket(bucket: Bucket, more: &str) -> Self {
        Self::at(Some(bucket), more)
    }

    fn at(bucket: Option<Bucket>, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("make a folder");
        std::fs::create_dir(folder.path().join("store")).expect("make the store");
        let key = folder.path().join("key.pem");
        let ran = Ran::of(Command::new(artifacts::cli()).arg("keygen").arg("-o").arg(key));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let store = Self { folder, public_key: ran.stdout.trim_end().to_owned(), bucket };
        std::fs::write(store.folder.path().join("bulkhead.toml"), store.manifest(more)).expect("write");
        store
    }

    /// A `bulkhead.toml` with this store, which continues with this.
    pub(crate) fn manifest(&self, more: &str) -> String {
        let url = match &self.bucket {
            Some(Bucket { url, endpoint, .. }) => format!("url = '{url}'\nendpoint_url = '{endpoint}'"),
            None => format!("url = 'file://{}'", self.path("").display()),
        };
        format!("[store]\nname = 'prod'\n{url}\npublic_keys = ['{}']\n{more}", self.public_key)
    }

    /// The public key that the store trusts.
    pub(crate) fn public_key(&self) -> &str {
        &self.public_key
    }

    /// `bulkhead keygen` with these arguments, which has to succeed.
    pub(crate) fn keygen(&self, arguments: &[&str]) -> Ran {
        let ran =
            Ran::of(Command::new(artifacts::cli()).arg("keygen").args(arguments).current_dir(self.root()));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    }

    /// A file of the store.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        let store = self.folder.path().join("store");
        if file.is_empty() { store } else { store.join(file) }
    }

    /// The folder with the key and `bulkhead.toml`.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// A file beside the store.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("write a file");
        path
    }

    /// `bulkhead tenants` with these arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(artifacts::cli());
        if let Some(bucket) = &self.bucket {
            command.envs(bucket.variables.iter().cloned());
        }
        Ran::of(command.arg("tenants").args(arguments).arg("--root").arg(self.folder.path()))
    }

    /// The same with the key, of a command that has to succeed.
    pub(crate) fn change(&self, arguments: &[&str]) -> Ran {
        let key = self.folder.path().join("key.pem");
        let ran = self.run(&[arguments, &["--key", key.to_str().expect("a path")]].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    /// Puts a tenant whose component is a guest, and gives its record.
    pub(crate) fn put(&self, tenant: &str, guest: &str, more: &[&str]) -> Value {
        let component = artifacts::component(guest);
        let component = component.to_str().expect("a path");
        self.change(&[&["put", tenant, "--component", component, "--json"], more].concat()).json()
    }

    /// The file of a tenant's record.
    pub(crate) fn record(&self, tenant: &str) -> PathBuf {
        let shown = self.run(&["show", tenant, "--json"]).json();
        self.path(shown["file"].as_str().expect("a file"))
    }

    /// The files in a folder of the store.
    pub(crate) fn files(&self, folder: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path(folder)).into_iter().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        files
    }
}
