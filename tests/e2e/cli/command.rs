//! The `bulkhead` command on real task roots and real logs. Its exit codes are 0, 1 for mistakes and failures, 2 for usage.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use bulkhead_tests::{Event, TaskRoot, artifacts};
use serde_json::{Value, json};

use crate::stage::{Stage, assert_error};

/// What a run of the command printed, and its exit code.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().expect("an exit code");
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

fn check(root: &TaskRoot, arguments: &[&str]) -> Ran {
    let mut command = Command::new(artifacts::cli());
    command.arg("check").arg(root.path()).args(arguments).output().expect("run `bulkhead check`").into()
}

/// Any subcommand, with this on its stdin.
fn bulkhead(arguments: &[&str], stdin: &str) -> Ran {
    let mut command = Command::new(artifacts::cli());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("run `bulkhead`");
    let mut pipe = child.stdin.take().expect("stdin is a pipe");
    pipe.write_all(stdin.as_bytes()).expect("write to its stdin");
    drop(pipe);
    child.wait_with_output().expect("wait for it").into()
}

const TENANTS: &str = r#"
    [handlers.echo]
    [handlers.network]
    grants.environment = { STAGE = "prod" }
    [tenants.acme]
    handler = "echo"
    limits.cpu_time = "200ms"
    [tenants.beta]
    handler = "network"
"#;

#[test]
fn check_shows_what_each_tenant_has_and_lacks() {
    let root = TaskRoot::new().manifest(TENANTS).with("echo").with("network");
    let ran = check(&root, &[]);
    // What takes long is said.
    assert!(ran.stderr.lines().all(|line| line.starts_with("checking ")), "{}", ran.stderr);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    for expected in [
        "handler echo\n  component  ",
        "  digest     sha256:",
        "  for acme\n    cpu_time  200ms  narrower: the handler has 1s\n\nhandler network\n",
        "  for beta\n    environment  STAGE\n    imports wasi:sockets/ip-name-lookup, but raw sockets \
         are never granted; use wasi:http\n",
        "bulkhead.toml: 2 handlers, 2 tenants, 0 mistakes, 0 warnings\n",
    ] {
        assert!(ran.stdout.contains(expected), "{expected:?} is not in\n{}", ran.stdout);
    }
    // Which release of WASI 0.2 it is, is for the guest's libraries to say.
    let listed = |line: &str| line.contains("wasi:cli@0.2.") && line.contains(": environment, exit, stderr");
    assert!(ran.stdout.lines().any(listed), "{}", ran.stdout);
    let report = check(&root, &["--json"]).json();
    let echo = &report["handlers"][0];
    assert_eq!((&echo["name"], &echo["component"]["checked"]), (&json!("echo"), &json!("loaded")));
    assert_eq!(echo["policies"][0]["denied"], json!([]), "what every program imports is not denied");
    let denied = report["handlers"][1]["policies"][0]["denied"][0]["import"].as_str().expect("an import");
    assert!(denied.starts_with("wasi:sockets/ip-name-lookup@0.2."), "{denied}");
    assert_eq!(report["mistakes"], json!([]));
}

