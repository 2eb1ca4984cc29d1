//! `bulkhead new`: what it makes passes its own test at once, becomes a component, and answers its own event.

use std::path::Path;

use bulkhead_tests::origin::Origin;
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
fn the_template_that_asks_an_api_reaches_the_one_in_its_manifest() {
    let folder = Folder::new();
    folder.bulkhead(&["new", "rates", "--template", "client", "--sdk-path", &sdk()]).succeeded();
    let project = folder.inner("rates");
    project.cargo(&["fmt", "--check"]).succeeded();
    project.cargo(&["test", "--quiet"]).succeeded();
    let origin = Origin::start();
    let manifest = project.read("bulkhead.toml");
    let api = "https://api.example.com";
    assert_eq!(manifest.matches(api).count(), 2, "{manifest}");
    let private = "[handlers.rates.grants]\nallowed_private_networks = [\"127.0.0.0/8\"]";
    let manifest = manifest.replace(api, &format!("http://127.0.0.1:{}", origin.port()));
    project.write("bulkhead.toml", &manifest.replace("[handlers.rates.grants]", private));
    let built = project.bulkhead(&["build", "--json"]).succeeded().json();
    assert_eq!((&built["mistakes"], &built["warnings"]), (&json!([]), &json!([])), "{built}");
    let invoked = project.bulkhead(&["invoke", "--event", "@event.json", "--json"]);
    assert_eq!(invoked.succeeded().json()["answer"], json!({ "euros": 10.0 }));
    assert!(origin.requests()[0].head.starts_with("GET /rates/USD "), "{:?}", origin.requests());
}

/// The sources of the packages of this name in a lock file; none for a folder.
fn locked<'a>(lock: &'a str, name: &str) -> Vec<Option<&'a str>> {
    let value = |package: &'a str, key: &str| -> Option<&'a str> {
        package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'))
    };
    let packages = lock.split("[[package]]").filter(|package| value(package, "name") == Some(name));
    packages.map(|package| value(package, "source")).collect()
}

#[test]
fn without_a_checkout_the_sdk_comes_along_and_a_colleague_builds_it() {
    let folder = Folder::new();
    // Nobody sits at a terminal, so nobody is asked.
    let made = folder.bulkhead(&["new", "hello"]);
    made.succeeded();
    assert!(made.stderr.contains("created hello from the template hello"), "{}", made.stderr);
    let project = folder.inner("hello");
    assert_eq!(project.read(".gitignore"), "/target\n/bulkhead.secrets.toml\n");
    project.cargo(&["generate-lockfile"]).succeeded();
    let lock = project.read("Cargo.lock");
    assert_eq!(locked(&lock, "bulkhead"), [] as [Option<&str>; 0], "somebody else's crate: {lock}");
    for ours in ["bulkhead-sdk", "bulkhead-sdk-macros"] {
        assert_eq!(locked(&lock, ours), [None], "{ours}: {lock}");
    }
    assert!(locked(&lock, "serde")[0].is_some_and(|source| source.starts_with("registry+")), "{lock}");
    project.cargo(&["fmt", "--all", "--check"]).succeeded();

    let git = |folder: &Folder, arguments: &str| {
        let author = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        let arguments: Vec<&str> = author.into_iter().chain(arguments.split(' ')).collect();
        folder.tool("git", &arguments).succeeded();
    };
    ["init --quiet", "add .", "commit --quiet -m new"].iter().for_each(|command| git(&project, command));
    git(&folder, "clone --quiet hello colleague");
    std::fs::remove_dir_all(project.path()).expect("the first checkout goes");
    let colleague = folder.inner("colleague");
    colleague.cargo(&["test", "--quiet", "--locked"]).succeeded();
    let built = colleague.bulkhead(&["build"]);
    built.succeeded();
    assert!(!built.stderr.contains("warning"), "{}", built.stderr);
    let invoked = colleague.bulkhead(&["invoke", "--event", "@event.json"]);
    assert_eq!(invoked.succeeded().stdout, "{\"message\":\"Hello world!\"}\n");
}

#[test]
fn handlers_of_a_workspace_share_the_sdk_and_all_of_it_is_tested_at_once() {
    let folder = Folder::new();
    folder.write("Cargo.toml", "[workspace]\nmembers = [\"services/*\"]\nresolver = \"3\"\n");
    for (name, template) in [("services/first", "hello"), ("services/second", "http")] {
        let made = folder.bulkhead(&["new", name, "--template", template]);
        made.succeeded();
        assert!(made.stderr.contains("The SDK is in"), "{}", made.stderr);
        assert!(!folder.path().join(name).join("bulkhead-sdk").exists());
    }
    folder.cargo(&["test", "--workspace", "--quiet"]).succeeded();
    assert_eq!(locked(&folder.read("Cargo.lock"), "bulkhead-sdk"), [None]);
    let report = folder.bulkhead(&["build", "--json"]).succeeded().json();
    let built = report["components"].as_array().into_iter().flatten();
    assert_eq!(built.map(|built| &built["file"]).collect::<Vec<_>>(), ["first.wasm", "second.wasm"]);
}

/// What `rust_decimal` and `bigdecimal` switch on for everybody.
#[test]
fn a_handler_whose_crates_keep_the_digits_of_numbers_gets_them() {
    let folder = Folder::new();
    folder.bulkhead(&["new", "digits", "--sdk-path", &sdk()]).succeeded();
    let project = folder.inner("digits");
    let manifest = project.read("Cargo.toml");
    // Without the second one, serde_json's `f64` is off by one in the last place, now and then.
    let json = "\n[dependencies]\nserde_json = { version = \"1\", features = [\"arbitrary_precision\", \"float_roundtrip\"] }\n";
    project.write("Cargo.toml", &manifest.replace("\n[dependencies]\n", json));
    project.write("src/lib.rs", include_str!("new/digits.rs"));
    project.cargo(&["test", "--quiet"]).succeeded();
    project.bulkhead(&["build"]).succeeded();
    let event = r#"{"amount":1.1234127836128763,"big":12345678901234567890123,"d":19.990,"far":1e+400,"list":[-0.0]}"#;
    let invoked = project.bulkhead(&["invoke", "--event", event]);
    assert_eq!(invoked.succeeded().stdout, format!("{event}\n"));
}

#[test]
fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let folder = Folder::new();
    let refused = |arguments: &[&str], code: i32, part: &str| {
        let Ran { code: found, stderr, .. } = folder.bulkhead(arguments);
        assert!(found == code && stderr.contains(part), "{arguments:?}: {found} {stderr}");
    };
    refused(&["new", "1st"], 1, "starts with a digit");
    refused(&["new", "match"], 1, "a keyword of Rust");
    refused(
        &["new", "hello", "--template", "ruby"],
        2,
        "api-gateway, sqs, tenants, python, javascript, typescript, go, starlingmonkey",
    );
    refused(&["new", "hello", "--sdk-path", "."], 1, "this folder has no Cargo.toml");
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
