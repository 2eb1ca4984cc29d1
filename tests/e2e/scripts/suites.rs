//! The program that runs the suites of others, on small suites of our own: the real engine runs each test.
//!
//! The scripts of a suite have the format of test262 or of web-platform-tests.

use std::process::Command;

use bulkhead_tests::artifacts;

use crate::project::{Folder, Ran};

/// A folder with the native code of the engine, if there is one.
fn folder() -> Option<Folder> {
    let engine = artifacts::engine()?;
    let folder = Folder::new();
    let engine = engine.display().to_string();
    folder.bulkhead(&["compile", &engine, "--preinit", "--output", "engine.cwasm"]).succeeded();
    Some(folder)
}

fn run(folder: &Folder, suite: &str) -> Ran {
    let path = |file: &str| folder.path().join(file);
    let mut command = Command::new(artifacts::suites());
    command.arg("--engine").arg(path("engine.cwasm")).arg("--expected").arg(path("expected"));
    let output = command.arg(format!("--{suite}")).arg(path(suite)).output().expect("run the suite");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

const TEST262: [(&str, &str); 12] = [
    ("harness/assert.js", "function assert(value) { if (!value) throw new Test262Error('not true'); }"),
    ("harness/sta.js", "function Test262Error(message) { this.message = message; }"),
    (
        "harness/doneprintHandle.js",
        "function $DONE(error) { print(error ? 'Test262:AsyncTestFailure: ' + error : 'Test262:AsyncTestComplete'); }",
    ),
    (
        "test/language/a/global.js",
        "var x = 1; assert(delete globalThis.x === false || (function () { return !this; })());",
    ),
    (
        "test/language/a/strict.js",
        "/*---\nflags: [onlyStrict]\n---*/\nassert((function () { return !this; })());",
    ),
    ("test/language/a/parse.js", "/*---\nnegative:\n  phase: parse\n  type: SyntaxError\n---*/\nvar 1;"),
    ("test/language/a/thrown.js", "/*---\nnegative:\n  phase: runtime\n  type: TypeError\n---*/\nnull.x;"),
    (
        "test/language/a/async.js",
        "/*---\nflags: [async]\n---*/\nPromise.resolve().then(() => $DONE(), $DONE);",
    ),
    (
        "test/language/b/module.js",
        "/*---\nflags: [module]\n---*/\nimport { one } from './one_FIXTURE.js';\nassert(one === 1 && this === undefined);",
    ),
    ("test/language/b/one_FIXTURE.js", "export const one = 1;"),
    ("test/language/b/realm.js", "/*---\nfeatures: [cross-realm]\n---*/\n$262.createRealm();"),
    ("test/language/b/wrong.js", "assert(false);"),
];

#[test]
fn tests_of_the_language_pass_fail_as_expected_or_are_told() {
    let Some(folder) = folder() else { return };
    for (file, text) in TEST262 {
        folder.write(&format!("test262/{file}"), text);
    }
    folder
        .write("expected/test262.txt", "# one realm\nfeature cross-realm\n# a fault\nlanguage/b/wrong.js\n");
    let ran = run(&folder, "test262");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for row in [
        &["language/a", "5", "0", "0", "0"],
        &["language/b", "1", "0", "1", "1"],
        &["all", "6", "0", "1", "1"],
    ] {
        let is_row = |line: &str| line.split_whitespace().eq(row.iter().copied());
        assert!(ran.stdout.lines().any(is_row), "{row:?} in {}", ran.stdout);
    }
    folder
        .write("expected/test262.txt", "# one realm\nfeature cross-realm\n# a fault\nlanguage/a/async.js\n");
    let ran = run(&folder, "test262");
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    for line in [
        "failed: language/b/wrong.js: Sloppy: Test262Error: not true",
        "passes now, so take it off the list: language/a/async.js",
    ] {
        assert!(ran.stdout.contains(line), "{line} in {}", ran.stdout);
    }
}

/// As much of the harness as a file needs.
const HARNESS: &str = "
    const all = [];
    let complete;
    function add_completion_callback(callback) { complete = () => callback(all, { status: 0 }); setTimeout(complete, 10); }
    function timeout() {}
    function test(run, name) { one(name, () => run()); }
    function promise_test(run, name) { run().then(() => one(name, () => {}), (error) => one(name, () => { throw error; })); }
    function one(name, run) {
      try { run(); all.push({ name, status: 0, message: null }); }
      catch (error) { all.push({ name, status: 1, message: error.message }); }
    }";

#[test]
fn tests_of_the_web_s_interfaces_have_the_files_of_their_suite() {
    let Some(folder) = folder() else { return };
    let tests = "// META: script=/common/two.js\n\
                 test(() => { if (two !== 2) throw new Error('no'); }, 'a script');\n\
                 promise_test(() => fetch('resources/data.json').then((it) => it.json()).then(([one]) => one.x), 'data');\n\
                 test(() => { throw new Error('wrong'); }, 'a fault');\n";
    for (file, text) in [
        ("resources/testharness.js", HARNESS),
        ("common/two.js", "const two = 2;"),
        ("url/resources/data.json", "[{ \"x\": 1 }]"),
        ("url/some.any.js", tests),
        ("url/window.any.js", "// META: global=window\n"),
    ] {
        folder.write(&format!("wpt/{file}"), text);
    }
    folder.write("expected/wpt.txt", "# a fault of the test\nurl/some.any.js: a fault\n");
    let ran = run(&folder, "wpt");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let is_row = |line: &str| line.split_whitespace().eq(["url", "2", "0", "1", "1"]);
    assert!(ran.stdout.lines().any(is_row), "{}", ran.stdout);
}
