//! Many tenants in one function: each event goes to its tenant's handler, under its tenant's policy, or nowhere.

use std::time::Duration;

use bulkhead_tests::{Event, Kind};
use serde_json::{Value, json};

use crate::stage::{Stage, assert_error};

/// Two tenants with a handler each, one of them under a limit of its own.
const TWO: &str = r#"
    [handlers.context]
    [handlers.echo]
    [tenants.acme]
    handler = "context"
    [tenants.beta]
    handler = "echo"
    [tenants.beta.limits]
    response = "10B"
"#;

fn two(routing: &str) -> Stage {
    Stage::of_manifest(&format!("{routing}\n{TWO}"), &["context", "echo"])
}

/// The `tenantId` of each receipt, and how it ended.
fn receipts(stage: &Stage) -> Vec<(Option<String>, String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let receipts = stage.receipts();
    receipts
        .iter()
        .map(|receipt| (text(&receipt["tenantId"]), text(&receipt["outcome"]).expect("an outcome")))
        .collect()
}

#[test]
fn lambda_s_tenant_id_chooses_handler_and_policy() {
    let stage = two("");
    let context = stage.api.send(Event::json("1").tenant("acme")).json();
    assert_eq!(context["tenant_id"], "acme");
    assert_eq!(stage.api.send(Event::json("[1,2]").tenant("beta")).text(), "[1,2]");
    let too_large = stage.api.send(Event::json("[1,2,3,4,5,6]").tenant("beta"));
    assert_error(&too_large, "Function.ResponseSizeTooLarge");
    let told = |tenant: &str, outcome: &str| (Some(tenant.to_owned()), outcome.to_owned());
    assert_eq!(
        receipts(&stage),
        [told("acme", "Replied"), told("beta", "Replied"), told("beta", "Function.ResponseSizeTooLarge")]
    );
}

#[test]
fn who_is_not_known_is_rejected_and_costs_nobody_else() {
    let stage = two("");
    for event in [
        Event::json("1"),
        Event::json("1").tenant("gamma"),
        Event::json("1").tenant("../acme"),
        Event::json("1").tenant("ACME"),
        Event::json("1").tenant("acme\t"),
        Event::json("1").tenant("a".repeat(1024).as_str()),
        Event::json("1").header("Lambda-Runtime-Aws-Tenant-Id", b"\xff\xfe"),
    ] {
        let answer = stage.api.send(event);
        // A header cannot hold more, and white space around a value is no part of it.
        if answer.kind == Kind::Error {
            assert_error(&answer, "Runtime.UnknownTenant");
        } else {
            assert_eq!(answer.json()["tenant_id"], "acme");
        }
        assert_eq!(stage.api.send(Event::json("1").tenant("beta")).text(), "1");
    }
}

#[test]
fn an_unknown_tenant_may_have_a_handler_and_keeps_its_name() {
    let stage = two("[routing]\nunknown_tenant = 'context'");
    for tenant in ["gamma", "../acme", "\u{e5}\u{1f6a2}"] {
        assert_eq!(stage.api.send(Event::json("1").tenant(tenant)).json()["tenant_id"], tenant);
    }
    assert_eq!(stage.send("1").json()["tenant_id"], Value::Null);
}

#[test]
fn a_pointer_chooses_by_what_the_event_says() {
    let stage = two("[routing]\ntenant = { pointer = '/detail/tenant' }");
    let event = json!({ "source": "shop", "detail": { "tenant": "acme" } });
    assert_eq!(stage.send(&event.to_string()).json()["tenant_id"], "acme");
    // Lambda's id is not asked.
    assert_error(&stage.api.send(Event::json("{}").tenant("acme")), "Runtime.UnknownTenant");
    let twice = r#"{"detail": {"tenant": "acme", "tenant": "beta"}}"#;
    let answer = stage.send(twice);
    assert_error(&answer, "Runtime.InvalidTenant");
    assert!(answer.text().contains("at /detail/tenant"), "{}", answer.text());
}

#[test]
fn a_header_chooses_for_http_events() {
    let stage = two("[routing]\ntenant = { header = 'X-Tenant' }");
    let event = json!({ "version": "2.0", "headers": { "x-tenant": "acme" } });
    assert_eq!(stage.send(&event.to_string()).json()["tenant_id"], "acme");
    let event = json!({ "headers": { "x-tenant": "acme", "X-Tenant": "beta" } });
    assert_error(&stage.send(&event.to_string()), "Runtime.InvalidTenant");
}

