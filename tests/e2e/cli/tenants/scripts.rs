//! `bulkhead tenants` on tenants whose handlers are scripts.

use std::path::Path;

use bulkhead_tests::artifacts;
use serde_json::{Value, json};

use crate::project::Folder;
use crate::store::{Ran, Store};

/// A store for scripts, if the engine is there that checks them.
fn store() -> Option<Store> {
    artifacts::engine()?;
    Some(Store::new("scripts = true\n"))
}

/// A file of a script beside the store.
fn write(store: &Store, path: &str, text: &str) -> String {
    let path = store.root().join(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("make a folder");
    std::fs::write(&path, text).expect("write a file");
    path.to_str().expect("a path").to_owned()
}

fn put(store: &Store, tenant: &str, entry: &str) -> Value {
    store.change(&["put", tenant, "--script", entry, "--json"]).json()
}

fn try_to_put(store: &Store, arguments: &[&str]) -> Ran {
    let key = store.root().join("key.pem");
    store.run(&[&["put", "acme", "--key", key.to_str().expect("a path")], arguments].concat())
}

#[test]
fn a_script_is_put_shown_compared_and_cleaned_away() {
    let Some(store) = store() else { return };
    let entry = write(&store, "acme/index.js", "export default () => 1;");
    write(&store, "acme/lib/data.json", "{}");
    write(&store, "acme/README.md", "no part of it");
    let one = put(&store, "acme", &entry);
    let digest = one["handler"]["script"].as_str().expect("a digest");
    assert_eq!(one["handler"], json!({ "script": digest, "settings": {} }));
    let object = store.path(&format!("scripts/{}.script", digest.strip_prefix("sha256:").expect("digits")));
    // The object is what the documentation says.
    let texts = ["index.js", "index.js", "export default () => 1;", "lib/data.json", "{}"];
    let expected: Vec<u8> = texts
        .iter()
        .flat_map(|text| {
            let length = u64::try_from(text.len()).expect("a length").to_le_bytes();
            [&length, text.as_bytes()].concat()
        })
        .collect();
    assert_eq!(std::fs::read(&object).expect("read it"), expected);
    let shown = store.run(&["show", "acme"]).stdout;
    for expected in [
        "  kind     script\n",
        &format!("  script   {digest}\n"),
        "  files    2 files, 25 bytes, entry index.js\n",
    ] {
        assert!(shown.contains(expected), "{expected:?} is not in\n{shown}");
    }
    assert!(!shown.contains("note: ") && !shown.contains("problem: "), "{shown}");
    let listed = store.run(&["list"]).stdout;
    assert!(listed.contains(&format!("acme          1  valid  script  {}", &digest[..19])), "{listed}");
    // The same script of another tenant is there once, and another script beside it.
    put(&store, "globex", &entry);
    assert_eq!(store.files("scripts").len(), 1);
    write(&store, "acme/index.js", "export default () => 2;");
    put(&store, "acme", &entry);
    let diff = store.run(&["diff", "acme"]).stdout;
    assert!(diff.contains(&format!("- handler.script: \"{digest}\"\n+ handler.script: \"sha256:")), "{diff}");
    let back = store.change(&["rollback", "acme", "--json"]).json();
    assert_eq!(back["handler"], one["handler"]);
    let verified = store.run(&["verify"]);
    assert!(verified.code == 0 && verified.stdout.ends_with(": 2 valid records, 0 problems, 0 leftovers\n"));
    let gc = store.run(&["gc", "--keep", "0", "--older-than", "0s", "--json"]).json();
    assert_eq!(store.files("scripts"), [object], "{gc}");
    let changed = store.change(&["resign"]);
    assert!(changed.stderr.contains(" 0 failed"), "{}", changed.stderr);
}

#[test]
fn a_new_release_compiles_no_script_and_only_a_new_time_signs_it_anew() {
    let Some(store) = store() else { return };
    let entry = write(&store, "acme/index.js", "export default () => 1;");
    let first = put(&store, "acme", &entry);
    let shown = || store.run(&["show", "acme", "--json"]).json()["record"].clone();
    assert_eq!(store.change(&["recompile", "--json"]).json()["records"], json!([]));
    assert_eq!(shown(), first);
    store.change(&["recompile", "--valid-for", "800days"]);
    assert_eq!((&shown()["version"], &shown()["handler"]), (&json!(2), &first["handler"]));
    assert!(shown()["expires"].as_str() > first["expires"].as_str(), "{}", shown());
}

#[test]
fn a_script_that_could_not_run_is_not_put() {
    let Some(store) = store() else { return };
    let entry = write(&store, "acme/index.js", "export default () => 1;");
    write(&store, "acme/lib/a.mjs", "export const a = 1;\n\nexport const = 2;\n");
    let ran = try_to_put(&store, &["--script", &entry]);
    assert!(ran.code == 1 && ran.stderr.contains("acme/lib/a.mjs:3:14: "), "{}", ran.stderr);
    // Too many files, and too large ones.
    write(&store, "acme/lib/a.mjs", "");
    for number in 0..1_000 {
        write(&store, &format!("many/{number}.json"), "");
    }
    let many = write(&store, "many/index.js", "");
    let large = write(&store, "large/index.js", &format!("/*{}*/", " ".repeat(4 << 20)));
    let text = write(&store, "acme/notes.txt", "");
    let missing = store.root().join("acme/none.js");
    for (entry, expected) in [
        (many.as_str(), "has more than 1000 files of a script"),
        (&large, "have more than 4 MiB together"),
        (&text, "notes.txt: this is not a script; the name of a script ends in .js"),
        (missing.to_str().expect("a path"), "there is no file `acme/none.js`"),
    ] {
        let ran = try_to_put(&store, &["--script", entry]);
        assert!(ran.code == 1 && ran.stderr.contains(expected), "{expected:?} is not in {}", ran.stderr);
    }
    let ran = try_to_put(&store, &["--script", &entry, "--preinit"]);
    assert!(ran.code == 1 && ran.stderr.contains("--preinit is for components"), "{}", ran.stderr);
    for arguments in
        [&[][..], &["--script", &entry, "--component", &entry], &["--script", &entry, "--target", "x86_64"]]
    {
        assert_eq!(try_to_put(&store, arguments).code, 2, "{arguments:?}");
    }
    let ran = try_to_put(&store, &["--script", &entry, "--dry-run"]);
    assert!(ran.code == 0 && ran.stdout.contains("+ handler.script: "), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(store.files("scripts").len() + store.files("tenants").len(), 0);
    // A store whose functions have no engine.
    let other = Store::new("");
    let ran = try_to_put(&other, &["--script", &entry]);
    assert!(ran.code == 1 && ran.stderr.contains("set `scripts = true` in [store] of bulkhead.toml"));
}

#[test]
fn a_function_of_scripts_alone_is_built_packaged_and_run() {
    let Some(store) = store() else { return };
    let folder = Folder::new();
    folder.write("bulkhead.toml", &store.manifest("scripts = true\n"));
    folder.write("acme/index.js", "export default (event) => ({ hello: event.name });");
    let key = store.root().join("key.pem");
    let key = key.to_str().expect("a path");
    folder.bulkhead(&["build"]).succeeded();
    assert!(folder.path().join("target/bulkhead/engines/javascript.cwasm").is_file());
    folder.bulkhead(&["check"]).succeeded();
    folder.bulkhead(&["tenants", "put", "acme", "--script", "acme/index.js", "--key", key]).succeeded();
    let invoked =
        folder.bulkhead(&["invoke", "--event", r#"{"name": "acme"}"#, "--tenant", "acme", "--json"]);
    assert_eq!(invoked.succeeded().json()["answer"], json!({ "hello": "acme" }));
    folder.bulkhead(&["package", "-o", "function.zip"]).succeeded();
    let root = crate::unzip::unzip(&folder.path().join("function.zip"));
    let has = |file: &str| Path::new(root.path()).join(file).is_file();
    assert!(has("engines/javascript.cwasm") && !has("acme/index.js"), "the script is in the store");
}
