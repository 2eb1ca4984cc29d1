//! `bulkhead test`: unit tests of scripts, run by the real engine, and what is printed of them.

use bulkhead_tests::artifacts;
use serde_json::{Value, json};

use crate::project::{Folder, Ran};

/// A project of one script beside its `bulkhead.toml`, with these tests, if the engine is there.
fn project(tests: &str) -> Option<Folder> {
    artifacts::engine()?;
    let folder = Folder::new();
    folder.write("bulkhead.toml", "[handlers.hello]\nsource = \"index.js\"\n");
    folder.write("index.js", "export default (event) => `Hello ${event.name}!`;\n");
    folder.write("index.test.js", tests);
    Some(folder)
}

fn test(folder: &Folder, arguments: &[&str]) -> Ran {
    folder.bulkhead(&[&["test"], arguments].concat())
}

/// Kind, name and outcome of all tests of the first file.
fn outcomes(report: &Value) -> Vec<String> {
    let text = |test: &Value, key: &str| test[key].as_str().unwrap_or_default().to_owned();
    let tests = report["files"][0]["tests"].as_array().expect("tests");
    tests.iter().map(|test| format!("{} {}", text(test, "name"), text(test, "outcome"))).collect()
}

#[test]
fn a_new_project_has_a_test_that_passes_and_is_not_shipped() {
    if artifacts::engine().is_none() {
        return;
    }
    let folder = Folder::new();
    folder.bulkhead(&["new", "hello", "--template", "javascript"]).succeeded();
    let project = folder.inner("hello");
    let ran = test(&project, &[]);
    assert!(ran.succeeded().stdout.contains("\n  ✔ greets by name"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("\n1 passed, 0 failed\n"), "{}", ran.stdout);
    project.write("bulkhead.toml", "[handlers.hello]\nsource = \"src/index.js\"\n");
    for file in ["index.js", "index.test.js"] {
        let text = project.read(file);
        project.write(&format!("src/{file}"), &text);
    }
    project.bulkhead(&["build"]).succeeded();
    let shipped = |file: &str| project.path().join("target/bulkhead/src").join(file).is_file();
    assert!(shipped("index.js") && !shipped("index.test.js"));
}

#[test]
fn a_failure_has_its_place_and_the_difference() {
    let tests = "import { test } from 'node:test';\nimport assert from 'node:assert/strict';\n\
                 test('is equal', () => {\n  assert.deepEqual({ a: 1, b: 'x'.repeat(70) }, { a: 2, b: 'x'.repeat(70) });\n});\n";
    let Some(folder) = project(tests) else { return };
    let ran = test(&folder, &[]);
    assert_eq!(ran.code, 1);
    for line in [
        "index.test.js:4:",
        "AssertionError: The values are not strictly deep-equal:",
        "+   a: 1,",
        "-   a: 2,",
    ] {
        assert!(ran.stdout.contains(line), "{line} in {}", ran.stdout);
    }
    let error = &test(&folder, &["--json"]).json()["files"][0]["tests"][0]["error"];
    assert_eq!(error["name"], "AssertionError", "{error}");
    folder.write("index.test.js", "import './gone.js';\n");
    let ran = test(&folder, &[]);
    assert_eq!(ran.code, 1);
    let missing = "cannot find the file 'gone.js', imported from index.test.js";
    assert!(ran.stdout.contains("the file failed") && ran.stdout.contains(missing), "{}", ran.stdout);
    folder.write("index.test.js", "const 1;\n");
    assert!(test(&folder, &[]).stdout.contains("index.test.js:1:7"), "{}", test(&folder, &[]).stdout);
}

#[test]
fn suites_hooks_and_subtests_run_in_order() {
    let tests = "const { describe, it, before, after, beforeEach, afterEach } = require('node:test');\n\
        const log = [];\n\
        describe('outer', () => {\n\
          before(() => log.push('before')); after(() => console.log(log.join(' ')));\n\
          beforeEach(() => log.push('each')); afterEach(() => log.push('done'));\n\
          it('async', async () => { await null; log.push('a'); });\n\
          it('callback', (t, done) => setTimeout(() => { log.push('c'); done(); }, 1));\n\
          it.skip('skipped', () => { throw new Error('no'); });\n\
          it('later', { todo: true }, () => { throw new Error('not yet'); });\n\
          it('parent', async (t) => { await t.test('child', () => { throw new Error('bad'); }); });\n\
        });\n\
        it('mocks', (t) => {\n\
          const double = t.mock.fn((n) => 2 * n);\n\
          if (double(2) !== 4 || double.mock.callCount() !== 1) throw new Error('no mock');\n\
        });\n";
    let Some(folder) = project(tests) else { return };
    let report = test(&folder, &["--json"]).json();
    let expected = [
        "outer mixed",
        "async passed",
        "callback passed",
        "skipped skipped",
        "later todo",
        "parent failed",
        "child failed",
        "mocks passed",
    ];
    assert_eq!(outcomes(&report), expected, "{report}");
    let output = &report["files"][0]["tests"][0]["output"];
    assert_eq!(output, &json!(["before each a done each c done each done each each done done"]));
    let counts = ["passed", "failed", "skipped", "todo"].map(|key| report[key].as_u64().unwrap_or_default());
    assert_eq!(counts, [3, 2, 1, 1]);
    assert_eq!(
        outcomes(&test(&folder, &["--json", "--filter", "outer a"]).json()),
        ["outer passed", "async passed"]
    );
    assert_eq!(test(&folder, &["--filter", "nothing of this name"]).code, 1);
}

#[test]
fn a_test_that_loops_is_stopped_and_the_others_run() {
    let tests = "import { test } from 'node:test';\nimport './other.js';\n\
        test('before', () => {});\ntest('loops', () => { for (;;); });\n\
        test('waits for ever', () => new Promise(() => {}));\ntest('after', () => {});\n";
    let Some(folder) = project(tests) else { return };
    folder.write("test/a.js", "import greet from '../index.js';\nimport { test } from 'node:test';\ntest(greet({ name: 'a' }), () => {});\n");
    folder.write("test/loop.js", "for (;;);\n");
    folder.write("test/data.json", "{}");
    folder.write("index.test.js", &tests.replace("import './other.js';\n", ""));
    let ran = test(&folder, &["--timeout", "1s", "--json"]);
    assert_eq!(ran.code, 1);
    let report = ran.json();
    let expected = ["before passed", "loops failed", "waits for ever failed", "after passed"];
    assert_eq!(outcomes(&report), expected, "{report}");
    let message =
        |place: usize| report["files"][0]["tests"][place]["error"]["message"].as_str().expect("a message");
    assert_eq!(message(1), "it was stopped: the tests of a file have 1s together (--timeout)");
    assert!(message(2).starts_with("it waits for a promise that nothing can settle"), "{}", message(2));
    let files = report["files"].as_array().expect("files");
    let paths: Vec<&Value> = files.iter().map(|file| &file["path"]).collect();
    assert_eq!(paths, ["index.test.js", "test/a.js", "test/loop.js"]);
    assert_eq!(files[1]["tests"][0]["name"], "Hello a!");
    assert_eq!(files[2]["error"]["name"], "Function.Timeout", "{}", files[2]);
}

#[test]
fn tests_have_no_grants_and_handlers_have_no_modules_of_tests() {
    let tests = "import { test } from 'node:test';\nimport assert from 'node:assert';\n\
        test('env', () => assert.deepEqual({ ...process.env }, { STAGE: 'test' }));\n\
        test('fetch', () => assert.rejects(fetch('https://example.com/'), /the host denied this request/));\n";
    let Some(folder) = project(tests) else { return };
    test(&folder, &["--env", "STAGE=test", "index.test.js"]).succeeded();
    folder.write("index.js", "export default () => import('node:assert').then(() => 1);\n");
    folder.bulkhead(&["build"]).succeeded();
    let invoked = folder.bulkhead(&["invoke", "--json"]).json();
    let message = invoked["answer"]["errorMessage"].as_str().unwrap_or_default().to_owned();
    assert!(
        message.starts_with("the package 'node:assert', imported from index.js, is not there"),
        "{invoked}"
    );
}
