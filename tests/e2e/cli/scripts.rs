//! A script on its way from an empty folder to a zip, with nothing installed but the command: the real engine runs it.

use std::collections::BTreeSet;

use bulkhead_tests::{Bootstrap, Dev, Event, Kind, RuntimeApi, artifacts};
use serde_json::{Value, json};

use crate::project::{Folder, TARGET};
use crate::unzip::unzip;

/// A new project, if the engine is there.
fn new(folder: &Folder) -> Option<Folder> {
    artifacts::engine()?;
    folder.bulkhead(&["new", "hello", "--template", "javascript"]).succeeded();
    Some(folder.inner("hello"))
}

fn answer(project: &Folder) -> Value {
    let invoked = project.bulkhead(&["invoke", "--event", "@event.json", "--json"]);
    invoked.succeeded().json()["answer"].clone()
}

#[test]
fn a_script_becomes_a_zip_that_answers() {
    let folder = Folder::new();
    let Some(project) = new(&folder) else { return };
    let built = project.bulkhead(&["build", "--json"]).succeeded().json();
    assert_eq!((&built["mistakes"], &built["warnings"]), (&json!([]), &json!([])), "{built}");
    assert_eq!(answer(&project), json!({ "message": "Hello world!" }));
    project.bulkhead(&["package", "-o", "function.zip"]).succeeded();
    let root = unzip(&project.path().join("function.zip"));
    let checked = folder.bulkhead(&["check", "--json", &root.path().display().to_string()]);
    let engine = &checked.succeeded().json()["handlers"][0]["component"];
    assert_eq!(engine["preinitialised"], true, "each event would make the interpreter anew: {engine}");
    let api = RuntimeApi::start();
    let _running = Bootstrap::new().task_root(root.path()).api(&api).spawn();
    let answer = api.send(Event::json(r#"{"name": "zip"}"#));
    assert_eq!((answer.kind, answer.json()), (Kind::Response, json!({ "message": "Hello zip!" })));
}

#[test]
fn the_engine_is_compiled_once_and_with_its_init() {
    let folder = Folder::new();
    let Some(project) = new(&folder) else { return };
    project.bulkhead(&["build"]).succeeded();
    let code = project.path().join("target/bulkhead/engines/javascript.cwasm");
    let made = || code.metadata().and_then(|code| code.modified()).expect("native code");
    let before = made();
    project.bulkhead(&["build"]).succeeded();
    assert_eq!(made(), before, "what is up to date is kept");
    let checked = project.bulkhead(&["check", "--json"]).succeeded().json();
    assert_eq!(checked["handlers"][0]["component"]["preinitialised"], true, "{checked}");
}

#[test]
fn a_mistake_in_a_script_has_its_file_line_and_column() {
    let folder = Folder::new();
    let Some(project) = new(&folder) else { return };
    project.write("bulkhead.toml", "[handlers.hello]\nsource = \"src/index.js\"\n");
    project.write("src/index.js", "import { name } from './lib/name.mjs';\nexport default () => name;\n");
    project.write("src/lib/name.mjs", "export const name = 'a';\n\nexport const = 1;\n");
    project.write("src/index.d.ts", "export default function (event: string): string;\n");
    let built = project.bulkhead(&["build"]);
    assert_eq!(built.code, 1, "{}", built.stdout);
    let mistake = "src/lib/name.mjs:3:14: ";
    assert!(built.stdout.contains(mistake), "{}", built.stdout);
    let checked = project.bulkhead(&["check", "--json"]).json();
    assert_eq!(checked["mistakes"].as_array().expect("mistakes").len(), 1, "{checked}");
    let packaged = project.bulkhead(&["package", "-o", "function.zip"]);
    assert!(packaged.code != 0 && packaged.stderr.contains(mistake), "{}", packaged.stderr);
    project.write("src/lib/name.mjs", "export const name = 'a';\n");
    project.bulkhead(&["build"]).succeeded();
    assert_eq!(answer(&project), json!("a"));
}

#[test]
fn a_script_is_loaded_again_when_it_is_saved() {
    let folder = Folder::new();
    let Some(project) = new(&folder) else { return };
    let dev = Dev::start_in(project.path(), TARGET.as_ref(), &[]);
    dev.running.wait_log("ready: hello");
    let greeting = || dev.invoke("hello", r#"{"name": "dev"}"#, &[]).json();
    assert_eq!(greeting(), json!({ "message": "Hello dev!" }));
    let script = project.read("index.js");
    project.write("index.js", &script.replace("return {", "return {{"));
    dev.running.wait_log("index.js:3:");
    assert_eq!(greeting(), json!({ "message": "Hello dev!" }), "the previous version keeps running");
    project.write("index.js", &script.replace("Hello", "Goodbye"));
    dev.running.wait_log("the new version has taken over");
    assert_eq!(greeting(), json!({ "message": "Goodbye dev!" }));
}

#[test]
fn a_zip_has_the_bytecode_of_scripts_and_what_does_not_fit_is_ignored_with_one_record() {
    let folder = Folder::new();
    let Some(project) = new(&folder) else { return };
    // The bytecode is larger than what an engine may pass in one call, so no event can compile it.
    project.write(
        "bulkhead.toml",
        "[handlers.hello]\nsource = \"src/index.ts\"\nlimits.hostcall = \"16KiB\"\n\
             [handlers.small]\nsource = \"small/index.js\"\n",
    );
    project.write("small/index.js", "export default () => 1;\n");
    let lines: String =
        (0..500).map(|line| format!("const unused{line} = (a, b = {{}}) => a ?? b.c?.[{line}];\n")).collect();
    let script =
        |answer: u32| format!("{lines}export default (event: number): number => event + {answer};\n");
    let files = || {
        let all =
            std::fs::read_dir(project.path().join("target/bulkhead/engines/bytecode")).expect("a folder");
        let all = all.flat_map(|engine| std::fs::read_dir(engine.expect("one").path()).expect("files"));
        all.map(|file| file.expect("a file").file_name()).collect::<BTreeSet<_>>()
    };
    project.write("src/index.ts", &script(0));
    project.bulkhead(&["build"]).succeeded();
    let before = files();
    project.write("src/index.ts", &script(1));
    project.bulkhead(&["build"]).succeeded();
    assert_eq!((before.len(), files().len()), (2, 2), "a small script has bytecode, too");
    let made: Vec<_> = files().difference(&before).cloned().collect();
    assert_eq!(made.len(), 1, "only that of the scripts that are there");
    project.bulkhead(&["package", "-o", "function.zip"]).succeeded();
    let root = unzip(&project.path().join("function.zip"));
    let bytecode = root.path().join("engines/bytecode");
    let engine =
        std::fs::read_dir(&bytecode).expect("a folder").next().expect("an engine").expect("it").path();
    let file = engine.join(&made[0]);
    let whole = std::fs::read(&file).expect("bytecode");
    for (content, is_ignored) in [(&whole[..], false), (&whole[..whole.len() - 1], true), (b"", true)] {
        std::fs::write(&file, content).expect("write the bytecode");
        let api = RuntimeApi::start();
        let running = Bootstrap::new().task_root(root.path()).handler("hello").api(&api).spawn();
        for _ in 0..2 {
            let answer = api.send(Event::json("41"));
            assert_eq!((answer.kind, answer.json()), (Kind::Response, json!(42)));
        }
        api.wait_idle();
        let log = running.logs();
        for name in ["BytecodeIgnored: engines/bytecode/", "ScriptNotCompiled: the script src/index.ts "] {
            assert_eq!(log.matches(name).count(), usize::from(is_ignored), "{log}");
        }
    }
}
