//! Scripts that are HTTP services, on the engine that ships: events become requests, and responses what the sender of the event
//! wants.

use bulkhead_tests::{Answer, Kind};
use serde_json::{Value, json};

use super::language::function;
use crate::stage::{Stage, assert_error};

/// A request as a function URL would send it.
pub(super) fn request(method: &str, path: &str, body: &str) -> String {
    let http = json!({ "method": method, "path": path, "sourceIp": "192.0.2.7" });
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "q=1",
        "cookies": ["a=1"],
        "headers": { "host": "x.lambda-url.eu-west-1.on.aws", "x-thing": "one" },
        "requestContext": { "http": http, "domainName": "x.lambda-url.eu-west-1.on.aws" },
        "body": body,
        "isBase64Encoded": false,
    })
    .to_string()
}

/// A function with one script.
fn script(toml: &str, text: &str) -> Option<Stage> {
    let toml = format!("[handlers.notes]\nsource = \"notes/index.js\"\n{toml}");
    function(&toml, &[("notes/index.js", text)])
}

/// A function with a script whose `fetch` has this body.
fn service(toml: &str, body: &str) -> Option<Stage> {
    script(toml, &format!("export default {{ async fetch(request, env, ctx) {{ {body} }} }};"))
}

fn response(answer: &Answer) -> Value {
    assert_eq!(answer.kind, Kind::Response, "{}", answer.text());
    answer.json()
}

/// The service answers a request.
fn it_ran(stage: &Stage) {
    assert_eq!(response(&stage.send(&request("GET", "/", "")))["body"], "it ran");
}

#[test]
fn a_request_comes_in_and_its_response_goes_out() {
    let text = "const { pathname, searchParams } = new URL(request.url);
        const r = Response.json([request.method, pathname, searchParams.get('q'), await request.text(), request.headers.get('x-thing'),
            request.headers.get('cookie'), env.COLOUR, ctx.functionName], { status: 201 });
        r.headers.append('set-cookie', 'b=2'); r.headers.append('set-cookie', 'c=3; Secure'); return r;";
    let Some(stage) = service("grants.environment = { COLOUR = 'red' }", text) else { return };
    let answer = response(&stage.send(&request("POST", "/a b", "häll")));
    assert_eq!((&answer["statusCode"], &answer["cookies"]), (&json!(201), &json!(["b=2", "c=3; Secure"])));
    assert_eq!(answer["headers"]["content-type"], "application/json");
    let body: Value = serde_json::from_str(answer["body"].as_str().expect("a body")).expect("JSON");
    let function = body[7].as_str().expect("a name");
    assert_eq!(body, json!(["POST", "/a%20b", "1", "häll", "one", "a=1", "red", function]));
    // A load balancer wants another form.
    let event = json!({ "httpMethod": "GET", "path": "/", "headers": {}, "requestContext": { "elb": {} }, "body": "" });
    let answer = response(&stage.send(&event.to_string()));
    assert_eq!((&answer["statusDescription"], &answer["statusCode"]), (&json!("201 Created"), &json!(201)));
}

#[test]
fn bodies_may_be_bytes_and_a_megabyte_long() {
    let text = "const bytes = await request.bytes(); if (request.method === 'GET') return new Response(new Uint8Array([255, 0]));
        return new Response(request.method === 'PUT' ? bytes.length : bytes);";
    let Some(stage) = service("limits.cpu_time = '5s'", text) else { return };
    let body = "häll".repeat(200_000);
    let answer = response(&stage.send(&request("POST", "/", &body)));
    assert!(answer["body"] == body.as_str(), "another text came back");
    assert_eq!(response(&stage.send(&request("PUT", "/", &body)))["body"], "1000000");
    let answer = response(&stage.send(&request("GET", "/", "")));
    assert_eq!((&answer["body"], &answer["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
}

#[test]
fn what_is_not_a_response_fails_the_event_and_says_why() {
    let text = "switch (new URL(request.url).pathname) {
        case '/text': return 'text'; case '/nothing': return; case '/throw': throw new RangeError('no');
        case '/head': return new Response('', { headers: { 'x-long': 'x'.repeat(100_000) } });
        case '/late': return new Response(new ReadableStream({ pull(c) { c.error(new RangeError('late')) } })); }";
    let Some(stage) = service("", text) else { return };
    for (path, error_type, message) in [
        ("/text", "Function.TypeError", "fetch() must return a Response, and it returned string"),
        ("/nothing", "Function.TypeError", "it returned undefined"),
        ("/throw", "Function.RangeError", "no"),
        ("/head", "Function.TypeError", "exceeds the limit for the head"),
        ("/late", "Function.RangeError", "late"),
    ] {
        let answer = stage.error(&request("GET", path, ""), error_type);
        assert!(answer.json()["errorMessage"].to_string().contains(message), "{path}: {}", answer.json());
    }
}

#[test]
fn a_request_that_no_server_would_take_is_answered_without_the_script() {
    let Some(stage) = service("", "return new Response('it ran');") else { return };
    let answer = response(&stage.send(&request("GET", "/../b", "")));
    assert_eq!(answer["statusCode"], 400);
    assert!(!answer["body"].to_string().contains("it ran"), "{answer}");
    it_ran(&stage);
}

#[test]
fn other_events_fail_or_become_requests_or_go_to_the_handler() {
    let text = "return Response.json([request.method, new URL(request.url).pathname, await request.text()]);";
    let Some(stage) = service("", text) else { return };
    let answer = stage.send("[1]");
    assert_error(&answer, "Function.NotAnHttpEvent");
    let Some(stage) = service("other_events = \"post\"", text) else { return };
    assert_eq!(stage.send("[1]").json(), json!(["POST", "/events", "[1]"]));
    let both = "export const handler = (event) => ({ event }); export default { fetch: () => new Response('it ran') };";
    let Some(stage) = script("", both) else { return };
    assert_eq!(stage.send("[1]").json(), json!({ "event": [1] }));
    it_ran(&stage);
}

#[test]
fn what_wait_until_is_given_is_part_of_the_event() {
    let text = "ctx.waitUntil((async () => { await new Promise((r) => setTimeout(r, 20)); console.log('it is done'); })());
        return new Response('it ran');";
    let Some(stage) = service("", text) else { return };
    it_ran(&stage);
    drop(stage.receipts());
    assert!(stage.running.stdout().contains("it is done"), "{}", stage.running.stdout());
}

#[test]
fn a_service_ends_at_the_limits_of_its_sandbox() {
    let text = "const { pathname } = new URL(request.url);
        if (pathname === '/endless') return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)) } }));
        if (pathname === '/waits') { ctx.waitUntil(new Promise((r) => setTimeout(r, 60_000))); return new Response(''); }
        for (;;);";
    let limits = "limits = { response = '1MiB', cpu_time = '200ms', wall_time = '2s' }";
    let Some(mut stage) = service(limits, text) else { return };
    for (path, error_type) in [
        ("/endless", "Function.ResponseSizeTooLarge"),
        ("/loop", "Function.CpuLimitExceeded"),
        ("/waits", "Function.Timeout"),
    ] {
        let answer = stage.send(&request("GET", path, ""));
        assert_error(&answer, error_type);
    }
    assert!(stage.running.is_alive());
}
