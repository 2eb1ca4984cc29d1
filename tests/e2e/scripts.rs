//! Scripts: which one an engine gets, and that it gets nothing of another. The engine of most of these tests interprets nothing, and
//! answers with what it reads.
//!
//! May use: project, stage, store, wat.

mod aws_sdk;
mod bytecode;
mod clocks;
mod compile;
mod hostile;
mod language;
mod many;
mod served;
mod services;
mod stored;
mod streams;
mod suites;

use bulkhead_tests::{Answer, Event, TaskRoot, artifacts};
use serde_json::{Value, json};

use crate::stage::Stage;

/// A handler and two tenants. All have one policy, so only their scripts tell them apart.
const TWO: &str = r#"
    [handlers.notes]
    source = "notes/index.js"
    [tenants.acme]
    script = "tenants/acme/index.js"
    [tenants.globex]
    script = "tenants/globex/main.mjs"
    [tenants.initech]
"#;

/// A task root with this `bulkhead.toml`, and with the engine.
fn root(toml: &str) -> TaskRoot {
    let engine = std::fs::read(artifacts::component("read_script")).expect("read the component");
    TaskRoot::new().manifest(toml).file("engines/javascript.wasm", &engine)
}

/// The scripts of [`TWO`].
fn two() -> TaskRoot {
    root(TWO)
        .file("notes/index.js", b"of the handler")
        .file("tenants/acme/index.js", b"of acme")
        .file("tenants/acme/lib/data.json", b"data of acme")
        .file("tenants/globex/main.mjs", b"of globex")
        .file("tenants/globex/secret.json", b"secret of globex")
}

/// The answer to an event of a tenant that reads these files, or the entry if there are none.
fn ask(stage: &Stage, tenant: &str, paths: &[&str]) -> Answer {
    stage.api.send(Event::json(json!(paths).to_string()).tenant(tenant))
}

/// The path of the entry, and the contents of these files.
fn read(stage: &Stage, tenant: &str, paths: &[&str]) -> (String, Vec<Option<String>>) {
    serde_json::from_value(ask(stage, tenant, paths).json()).expect("an entry and contents")
}

/// The entry and its content.
fn entry(stage: &Stage, tenant: &str) -> (String, String) {
    let (entry, mut contents) = read(stage, tenant, &[]);
    (entry, contents.remove(0).expect("an entry that can be read"))
}

/// The message of an error.
fn message(answer: &Answer) -> String {
    let body: Value = answer.json();
    body["errorMessage"].as_str().expect("a message").to_owned()
}
