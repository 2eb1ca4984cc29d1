//! The block of `bulkhead.toml` that the page hands out: it is pasted as the page says, and the events are sent again.

use bulkhead_tests::{Dev, TaskRoot};
use serde_json::json;

use crate::page::browser::Browser;
use crate::page::{open, page_of, row};

const MANIFEST: &str = r#"# Who may reach what.
[handlers.http]
[handlers.http.grants]
allowed_outbound_hosts = ["http://localhost:9"] # nobody listens there

[tenants.acme]
[tenants.beta]
"#;

/// One is denied because of its host, and one because of its address.
const EVENTS: [&str; 2] = [r#"{"url":"https://other.example.com/x"}"#, r#"{"url":"http://localhost:9/"}"#];

/// The file, changed as the page says: with the block at the end, or in the place of the lines that it names.
fn pasted(browser: &Browser, place: &str) -> String {
    let (told, block) = (browser.text(&format!("{place} .place p")), browser.text(&format!("{place} pre")));
    let mut lines: Vec<&str> = MANIFEST.lines().collect();
    if told == "Add this to the end of bulkhead.toml:" {
        lines.extend(block.lines());
    } else {
        assert!(told.starts_with("Replace line") && told.ends_with("of bulkhead.toml by this:"), "{told}");
        let words = told.split(' ').filter_map(|word| word.parse().ok());
        let numbers: Vec<usize> = words.collect();
        lines.splice(numbers[0] - 1..numbers[numbers.len() - 1], block.lines());
    }
    lines.join("\n")
}

/// How many denials the events of a tenant have under a file.
fn denials(manifest: &str, tenant: &str) -> Vec<usize> {
    let root = TaskRoot::new().with("http").manifest(manifest);
    let dev = Dev::start(&root, &["--no-watch"]);
    dev.running.wait_log("ready:");
    let denied = |event: &&str| {
        let answer = dev.invoke("http", event, &[("x-amz-tenant-id", tenant)]);
        let id = answer.header("x-amzn-requestid").expect("a request id");
        let event = dev.request(&format!("GET /.bulkhead/events/{id}?wait"), &[], "").json();
        event["denials"].as_array().expect("denials").len()
    };
    EVENTS.iter().map(denied).collect()
}

#[test]
fn the_block_can_be_pasted_and_grants_what_was_denied_to_whom_was_chosen() {
    let Some((dev, root, browser)) = page_of(TaskRoot::new().with("http").manifest(MANIFEST), "grants")
    else {
        return;
    };
    for event in EVENTS {
        dev.invoke("http", event, &[("x-amz-tenant-id", "acme")]);
    }
    browser.wait("document.querySelector('#denied-count').textContent === '2'");
    browser.click("#tab-policies");
    browser.wait("document.querySelectorAll('.card .denials li').length === 2 && document.querySelector('.card .grant')");
    browser.survey("policies");
    assert_eq!(denials(MANIFEST, "acme"), [1, 1], "as it is");
    let for_tenant = pasted(&browser, ".card .grant");
    assert_eq!(for_tenant.matches("[tenants.acme.grants]").count(), 1, "{for_tenant}");
    assert_eq!(denials(&for_tenant, "acme"), [0, 0], "{for_tenant}");
    assert_eq!(denials(&for_tenant, "beta"), [1, 1], "only the tenant that asked: {for_tenant}");

    browser.click(".card .switch label:nth-of-type(2) input");
    browser
        .wait("document.querySelector('.card .grant .note').innerText.includes('also those of 2 tenants')");
    let for_handler = pasted(&browser, ".card .grant");
    assert!(for_handler.contains("# nobody listens there"), "what was written stays: {for_handler}");
    assert_eq!(for_handler.matches("allowed_outbound_hosts").count(), 1, "{for_handler}");
    for tenant in ["acme", "beta"] {
        assert_eq!(denials(&for_handler, tenant), [0, 0], "{for_handler}");
    }
    browser.click(".card .grant button");
    browser.wait("document.querySelector('#told').innerText === 'copied'");

    // An event hands out what it was denied, and nothing that another was.
    browser.click("#tab-events");
    let of_event = browser.wait(&row(&["1 denied", "acme"])).to_string();
    open(&browser, &["1 denied", "acme"]);
    let one = browser.text("#details .grant pre");
    assert!(one.contains("127.0.0.0/8") && !one.contains("other.example.com"), "{of_event}: {one}");

    browser.click("#tab-policies");
    root.change("bulkhead.toml", |file| *file = for_handler.into_bytes());
    browser.wait("document.querySelectorAll('.card .denials li.granted').length === 2");
    assert_eq!(browser.read("document.querySelector('.card .grant')"), json!(null));
    assert!(browser.text(".card").contains("This is granted now."));
    browser.click(".card .denials button");
    browser.wait("document.querySelector('#details')?.innerText.includes('bulkhead.toml grants this now.')");
    assert_eq!(browser.read("document.querySelector('#details .grant')"), json!(null));
    browser.finish();
}
