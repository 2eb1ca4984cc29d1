//! `bulkhead new`: what it makes passes its own test at once, becomes a component, and answers its own event.

use std::path::Path;

use serde_json::{Value, json};

use crate::project::{Folder, Ran, sdk};

/// New, its own test, the component, and its own event.
fn answer(folder: &Folder, template: &str, more: &[&str]) -> Value {
    let name = format!("my-{template}");
    folder.bulkhead(&["new", &name, "--template", template, "--sdk-path", &sdk()]).succeeded();
    let project = folder.inner(&name);
    project.cargo(&["fmt", "--check"]).succeeded();
    project.cargo(&["test", "--quiet"]).succeeded();
    let built = project.bulkhead(&["build", "--json"]);
    let report = built.succeeded().json();
    assert_eq!((&report["mistakes"], &report["warnings"]), (&json!([]), &json!([])), "{report}");
    assert_eq!(report["components"][0]["handlers"], json!([name]), "{report}");
    let invoked = project.bulkhead(&[&["invoke", "--event", "@event.json", "--json"], more].concat());
    invoked.succeeded().json()["answer"].clone()
}

#[test]
fn every_template_answers_its_own_event() {
    let folder = Folder::new();
    assert_eq!(answer(&folder, "hello", &[]), json!({ "message": "Hello world!" }));
    let http = answer(&folder, "http", &[]);
    assert_eq!((&http["statusCode"], &http["body"]), (&json!(200), &json!(r#"{"message":"Hello world!"}"#)));
    let streamed = answer(&folder, "streaming", &[]);
    assert_eq!(streamed, json!("number,square\n1,1\n2,4\n3,9\n"));
    let order = answer(&folder, "api-gateway", &[]);
    assert_eq!(
        (&order["statusCode"], &order["body"]),
        (&json!(201), &json!(r#"{"item":"rope","quantity":2}"#))
    );
    let batch = answer(&folder, "sqs", &[]);
    assert_eq!(batch, json!({ "batchItemFailures": [{ "itemIdentifier": "2" }] }));
    let total = |currency: &str| json!({ "customer": "Bob", "total": format!("20.05 {currency}") });
    assert_eq!(answer(&folder, "tenants", &["--tenant", "acme"]), total("EUR"));
    let tenants = folder.inner("my-tenants");
    let invoke =
        |tenant: &str| tenants.bulkhead(&["invoke", "--event", "@event.json", "--json", "--tenant", tenant]);
    assert_eq!(invoke("globex").succeeded().json()["answer"], total("USD"));
    assert_eq!(invoke("nobody").json()["outcome"], "Runtime.UnknownTenant");
}

#[test]
fn without_a_checkout_it_depends_on_the_published_crate() {
    let folder = Folder::new();
    // Nobody sits at a terminal, so nobody is asked.
    let made = folder.bulkhead(&["new", "hello"]);
    made.succeeded();
    assert!(made.stderr.contains("made hello from the template hello"), "{}", made.stderr);
    assert!(folder.read("hello/Cargo.toml").contains("\nbulkhead = \"0.1\"\n"));
    assert_eq!(folder.read("hello/.gitignore"), "/target\n");
}

#[test]
fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let folder = Folder::new();
    let refused = |arguments: &[&str], code: i32, part: &str| {
        let Ran { code: found, stderr, .. } = folder.bulkhead(arguments);
        assert!(found == code && stderr.contains(part), "{arguments:?}: {found} {stderr}");
    };
    refused(&["new", "1st"], 1, "starts with a digit");
    refused(&["new", "match"], 1, "a word of the Rust language");
    refused(&["new", "hello", "--template", "ruby"], 2, "api-gateway, sqs, tenants, python, javascript");
    refused(&["new", "hello", "--sdk-path", "."], 1, "there is no Cargo.toml in it");
    assert!(!Path::new(&folder.path().join("hello")).exists());
    folder.write("mine/notes.txt", "keep");
    refused(&["new", "mine"], 1, "mine is not empty");
    assert_eq!(folder.read("mine/notes.txt"), "keep");
}

#[test]
fn a_workspace_around_it_is_pointed_at() {
    let folder = Folder::new();
    folder.write("Cargo.toml", "[workspace]\nmembers = []\n");
    let made = folder.bulkhead(&["new", "hello", "--name", "other"]);
    made.succeeded();
    assert!(made.stderr.contains("Cargo.toml is a workspace"), "{}", made.stderr);
    assert!(folder.read("hello/Cargo.toml").contains("name = \"other\""));
}
