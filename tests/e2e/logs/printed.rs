//! Nothing that a guest, a file or an event says ends a line, steers a terminal or hides: in the log, in receipts, and in what
//! the command writes.

use std::process::Command;

use bulkhead_tests::{Dev, TaskRoot, Terminal, artifacts};
use serde_json::{Value, json};

use crate::project::{Folder, Ran};
use crate::stage::Stage;
use crate::wat;

/// Clears a terminal and names it, twice, forges a line, and turns the rest around.
const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;pwned\u{7}\u{9b}2J\r\nbulkhead: all is well\u{7f}\u{85}\u{2028}\u{202e}\u{2066}\u{feff}\u{200b}b";

/// What may not be printed, but for the line ends of whoever prints.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e0fff}')
}

fn assert_printable(text: &str) {
    let hidden = |character: char| !matches!(character, '\n' | '\t') && is_hidden(character);
    assert!(!text.contains(hidden), "{text:?}");
    assert!(!text.lines().any(|line| line.starts_with("bulkhead: all is well")), "a line is forged: {text}");
}

/// Bytes of memory, as the text of WebAssembly has them.
fn bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

/// A handler that fails with this.
fn failing(error_type: &str, message: &str, frames: &[&str]) -> Vec<u8> {
    const RESULT: usize = 12;
    let table = RESULT + 28;
    let mut at = table + 8 * frames.len();
    let strings: Vec<&str> = [error_type, message].iter().chain(frames).copied().collect();
    let mut places = Vec::new();
    for string in &strings {
        places.extend([at, string.len()]);
        at += string.len();
    }
    let (head, rest) = places.split_at(4);
    let words = [&[1], head, &[table, frames.len()], rest].concat();
    let mut memory: Vec<u8> =
        words.iter().flat_map(|word| u32::try_from(*word).expect("a word").to_le_bytes()).collect();
    strings.iter().for_each(|string| memory.extend(string.as_bytes()));
    wat::handler(&format!(
        r#"(memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 8192)
        (data (i32.const {RESULT}) "{}")
        (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32) i32.const {RESULT})"#,
        bytes(&memory)
    ))
}

/// A handler that answers with this, which need not be JSON.
fn answering(answer: &str) -> Vec<u8> {
    let place: Vec<u8> = [0, 64, u32::try_from(answer.len()).expect("a length")]
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .collect();
    wat::handler(&format!(
        r#"(memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 8192)
        (data (i32.const 12) "{}") (data (i32.const 64) "{}")
        (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32) i32.const 12)"#,
        bytes(&place),
        bytes(answer.as_bytes())
    ))
}

/// The log of one event, as it was written, receipt and all.
fn log(component: &[u8], format: &str) -> String {
    let root = TaskRoot::new().file("handler.wasm", component);
    let stage =
        Stage::at(root, |bootstrap| bootstrap.handler("handler").env("AWS_LAMBDA_LOG_FORMAT", format));
    stage.send("1");
    stage.receipts();
    stage.running.raw_stdout()
}

const RECEIPT: &str = r#"{"type":"bulkhead.receipt","timestamp":"2026-01-01T00:00:00.000Z","requestId":"r","tenantId":"victim","cpuMs":9}"#;
const RECORD: &str = "2026-01-01T00:00:00.000Z\tr-2\tERROR\ttenantId=victim\tforged";

#[test]
fn frames_look_like_no_record_and_no_receipt() {
    let frames = [
        RECEIPT,
        RECORD,
        "\r",
        HOSTILE,
        &format!("x\r{RECEIPT}"),
        "at own",
        "\r\n  \r{\"type\":\"bulkhead.receipt\"}",
    ];
    let log = log(&failing("Boom", "why", &frames), "Text");
    let record = log.lines().find(|line| line.contains("\tERROR\t")).expect("a record");
    let (first, rest) = record.split_once('\r').expect("frames");
    assert!(first.ends_with("\tERROR\tBoom: why"), "{first:?}");
    let frames: Vec<&str> = rest.split('\r').collect();
    assert_eq!(frames.len(), 7, "{frames:?}");
    for frame in &frames {
        assert!(frame.trim_start().starts_with("at ") && !frame.contains(is_hidden), "{frame:?}");
    }
    assert!(frames.iter().any(|frame| frame.trim_start() == "at own"), "{frames:?}");
    let lines: Vec<&str> =
        log.split(['\r', '\n']).map(str::trim).filter(|line| line.starts_with('{')).collect();
    let [receipt] = lines.as_slice() else { panic!("one receipt, and not {lines:?}") };
    let receipt: Value = serde_json::from_str(receipt).expect("a receipt");
    assert_eq!(receipt["tenantId"], Value::Null);
}

