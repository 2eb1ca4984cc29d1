//! What a script is.

use super::*;

fn file(path: &str, content: &str) -> File {
    File { path: path.into(), content: content.as_bytes().into() }
}

fn script(entry: &str, files: &[(&str, &str)]) -> Option<Script> {
    let files = files.iter().map(|(path, content)| file(path, content)).collect();
    Script::new(Path::new("notes").join(entry).into(), entry, files)
}

fn digest_of(entry: &str, files: &[(&str, &str)]) -> Arc<str> {
    script(entry, files).unwrap().digest
}

#[test]
fn a_file_has_one_spelling() {
    let script = script("index.js", &[("lib/b.js", "b"), ("index.js", "a")]).unwrap();
    assert_eq!(script.file("lib/b.js"), Some(&file("lib/b.js", "b")));
    for path in [
        "",
        "/index.js",
        "./index.js",
        "lib/../index.js",
        "lib//b.js",
        "lib\\b.js",
        "index.js\0",
        "index%2ejs",
        "lib",
        "lib/",
        "INDEX.JS",
        "notes/index.js",
    ] {
        assert_eq!(script.file(path), None, "{path:?}");
    }
    assert!(Script::new(Path::new("a.js").into(), "a.js", vec![file("b.js", "")]).is_none());
}

#[test]
fn the_digest_is_of_the_entry_and_of_all_paths_and_contents() {
    let files = [("a.js", "1"), ("b.js", "2")];
    let digest = digest_of("a.js", &files);
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");
    assert_eq!(digest, digest_of("a.js", &[("b.js", "2"), ("a.js", "1")]), "the order does not matter");
    for other in [
        digest_of("b.js", &files),
        digest_of("a.js", &[("a.js", "1")]),
        digest_of("a.js", &[("a.js", "2"), ("b.js", "1")]),
        digest_of("a.js", &[("a.js", "1"), ("c.js", "2")]),
        digest_of("a.js", &[("a.js", "12"), ("b.js", "")]),
        digest_of("a.js", &[("a.js", ""), ("b.js", "12")]),
    ] {
        assert_ne!(digest, other);
    }
}
