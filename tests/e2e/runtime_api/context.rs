//! The context: everything that the headers and the environment say, and what happens where they say nonsense.

use serde_json::{Value, json};

use bulkhead_tests::{Answer, Event};

use crate::stage::{Stage, assert_error};

const CLIENT_CONTEXT: &str = "Lambda-Runtime-Client-Context";
const IDENTITY: &str = "Lambda-Runtime-Cognito-Identity";

fn context(stage: &Stage, event: Event) -> Value {
    stage.api.send(event).json()
}

/// The same guest answers, and the process has not ended.
fn goes_on(stage: &mut Stage) {
    assert!(stage.send("1").json().is_object());
    assert!(stage.running.is_alive());
}

#[test]
fn r2_2_everything_arrives() {
    let stage = Stage::of("context");
    let event = Event::json("1")
        .request_id("8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .tenant("acme")
        .header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a91;Sampled=1")
        .header(
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:us-east-1:123456789012:function:f:live",
        )
        .header(IDENTITY, r#"{"cognitoIdentityId":"id-1","cognitoIdentityPoolId":"pool-1"}"#)
        .client_context(r#"{"client":{"app_title":"Shop"},"custom":{"tier":"gold"},"env":{"locale":"de"}}"#);
    let context = context(&stage, event);
    assert_eq!(context["request_id"], "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
    assert_eq!(context["tenant_id"], "acme");
    assert_eq!(context["xray_trace_id"], "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a91;Sampled=1");
    assert_eq!(context["invoked_function_arn"], "arn:aws:lambda:us-east-1:123456789012:function:f:live");
    assert_eq!(context["identity"], json!({ "identityId": "id-1", "identityPoolId": "pool-1" }));
    assert_eq!(context["client_context"]["client"]["appTitle"], "Shop");
    assert_eq!(context["client_context"]["custom"]["tier"], "gold");
    assert_eq!(context["client_context"]["environment"]["locale"], "de");
    let function = &context["env_config"];
    assert_eq!((&function["function_name"], &function["version"]), (&json!("tested"), &json!("$LATEST")));
    assert_eq!(function["memory"], 512);
    assert_eq!(function["log_group"], "/aws/lambda/tested");
    assert_eq!(function["log_stream"], "2026/11/22/[$LATEST]0123456789abcdef");
}

#[test]
fn r2_3_what_is_missing_is_none() {
    let mut stage = Stage::of("context");
    let event = Event::json("1")
        .without("Lambda-Runtime-Trace-Id")
        .without("Lambda-Runtime-Invoked-Function-Arn")
        .without("Lambda-Runtime-Deadline-Ms")
        .without("Lambda-Runtime-Invocation-Id")
        .without("Content-Type");
    let context = context(&stage, event);
    for field in ["xray_trace_id", "client_context", "client_context_json", "identity", "tenant_id"] {
        assert_eq!(context[field], Value::Null, "{field}");
    }
    assert_eq!(context["invoked_function_arn"], "");
    assert_eq!(context["trace"], json!({ "traceparent": null, "tracestate": null, "baggage": null }));
    goes_on(&mut stage);
}

#[test]
fn r2_3_what_is_empty_is_none() {
    let mut stage = Stage::of("context");
    let event = Event::json("1")
        .header(CLIENT_CONTEXT, "")
        .header(IDENTITY, "")
        .header("Lambda-Runtime-Trace-Id", "");
    let context = context(&stage, event);
    for field in ["client_context", "identity"] {
        assert_eq!(context[field], Value::Null, "{field}");
    }
    goes_on(&mut stage);
}

#[test]
fn r2_3_an_empty_tenant_id_is_no_tenant() {
    // Official clients keep it as an empty text; a policy must never be found under one. See R2.3.
    let mut stage = Stage::of("context");
    let tenant = context(&stage, Event::json("1").tenant(""))["tenant_id"].clone();
    assert!(tenant == Value::Null || tenant == "", "{tenant}");
    goes_on(&mut stage);
}

#[test]
fn t8_3_tenant_ids_hold_any_characters() {
    let stage = Stage::of("context");
    for tenant in ["a/b:c@d.e", "tenant with spaces", "überall-🚢", "\"quoted\"", "../../etc"] {
        assert_eq!(context(&stage, Event::json("1").tenant(tenant))["tenant_id"], tenant);
    }
}

#[test]
fn r1_10_bytes_that_are_no_text_do_not_stop_an_event() {
    let mut stage = Stage::of("context");
    for name in
        ["Lambda-Runtime-Trace-Id", "Lambda-Runtime-Aws-Tenant-Id", "Lambda-Runtime-Invoked-Function-Arn"]
    {
        let context = context(&stage, Event::json("1").header(name, b"a\xffz"));
        assert!(context.is_object(), "{name}: {context}");
    }
    let event = Event::json("1").header(CLIENT_CONTEXT, b"{\"custom\":{\"k\":\"a\xffz\"}}");
    assert_eq!(context(&stage, event)["client_context"]["custom"]["k"], "a\u{fffd}z");
    let utf8 = r#"{"custom":{"name":"überall 🚢"}}"#;
    assert_eq!(context(&stage, Event::json("1").client_context(utf8))["client_context_json"], utf8);
    goes_on(&mut stage);
}

#[test]
fn checklist_10_bad_json_fails_that_event_only() {
    let mut stage = Stage::of("context");
    let bad: [(&str, &[u8]); 6] = [
        (CLIENT_CONTEXT, b"{"),
        (CLIENT_CONTEXT, b"not json"),
        (IDENTITY, b"{"),
        (IDENTITY, b"not json"),
        (IDENTITY, b"[]"),
        (IDENTITY, b"{\"cognitoIdentityId\":7,\"cognitoIdentityPoolId\":\"p\"}"),
    ];
    for (name, value) in bad {
        let answer: Answer = stage.api.send(Event::json("1").header(name, value));
        assert_error(&answer, "Runtime.ContextUnmarshalError");
        let body = answer.json();
        let message = body["errorMessage"].as_str().unwrap_or_default().to_lowercase();
        let part = if name == IDENTITY { "identity" } else { "client" };
        assert!(message.contains(part), "{part} is not named: {body}");
        goes_on(&mut stage);
    }
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

#[test]
fn x8_1_the_w3c_trace_comes_out_of_the_client_context() {
    let stage = Stage::of("context");
    let event = Event::json("1").client_context(
        r#"{"custom":{"k":"v"},"w3c":{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "tracestate":"vendor=1","baggage":"user=1","more":"not ours"}}"#
            .replace('\n', "")
            .as_str(),
    );
    let context = context(&stage, event);
    assert_eq!(context["trace"]["traceparent"], "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(context["trace"]["tracestate"], "vendor=1");
    assert_eq!(context["trace"]["baggage"], "user=1");
    let rest = context["client_context_json"].as_str().expect("a client context");
    assert_eq!(serde_json::from_str::<Value>(rest).unwrap(), json!({ "custom": { "k": "v" } }));
}

#[test]
fn x8_1_what_is_no_trace_is_left_out() {
    let stage = Stage::of("context");
    for w3c in ["null", "[]", "7", "\"text\"", "{}", r#"{"traceparent":7,"tracestate":null,"baggage":{}}"#] {
        let event = Event::json("1").client_context(&format!(r#"{{"custom":{{"k":"v"}},"w3c":{w3c}}}"#));
        let context = context(&stage, event);
        assert_eq!(
            context["trace"],
            json!({ "traceparent": null, "tracestate": null, "baggage": null }),
            "{w3c}"
        );
        assert_eq!(context["client_context"]["custom"]["k"], "v", "{w3c}");
    }
}

#[test]
fn e9_1_a_lean_environment_is_no_obstacle() {
    let stage = Stage::with("context", |mut bootstrap| {
        for name in
            ["FUNCTION_NAME", "FUNCTION_VERSION", "FUNCTION_MEMORY_SIZE", "LOG_GROUP_NAME", "LOG_STREAM_NAME"]
        {
            bootstrap = bootstrap.env_remove(&format!("AWS_LAMBDA_{name}"));
        }
        bootstrap.env_remove("AWS_REGION")
    });
    let function = stage.send("1").json()["env_config"].clone();
    assert_eq!(function["version"], "$LATEST");
    assert_eq!(function["memory"], 128);
    assert_eq!(function["log_group"], "");
}
