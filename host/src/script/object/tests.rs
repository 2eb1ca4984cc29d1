//! Objects of honest writers, and those that somebody else has put into a store.

use base64::Engine as _;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;

fn file(path: &str, content: &[u8]) -> File {
    File { path: path.into(), content: content.into() }
}

/// The object of what need not be a script.
fn object(entry: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let files: Vec<File> = files.iter().map(|(path, content)| file(path, content)).collect();
    let mut object = Vec::new();
    parts(entry, &files, &mut |bytes| object.extend_from_slice(bytes));
    object
}

fn digest(object: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(object))
}

fn refused(object: &[u8]) -> ObjectError {
    read("sha256:0", object).unwrap_err()
}

#[test]
fn an_object_is_what_the_digest_of_a_script_is_of_and_is_read_as_it_was_written() {
    let files = vec![file("lib/b.json", b"{}"), file("index.js", b"a"), file("lib/a.mjs", b"")];
    let script = Script::new(Path::new("notes/index.js").into(), "index.js", files).unwrap();
    let object = write(&script);
    assert_eq!(*digest(&object), *script.digest);
    let stored = read(&script.digest, &object).unwrap();
    assert_eq!(
        (&stored.entry, stored.files(), &stored.digest),
        (&script.entry, script.files(), &script.digest)
    );
    assert_eq!((write(&stored), digest_of(&stored.place)), (object, Some(&*script.digest)));
    assert_eq!(&object_of_one_byte()[..8], [4, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn the_published_vector() {
    #[derive(serde::Deserialize)]
    struct Vector {
        entry: String,
        files: std::collections::BTreeMap<String, String>,
        digest: String,
        object: String,
    }
    #[derive(serde::Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }
    let vectors = include_str!("../../../schema/vectors/scripts.json");
    for Vector { entry, files, digest, object } in serde_json::from_str::<Vectors>(vectors).unwrap().vectors {
        let files = files.iter().map(|(path, content)| file(path, content.as_bytes())).collect();
        let script = Script::new(Path::new(&entry).into(), &entry, files).unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(object).unwrap();
        assert_eq!((&*script.digest, write(&script)), (digest.as_str(), bytes.clone()));
        assert_eq!(read(&digest, &bytes).unwrap().files(), script.files());
    }
}

fn object_of_one_byte() -> Vec<u8> {
    object("a.js", &[("a.js", b"1")])
}

#[test]
fn the_place_of_a_stored_script_is_no_place_of_the_task_root() {
    let digits = "0".repeat(64);
    assert!(digest_of(&place(&format!("sha256:{digits}"))).is_some());
    for other in ["index.js", "sha256/index.js", "sha256:/index.js", "sha256:a.js"] {
        assert_eq!(digest_of(Path::new(other)), None, "{other}");
    }
}

#[test]
fn hostile_paths_are_refused() {
    let long = format!("{}.js", "x".repeat(LONGEST_PATH - 2));
    let deep = format!("{}a.js", "d/".repeat(DEEPEST));
    for path in [
        "../a.js",
        "x/../a.js",
        "/a.js",
        "./a.js",
        "x//a.js",
        "",
        "/",
        "..",
        "a.js/",
        "a\0.js",
        "a\n.js",
        "x\\a.js",
        ".a.js",
        ".git/a.js",
        "x/.y/a.js",
        "a.txt",
        "a",
        "a.js\0",
        &long,
        &deep,
    ] {
        let found = refused(&object("a.js", &[(path, b"")]));
        assert!(matches!(found, ObjectError::Path), "{path:?}: {found}");
        let found = refused(&object(path, &[("a.js", b"")]));
        assert!(matches!(found, ObjectError::Path), "the entry {path:?}: {found}");
    }
    let mut not_text = object("a.js", &[("b.js", b"")]);
    let at = not_text.len() - 12;
    not_text[at] = 0xff;
    assert!(matches!(refused(&not_text), ObjectError::Path));
}

#[test]
fn an_object_has_one_entry_of_its_own_and_every_file_once_in_order() {
    assert!(read("", &object_of_one_byte()).is_ok());
    assert_eq!(refused(&object("lib/a.js", &[("lib/a.js", b"")])), ObjectError::Entry);
    assert_eq!(refused(&object("a.json", &[("a.json", b"")])), ObjectError::Entry);
    assert_eq!(refused(&object("a.js", &[])), ObjectError::NoEntry);
    assert_eq!(refused(&object("a.js", &[("b.js", b"")])), ObjectError::NoEntry);
    for files in [[("a.js", &b"1"[..]), ("a.js", b"2")], [("b.js", b""), ("a.js", b"")]] {
        assert_eq!(refused(&object("a.js", &files)), ObjectError::Order);
    }
}

#[test]
fn an_object_has_bounds() {
    let paths: Vec<String> = (0..=MOST_FILES).map(|number| format!("{number:04}.js")).collect();
    let files: Vec<(&str, &[u8])> = paths.iter().map(|path| (path.as_str(), &b""[..])).collect();
    assert_eq!(read("", &object("0000.js", &files[..MOST_FILES])).unwrap().files().len(), 1000);
    assert_eq!(refused(&object("0000.js", &files)), ObjectError::TooManyFiles);
    let full = vec![b' '; MOST_BYTES];
    let largest = object("a.js", &[("a.js", &full)]);
    assert!(largest.len() <= MOST_OBJECT && read("", &largest).is_ok());
    assert_eq!(refused(&object("a.js", &[("a.js", &full), ("b.js", b"1")])), ObjectError::TooLarge);
    // The largest object that a folder can have.
    let long = "x".repeat(LONGEST_PATH - 7);
    let paths: Vec<String> = (0..MOST_FILES).map(|number| format!("{long}{number:04}.js")).collect();
    let contents = vec![b' '; MOST_BYTES / MOST_FILES];
    let files: Vec<(&str, &[u8])> = paths.iter().map(|path| (path.as_str(), &contents[..])).collect();
    let object = object(&paths[0], &files);
    assert!(object.len() <= MOST_OBJECT && read("", &object).is_ok());
}

#[test]
fn a_length_that_lies_reads_nothing_else() {
    for length in [5, u64::from(u32::MAX), u64::MAX, u64::MAX - 7] {
        let mut object = object_of_one_byte();
        let at = object.len() - 9;
        object[at..at + 8].copy_from_slice(&length.to_le_bytes());
        assert_eq!(refused(&object), ObjectError::Truncated);
    }
    let whole = object("a.js", &[("a.js", b"1"), ("b.js", b"22")]);
    for end in 0..whole.len() {
        // An object that ends between two files is another script.
        let is_script = end == object_of_one_byte().len();
        assert_eq!(read("", &whole[..end]).is_ok(), is_script, "{end}");
    }
    assert_eq!(refused(b""), ObjectError::Truncated);
}

proptest! {
    #[test]
    fn what_can_be_read_is_written_with_the_same_bytes(
        bytes in proptest::collection::vec(any::<u8>(), 0..60), at in 0..60_usize, byte in any::<u8>(),
    ) {
        let mut changed = object("a.js", &[("a.js", b"1"), ("b/c.json", b"{}")]);
        let length = changed.len();
        changed[at % length] = byte;
        for object in [bytes, changed] {
            if let Ok(script) = read(&digest(&object), &object) {
                prop_assert_eq!(write(&script), object);
            }
        }
    }
}
