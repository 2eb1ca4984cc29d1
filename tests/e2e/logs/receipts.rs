//! Receipts: one line for each event that says who used what and how it ended, and that no guest can forge.

use bulkhead_tests::Event;
use serde_json::{Value, json};

use crate::stage::Stage;

fn only(stage: &Stage) -> Value {
    let receipts = stage.receipts();
    let [receipt] = receipts.as_slice() else { panic!("{receipts:?}") };
    receipt.clone()
}

#[test]
fn a_receipt_has_all_that_the_event_used() {
    let stage = Stage::of_manifest("[handlers.print]", &["print"]);
    stage.api.send(Event::bytes("a line\n").request_id("r-1").tenant("acme"));
    let receipt = only(&stage);
    let text = |key: &str| receipt[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        ["requestId", "tenantId", "handler", "outcome"].map(text),
        ["r-1", "acme", "print", "Replied"]
    );
    assert!(text("component").starts_with("sha256:") && text("component").len() == 71, "{receipt}");
    assert!(text("timestamp").ends_with('Z'), "{receipt}");
    assert_eq!(
        (&receipt["bytesIn"], &receipt["bytesOut"], &receipt["logBytes"]),
        (&json!(7), &json!(4), &json!(stage.running.stdout().len())),
        "with all that the record has beside its line"
    );
    let number = |key: &str| receipt[key].as_f64().expect("a number");
    assert!(number("wallMs") > 0.0 && number("cpuMs") > 0.0 && number("setupMs") > 0.0, "{receipt}");
    assert!(number("cpuMs") < number("wallMs") + number("setupMs") + 1.0, "{receipt}");
    assert!(number("peakMemoryBytes") > 60_000.0, "{receipt}");
    assert_eq!((&receipt["limit"], &receipt["outboundRequests"]), (&Value::Null, &json!(0)));
}

#[test]
fn waiting_is_not_charged_as_processor_time() {
    let stage = Stage::of("sleep");
    stage.send("400");
    let receipt = only(&stage);
    assert!(receipt["wallMs"].as_f64().expect("a number") >= 400.0, "{receipt}");
    assert!(receipt["cpuMs"].as_f64().expect("a number") < 200.0, "{receipt}");
}

#[test]
fn the_limit_that_was_hit_is_named() {
    let manifest = "[limits]\ncpu_time = '300ms'\nlogs = '10B'";
    for (guest, event, outcome, limit) in [
        ("endless_loop", "1", "Function.CpuLimitExceeded", "cpu_time"),
        ("memory", "129", "Function.OutOfMemory", "memory"),
        // One that it ran into, and went on.
        ("print", "more than ten bytes\n", "Replied", "logs"),
    ] {
        let stage = Stage::of_manifest(manifest, &[guest]);
        stage.send(event);
        let receipt = only(&stage);
        assert_eq!((&receipt["outcome"], &receipt["limit"]), (&json!(outcome), &json!(limit)), "{guest}");
    }
}

#[test]
fn processor_time_runs_out_close_to_its_limit() {
    let stage = Stage::of_manifest("[limits]\ncpu_time = '20ms'", &["endless_loop"]);
    for _ in 0..10 {
        stage.send("1");
    }
    // On a busy machine the watchdog may come late now and then, but without looking sooner it would always come after
    // 50 ms only, when a turn is over.
    let spent = stage.receipts().into_iter().map(|receipt| receipt["cpuMs"].as_f64().expect("a number"));
    let least = spent.fold(f64::INFINITY, f64::min);
    assert!((20.0..45.0).contains(&least), "{least}");
}

#[test]
fn an_event_that_goes_nowhere_leaves_one_too() {
    let stage = Stage::of_manifest("[handlers.echo]\n[tenants.acme]", &["echo"]);
    stage.api.send(Event::json("1").tenant("nobody"));
    let receipt = only(&stage);
    assert_eq!((&receipt["outcome"], &receipt["handler"]), (&json!("Runtime.UnknownTenant"), &Value::Null));
}

/// The lines of a log in which there is nothing else.
fn metrics(stage: &Stage) -> Vec<Value> {
    stage.api.wait_idle();
    let log = stage.running.raw_stdout();
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn no_stranger_chooses_the_value_of_a_dimension() {
    let toml = |unknown: &str| {
        format!(
            "[receipts]\nformat = 'emf'\n[routing]\nunknown_tenant = {unknown:?}\n[handlers.echo]\n[tenants.acme]"
        )
    };
    let rejecting = Stage::of_manifest(&toml("reject"), &["echo"]);
    let handling = Stage::of_manifest(&toml("echo"), &["echo"]);
    for tenant in ["acme", "stranger-1", "stranger-2"] {
        rejecting.api.send(Event::json("1").tenant(tenant));
        handling.api.send(Event::json("1").tenant(tenant));
    }
    rejecting.send("1");
    let dimensioned = |stage: &Stage| -> Vec<_> {
        let lines = metrics(stage);
        lines
            .iter()
            .map(|line| ["handler", "tenantId", "unknownTenantId"].map(|key| line[key].clone()))
            .collect()
    };
    let unknown = |handler: &str, id: &str| [json!(handler), json!("(unknown)"), json!(id)];
    let acme = [json!("echo"), json!("acme"), Value::Null];
    assert_eq!(
        dimensioned(&rejecting),
        [
            acme.clone(),
            unknown("(none)", "stranger-1"),
            unknown("(none)", "stranger-2"),
            [json!("(none)"), Value::Null, Value::Null]
        ]
    );
    assert_eq!(dimensioned(&handling), [acme, unknown("echo", "stranger-1"), unknown("echo", "stranger-2")]);
}

#[test]
fn embedded_metrics_and_none_as_the_manifest_says() {
    let emf = Stage::of_manifest("[receipts]\nformat = 'emf'\nnamespace = 'Tenants'", &["echo"]);
    emf.api.send(Event::json("1").tenant("acme"));
    let line = metrics(&emf).remove(0);
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Namespace"], "Tenants");
    assert_eq!((&line["errors"], &line["type"]), (&json!(0), &json!("bulkhead.receipt")));
    let off = Stage::of_manifest("[receipts]\nformat = 'off'", &["echo"]);
    off.send("1");
    off.api.wait_idle();
    assert_eq!(off.running.raw_stdout(), "");
}

#[test]
fn the_level_of_the_log_does_not_silence_receipts() {
    let stage = Stage::with("echo", |bootstrap| bootstrap.env("AWS_LAMBDA_LOG_LEVEL", "FATAL"));
    stage.send("1");
    assert_eq!(only(&stage)["outcome"], "Replied");
}

#[test]
fn no_guest_forges_a_receipt() {
    let forged = r#"{"type":"bulkhead.receipt","tenantId":"alice","outcome":"Replied"}"#;
    for format in ["Text", "JSON"] {
        let stage = Stage::with("print", |bootstrap| bootstrap.env("AWS_LAMBDA_LOG_FORMAT", format));
        stage.api.send(Event::bytes(format!("{forged}\n\r{forged}\r\n{forged}")));
        assert_eq!(only(&stage)["tenantId"], Value::Null, "{format}");
    }
}
