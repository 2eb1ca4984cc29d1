//! Events that are sent from the page, and how it is used without a mouse.

use serde_json::json;

use crate::page::browser::Browser;
use crate::page::{key, page, row};

/// Waits for an answer in the form, and gives it.
fn answer(browser: &Browser) -> String {
    browser.wait("document.querySelector('#send-answer pre, #send-answer .failed')");
    browser.text("#send-answer")
}

#[test]
fn events_are_sent_by_hand_from_a_sample_again_and_edited() {
    let Some((dev, _root, mut browser)) = page("send") else { return };
    browser.click("#compose");
    browser.fill("#send-function", "echo");
    browser.fill("#send-tenant", "by-hand");
    browser.fill("#send-event", r#"{"by":"hand","number":9007199254740993}"#);
    browser.keep("form");
    browser.audit();
    browser.click("#send-now");
    let told = answer(&browser);
    assert!(told.contains("answered") && told.contains("9007199254740993"), "{told}");

    browser.wait("document.querySelectorAll('#send-sample option').length > 150");
    browser.fill("#send-sample", "sqs-event");
    browser.wait("document.querySelector('#send-event').value.includes('eventSourceARN')");
    browser.click("#send-now");
    browser.wait("document.querySelector('#send-answer pre')?.innerText.includes('eventSourceARN')");

    browser.expect("400 (Bad Request)");
    browser.fill("#send-event", "{");
    browser.click("#send-now");
    browser.wait("document.querySelector('#send-answer .failed')?.innerText.includes('Could not parse')");
    browser.press(&[key("escape")]);
    browser.wait("!document.querySelector('#send').open");

    let by_hand = browser.wait(&row(&["echo", "by-hand"]));
    browser.click(&format!("#{}", by_hand.as_str().expect("an id")));
    browser.wait("document.querySelector('[data-keep=again]')");
    browser.click("[data-keep=again]");
    browser.wait("document.querySelectorAll('#rows .row').length === 3");
    browser.wait("document.querySelector('#told').innerText.includes('sent again: answered')");
    browser.click("[data-keep=edit]");
    browser.wait("document.querySelector('#send').open");
    assert_eq!(browser.read("document.querySelector('#send-tenant').value"), json!("by-hand"));
    browser.fill("#send-event", r#"{"edited":true}"#);
    browser.click("#send-now");
    assert!(answer(&browser).contains("\"edited\": true"));
    browser.click("#send-look");
    browser.wait("document.querySelector('#details')?.innerText.includes('\"edited\": true')");

    let events = dev.request("GET /.bulkhead/events", &[], "").json();
    let sent: Vec<_> = events.as_array().expect("events").iter().map(|event| &event["event"]).collect();
    assert_eq!(sent.len(), 4, "{sent:?}");
    assert_eq!(sent[1], sent[2], "the same bytes again");
    assert_eq!(sent[3], &json!(r#"{"edited":true}"#));
    browser.finish();
}

#[test]
fn all_of_it_can_be_reached_by_keys() {
    let Some((dev, _root, browser)) = page("keys") else { return };
    for number in 1..=60 {
        dev.invoke("echo", number.to_string(), &[]);
    }
    browser.wait("document.querySelector('#shown').innerText === '60 events'");
    let event = |browser: &Browser| browser.read("document.querySelector('#rows [aria-selected=true]')?.id");
    let open = |text: &str| format!("document.querySelector('#details pre')?.innerText === '{text}'");
    browser.read("document.querySelector('#list').focus()");
    browser.press(&[key("down")]);
    browser.wait("document.querySelector('#rows [aria-selected=true]')");
    assert_eq!(event(&browser), json!("row-60"));
    browser.press(&[key("down"), key("down"), key("up"), key("enter")]);
    browser.wait(&open("59"));
    assert_eq!(
        browser.read("document.querySelector('#list').getAttribute('aria-activedescendant')"),
        json!("row-59")
    );
    browser.press(&[key("down")]);
    browser.wait(&open("58"));
    browser.press(&[key("end")]);
    browser.wait(&open("1"));
    browser.keep("last-row");
    browser.press(&[key("home")]);
    browser.wait(&open("60"));
    let ring = "getComputedStyle(document.activeElement).outlineStyle + ' ' + document.activeElement.id";
    assert_eq!(browser.read(ring), json!("solid list"), "what has the focus is seen");
    browser.press(&[key("escape")]);
    browser.wait("document.querySelector('#details').hidden && document.activeElement.id === 'list'");
    browser.read("document.querySelector('#tab-events').focus()");
    browser.press(&['\u{e014}']);
    browser.wait("!document.querySelector('#tenants').hidden && document.activeElement.id === 'tab-tenants'");
    browser.press(&['\u{e014}']);
    browser.wait("!document.querySelector('#policies').hidden");
    browser.finish();
}
