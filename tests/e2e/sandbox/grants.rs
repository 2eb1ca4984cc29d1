//! What a policy grants, and nothing beside it: variables, directories of the task root, a `/tmp`.

use std::fmt::Write as _;
use std::os::unix::fs::symlink;

use bulkhead_tests::{Bootstrap, Event, TaskRoot};
use serde_json::{Value, json};

use crate::stage::Stage;

#[test]
fn variables_fixed_and_inherited_and_no_others() {
    let toml = r#"
        [handlers.environment]
        [handlers.environment.grants]
        environment = { STAGE = "prod", EMPTY = "" }
        inherit_environment = ["TABLE_NAME", "ABSENT"]
        [handlers.environment.max.grants]
        environment = ["KEY"]
        [tenants.acme]
        [tenants.beta.grants]
        environment = { KEY = "of beta" }
        inherit_environment = []
    "#;
    let root = TaskRoot::new().manifest(toml).with("environment");
    let stage = Stage::at(root, |bootstrap| bootstrap.env("TABLE_NAME", "orders").env("OTHER", "secret"));
    let variables = |tenant: &str| {
        let mut answer = stage.api.send(Event::json("null").tenant(tenant)).json();
        let variables: Vec<(String, String)> =
            serde_json::from_value(answer[0].take()).expect("pairs of names and values");
        variables
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(variables("acme"), [pair("EMPTY", ""), pair("STAGE", "prod"), pair("TABLE_NAME", "orders")]);
    assert_eq!(variables("beta"), [pair("KEY", "of beta")]);
    assert!(stage.running.stdout().contains("inherits the environment variable ABSENT, which is not set"));
}

const FILES: &str = r#"
    [handlers.read]
    [handlers.read.grants]
    files = ["assets", "data/public"]
"#;

fn files() -> TaskRoot {
    let root = TaskRoot::new()
        .manifest(FILES)
        .with("read")
        .file("assets/logo.txt", b"a logo")
        .file("assets/in/side.txt", b"inside")
        .file("data/public/open.txt", b"open")
        .file("data/secret.txt", b"secret");
    symlink("/etc/passwd", root.path().join("assets/passwd")).expect("make a link");
    symlink("../data/secret.txt", root.path().join("assets/escape")).expect("make a link");
    symlink("in/side.txt", root.path().join("assets/within")).expect("make a link");
    root
}

/// What the guest `read` made of this path.
fn read(stage: &Stage, path: &str) -> (Option<String>, Vec<String>, bool) {
    let answer = stage.send(&json!(path).to_string()).json();
    let names = serde_json::from_value(answer[1].clone()).expect("names");
    (answer[0]["Ok"].as_str().map(str::to_owned), names, answer[2] == true)
}

#[test]
fn granted_directories_can_be_read_and_not_changed() {
    let stage = Stage::at(files(), |bootstrap| bootstrap);
    for (path, text) in [
        ("/assets/logo.txt", "a logo"),
        ("/assets/in/../logo.txt", "a logo"),
        ("/assets/within", "inside"),
        ("/data/public/open.txt", "open"),
    ] {
        assert_eq!(read(&stage, path), (Some(text.to_owned()), Vec::new(), false), "{path}");
    }
    let (_, names, changed) = read(&stage, "/assets");
    assert_eq!(
        (names, changed),
        (["escape", "in", "logo.txt", "passwd", "within"].map(str::to_owned).into(), false)
    );
}

#[test]
fn listings_of_a_large_directory_take_no_room_of_the_host() {
    let toml = "[handlers.list_many.grants]\nfiles = ['assets']";
    let root = (0..10_000).fold(TaskRoot::new().manifest(toml).with("list_many"), |root, number| {
        root.file(&format!("assets/a-file-with-a-name-{number:0>40}"), b"")
    });
    let stage = Stage::at(root, |bootstrap| bootstrap);
    assert_eq!(stage.send("1").json(), json!([1, 10_000]));
    let before = stage.running.peak_rss();
    // Of 256 things that can be open, each listing takes two, the directory and what is read of it, and the program has two more.
    assert_eq!(stage.send("1000").json(), json!([127, 10_000]));
    let grown = stage.running.peak_rss() - before;
    assert!(grown < 32 * 1024 * 1024, "the host grew by {grown} bytes");
}

#[test]
fn more_directories_than_descriptors_are_granted() {
    const TENANTS: usize = 1_100;
    let mut toml = "handlers.read.max.grants.files = ['data']\n".to_owned();
    let mut root = TaskRoot::new().with("read");
    for number in 0..TENANTS {
        writeln!(toml, "tenants.t{number}.grants.files = ['data/{number}']").expect("a text");
        root = root.file(&format!("data/{number}/own.txt"), format!("of {number}").as_bytes());
    }
    // As many descriptors as a process has in Lambda.
    let mut stage = Stage::at(root.manifest(&toml), |bootstrap| bootstrap.descriptors(1024));
    for number in (0..TENANTS).step_by(11).chain([0, TENANTS - 1, 0]) {
        let tenant = format!("t{number}");
        let ask = |path: String| {
            let event = Event::json(json!(path).to_string()).tenant(tenant.as_str());
            stage.api.send(event).json()[0]["Ok"].as_str().map(str::to_owned)
        };
        assert_eq!(ask(format!("/data/{number}/own.txt")), Some(format!("of {number}")));
        assert_eq!(ask(format!("/data/{}/own.txt", (number + 1) % TENANTS)), None);
    }
    stage.api.wait_idle();
    let open = stage.running.open_descriptors();
    assert!(open < 300, "{open} descriptors");
    assert!(stage.running.is_alive());
}

#[test]
fn as_many_directories_as_a_policy_may_have_are_granted_to_each_of_many_tenants() {
    const TENANTS: usize = 20;
    let mut toml = "handlers.read.max.grants.files = ['data']\n".to_owned();
    let mut root = TaskRoot::new().with("read");
    for tenant in 0..TENANTS {
        let directories: Vec<String> = (0..64).map(|number| format!("data/{tenant}/{number}")).collect();
        writeln!(toml, "tenants.t{tenant}.grants.files = {directories:?}").expect("a text");
        root = directories.iter().fold(root, |root, place| root.file(&format!("{place}/own.txt"), b"own"));
    }
    let mut stage = Stage::at(root.manifest(&toml), |bootstrap| bootstrap.descriptors(1024));
    for tenant in (0..TENANTS).chain([0, TENANTS - 1]) {
        let event = Event::json(json!(format!("/data/{tenant}/63/own.txt")).to_string());
        let answer = stage.api.send(event.tenant(format!("t{tenant}").as_str()));
        assert_eq!(answer.json()[0]["Ok"], "own", "{}", answer.text());
    }
    assert!(stage.running.is_alive());
}

#[test]
fn nothing_beside_them_can_be_reached() {
    let stage = Stage::at(files(), |bootstrap| bootstrap);
    for path in [
        "/data/secret.txt",
        "/data",
        "/",
        "/assets/../data/secret.txt",
        "/data/public/../secret.txt",
        "/assets/../../etc/passwd",
        "/assets/passwd",
        "/assets/escape",
        "/assets/logo.txt/",
        "/bulkhead.toml",
        "/read.wasm",
        "/etc/passwd",
        "/proc/self/environ",
        "/assets/\0",
        "assets/../bulkhead.toml",
    ] {
        assert_eq!(read(&stage, path), (None, Vec::new(), false), "{path}");
    }
}

#[test]
fn a_directory_that_cannot_be_granted_stops_the_start() {
    let api = bulkhead_tests::RuntimeApi::start();
    let root = TaskRoot::new().manifest(FILES).with("read").file("data/public/open.txt", b"open");
    let mut running = Bootstrap::new().task_root(&root).api(&api).spawn();
    let report = String::from_utf8_lossy(&api.init_error().body).into_owned();
    assert!(
        report.contains("bulkhead.toml:4: handlers.read.grants.files: ") && report.contains("`assets`"),
        "{report}"
    );
    assert_eq!(running.exit_code(), 1);
}

#[test]
fn a_tmp_is_private_to_its_event() {
    let toml = "[handlers.tmp]\n[handlers.tmp.grants]\ntmp = '1MiB'\n[tenants.acme]\n[tenants.beta]\n";
    let stage = Stage::of_manifest(toml, &["tmp"]);
    let seen = json!([[], ["a", "text", "hello"], ["left"]]);
    for tenant in ["acme", "acme", "beta", "acme"] {
        assert_eq!(stage.api.send(Event::json(r#""hello""#).tenant(tenant)).json(), seen, "{tenant}");
    }
}

#[test]
fn a_full_tmp_says_so_to_guest_and_operator() {
    let toml = "[handlers.tmp_fill]\n[handlers.tmp_fill.grants]\ntmp = '64KiB'";
    let mut stage = Stage::of_manifest(toml, &["tmp_fill"]);
    let answer = stage.send("1").json();
    let size = answer[0].as_u64().expect("a size");
    assert!((50_000..=65_536).contains(&size), "{answer}");
    // Rust 1.95 does not ask WASI what the error of a stream was.
    assert_eq!((&answer[1], &answer[2]), (&json!("Uncategorized"), &json!("StorageFull")));
    let log = stage.running.stdout();
    assert!(
        log.contains(
            "filled its /tmp of 65536 bytes; to allow more, raise `tmp` in [handlers.tmp_fill.grants]"
        ),
        "{log}"
    );
    let receipt = stage.receipts().pop().expect("a receipt");
    assert_eq!((&receipt["limit"], &receipt["outcome"]), (&json!("tmp"), &json!("Replied")));
    stage.still_answers();
}

#[test]
fn without_the_grant_there_is_no_tmp() {
    let stage = Stage::of("tmp");
    let answer = stage.send(r#""hello""#);
    assert_eq!(answer.kind, bulkhead_tests::Kind::Error);
    assert_eq!(stage.receipts()[0]["limit"], Value::Null);
}