#[test]
fn an_error_is_escaped_in_the_log_whatever_is_in_it() {
    let component = failing(&format!("tenantId=victim\t{HOSTILE}"), HOSTILE, &[HOSTILE]);
    let text = log(&component, "Text");
    assert_printable(&text.replace("\r    at ", ""));
    assert!(text.contains(r"\u{9b}2J\r\nbulkhead: all is well\u{7f}\u{85}\u{2028}\u{202e}"), "{text}");
    assert!(!text.contains("\ttenantId=victim\t"), "there is no tenant: {text}");
    let json = log(&component, "JSON");
    assert!(!json.replace('\n', "").contains(is_hidden), "{json:?}");
    let record: Value = json.lines().find_map(|line| serde_json::from_str(line).ok()).expect("a record");
    assert_eq!(record["errorMessage"], HOSTILE, "who reads it sees what was there");
    assert_eq!(record["stackTrace"], json!([HOSTILE]));
    for escape in [r"\u009b", r"\u0085", r"\u2028", r"\u007f", r"\u202e"] {
        assert!(json.contains(escape), "{escape} is not in {json}");
    }
}

#[test]
fn names_of_functions_are_frames_like_others() {
    let name = format!("\r{RECEIPT}\u{9b}2J");
    let component = wat::handler(&format!(
        r#"(memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 8192)
        (func $inner (@name "{}") unreachable)
        (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32) call $inner i32.const 12)"#,
        bytes(name.as_bytes())
    ));
    for format in ["Text", "JSON"] {
        let log = log(&component, format);
        assert_printable(&log.replace("\r    at ", ""));
        assert!(log.contains("Function.Trap"), "{log}");
        let receipts = log
            .split(['\r', '\n'])
            .filter(|line| line.trim_start().starts_with(r#"{"type":"bulkhead.receipt""#));
        assert_eq!(receipts.count(), 1, "{log:?}");
    }
}

/// A folder with hostile names in and around its files.
fn hostile_files() -> Folder {
    let folder = Folder::new();
    let write =
        |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("write a file");
    let escaped = bytes(HOSTILE.as_bytes());
    let module = format!(
        r#"(module
        (import "{escaped}" "{escaped}" (func))
        (func (export "{escaped}"))
        (@custom "{escaped}" "x")
        (@producers (language "{escaped}" "{escaped}") (processed-by "{escaped}" "1")))"#
    );
    write("module.wasm", &wat::assemble(&module));
    // No tool makes a component with such names, so they are put in place of others.
    let long = "x".repeat(HOSTILE.len());
    let component = wat::assemble(&format!(
        r#"(component (import "{long}" (func)) (instance $i) (export "a{long}" (instance $i)))"#
    ));
    write("component.wasm", &replaced(&component, long.as_bytes(), HOSTILE.as_bytes()));
    write(&format!("{HOSTILE}.wasm"), b"\0asm no more");
    folder
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_owned();
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

/// What a command leaves on both streams, none of which does anything but stand there.
fn looked_at(folder: &Folder, arguments: &[&str]) -> Ran {
    let ran = folder.bulkhead(arguments);
    assert_printable(&ran.stdout);
    assert_printable(&ran.stderr);
    ran
}

#[test]
fn a_file_s_names_do_nothing_to_a_terminal() {
    let folder = hostile_files();
    let evil = format!("{HOSTILE}.wasm");
    for file in ["module.wasm", "component.wasm", &evil] {
        let ran = looked_at(&folder, &["inspect", file]);
        assert!(ran.stdout.contains("it would not run"), "{} {}", ran.stdout, ran.stderr);
        let ran = looked_at(&folder, &["inspect", "--json", file]);
        let report: Value = serde_json::from_str(&ran.stdout).expect("a report");
        assert_eq!(report["file"], file, "a program reads the name as it is");
        let ran = looked_at(&folder, &["compile", file]);
        assert!(ran.code == 1 && ran.stderr.contains("\\u{1b}[2J"), "{file:?}: {}", ran.stderr);
    }
    let ran = looked_at(&folder, &["inspect", "component.wasm"]);
    assert!(ran.stdout.contains(r"a\u{1b}[2J\u{1b}]0;pwned\u{7}"), "{}", ran.stdout);
    for arguments in [
        &["check", "."][..],
        &["check", ".", "--json"],
        &["check", ".", "--handler", HOSTILE],
        &["invoke", "--root", "."],
        &["invoke", HOSTILE, "--root", ".", "--json"],
        &["package", ".", "-o", &format!("{HOSTILE}.zip")],
        &["receipts", &evil],
        &["receipts", HOSTILE],
        &["new", HOSTILE],
        &["init-deploy", "--tool", "sam", "--zip", HOSTILE],
        &[HOSTILE],
        &["inspect", &format!("--{HOSTILE}")],
        &["invoke", "--event", &format!("@{HOSTILE}")],
    ] {
        let ran = looked_at(&folder, arguments);
        assert!(ran.code != 0 || arguments[0] == "receipts", "{arguments:?}: {}", ran.stdout);
    }
}

#[test]
fn what_bulkhead_toml_says_does_nothing_to_a_terminal() {
    let folder = hostile_files();
    let quoted = serde_json::to_string(HOSTILE).expect("a string");
    let quoted = quoted.replace('\u{7f}', "\\u007f");
    for toml in [
        format!("{HOSTILE} = 1"),
        format!("[handlers.{quoted}]"),
        format!("[handlers.a]\nsource = {quoted}\n[tenants.{quoted}]\nhandler = {quoted}"),
        format!(
            "[handlers.a]\nsource = \"component.wasm\"\n[handlers.a.grants]\nfiles = [{quoted}]\nenvironment = {{ {quoted} = {quoted} }}"
        ),
        format!(
            "[limits]\nmemory = {quoted}\n[outbound]\nextra_ca_certificates = [{quoted}]\n[routing]\ntenant = {quoted}"
        ),
    ] {
        folder.write("bulkhead.toml", &toml);
        for arguments in
            [&["check", "."][..], &["check", ".", "--json"], &["invoke", "--root", "."], &["build"]]
        {
            let ran = looked_at(&folder, arguments);
            assert_ne!(ran.code, 0, "{toml:?}: {}", ran.stdout);
        }
    }
}

#[test]
fn receipts_of_hostile_tenants_do_nothing_to_a_terminal() {
    let folder = Folder::new();
    let line = json!({
        "type": "bulkhead.receipt", "timestamp": "t", "requestId": HOSTILE, "tenantId": HOSTILE, "handler": HOSTILE,
        "component": null, "outcome": HOSTILE, "limit": null, "wallMs": 1.0, "cpuMs": 1.0, "queueMs": 0.0,
        "setupMs": 0.0, "peakMemoryBytes": 1, "bytesIn": 1, "bytesOut": 1, "logBytes": 1, "outboundRequests": 0,
        "outboundBytesOut": 0, "outboundBytesIn": 0,
    });
    folder.write("function.log", &format!("{line}\n"));
    for by in ["tenant", "handler", "outcome"] {
        let ran = looked_at(&folder, &["receipts", "--by", by, "function.log"]);
        assert!(ran.stdout.contains(r"a\u{1b}[2J"), "{}", ran.stdout);
        let ran = looked_at(&folder, &["receipts", "--by", by, "--json", "function.log"]);
        let summary: Value = serde_json::from_str(&ran.stdout).expect("a summary");
        assert_eq!(summary["rows"][0]["name"], HOSTILE);
    }
}

/// `bulkhead invoke` with this event.
fn invoke(root: &TaskRoot, event: &str) -> Command {
    let mut command = Command::new(artifacts::cli());
    command.arg("invoke").arg("--root").arg(root.path()).args(["--event", event]);
    command.env("BULKHEAD_BOOTSTRAP", artifacts::bootstrap());
    command
}

#[test]
fn an_answer_is_its_bytes_to_a_program_and_text_on_a_terminal() {
    let answer = format!("\"{HOSTILE}\"");
    let root = TaskRoot::new().file("handler.wasm", &answering(&answer));
    let output = invoke(&root, "1").output().expect("run `bulkhead invoke`");
    assert_eq!(output.stdout, format!("{answer}\n").into_bytes());
    assert_printable(&String::from_utf8_lossy(&output.stderr));

    let mut terminal = Terminal::start(invoke(&root, "1"));
    assert_eq!(terminal.running.exit_code(), 0);
    let shown = terminal.shown();
    assert!(shown.contains(r"a\u{1b}[2J\u{1b}]0;pwned\u{7}\u{9b}2J\r"), "{shown:?}");
    assert!(!shown.contains("\u{1b}]0") && !shown.contains("\u{1b}[2J\u{1b}"), "{shown:?}");
}

#[test]
fn a_record_s_frames_stand_below_it_on_a_terminal() {
    let root = TaskRoot::new().file("handler.wasm", &failing("Boom", HOSTILE, &["main", RECEIPT]));
    let ran = invoke(&root, "1").output().expect("run `bulkhead invoke`");
    let told = String::from_utf8_lossy(&ran.stderr);
    assert_printable(&told);
    assert!(told.contains(&format!("\n    at main\n    at {RECEIPT}\n")), "{told}");
}

#[test]
fn what_dev_tells_of_an_event_does_nothing_to_a_terminal() {
    let root = TaskRoot::new().file("handler.wasm", &failing(HOSTILE, HOSTILE, &[HOSTILE]));
    let dev = Dev::start(&root, &["--no-watch"]);
    dev.invoke("handler", json!(HOSTILE).to_string(), &[("x-amz-tenant-id", "a\u{202e}b")]);
    let answer = dev.request("GET /.bulkhead/events", &[], "");
    assert!(!answer.text().contains(is_hidden), "{:?}", answer.text());
    let told = answer.json();
    let id = told[0]["requestId"].as_str().expect("an id");
    let details = dev.request(&format!("GET /.bulkhead/events/{id}?wait"), &[], "");
    assert!(!details.text().contains(is_hidden), "{:?}", details.text());
    let nowhere = dev.request("GET /nowhere%C2%9B", &[], "");
    assert!(!nowhere.text().contains(is_hidden), "{:?}", nowhere.text());
    assert_printable(&dev.running.logs());
}
