use bulkhead_host::engine::Target;
use bulkhead_host::wasm;
use bulkhead_host::wasm::Kind;
use serde_json::{Value, json};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::*;
use crate::compile::tests::handler as smallest;

/// What is said of a file of that name with these bytes, and of it as JSON.
fn said(name: &str, bytes: &[u8]) -> (String, Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    let report = inspect(&file).unwrap();
    assert_eq!(report.runs, report.reason.is_none());
    (print::text(&report), serde_json::to_value(&report).unwrap())
}

fn of(wat: &str) -> (String, Value) {
    said("a.wasm", &wat::parse_str(wat).unwrap())
}

/// The kind and the sentence about a file that would not run.
fn refused(bytes: &[u8]) -> (Option<String>, String) {
    let (text, json) = said("a.wasm", bytes);
    let reason = json["reason"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned();
    let says_no = text.lines().any(|line| line.split_whitespace().eq(["runs", "no"]));
    assert!(says_no && text.ends_with(&format!("\nit would not run: {reason}\n")), "{text}");
    assert!(!reason.contains("a.wasm"), "{reason}");
    (json["kind"].as_str().map(str::to_owned), reason)
}

/// A core module with a description of the world `lambda`.
fn reactor() -> Vec<u8> {
    let module = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
        (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32) i32.const 12))"#;
    let mut wasm = wat::parse_str(module).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/sdk/wit")).unwrap();
    let world = resolve.select_world(&[package], Some("lambda")).unwrap();
    embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8).unwrap();
    wasm
}

#[test]
fn a_handler_runs_and_has_its_sizes() {
    let (text, json) = said("hello.wasm", &smallest());
    for line in
        ["kind    handler\n", "runs    yes\n", "exports bulkhead:lambda/handler@0.1.0\n", "  initial memory"]
    {
        let line = line.replace("exports ", "exports  ");
        let words: Vec<&str> = line.split_whitespace().collect();
        let found =
            text.lines().any(|found| found.split_whitespace().take(words.len()).eq(words.iter().copied()));
        assert!(found, "{line} is not in\n{text}");
    }
    assert_eq!(
        (&json["runs"], &json["form"], &json["reason"]),
        (&json!(true), &json!("component"), &Value::Null)
    );
    assert_eq!(json["sizes"]["initialMemory"], 65536);
    assert_eq!(json["sizes"]["file"], smallest().len());
    assert_eq!(json["digest"], digest(&smallest()));
}

#[test]
fn what_an_event_s_reset_costs_is_shown_also_of_native_code() {
    let (text, json) = said("hello.wasm", &smallest());
    assert!(text.contains("\nreset for each event\n  64.0 KiB\n"), "{text}");
    let expected =
        json!({ "initialMemory": 65536, "inPlace": 65536, "inPlaceOfSeveral": 65536, "stack": null });
    assert_eq!(json["reset"], expected);
    let native = wasm::compile(&smallest(), &smallest(), Target::host().unwrap()).unwrap();
    let (text, json) = said("hello.cwasm", &native);
    assert!(text.contains("\nreset for each event\n  64.0 KiB\n"), "{text}");
    assert_eq!(json["reset"], expected);
}

#[test]
fn a_large_stack_is_shown_with_what_to_do() {
    let (text, json) = of("(component (core module (memory 17) (global (mut i32) (i32.const 1048576))))");
    assert_eq!(json["reset"]["stack"], 1 << 20);
    assert!(text.contains("\n  1.1 MiB, of which 1.0 MiB are the stack\n"), "{text}");
    assert!(text.contains("\nits stack of 1.0 MiB is reset for each event"), "{text}");
}

#[test]
fn imports_are_shown_with_their_grants() {
    let (text, json) = of(r#"(component
        (import "wasi:cli/environment@0.2.6" (instance)) (import "acme:db/query@1.0.0" (instance (export "f" (func))))
        (instance $i) (export "bulkhead:lambda/handler@0.1.0" (instance $i)))"#);
    assert!(
        text.contains("needs a grant: environment = { NAME = \"value\" } or inherit_environment"),
        "{text}"
    );
    assert!(text.contains("acme:db/query@1.0.0         not known to this host\n"), "{text}");
    assert_eq!(json["imports"][0]["what"], "environment variables");
    assert!(
        json["reason"].as_str().unwrap().ends_with("(`wac plug`), or build it without this import"),
        "{json}"
    );
}

