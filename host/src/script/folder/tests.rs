//! Folders as tenants hand them in, and as an attacker would make them.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use super::*;

struct Root(tempfile::TempDir);

impl Root {
    fn with(files: &[(&str, &str)]) -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        for (path, content) in files {
            root.write(path, content.as_bytes());
        }
        root
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn read(&self, place: &str) -> Result<Script, ReadError> {
        read(self.0.path(), &Path::new(place).into())
    }

    /// The paths of the files of the script in `acme`.
    fn files(&self) -> Vec<String> {
        self.read("acme/index.js").unwrap().files().iter().map(|file| file.path.to_string()).collect()
    }

    fn error(&self, place: &str) -> String {
        self.read(place).unwrap_err().to_string()
    }
}

#[test]
fn a_script_has_the_files_of_its_folder_and_below() {
    let root = Root::with(&[
        ("acme/index.js", "entry"),
        ("acme/lib/a.mjs", "a"),
        ("acme/data.json", "{}"),
        ("acme/notes.txt", "not of a script"),
        ("acme/.env.js", "hidden"),
        ("acme/.git/hooks.js", "hidden"),
        ("acme/node_modules/left-pad/index.js", "a package"),
        ("globex/index.js", "another tenant's"),
        ("bulkhead.toml", ""),
    ]);
    assert_eq!(root.files(), ["data.json", "index.js", "lib/a.mjs"]);
    let script = root.read("acme/index.js").unwrap();
    assert_eq!((&*script.entry, &*script.file("lib/a.mjs").unwrap().content), ("index.js", &b"a"[..]));
    assert_eq!(script.place, Path::new("acme/index.js").into());
}

#[test]
fn an_entry_beside_the_manifest_is_a_script_of_one_file() {
    let root = Root::with(&[("one.js", "1"), ("two.js", "2"), ("data.json", "{}")]);
    let files = root.read("one.js").unwrap().files().to_vec();
    assert_eq!(files, [File { path: "one.js".into(), content: b"1"[..].into() }]);
}

#[test]
fn no_link_is_followed() {
    let root = Root::with(&[("acme/index.js", "1"), ("globex/index.js", "2"), ("globex/secret.json", "3")]);
    symlink(root.path("globex/index.js"), root.path("acme/other.js")).unwrap();
    symlink("../globex", root.path("acme/lib")).unwrap();
    symlink("index.js", root.path("acme/same.js")).unwrap();
    symlink("acme", root.path("linked")).unwrap();
    symlink("acme/index.js", root.path("linked.js")).unwrap();
    assert_eq!(root.files(), ["index.js"]);
    assert_eq!(root.error("linked/index.js"), "`linked` is not a folder; symbolic links are not followed");
    for place in ["linked.js", "acme/other.js", "acme/same.js"] {
        assert!(matches!(root.read(place), Err(ReadError::NoEntry { .. })), "{place}");
    }
    assert!(matches!(root.read("acme/lib/index.js"), Err(ReadError::NotAFolder { .. })));
}

#[test]
fn no_path_leaves_the_task_root() {
    let root = Root::with(&[("task/acme/index.js", "1"), ("outside/index.js", "2")]);
    for place in ["../outside/index.js", "acme/../../outside/index.js", "/etc/index.js", "acme/.."] {
        let read = read(&root.path("task"), &Path::new(place).into());
        assert!(matches!(read, Err(ReadError::NotAFolder { .. } | ReadError::NoEntry { .. })), "{place}");
    }
}

#[test]
fn names_that_no_script_can_say_are_left_out() {
    let root =
        Root::with(&[("acme/index.js", ""), ("acme/a\\b.js", ""), ("acme/a\nb.js", ""), ("acme/%2e.js", "")]);
    let folder = root.path("acme");
    fs::write(folder.join(std::ffi::OsStr::from_bytes(b"\xff.js")), "").unwrap();
    fs::create_dir(folder.join(std::ffi::OsStr::from_bytes(b"\xff"))).unwrap();
    fs::create_dir(folder.join("folder.js")).unwrap();
    assert_eq!(root.files(), ["%2e.js", "index.js"]);
}

#[test]
fn what_is_not_a_regular_file_is_not_waited_for() {
    let root = Root::with(&[("acme/index.js", "")]);
    rustix::fs::mknodat(CWD, root.path("acme/pipe.js"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    rustix::fs::mknodat(CWD, root.path("pipe.js"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert_eq!(root.files(), ["index.js"]);
    assert!(matches!(root.read("pipe.js"), Err(ReadError::NoEntry { .. })));
}

#[test]
fn a_script_has_bounds() {
    let root = Root::with(&[("acme/index.js", "")]);
    for number in 1..MOST_FILES {
        root.write(&format!("acme/{number}.js"), b"");
    }
    assert_eq!(root.files().len(), MOST_FILES);
    root.write("acme/too-many.json", b"");
    assert!(root.error("acme/index.js").starts_with("the folder `acme` has more than 1000 files"));

    let root = Root::with(&[("acme/index.js", "12345")]);
    root.write("acme/large.json", &vec![b' '; MOST_BYTES - 5]);
    assert_eq!(root.files().len(), 2);
    root.write("acme/one.js", b"6");
    assert!(root.error("acme/index.js").contains("have more than 4 MiB together"));

    let deep = |depth: usize| format!("acme/{}a.js", "d/".repeat(depth - 1));
    let root = Root::with(&[("acme/index.js", ""), (&deep(DEEPEST), "")]);
    assert_eq!(root.files().len(), 2);
    root.write(&deep(DEEPEST + 1), b"");
    assert!(root.error("acme/index.js").contains("lies more than 16 folders deep"));

    let root = Root::with(&[("acme/index.js", "")]);
    let long = |bytes: usize| format!("acme/{}/{}.js", "d".repeat(100), "f".repeat(bytes - 104));
    root.write(&long(LONGEST_PATH), b"");
    assert_eq!(root.files().len(), 2);
    root.write(&long(LONGEST_PATH + 1), b"");
    assert!(root.error("acme/index.js").contains("has more than 255 bytes below"));
}

#[test]
fn a_script_that_is_not_there_is_named() {
    let root = Root::with(&[("acme/other.js", "")]);
    assert_eq!(root.error("acme/index.js").split(';').next(), Some("there is no file `acme/index.js`"));
    assert!(root.error("none/index.js").starts_with("`none` cannot be read: No such file"));
    assert!(root.error("acme/other.js/index.js").starts_with("`acme/other.js` is not a folder"));
}
