//! Other sites of the web, and what handlers answer: none of them may send events or read what is told here.

use bulkhead_tests::{Dev, TaskRoot};
use serde_json::{Value, json};

use crate::page::page;

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
        assert_eq!(
            dev.request("POST /lambda-url/echo/", headers, "").status,
            200,
            "a URL is its handler's business"
        );
    }
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

/// What a script of this document gets: statuses, or the name of the error.
const TRY: &str = "
    const got = async (path, options) => { try { return (await fetch(path, options)).status } catch (error) { return error.name } };
    const frame = document.createElement('iframe');
    frame.src = '/';
    const loaded = new Promise((done) => frame.addEventListener('load', done));
    document.documentElement.append(frame);
    await loaded;
    let inside;
    try { inside = frame.contentDocument?.querySelector('meta[name=page-token]') ?? null } catch { inside = null }
    return [
      await got('/'), await got('/.bulkhead/events'), await got('/.bulkhead/stream'),
      await got('/2015-03-31/functions/echo/invocations', { method: 'POST', body: '{}' }), inside,
    ];";

#[test]
fn what_a_handler_answers_is_not_the_page() {
    let Some((dev, _root, mut browser)) = page("sites") else { return };
    browser.expect("403 (Forbidden)");
    browser.expect("frame-ancestors");
    browser.expect("X-Frame-Options");
    browser.goto("/lambda-url/echo/");
    let before = events(&dev);
    let got = browser.run(TRY);
    assert_eq!(got, json!([403, 403, 403, 403, Value::Null]));
    assert_eq!(events(&dev), before, "no event was sent");

    // The same server by another name is another site. What it may not read it may not even ask for.
    let other = format!("http://localhost:{}", dev.address().port());
    let post = format!(
        "const told = await fetch('{other}/2015-03-31/functions/echo/invocations',
            {{ method: 'POST', mode: 'no-cors', body: '{{}}' }}); return told.type;"
    );
    assert_eq!(browser.run(&post), "opaque", "it was sent");
    assert_eq!(events(&dev), before, "and refused");
}