/// A batch from SQS whose messages are these.
fn sqs(messages: &[(&str, &str)]) -> String {
    let record = |(index, (tenant, text)): (usize, &(&str, &str))| {
        json!({
            "messageId": format!("m{index}"),
            "eventSource": "aws:sqs",
            "body": json!({ "tenant": tenant, "text": text }).to_string(),
        })
    };
    json!({ "Records": messages.iter().enumerate().map(record).collect::<Vec<_>>() }).to_string()
}

fn batches(mixed: &str) -> Stage {
    let toml = format!(
        r#"
        [routing]
        tenant = {{ pointer = "/Records/*/body/tenant" }}
        mixed_batches = "{mixed}"
        [handlers.batch]
        [tenants.acme]
        [tenants.beta]
        "#
    );
    Stage::of_manifest(&toml, &["batch"])
}

fn failures(answer: &Value) -> Vec<&str> {
    let failures = answer["batchItemFailures"].as_array().expect("failures");
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().expect("an id")).collect()
}

#[test]
fn a_mixed_batch_is_split_and_its_answers_merged() {
    let stage = batches("split");
    let event = sqs(&[("acme", "ok"), ("beta", "fail"), ("acme", "fail"), ("nobody", "ok"), ("beta", "ok")]);
    let answer = stage.send(&event).json();
    assert_eq!(failures(&answer), ["m2", "m1", "m3"]);
    let receipts = stage.receipts();
    let records: Vec<_> = receipts
        .iter()
        .map(|receipt| (&receipt["tenantId"], &receipt["records"], &receipt["outcome"]))
        .collect();
    assert_eq!(
        records,
        [
            (&json!("acme"), &json!(2), &json!("Replied")),
            (&json!("beta"), &json!(2), &json!("Replied")),
            (&json!("nobody"), &json!(1), &json!("Runtime.UnknownTenant")),
        ]
    );
}

#[test]
fn records_of_any_number_of_unknown_tenants_are_one_line_and_one_receipt() {
    let stage = batches("split");
    let strangers: Vec<String> = (0..20_000).map(|number| format!("stranger-{number}")).collect();
    let messages: Vec<_> =
        strangers.iter().map(|name| (name.as_str(), "ok")).chain([("acme", "ok")]).collect();
    let answer = stage.send(&sqs(&messages)).json();
    assert_eq!(failures(&answer).len(), 20_000);
    let receipts = stage.receipts();
    let seen: Vec<_> = receipts.iter().map(|receipt| (&receipt["outcome"], &receipt["records"])).collect();
    let (unknown, replied) = (json!("Runtime.UnknownTenant"), json!("Replied"));
    assert_eq!(seen, [(&unknown, &json!(20_000)), (&replied, &json!(1))]);
    let cpu = |receipt: &Value| receipt["cpuMs"].as_f64().expect("a number");
    assert!(cpu(&receipts[0]) > cpu(&receipts[1]), "who brought more pays more: {receipts:?}");
    let log = stage.running.stdout();
    assert!(log.lines().count() == 1 && log.contains("records of 19999 more"), "{log}");
}

#[test]
fn a_part_that_panics_costs_its_own_records() {
    let stage = batches("split");
    let answer = stage.send(&sqs(&[("acme", "panic"), ("beta", "ok"), ("acme", "ok")])).json();
    assert_eq!(failures(&answer), ["m0", "m2"]);
    let log = stage.running.stdout();
    assert!(log.contains("tenantId=acme\tFunction.Panic: "), "{log}");
}

#[test]
fn each_failed_message_is_named_once_whatever_a_handler_answers() {
    let toml = "[routing]\ntenant = { pointer = '/Records/*/body/tenant' }\nmixed_batches = 'split'\n\
         [handlers.many_failures]\n[tenants.acme]\n[tenants.beta]";
    let stage = Stage::of_manifest(toml, &["many_failures"]);
    for (way, expected) in [
        ("ten thousand times", &["m1", "m2"][..]),
        ("as arrays", &["m1", "m2"]),
        ("megabytes", &["m1", "m2"]),
        ("as often as may be", &["m1"]),
    ] {
        let answer = stage.send(&sqs(&[("acme", "ok"), ("beta", way), ("beta", "ok")]));
        assert_eq!(failures(&answer.json()), expected, "{way}");
    }
    let log = stage.running.stdout();
    let warnings =
        log.lines().filter(|line| line.contains("WARN\ttenantId=beta\tthe handler's answer for 2 records"));
    assert_eq!(warnings.count(), 3, "{log}");
}

