//! Scripts in TypeScript, and what the command finds in scripts before they run: imports that are missing, and interfaces that no
//! script has. The real engine runs them.

use bulkhead_tests::{Dev, artifacts};
use serde_json::{Value, json};

use crate::project::{Folder, TARGET};
use crate::unzip::unzip;

/// A folder with a script of these files, if the engine is there.
fn project(files: &[(&str, &str)]) -> Option<Folder> {
    artifacts::engine()?;
    let folder = Folder::new();
    folder.write("bulkhead.toml", &format!("[handlers.hello]\nsource = \"{}\"\n", files[0].0));
    files.iter().for_each(|(path, text)| folder.write(path, text));
    Some(folder)
}

fn invoke(project: &Folder, event: &str) -> Value {
    project.bulkhead(&["invoke", "--event", event, "--json"]).json()
}

/// What a build that fails says.
fn refused(project: &Folder) -> String {
    let built = project.bulkhead(&["build"]);
    assert_eq!(built.code, 1, "{}{}", built.stdout, built.stderr);
    built.stdout + &built.stderr
}

#[test]
fn a_new_project_answers_and_its_zip_has_no_types() {
    let folder = Folder::new();
    if artifacts::engine().is_none() {
        return;
    }
    folder.bulkhead(&["new", "hello", "--template", "typescript"]).succeeded();
    let project = folder.inner("hello");
    let built = project.bulkhead(&["build", "--json"]).succeeded().json();
    assert_eq!((&built["mistakes"], &built["warnings"]), (&json!([]), &json!([])), "{built}");
    assert_eq!(invoke(&project, "@event.json")["answer"], json!({ "message": "Hello world!" }));
    let checked = project.bulkhead(&["check", "--json"]).succeeded().json();
    assert_eq!(checked["mistakes"], json!([]), "{checked}");
    project.bulkhead(&["package", "-o", "function.zip"]).succeeded();
    let root = unzip(&project.path().join("function.zip"));
    let script = std::fs::read_to_string(root.path().join("index.ts")).expect("the script");
    let (source, awaited) = (project.read("index.ts"), "console.log(`request ${context.awsRequestId}`)");
    let line = |text: &str| text.lines().position(|line| line.contains(awaited));
    assert_eq!((line(&script), script.contains("Promise<")), (line(&source), false), "{script}");
    assert!(!root.path().join("bulkhead.d.ts").exists() && !root.path().join("tsconfig.json").exists());
}

