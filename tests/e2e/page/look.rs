//! What is seen of events as they come: how they end, what they used, and what was refused to them.

use serde_json::json;

use crate::page::browser::Browser;
use crate::page::{key, page, row};

#[test]
fn events_are_seen_as_they_come_with_what_they_used_and_what_was_refused() {
    let Some((dev, _root, browser)) = page("look") else { return };
    browser.wait("!document.querySelector('#empty').hidden");
    dev.invoke("echo", r#"{"a":[1,{"b":9007199254740993}]}"#, &[]);
    browser.wait(&row(&["Replied", "echo", "invoke"]));
    dev.invoke("ways", r#""panic""#, &[("x-amz-tenant-id", "slow")]);
    browser.wait(&row(&["Function.Panic", "ways", "slow"]));
    dev.invoke("ways", r#""sleep""#, &[("x-amz-tenant-id", "slow")]);
    browser.wait(&row(&["Function.Timeout"]));
    dev.invoke("http", r#"{"url":"https://other.example.com/x"}"#, &[("x-amz-tenant-id", "acme")]);
    let denied = browser.wait(&row(&["acme", "1 denied"]));
    browser.keep("list");
    browser.click(&format!("#{}", denied.as_str().expect("an id")));
    browser.wait("document.querySelector('#details .grant')");
    let details = browser.text("#details");
    for told in [
        "outbound request to https://other.example.com:443 was denied",
        "[handlers.http.max.grants]\nallowed_outbound_hosts = [\"https://other.example.com\"]",
        "1 request, 0 B sent, 0 B received",
        "\"outboundRequests\": 1",
        "Send again",
    ] {
        assert!(details.contains(told), "{told} is not in:\n{details}");
    }
    browser.keep("details");
    browser.press(&[key("escape")]);
    browser.wait("document.querySelector('#details').hidden");
    sums_and_policies(&browser);
    browser.finish();
}

/// What the other two views make of these events.
fn sums_and_policies(browser: &Browser) {
    browser.click("#tab-tenants");
    let tenant = |name: &str| {
        format!(
            "[...document.querySelectorAll('.tenants tbody tr')].find((row) => row.cells[0].innerText === '{name}')?.innerText"
        )
    };
    let slow = browser.wait(&tenant("slow")).to_string();
    assert!(slow.starts_with(r#""slow\t2\t2\t0\t0\t"#), "{slow}");
    assert!(browser.wait(&tenant("acme")).to_string().starts_with(r#""acme\t1\t0\t0\t1\t"#));
    browser.survey("tenants");

    browser.click("#tab-policies");
    browser.wait("document.querySelector('.card[data-handler=http] .grant')");
    let policy = browser.text(".card[data-handler=http]");
    for told in [
        "allowed_outbound_hosts = [\"https://api.example.com\", \"https://other.example.com\"]",
        "was denied in 1 event, of tenant acme",
        "tenant acme",
        "cpu_time",
    ] {
        assert!(policy.contains(told), "{told} is not in:\n{policy}");
    }
    let imported = browser.text(".card[data-handler=ways]");
    assert!(!imported.contains("wasi:cli/environment"), "every Rust program imports it: {imported}");
    assert!(imported.contains("300ms"), "{imported}");
    browser.survey("policies");
    let red = "[...document.querySelectorAll('.card:not([data-handler=http])')].some((card) => card.querySelector('.denials, .failed'))";
    assert_eq!(browser.read(red), json!(false), "red is for what was denied");
    assert_eq!(browser.read("document.querySelector('#denied-count').textContent"), json!("1"));
}