#[test]
fn a_batch_of_ten_thousand_messages_that_all_fail_is_answered_in_full() {
    let toml = "[routing]\ntenant = { pointer = '/Records/*/body/tenant' }\nmixed_batches = 'split'\n\
         [limits]\ncpu_time = '20s'\n[handlers.batch]\n[tenants.acme]\n[tenants.beta]";
    let stage = Stage::of_manifest(toml, &["batch"]);
    let mut messages = vec![("beta", "fail"); 9_999];
    messages.push(("acme", "fail"));
    let answer = stage.send(&sqs(&messages));
    assert_eq!(failures(&answer.json()).len(), 10_000);
    assert!(answer.body.len() < 1 << 20, "the answer has {} bytes", answer.body.len());
}

#[test]
fn many_parts_take_no_more_room_than_one() {
    let tenants: String = (0..50).map(|index| format!("[tenants.t{index}]\n")).collect();
    let toml = format!(
        "[routing]\ntenant = {{ pointer = '/Records/*/body/tenant' }}\nmixed_batches = 'split'\n\
         [handlers.batch]\n{tenants}"
    );
    let stage = Stage::of_manifest(&toml, &["batch"]);
    let names: Vec<String> = (0..50).map(|index| format!("t{index}")).collect();
    let messages: Vec<_> = names.iter().map(|name| (name.as_str(), "ok")).collect();
    assert_eq!(failures(&stage.send(&sqs(&messages)).json()), [""; 0]);
    assert_eq!(stage.receipts().len(), 50);
}

#[test]
fn a_batch_of_one_tenant_goes_through_whole() {
    let stage = batches("reject");
    let answer = stage.send(&sqs(&[("acme", "fail"), ("acme", "ok")])).json();
    assert_eq!(failures(&answer), ["m0"]);
    assert_eq!(stage.receipts()[0]["records"], Value::Null);
}

#[test]
fn a_mixed_batch_is_rejected_unless_it_may_be_split() {
    let rejecting = batches("reject");
    let answer = rejecting.send(&sqs(&[("acme", "ok"), ("beta", "ok")]));
    assert_error(&answer, "Runtime.MixedTenants");
    assert!(answer.text().contains(r#"mixed_batches = \"split\""#), "{}", answer.text());
    // No other source has partial failures that can be merged.
    let kinesis = sqs(&[("acme", "ok"), ("beta", "ok")]).replace("aws:sqs", "aws:kinesis");
    let answer = batches("split").send(&kinesis);
    assert_error(&answer, "Runtime.MixedTenants");
    assert!(answer.text().contains("aws:kinesis"), "{}", answer.text());
}

#[test]
fn parts_share_the_time_that_lambda_leaves() {
    let toml = r#"
        [routing]
        tenant = { pointer = "/Records/*/body/tenant" }
        mixed_batches = "split"
        [limits]
        cpu_time = "1m"
        [handlers.endless_loop]
        [handlers.batch]
        [tenants.mallory]
        handler = "endless_loop"
        [tenants.alice]
        handler = "batch"
    "#;
    let stage = Stage::of_manifest(toml, &["endless_loop", "batch"]);
    let event = Event::json(sqs(&[("mallory", "ok"), ("alice", "fail"), ("alice", "ok")]));
    let answer = stage.api.send(event.deadline_in(Duration::from_secs(2)));
    assert_eq!(failures(&answer.json()), ["m0", "m1"], "alice was asked, in spite of mallory");
    assert_eq!(stage.receipts()[0]["outcome"], "Function.Timeout");
}

#[test]
fn events_of_two_tenants_in_turns_are_each_answered_by_their_own() {
    let stage = two("");
    for _ in 0..20 {
        assert_eq!(stage.api.send(Event::json("1").tenant("acme")).json()["tenant_id"], "acme");
        assert_eq!(stage.api.send(Event::json("2").tenant("beta")).text(), "2");
    }
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}
