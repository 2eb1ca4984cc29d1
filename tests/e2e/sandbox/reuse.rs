//! `reuse`: a sandbox that is kept for the next event, of the same tenant and after a clean return only.

use bulkhead_tests::{Event, Kind};

use crate::stage::{Stage, assert_error};

/// The events that its instance has seen, for an event of this tenant.
fn seen(stage: &Stage, tenant: &str) -> String {
    let answer = stage.api.send(Event::json("1").tenant(tenant));
    assert_eq!(answer.kind, Kind::Response);
    answer.text().to_owned()
}

#[test]
fn no_sandbox_is_reused_unless_the_handler_says_so() {
    let stage = Stage::of_manifest("[handlers.state]\n[tenants.acme]", &["state"]);
    assert_eq!([(); 3].map(|()| seen(&stage, "acme")), ["1", "1", "1"]);
}

#[test]
fn a_sandbox_has_as_many_events_as_it_may_and_then_another_is_made() {
    let stage = Stage::of_manifest("[handlers.state]\nreuse = { events = 3 }\n[tenants.acme]", &["state"]);
    assert_eq!([(); 7].map(|()| seen(&stage, "acme")), ["1", "2", "3", "1", "2", "3", "1"]);
    let receipts = stage.receipts();
    let setup = |at: usize| receipts[at]["setupMs"].as_f64().expect("a time");
    assert!(setup(0) > 0.0 && setup(1) == 0.0 && setup(2) == 0.0, "{receipts:?}");
}

#[test]
fn a_sandbox_is_never_another_tenants() {
    let toml = "[handlers.state]\nreuse = { events = 100 }\n[tenants.acme]\n[tenants.beta]";
    let stage = Stage::of_manifest(toml, &["state"]);
    assert_eq!(seen(&stage, "acme"), "1");
    assert_eq!(seen(&stage, "acme"), "2");
    assert_eq!(seen(&stage, "beta"), "1");
    assert_eq!(seen(&stage, "beta"), "2");
    // Kept for the last one only.
    assert_eq!(seen(&stage, "acme"), "1");
}

#[test]
fn tenants_that_are_not_in_the_manifest_are_told_apart_too() {
    let toml = "routing.unknown_tenant = 'state'\n[handlers.state]\nreuse = { events = 100 }";
    let stage = Stage::of_manifest(toml, &["state"]);
    assert_eq!(["a", "a", "b", "a"].map(|tenant| seen(&stage, tenant)), ["1", "2", "1", "1"]);
    assert_eq!(stage.send("1").text(), "1");
    assert_eq!(stage.send("1").text(), "2");
}

/// A guest that counts its events, and ends them as they say.
const WAYS: &str =
    "[handlers.ways]\nreuse = { events = 100 }\n[limits]\nlogs = '1KiB'\nwall_time = '1s'\nmemory = '8MiB'";

#[test]
fn after_a_failure_that_the_handler_returned_it_is_kept() {
    let stage = Stage::of_manifest(WAYS, &["ways"]);
    assert_eq!(stage.send(r#""count""#).text(), "1");
    stage.error(r#""fail""#, "Function.Asked");
    assert_eq!(stage.send(r#""count""#).text(), "3");
}

#[test]
fn after_anything_else_it_is_not() {
    let stage = Stage::of_manifest(WAYS, &["ways"]);
    for (way, error_type) in [
        ("panic", "Function.Panic"),
        ("trap", "Function.Trap"),
        ("exit", "Function.Exited"),
        ("sleep", "Function.Timeout"),
        ("hoard", "Function.OutOfMemory"),
        ("huge", "Function.ResponseSizeTooLarge"),
    ] {
        assert_eq!(stage.send(r#""count""#).text(), "1", "before {way}");
        assert_eq!(stage.send(r#""count""#).text(), "2", "before {way}");
        stage.error(&format!("{way:?}"), error_type);
    }
    assert_eq!(stage.send(r#""count""#).text(), "1");
    // It went on, but it ran into a limit.
    assert_eq!(stage.send(r#""print""#).text(), "2");
    assert_eq!(stage.receipts().last().expect("a receipt")["limit"], "logs");
    assert_eq!(stage.send(r#""count""#).text(), "1");
}

#[test]
fn every_event_has_limits_and_a_log_of_its_own() {
    let toml = "[handlers.print]\nreuse = { events = 100 }\n[limits]\nlogs = '200'";
    let stage = Stage::of_manifest(toml, &["print"]);
    let text = "more than the half of what one event may print: two hundred bytes";
    for number in 0..5 {
        stage.api.send(Event::json(text).request_id(&format!("event-{number}")));
    }
    let receipts = stage.receipts();
    let is_whole =
        |receipt: &serde_json::Value| receipt["limit"].is_null() && receipt["logBytes"].as_u64() > Some(100);
    assert!(receipts.len() == 5 && receipts.iter().all(is_whole), "{receipts:?}");
    for number in 0..5 {
        assert_eq!(stage.running.stdout().matches(&format!("event-{number}\t")).count(), 1);
    }
}

#[test]
fn what_it_wrote_to_its_tmp_is_still_there() {
    let toml = "[handlers.tmp]\nreuse = { events = 2 }\n[handlers.tmp.grants]\ntmp = '1MiB'";
    let stage = Stage::of_manifest(toml, &["tmp"]);
    let answers = [(); 4].map(|()| stage.send(r#""text""#).text().to_owned());
    assert_eq!((&answers[0], &answers[1]), (&answers[2], &answers[3]));
    assert_ne!(answers[0], answers[1]);
}

#[test]
fn a_batch_s_parts_are_apart() {
    let toml = r#"
        [routing]
        tenant = { pointer = "/Records/*/body/tenant" }
        mixed_batches = "split"
        [handlers.batch]
        reuse = { events = 100 }
        [tenants.acme]
        [tenants.beta]"#;
    let stage = Stage::of_manifest(toml, &["batch"]);
    let record = |id: &str, tenant: &str| {
        let body = serde_json::json!({ "tenant": tenant, "text": "fail" }).to_string();
        serde_json::json!({ "messageId": id, "eventSource": "aws:sqs", "body": body })
    };
    let event = serde_json::json!({ "Records": [record("m1", "acme"), record("m2", "beta")] });
    let answer = stage.send(&event.to_string());
    assert_eq!(answer.kind, Kind::Response);
    assert!(answer.text().contains("m1") && answer.text().contains("m2"), "{}", answer.text());
    let error = stage.send("{}");
    assert_error(&error, "Runtime.UnknownTenant");
}
