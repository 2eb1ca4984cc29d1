//! `bulkhead build`: which packages are handlers, what goes into the task root, and what is refused.

use serde_json::{Value, json};

use crate::project::{Folder, sdk};

/// A workspace of two handlers and a crate that is none.
fn workspace() -> Folder {
    workspace_of(["one", "two"])
}

/// With handlers of these names. Tests that build handlers of one name in different ways would overwrite each other's.
fn workspace_of(names: [&str; 2]) -> Folder {
    let [one, two] = names;
    let folder = Folder::new();
    folder.write(
        "Cargo.toml",
        &format!("[workspace]\nmembers = [\"{one}\", \"{two}\", \"plain\"]\nresolver = \"3\"\n[profile.release]\nopt-level = 1\nlto = false\n"),
    );
    for name in names {
        folder.bulkhead(&["new", name, "--sdk-path", &sdk()]).succeeded();
        let manifest = folder.read(&format!("{name}/Cargo.toml"));
        let (package, _profile) = manifest.split_once("# A small and fast component").expect("a profile");
        folder.write(&format!("{name}/Cargo.toml"), package);
        std::fs::remove_file(folder.path().join(name).join("bulkhead.toml")).expect("remove it");
    }
    folder.write("plain/Cargo.toml", "[package]\nname = \"plain\"\nedition = \"2024\"\n");
    folder.write("plain/src/lib.rs", "");
    folder
}

