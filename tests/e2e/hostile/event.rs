//! Events that attack: ids of tenants that are none, events that belong to two tenants, and batches that do.

use bulkhead_tests::{Answer, Event, Kind, TaskRoot};
use serde_json::{Value, json};

use crate::hostile::{answer_of_alice, hostile, neighbour};
use crate::stage::{Stage, assert_error};

const POINTER: &str = r#"tenant = { pointer = "/detail/tenant" }"#;
const BATCHES: &str = r#"
    tenant = { pointer = "/Records/*/body/tenant" }
    mixed_batches = "split""#;

/// Two tenants, whose handlers are `neighbour` and a guest.
fn stage(routing: &str, guest: &str) -> Stage {
    let toml = format!(
        "[routing]\n{routing}\n\
         [handlers.hostile]\nsource = \"{guest}.wasm\"\n[handlers.neighbour]\nsource = \"neighbour.wasm\"\n\
         [tenants.mallory]\nhandler = \"hostile\"\n[tenants.alice]\nhandler = \"neighbour\"\n"
    );
    let root = TaskRoot::new().manifest(&toml).with(guest).file("neighbour.cwasm", neighbour());
    Stage::at(root, |bootstrap| bootstrap)
}

fn event(file: &str) -> Event {
    Event::bytes(std::fs::read(hostile(file)).expect("read the event"))
}

/// The event is nobody's, and alice's own before and after it are answered.
fn refused(file: &str, error_type: &str) -> Answer {
    let mut stage = stage(POINTER, "echo");
    let alice = json!({ "detail": { "tenant": "alice" } }).to_string();
    stage.answers(&alice, "[1,0,[]]");
    let answer = stage.api.send(event(file));
    assert_error(&answer, error_type);
    stage.answers(&alice, "[1,0,[]]");
    let receipts = stage.receipts();
    assert_eq!(receipts.len(), 3, "one for each event");
    assert_eq!(receipts[1]["handler"], Value::Null);
    // An id that was read is on the receipt even if nobody has it, as Lambda's own would be.
    let whose = &receipts[1]["tenantId"];
    assert!(whose.is_null() || error_type == "Runtime.UnknownTenant" && *whose != "alice", "{whose}");
    assert_one_record(&stage);
    answer
}

/// There is one record, which says why the event was refused, and nothing in it ends a line or steers a terminal.
fn assert_one_record(stage: &Stage) {
    let log = stage.running.stdout();
    assert_eq!(log.matches('\n').count(), 1, "{log}");
    assert!(!log.trim_end_matches('\n').contains(|c: char| c.is_control() && c != '\t'), "{log:?}");
    assert!(log.len() < 4096, "{log}");
}

#[test]
fn tenant_crlf() {
    refused("tenant_crlf.json", "Runtime.UnknownTenant");
}

#[test]
fn tenant_traversal() {
    refused("tenant_traversal.json", "Runtime.UnknownTenant");
}

#[test]
fn tenant_long() {
    let answer = refused("tenant_long.json", "Runtime.InvalidTenant");
    assert!(answer.body.len() < 1024, "the id is not in it: {}", answer.text());
}

#[test]
fn tenant_controls() {
    refused("tenant_controls.json", "Runtime.UnknownTenant");
}

#[test]
fn tenant_twice() {
    refused("tenant_twice.json", "Runtime.InvalidTenant");
}

#[test]
fn tenant_escaped_twice() {
    refused("tenant_escaped_twice.json", "Runtime.InvalidTenant");
}

#[test]
fn tenant_parent_twice() {
    refused("tenant_parent_twice.json", "Runtime.InvalidTenant");
}

#[test]
fn tenant_object() {
    refused("tenant_object.json", "Runtime.InvalidTenant");
}

#[test]
fn tenant_list() {
    refused("tenant_list.json", "Runtime.InvalidTenant");
}

#[test]
fn tenant_lookalike() {
    refused("tenant_lookalike.json", "Runtime.UnknownTenant");
}

#[test]
fn tenant_case() {
    refused("tenant_case.json", "Runtime.UnknownTenant");
}

#[test]
fn tenant_surrogate() {
    refused("tenant_surrogate.json", "Runtime.UnknownTenant");
}

#[test]
fn tenant_cut() {
    refused("tenant_cut.json", "Runtime.UnknownTenant");
}

#[test]
fn tenant_prototype() {
    refused("tenant_prototype.json", "Runtime.UnknownTenant");
}

#[test]
fn not_utf8() {
    refused("not_utf8.json", "Runtime.UnknownTenant");
}

#[test]
fn utf16() {
    refused("utf16.json", "Runtime.UnknownTenant");
}

#[test]
fn an_event_that_is_deeper_than_any_stack() {
    let stage = stage(POINTER, "echo");
    for event in ["[".repeat(100_000), format!("{}{}", r#"{"detail":"#.repeat(100_000), "}".repeat(100_000))]
    {
        let answer = stage.api.send(Event::json(event));
        assert_eq!(answer.kind, Kind::Error);
        assert!(answer.error_type().starts_with("Runtime."), "{}", answer.error_type());
    }
}

#[test]
fn ids_in_lambdas_header_that_are_nobodys() {
    let mut stage = stage("", "echo");
    for id in [
        "../alice",
        "alice/../mallory",
        "ALICE",
        "alice\tmallory",
        "al\u{ed}ce",
        "%61lice",
        "alice;",
        &"a".repeat(10_000),
    ] {
        answer_of_alice(&stage.api);
        let answer = stage.api.send(Event::json("1").tenant(id));
        assert_eq!(answer.kind, Kind::Error, "{id}");
        assert!(
            ["Runtime.UnknownTenant", "Runtime.InvalidTenant", "Runtime.ContextUnmarshalError"]
                .contains(&answer.error_type()),
            "{id}: {}",
            answer.error_type()
        );
    }
    answer_of_alice(&stage.api);
    assert!(stage.running.is_alive());
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

/// The messages that a batch is answered to have failed.
fn failures(answer: &Answer) -> Vec<String> {
    let answer = answer.json();
    let failures = answer["batchItemFailures"].as_array().expect("a list of failures");
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn foreign_ids() {
    // Mallory says that alice's first message failed: that costs mallory's own only.
    let stage = stage(BATCHES, "foreign_ids");
    let answer = stage.api.send(event("batch_of_two.json"));
    // The neighbour's answer is no answer for a batch, so both of its own have failed, and by its own doing.
    assert_eq!(failures(&answer), ["alice-1", "alice-2", "mallory-1"]);
    assert_eq!(stage.receipts().len(), 2);
}

#[test]
fn batch_same_id() {
    batch_refused("batch_same_id.json");
}

#[test]
fn batch_other_source() {
    batch_refused("batch_other_source.json");
}

fn batch_refused(file: &str) {
    let stage = stage(BATCHES, "echo");
    assert_error(&stage.api.send(event(file)), "Runtime.MixedTenants");
    assert_eq!(stage.receipts().len(), 1);
    assert_one_record(&stage);
}