#[test]
fn every_kind_is_named_whether_or_not_it_runs() {
    for kind in Kind::ALL {
        let dot = if kind.export().ends_with("@0.2") { ".3" } else { "" };
        let wat = format!(r#"(component (instance $i) (export "{}{dot}" (instance $i)))"#, kind.export());
        assert_eq!(of(&wat).1["kind"], kind.name());
    }
}

#[test]
fn each_reason_has_a_sentence_of_its_own() {
    let export = |name: &str| {
        wat::parse_str(format!(r#"(component (instance $i) (export "{name}" (instance $i)))"#)).unwrap()
    };
    let whole = smallest();
    let module = |fields: &str| wat::parse_str(format!("(module {fields})")).unwrap();
    let within = |fields: &str| wat::parse_str(format!("(component (core module {fields}))")).unwrap();
    let sentences = [
        (export("wasi:http/handler@0.3.0"), "of WASI 0.3, whose functions are async"),
        (export("wasi:cli/run@0.3.0"), "of WASI 0.3, whose functions are async"),
        (export("bulkhead:lambda/handler@0.2.0"), "belongs to a newer Bulkhead"),
        (export("acme:api/thing@1.0.0"), "does not export bulkhead:lambda/handler@0.1.0"),
        (export("bulkhead:lambda/handler@0.1.0"), "takes or returns something else"),
        (module(r#"(func (export "run"))"#), "neither _start nor the interfaces of a world"),
        (
            module(r#"(import "env" "f" (func)) (func (export "_start"))"#),
            "it imports env f, which nothing provides",
        ),
        (module(r#"(import "wasi_unstable" "fd_write" (func))"#), "a preview before preview 1"),
        (b"\x7fELF\x02\x01\x01\0\0\0".to_vec(), "a program for a processor (ELF)"),
        (b"fn main() {}\n".to_vec(), "it is text"),
        (Vec::new(), "it is empty"),
        (whole[..whole.len() / 2].to_vec(), "it is truncated; copy or build it again"),
        (within("(memory 1 1 shared)"), "it uses threads"),
        (within("(memory i64 1)"), "it uses memory64"),
        (within("(type (struct))"), "it uses gc"),
        (within("(tag)"), "it uses exceptions"),
    ];
    for (bytes, sentence) in sentences {
        let (_, reason) = refused(&bytes);
        assert!(reason.contains(sentence), "{sentence:?} is not in {reason}");
    }
}

#[test]
fn a_program_for_preview_1_is_a_command() {
    let wat = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (func (export "_start")))"#;
    let (text, json) = of(wat);
    assert_eq!((&json["form"], &json["kind"]), (&json!("coreModule"), &json!("command")));
    assert!(text.contains("`bulkhead compile` makes it a component, and so does a bootstrap"), "{text}");
}

#[test]
fn a_module_that_carries_its_world_is_what_that_says() {
    let (text, json) = said("reactor.wasm", &reactor());
    assert_eq!((&json["kind"], &json["runs"]), (&json!("handler"), &json!(true)));
    assert!(text.contains("`bulkhead compile` makes it a component; a bootstrap does not"), "{text}");
}

#[cfg(feature = "cross")]
#[test]
fn native_code_for_another_processor_is_what_its_stamp_says() {
    let other = if Target::host() == Some(Target::X86_64) { Target::Aarch64 } else { Target::X86_64 };
    let code = wasm::compile(&smallest(), &smallest(), other).unwrap();
    let (text, json) = said("a.cwasm", &code);
    assert_eq!((&json["runs"], &json["compiled"]["target"]), (&json!(true), &json!(other.name())));
    assert!(text.contains("this machine cannot load it"), "{text}");
}

#[test]
fn native_code_is_what_its_stamp_says() {
    let here = Target::host().unwrap();
    let compile = |target| wasm::compile(&smallest(), &smallest(), target).unwrap();
    let (text, json) = said("a.cwasm", &compile(here));
    assert_eq!((&json["runs"], &json["kind"]), (&json!(true), &json!("handler")));
    assert!(json["sizes"]["code"].as_u64() > Some(0), "{text}");
    let mut damaged = compile(here);
    damaged[100] ^= 1;
    let whole = compile(here);
    let newer = String::from_utf8_lossy(&whole).contains("wasmtime 48");
    assert!(newer, "the stamp names who compiled it");
    for (bytes, sentence) in [
        (damaged, "checksum"),
        (whole[..100].to_vec(), "damaged, or was not made by `bulkhead compile`"),
        (
            replaced(&compile(here), b"\"build\":\"bulkhead 0", b"\"build\":\"bulkhead 7"),
            "compiled by bulkhead 7",
        ),
    ] {
        let (_, json) = said("a.cwasm", &bytes);
        assert!(json["reason"].as_str().unwrap().contains(sentence), "{json}");
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).rposition(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    assert!(inspect(Path::new("nowhere.wasm")).unwrap_err().to_string().starts_with("nowhere.wasm: "));
}
