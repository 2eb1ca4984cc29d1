//! Files that are no handlers, or not any more: only the events of their own tenant fail.

use bulkhead_tests::{Bootstrap, RuntimeApi, TaskRoot};

use crate::hostile::{Attack, bytes, guest, hostile, neighbour, wat};

/// Refused at init already, and every event of its tenant fails for it.
fn refused(attack: Attack) {
    refused_with(attack, "");
}

/// The same, with this in the text.
fn refused_with(attack: Attack, text: &str) {
    let results = attack.fails("Runtime.InvalidComponent");
    results.each(|answer, receipt| {
        assert!(answer.text().contains(text), "{}", answer.text());
        assert!(answer.body.len() < 4096, "{} bytes", answer.body.len());
        assert_eq!((&receipt["handler"], &receipt["peakMemoryBytes"]), (&"hostile".into(), &0.into()));
    });
    let warned = results
        .records()
        .iter()
        .any(|record| record.contains("every event of the handler hostile will fail"));
    assert!(warned, "{:?}", results.records());
}

/// The bytes of a file in `tests/hostile`.
fn raw(file: &str) -> Attack {
    bytes(std::fs::read(hostile(file)).expect("read the file"), "wasm")
}

#[test]
fn other_version() {
    refused_with(wat("other_version.wat"), "handler@0.9.0");
}

#[test]
fn other_kind() {
    refused_with(wat("other_kind.wat"), "watcher@0.2.0");
}

#[test]
fn no_handle() {
    refused_with(wat("no_handle.wat"), "handle");
}

#[test]
fn unknown_function() {
    refused_with(wat("unknown_function.wat"), "launch-missiles");
}

#[test]
fn other_import() {
    refused_with(wat("other_import.wat"), "get-random-u64");
}

#[test]
fn newer_import() {
    refused_with(wat("newer_import.wat"), "monotonic-clock@0.9.0");
}

#[test]
fn bare_import() {
    refused_with(wat("bare_import.wat"), "run-as-root");
}

#[test]
fn threads() {
    refused_with(wat("threads.wat"), "threads");
}

#[test]
fn memory64() {
    refused_with(wat("memory64.wat"), "memory64");
}

#[test]
fn large_function() {
    refused_with(wat("large_function.wat"), "function body size");
}

#[test]
fn many_locals() {
    refused_with(wat("many_locals.wat"), "locals");
}

#[test]
fn many_instances() {
    refused_with(wat("many_instances.wat"), "instances count");
}

#[test]
fn many_functions() {
    refused(wat("many_functions.wat"));
}

#[test]
fn ten_megabytes() {
    wat("ten_megabytes.wat").replies("");
}

#[test]
fn deep_blocks() {
    refused(wat("deep_blocks.wat"));
}

#[test]
fn deep_lists() {
    refused(wat("deep_lists.wat"));
}

#[test]
fn doubling() {
    refused_with(wat("doubling.wat"), "instances");
}

#[test]
fn sparse_data() {
    refused_with(wat("sparse_data.wat"), "gaps of 132120574 bytes in total");
}

#[test]
fn sparse_tables() {
    refused_with(wat("sparse_tables.wat"), "gaps of 1999998 entries in total");
}

#[test]
fn other_signature() {
    refused_with(wat("other_signature.wat"), "something else than that interface defines");
}

#[test]
fn core_module() {
    let text = std::fs::read_to_string(hostile("core_module.wat")).expect("read the text of a module");
    refused_with(bytes(crate::wat::assemble(&text), "wasm"), "core module");
}

#[test]
fn empty() {
    refused(raw("empty.bin"));
}

#[test]
fn text() {
    refused(raw("text.bin"));
}

#[test]
fn header() {
    refused(raw("header.bin"));
}

#[test]
fn endless_section() {
    refused(raw("endless_section.bin"));
}

#[test]
fn elf() {
    refused(raw("elf.bin"));
}

#[test]
fn noise() {
    refused(raw("noise.bin"));
}

#[test]
fn nested() {
    refused_with(raw("nested.bin"), "levels of nested components");
}

#[test]
fn unknown_import() {
    refused_with(guest("unknown_import"), "acme:db/query@1.0.0");
}

#[test]
fn empty_service() {
    refused_with(wat("empty_service.wat"), "something else than that interface defines");
}

#[test]
fn a_component_that_is_cut_short_or_has_a_flipped_bit() {
    let whole = std::fs::read(bulkhead_tests::artifacts::component("echo")).expect("read a component");
    for length in [7, 100, whole.len() / 2, whole.len() - 1] {
        refused(bytes(whole[..length].to_vec(), "wasm"));
    }
    // In the length of its first section; a bit of its code may as well make other code of it.
    let mut flipped = whole;
    flipped[9] ^= 0x40;
    refused(bytes(flipped, "wasm"));
}

#[test]
fn a_compiled_component_with_a_flipped_bit_is_found_at_its_first_event() {
    let root = TaskRoot::new().with_compiled("echo");
    let mut flipped = std::fs::read(root.path().join("echo.cwasm")).expect("read what was compiled");
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let results = bytes(flipped, "cwasm").fails("Runtime.InvalidComponent");
    assert!(!results.records().iter().any(|record| record.contains("will fail")), "it was seen at init");
    results.each(|answer, _| assert!(answer.text().contains("hostile.cwasm"), "{}", answer.text()));
}

#[test]
fn a_compiled_component_that_is_cut_short() {
    for length in [0, 16, 4096, neighbour().len() - 1] {
        bytes(neighbour()[..length].to_vec(), "cwasm").fails("Runtime.InvalidComponent");
    }
}

#[test]
fn unless_events_may_fail_the_function_does_not_start() {
    let toml = "[handlers.hostile]\nsource = \"hostile.wasm\"\n[handlers.neighbour]\nsource = \"neighbour.wasm\"\n\
        [tenants.mallory]\nhandler = \"hostile\"\n[tenants.alice]\nhandler = \"neighbour\"\n";
    let root = TaskRoot::new().manifest(toml).file("neighbour.cwasm", neighbour()).file("hostile.wasm", b"");
    let api = RuntimeApi::start();
    let mut running = Bootstrap::new().task_root(&root).api(&api).spawn();
    let body = String::from_utf8(api.init_error().body).expect("a text");
    assert!(body.contains("Runtime.InvalidComponent") && body.contains("hostile.wasm"), "{body}");
    assert_eq!(running.exit_code(), 1);
}