#[test]
fn the_place_of_an_error_is_that_of_the_source() {
    let files = [
        (
            "src/index.ts",
            "import { fail, type Kind } from './lib/fail.js';\ninterface Event {\n  kind: Kind;\n}\nexport default async (event: Event): Promise<void> => fail(event.kind as Kind);\n",
        ),
        (
            "src/lib/fail.ts",
            "export type Kind = 'a' | 'b';\n\nexport function fail<T extends Kind>(kind: T): never { throw new RangeError(kind); }\n",
        ),
    ];
    let Some(project) = project(&files) else { return };
    project.bulkhead(&["build"]).succeeded();
    let failed = invoke(&project, r#"{"kind": "a"}"#);
    assert_eq!(failed["outcome"], "Function.RangeError", "{failed}");
    // The engine names the place behind the bracket of a call.
    let column = |file: usize, part: &str| {
        let line = files[file].1.lines().find(|line| line.contains(part)).expect("the line");
        line.find(part).expect("the part") + part.len() + 1
    };
    let (thrown, called) = (column(1, "new RangeError("), column(0, "fail("));
    let frames =
        json!([format!("at fail (lib/fail.ts:3:{thrown})"), format!("at default (index.ts:5:{called})")]);
    assert_eq!(failed["answer"]["stackTrace"], frames, "{failed}");
}

#[test]
fn imports_are_written_as_in_typescript() {
    let files = [
        (
            "src/index.ts",
            "import { a } from './a';\nimport { b } from './b.js';\nimport { c } from './c.mjs';\nimport d from './d.cjs';\nimport { e } from './e.ts';\nimport f from './f.json' with { type: 'json' };\nimport type { G } from 'nowhere';\nexport default (): G => [a, b, c, d.d, e, f];\n",
        ),
        ("src/a.ts", "export const a: number = 1;"),
        ("src/b/index.ts", "export const unused: number = 0;"),
        ("src/b.ts", "export const b = 2 as number;"),
        ("src/c.mts", "export const c = 3 satisfies number;"),
        ("src/d.cts", "exports.d = ((x: number) => x)(4);"),
        ("src/e.ts", "export let e!: number; e = 5;"),
        ("src/f.json", "6"),
        ("src/types.d.ts", "declare const nothing: 'of this runs';"),
    ];
    let Some(project) = project(&files) else { return };
    let built = project.bulkhead(&["build", "--json"]).succeeded().json();
    assert_eq!((&built["mistakes"], &built["warnings"]), (&json!([]), &json!([])), "{built}");
    assert_eq!(invoke(&project, "null")["answer"], json!([1, 2, 3, 4, 5, 6]));
    assert!(!project.path().join("target/bulkhead/src/types.d.ts").exists());
}

#[test]
fn what_cannot_be_taken_off_is_refused_with_its_place() {
    let Some(project) = project(&[("src/index.ts", "export default () => 1;"), ("src/lib/a.ts", "")]) else {
        return;
    };
    for (source, place, advice) in [
        ("export enum A { B }", "1:8", "as const"),
        ("\nnamespace A { export let b = 1 }", "2:1", "a file of their own"),
        ("class A { constructor(readonly b: string) {} }", "1:32", "this.name = name"),
        ("@a class B {}", "1:1", "call the function yourself"),
        ("let a: = 1", "1:8", ""),
    ] {
        project.write("src/lib/a.ts", source);
        let said = refused(&project);
        assert!(said.contains(&format!("src/lib/a.ts:{place}: ")) && said.contains(advice), "{said}");
    }
    project.write("src/lib/a.ts", "");
    project.write("bulkhead.toml", "[handlers.hello]\nsource = \"src/index.tsx\"\n");
    let said = refused(&project);
    assert!(said.contains("bulkhead.toml:2: handlers.hello.source: \"src/index.tsx\" has JSX"), "{said}");
}

#[test]
fn types_that_are_left_in_a_task_root_are_named_as_such() {
    let Some(project) = project(&[("src/index.ts", "export default (): number => 1;")]) else { return };
    project.bulkhead(&["build"]).succeeded();
    project.write("target/bulkhead/src/index.ts", "export default (): number => 1;");
    let checked = project.bulkhead(&["check", "target/bulkhead"]);
    let hint = "; it has types, which `bulkhead build` takes off";
    assert!(checked.code == 1 && checked.stdout.contains("src/index.ts:1:"), "{}", checked.stdout);
    assert!(checked.stdout.contains(hint), "{}", checked.stdout);
    project.bulkhead(&["build"]).succeeded();
    assert_eq!(invoke(&project, "null")["answer"], json!(1));
}

#[test]
fn imports_that_are_missing_have_their_place_and_what_to_do() {
    let files = [
        (
            "src/index.ts",
            "import type { Event } from 'aws-lambda';\nimport { b } from './lib/b.js';\nexport default (event: Event) => b(event);\n",
        ),
        (
            "src/lib/b.ts",
            "import _ from 'lodash';\nimport { readFileSync } from 'node:fs';\nimport { c } from './cc.js';\nimport { D } from './d.js';\nexport const b = () => import('./gone.js');\nexport const e = Buffer.from('x');\n",
        ),
        ("src/lib/c.ts", "export const c = 1;\n"),
        ("src/lib/d.ts", "export interface D { a: 1 }\n"),
        ("src/index.test.ts", "import { test } from 'vitest';\n"),
    ];
    let Some(project) = project(&files) else { return };
    let built = project.bulkhead(&["build", "--json"]);
    assert_eq!(built.code, 1, "{}", built.stderr);
    let texts =
        |key: &str| -> Vec<String> { serde_json::from_value(built.json()[key].clone()).expect("texts") };
    let begin = [
        "src/lib/b.ts:1:15: the package `lodash` is not part of the script",
        "src/lib/b.ts:2:30: scripts have no modules of Node.js, and this imports `node:fs`",
        "src/lib/b.ts:3:19: `./cc.js` is not there",
        "src/lib/b.ts:4:10: src/lib/d.ts does not export `D`; if it is a type, write `import type`",
    ];
    let are = |texts: &[String], begin: &[&str]| {
        texts.len() == begin.len()
            && begin.iter().all(|begin| texts.iter().any(|text| text.starts_with(begin)))
    };
    assert!(are(&texts("mistakes"), &begin), "{:#?}", texts("mistakes"));
    let begin = [
        "src/lib/b.ts:5:31: `./gone.js` is not there",
        "src/lib/b.ts:6:18: scripts have no Buffer: use Uint8Array",
    ];
    assert!(are(&texts("warnings"), &begin), "{:#?}", texts("warnings"));
    assert_eq!(project.bulkhead(&["check"]).code, 1);
}

#[test]
fn each_save_takes_the_types_off_anew() {
    let Some(project) = project(&[("index.ts", "export default (): string => 'one';")]) else { return };
    let dev = Dev::start_in(project.path(), TARGET.as_ref(), &[]);
    dev.running.wait_log("ready: hello");
    let answer = || dev.invoke("hello", "null", &[]).json();
    assert_eq!(answer(), json!("one"));
    project.write("index.ts", "enum A { B }\nexport default (): A => A.B;");
    dev.running.wait_log("index.ts:1:1: an `enum` cannot be taken off");
    assert_eq!(answer(), json!("one"), "the previous version keeps running");
    project.write("index.ts", "type A = string;\nexport default (): A => 'two';");
    dev.running.wait_log("the new version has taken over");
    assert_eq!(answer(), json!("two"));
}

#[test]
fn a_build_command_makes_the_script_before_each_build() {
    let Some(project) = project(&[("src/index.js", "export default () => 'one';")]) else { return };
    let toml = "[build]\ncommand = \"mkdir -p dist && cp src/index.js dist/index.js\"\n[handlers.hello]\nsource = \"dist/index.js\"\n";
    project.write("bulkhead.toml", toml);
    project.bulkhead(&["build"]).succeeded();
    assert_eq!(invoke(&project, "null")["answer"], json!("one"));
    let dev = Dev::start_in(project.path(), TARGET.as_ref(), &[]);
    dev.running.wait_log("ready: hello");
    let answer = || dev.invoke("hello", "null", &[]).json();
    assert_eq!(answer(), json!("one"));
    project.write("src/index.js", "export default () => 'two';");
    dev.running.wait_log("the new version has taken over");
    assert_eq!(answer(), json!("two"));
}