#[test]
fn a_workspace_s_handlers_are_found_built_and_put_where_invoke_looks() {
    let folder = workspace();
    let report = folder.bulkhead(&["build", "--json"]).succeeded().json();
    let files: Vec<_> =
        report["components"].as_array().into_iter().flatten().map(|built| &built["file"]).collect();
    assert_eq!(files, [&json!("one.wasm"), &json!("two.wasm")], "{report}");
    assert_eq!((&report["taskRoot"], &report["mistakes"]), (&json!("target/bulkhead"), &json!([])));
    assert_eq!(report["components"][1]["kind"], "handler");
    let invoked = folder.bulkhead(&["invoke", "two", "--event", r#"{"name":"two"}"#]);
    assert_eq!(invoked.succeeded().stdout, "{\"message\":\"Hello two!\"}\n");

    // What is saved is built, and the other one stays; a program that does not compile leaves what was there.
    let source = folder.read("two/src/lib.rs");
    folder.write("two/src/lib.rs", &source.replace("Hello", "Goodbye"));
    folder.write("one/bulkhead.toml", "[handlers.one]\n");
    let table = folder.bulkhead(&["build", "--package", "two"]);
    table.succeeded();
    assert!(table.stdout.contains("warning: one/bulkhead.toml has no effect here"), "{}", table.stdout);
    std::fs::remove_file(folder.path().join("one/bulkhead.toml")).expect("remove it");
    assert!(table.stdout.contains("two.wasm") && !table.stdout.contains("one.wasm"), "{}", table.stdout);
    assert!(folder.path().join("target/bulkhead/one.wasm").is_file());
    folder.write("two/src/lib.rs", "fn handle(");
    let failed = folder.bulkhead(&["build"]);
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("unclosed delimiter"), "{}", failed.stderr);
    assert!(failed.stderr.contains("cargo could not build two; see its messages above"), "{}", failed.stderr);
    let invoked = folder.bulkhead(&["invoke", "two", "--event", r#"{"name":"two"}"#]);
    assert_eq!(invoked.succeeded().stdout, "{\"message\":\"Goodbye two!\"}\n");
}

#[test]
fn a_handler_has_a_small_stack_unless_it_asks_for_another_or_cargo_is_told_of_one() {
    let folder = workspace_of(["stack-of-one", "stack-of-two"]);
    let stack_of = |name: &str| {
        let inspected = folder.bulkhead(&["inspect", "--json", &format!("target/bulkhead/{name}.wasm")]);
        inspected.succeeded().json()["reset"]["stack"].clone()
    };
    let manifest = folder.read("stack-of-two/Cargo.toml");
    let ask = |value: &str| {
        let table = format!("{manifest}\n[package.metadata.bulkhead]\nstack = {value}\n");
        folder.write("stack-of-two/Cargo.toml", &table);
    };
    ask("\"256KiB\"");
    folder.bulkhead(&["build"]).succeeded();
    assert_eq!((stack_of("stack-of-one"), stack_of("stack-of-two")), (json!(128 << 10), json!(256 << 10)));

    ask("\"much\"");
    let refused = folder.bulkhead(&["build"]);
    let line = manifest.lines().count() + 3;
    let place =
        format!("stack-of-two/Cargo.toml:{line}: package.metadata.bulkhead.stack: \"much\" is not valid");
    assert!(refused.code == 1 && refused.stderr.contains(&place), "{place}: {}", refused.stderr);

    ask("\"256KiB\"");
    let flags = "[build]\nrustflags = [\"-C\", \"link-arg=-zstack-size=65536\", \"--cfg\", \"mine\"]\n";
    folder.write(".cargo/config.toml", flags);
    let source = folder.read("stack-of-one/src/lib.rs");
    folder.write(
        "stack-of-one/src/lib.rs",
        &format!("{source}\n#[cfg(not(mine))]\ncompile_error!(\"lost\");\n"),
    );
    let built = folder.bulkhead(&["build"]);
    built.succeeded();
    assert_eq!((stack_of("stack-of-one"), stack_of("stack-of-two")), (json!(64 << 10), json!(64 << 10)));
    let warning = "warning: stack-of-two/Cargo.toml: package.metadata.bulkhead.stack has no effect";
    assert!(built.stdout.contains(warning), "{}", built.stdout);

    // Other flags of the user's stay in force.
    folder.write(".cargo/config.toml", "[build]\nrustflags = [\"--cfg\", \"mine\"]\n");
    folder.bulkhead(&["build"]).succeeded();
    assert_eq!((stack_of("stack-of-one"), stack_of("stack-of-two")), (json!(128 << 10), json!(256 << 10)));
}

#[test]
fn what_the_manifest_grants_goes_along_and_what_is_no_longer_there_goes() {
    let folder = Folder::with(
        "echo",
        "[handlers.hello]\ngrants.files = [\"assets\"]\n[build]\ncommand = \"cp $GUEST hello.wasm\"\n",
    );
    folder.write("assets/greeting.txt", "Hello");
    folder.bulkhead(&["build"]).succeeded();
    assert_eq!(folder.read("target/bulkhead/assets/greeting.txt"), "Hello");
    // Native code of another component, and of none.
    folder.write("target/bulkhead/hello.cwasm", "of yesterday");
    folder.write("target/bulkhead/gone.cwasm", "of yesterday");
    std::fs::remove_file(folder.path().join("assets/greeting.txt")).expect("remove it");
    folder.bulkhead(&["build"]).succeeded();
    let left = |file: &str| folder.path().join("target/bulkhead").join(file).exists();
    assert!(left("hello.wasm") && left("bulkhead.toml"));
    assert!(!left("gone.cwasm") && !left("assets/greeting.txt"));
    let native = std::fs::read(folder.path().join("target/bulkhead/hello.cwasm")).expect("native code");
    assert_ne!(native, b"of yesterday");
}

#[test]
fn a_build_command_is_run_instead_of_cargo() {
    let folder = Folder::with(
        "echo",
        "[handlers.echo]\n[build]\ncommand = \"echo building && cp $GUEST ../echo.wasm\"\nworkdir = \"src\"\n",
    );
    folder.write("src/echo.txt", "");
    let built = folder.bulkhead(&["build"]);
    built.succeeded();
    assert!(built.stderr.contains("building") && !built.stdout.contains("building"), "{}", built.stdout);
    let invoked = folder.bulkhead(&["invoke", "--event", "[1]"]);
    assert_eq!(invoked.succeeded().stdout, "[1]\n");
}

#[test]
fn what_the_bootstrap_would_refuse_fails_the_build() {
    let folder =
        Folder::with("echo", "[handlers.echo]\n[build]\ncommand = \"echo no component > echo.wasm\"\n");
    let built = folder.bulkhead(&["build", "--json"]);
    assert_eq!(built.code, 1, "{}", built.stderr);
    let mistakes = built.json()["mistakes"].to_string();
    assert!(mistakes.contains("target/bulkhead/echo.wasm"), "{mistakes}");
}

#[test]
fn a_mistake_fails_the_build_with_its_line_and_what_was_built_is_shown_nevertheless() {
    let folder = Folder::with(
        "echo",
        "[build]\ncommand = \"cp $GUEST hello.wasm && cp $GUEST cart.wasm\"\n[handlers.hello]\n[handlers.cart]\ngrants.files = [\"asset\"]\n",
    );
    folder.write("assets/greeting.txt", "Hello");
    let build = || {
        let built = folder.bulkhead(&["build", "--json"]);
        assert_eq!(built.code, 1, "{}", built.stderr);
        let report = built.json();
        let components = report["components"].as_array().expect("components").clone();
        let shown = |one: &Value| (one["file"].clone(), one["kind"].clone(), one["handlers"].clone());
        (components.iter().map(shown).collect::<Vec<_>>(), report["mistakes"].to_string())
    };
    let expected = |name: &str| (json!(format!("{name}.wasm")), json!("handler"), json!([name]));
    let (components, mistakes) = build();
    assert_eq!(components, [expected("cart"), expected("hello")]);
    let place = "bulkhead.toml:5: handlers.cart.grants.files: `asset` does not exist; did you mean assets?";
    assert!(mistakes.contains(place), "{mistakes}");

    // A component that the bootstrap rejects, and one with native code of an earlier build.
    folder.write("bulkhead.toml", &folder.read("bulkhead.toml").replace("asset\"", "assets\""));
    folder.bulkhead(&["build"]).succeeded();
    let digest = format!("digest = \"sha256:{}\"\n", "0".repeat(64));
    folder.write("bulkhead.toml", &format!("{}{digest}", folder.read("bulkhead.toml")));
    let (components, mistakes) = build();
    assert_eq!(components, [expected("cart"), expected("hello")]);
    assert!(mistakes.contains("bulkhead.toml:6: handlers.cart.digest: "), "{mistakes}");
}

#[test]
fn what_cannot_be_built_is_refused_and_it_is_said_what_to_do() {
    let refused = |files: &[(&str, &str)], arguments: &[&str], part: &str| {
        let folder = Folder::new();
        files.iter().for_each(|(file, text)| folder.write(file, text));
        let ran = folder.bulkhead(&[&["build"], arguments].concat());
        assert!(ran.code == 1 && ran.stderr.contains(part), "{part:?} is not in {} {}", ran.code, ran.stderr);
    };
    let package = "[package]\nname = \"plain\"\nedition = \"2024\"\n";
    let command = |command: &str| format!("[handlers.a]\n[build]\ncommand = {command:?}\n");
    refused(&[], &[], "make a project with `bulkhead new NAME`");
    refused(&[], &["nowhere"], "nowhere: there is no such folder");
    refused(&[("bulkhead.toml", "")], &[], "no Cargo.toml here, and no build.command in bulkhead.toml");
    refused(&[("bulkhead.toml", "limit = 1")], &[], "bulkhead.toml:1: limit: there is no such key");
    refused(&[("Cargo.toml", package), ("src/lib.rs", "")], &[], "no package here is a handler");
    refused(&[("bulkhead.toml", "build.command = \"true\"")], &[], "add [handlers.NAME] for each");
    refused(
        &[("bulkhead.toml", &command("exit 3"))],
        &[],
        "build.command `exit 3` failed (exit status: 3); see its messages above",
    );
    refused(
        &[("bulkhead.toml", &command("true"))],
        &[],
        "did not create a.wasm, the source of the handler a",
    );
    refused(&[("bulkhead.toml", &command("true"))], &["-p", "a"], "leave out --package");
}

#[test]
fn a_stranger_s_crate_is_neither_fetched_nor_built() {
    let folder = Folder::new();
    // As `bulkhead new` once wrote it.
    folder.write(
        "Cargo.toml",
        "[package]\nname = \"hello\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n[dependencies]\nbulkhead = \"0.1\"\n",
    );
    folder.write("src/lib.rs", "");
    folder.write("bulkhead.toml", "[handlers.hello]\n");
    let refused = folder.bulkhead(&["build"]);
    assert!(refused.code == 1 && refused.stderr.contains("the SDK is `bulkhead-sdk`"), "{}", refused.stderr);
    assert!(!folder.path().join("Cargo.lock").exists());
}

#[test]
fn a_crate_that_cannot_work_is_named_with_what_does_whether_it_compiles_or_not() {
    let folder = Folder::new();
    folder.bulkhead(&["new", "rates", "--sdk-path", &sdk()]).succeeded();
    let project = folder.inner("rates");
    let manifest = project.read("Cargo.toml");
    let with = "\n[dependencies]\nreqwest = { path = \"reqwest\" }\n";
    project.write("Cargo.toml", &manifest.replace("\n[dependencies]\n", with));
    project.write("reqwest/Cargo.toml", "[package]\nname = \"reqwest\"\nedition = \"2024\"\n");
    project.write("reqwest/src/lib.rs", "");
    let report = project.bulkhead(&["build", "--json"]).succeeded().json();
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("rates depends on `reqwest`") && warnings.contains("bulkhead::client"),
        "{warnings}"
    );
    project.write("reqwest/src/lib.rs", "compile_error!(\"not here\");");
    let failed = project.bulkhead(&["build"]);
    assert_eq!(failed.code, 1);
    assert!(
        failed.stderr.contains("not here") && failed.stderr.contains("bulkhead::client"),
        "{}",
        failed.stderr
    );
}
