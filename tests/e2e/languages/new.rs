//! `bulkhead new` for other languages than Rust, with their real tools: from nothing to an answer, and to the next one after a
//! save. Skipped with a warning if the toolchain of a language is missing; in CI that is an error.

use std::time::Duration;

use bulkhead_tests::origin::Origin;
use bulkhead_tests::{Dev, artifacts};
use serde_json::{Value, json};

use crate::project::{Folder, TARGET};

/// Tools are installed, and an interpreter is compiled.
const WAIT_LIMIT: Duration = Duration::from_secs(400);

/// A new project, if this machine has the language.
fn new(folder: &Folder, template: &str) -> Option<Folder> {
    artifacts::language(if template == "starlingmonkey" { "javascript" } else { template })?;
    let name = format!("my-{template}");
    folder.bulkhead(&["new", &name, "--template", template]).succeeded();
    Some(folder.inner(&name))
}

fn answer(project: &Folder, more: &[&str]) -> Value {
    let invoked = project.bulkhead(&[&["invoke", "--event", "@event.json", "--json"], more].concat());
    let report = invoked.succeeded().json();
    assert!(report["log"].to_string().contains("\\trequest "), "{report}");
    report["answer"].clone()
}

#[test]
fn a_project_with_starlingmonkey_answers_its_own_event() {
    let folder = Folder::new();
    let Some(project) = new(&folder, "starlingmonkey") else { return };
    project.tool("node", &["--test"]).succeeded();
    let report = project.bulkhead(&["build", "--json"]).succeeded().json();
    assert_eq!((&report["mistakes"], &report["warnings"]), (&json!([]), &json!([])), "{report}");
    // Only a source makes another component.
    project.write("event.json", &project.read("event.json").replace("world", "again"));
    let again = project.bulkhead(&["build"]);
    assert!(again.succeeded().stderr.contains("my-starlingmonkey.wasm is up to date"), "{}", again.stderr);
    assert_eq!(answer(&project, &[]), json!({ "message": "Hello again!" }));
    let failed = project.bulkhead(&["invoke", "--json"]).json();
    assert_eq!(
        (&failed["outcome"], &failed["failed"]),
        (&json!("Function.TypeError"), &json!(1)),
        "{failed}"
    );
}

#[test]
fn a_project_in_go_answers_its_own_event() {
    let folder = Folder::new();
    let Some(project) = new(&folder, "go") else { return };
    let report = project.bulkhead(&["build", "--json"]).succeeded().json();
    assert_eq!((&report["mistakes"], &report["warnings"]), (&json!([]), &json!([])), "{report}");
    // The Go that is installed, or the one that the build has installed.
    let pinned = project.path().join(".venv/bin/go");
    let go = if pinned.is_file() { pinned.display().to_string() } else { "go".to_owned() };
    project.tool(&go, &["test"]).succeeded();
    assert_eq!(answer(&project, &[]), json!({ "message": "Hello world!" }));
    let failed = project.bulkhead(&["invoke", "--event", "{}", "--json"]).json();
    assert_eq!((&failed["outcome"], &failed["failed"]), (&json!("Function.Exited"), &json!(1)), "{failed}");
}

/// A handler that follows what its event says, as it is written for Lambda.
const ASKING: &str = r#"
import urllib.request


def handler(event, context):
    print("request", context.aws_request_id)
    if "url" not in event:
        return {"message": f"Goodbye {event['name']}!"}
    request = urllib.request.Request(event["url"], headers={"X-Who": "python"})
    with urllib.request.urlopen(request, timeout=5) as response:
        return {"url": response.url, "status": response.status, "body": response.read().decode()}
"#;

#[test]
fn a_project_in_python_is_built_on_each_save_and_asks_an_api() {
    let folder = Folder::new();
    let Some(project) = new(&folder, "python") else { return };
    let origin = Origin::start();
    let api = format!("http://127.0.0.1:{}", origin.port());
    let granted = format!(
        "{}allowed_outbound_hosts = [\"{api}\"]\nallowed_private_networks = [\"127.0.0.0/8\"]\n",
        project.read("bulkhead.toml")
    );
    project.write("bulkhead.toml", &granted);
    let dev = Dev::start_in(project.path(), TARGET.as_ref(), &[]);
    dev.running.wait_log_within("ready: my-python", WAIT_LIMIT);
    let by_dev = format!("--dev={}", dev.address());
    assert_eq!(answer(&project, &[&by_dev]), json!({ "message": "Hello world!" }));
    // What Python leaves beside the sources starts no build.
    project.tool("python3", &["-m", "unittest"]).succeeded();
    project.write("lambda_function.py", ASKING);
    dev.running.wait_log_within("my-python: the new version has taken over", WAIT_LIMIT);
    let goodbye = json!({ "message": "Goodbye world!" });
    assert_eq!(answer(&project, &[&by_dev]), goodbye);
    let said = dev.running.stderr();
    assert_eq!(said.matches("bulkhead dev: building").count(), 2, "{said}");
    assert_eq!(said.matches("bulkhead dev: making my-python.wasm").count(), 2, "{said}");
    assert_eq!(said.matches("bulkhead dev: installing").count(), 1, "{said}");
    drop(dev);
    // What was built is what is there without it.
    assert_eq!(answer(&project, &[]), goodbye);
    let ask = |url: &str| {
        let event = json!({ "url": url }).to_string();
        project.bulkhead(&["invoke", "--event", &event, "--json"]).json()
    };
    let elsewhere = json!({ "url": format!("{api}/elsewhere"), "status": 200, "body": "/elsewhere" });
    assert_eq!(ask(&format!("{api}/moved"))["answer"], elsewhere);
    let [moved, _] = <[_; 2]>::try_from(origin.requests()).expect("two requests");
    assert!(moved.head.starts_with("GET /moved ") && moved.head.contains("x-who: python"), "{}", moved.head);
    let denied = ask("https://elsewhere.example");
    assert_eq!(denied["outcome"], "Function.URLError", "{denied}");
    assert!(denied["log"].to_string().contains("to allow it, add"), "{denied}");
}

#[test]
fn where_a_language_has_no_sdk_none_is_put_in() {
    let folder = Folder::new();
    let made =
        folder.bulkhead(&["new", "mine", "--template", "python", "--sdk-path", &crate::project::sdk()]);
    assert!(made.succeeded().stderr.contains("--sdk-path has no effect"), "{}", made.stderr);
    assert!(!folder.path().join("mine/bulkhead-sdk").exists());
}