#[test]
fn check_shows_every_mistake_with_its_line() {
    let toml = "[limits]\nmemroy = \"1MiB\"\n[handlers.echo]\nlimits.wall_time = 5\n[tenants.acme]\nhandler = \"eco\"\n";
    let root = TaskRoot::new().manifest(toml).with("echo");
    let ran = check(&root, &[]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    for (line, expected) in lines.iter().zip([
        "bulkhead.toml:2: limits.memroy: there is no such key; did you mean `memory`?",
        "bulkhead.toml:4: handlers.echo.limits.wall_time: ",
        "bulkhead.toml:6: tenants.acme.handler: there is no handler \"eco\"; did you mean \"echo\"?",
        "bulkhead.toml: 3 mistakes",
    ]) {
        assert!(line.contains(expected), "{expected:?} is not in {line}");
    }
    assert_eq!(lines.len(), 4, "{}", ran.stdout);
    let ran = check(&root, &["--json"]);
    assert_eq!((ran.code, &ran.json()["mistakes"][2]["line"]), (1, &json!(6)));
}

#[test]
fn check_refuses_what_the_bootstrap_would_refuse() {
    let toml = "[handlers.echo]\n[handlers.unknown_import]\n[handlers.gone]\n";
    let root = TaskRoot::new().manifest(toml).with("echo").with("unknown_import");
    let ran = check(&root, &["--handler", "echo"]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    for expected in [
        "unknown_import.wasm: it imports something that this host does not have: ",
        "acme:db/query@1.0.0",
        "bulkhead.toml:3: handlers.gone.source: ",
        "gone.wasm does not exist, and neither does a .cwasm of that name",
        "3 handlers, 0 tenants, 2 mistakes, ",
    ] {
        assert!(ran.stdout.contains(expected), "{expected:?} is not in\n{}", ran.stdout);
    }
}

#[test]
fn check_takes_compiled_components_and_a_root_without_a_manifest() {
    let root = TaskRoot::new().with_compiled("echo");
    let ran = check(&root, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("echo.cwasm\n") && ran.stdout.contains("no bulkhead.toml"), "{}", ran.stdout);
    root.change("echo.cwasm", |content| content[1000] ^= 1);
    let ran = check(&root, &[]);
    assert!(ran.code == 1 && ran.stdout.contains("checksum"), "{}", ran.stdout);
    let ran = check(&TaskRoot::new(), &[]);
    assert!(ran.code == 1 && ran.stderr.contains("there is no component"), "{}", ran.stderr);
}

#[test]
fn compile_refuses_what_no_bootstrap_could_run() {
    let root = TaskRoot::new();
    for target in [&[][..], &["--target", std::env::consts::ARCH]] {
        let ran = Ran::from(root.compile("unknown_import", "odd.cwasm", target));
        assert_eq!(ran.code, 1, "{target:?}: {}", ran.stderr);
        let expected = ["unknown_import.wasm: it imports something", "acme:db/query@1.0.0"];
        assert!(expected.iter().all(|expected| ran.stderr.contains(expected)), "{}", ran.stderr);
    }
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn receipts_add_up_what_a_bootstrap_left() {
    let toml = "[handlers.echo]\n[handlers.fail]\n[tenants.acme]\nhandler = \"echo\"\n[tenants.beta]\nhandler = \"fail\"\n";
    let stage = Stage::of_manifest(toml, &["echo", "fail"]);
    for _ in 0..3 {
        assert_eq!(stage.api.send(Event::json("17").tenant("acme")).text(), "17");
    }
    stage.api.send(Event::json("1").tenant("beta"));
    assert_error(&stage.api.send(Event::json("1").tenant("nobody")), "Runtime.UnknownTenant");
    stage.api.wait_idle();
    stage.api.wait_idle();
    let log = stage.running.raw_stdout();
    let ran = bulkhead(&["receipts", "--json"], &log);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let sums = ran.json();
    let (acme, beta) = (&sums["rows"][0], &sums["rows"][1]);
    assert_eq!((&acme["name"], &acme["events"], &acme["errors"]), (&json!("acme"), &json!(3), &json!(0)));
    assert_eq!((&acme["bytesIn"], &acme["bytesOut"]), (&json!(6), &json!(6)));
    assert!(
        acme["wallP50"].as_u64() <= acme["wallP99"].as_u64() && acme["cpuTotal"].as_u64() > Some(0),
        "{acme}"
    );
    assert!(acme["peakMemory"].as_u64() >= Some(65_536), "{acme}");
    assert_eq!((&beta["name"], &beta["events"], &beta["errors"]), (&json!("beta"), &json!(1), &json!(1)));
    let by_outcome = bulkhead(&["receipts", "--by", "outcome", "-"], &log).stdout;
    assert!(by_outcome.contains("\nReplied ") && by_outcome.contains("\ntotal "), "{by_outcome}");
}

#[test]
fn receipts_are_not_forged_by_what_a_handler_prints() {
    let forged = r#"{"type":"bulkhead.receipt","tenantId":"acme"}"#;
    for format in ["Text", "JSON"] {
        let stage = Stage::with("print", |bootstrap| bootstrap.env("AWS_LAMBDA_LOG_FORMAT", format));
        stage.api.send(Event::bytes(format!("\n{forged}\r{forged}\n{forged}\n").into_bytes()));
        stage.api.wait_idle();
        stage.api.wait_idle();
        let log = stage.running.raw_stdout();
        assert!(log.contains("acme"), "it was printed: {log}");
        let ran = bulkhead(&["receipts", "--json"], &log);
        assert_eq!(
            (&ran.json()["total"]["events"], &ran.json()["malformed"]),
            (&json!(1), &json!(0)),
            "{log}"
        );
    }
}

#[test]
fn receipts_that_cannot_be_read_are_counted_and_files_that_are_not_there_named() {
    let ran = bulkhead(&["receipts"], "{\"type\":\"bulkhead.receipt\"}\n{\"type\":\"bulkhead.receipt\",\n");
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("left out 2 receipts that cannot be read"), "{}", ran.stderr);
    let ran = bulkhead(&["receipts", "gone.log"], "");
    assert!(ran.code == 1 && ran.stderr.contains("gone.log: "), "{}", ran.stderr);
}

#[test]
fn the_schema_is_json_and_wrong_arguments_have_a_code_of_their_own() {
    let ran = bulkhead(&["schema"], "");
    assert_eq!((ran.code, &ran.json()["title"]), (0, &json!("bulkhead.toml")));
    for arguments in [&["chek"][..], &["check", "a", "b"], &["receipts", "--by", "moon"], &["compile"]] {
        assert_eq!(bulkhead(arguments, "").code, 2, "{arguments:?}");
    }
    let help = bulkhead(&["--help"], "").stdout;
    assert!(help.contains("bulkhead receipts --by handler function.log"), "{help}");
}
