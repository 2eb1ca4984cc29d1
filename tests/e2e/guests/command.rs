//! Commands: programs with a `main`, which know nothing of Lambda. The event is on stdin, the response is stdout.

use bulkhead_tests::{Event, Kind, TaskRoot};
use serde_json::{Value, json};

use crate::stage::Stage;

/// Tight, so that a test is soon over.
const LIMITS: &str = "[limits]\ncpu_time = '300ms'\nwall_time = '4s'\nmemory = '64MiB'\n[handlers.command_ways]\nreuse = { events = 100 }";

/// What `main` looks like in C, for WASI preview 1: it writes three letters and exits with the code that stands for `$code`.
const MODULE: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\03\00\00\00abc")
    (func (export "_start")
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
        (call $exit (i32.const $code))))"#;

#[test]
fn the_event_is_on_stdin_and_the_response_is_stdout() {
    let mut stage = Stage::of("command");
    for event in ["{\"a\": \"ä\\n\"}", "", "no JSON"] {
        let answer = stage.send(event);
        assert_eq!((answer.kind, &answer.json()["event"]), (Kind::Response, &json!(event)));
        assert_eq!(answer.json()["arguments"], json!(["command"]));
    }
    assert!(stage.running.is_alive());
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

#[test]
fn large_events_are_whole() {
    let stage = Stage::of("command_ways");
    let event = "x".repeat(5 << 20);
    assert!(stage.send(&event).body == event.as_bytes());
}

#[test]
fn stderr_is_the_log_and_stdout_is_not() {
    let stage = Stage::of("command");
    stage.api.send(Event::json("12345").request_id("the-id"));
    let log = stage.running.stdout();
    assert!(log.contains("\tthe-id\tERROR\tread 5 bytes\n"), "{log}");
    assert!(!log.contains("\"event\""), "{log}");
    let receipt = stage.receipts().pop().expect("a receipt");
    assert_eq!((&receipt["outcome"], &receipt["handler"]), (&json!("Replied"), &json!("command")));
    assert_eq!(receipt["logBytes"], log.len());
    assert!(receipt["cpuMs"].as_f64().is_some_and(|cpu| cpu > 0.0), "{receipt}");
}

#[test]
fn the_context_is_in_the_environment_and_cannot_be_granted_away() {
    let toml = "[handlers.command.grants]\nenvironment = { STAGE = 'test', BULKHEAD_REQUEST_ID = 'granted' }\n[tenants.acme]";
    let stage = Stage::of_manifest(toml, &["command"]);
    let event =
        Event::json("1").tenant("acme").request_id("the-id").client_context(r#"{"custom": {"a": 1}}"#);
    let answer = stage.api.send(event).json();
    let environment = &answer["environment"];
    for (name, value) in [
        ("STAGE", "test"),
        ("BULKHEAD_REQUEST_ID", "the-id"),
        ("BULKHEAD_TENANT_ID", "acme"),
        ("BULKHEAD_CLIENT_CONTEXT", r#"{"custom": {"a": 1}}"#),
    ] {
        let found = environment[name].as_str().unwrap_or_default();
        assert!(found.replace(' ', "") == value.replace(' ', ""), "{name}: {environment}");
    }
    let deadline = environment["BULKHEAD_DEADLINE_MS"].as_str().and_then(|text| text.parse::<u64>().ok());
    assert!(deadline.is_some_and(|deadline| deadline > 1_700_000_000_000), "{environment}");
    let names = environment.as_object().expect("an object").keys();
    let others: Vec<_> = names.filter(|name| *name != "STAGE" && !name.starts_with("BULKHEAD_")).collect();
    assert_eq!(others, [] as [&String; 0], "nothing else is told");
}

#[test]
fn another_exit_code_than_0_is_a_failure_with_the_end_of_stderr() {
    let mut stage = Stage::of("command_ways");
    // WASI 0.2 knows success and failure, and no numbers.
    let answer = stage.error("exit", "Function.Exited");
    let message = answer.json()["errorMessage"].as_str().expect("a message").to_owned();
    assert!(message.contains("exited with code 1") && message.ends_with("line 999"), "{message}");
    assert!(message.len() < 2500 && !message.contains("line 100\n"), "{} bytes", message.len());
    let answer = stage.error("error", "Function.Exited");
    assert!(answer.text().contains("as asked"), "{}", answer.text());
    stage.answers("exit well", "well");
    stage.answers("ping", "ping");
    let outcomes: Vec<Value> = stage.receipts().iter().map(|receipt| receipt["outcome"].clone()).collect();
    assert_eq!(outcomes, ["Function.Exited", "Function.Exited", "Replied", "Replied"]);
}

#[test]
fn a_command_has_the_limits_of_a_handler() {
    let mut stage = Stage::of_manifest(LIMITS, &["command_ways"]);
    for (event, error_type, limit) in [
        ("loop", "Function.CpuLimitExceeded", json!("cpu_time")),
        ("sleep", "Function.Timeout", json!("wall_time")),
        ("memory", "Function.OutOfMemory", json!("memory")),
        ("huge", "Function.ResponseSizeTooLarge", json!("response")),
        ("panic", "Function.Panic", Value::Null),
    ] {
        stage.error(event, error_type);
        let receipt = stage.receipts().pop().expect("a receipt");
        assert_eq!((&receipt["outcome"], &receipt["limit"]), (&json!(error_type), &limit), "{receipt}");
        stage.answers("ping", "ping");
    }
}

#[test]
fn a_response_may_be_as_long_as_its_limit() {
    let toml = "[handlers.command_ways]\nlimits.response = '4'";
    let stage = Stage::of_manifest(toml, &["command_ways"]);
    assert_eq!(stage.send("four").text(), "four");
    stage.error("5 are", "Function.ResponseSizeTooLarge");
}

#[test]
fn a_command_is_never_reused() {
    let stage = Stage::of_manifest(LIMITS, &["command_ways"]);
    for _ in 0..3 {
        assert_eq!(stage.send("ping").text(), "ping");
    }
    let receipts = stage.receipts();
    let is_new = |receipt: &Value| receipt["setupMs"].as_f64().is_some_and(|setup| setup > 0.0);
    assert!(receipts.len() == 3 && receipts.iter().all(is_new), "{receipts:?}");
}

#[test]
fn a_core_module_for_preview_1_is_a_command() {
    for (code, kind) in [("0", Kind::Response), ("7", Kind::Error)] {
        let module = crate::wat::assemble(&MODULE.replace("$code", code));
        let stage = Stage::at(TaskRoot::new().file("program.wasm", &module), |it| it.handler("program"));
        let answer = stage.send("1");
        assert_eq!(answer.kind, kind, "{}", answer.text());
        let expected = if kind == Kind::Response { "abc" } else { "without writing to stderr" };
        assert!(answer.text().contains(expected), "{}", answer.text());
    }
}

/// A program for WASI preview 1 that answers with its event. As the allocators of Go, AssemblyScript and older libraries of C do,
/// it takes all pages that it has, and those that it gets, for one piece of its own.
const ECHO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (memory (export "memory") 2)
    (func $buffer (param $pointer i32) (param $length i32)
        (i32.store (i32.const 0) (local.get $pointer)) (i32.store (i32.const 4) (local.get $length)))
    (func (export "_start") (local $length i32) (local $room i32)
        (drop (call $args (i32.const 32) (i32.const 1024)))
        (drop (call $environ (i32.const 2048) (i32.const 8192)))
        (loop $next
            (local.set $room (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.add (i32.const 65536) (local.get $length))))
            (if (i32.eqz (local.get $room)) (then
                (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
                (local.set $room (i32.const 65536))))
            (call $buffer (i32.add (i32.const 65536) (local.get $length)) (local.get $room))
            (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
            (local.set $length (i32.add (local.get $length) (i32.load (i32.const 8))))
            (br_if $next (i32.load (i32.const 8))))
        (call $buffer (i32.const 65536) (local.get $length))
        (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))))"#;

#[test]
fn a_program_for_preview_1_has_its_memory_to_itself() {
    let module = crate::wat::assemble(ECHO);
    let events =
        [1, 100 << 10, 129 << 10, 1 << 20, 5 << 20].map(|length| "0123456789abcde\n".repeat(length / 16 + 1));
    for length in 1..=64 {
        let handler = "n".repeat(length);
        let root = TaskRoot::new().file(&format!("{handler}.wasm"), &module);
        let mut stage = Stage::at(root, |it| it.handler(&handler));
        // All of the lengths with some of the names, and one with each.
        for event in events.iter().filter(|event| length % 16 == 1 || event.len() < 1 << 18) {
            let answer = stage.send(event);
            assert!(answer.kind == Kind::Response, "{}", answer.text());
            assert!(answer.body == event.as_bytes(), "{} bytes, {length} letters", event.len());
        }
        assert!(stage.running.is_alive());
    }
}

#[test]
fn a_program_for_preview_1_has_many_variables_and_the_limits_of_a_handler() {
    let variables: Vec<String> = (0..100).map(|number| format!("VARIABLE_{number} = 'some value'")).collect();
    let toml = format!(
        "[handlers.echo]\nlimits.memory = '4MiB'\ngrants.environment = {{ {} }}",
        variables.join(", ")
    );
    let root = TaskRoot::new().manifest(&toml).file("echo.wasm", &crate::wat::assemble(ECHO));
    let stage = Stage::at(root, |it| it.handler("echo"));
    let event = "x".repeat(3 << 20);
    assert!(stage.send(&event).body == event.as_bytes());
    stage.error(&"x".repeat(5 << 20), "Function.OutOfMemory");
    let receipt = stage.receipts().pop().expect("a receipt");
    assert_eq!(receipt["limit"], "memory", "{receipt}");
    assert!(stage.send(&event).body == event.as_bytes());
}

#[test]
fn what_preview_1_has_and_a_sandbox_has_not_is_an_error_number() {
    // `sock_accept` of what is no socket, and `fd_write` of nothing to what is no file.
    let module = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\02\00\00\00")
        (func (export "_start")
            (i32.store8 (i32.const 16) (i32.add (i32.const 48) (call $accept (i32.const 3) (i32.const 0) (i32.const 32))))
            (i32.store8 (i32.const 17) (i32.add (i32.const 48) (call $write (i32.const 99) (i32.const 0) (i32.const 0) (i32.const 32))))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))"#;
    let root = TaskRoot::new().file("program.wasm", &crate::wat::assemble(module));
    assert_eq!(Stage::at(root, |it| it.handler("program")).send("1").text(), "28");
}

#[test]
fn a_command_can_be_compiled() {
    let stage = Stage::at(TaskRoot::new().with_compiled("command"), |it| it.handler("command"));
    assert_eq!(stage.send("1").json()["event"], "1");
}
