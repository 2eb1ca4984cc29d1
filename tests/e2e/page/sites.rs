//! Other sites of the web, and what handlers answer: none of them may send events or read what is told here.

use bulkhead_tests::{Dev, TaskRoot};
use serde_json::{Value, json};

use crate::page::browser::Browser;

const INVOKE: &str = "POST /2015-03-31/functions/echo/invocations";
const NEXT: &str = "GET /2018-06-01/runtime/invocation/next";

fn events(dev: &Dev) -> usize {
    dev.request("GET /.bulkhead/events", &[], "").json().as_array().expect("events").len()
}

#[test]
fn other_sites_can_send_no_event_and_take_none() {
    let root = TaskRoot::new().with("echo");
    let dev = Dev::start(&root, &[]);
    dev.running.wait_log("ready:");
    let of_others: [&[(&str, &str)]; 4] = [
        &[("Origin", "https://example.com"), ("Content-Type", "text/plain")],
        &[("Origin", "null")],
        &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")],
        &[("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "navigate")],
    ];
    for headers in of_others {
        for start in
            [INVOKE, NEXT, "GET /.bulkhead/events", "GET /.bulkhead/stream", "GET /.bulkhead/policies"]
        {
            assert_eq!(dev.request(start, headers, "{}").status, 403, "{start} {headers:?}");
        }
        assert_eq!(dev.url("echo", "POST /", headers, "").status, 200, "a URL is its handler's business");
    }
    assert_eq!(events(&dev), of_others.len());
    // Somebody typed it, or was led there by a redirect.
    let typed = [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")];
    let named = "GET /.rt/echo/2018-06-01/runtime/invocation/next";
    for start in [INVOKE, NEXT, named, "POST /2018-06-01/runtime/invocation/x/response"] {
        assert_eq!(dev.request(start, &typed, "{}").status, 403, "{start}");
    }
    assert_eq!(dev.request("GET /.bulkhead/status", &typed, "").status, 200);
    assert_eq!(events(&dev), of_others.len());
    assert_eq!(dev.request(INVOKE, &[], "1").status, 200, "a program");
    let opened =
        dev.request("GET /", &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Dest", "document")], "");
    assert_eq!(opened.status, 200, "a link");
    let policy = opened.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(opened.header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(opened.header("x-content-type-options").as_deref(), Some("nosniff"));
    assert_eq!(
        dev.request("GET /favicon.ico", &[], "").header("content-type").as_deref(),
        Some("image/svg+xml")
    );
}

/// A local Lambda with a handler that answers what it is asked to, and one that nobody should hear of; and its page.
fn page(test: &str) -> Option<(Dev, TaskRoot, Browser)> {
    let root = TaskRoot::new().with("answers").with("echo");
    let dev = Dev::start(&root, &["--no-watch"]);
    dev.running.wait_log("ready:");
    assert_eq!(dev.invoke("answers", r#"{"body":"1"}"#, &[]).text(), "1");
    assert_eq!(dev.invoke("echo", "\"secret\"", &[]).text(), "\"secret\"");
    let browser = Browser::open(&dev, test)?;
    Some((dev, root, browser))
}

/// Both handlers still get their events.
fn nothing_is_taken(dev: &Dev) {
    assert_eq!(dev.invoke("answers", r#"{"body":"1"}"#, &[]).text(), "1");
    assert_eq!(dev.invoke("echo", "1", &[]).text(), "1");
}

/// The path under which `answers` answers a page, with these headers.
fn page_with(headers: &Value) -> String {
    let answer = json!({
        "statusCode": 200,
        "headers": headers,
        "cookies": ["planted=1; Domain=localhost", "own=1"],
        "body": "<!doctype html><title>hostile</title>",
    });
    let answer: String = url::form_urlencoded::byte_serialize(answer.to_string().as_bytes()).collect();
    format!("/?answer={answer}")
}

/// Every header with which a page could ask for more, or take something from others.
fn hostile() -> Value {
    json!({
        "content-type": "text/html",
        "cross-origin-opener-policy": "unsafe-none",
        "cross-origin-embedder-policy": "unsafe-none",
        "cross-origin-resource-policy": "cross-origin",
        "access-control-allow-origin": "*",
        "access-control-allow-private-network": "true",
        "origin-agent-cluster": "?0",
        "content-security-policy": "default-src * 'unsafe-inline' 'unsafe-eval'",
        "service-worker-allowed": "/",
        "clear-site-data": "\"cookies\", \"storage\"",
        "referrer-policy": "unsafe-url",
    })
}

/// What a script of that page gets of the API at `api` and of another handler at `other`: statuses, kinds, or names of errors.
const TRY: &str = "
    const got = async (url, options) => {
      try { const told = await fetch(url, options); return told.type === 'opaque' ? 'opaque' : told.status }
      catch (error) { return error.name }
    };
    const seen = {};
    seen.page = await got(api + '/');
    seen.events = await got(api + '/.bulkhead/events', { credentials: 'include' });
    seen.stream = await got(api + '/.bulkhead/stream');
    seen.invoke = await got(api + invoke, { method: 'POST', body: '{}' });
    seen.blind = await got(api + invoke, { method: 'POST', mode: 'no-cors', body: '{}' });
    seen.next = await got(api + next, { mode: 'no-cors' });
    seen.moved = await got(api + '/lambda-url/echo/');
    seen.other = await got(other + '/');
    try { await import(api + '/.bulkhead/page/show.js'); seen.script = 'read' } catch (error) { seen.script = error.name }
    const source = new EventSource(api + '/.bulkhead/stream');
    seen.source = await new Promise((done) => { source.onopen = () => done('open'); source.onerror = () => done('refused') });
    source.close();
    const frame = document.createElement('iframe');
    frame.src = api + '/';
    const loaded = new Promise((done) => frame.addEventListener('load', done));
    document.documentElement.append(frame);
    await loaded;
    try { seen.frame = String(frame.contentWindow.document.title) } catch (error) { seen.frame = error.name }
    const opened = open(api + '/');
    for (;;) {
      try {
        if (!opened || opened.closed) { seen.opened = 'gone'; break }
        if (opened.document.querySelector('meta[name=page-token]')) { seen.opened = 'read'; break }
      } catch (error) { seen.opened = error.name; break }
      await new Promise((done) => setTimeout(done, 20));
    }
    for (let count = 0; count < 150; count += 1) document.cookie = `c${count}=${'x'.repeat(4000)}; path=/`;
    document.cookie = 'planted=2; domain=localhost';
    seen.planted = document.cookie.includes('planted');
    return seen;";

#[test]
fn what_a_handler_answers_is_not_the_page() {
    let Some((dev, _root, browser)) = page("sites") else { return };
    let (api, own) = (format!("http://{}", dev.address()), format!("http://{}", dev.host("answers")));
    let hostile = page_with(&hostile());
    browser.visit(&format!("{own}{hostile}"));
    assert_eq!(browser.read("document.title"), "hostile");
    let before = events(&dev);
    let invoke = INVOKE.trim_start_matches("POST ");
    let next = NEXT.trim_start_matches("GET ");
    let other = format!("http://{}", dev.host("echo"));
    let got = browser
        .run(&format!("const [api, other, invoke, next] = {}; {TRY}", json!([api, other, invoke, next])));
    let expected = json!({
        "page": "TypeError", "events": "TypeError", "stream": "TypeError", "invoke": "TypeError",
        "blind": "opaque", "next": "opaque", "moved": "TypeError", "other": "TypeError",
        "script": "TypeError", "source": "refused", "frame": "SecurityError", "opened": got["opened"],
        "planted": false,
    });
    assert_eq!(got, expected);
    assert!(["gone", "SecurityError"].contains(&got["opened"].as_str().expect("a word")), "{got}");
    let all = dev.request("GET /.bulkhead/events", &[], "").json();
    let since: Vec<&Value> = all.as_array().into_iter().flatten().skip(before).collect();
    assert!(
        since.iter().all(|event| event["way"] == "FunctionUrl"),
        "nothing was sent but requests to function URLs, as everybody may: {since:?}"
    );
    let mut of_other = since.iter().filter(|event| event["function"] == "echo");
    assert!(
        of_other.all(|event| !cookies_of(event).contains("planted")),
        "a cookie for all names of this machine is none: {since:?}"
    );
    nothing_is_taken(&dev);
    // The page is as it was, whatever is kept for the other site.
    browser.goto("/");
    browser.wait(r##"document.querySelector("#connection").dataset.state === "live""##);
}

/// The cookies of a request to a function URL, as its event has them.
fn cookies_of(event: &Value) -> String {
    let event = event["event"].as_str().expect("an event");
    serde_json::from_str::<Value>(event).expect("an event in JSON")["cookies"].to_string()
}

#[test]
fn a_redirect_of_a_handler_leads_into_nothing() {
    let Some((dev, _root, browser)) = page("redirects") else { return };
    let before = events(&dev);
    for (path, seen) in [
        ("/2018-06-01/runtime/invocation/next", "other web sites"),
        ("/.rt/echo/2018-06-01/runtime/invocation/next", "other web sites"),
        ("/2015-03-31/functions/echo/invocations", "there is nothing at"),
    ] {
        let location = format!("http://{}{path}", dev.address());
        let answer = json!({ "statusCode": 302, "headers": { "location": location } }).to_string();
        let answer: String = url::form_urlencoded::byte_serialize(answer.as_bytes()).collect();
        browser.visit(&format!("http://{}/?answer={answer}", dev.host("answers")));
        assert!(browser.text("body").contains(seen), "{path}: {}", browser.text("body"));
    }
    assert_eq!(events(&dev), before + 3, "those of the handler that led there");
    nothing_is_taken(&dev);
}

#[test]
fn a_browser_that_asks_by_a_path_comes_to_the_function_s_own_name() {
    let Some((dev, _root, browser)) = page("paths") else { return };
    browser.visit(&format!("http://{}/lambda-url/answers{}", dev.urls(), page_with(&hostile())));
    assert_eq!(browser.read("location.host"), json!(dev.host("answers")));
    browser.visit(&format!("http://{}/lambda-url/answers{}", dev.address(), page_with(&hostile())));
    assert_eq!(browser.read("location.host"), json!(dev.host("answers")), "from where they were, too");
    assert_eq!(browser.read("document.title"), "hostile");
}
